"""Promised power against studies drawn and tested by other code, for each kind of answers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata, spearmanr, t

from genspace.analysis.power import Assumptions, JudgeAnswers, simulate_power

RUNS, PLANNED = 1500, 1500
EACH, RATERS = 4, 3
LARGE = 400_000
"""Items from which the assumptions are read."""
SHARED = 0.5
"""Share of each variance that items of one prompt share."""


@dataclass(frozen=True)
class Cell:
    """One kind of study, stated by the normal variables underneath."""

    name: str
    prompts: int
    quality: float
    """Correlation of a rater's variable with true quality."""
    judges: tuple[float, float]
    """Correlation of each judge's variable with true quality."""
    cuts: tuple[float, ...] = ()
    """Where a rater's variable is cut into levels."""
    yes_from: float | None = None
    """Where a judge's variable is cut into no and yes; None: it gives scores."""
    pairs: bool = False


CELLS = (
    Cell("yes or no, graded judges, ROC AUC", 60, 0.7, (0.75, 0.55), cuts=(-0.2,)),
    Cell("yes or no, yes/no judges, ROC AUC", 60, 0.7, (0.85, 0.65), cuts=(-0.2,), yes_from=-0.2),
    Cell("12 % yes, yes/no judges, ROC AUC", 100, 0.8, (0.85, 0.6), cuts=(1.2,), yes_from=1.2),
    Cell("five levels, graded judges, Spearman", 60, 0.75, (0.7, 0.55), cuts=(-1.5, -0.5, 0.3, 1.2)),
    Cell("five levels, yes/no judges, Spearman", 80, 0.75, (0.8, 0.6), cuts=(-1.5, -0.5, 0.3, 1.2), yes_from=0.0),
    Cell("continuous, graded judges, Spearman", 60, 0.7, (0.7, 0.55)),
    Cell("pairs, agreement on pairs", 60, 0.7, (0.8, 0.6), cuts=(0.0,), pairs=True),
)  # fmt: skip


def drawn(cell: Cell, rng: np.random.Generator, prompts: int, raters: int) -> tuple[np.ndarray, np.ndarray]:
    """(n, 2) answers of the judges and (n, raters) ratings."""
    n = prompts * EACH

    def normal() -> np.ndarray:
        return np.sqrt(SHARED) * np.repeat(rng.normal(size=prompts), EACH) + np.sqrt(1 - SHARED) * rng.normal(
            size=n
        )

    quality = normal()
    judges = np.column_stack([r * quality + math.sqrt(1 - r * r) * normal() for r in cell.judges])
    said = cell.quality * quality[:, None] + math.sqrt(1 - cell.quality**2) * rng.normal(size=(n, raters))
    if cell.cuts:
        said = sum((said > cut).astype(float) for cut in cell.cuts)
    if cell.pairs:
        return np.sign(judges), said
    return (judges if cell.yes_from is None else (judges > cell.yes_from).astype(float)), said


def assumed(cell: Cell) -> Assumptions:
    """What a researcher would state of such a study, counted in a very large one."""
    rng = np.random.default_rng(0)
    judges, said = drawn(cell, rng, LARGE // EACH, 40)
    mean = said.mean(axis=1)
    between = float(np.corrcoef(judges.T)[0, 1])
    reliability = float(np.corrcoef(said[:, 0], said[:, 1])[0, 1])
    if cell.pairs:
        # Very many raters prefer the item of higher quality: the signs of two normal variables (Sheppard 1899).
        agreement = tuple(0.5 + math.asin(r) / math.pi for r in cell.judges)
    else:
        ceiling = math.sqrt(40 * reliability / (1 + 39 * reliability))
        agreement = tuple(float(np.corrcoef(judges[:, j], mean)[0, 1]) / ceiling for j in (0, 1))
    shares = None
    if cell.cuts and not cell.pairs:
        shares = tuple((np.bincount(said[:, 0].astype(int)) / len(said)).tolist())
    kind: JudgeAnswers = "graded" if cell.yes_from is None else "yes-no"
    return Assumptions(
        reliability=reliability,
        agreement=(agreement[0], agreement[1]),
        between=None if cell.pairs else between,
        prompt_share=SHARED,
        per_prompt=EACH,
        shares=shares,
        judges=kind,
        pairs=cell.pairs,
    )  # fmt: skip


def area(target: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve, by the sum of ranks."""
    yes = target == 1
    count = int(yes.sum())
    ranks = float(rankdata(score)[yes].sum())
    return (ranks - count * (count + 1) / 2) / (count * (len(target) - count))


def preferred(target: np.ndarray, lean: np.ndarray) -> float:
    """Share of the pairs that people separate on which the judge prefers the same item."""
    apart = target != 0.5
    return float(((lean > 0) == (target > 0.5))[apart].mean())


def correlated(target: np.ndarray, score: np.ndarray) -> float:
    return float(spearmanr(target, score).statistic)


def rejected(cell: Cell, seed: int) -> bool:
    """Whether one study finds the judges different: a jackknife of prompts, written out."""
    judges, said = drawn(cell, np.random.default_rng([CELLS.index(cell), seed]), cell.prompts, RATERS)
    target = said.mean(axis=1)
    figure: Callable[[np.ndarray, np.ndarray], float] = correlated
    if cell.pairs:
        figure = preferred
    elif len(cell.cuts) == 1:
        figure, target = area, (target > 0.5).astype(float)
    prompt = np.arange(len(target)) // EACH

    def lead(rows: np.ndarray) -> float:
        return figure(target[rows], judges[rows, 0]) - figure(target[rows], judges[rows, 1])

    without = np.array([lead(prompt != left) for left in range(cell.prompts)])
    error = math.sqrt((cell.prompts - 1) * float(without.var()))
    return bool(2 * t.sf(abs(lead(prompt >= 0)) / error, cell.prompts - 1) <= 0.05)


def rows(runs: int = RUNS, planned: int = PLANNED) -> Iterator[str]:
    """Promised and realised power; raises AssertionError where they differ by more than chance."""
    for cell in CELLS:
        (promise,) = simulate_power(assumed(cell), prompts=cell.prompts, raters=[RATERS], studies=planned)
        promised = promise.power.value
        assert promised is not None
        found = sum(rejected(cell, seed) for seed in range(runs)) / runs
        error = math.sqrt(promised * (1 - promised) * (1 / runs + 1 / planned))
        assert abs(found - promised) < 3 * error + 0.01, (cell.name, promised, found)
        yield f"| {cell.name} | {cell.prompts} | {promised:.3f} | {found:.3f} |"


def main() -> str:
    """Return the section; raise AssertionError where a promise is not kept."""
    told = (
        f"Power that `genspace annotate plan` promises ({PLANNED:,} simulated studies), and the share of {RUNS:,} studies "
        f"that find the two judges different, drawn and tested by other code. {EACH} items a prompt, {RATERS} raters; half "
        "of each variance is shared within prompts. What is assumed is counted in a study of 400,000 items."
    )
    lines = [
        "## Planned power",
        "",
        told,
        "",
        "| answers, judges, figure | prompts | promised | realised |",
        "| --- | ---: | ---: | ---: |",
    ]
    return "\n".join([*lines, *rows()]) + "\n"


if __name__ == "__main__":
    print(main())
