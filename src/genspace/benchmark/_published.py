"""Rows of the GenSpace table as papers print them: one number a sub-domain, without counts."""

from __future__ import annotations

from pathlib import Path

from genspace.analysis.reasons import Reason
from genspace.benchmark._prompt_list import TASKS, Task
from genspace.benchmark._table import MadeOf, Row, TableCell, TaskFigures
from genspace.errors import Problem, refuse
from genspace.geometry.benchmark import released_variants
from genspace.tables import read_table

PUBLISHED = "published"
"""What stands for the judge of a row that was typed from a paper."""
UNKNOWN = Reason("published_alone")


def read_published(path: Path) -> list[Row]:
    r"""Read rows from a table with `generator`, `task` (t2i or edit) and one column per sub-domain, in per cent.

    Cells may be empty. The number of images behind a figure, and which were skipped, is unknown. Each figure is
    therefore the mean of what was measured; it has no rank and no bounds.

    Errors: `InvalidFilesError` listing each problem by row and column.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "paper.csv"
    >>> _ = path.write_text("generator,task,camera_pose\nsdxl,t2i,40\nflux,t2i,60\n")
    >>> [(row.generator, row.tasks["t2i"].cells["camera_pose"].score.left_out.value) for row in read_published(path)]
    [('sdxl', 0.4), ('flux', 0.6)]
    """
    frame = read_table(path).frame
    problems = [
        Problem(str(path), "the column is missing", field=name)
        for name in ("generator", "task")
        if name not in frame
    ]
    rows = []
    for line, cells in enumerate(() if problems else frame.to_dict("records"), start=2):
        task = cells["task"]
        if task not in TASKS:
            problems.append(Problem(str(path), "expected t2i or edit", row=line, field="task", value=task))
            continue
        domains = list(dict.fromkeys(domain for domain, _ in released_variants(task)))
        values = {}
        for domain in domains:
            text = str(cells.get(domain, ""))
            values[domain] = _share(text)
            if text and values[domain] is None:
                problems.append(
                    Problem(str(path), "expected per cent, 0 to 100", row=line, field=domain, value=text)
                )
        if not any(v is not None for v in values.values()):
            problems.append(Problem(str(path), f"no column holds a figure: {', '.join(domains)}", row=line))
        rows.append(_row(str(cells["generator"]), task, values, path.name))
    refuse(problems)
    return rows


def _share(text: str) -> float | None:
    try:
        share = float(text) / 100
    except ValueError:
        return None
    return share if 0 <= share <= 1 else None


def _row(generator: str, task: Task, values: dict[str, float | None], source: str) -> Row:
    known = [value for value in values.values() if value is not None]
    mean = sum(known) / len(known) if len(known) == len(values) else None
    figures = TaskFigures(
        cells={domain: TableCell.measured(value, UNKNOWN) for domain, value in values.items()},
        mean=TableCell.measured(mean, UNKNOWN),
        variants=(),
        made_of=MadeOf(
            genspace="",
            python="",
            prompts=source,
            prompts_sha256="",
            judge_fingerprint="",
            verdicts_sha256="",
        ),
    )
    return Row(generator=generator, judge=PUBLISHED, confidence=0.95, tasks={task: figures})
