"""A benchmark's generators compared two by two, and which judge would have ordered them otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from genspace.analysis.counted import ScoreRange
from genspace.analysis.generator_pairs import GeneratorPair, Side, compare_pairs
from genspace.analysis.question import JudgeScores, Question, Units
from genspace.benchmark._folder import Benchmark
from genspace.benchmark._prompt_list import Task
from genspace.benchmark._table import Row, judged_by
from genspace.columns import positions
from genspace.display import Displayed
from genspace.errors import InputError
from genspace.gather import evidence_of


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorComparison(Displayed):
    """All pairs of generators in one task, compared by one judge's scores.

    >>> GeneratorComparison(judge="clip", task="t2i", pairs=()).judge
    'clip'
    """

    judge: str
    task: Task
    pairs: tuple[GeneratorPair, ...]
    """Each sub-domain, and the mean of the sub-domains as in a row; one family of tests."""


@dataclass(frozen=True, slots=True)
class Otherwise(Displayed):
    """Two generators that two judges rank in opposite order.

    >>> Otherwise("t2i", "sdxl", "flux", before="clip", behind="vlm").behind
    'vlm'
    """

    task: Task
    first: str
    second: str
    before: str
    """The judge that has the first before the second."""
    behind: str


def compare_generators(
    made: Benchmark, judges: Sequence[str] | None = None, *, confidence: float = 0.95
) -> list[GeneratorComparison]:
    """Compare a folder's generators by their mean scores, paired by prompt.

    Errors: `InputError` for a judge without verdicts, and for a single generator.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from genspace.benchmark import TaskPrompt, PromptList, create
    >>> from genspace.geometry.benchmark import own_prompt
    >>> from genspace.records import Verdict
    >>> from genspace.store import JudgeStore
    >>> cow, cat = (TaskPrompt.of(own_prompt("t2i", "camera_pose", "front", [name], name)) for name in ("cow", "cat"))
    >>> made = create(Path(tempfile.mkdtemp()), [PromptList("t2i", (cow, cat))], ["sdxl", "flux"], prompts="two")
    >>> with JudgeStore(made.root, "clip").writer() as writer:
    ...     for row, score in zip(made.rows(), (0.9, 0.7, 0.5, 0.25)):
    ...         _ = writer.write(Verdict(item_id=row["item_id"], score=score))
    >>> pair = compare_generators(made)[0].pairs[-1]
    >>> pair.first, pair.second, pair.cell, round(pair.difference.value, 3), pair.claim
    ('flux', 'sdxl', 'mean', -0.425, 'open')
    """
    evidence = evidence_of(made.study)
    judges = judged_by(made, evidence, judges)
    units = Question.of(evidence).singles
    if len(units.generators) < 2:
        raise InputError(
            f"{made.root}: holds one generator; a comparison needs two (genspace benchmark init adds one)"
        )
    return [
        GeneratorComparison(
            judge=name,
            task=task,
            pairs=tuple(compare_pairs(_cells(units, units.judges[name], task), confidence=confidence)),
        )
        for name in judges
        for task in made.lists
    ]


def _cells(units: Units, judge: JudgeScores, task: Task) -> list[tuple[str, list[Side]]]:
    limits = ScoreRange.of(judge)
    misses, passes = (
        np.where(np.isfinite(judge.score), judge.score, end) * judge.direction
        for end in (limits.worst, limits.best)
    )
    of_task, domain = units.column("task") == task, units.column("sub_domain")
    domains = list(dict.fromkeys(domain[of_task]))
    group = positions(units.units["sub_domain"], domains)
    cells = []
    for name in [*domains, "mean"]:
        rows = of_task if name == "mean" else of_task & (domain == name)
        sides = []
        for code, generator in enumerate(units.generators):
            own = rows & (units.generator == code)
            groups = group[own] if name == "mean" else None
            sides.append(Side(generator, units.prompt[own], misses[own], passes[own], groups))
        cells.append((str(name), sides))
    return cells


def ordered_otherwise(rows: Sequence[Row]) -> list[Otherwise]:
    """Return the pairs of generators that two judges rank in opposite order by mean score.

    >>> from genspace.analysis import Estimate
    >>> from genspace.analysis.counted import ThreeFigures
    >>> from genspace.benchmark import TableCell, MadeOf, TaskFigures
    >>> from dataclasses import fields
    >>> def row(judge, generator, mean):
    ...     score = Estimate(mean)
    ...     cell = TableCell(score=ThreeFigures(as_misses=score, left_out=score, as_passes=score), accuracy=None)
    ...     source = MadeOf(**{field.name: "" for field in fields(MadeOf)})
    ...     tasks = {"t2i": TaskFigures(cells={}, mean=cell, variants=(), made_of=source)}
    ...     return Row(generator=generator, judge=judge, confidence=0.95, tasks=tasks)
    >>> rows = [row("clip", "sdxl", 0.6), row("clip", "flux", 0.5), row("vlm", "sdxl", 0.2), row("vlm", "flux", 0.3)]
    >>> [(found.first, found.before, found.behind) for found in ordered_otherwise(rows)]
    [('sdxl', 'clip', 'vlm')]
    """
    scores: dict[Task, dict[str, dict[str, float]]] = {}
    for row in rows:
        for task, figures in row.tasks.items():
            value = figures.mean.score.as_misses.value
            if value is not None:
                scores.setdefault(task, {}).setdefault(row.judge, {})[row.generator] = value
    found = []
    for task, by_judge in scores.items():
        for one, other in combinations(by_judge, 2):
            mine, theirs = by_judge[one], by_judge[other]
            for a, b in combinations([g for g in mine if g in theirs], 2):
                if (mine[a] - mine[b]) * (theirs[a] - theirs[b]) < 0:
                    first, second = (a, b) if mine[a] > mine[b] else (b, a)
                    found.append(Otherwise(task, first, second, one, other))
    return found
