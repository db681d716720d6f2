"""Rows of the GenSpace table: what each judge says of each generator, by task and sub-domain."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from genspace._version import __version__
from genspace.analysis import Estimate
from genspace.analysis.counted import Place, ScoreRange, ThreeFigures, judge_figures, places
from genspace.analysis.question import JudgeScores, Question, Units
from genspace.analysis.reasons import Reason
from genspace.archives import sha256_of
from genspace.benchmark._folder import Benchmark
from genspace.benchmark._prompt_list import TASKS, Task
from genspace.display import Displayed
from genspace.documents import from_dict, to_dict
from genspace.errors import InputError, did_you_mean, file_errors
from genspace.gather import evidence_of
from genspace.geometry.benchmark import released_variants
from genspace.records import JsonValue
from genspace.store import JudgeStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from genspace.evidence import Evidence

ROUNDING = 1e-9
EDITS = 32
"""Folders of the released code's edits; those that keep a relation have a script of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCell(Displayed):
    """Figures of one sub-domain of a task, or of the mean of its sub-domains.

    >>> TableCell.measured(0.4, Reason("published_alone")).score.left_out.value
    0.4
    """

    score: ThreeFigures
    """Mean score."""
    accuracy: ThreeFigures | None
    """Share that passed; None for a judge that only scores."""

    @classmethod
    def measured(cls, value: float | None, reason: Reason) -> TableCell:
        """Make a cell that only knows the mean of what was measured, with the reason why."""
        unknown = Estimate.undefined(reason)
        known = unknown if value is None else Estimate(value, reason=reason)
        return cls(score=ThreeFigures(as_misses=unknown, left_out=known, as_passes=unknown), accuracy=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeOf(Displayed):
    """The inputs of a task's figures.

    >>> known = {"prompts_sha256": "", "judge_fingerprint": "", "verdicts_sha256": ""}
    >>> MadeOf(genspace="0.1.0", python="3.11.7", prompts="version 1", **known).prompts
    'version 1'
    """

    genspace: str
    python: str
    prompts: str
    """Which prompts, in words."""
    prompts_sha256: str
    judge_fingerprint: str
    """Digest of everything that can change the judge's answer; "" for scores made elsewhere."""
    verdicts_sha256: str
    """Digest of the verdicts on the generator's items, whatever their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantCounts(Displayed):
    """The released code's report on one folder, such as `t2i/12`; skipped images are not in its denominators.

    >>> counted = {"all": 50, "counted": 40, "correct": 30, "acc": 0.75, "scores_avg": 0.7}
    >>> counts = VariantCounts(index="12", sub_domain="allocentric", variant="front", **counted)
    >>> counts.all - counts.counted
    10
    """

    index: str
    """Its number there; of edits that keep a relation "CR 0" to "CR 3"."""
    sub_domain: str
    variant: str
    all: int
    """Images that the judge was asked about."""
    counted: int
    """Those that it did not skip."""
    correct: int
    acc: float
    """correct / counted; 0 where nothing was counted, as the released code has it."""
    scores_avg: float
    """Mean score of those counted; 0 where there are none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFigures(Displayed):
    r"""A generator's figures of one task.

    >>> import tempfile
    >>> from genspace.benchmark import read_published
    >>> path = Path(tempfile.mkdtemp()) / "paper.csv"
    >>> _ = path.write_text("generator,task,camera_pose\nsdxl,t2i,40\nflux,t2i,60\n")
    >>> rows = read_published(path)
    >>> list(rows[0].tasks["t2i"].cells)[:3]
    ['camera_pose', 'object_pose', 'intrinsic']
    """

    cells: Mapping[str, TableCell]
    """By sub-domain, in the benchmark's order."""
    mean: TableCell
    variants: tuple[VariantCounts, ...]
    """As the released code counts, by its index."""
    made_of: MadeOf


@dataclass(frozen=True, slots=True, kw_only=True)
class Row(Displayed):
    r"""The figures of one generator according to one judge.

    >>> import tempfile
    >>> from genspace.benchmark import read_published
    >>> path = Path(tempfile.mkdtemp()) / "paper.csv"
    >>> _ = path.write_text("generator,task,camera_pose\nsdxl,t2i,40\nflux,t2i,60\n")
    >>> rows = read_published(path)
    >>> rows[1].generator, rows[1].judge
    ('flux', 'published')
    """

    generator: str
    judge: str
    confidence: float
    tasks: Mapping[Task, TaskFigures]
    schema: Literal["genspace-benchmark-row/1"] = "genspace-benchmark-row/1"


def rows_of(
    made: Benchmark,
    judges: Sequence[str] | None = None,
    *,
    confidence: float = 0.95,
) -> list[Row]:
    """Compute a row per generator and judge from the verdicts in a benchmark's folder.

    Every prompt counts, including those without an image or a verdict: what was not measured counts as a miss, is left
    out, or counts as a pass (`genspace.analysis.counted`). Intervals are over prompts.

    Args:
        made: The folder.
        judges: Which judges or metrics; None: all with verdicts.
        confidence: Of the intervals.

    Errors: `InputError` for a judge without verdicts here.

    >>> import tempfile
    >>> from genspace.benchmark import TaskPrompt, PromptList, create
    >>> from genspace.geometry.benchmark import own_prompt
    >>> from genspace.records import Verdict
    >>> cow, cat = (TaskPrompt.of(own_prompt("t2i", "camera_pose", "front", [name], name)) for name in ("cow", "cat"))
    >>> made = create(Path(tempfile.mkdtemp()), [PromptList("t2i", (cow, cat))], ["sdxl"], prompts="two")
    >>> with JudgeStore(made.root, "vlm").writer() as writer:
    ...     for row, passed in zip(made.rows(), (True, False)):
    ...         _ = writer.write(Verdict(item_id=row["item_id"], score=float(passed), passed=passed))
    >>> [(row.generator, row.judge, row.tasks["t2i"].mean.accuracy.as_misses.value) for row in rows_of(made)]
    [('sdxl', 'vlm', 0.5)]
    """
    evidence = evidence_of(made.study)
    judges = judged_by(made, evidence, judges)
    units = Question.of(evidence).singles
    units = replace(units, units=units.units[["item_id", "task", "sub_domain", "variant"]])
    task_of = units.column("task")
    of_prompts = {task: sha256_of(made.root / "prompts" / f"{task}.csv") for task in made.lists}
    rows = []
    for name in judges:
        judge, mark = units.judges[name], JudgeStore(made.root, name).newest() or ""
        scores = ScoreRange.of(judge)
        for code, generator in enumerate(units.generators):
            tasks: dict[Task, TaskFigures] = {}
            for task, asked in made.lists.items():
                at = np.flatnonzero((units.generator == code) & (task_of == task))
                some = units.take(at)
                part = _JudgedTask(some, some.judges[name], judge.has_labels, scores, confidence)
                cells, mean = part.figures(list(dict.fromkeys(a.sub_domain for a in asked.asked)))
                tasks[task] = TaskFigures(
                    cells=cells,
                    mean=mean,
                    variants=tuple(part.variants(task)),
                    made_of=MadeOf(
                        genspace=__version__,
                        python=platform.python_version(),
                        prompts=made.prompts,
                        prompts_sha256=of_prompts[task],
                        judge_fingerprint=mark,
                        verdicts_sha256=part.verdicts_digest(),
                    ),
                )
            rows.append(Row(generator=generator, judge=name, confidence=confidence, tasks=tasks))
    return rows


def judged_by(made: Benchmark, evidence: Evidence, judges: Sequence[str] | None) -> Sequence[str]:
    """Return the judges that are asked for, by default all. Errors: `InputError` for one without verdicts."""
    for name in judges or ():
        if name not in evidence.judges:
            known = did_you_mean(name, evidence.judges)
            raise InputError(f"`judge` {name}: has no verdicts in {made.root}{known}")
    return judges or evidence.judges


@dataclass(frozen=True, eq=False)
class _JudgedTask:
    """What a judge said of one generator's items of one task."""

    units: Units
    judge: JudgeScores
    labelled: bool
    """Whether the judge decides; of these items it may have decided none."""
    scores: ScoreRange
    confidence: float

    def figures(self, domains: Sequence[str]) -> tuple[Mapping[str, TableCell], TableCell]:
        """Return the figures of each sub-domain, and their mean."""
        code = np.array([domains.index(d) for d in self.units.column("sub_domain")], dtype=np.int64)
        every = np.ones(len(code), dtype=bool)
        return {domain: self._cell(code == i) for i, domain in enumerate(domains)}, self._cell(every, code)

    def _cell(self, rows: NDArray[np.bool_], groups: NDArray[np.int64] | None = None) -> TableCell:
        found = judge_figures(
            self.judge,
            rows,
            self.units.prompt,
            scores=self.scores,
            labelled=self.labelled,
            cell=groups,
            confidence=self.confidence,
        )
        return TableCell(score=found.score, accuracy=found.accuracy)

    def variants(self, task: Task) -> Iterator[VariantCounts]:
        """Yield what the released code reports, by its index."""
        asked, decided = self.judge.status != "missing", self.judge.status == "decided"
        domains, words = self.units.column("sub_domain"), self.units.column("variant")
        for number, (domain, word) in enumerate(released_variants(task)):
            rows = (domains == domain) & (words == word) & asked
            counted = rows & decided
            n, correct = int(counted.sum()), int(np.nansum(self.judge.passed[counted]))
            yield VariantCounts(
                index=f"CR {number - EDITS}" if task == "edit" and number >= EDITS else str(number),
                sub_domain=domain,
                variant=word,
                all=int(rows.sum()),
                counted=n,
                correct=correct,
                acc=correct / n if n else 0.0,
                scores_avg=float(np.nansum(self.judge.score[counted])) / n if n else 0.0,
            )

    def verdicts_digest(self) -> str:
        """Return a digest of the verdicts, whatever their order."""
        judge = self.judge
        said = (self.units.column("item_id"), judge.status, judge.score.tolist(), judge.passed.tolist())
        lines = sorted("\t".join(map(str, row)) for row in zip(*said, strict=True))
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def row_places(rows: Sequence[Row], task: Task) -> dict[int, Place]:
    """Rank each row among the generators of the same judge by the mean score of a task.

    >>> from genspace.benchmark import rows_of, create, TaskPrompt, PromptList
    >>> import tempfile
    >>> from genspace.geometry.benchmark import own_prompt
    >>> from genspace.records import Verdict
    >>> cow, cat = (TaskPrompt.of(own_prompt("t2i", "camera_pose", "front", [name], name)) for name in ("cow", "cat"))
    >>> made = create(Path(tempfile.mkdtemp()), [PromptList("t2i", (cow, cat))], ["sdxl", "flux"], prompts="two")
    >>> with JudgeStore(made.root, "clip").writer() as writer:
    ...     for row, score in zip(made.rows(), (0.9, 0.7, 0.5, 0.25)):
    ...         _ = writer.write(Verdict(item_id=row["item_id"], score=score))
    >>> rows = rows_of(made)
    >>> {rows[at].generator: place.rank for at, place in row_places(rows, "t2i").items()}
    {'flux': 2, 'sdxl': 1}
    """
    found: dict[int, Place] = {}
    for judge in dict.fromkeys(row.judge for row in rows):
        at = [i for i, row in enumerate(rows) if row.judge == judge and task in row.tasks]
        found |= dict(zip(at, places([rows[i].tasks[task].mean.score for i in at]), strict=True))
    return found


def read_rows(path: Path) -> list[Row]:
    r"""Read the rows of a JSON file: one row, or a table of several.

    Errors: `InputError` for a file that cannot be read or has no rows.

    >>> import tempfile
    >>> from genspace.benchmark import read_published
    >>> path = Path(tempfile.mkdtemp()) / "paper.csv"
    >>> _ = path.write_text("generator,task,camera_pose\nsdxl,t2i,40\nflux,t2i,60\n")
    >>> rows = read_published(path)
    >>> file = path.with_suffix(".json")
    >>> _ = file.write_text(json.dumps({"rows": [to_dict(row) for row in rows]}))
    >>> read_rows(file) == rows
    True
    """
    try:
        with file_errors(path, "read"):
            document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path}: is not JSON: {error}") from None
    rows = document.get("rows") if isinstance(document, dict) and "rows" in document else [document]
    found = []
    for row in rows if isinstance(rows, list) else ():
        if not isinstance(row, dict) or row.get("schema") != "genspace-benchmark-row/1":
            raise InputError(
                f"{path}: holds no row of a benchmark (genspace benchmark table --out writes them)"
            )
        try:
            found.append(from_dict(Row, row))
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
    return found


def in_one(rows: Sequence[Row]) -> list[Row]:
    r"""Join rows of the same generator and judge that have different tasks, such as rows from one folder per task.

    Errors: `InputError` if two rows have the same task, generator and judge.

    >>> import tempfile
    >>> from genspace.benchmark import read_published
    >>> path = Path(tempfile.mkdtemp()) / "paper.csv"
    >>> _ = path.write_text("generator,task,camera_pose\nsdxl,t2i,40\nsdxl,edit,30\n")
    >>> [list(row.tasks) for row in in_one(read_published(path))]
    [['t2i', 'edit']]
    """
    joined: dict[tuple[str, str], Row] = {}
    for row in rows:
        key = row.generator, row.judge
        there = joined.get(key)
        if there is None:
            joined[key] = row
            continue
        if twice := there.tasks.keys() & row.tasks.keys():
            raise InputError(f"{row.generator}, judge {row.judge}: two rows hold {', '.join(sorted(twice))}")
        both = {**there.tasks, **row.tasks}
        tasks = {task: both[task] for task in TASKS if task in both}
        joined[key] = replace(there, tasks=tasks)
    return list(joined.values())


def differences(row: Row, again: Sequence[Row]) -> list[str]:
    r"""Compare a row with the same row computed again; return one line per difference.

    Differences below 1e-9 count as rounding. The Python version is not compared.

    >>> import tempfile
    >>> from genspace.benchmark import read_published
    >>> path = Path(tempfile.mkdtemp()) / "paper.csv"
    >>> _ = path.write_text("generator,task,camera_pose\nsdxl,t2i,40\nflux,t2i,60\n")
    >>> rows = read_published(path)
    >>> differences(rows[0], [replace(rows[0], confidence=0.9)])
    ['sdxl, judge published: confidence is 0.95 in the row, 0.9 by the verdict files']
    """
    own = next((r for r in again if (r.generator, r.judge) == (row.generator, row.judge)), None)
    name = f"{row.generator}, judge {row.judge}"
    if own is None:
        return [f"{name}: the folders hold no verdicts of this judge on this generator"]
    return [
        f"{name}: {line}" for line in _unlike(to_dict(row), to_dict(own), "") if "made_of.python" not in line
    ]


def _unlike(one: JsonValue, other: JsonValue, where: str) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        for key in dict.fromkeys((*one, *other)):
            yield from _unlike(one.get(key), other.get(key), f"{where}.{key}".lstrip("."))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, pair in enumerate(zip(one, other, strict=True)):
            yield from _unlike(*pair, f"{where}[{place}]")
    elif isinstance(one, float | int) and isinstance(other, float | int):
        if abs(one - other) > ROUNDING:
            yield f"{where} is {one!r} in the row, {other!r} by the verdict files"
    elif one != other:
        yield f"{where} is {one!r} in the row, {other!r} by the verdict files"
