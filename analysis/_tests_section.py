"""Who is better than whom: the headline tests of a comparison, its groups, and the classical appendix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from genspace.analysis._decision_section import given
from genspace.analysis._scope import Scope
from genspace.analysis._threads import side_by_side
from genspace.analysis.correlation import agreement
from genspace.analysis.permutation import swap_test
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import percentile_interval, stream
from genspace.analysis.result import CellTest, ClassicalRow, PairTest, Tests
from genspace.analysis.significance import (
    ALPHA,
    bca_interval,
    benjamini_hochberg,
    delong,
    holm,
    mcnemar,
    sign_flip,
    significance_groups,
    williams,
)

__all__ = ["cell_tests", "tests_section"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

PERMUTATIONS_PER_PAIR = 40
BCA_DRAWS = 1000
PERM_BOTH_PERMUTATIONS = 1000


def tests_section(scope: Scope, ranked: list[str], permutations: int) -> Tests:
    """Return the tests of all pairs of ranked judges, the groups, and the classical tests of neighbours.

    Args:
        scope: The study.
        ranked: Names from best to worst by the primary figure.
        permutations: Least number for each test; 0: no tests.
    """
    if permutations == 0 or len(ranked) < 2 or len(np.unique(scope.draws.of_item)) < 2:
        return Tests(method=None, pairs=(), groups=(), classical=())
    both = list(combinations(ranked, 2))
    wanted = max(permutations, PERMUTATIONS_PER_PAIR * len(both))
    draws = _Draws(scope)
    pairs = side_by_side(lambda pair: _pair(scope, draws, *pair, wanted), both)
    adjusted = holm([np.nan if pair.p is None else pair.p for pair in pairs])
    pairs = [
        replace(pair, p_holm=float(p) if np.isfinite(p) else None)
        for pair, p in zip(pairs, adjusted, strict=True)
    ]
    ahead = {
        (pair.a, pair.b)
        for pair in pairs
        if pair.p_holm is not None and pair.p_holm < ALPHA and (pair.difference or 0) > 0
    }
    return Tests(
        method="swap by prompt",
        pairs=tuple(pairs),
        groups=tuple(map(tuple, significance_groups(ranked, lambda a, b: (a, b) in ahead))),
        classical=tuple(_classical(scope, ranked)),
    )


def cell_tests(
    parts: Mapping[tuple[str, str], Scope], ranked: list[str], permutations: int
) -> dict[tuple[str, str], CellTest]:
    """Test the first two judges of the whole study in each cell; one Benjamini-Hochberg family of all cells.

    Args:
        parts: Column and value to the scope of the items with that value.
        ranked: Names from best to worst in the whole study.
        permutations: For each test; 0: no tests.
    """
    if permutations == 0 or len(ranked) < 2:
        return {}
    found = {name: _pair(part, None, ranked[0], ranked[1], permutations) for name, part in parts.items()}
    adjusted = benjamini_hochberg([np.nan if test.p is None else test.p for test in found.values()])
    return {
        name: CellTest(
            a=test.a, b=test.b, difference=test.difference, p=test.p,
            p_bh=float(p) if np.isfinite(p) else None, n=test.n, reason=test.reason,
        )
        for (name, test), p in zip(found.items(), adjusted, strict=True)
    }  # fmt: skip


class _Draws:
    """Bootstrap draws of the primary figure by judge and items, each computed once."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.known: dict[tuple[str, bytes], Floats] = {}

    def get(self, name: str, common: Bools) -> Floats:
        key = (name, common.tobytes())
        if key not in self.known:
            target = np.where(common, self.scope.target(self.scope.figure), np.nan)
            self.known[key] = self.scope.agreement(self.scope.rated.judges[name], target)[1]
        return self.known[key]


def _common(scope: Scope, a: str, b: str) -> tuple[Floats, Floats, Floats, Bools]:
    """Return target and both judges' scores on the items that have all three, and which items these are."""
    target = scope.target(scope.figure)
    first, second = (given(scope.rated.judges[name], scope.figure) for name in (a, b))
    common = np.isfinite(target) & np.isfinite(first) & np.isfinite(second)
    return target[common], first[common], second[common], common


def _pair(scope: Scope, draws: _Draws | None, a: str, b: str, permutations: int) -> PairTest:
    """Test one pair; a is ranked above b."""
    figure = scope.figure
    y, first, second, common = _common(scope, a, b)
    rng = stream(scope.seed, "swap test", figure.key, *sorted((a, b)))
    result = swap_test(
        y, first, second, scope.draws.of_item[common], figure.key, permutations=permutations, rng=rng
    )
    known = bool(np.isfinite(result.difference))
    interval = None
    if known and draws is not None:
        interval = percentile_interval(draws.get(a, common) - draws.get(b, common), scope.confidence)
    return PairTest(
        a=a,
        b=b,
        figure=figure.key,
        difference=result.difference if known else None,
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        p=result.p if known else None,
        p_holm=None,
        n=len(y),
        permutations=result.permutations,
        reason=None if known else Reason("undefined_on_common_items"),
    )


def _classical(scope: Scope, ranked: list[str]) -> list[ClassicalRow]:
    """Return the classical tests of neighbours in the ranking, and item-bootstrap intervals of every judge."""
    parts = side_by_side(lambda pair: _classical_pair(scope, *pair), pairwise(ranked))
    rows = [row for part in parts for row in part]
    if scope.figure.of_labels:
        return rows
    return rows + side_by_side(partial(_bca, scope), ranked)


def _bca(scope: Scope, name: str) -> ClassicalRow:
    figure = scope.figure.key
    y, x, _, _ = _common(scope, name, name)
    rng = stream(scope.seed, "BCa", figure, name)
    interval = bca_interval(y, x, figure, draws=BCA_DRAWS, confidence=scope.confidence, rng=rng)
    return _row("BCa interval", name, None, len(y), interval=interval)


def _classical_pair(scope: Scope, a: str, b: str) -> list[ClassicalRow]:
    figure = scope.figure.key
    y, first, second, common = _common(scope, a, b)
    n = len(y)
    rows = []
    if figure in ("pearson", "spearman", "kendall_tau_b"):
        r_a, r_b, r_ab = (agreement(u, v, figure) for u, v in ((y, first), (y, second), (first, second)))
        result = williams(r_a, r_b, r_ab, n)
        rows.append(_row("Williams", a, b, n, statistic=result.statistic, p=result.p))
    if figure == "roc_auc":
        result = delong(y, first, second)
        rows.append(_row("DeLong", a, b, n, statistic=result.statistic, p=result.p))
    if scope.figure.of_labels:
        right = first == y, second == y
        result = mcnemar(*right)
        rows.append(_row("McNemar", a, b, n, statistic=result.statistic, p=result.p))
        flipped = sign_flip(
            right[0].astype(float) - right[1],
            scope.draws.of_item[common],
            rng=stream(scope.seed, "sign flip", *sorted((a, b))),
        )
        rows.append(_row("McNemar as sign flip by prompt", a, b, n, p=flipped, independent_items=False))
    generator = scope.rated.generator[common]
    if (generator >= 0).all() and len(np.unique(generator)) > 1:
        _, row = np.unique(generator, return_inverse=True)
        _, column = np.unique(scope.draws.of_item[common], return_inverse=True)
        rng = stream(scope.seed, "PERM-BOTH", figure, *sorted((a, b)))

        def draw(size: int) -> Floats:
            rows_swapped = rng.integers(2, size=(int(row.max()) + 1, size))
            columns_swapped = rng.integers(2, size=(int(column.max()) + 1, size))
            return np.asarray(rows_swapped[row] ^ columns_swapped[column], dtype=float)

        both = swap_test(
            y, first, second, np.arange(n), figure, permutations=PERM_BOTH_PERMUTATIONS, rng=rng, draw=draw
        )
        rows.append(_row("PERM-BOTH", a, b, n, statistic=both.difference, p=both.p))
    return rows


def _row(
    test: str,
    a: str,
    b: str | None,
    n: int,
    *,
    statistic: float = float("nan"),
    p: float = float("nan"),
    interval: tuple[float, float] | None = None,
    independent_items: bool = True,
) -> ClassicalRow:
    return ClassicalRow(
        test=test,
        a=a,
        b=b,
        n=n,
        statistic=statistic if np.isfinite(statistic) else None,
        p=p if np.isfinite(p) else None,
        low=interval[0] if interval else None,
        high=interval[1] if interval else None,
        independent_items=independent_items,
    )
