"""One judge against another on the same units: the difference, its standard error, and what may be claimed of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from genspace.analysis._arrays import Floats, Ints
from genspace.analysis.correlation import score_tie
from genspace.analysis.figures import Figure
from genspace.analysis.inference.intervals import Support, of_difference, on_scale, raw
from genspace.analysis.inference.left_out import LeftOut
from genspace.analysis.inference.replicates import Replicates, StandardError, standard_error
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import dense_codes, pair_signs
from genspace.analysis.significance import ALPHA

__all__ = [
    "ENOUGH",
    "MIN_GENERATORS",
    "Difference",
    "JudgeOnUnits",
    "Method",
    "OtherGenerators",
    "Standing",
    "contributions",
    "difference",
    "not_worse",
    "other_generators",
    "standing",
]  # fmt: skip


ENOUGH = 6
"""With fewer prompts that tell two judges apart no test can be significant: 2 · 2⁻⁵ = .06."""
MIN_GENERATORS = 5
"""With fewer generators nothing is said of others; the range with each left out is given."""
SCANNED = 500
"""Units looked at for a pair that tells two judges apart."""
Method = Literal["t", "sign"]
Standing = Literal["ahead", "behind", "open", "open before correction", "identical", "not compared"]
"""What may be said of a judge beside another."""


@dataclass(frozen=True, slots=True)
class JudgeOnUnits:
    """A judge's answers on the common units, with its figure and that figure's replicates."""

    answers: Floats
    """(n,) finite."""
    value: float
    replicated: Floats
    """(B,)."""

    @classmethod
    def of(cls, figure: Figure, target: LeftOut, answers: Floats) -> JudgeOnUnits:
        """Compute a judge's figure, and it again without each block of prompts.

        Args:
            figure: What is computed.
            target: Of the n units, with their blocks of prompts.
            answers: (n,) of the judge.
        """
        values = figure.statistic(target, answers, score_tie(answers))
        return cls(answers, float(values[0]), values[1:])


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first judge's figure minus the second's; pointwise, not corrected for anything."""

    value: float | None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    """Two-sided, of no difference."""
    method: Method | None = None
    """Student's t, or the exact sign test where few prompts tell the judges apart."""
    error: StandardError | None = None
    below: StandardError | None = None
    """Of the side below: larger than `error` where the first judge is behind and a figure is near its end."""
    contributions: int = 0
    """Prompts that tell the judges apart, counted up to `ENOUGH`."""
    reason: Reason | None = None
    """Why there is no value, no test, or no claim."""

    @property
    def testable(self) -> bool:
        """Whether the pair belongs to the family of tests that are corrected for one another."""
        return self.method == "t" and self.p is not None


def difference(
    figure: Figure,
    y: Floats,
    a: JudgeOnUnits,
    b: JudgeOnUnits,
    clusters: Replicates,
    *,
    confidence: float = 0.95,
) -> Difference:
    """Compare two judges on the units that both answered.

    Fewer than `ENOUGH` prompts that tell them apart never give a claim, nor does a standard error of 0: ten prompts
    without a single error of one judge say little about the eleventh.

    Args:
        figure: What is compared.
        y: (n,) target.
        a: The first judge.
        b: The second.
        clusters: The blocks of prompts of the n units.
        confidence: Level of the interval.
    """
    value = a.value - b.value
    if not np.isfinite(value):
        return Difference(value=None, reason=Reason("undefined_on_common_items"))
    if np.array_equal(a.answers, b.answers):
        return Difference(value=0.0, reason=Reason("identical", n=len(y)))
    signs = contributions(figure, y, a.answers, b.answers, clusters.of_item)
    told = len(signs)
    error = standard_error(a.replicated - b.replicated, clusters.present)
    support = Support.of(figure, y, clusters)
    few = support.few is not None and support.at_ends < 2
    if error is None or few:
        reason = Reason("single_prompt" if clusters.present.sum() < 2 else "undefined_without_a_prompt")
        return Difference(value=value, contributions=told, reason=reason)
    if told < ENOUGH:
        few_told = Reason("few_contributions", n=told, needed=ENOUGH)
        p = _sign_test(signs)
        return Difference(value=value, p=p, method="sign", error=error, contributions=told, reason=few_told)
    if error.value == 0:
        reason = Reason("equal_in_every_prompt")
        return Difference(value=value, error=error, contributions=told, reason=reason)
    low, high = raw(value, error, confidence)
    below = error
    skewed = _lopsided(figure, a, b, clusters, support, confidence=confidence)
    if value >= 0:
        high = max(high, skewed[1])
    if value <= 0 and skewed[0] < low:
        below = StandardError(error.value * (value - skewed[0]) / (value - low), error.df)
        low = skewed[0]
    p = min(1.0, 2 * error.beyond(abs(value)))
    return Difference(
        value=value, low=low, high=high, p=p, method="t", error=error, below=below, contributions=told
    )


def _lopsided(
    figure: Figure,
    a: JudgeOnUnits,
    b: JudgeOnUnits,
    clusters: Replicates,
    support: Support,
    *,
    confidence: float,
) -> tuple[float, float]:
    """Return the interval of the difference from each judge's own, which is lopsided near the end of the scale.

    Where one judge never errs, the loss of the other is a share near 0: value - t s then lies too close.
    """
    replicated = a.replicated[clusters.present], b.replicated[clusters.present]
    ends = [
        on_scale(figure.scale, said.value, standard_error(r), support, confidence) or (said.value, said.value)
        for said, r in zip((a, b), replicated, strict=True)
    ]
    vary = all(np.ptp(r) > 0 for r in replicated)
    correlation = float(np.corrcoef(*replicated)[0, 1]) if vary else 0.0
    return of_difference(a.value, ends[0], b.value, ends[1], correlation)


def _sign_test(signs: Sequence[int]) -> float | None:
    known = [s for s in signs if s]
    if not known:
        return None
    from scipy.stats import binomtest

    return float(binomtest(sum(s > 0 for s in known), len(known)).pvalue)


def contributions(figure: Figure, y: Floats, a: Floats, b: Floats, block: Ints) -> list[int]:
    """Return, for up to `ENOUGH` prompts that tell two judges apart, which judge each of them speaks for.

    Labels and preferences tell judges apart in a prompt where they differ. Orders differ in pairs of units: the pairs
    counted share no prompt, those inside one prompt first.

    Args:
        figure: What is compared.
        y: (n,) target.
        a: (n,) answers of the first judge.
        b: (n,) answers of the second.
        block: (n,) prompt, or block of prompts.

    Returns:
        1 for the first judge, -1 for the second, 0 for neither.
    """
    if figure.of_labels or figure.target == "preference" or not figure.by_order:
        return _differing(figure, y, a, b, block)[:ENOUGH]
    codes = dense_codes(y), dense_codes(a, score_tie(a)), dense_codes(b, score_tie(b))
    found: list[int] = []
    used = np.zeros(int(block.max(initial=-1)) + 1, dtype=bool)
    order = np.argsort(block, kind="stable")
    for units in np.split(order, np.flatnonzero(np.diff(block[order])) + 1):
        sign = _telling(codes, units[:SCANNED], units[:SCANNED]) if len(units) > 1 else None
        if sign is not None:
            found.append(sign[2])
            used[block[units[0]]] = True
            if len(found) == ENOUGH:
                return found
    rest = order[~used[block[order]]]
    for unit in rest[:: max(1, len(rest) // SCANNED)]:
        if used[block[unit]]:
            continue
        others = rest[~used[block[rest]] & (block[rest] != block[unit])]
        sign = _telling(codes, np.array([unit]), others)
        if sign is not None:
            found.append(sign[2])
            used[block[[sign[0], sign[1]]]] = True
            if len(found) == ENOUGH:
                break
    return found


def _telling(codes: tuple[Ints, Ints, Ints], first: Ints, second: Ints) -> tuple[int, int, int] | None:
    """Return the first pair of units that people separate and the judges order differently, and for whom it speaks."""
    y, a, b = (pair_signs(c[first], c[second]) for c in codes)
    told = (y != 0) & (a != b)
    if not told.any():
        return None
    i, j = np.unravel_index(int(told.argmax()), told.shape)
    gain = int(np.sign(int(y[i, j]) * (int(a[i, j]) - int(b[i, j]))))
    return int(first[i]), int(second[j]), gain


def _differing(figure: Figure, y: Floats, a: Floats, b: Floats, block: Ints) -> list[int]:
    """Return for whom each prompt speaks in which two judges say something else."""
    if figure.target == "preference":
        a, b = (np.where(np.abs(v) <= score_tie(v), 0.0, np.sign(v)) for v in (a, b))
        gain = np.sign(y) * (a - b)
    elif figure.of_labels:
        gain = (a == y).astype(float) - (b == y)
    else:
        a, b = ((v - v.mean()) / (v.std() or 1.0) for v in (a, b))
        gain = (y - y.mean()) * (a - b)
    differs = np.abs(a - b) > 1e-9
    if figure.target == "preference":
        differs &= y != 0
    blocks = int(block.max(initial=-1)) + 1
    total = np.bincount(block, gain, minlength=blocks)
    there = np.bincount(block[differs], minlength=blocks) > 0
    return [int(np.sign(v)) for v in total[there]]


def not_worse(
    found: Difference, margin: float, *, figure: Figure, y: Floats, a: Floats, b: Floats, block: Ints
) -> float | None:
    """Return the one-sided p-value of "the first judge is worse by the margin or more"; None where it is open.

    Where few prompts tell the judges apart, only shares over prompts of equal size are judged, by the share of prompts
    that got worse (Clopper and Pearson 1934): each of them loses at most all of its units.

    Args:
        found: The difference.
        margin: Largest loss that still counts as not worse.
        figure: What is compared.
        y: (n,) target.
        a: (n,) answers of the first judge.
        b: (n,) answers of the second.
        block: (n,) prompt, or block of prompts.
    """
    from scipy.special import bdtr

    if found.value is None or found.error is None:
        return None
    if found.below is not None:
        return found.below.beyond(found.value + margin)
    plain = figure.scale == "share" and (figure.key == "accuracy" or figure.target == "preference")
    counted = y != 0 if figure.target == "preference" else np.ones(len(y), dtype=bool)
    sizes = np.bincount(block[counted])
    sizes = sizes[sizes > 0]
    if not plain or len(np.unique(sizes)) != 1 or found.method != "sign":
        return None
    worse = sum(sign < 0 for sign in _differing(figure, y, a, b, block))
    return float(bdtr(worse, len(sizes), min(margin, 1.0)))


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherGenerators:
    """What a difference says of generators that were not rated."""

    generators: int
    low: float
    """End of an interval with `MIN_GENERATORS` or more generators, else the least difference with one left out."""
    high: float
    p: float | None
    """None with fewer generators: nothing is claimed of others."""


def other_generators(
    found: Difference, replicated: Floats, generators: int, *, confidence: float = 0.95
) -> OtherGenerators | None:
    """Return the difference as one of generators in general, from replicates without each generator.

    Args:
        found: The difference over prompts.
        replicated: (K,) the difference without each generator.
        generators: Number of generators K.
        confidence: Level of the interval.

    >>> over_prompts = Difference(value=0.1, error=StandardError(0.02, 39), method="t", p=0.00001)
    >>> other_generators(over_prompts, np.array([0.08, 0.12, 0.1]), 3)
    OtherGenerators(generators=3, low=0.08, high=0.12, p=None)
    """
    if found.value is None or found.error is None or generators < 2 or not np.isfinite(replicated).all():
        return None
    if generators < MIN_GENERATORS:
        low, high = float(replicated.min()), float(replicated.max())
        return OtherGenerators(generators=generators, low=low, high=high, p=None)
    own = standard_error(replicated)
    assert own is not None
    error = StandardError(max(own.value, found.error.value), own.df)
    if error.value == 0:
        return None
    low, high = raw(found.value, error, confidence)
    p = min(1.0, 2 * error.beyond(abs(found.value)))
    return OtherGenerators(generators=generators, low=low, high=high, p=p)


def standing(found: Difference, adjusted: float | None) -> Standing:
    """Return what may be said of the first judge beside the second.

    Args:
        found: The difference.
        adjusted: Its p-value, corrected for all pairs of the study that could be compared.

    >>> standing(Difference(value=0.1, low=0.02, high=0.18, p=0.02, method="t"), 0.03)
    'ahead'
    >>> standing(Difference(value=-0.1, low=-0.18, high=-0.02, p=0.02, method="t"), 0.06)
    'open before correction'
    """
    if found.value is None:
        return "not compared"
    if found.reason is not None and found.reason.code == "identical":
        return "identical"
    if found.testable and adjusted is not None:
        if adjusted <= ALPHA:
            return "ahead" if found.value > 0 else "behind"
        if found.p is not None and found.p <= ALPHA:
            return "open before correction"
    return "open"
