"""What agreement is: one row for each figure between what people said and what a judge said of the same items.

A row is all that a figure is anywhere: table, words, report, specification, breakdowns and JSON read it from here. A
package adds its own rows through the entry-point group `genspace.figures`, each entry a `Figure`.

Longer than 400 lines: it is one table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from operator import attrgetter
from typing import Literal

import numpy as np

from genspace.analysis._arrays import Floats
from genspace.analysis.decisions import Confusion, cells
from genspace.analysis.inference.intervals import Scale
from genspace.analysis.resampling import Concordance, Weighted, dense_codes, one_hot, ratio
from genspace.errors import GenspaceError, InputError, did_you_mean
from genspace.records import ValueType

__all__ = ["FIGURES", "SYSTEMS", "TIE_CALIBRATED_PAIRS", "TIE_FORMS", "Figure", "Named", "figure_named"]

Statistic = Callable[[Weighted, Floats, float], Floats]
"""Takes the target with (n, B) multiplicities, (n,) scores, and the difference up to which scores tie; returns (B,)."""
Share = Callable[[Concordance], Floats]
Target = Literal["rating", "decision", "preference"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a figure is called and means."""

    key: str
    """In JSON, on the command line and in study.toml."""
    short: str
    """Heading of a column."""
    label: str
    """In sentences."""
    meaning: str
    """One sentence for a reader who meets it first; `{people}` is whoever the judges are compared with."""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure(Named):
    """One figure of agreement, higher always better."""

    statistic: Statistic
    target: Target = "rating"
    """Whether it compares with the mean rating, with people's yes and no, or with which of two items they prefer."""
    of_labels: bool = False
    """Whether it reads a judge's decisions instead of its scores."""
    chance: float
    """Its value for a judge that knows nothing; below it a judge points the other way."""
    scale: Scale = "raw"
    """Where it lies, which says how its interval is made."""
    of_classes: bool = False
    """Whether it rests on how many yes and no there are: an interval needs the rarer one in several prompts."""
    least_prompts: int = 2
    """Prompts below which there is no interval."""
    by_order: bool = True
    """Whether two judges that put everything in the same order have the same value."""
    share: Share | None = None
    """For shares of pairs: the share as a function of the counts, so that groups can be pooled by pairs."""
    within: bool = False
    """Whether it is given within prompts and within generators too."""
    penalised: Statistic | None = None
    """The form that takes NaN for abstentions: each ties with every other item, or is a wrong decision; None: none."""
    shown_for: frozenset[ValueType] = frozenset()
    """Kinds of ratings for which the main table shows it; the primary figure always comes first."""
    tie_form: str | None = None
    """For the figures that differ in what a judge's tie is worth alone: that, in words."""


def _of_pairs(form: str) -> Statistic:
    """Read a figure off `Concordance`."""
    return lambda y, x, tie: getattr(y.concordance(x, tie), form)


def _of_decisions(rate: str) -> Statistic:
    """Read a figure off `Confusion`."""
    return lambda y, x, _: getattr(Confusion(*y.sums(cells(y.y, x))), rate)


def _of_preferences(*, tie: float, apart: bool) -> Statistic:
    """Return the share of pairs on which the judge prefers what people prefer.

    The target is positive where people prefer the first item, negative for the second, 0 for neither; scores alike.

    Args:
        tie: What a judge's tie is worth on a pair that people separate; NaN: nothing, the pair is left out.
        apart: Whether only pairs that people separate count.
    """

    def statistic(y: Weighted, x: Floats, width: float) -> Floats:
        people, said = np.sign(y.y), np.where(np.abs(x) <= width, 0.0, np.sign(x))
        right = np.where((said == 0) & (people != 0), tie, people == said)
        counted = np.isfinite(right) & (people != 0 if apart else True)
        return ratio(*y.sums(np.stack([np.where(counted, right, 0.0), counted], dtype=float)))

    return statistic


def _raters_who_agree(y: Weighted, x: Floats, width: float) -> Floats:
    """Return the mean share of a pair's raters who prefer what the judge prefers; half of them where it ties.

    The target is the share of raters who prefer the first item, less a half.
    """
    said = np.where(np.abs(x) <= width, 0.0, np.sign(x))
    return ratio(y.sums((0.5 + said * y.y)[None])[0], y.total)


def _no_preference(*, tie: float, apart: bool) -> Statistic:
    """Read an abstention as a tie."""
    statistic = _of_preferences(tie=tie, apart=apart)
    return lambda y, x, width: statistic(y, np.nan_to_num(x), width)


def _tied(form: str, *, near: bool = True) -> Statistic:
    """Count the pairs of all items; the judge ties every pair that it did not score both items of."""

    def penalised(y: Weighted, x: Floats, tie: float) -> Floats:
        scored = np.isfinite(x)
        judged = y.take(scored).concordance(x[scored], tie if near else 0.0)
        everything = y.concordance(np.zeros(len(x)))
        counted = replace(
            everything,
            balance=judged.balance,
            ties_x=judged.ties_x + everything.pairs - judged.pairs,
            ties_both=judged.ties_both + everything.ties_y - judged.ties_y,
        )
        return np.asarray(getattr(counted, form))

    return penalised


def _wrong(rate: str) -> Statistic:
    """Read an abstention as a wrong decision."""
    decided = _of_decisions(rate)
    return lambda y, x, tie: decided(y, np.where(np.isfinite(x), x, 1 - y.y), tie)


def _correlated(*, ranks: bool) -> Statistic:
    """Correlate over pairs of items, those with an abstention tied.

    Every correlation here is a sum over pairs, sum a_ij b_ij / sqrt(sum a_ij² sum b_ij²), where a and b say how judge
    and people order a pair (Daniels 1944, "The relation between measures of correlation in the universe of sample
    permutations", Biometrika 33). A pair with an abstained item has a_ij = 0, but counts among the people's pairs.
    """
    placed = _mid_ranks if ranks else _as_given

    def penalised(y: Weighted, x: Floats, _: float) -> Floats:
        scored = np.isfinite(x)
        people, said = placed(y.y), placed(x[scored])

        def of(some: Weighted) -> Floats:
            weights, part = some.weights, some.weights[scored]
            target, given = people(weights), said(part)
            spread = _spread(given, given, part) * _spread(target, target, weights)
            return ratio(_spread(given, target[scored], part), np.sqrt(np.where(spread > 1e-13, spread, 0)))

        return y.chunked(of)

    return penalised


_Placed = Callable[[Floats], Floats]
"""Takes (n, B) weights; returns the items' (n, B) values in each draw."""


def _as_given(values: Floats) -> _Placed:
    return lambda weights: np.broadcast_to(values[:, None], weights.shape)


def _mid_ranks(values: Floats) -> _Placed:
    codes = dense_codes(values)
    groups = one_hot(codes)

    def ranks(weights: Floats) -> Floats:
        counts = np.asarray(groups @ weights)
        return np.asarray((np.cumsum(counts, axis=0) - counts / 2)[codes])

    return ranks


def _spread(a: Floats, b: Floats, weights: Floats) -> Floats:
    """(B,) sum over all pairs of items of (a_i - a_j)(b_i - b_j), from (n, B) values."""
    sum_a, sum_b, product = (np.einsum("nb,nb->b", v, weights) for v in (a, b, a * b))
    return np.asarray(weights.sum(axis=0) * product - sum_a * sum_b)


RATINGS: frozenset[ValueType] = frozenset({"ordinal", "continuous"})
BINARY: frozenset[ValueType] = frozenset({"binary"})
DEUTSCH = "Deutsch, Foster & Freitag 2023, Ties Matter"

_ROWS = (
    Figure(
        key="spearman", short="Spearman", label="Spearman", chance=0.0, within=True, shown_for=RATINGS,
        scale="correlation",
        meaning="does the judge put the items in {people}'s order? 1 the same order, 0 no relation, −1 reversed",
        statistic=lambda y, x, _: y.spearman(x), penalised=_correlated(ranks=True), source="Spearman 1904",
    ),
    Figure(
        key="kendall_tau_b", short="Kendall τ-b", label="Kendall's tau-b", chance=0.0, within=True, shown_for=RATINGS,
        scale="correlation",
        meaning="the same question asked of every two items; ties of either side lower it",
        statistic=lambda y, x, _: y.concordance(x).tau_b, penalised=_tied("tau_b", near=False), source="Kendall 1945",
    ),
    Figure(
        key="pearson", short="Pearson", label="Pearson", chance=0.0, within=True, shown_for=RATINGS,
        scale="correlation", by_order=False,
        meaning="do scores rise in proportion to {people}'s answers? 1 perfectly, 0 not at all, below 0 the other way",
        statistic=lambda y, x, _: y.pearson(x), penalised=_correlated(ranks=False),
    ),
    Figure(
        key="kendall_tau_c", short="Kendall τ-c", label="Kendall's tau-c", chance=0.0,
        scale="correlation",
        meaning="as τ-b, for scales with different numbers of steps",
        statistic=lambda y, x, _: y.concordance(x).tau_c, source="Stuart 1953",
    ),
    Figure(
        key="pairwise_strict", short="pairwise, ties wrong", label="pairwise accuracy, a judge's ties wrong",
        scale="share",
        chance=0.5, within=True, tie_form="a judge's ties count as wrong",
        meaning="of two items that {people} separate, how often the judge puts the better one higher; a tie is wrong",
        statistic=_of_pairs("strict"), share=attrgetter("strict"), penalised=_tied("strict"), source=DEUTSCH,
    ),
    Figure(
        key="pairwise_half_credit", short="pairwise, ties half", label="pairwise accuracy, a judge's ties half",
        scale="share",
        chance=0.5, within=True, tie_form="a judge's ties count half",
        meaning="of two items that {people} separate, how often the judge puts the better one higher; a tie counts "
        "half (graded AUC)",
        statistic=_of_pairs("half_credit"), share=attrgetter("half_credit"), penalised=_tied("half_credit"),
        source=DEUTSCH,
    ),
    Figure(
        key="pairwise_ties_dropped", short="pairwise, ties dropped", label="pairwise accuracy, ties of both dropped",
        scale="share",
        chance=0.5, within=True, tie_form="ties of both are dropped",
        meaning="of two items that both separate, how often the judge puts the better one higher",
        statistic=_of_pairs("ties_dropped"), share=attrgetter("ties_dropped"), source=DEUTSCH,
    ),
    Figure(
        key="pairwise_with_ties", short="pairwise, with ties", label="pairwise accuracy with ties (acc23)",
        scale="share",
        chance=0.5, within=True,
        meaning="how often judge and {people} say the same of two items: the first, the second, or a tie",
        statistic=_of_pairs("with_ties"), share=attrgetter("with_ties"), penalised=_tied("with_ties"), source=DEUTSCH,
    ),
    Figure(
        key="roc_auc", short="ROC AUC", label="ROC AUC", target="decision", chance=0.5, shown_for=BINARY,
        scale="share", of_classes=True,
        meaning="how often the judge scores a yes above a no: 1 always, 0.5 as a coin would",
        statistic=_of_pairs("half_credit"), share=attrgetter("half_credit"), penalised=_tied("half_credit"),
        source="Hanley & McNeil 1982",
    ),
    Figure(
        key="average_precision", short="avg. precision", label="average precision", target="decision", chance=0.0,
        scale="share", of_classes=True, least_prompts=20,
        meaning="how clean the top of the judge's order is: 1 when every yes stands above every no",
        statistic=lambda y, x, _: y.average_precision(x),
    ),
    Figure(
        key="cohen_kappa", short="Cohen κ", label="Cohen's kappa", target="decision", of_labels=True, chance=0.0,
        scale="correlation", of_classes=True,
        shown_for=BINARY, meaning="how far yes and no agree beyond chance: 1 always, 0 as often as by chance",
        statistic=_of_decisions("cohen_kappa"), penalised=_wrong("cohen_kappa"), source="Cohen 1960",
    ),
    Figure(
        key="accuracy", short="accuracy", label="accuracy", target="decision", of_labels=True, chance=0.5,
        scale="share", shown_for=BINARY,
        meaning="share of the judge's decisions that are {people}'s; high without skill where one answer prevails",
        statistic=_of_decisions("accuracy"), penalised=_wrong("accuracy"),
    ),
    Figure(
        key="balanced_accuracy", short="balanced acc.", label="balanced accuracy", target="decision", of_labels=True,
        scale="share", of_classes=True,
        chance=0.5, shown_for=BINARY,
        meaning="accuracy on yes and on no, averaged: 0.5 as a coin would, whichever answer prevails",
        statistic=_of_decisions("balanced_accuracy"), penalised=_wrong("balanced_accuracy"),
    ),
    Figure(
        key="f1", short="F1", label="F1", target="decision", of_labels=True, chance=0.0,
        scale="share", of_classes=True,
        meaning="of the judge's yes and of {people}'s, how many are both: the harmonic mean of precision and recall",
        statistic=_of_decisions("f1"), penalised=_wrong("f1"),
    ),
    Figure(
        key="mcc", short="MCC", label="Matthews' correlation", target="decision", of_labels=True, chance=0.0,
        scale="correlation", of_classes=True,
        meaning="the correlation of the judge's yes and no with {people}'s: 1 always the same, 0 by chance",
        statistic=_of_decisions("mcc"), penalised=_wrong("mcc"), source="Matthews 1975",
    ),
    Figure(
        key="pair_agreement", short="agreement on pairs", label="agreement on pairs", target="preference", chance=0.5,
        scale="share", tie_form="a judge's ties count half",
        meaning="of pairs on which {people} prefer one, how often the judge prefers the same; a tie counts half",
        statistic=_of_preferences(tie=0.5, apart=True), penalised=_no_preference(tie=0.5, apart=True),
    ),
    Figure(
        key="pair_agreement_strict", short="pairs, ties wrong", label="agreement on pairs, a judge's ties wrong",
        target="preference", chance=0.5, scale="share", tie_form="a judge's ties count as wrong",
        meaning="of pairs on which {people} prefer one, how often the judge prefers the same; a tie is wrong",
        statistic=_of_preferences(tie=0.0, apart=True), penalised=_no_preference(tie=0.0, apart=True),
    ),
    Figure(
        key="pair_agreement_ties_dropped", short="pairs, ties dropped",
        label="agreement on pairs, ties of both dropped", target="preference", chance=0.5,
        scale="share", tie_form="ties of both are dropped",
        meaning="of pairs on which both prefer one, how often it is the same",
        statistic=_of_preferences(tie=np.nan, apart=True),
    ),
    Figure(
        key="pair_agreement_with_ties", short="pairs, with ties", label="agreement on pairs, with ties",
        target="preference", chance=0.5, scale="share",
        meaning="how often judge and {people} say the same of a pair: the first, the second, or a tie",
        statistic=_of_preferences(tie=0.0, apart=False), penalised=_no_preference(tie=0.0, apart=False),
    ),
    Figure(
        key="pair_raters_who_agree", short="raters who agree", label="share of raters who agree on pairs",
        target="preference", chance=0.5, scale="share", statistic=_raters_who_agree,
        meaning="of the raters of a pair, how many prefer what the judge prefers; does not grow with their number, so "
        "that studies can be compared",
    ),
)  # fmt: skip

SAME_AS = {"graded_auc": "pairwise_half_credit", "agreement": "pair_agreement"}
"""Other names of figures."""

TIE_CALIBRATED_PAIRS = Named(
    key="pair_agreement_tie_calibrated", short="pairs, ties calibrated", label="agreement on pairs, ties calibrated",
    meaning="how often judge and {people} say the same of a pair, where scores that lie close enough together "
    "count as a tie",
)  # fmt: skip
"""Beside the figures of pairs; its tie width is chosen on other prompts."""

SYSTEMS: Mapping[str, Named] = {
    row.key: row
    for row in (
        Named(
            key="pearson", short="Pearson", label="Pearson",
            meaning="do the generators' mean scores rise in proportion to {people}'s answers?",
        ),
        Named(
            key="spearman", short="Spearman", label="Spearman",
            meaning="does the judge put the generators in {people}'s order?",
        ),
        Named(
            key="kendall_tau_b", short="Kendall τ-b", label="Kendall's tau-b",
            meaning="the same question asked of every two generators",
        ),
        Named(
            key="pairwise_accuracy", short="pairwise", label="pairwise accuracy",
            meaning="share of pairs of generators in {people}'s order",
        ),
        Named(
            key="soft_pairwise_accuracy", short="soft pairwise", label="soft pairwise accuracy",
            meaning="as pairwise, with credit for being as sure of each pair as {people}",
            source="Thompson et al. 2024",
        ),
    )
}  # fmt: skip
"""Figures between generators."""


def _all_rows() -> dict[str, Figure]:
    """Return the rows by key; those of other packages last. Errors: `GenspaceError` for an entry that is not a row."""
    rows = {row.key: row for row in _ROWS}
    for entry in entry_points(group="genspace.figures"):
        row = entry.load()
        if not isinstance(row, Figure) or row.key in rows:
            raise GenspaceError(
                f"entry point genspace.figures: {entry.name} ({entry.value}) is not a new Figure"
            )
        rows[row.key] = replace(row, statistic=_in_chunks(row.statistic))
    return rows


def _in_chunks(statistic: Statistic) -> Statistic:
    """Give a figure that may read all multiplicities some draws at a time."""
    return lambda y, x, tie: y.chunked(lambda some: statistic(some, x, tie))


FIGURES: Mapping[str, Figure] = _all_rows()
"""Every figure by its key, in the order of tables."""
TIE_FORMS = tuple(key for key, row in FIGURES.items() if row.tie_form is not None)
"""The figures that differ in what a judge's tie is worth alone."""


def figure_named(name: str) -> Figure:
    """Return the figure of this name. Errors: `InputError` with the closest known name.

    >>> figure_named("graded_auc").key
    'pairwise_half_credit'
    """
    key = SAME_AS.get(name, name)
    if key not in FIGURES:
        raise InputError(f"unknown figure {name!r}{did_you_mean(name, FIGURES)}")
    return FIGURES[key]
