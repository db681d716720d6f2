"""Who is better than whom: the headline tests of a study, its groups, and the classical appendix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations, pairwise

import numpy as np

from genspace.analysis._arrays import Bools, Floats
from genspace.analysis._estimate import Estimate
from genspace.analysis._scope import ALL, BY_GENERATOR, Scope, given
from genspace.analysis._threads import side_by_side
from genspace.analysis.correlation import agreement, score_tie
from genspace.analysis.inference.comparisons import (
    Difference,
    JudgeOnUnits,
    OtherGenerators,
    difference,
    not_worse,
    other_generators,
    standing,
)
from genspace.analysis.inference.intervals import FEW_PROMPTS
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.permutation import swap_test
from genspace.analysis.resampling import Weighted, stream
from genspace.analysis.result import CellTest, ClassicalRow, PairTest, Tests
from genspace.analysis.significance import (
    bca_interval,
    benjamini_hochberg,
    delong,
    holm,
    mcnemar,
    sign_flip,
    significance_groups,
    williams,
)

LEAST_COVERAGE = 0.5
"""A judge that scores a smaller share of the items people rated is in no first place."""
BCA_DRAWS = 1000
PERM_BOTH_PERMUTATIONS = 1000


def leading(scope: Scope, name: str, figure: Estimate) -> bool:
    """Return whether a judge may be in a first place: enough coverage, and an interval.

    A figure of exactly 1 has no interval on its scale; over `FEW_PROMPTS` prompts it may lead all the same.
    """
    decided = scope.rated.judges[name].status == "decided"
    perfect = figure.reason is not None and figure.reason.code == "at_its_end" and (figure.value or 0) > 0
    known = figure.low is not None or (
        perfect and scope.replicates.take(decided).present.sum() >= FEW_PROMPTS
    )
    return bool(known) and float(decided.mean() if len(decided) else 0) >= LEAST_COVERAGE


def ranking(scope: Scope, figures: Mapping[str, Estimate]) -> list[str]:
    """Return the judges that have the primary figure, best first; those that may not lead come after all others.

    Args:
        scope: The study.
        figures: The primary figure of each judge of the study.
    """
    places = {
        name: (not leading(scope, name, figure), -figure.value)
        for name, figure in figures.items()
        if figure.value is not None and not scope.rated.judges[name].derived
    }
    return sorted(places, key=places.__getitem__)


class Compared:
    """Judges on the units that both of a pair answered; what a judge's answers give there is computed once."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.figure = scope.figure
        self.target = scope.target(scope.figure)
        self.said = {name: given(judge, scope.figure) for name, judge in scope.rated.judges.items()}
        self._known: dict[tuple[str, bytes, bool], JudgeOnUnits] = {}

    def common(self, *names: str) -> Bools:
        """(n,) units with a target that all of these judges answered."""
        return np.asarray(np.isfinite([self.target, *(self.said[name] for name in names)]).all(axis=0))

    def clusters(self, common: Bools, *, by_generator: bool = False) -> Replicates:
        """Return the prompts, or the generators, of some units."""
        if by_generator:
            return Replicates.of(self.scope.rated.generator[common])
        return self.scope.replicates.take(common)

    def of(self, name: str, common: Bools, *, by_generator: bool = False) -> JudgeOnUnits:
        """Return a judge's answers, figure and replicates on some units."""
        key = (name, np.packbits(common).tobytes(), by_generator)
        if key not in self._known:
            clusters = self.clusters(common, by_generator=by_generator)
            part = BY_GENERATOR if by_generator else ALL
            target = self.scope.left_out(self.target[common], clusters, part)
            self._known[key] = JudgeOnUnits.of(self.figure, target, self.said[name][common])
        return self._known[key]

    def difference(self, a: str, b: str, common: Bools | None = None) -> tuple[Difference, Bools]:
        """Compare two judges, by default on the units that both answered; return these units too."""
        common = self.common(a, b) if common is None else common
        first, second = self.of(a, common), self.of(b, common)
        found = difference(
            self.figure,
            self.target[common],
            first,
            second,
            self.clusters(common),
            confidence=self.scope.confidence,
        )
        return found, common

    def others(self, found: Difference, a: str, b: str, common: Bools) -> OtherGenerators | None:
        """Return what the difference says of other generators; None where units have no generator.

        A pair goes with either of its generators.
        """
        rated = self.scope.rated
        generator = (rated.generator if rated.sides is None else rated.sides)[common]
        if found.error is None or not len(generator) or (generator < 0).any():
            return None
        names = np.unique(generator)
        if rated.sides is None:
            first, second = (self.of(name, common, by_generator=True).replicated for name in (a, b))
        else:
            stays = Weighted(self.target[common], (generator[:, :, None] != names).all(axis=1).astype(float))
            said = (self.said[name][common] for name in (a, b))
            first, second = (self.figure.statistic(stays, x, score_tie(x)) for x in said)
        return other_generators(found, first - second, len(names), confidence=self.scope.confidence)

    def not_worse(self, found: Difference, a: str, b: str, common: Bools, margin: float) -> float | None:
        """Return the one-sided p-value of "a is worse than b by the margin or more"."""
        return not_worse(
            found,
            margin,
            figure=self.figure,
            y=self.target[common],
            a=self.said[a][common],
            b=self.said[b][common],
            block=self.scope.replicates.of_item[common],
        )


def pair_tests(compared: Compared, ranked: Sequence[str]) -> tuple[PairTest, ...]:
    """Test every pair of judges: one Holm family of all those that could be compared."""
    pairs = side_by_side(lambda pair: _pair(compared, *pair), list(combinations(ranked, 2)))
    corrected = holm_adjusted([found for _, found in pairs])
    return tuple(
        replace(row, p_holm=p, standing=standing(found, p))
        for (row, found), p in zip(pairs, corrected, strict=True)
    )


def holm_adjusted(found: Sequence[Difference]) -> list[float | None]:
    """Adjust the p-values of one family for one another; pairs that could not be compared are no part of it."""
    p = holm([d.p if d.testable and d.p is not None else np.nan for d in found])
    return [float(v) if np.isfinite(v) else None for v in p]


def _pair(compared: Compared, a: str, b: str) -> tuple[PairTest, Difference]:
    found, common = compared.difference(a, b)
    row = PairTest(
        a=a,
        b=b,
        figure=compared.figure.key,
        difference=found.value,
        low=found.low,
        high=found.high,
        p=found.p,
        p_holm=None,
        standing="open",
        method=found.method,
        n=int(common.sum()),
        prompts=int(compared.clusters(common).present.sum()),
        reason=found.reason,
        other_generators=compared.others(found, a, b, common),
    )
    return row, found


def tests_section(
    scope: Scope, ranked: list[str], leaders: list[str], *, tests: bool, permutations: int
) -> Tests:
    """Return the tests of all pairs of ranked judges, the groups, and the classical tests of neighbours.

    Args:
        scope: The study.
        ranked: Names from best to worst by the primary figure.
        leaders: Those of them that may be in a first place: groups are made of them.
        tests: Whether anything is tested.
        permutations: For the tests of the appendix; 0: no appendix.
    """
    if not tests or len(ranked) < 2 or len(np.unique(scope.rated.prompt)) < 2:
        return Tests(method=None, pairs=(), groups=(), groups_n=None, classical=())
    compared = Compared(scope)
    pairs = pair_tests(compared, ranked)
    groups, n = _groups(compared, leaders, pairs)
    return Tests(
        method="delete-one-prompt",
        pairs=pairs,
        groups=groups,
        groups_n=n,
        classical=tuple(_classical(compared, ranked, permutations)) if permutations else (),
    )


def _groups(
    compared: Compared, leaders: Sequence[str], pairs: Sequence[PairTest]
) -> tuple[tuple[tuple[str, ...], ...], int | None]:
    """Return significance groups, and the number of units they rest on: those that all of these judges answered."""
    if len(leaders) < 2:
        return (tuple(leaders),) if leaders else (), None
    common = compared.common(*leaders)
    n = int(common.sum())
    among = [row for row in pairs if row.a in leaders and row.b in leaders]
    if any(row.n != n for row in among):
        found = {pair: compared.difference(*pair, common)[0] for pair in combinations(leaders, 2)}
        adjusted = dict(zip(found, holm_adjusted(list(found.values())), strict=True))
        said = {pair: standing(d, adjusted[pair]) for pair, d in found.items()}
        values = {name: compared.of(name, common).value for name in leaders}
        order = sorted(leaders, key=lambda name: -values[name])
    else:
        said = {(row.a, row.b): row.standing for row in among}
        order = list(leaders)

    def beats(a: str, b: str) -> bool:
        return said.get((a, b)) == "ahead" or said.get((b, a)) == "behind"

    return tuple(map(tuple, significance_groups(order, beats))), n


def cell_tests(
    parts: Mapping[tuple[str, str], Scope], leaders: Sequence[str], *, tests: bool
) -> dict[tuple[str, str], CellTest]:
    """Test the first two judges of the whole study in each cell; one Benjamini-Hochberg family of all cells.

    Args:
        parts: Column and value to the scope of the items with that value.
        leaders: Names from best to worst in the whole study.
        tests: Whether anything is tested.
    """
    if not tests or len(leaders) < 2:
        return {}
    a, b = leaders[:2]
    found = {name: Compared(part).difference(a, b) for name, part in parts.items()}
    adjusted = benjamini_hochberg(
        [d.p if d.testable and d.p is not None else np.nan for d, _ in found.values()]
    )
    return {
        name: CellTest(
            a=a, b=b, difference=d.value, low=d.low, high=d.high, p=d.p,
            p_bh=float(p) if np.isfinite(p) else None, n=int(common.sum()), reason=d.reason,
        )
        for (name, (d, common)), p in zip(found.items(), adjusted, strict=True)
    }  # fmt: skip


def _classical(compared: Compared, ranked: Sequence[str], permutations: int) -> list[ClassicalRow]:
    """Return the classical tests of neighbours in the ranking, and item-bootstrap intervals of every judge."""
    parts = side_by_side(lambda pair: _classical_pair(compared, *pair, permutations), pairwise(ranked))
    rows = [row for part in parts for row in part]
    if compared.figure.of_labels or compared.figure.target == "preference":
        return rows
    return rows + side_by_side(partial(_bca, compared), ranked)


def _bca(compared: Compared, name: str) -> ClassicalRow:
    figure, scope, common = compared.figure.key, compared.scope, compared.common(name)
    y, x = compared.target[common], compared.said[name][common]
    rng = stream(scope.seed, "BCa", figure, name)
    interval = bca_interval(y, x, figure, draws=BCA_DRAWS, confidence=scope.confidence, rng=rng)
    return _row("BCa interval", name, None, len(y), interval=interval)


def _classical_pair(compared: Compared, a: str, b: str, permutations: int) -> list[ClassicalRow]:
    scope, figure, common = compared.scope, compared.figure.key, compared.common(a, b)
    y, first, second = compared.target[common], compared.said[a][common], compared.said[b][common]
    prompts, names = scope.rated.prompt[common], sorted((a, b))
    n = len(y)
    rows = []
    if figure in ("pearson", "spearman", "kendall_tau_b"):
        r_a, r_b, r_ab = (agreement(u, v, figure) for u, v in ((y, first), (y, second), (first, second)))
        result = williams(r_a, r_b, r_ab, n)
        rows.append(_row("Williams", a, b, n, statistic=result.statistic, p=result.p))
    if figure == "roc_auc":
        result = delong(y, first, second)
        rows.append(_row("DeLong", a, b, n, statistic=result.statistic, p=result.p))
    if compared.figure.of_labels:
        right = first == y, second == y
        result = mcnemar(*right)
        rows.append(_row("McNemar", a, b, n, statistic=result.statistic, p=result.p))
        signs = right[0].astype(float) - right[1]
        flipped = sign_flip(
            signs, prompts, permutations=permutations, rng=stream(scope.seed, "sign flip", *names)
        )
        rows.append(_row("McNemar as sign flip by prompt", a, b, n, p=flipped, independent_items=False))
    if compared.figure.target == "preference":
        return rows
    rng = stream(scope.seed, "PERM-INPUT", figure, *names)
    swapped = swap_test(
        y, first, second, prompts, figure, permutations=permutations, standardise=False, rng=rng
    )
    rows.append(
        _row("PERM-INPUT", a, b, n, statistic=swapped.difference, p=swapped.p, independent_items=False)
    )
    generator = scope.rated.generator[common]
    if (generator >= 0).all() and len(np.unique(generator)) > 1:
        _, row = np.unique(generator, return_inverse=True)
        _, column = np.unique(prompts, return_inverse=True)
        rng = stream(scope.seed, "PERM-BOTH", figure, *names)

        def draw(size: int) -> Floats:
            rows_swapped = rng.integers(2, size=(int(row.max()) + 1, size)).astype(np.int8)
            columns_swapped = rng.integers(2, size=(int(column.max()) + 1, size)).astype(np.int8)
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
