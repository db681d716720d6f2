"""What is assumed about people, judges and prompts when a study is planned: stated, or read from a pilot."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from genspace.analysis._arrays import Floats
from genspace.analysis._latent_scale import MAX_LATENT, LatentScale
from genspace.analysis.figures import Figure, figure_named
from genspace.display import Displayed
from genspace.errors import InputError
from genspace.records import ValueType

JudgeAnswers = Literal["graded", "yes-no"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions(Displayed):
    """What is assumed about people, judges and prompts.

    >>> Assumptions(reliability=0.5, agreement=(0.7, 0.6), shares=(0.5, 0.5)).figure.short
    'ROC AUC'
    """

    reliability: float
    """Correlation of two people's single ratings of an item, ICC(1,1), in (0, 1)."""
    agreement: tuple[float, float]
    """Each judge's correlation with the mean of very many raters; of pairs, the share on which it prefers what very
    many raters prefer."""
    between: float | None = None
    """Correlation of the two judges' answers; None: what their agreement with people alone makes of it."""
    prompt_share: float = 0.5
    """Share of the variance of true quality, and of each judge's errors, that items of one prompt share."""
    per_prompt: int = 1
    """Items (generators), or pairs, of each prompt."""
    shares: tuple[float, ...] | None = None
    """Share of each level of the rating scale, lowest first; two: no and yes; None: a continuous scale."""
    judges: JudgeAnswers = "graded"
    """Whether the judges give scores or say yes and no, yes as often as people or, on a scale, for half of the items;
    of pairs, whether they say by how much they prefer an item or only which."""
    pairs: bool = False
    """Whether people say which of two items is better; the items of a prompt's pairs are of the same two generators."""

    def __post_init__(self) -> None:
        for name in ("reliability", "prompt_share"):
            if not 0 <= getattr(self, name) < 1:
                raise InputError(f"{name} = {getattr(self, name)}: must lie in [0, 1)")
        if self.reliability == 0:
            raise InputError("reliability = 0: people who agree on nothing cannot tell judges apart")
        least = 0 if self.pairs else -1
        if any(not least < r < 1 for r in self.agreement):
            raise InputError(f"agreement {self.agreement} must lie in ({least}, 1)")
        if self.per_prompt < 1:
            raise InputError(f"per_prompt = {self.per_prompt}: must be at least 1")
        if self.shares is not None and (self.pairs or len(self.shares) < 2 or min(self.shares) <= 0):
            why = "pairs have none" if self.pairs else "give a positive share to each of at least two levels"
            raise InputError(f"shares {self.shares}: {why}")
        if self.between is not None and not -1 < self.between < 1:
            raise InputError(f"between = {self.between}: must lie in (-1, 1)")
        scale = self.scale
        most = scale.agreement(MAX_LATENT)
        if not self.pairs and max(map(abs, self.agreement)) > most + 1e-9:
            raise InputError(
                f"agreement {self.agreement}: {self.judges} judges reach at most {most:.3f} here"
            )
        if self.between is not None and self.judges == "graded" and not self.pairs:
            low, high = _possible_between(self.agreement)
            if not low <= self.between <= high:
                a, b = self.agreement
                raise InputError(
                    f"two judges that agree {a:.3g} and {b:.3g} with people cannot correlate {self.between:.3g} with "
                    f"each other, only {low:.3g} to {high:.3g}"
                )

    @property
    def figure(self) -> Figure:
        """The figure by which such a study tests its judges."""
        if self.pairs:
            return figure_named("pair_agreement")
        return figure_named("roc_auc" if self.value_type == "binary" else "spearman")

    @property
    def value_type(self) -> ValueType:
        """Kind of the answers."""
        if self.pairs or (self.shares is not None and len(self.shares) == 2):
            return "binary"
        return "continuous" if self.shares is None else "ordinal"

    @property
    def scale(self) -> LatentScale:
        """The normal variables underneath."""
        return LatentScale.of(self.reliability, self.shares, yes_no=self.judges == "yes-no", pairs=self.pairs)

    @classmethod
    def from_pilot(
        cls,
        ratings: ArrayLike,
        prompts: ArrayLike,
        *,
        scores: ArrayLike | None = None,
        reliability: float | None = None,
        agreement: tuple[float, float] | None = None,
        per_prompt: int | None = None,
        pairs: bool = False,
    ) -> Assumptions:
        """Read the assumptions from a pilot study.

        Args:
            ratings: (n, k) ratings of n items, NaN = none; each distinct value is a level when there are at
                most 11. Of pairs 1 for the first item, 0 for the second, 1/2 for a tie.
            prompts: (n,) prompt of each item.
            scores: (n, 2) scores of the two judges, higher is better; then agreement is measured. Judges of two
                values say yes and no. Of pairs above 0 for the first item.
            reliability: Stated instead of measured; needed where the raters agree on everything or on nothing.
            agreement: Stated instead of measured.
            per_prompt: Stated instead of the pilot's mean number of items a prompt.
            pairs: Whether people compared two items.

        Errors: `InputError` without two rated items by two raters, without variance, with perfect agreement, or with
        neither scores nor agreement.
        """
        table, prompt = np.asarray(ratings, dtype=float), np.asarray(prompts)
        judged = None if scores is None else np.asarray(scores, dtype=float)
        each = per_prompt or max(1, round(len(prompt) / len(np.unique(prompt))))
        if pairs:  # listed both ways, so that it makes no difference which item stands first
            table, prompt = np.vstack([table, 1 - table]), np.concatenate([prompt, prompt])
            judged = None if judged is None else np.vstack([judged, -judged])
        item, column = np.nonzero(np.isfinite(table))
        if reliability is None:
            reliability = _measured_reliability(table[item, column], item)
        rated = np.isfinite(table).any(axis=1)
        mean = np.nanmean(table[rated], axis=1)
        kind: JudgeAnswers = "graded"
        if judged is not None and all(len(np.unique(v[np.isfinite(v)])) == 2 for v in judged.T):
            kind = "yes-no"
        levels, counts = np.unique(table[item, column], return_counts=True)
        stated = cls(
            reliability=reliability,
            agreement=agreement or ((0.5, 0.5) if pairs else (0.0, 0.0)),
            per_prompt=each,
            shares=None if pairs or len(levels) > 11 else tuple((counts / counts.sum()).tolist()),
            judges=kind,
            pairs=pairs,
        )
        scale, columns, between = stated.scale, [mean], None
        if judged is not None:
            judged = judged[rated]
            correlations = np.corrcoef(np.column_stack([judged, mean]), rowvar=False)
            if not np.isfinite(correlations).all():
                raise InputError("the pilot's scores must vary and be there for every rated item")
            k = len(item) / rated.sum()
            most = scale.agreement(MAX_LATENT)
            if agreement is None and pairs:
                found = (scale.preferred(judged[:, j], mean, round(k)) for j in (0, 1))
            else:
                ceiling = math.sqrt(_spearman_brown(reliability, k))
                found = (float(np.clip(correlations[j, 2] / ceiling, -most, most)) for j in (0, 1))
            first, second = found
            agreement = agreement or (first, second)
            # In a small pilot the figures, each with its own error, may contradict each other.
            between = float(np.clip(correlations[0, 1], -MAX_LATENT, MAX_LATENT))
            if kind == "graded" and not pairs:
                between = float(np.clip(between, *_possible_between(agreement)))
            columns += [judged[:, 0], judged[:, 1]]
        if agreement is None:
            raise InputError("state the agreement that each judge is expected to reach, or give their scores")
        shared = [_shared_variance(values, prompt[rated]) for values in columns]
        known = [min(max(s, 0.0), MAX_LATENT) for s in shared if math.isfinite(s)]
        prompt_share = float(np.mean(known)) if known else 0.0
        return replace(stated, agreement=agreement, between=between, prompt_share=prompt_share)


def _possible_between(agreement: tuple[float, float]) -> tuple[float, float]:
    """Return the least and greatest correlation of two judges who agree so with people: their errors' being -1 or 1."""
    a, b = agreement
    errors = math.sqrt((1 - a * a) * (1 - b * b))
    return a * b - errors, a * b + errors


def _shared_variance(values: Floats, groups: ArrayLike) -> float:
    """Return the intraclass correlation of a one-way layout, groups of any size (Donner 1986); NaN if undefined."""
    _, member = np.unique(np.asarray(groups), return_inverse=True)
    sizes = np.bincount(member).astype(float)
    n, groups_there = sizes.sum(), len(sizes)
    if groups_there < 2 or n <= groups_there:
        return math.nan
    means = np.bincount(member, weights=values) / sizes
    between = (sizes @ np.square(means - values.mean())) / (groups_there - 1)
    within = np.square(values - means[member]).sum() / (n - groups_there)
    size = (n - np.square(sizes).sum() / n) / (groups_there - 1)
    scale = between + (size - 1) * within
    return float((between - within) / scale) if scale > 0 else math.nan


def _measured_reliability(ratings: Floats, items: ArrayLike) -> float:
    """Return ICC(1,1) of a pilot. Errors: `InputError` where it says nothing about a larger study."""
    found = _shared_variance(ratings, items)
    if math.isnan(found) or found <= 0:
        raise InputError(
            "the pilot's raters show no agreement that could be measured; rate more items, at least two "
            "raters each, or state the reliability (`reliability` 0.5)"
        )
    if found >= 1:
        n = len(np.unique(np.asarray(items)))
        raise InputError(
            f"the pilot's raters agree on all {n} items. No larger study is free of noise, and how much there is "
            "cannot be read from none: rate more items, or state the reliability (`reliability` 0.9)"
        )
    return found


def _spearman_brown(reliability: float, raters: float) -> float:
    """Return the reliability of the mean of so many raters."""
    return raters * reliability / (1 + (raters - 1) * reliability)
