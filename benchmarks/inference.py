"""The headline tests against the permutation test that they replaced, and how they grow with a study's size.

    python benchmarks/inference.py

1. All 45 pairs of the ten metrics of tifa160 (`../shared/data`, or a study drawn with its shape), in the study's own
   figure: delete-one-prompt replicates and t, against up to 10,000 swaps of whole prompts that stop once p is settled.
2. One pair on 1,000 to 10,000 items, each against half as many items, and 4,100 items against 4,000: the time may grow
   with the items, nowhere leap. Beyond 4,000 items the permutation test took another, slower way.

Times are processor times of one thread.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from ratios import Ratio, beside
from threadpoolctl import threadpool_limits

from genspace.analysis._options import CompareOptions
from genspace.analysis._scope import Scope
from genspace.analysis._tests_section import Compared, pair_tests
from genspace.analysis.permutation import swap_test
from genspace.analysis.question import Question
from genspace.analysis.resampling import stream
from genspace.evidence import Evidence
from genspace.gather import evidence_of
from genspace.study import open_study

DATA = Path(os.environ.get("GENSPACE_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))
PERMUTATIONS, TIMES_FASTER = 10_000, 5
EACH = 5
"""Items of a prompt."""
CLIFF = 1.1
GROWTH = 2.6
"""Twice as many items may take so many times as long."""
SIZES = (1000, 2000, 4000, 8000)
RUNS, REPEATED = 5, 20
"""Medians of so many runs count; a single pair is tested so often in each."""


def drawn(items: int, judges: int = 10) -> Evidence:
    """Draw a study of five items a prompt, three raters on a scale of five steps, and judges with scores."""
    rng = np.random.default_rng(items)
    quality = rng.normal(size=items)
    ids = [f"i{k:05}" for k in range(items)]
    said = np.clip(np.round(3 + quality[:, None] + rng.normal(size=(items, 3))), 1, 5).astype(int)
    return Evidence.from_frames(
        items=pd.DataFrame({"item_id": ids, "prompt_id": np.arange(items) // EACH}),
        annotations=pd.concat(
            pd.DataFrame({"item_id": ids, "rater_id": f"r{k}", "value": column})
            for k, column in enumerate(said.T)
        ),
        scores=pd.concat(
            pd.DataFrame({"item_id": ids, "judge": f"j{k}", "score": quality + rng.normal(size=items)})
            for k in range(judges)
        ),
    )


def scope_of(evidence: Evidence) -> Scope:
    return Scope.of(Question.of(evidence, evidence.questions[0]), CompareOptions())


def seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def tested(scope: Scope, names: list[str]) -> None:
    """Test all pairs: each judge's replicates are computed anew."""
    pair_tests(Compared(scope), names)


def swapped(scope: Scope, names: list[str]) -> None:
    """Test all pairs as before: standardise each judge, then swap whole prompts."""
    compared, figure = Compared(scope), scope.figure.key
    for a, b in combinations(names, 2):
        common = compared.common(a, b)
        y, first, second = (v[common] for v in (compared.target, compared.said[a], compared.said[b]))
        rng = stream(scope.seed, "swap test", figure, *sorted((a, b)))
        swap_test(y, first, second, scope.rated.prompt[common], figure, permutations=PERMUTATIONS, rng=rng)


def often(scope: Scope) -> None:
    """Test one pair of judges again and again."""
    for _ in range(REPEATED):
        tested(scope, ["j0", "j1"])


def ratios() -> Iterator[Ratio]:
    """Measure the tests, on one thread."""
    real = DATA / "human" / "tifa160"
    evidence = evidence_of(open_study(real)) if real.is_dir() else drawn(800)
    scope = scope_of(evidence)
    names = sorted(scope.rated.judges)
    with threadpool_limits(limits=1):
        tested(scope, names)  # the first call imports
        yield beside(
            f"{len(names) * (len(names) - 1) // 2} headline tests, {len(scope.rated)} items",
            lambda: seconds(partial(tested, scope, names)),
            "swaps of whole prompts",
            lambda: seconds(partial(swapped, scope, names)),
            at_most=1 / TIMES_FASTER,
        )
        for items, fewer, most in (
            *((n, n // 2, GROWTH) for n in SIZES[1:]),
            (4100, 4000, CLIFF),
            (10_000, 8000, GROWTH),
        ):
            pair = [partial(often, scope_of(drawn(n, judges=2))) for n in (items, fewer)]
            for work in pair:
                work()
            larger, smaller = (partial(seconds, work) for work in pair)
            yield beside(
                f"a headline test, {items:,} items",
                larger,
                f"{fewer:,} items",
                smaller,
                at_most=most,
                runs=RUNS,
            )


def main() -> None:
    for ratio in ratios():
        print(ratio, flush=True)


if __name__ == "__main__":
    main()
