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

__all__ = ["corrected_rows", "draw_sample"]


def draw_sample(
    made: Benchmark,
    out: Path,
    *,
    per_sub_domain: int,
    generators: Sequence[str] | None = None,
    seed: int = 0,
    raters_per_item: int = 3,
) -> int:
    """Make a study of prompts drawn at random within each sub-domain, the same for all generators; return its items.

    Every item keeps its `stratum` and `weight`: how many prompts of the sub-domain each drawn one stands for. Of
    several images of a prompt the first is shown. `genspace annotate serve` asks people about it.

    Errors: `InputError` for a folder that is not empty, an unknown generator, and for a sub-domain without pictures.
    """
    from genspace.human_study.design import DESIGN_FILE, write_design

    for name in generators or ():
        if name not in made.generators:
            raise InputError(
                f"`generator` {name!r}: is no generator of {made.root}{did_you_mean(name, made.generators)}"
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
    """Return, by generator, judge and task, the share of yes that people would give to the row, never to a cell.

    The sample's answers correct the judge's share of passes (of a judge that only scores, its mean score); what it did
    not measure counts as a miss before the correction, which therefore needs no assumption about it.

    Args:
        made: The benchmark's folder, judged.
        people: The study that `draw_sample` made, answered.
        judges: Which judges.
        confidence: Of the intervals.

    Errors: `InputError` where the study is no sample of this folder.
    """
    asked = Question.of(evidence_of(open_study(people))).singles
    said = dict(zip(asked.units["item_id"], asked.people.mean, strict=True))
    if "stratum" not in asked.units:
        raise InputError(
            f"{people}: is no sample of a benchmark: its items have no stratum (genspace benchmark sample)"
        )
    if not np.isfinite(asked.people.mean).any():
        raise InputError(f"{people}: nobody has answered yet (genspace annotate serve {people})")
    units = Question.of(evidence_of(made.study)).singles
    ids = units.units["item_id"]
    if unknown := sorted(set(said) - set(ids)):
        raise InputError(f"{people}: {unknown[0]} is no item of {made.root} ({len(unknown)} such items)")
    low, high = asked.people.scale or (0.0, 1.0)
    ratings = (np.array([said.get(i, np.nan) for i in ids]) - low) / ((high - low) or 1.0)
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
