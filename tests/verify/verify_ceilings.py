"""Ceilings, and people's agreement, against simulated raters whose truth is known."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import beta, gamma, norm

from genspace.analysis.figures import FIGURES
from genspace.analysis.inference.ceiling import PAIR_AGREEMENT, ceiling
from genspace.analysis.question import PeopleAnswers
from genspace.analysis.reliability import reliability
from genspace.analysis.resampling import Weighted
from genspace.records import ValueType

sys.path.insert(0, str(Path(__file__).resolve().parent))
from side_by_side import CORES, each

EACH = 4
"""Items of a prompt; half of the variance is shared within prompts."""
PROMPTS = (10, 20, 40, 160)
FEWEST_SPARSE = 20
"""With 12 % yes, fewer prompts than this hold about five yes: their intervals are shown, not asserted."""
RUNS, BIAS_RUNS = 1000, 40
TRUTH = 20
"""Studies of 5,000 prompts of which the truth is the mean."""

Sample = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]
"""Takes a number of prompts; returns (n, k) ratings and (n,) what infinitely many raters would say on average."""


@dataclass(frozen=True)
class Cell:
    """One population of items and raters."""

    name: str
    sample: Sample
    value_type: ValueType
    figures: tuple[str, ...]
    bias: dict[str, tuple[float, float]]
    """Most that a ceiling may be below and above the truth, by figure."""
    covers: bool = True
    """Whether the model holds, so that intervals must cover."""
    sparse: bool = False
    """Whether few prompts hold too few of one answer for an interval."""


def mixed(rng: np.random.Generator, prompts: int) -> np.ndarray:
    """(n,) normal quantiles, half of their variance shared within prompts, as shares."""
    shared = np.repeat(rng.normal(size=prompts), EACH)
    return np.clip(norm.cdf(np.sqrt(0.5) * (shared + rng.normal(size=prompts * EACH))), 1e-9, 1 - 1e-9)


def latent(u: np.ndarray, shape: str) -> np.ndarray:
    """(n,) latent values on a scale of 1 to 5."""
    if shape == "normal":
        return 3 + norm.ppf(u)
    if shape == "skewed":
        return 1 + 0.8 * gamma.ppf(u, 1.5)
    low = 0.5 if shape == "two peaks" else 0.8
    peak = u < low
    return np.where(
        peak, 1.5 + 0.5 * norm.ppf(np.where(peak, u, 0.1) / low), 4.5 + 0.5 * norm.ppf((np.where(peak, 0.9, u) - low) / (1 - low))
    )  # fmt: skip


def graded(shape: str, k: int, noise: float) -> Sample:
    """Ratings of 1 to 5: the latent value and normal noise, rounded."""

    def sample(rng: np.random.Generator, prompts: int) -> tuple[np.ndarray, np.ndarray]:
        values = latent(mixed(rng, prompts), shape)
        ratings = np.clip(np.round(values[:, None] + rng.normal(0, noise, (len(values), k))), 1, 5)
        return ratings, 5 - norm.cdf((np.arange(1.5, 5) - values[:, None]) / noise).sum(axis=1)

    return sample


def crowd(shape: str, raters: int, noise: float) -> Sample:
    """Two to four of so many raters an item, drawn anew for each."""

    def sample(rng: np.random.Generator, prompts: int) -> tuple[np.ndarray, np.ndarray]:
        ratings, mean = graded(shape, raters, noise)(rng, prompts)
        place = rng.random(ratings.shape).argsort(axis=1)
        return np.where(place < rng.integers(2, 5, (len(ratings), 1)), ratings, np.nan), mean

    return sample


def voted(shape: str, k: int) -> Sample:
    """Yes or no: shares of yes that are beta with few or many yes, logistic, or have two peaks."""

    def sample(rng: np.random.Generator, prompts: int) -> tuple[np.ndarray, np.ndarray]:
        u = mixed(rng, prompts)
        if shape == "logistic":
            share = 1 / (1 + np.exp(-2 * norm.ppf(u) - 0.5))
        elif shape == "two peaks":
            share = np.where(
                u < 0.5, beta.ppf(np.minimum(2 * u, 1), 2, 9), beta.ppf(np.maximum(2 * u - 1, 0), 9, 2)
            )
        else:
            yes, scatter = {"even": (0.5, 1.0), "firm": (0.6, 0.4), "12 % yes": (0.12, 0.8)}[shape]
            share = beta.ppf(u, yes * scatter, (1 - yes) * scatter)
        return (rng.random((len(u), k)) < share[:, None]).astype(float), share

    return sample


RANKS = ("spearman", "kendall_tau_b", "pearson")
DECISIONS = ("roc_auc", "cohen_kappa", "accuracy")
NEAR = {"spearman": (-0.04, 0.013), "kendall_tau_b": (-0.04, 0.015), "pearson": (-0.01, 0.01)}
EXACT = {"roc_auc": (-0.01, 0.01), "cohen_kappa": (-0.03, 0.03), "accuracy": (-0.015, 0.015)}
LOOSE = {"roc_auc": (-0.016, 0.01), "cohen_kappa": (-0.1, 0.1), "accuracy": (-0.05, 0.05)}

CELLS = (
    *(
        Cell(f"graded, {shape}, {k} raters, noise {noise:g}", graded(shape, k, noise), "ordinal", RANKS, NEAR)
        for shape in ("normal", "two peaks", "skewed")
        for k, noise in ((2, 0.7), (3, 0.7), (3, 1.0))
    ),
    Cell("graded, peaks of 80 and 20 %, 3 raters, noise 0.7", graded("unequal", 3, 0.7), "ordinal", RANKS, NEAR),
    Cell("graded, normal, 2 to 4 of 9 raters, noise 0.7", crowd("normal", 9, 0.7), "ordinal", RANKS, NEAR),
    *(
        Cell(f"yes or no, {shape}, {k} raters", voted(shape, k), "binary", DECISIONS, EXACT, sparse="12" in shape)
        for shape in ("even", "firm", "12 % yes")
        for k in (2, 3, 5)
    ),
    *(
        Cell(f"yes or no, logistic, {k} raters", voted("logistic", k), "binary", DECISIONS, EXACT, covers=False)
        for k in (2, 3, 5)
    ),
    *(
        Cell(f"yes or no, two peaks, {k} raters", voted("two peaks", k), "binary", DECISIONS, LOOSE, covers=False)
        for k in (2, 3, 5)
    ),
)  # fmt: skip


def people(ratings: np.ndarray, value_type: ValueType) -> PeopleAnswers:
    names = tuple(f"r{i}" for i in range(ratings.shape[1]))
    scale = (0.0, 1.0) if value_type == "binary" else (1.0, 5.0)
    return PeopleAnswers(ratings, np.ones(len(ratings), bool), names, False, value_type, scale, None)


def truths(cell: Cell) -> dict[str, float]:
    """Each figure of what infinitely many raters say against the mean of these, in a large population."""
    rng = np.random.default_rng(0)
    found: dict[str, list[float]] = {figure: [] for figure in cell.figures}
    for _ in range(TRUTH):
        ratings, share = cell.sample(rng, 5000 // EACH)
        said = people(ratings, cell.value_type)
        for figure in cell.figures:
            row = FIGURES[figure]
            target = said.decision if row.target == "decision" else said.mean
            known = np.isfinite(target)
            judge = said.decide(share) if row.of_labels else share
            weighted = Weighted(target[known], np.ones((int(known.sum()), 1)))
            found[figure].append(float(row.statistic(weighted, judge[known], 0.0)[0]))
    return {figure: float(np.mean(values)) for figure, values in found.items()}


@dataclass(frozen=True)
class Found:
    """A ceiling in many studies."""

    mean: float
    coverage: float
    """Of the intervals that there are."""
    missing: float
    """Share of studies without an interval."""
    width: float
    """Median."""
    bounded: float | None
    """Share of studies whose bounds hold the truth."""


def study(cell: Cell, figure: str, truth: float, prompts: int, runs: int) -> Found:
    """Estimate one ceiling in so many studies."""
    values, hits, widths, bounded = [], [], [], []
    for seed in range(runs):
        ratings, _ = cell.sample(np.random.default_rng([seed, prompts]), prompts)
        found = ceiling(people(ratings, cell.value_type), np.arange(len(ratings)) // EACH, figure)
        e = found.estimate
        values += [] if e.value is None else [e.value]
        if e.low is not None and e.high is not None:
            hits.append(e.low <= truth <= e.high)
            widths.append(e.high - e.low)
        if found.bounds is not None:
            bounded.append(found.bounds[0] - 0.01 <= truth <= found.bounds[1] + 0.01)
    return Found(
        mean=float(np.mean(values)),
        coverage=float(np.mean(hits)),
        missing=1 - len(hits) / runs,
        width=float(np.median(widths)),
        bounded=float(np.mean(bounded)) if bounded else None,
    )


def _studied(job: tuple[Cell, tuple[str, ...], int, int]) -> dict[str, tuple[float, Found]]:
    """Return truth and ceiling of some figures."""
    cell, figures, prompts, runs = job
    known = truths(cell)
    return {figure: (known[figure], study(cell, figure, known[figure], prompts, runs)) for figure in figures}


def bias_rows(
    cells: Sequence[Cell] = CELLS, *, runs: int = BIAS_RUNS, prompts: int = 200, processes: int = 1
) -> Iterator[str]:
    """Mean ceiling against truth; raises AssertionError where it is further off than the cell allows."""
    jobs = [(cell, cell.figures, prompts, runs) for cell in cells]
    for cell, results in zip(cells, each(_studied, jobs, processes), strict=True):
        told = []
        for figure, (truth, found) in results.items():
            off = found.mean - truth
            low, high = cell.bias[figure]
            assert low <= off <= high, (cell.name, figure, off)
            assert found.bounded is None or found.bounded > 0.9, (cell.name, figure, found.bounded)
            told.append(f"{FIGURES[figure].short} {truth:.3f} {off:+.3f}")
        yield f"| {cell.name} | {' · '.join(told)} |"


def coverage_rows(
    cells: Sequence[Cell],
    *,
    runs: int = RUNS,
    sizes: Sequence[int] = PROMPTS,
    least: float = 0.93,
    processes: int = 1,
) -> Iterator[str]:
    """Coverage of the intervals; raises AssertionError where the model holds and they cover less than `least`."""
    rows = [(cell, figure) for cell in cells for figure in cell.figures if figure != "kendall_tau_b"]
    """Tau-b is one of the same fitted model as Spearman."""
    results = each(_studied, [(cell, (figure,), p, runs) for cell, figure in rows for p in sizes], processes)
    for cell, figure in rows:
        told = []
        for prompts in sizes:
            _, found = next(results)[figure]
            held = found.coverage >= least and found.missing <= 0.05
            asserted = cell.covers and not (cell.sparse and prompts < FEWEST_SPARSE)
            assert held or not asserted, (cell.name, figure, prompts, found)
            none = f", none {found.missing:.0%}" if found.missing > 0.005 else ""
            told.append(f"{found.coverage:.1%} ({found.width:.2f}{none})")
        yield f"| {cell.name} | {FIGURES[figure].short} | {' | '.join(told)} |"


ALPHAS = (
    ("graded, normal, 3 raters", graded("normal", 3, 0.7), "ordinal", "krippendorff_alpha_ordinal"),
    ("graded, 2 to 4 of 9 raters", crowd("normal", 9, 0.7), "ordinal", "krippendorff_alpha_ordinal"),
    ("yes or no, even, 3 raters", voted("even", 3), "binary", "krippendorff_alpha_nominal"),
)


def _alpha(job: tuple[Sample, ValueType, str, int, int]) -> float:
    """Return the share of intervals that hold the alpha of 80,000 items."""
    sample, kind, key, prompts, runs = job
    truth = reliability(people(sample(np.random.default_rng(1), 20_000)[0], kind), names=(key,))[key].value
    assert truth is not None
    hits = []
    for seed in range(runs):
        ratings, _ = sample(np.random.default_rng([seed, prompts]), prompts)
        e = reliability(people(ratings, kind), np.arange(len(ratings)) // EACH, names=(key,))[key]
        hits += [] if e.low is None or e.high is None else [e.low <= truth <= e.high]
    return float(np.mean(hits))


def alpha_rows(
    *, runs: int = RUNS, sizes: Sequence[int] = PROMPTS, least: float = 0.93, processes: int = 1
) -> Iterator[str]:
    """Coverage of the intervals of Krippendorff's alpha."""
    results = each(_alpha, [(*row[1:], prompts, runs) for row in ALPHAS for prompts in sizes], processes)
    for name, *_ in ALPHAS:
        told = [next(results) for _ in sizes]
        assert min(told) >= least, (name, told)
        yield f"| {name} | alpha | {' | '.join(f'{share:.1%}' for share in told)} |"


def pair_row(*, runs: int = BIAS_RUNS) -> str:
    """Agreement on pairs, with a tenth of the answers ties and half of the pairs listed the other way round."""
    rng = np.random.default_rng(3)

    def sample(prompts: int) -> tuple[np.ndarray, np.ndarray]:
        said, share = voted("even", 3)(rng, prompts)
        said = np.where(rng.random(said.shape) < 0.1, 0.5, said)
        turned = rng.random(len(said)) < 0.5
        return np.where(turned[:, None], 1 - said, said), np.where(turned, 1 - share, share)

    said, share = sample(20_000)
    lean = said.mean(axis=1) - 0.5
    truth = float(((lean > 0) == (share > 0.5))[lean != 0].mean())
    found = [
        ceiling(people(sample(200)[0], "continuous"), np.arange(800) // EACH, PAIR_AGREEMENT, of_pairs=True).estimate.value
        for _ in range(runs)
    ]  # fmt: skip
    off = float(np.mean([v for v in found if v is not None])) - truth
    assert abs(off) < 0.01, off
    return f"| pairs, even, 3 raters, a tenth ties | agreement {truth:.3f} {off:+.3f} |"


COVERED = tuple(
    cell
    for cell in CELLS
    if cell.name
    in (
        "graded, normal, 3 raters, noise 0.7", "graded, two peaks, 3 raters, noise 0.7",
        "graded, normal, 2 to 4 of 9 raters, noise 0.7", "yes or no, even, 3 raters", "yes or no, 12 % yes, 3 raters",
        "yes or no, logistic, 3 raters",
    )
)  # fmt: skip


def main() -> str:
    """Return the section; raise AssertionError when a ceiling is off or an interval covers too little."""
    heads = " | ".join(f"{p} prompts" for p in PROMPTS)
    bias = (
        f"Raters are simulated, so that what infinitely many would say is known. A prompt has {EACH} items; half of the "
        "variance of the items is shared within prompts. The table gives the truth, and how far the mean ceiling of "
        f"{BIAS_RUNS} studies of 200 prompts is off. For logistic shares and two peaks of shares the model of votes is "
        "wrong: there the bounds of accuracy and kappa must hold the truth."
    )
    coverage = (
        f"Coverage of the 95 % intervals in {RUNS:,} studies (median width; studies without one, where there are any). "
        "Those of logistic shares, and of 12 % yes at 10 prompts (about five yes), are shown and not asserted."
    )
    lines = [
        "## Ceilings and people's agreement",
        "",
        bias,
        "",
        "| raters | truth and error of the ceiling |",
        "| --- | --- |",
        *bias_rows(processes=CORES),
        pair_row(),
        "",
        coverage,
        "",
        f"| raters | figure | {heads} |",
        f"| --- | --- |{' --- |' * len(PROMPTS)}",
        *coverage_rows(COVERED, processes=CORES),
        *alpha_rows(processes=CORES),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(main())
