"""Bootstrap and permutation tests against the plain loops they replace, in one run.

    python benchmarks/agreement.py [--quick]

1. Ten judges x 10,000 items x 1,000 draws of Pearson, Spearman and Kendall, for Likert means and for continuous
   ratings, against SciPy on each resample (timed on a few draws; its time is proportional to their number).
2. 45 pairs of judges x 10,000 permutations of 160 prompts x 5 generators, against the loop of nlpstats where it
   is installed (`pip install nlpstats`), timed on a few permutations.

Prints ratios and the peak memory. Times are processor times of one thread, so that other
programs on the machine disturb them less.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import combinations
from typing import Any

import numpy as np
from ratios import Ratio
from scipy import stats
from threadpoolctl import threadpool_limits

from genspace.analysis.permutation import swap_test
from genspace.analysis.resampling import PromptDraws, Weighted, stream

ITEMS, JUDGES, DRAWS, LOOP_DRAWS = 10_000, 10, 1_000, 5
PROMPTS, GENERATORS, PERMUTATIONS, LOOP_PERMUTATIONS = 160, 5, 10_000, 20
FIGURES: dict[str, tuple[Callable[..., Any], Callable[..., Any], int]] = {
    "Pearson": (lambda target, x: target.pearson(x), stats.pearsonr, 10),
    "Spearman": (lambda target, x: target.spearman(x), stats.spearmanr, 10),
    "Kendall tau-b": (lambda target, x: target.concordance(x).tau_b, stats.kendalltau, 3),
}
"""Ours, SciPy's, and how many times faster ours is meant to be."""


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def ratings(kind: str, items: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    quality = rng.normal(size=items)
    judges = quality + rng.normal(size=(JUDGES, items))
    if kind == "continuous":
        return quality, judges
    raters = np.clip(np.round(3 + quality[:, None] + rng.normal(size=(items, 3))), 1, 5)
    return raters.mean(axis=1), judges


def vectorised(y: np.ndarray, judges: np.ndarray, figure: Callable[..., Any], draws: int) -> np.ndarray:
    def all_judges(weights: np.ndarray) -> np.ndarray:
        target = Weighted(y, weights)
        return np.stack([figure(target, x) for x in judges])

    return PromptDraws.make(np.arange(len(y)), draws, stream(0, "benchmark")).map(all_judges)


def loop(y: np.ndarray, judges: np.ndarray, figure: Callable[..., Any], draws: int) -> list[list[float]]:
    rng = stream(0, "benchmark")
    indices = (rng.integers(len(y), size=len(y)) for _ in range(draws))
    return [[figure(x[index], y[index])[0] for x in judges] for index in indices]


def bootstrap(items: int, draws: int) -> Iterator[Ratio]:
    rng = np.random.default_rng(0)
    for ours, theirs, _ in FIGURES.values():  # the first calls import and compile
        vectorised(np.arange(9.0), rng.normal(size=(1, 9)), ours, 2)
        loop(np.arange(9.0), rng.normal(size=(1, 9)), theirs, 1)
    for kind in ("Likert means", "continuous"):
        y, judges = ratings(kind, items, rng)
        for name, (ours, theirs, wanted) in FIGURES.items():
            fast, values = timed(lambda y=y, judges=judges, f=ours: vectorised(y, judges, f, draws))
            slow, same = timed(lambda y=y, judges=judges, f=theirs: loop(y, judges, f, LOOP_DRAWS))
            np.testing.assert_allclose(values[:, :LOOP_DRAWS].T, same, atol=1e-9)
            slow *= draws / LOOP_DRAWS
            yield Ratio(f"{draws:,} draws of {name}, {kind}", "SciPy on each", fast, slow, at_most=1 / wanted)


def ratios(scale: int = 1) -> Iterator[Ratio]:
    """Measure the bootstrap, on one thread."""
    with threadpool_limits(limits=1):
        yield from bootstrap(ITEMS // scale, DRAWS // scale)


def permutations(number: int) -> str:
    rng = np.random.default_rng(1)
    quality = rng.normal(size=PROMPTS * GENERATORS)
    y = np.round(quality * 2) / 2
    judges = quality + rng.normal(size=(JUDGES, len(y)))
    prompts = np.repeat(np.arange(PROMPTS), GENERATORS)
    pairs = list(combinations(range(JUDGES), 2))

    def all_pairs() -> None:
        for a, b in pairs:
            rng = stream(0, f"{a} {b}")
            swap_test(y, judges[a], judges[b], prompts, permutations=number, settle=False, rng=rng)

    fast, _ = timed(all_pairs)
    line = f"{len(pairs)} pairs x {number:,} permutations of {PROMPTS} prompts, Spearman: {fast:.1f} s"
    if find_spec("nlpstats") is None:
        return f"{line} (nlpstats is not installed: nothing to compare with)"
    from nlpstats.correlations.permutation import permutation_test

    tables = [v.reshape(PROMPTS, GENERATORS).T for v in (judges[0], judges[1], y)]
    slow, _ = timed(
        lambda: permutation_test(*tables, "global", "spearman", "inputs", n_resamples=LOOP_PERMUTATIONS)
    )
    slow *= number / LOOP_PERMUTATIONS * len(pairs)
    return f"{line}; the loop of nlpstats: {slow:.0f} s, ratio {slow / fast:.0f}"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--quick", action="store_true", help="a tenth of items and draws, to see that it runs"
    )
    scale = 10 if parser.parse_args().quick else 1
    for ratio in ratios(scale):
        print(ratio, flush=True)
    with threadpool_limits(limits=1):
        print(permutations(PERMUTATIONS // scale))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1024**2 if sys.platform == "darwin" else 1024
    )
    print(f"Peak memory: {peak:.0f} MB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
