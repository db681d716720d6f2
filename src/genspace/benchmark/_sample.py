"""People asked about a sample of a benchmark's pictures, and a row corrected by what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from genspace.analysis.counted import ScoreRange
from genspace.analysis.prediction_powered import CorrectedMean, corrected_strata
from genspace.analysis.question import Question
from genspace.analysis.resampling import stream
from genspace.benchmark._folder import Benchmark, write_text
from genspace.benchmark._prompt_list import Task, csv_lines
from genspace.documents import toml_text
from genspace.errors import InputError, did_you_mean
from genspace.gather import evidence_of
from genspace.study import open_study


def draw_sample(
    made: Benchmark,
    out: Path,
    *,
    per_sub_domain: int,
    generators: Sequence[str] | None = None,
    seed: int = 0,
    raters_per_item: int = 3,
) -> int:
    """Make a study of randomly drawn prompts, the same for all generators; return its number of items.

    Prompts are drawn within each sub-domain. Every item has its `stratum` and `weight`: the number of prompts of the
    sub-domain that each drawn prompt represents. If a prompt has several images, the first is used. `genspace annotate
    serve` collects ratings for the study.

    Errors: `InputError` for a folder that is not empty, an unknown generator, and a sub-domain without images.

    >>> import tempfile
    >>> from genspace.benchmark import TaskPrompt, PromptList, create, open_benchmark
    >>> from genspace.geometry.benchmark import own_prompt
    >>> asked = [TaskPrompt.of(own_prompt("t2i", "camera_pose", "front", ["cow"], f"cow-{n}")) for n in range(3)]
    >>> made = create(Path(tempfile.mkdtemp()), [PromptList("t2i", tuple(asked))], ["sdxl"], prompts="three")
    >>> for row in made.rows():
    ...     _ = (made.images / row["image"]).write_bytes(b"pixels")
    >>> draw_sample(open_benchmark(made.root), Path(tempfile.mkdtemp()), per_sub_domain=2)
    2
    """
    from genspace.human_study.design import DESIGN_FILE, write_design

    for name in generators or ():
        if name not in made.generators:
            raise InputError(
                f"`generator` {name!r}: is not a generator of {made.root}{did_you_mean(name, made.generators)}"
            )
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out}: is not empty; take another folder")
    chosen, there = set(generators or made.generators), made.there()
    rows: dict[str, dict[str, list[dict[str, str]]]] = {}
    for row in made.rows():
        if row["generator"] in chosen and row["item_id"] in there:
            rows.setdefault(row["part"], {}).setdefault(row["prompt_id"], []).append(row)
    drawn = []
    for part, by_prompt in rows.items():
        n = min(per_sub_domain, len(by_prompt))
        picked = stream(seed, "sample of a benchmark", part).choice(len(by_prompt), size=n, replace=False)
        prompts = [list(by_prompt.values())[i] for i in sorted(picked)]
        for images in prompts:
            first: dict[str, dict[str, str]] = {}
            for row in images:
                first.setdefault(row["generator"], row)
            drawn += [
                {**row, "stratum": part, "weight": f"{len(by_prompt) / n:.6g}"} for row in first.values()
            ]
    if not drawn:
        raise InputError(
            f"{made.root}: there are no pictures to ask people about (genspace benchmark status)"
        )
    write_text(out / "items.csv", lambda: csv_lines(drawn))
    pictures = str(made.images.resolve()).replace("\\", "/")
    said = {"name": out.resolve().name, "images": pictures, "sampling": "stratified", "breakdowns": ["part"]}
    write_text(out / "study.toml", lambda: [toml_text(said)])
    write_design(out / DESIGN_FILE, title="Pictures and words", raters_per_item=raters_per_item)
    return len(drawn)


def corrected_rows(
    made: Benchmark, people: Path, judges: Sequence[str], *, confidence: float = 0.95
) -> Mapping[tuple[str, str, Task], CorrectedMean]:
    r"""Estimate, by generator, judge and task, the share of "yes" that people would give to all images of the row.

    The sample's ratings correct the judge's share of passes (for a judge without decisions, its mean score). Unmeasured
    items count as misses before the correction, so no assumption about them is needed. Cells are not corrected.

    Args:
        made: The benchmark's folder, judged.
        people: The rated study that `draw_sample` made.
        judges: Which judges.
        confidence: Of the intervals.

    Errors: `InputError` if the study is not a sample of this folder.

    >>> import tempfile
    >>> from genspace.benchmark import TaskPrompt, PromptList, create, open_benchmark
    >>> from genspace.geometry.benchmark import own_prompt
    >>> from genspace.records import Verdict
    >>> from genspace.store import JudgeStore
    >>> asked = [TaskPrompt.of(own_prompt("t2i", "camera_pose", "front", ["cow"], f"cow-{n}")) for n in range(80)]
    >>> made = create(Path(tempfile.mkdtemp()), [PromptList("t2i", tuple(asked))], ["sdxl"], prompts="eighty")
    >>> with JudgeStore(made.root, "clip").writer() as writer:
    ...     for row in made.rows():
    ...         _ = (made.images / row["image"]).write_bytes(b"pixels")
    ...         _ = writer.write(Verdict(item_id=row["item_id"], score=0.9, passed=True))
    >>> made, people = open_benchmark(made.root), Path(tempfile.mkdtemp())
    >>> _ = draw_sample(made, people, per_sub_domain=60)
    >>> ids = open_study(people).items["item_id"]
    >>> rows = "".join(f"{item},ann,{n % 2}\n" for n, item in enumerate(ids))
    >>> _ = (people / "annotations.csv").write_text("item_id,rater_id,value\n" + rows)
    >>> corrected_rows(made, people, ["clip"])["sdxl", "clip", "t2i"].corrected.value
    0.5
    """
    asked = Question.of(evidence_of(open_study(people))).singles
    said = dict(zip(asked.units["item_id"], asked.people.on_unit_scale, strict=True))
    if "stratum" not in asked.units:
        raise InputError(
            f"{people}: is not a sample of a benchmark: its items have no stratum (genspace benchmark sample)"
        )
    if not np.isfinite(asked.people.mean).any():
        raise InputError(f"{people}: nobody has answered yet (genspace annotate serve {people})")
    units = Question.of(evidence_of(made.study)).singles
    ids = units.units["item_id"]
    if unknown := sorted(set(said) - set(ids)):
        raise InputError(f"{people}: {unknown[0]} is not an item of {made.root} ({len(unknown)} such items)")
    ratings = np.array([said.get(i, np.nan) for i in ids])
    task_column, part = units.column("task"), units.column("part")
    found = {}
    for name in judges:
        judge = units.judges[name]
        limits = ScoreRange(share=True) if judge.has_labels else ScoreRange.of(judge)
        values = judge.passed if judge.has_labels else judge.score
        values = np.where(np.isfinite(values), values, limits.worst)
        for code, generator in enumerate(units.generators):
            for task in made.lists:
                own = (units.generator == code) & (task_column == task)
                strata = np.unique(part[own].astype(str), return_inverse=True)[1]
                found[generator, name, task] = corrected_strata(
                    ratings[own], values[own], units.prompt[own], strata, confidence=confidence
                )
    return found
