"""Who is better than whom: the headline tests of a comparison, its groups, and the classical appendix."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import combinations, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from genspace.analysis._decision_section import given
from genspace.analysis._scope import Scope
from genspace.analysis._threads import side_by_side
from genspace.analysis.correlation import agreement
from genspace.analysis.decisions import DECISION_FIGURES
from genspace.analysis.permutation import swap_test
from genspace.analysis.resampling import percentile_interval, stream
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

__all__ = ["METHOD", "cell_tests", "ranked_names", "tests_section"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

PERMUTATIONS_PER_PAIR = 40
BCA_DRAWS = 1000
PERM_BOTH_PERMUTATIONS = 1000
METHOD = (
    "PERM-INPUT: two-sided permutation test, the standardised scores of whole prompts change sides; Holm's "
    "correction over all pairs; a group ends where a member beats the next judge at 5 %"
)
ASSUMES = "assumes independent items"


def ranked_names(judges: Mapping[str, Any]) -> list[str]:
    """Return the ranked judges of a document, best first."""
    names = [n for n, j in judges.items() if j["rank"] is not None]
    return sorted(names, key=lambda n: int(judges[n]["rank"]))


def tests_section(scope: Scope, ranked: list[str], permutations: int) -> dict[str, Any]:
    """Return the tests of all pairs of ranked judges, the groups, and the classical tests of neighbours.

    Args:
        scope: The study.
        ranked: Names from best to worst by the primary figure.
        permutations: Least number for each test; 0: no tests.
    """
    if (
        permutations == 0
        or len(ranked) < 2
        or scope.no_interval(scope.draws) == "no interval: a single prompt"
    ):
        return {"method": None, "family": [], "pairs": [], "groups": [], "classical": []}
    both = list(combinations(ranked, 2))
    wanted = max(permutations, PERMUTATIONS_PER_PAIR * len(both))
    draws = _Draws(scope)
    pairs = side_by_side(lambda pair: _pair(scope, draws, *pair, wanted), both)
    adjusted = holm([np.nan if pair["p"] is None else pair["p"] for pair in pairs])
    significant = set()
    for pair, p in zip(pairs, adjusted, strict=True):
        pair["p_holm"] = float(p) if np.isfinite(p) else None
        if p < ALPHA and pair["difference"] > 0:
            significant.add((pair["a"], pair["b"]))
    return {
        "method": METHOD,
        "family": [f"{a} and {b}: {scope.primary.label}" for a, b in both],
        "pairs": pairs,
        "groups": significance_groups(ranked, lambda a, b: (a, b) in significant),
        "classical": _classical(scope, ranked),
    }


def cell_tests(
    parts: Mapping[tuple[str, str], Scope], ranked: list[str], permutations: int
) -> dict[tuple[str, str], dict[str, Any]]:
    """Test the first two judges of the whole study in each cell; one Benjamini-Hochberg family of all cells.

    Args:
        parts: Column and value to the scope of the items with that value.
        ranked: Names from best to worst in the whole study.
        permutations: For each test; 0: no tests.
    """
    if permutations == 0 or len(ranked) < 2:
        return {}
    found = {name: _pair(part, None, ranked[0], ranked[1], permutations) for name, part in parts.items()}
    adjusted = benjamini_hochberg([np.nan if f["p"] is None else f["p"] for f in found.values()])
    keys = ("a", "b", "difference", "p", "n", "reason")
    return {
        name: {key: test[key] for key in keys} | {"p_bh": float(p) if np.isfinite(p) else None}
        for (name, test), p in zip(found.items(), adjusted, strict=True)
    }


class _Draws:
    """Bootstrap draws of the primary figure by judge and items, each computed once."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.known: dict[tuple[str, bytes], Floats] = {}

    def get(self, name: str, common: Bools) -> Floats:
        key = (name, common.tobytes())
        if key not in self.known:
            figure, judge = self.scope.primary.figure, self.scope.rated.judges[name]
            target = np.where(common, self.scope.target(figure), np.nan)
            self.known[key] = self.scope.figures([figure], target, judge.oriented, judge.passed)[figure][1]
        return self.known[key]


def _common(scope: Scope, a: str, b: str) -> tuple[Floats, Floats, Floats, Bools]:
    """Return target and both judges' scores on the items that have all three, and which items these are."""
    target = scope.target(scope.primary.figure)
    first, second = (given(scope.rated.judges[name], scope.primary.figure) for name in (a, b))
    common = np.isfinite(target) & np.isfinite(first) & np.isfinite(second)
    return target[common], first[common], second[common], common


def _pair(scope: Scope, draws: _Draws | None, a: str, b: str, permutations: int) -> dict[str, Any]:
    """Test one pair; a is ranked above b."""
    figure = scope.primary.figure
    y, first, second, common = _common(scope, a, b)
    rng = stream(scope.seed, "swap test", figure, *sorted((a, b)))
    result = swap_test(
        y, first, second, scope.draws.of_item[common], figure, permutations=permutations, rng=rng
    )
    known = bool(np.isfinite(result.difference))
    interval = None
    if known and draws is not None:
        interval = percentile_interval(draws.get(a, common) - draws.get(b, common), scope.confidence)
    return {
        "a": a,
        "b": b,
        "figure": figure,
        "difference": result.difference if known else None,
        "low": interval[0] if interval else None,
        "high": interval[1] if interval else None,
        "p": result.p if known else None,
        "p_holm": None,
        "n": len(y),
        "permutations": result.permutations,
        "reason": None if known else "the figure of one of the two is undefined on their common items",
    }


def _classical(scope: Scope, ranked: list[str]) -> list[dict[str, Any]]:
    """Return the classical tests of neighbours in the ranking, and item-bootstrap intervals of every judge."""
    parts = side_by_side(lambda pair: _classical_pair(scope, *pair), pairwise(ranked))
    rows = [row for part in parts for row in part]
    if scope.primary.figure in DECISION_FIGURES:
        return rows
    return rows + side_by_side(partial(_bca, scope), ranked)


def _bca(scope: Scope, name: str) -> dict[str, Any]:
    figure = scope.primary.figure
    y, x, _, _ = _common(scope, name, name)
    rng = stream(scope.seed, "BCa", figure, name)
    interval = bca_interval(y, x, figure, draws=BCA_DRAWS, confidence=scope.confidence, rng=rng)
    return _row("BCa interval", name, None, len(y), interval=interval)


def _classical_pair(scope: Scope, a: str, b: str) -> list[dict[str, Any]]:
    figure = scope.primary.figure
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
    if figure in DECISION_FIGURES:
        right = first == y, second == y
        result = mcnemar(*right)
        rows.append(_row("McNemar", a, b, n, statistic=result.statistic, p=result.p))
        flipped = sign_flip(
            right[0].astype(float) - right[1],
            scope.draws.of_item[common],
            rng=stream(scope.seed, "sign flip", *sorted((a, b))),
        )
        rows.append(_row("McNemar as sign flip by prompt", a, b, n, p=flipped) | {"assumes": None})
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
) -> dict[str, Any]:
    return {
        "test": test,
        "a": a,
        "b": b,
        "n": n,
        "statistic": statistic if np.isfinite(statistic) else None,
        "p": p if np.isfinite(p) else None,
        "low": interval[0] if interval else None,
        "high": interval[1] if interval else None,
        "assumes": ASSUMES,
    }
