"""Judge `ensemble`: several judges as one calibrated probability that people would say yes.

    [judges.both]
    kind = "ensemble"
    members = ["geometry", "vlm:gpt-4.1"]
    method = "logistic"

The probability of an item is fitted on people's answers to the other prompts alone (`analysis.calibration`), so
that comparing it with the same people is fair. Where a member abstains, the rest are calibrated without it; where one
failed, so does the ensemble, and `--retry errors` asks again.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from copy import copy
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from genspace.errors import InputError
from genspace.judges._members import Members, added, failures
from genspace.judges._protocol import Judge, JudgeContext, JudgeSpec, Need, parse_options
from genspace.records import Measurement, Request, Verdict, fingerprint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["EnsembleJudge", "EnsembleOptions", "make"]


MISS = "measured"
"""What follows a member's name in that of its measurements' weight."""
MOST = 3.0
"""Tolerances beyond which a miss counts as this far."""


class EnsembleOptions(BaseModel):
    """Options of `[judges.NAME] kind = "ensemble"`.

    >>> EnsembleOptions(members=("clip", "vlm"), method="logistic").folds
    5
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    members: tuple[str, ...] = Field(min_length=1)
    """Judges as on the command line, names of [judges.NAME] tables, or metrics whose scores the study has."""
    method: Literal["isotonic", "logistic"] = "isotonic"
    """isotonic: of the mean of the standardised scores; logistic: one weight a member."""
    folds: int = Field(5, ge=2, le=100)
    """Parts the prompts are split into."""
    measurements: bool = False
    """Whether what a member measured counts beside its score: how far its worst constraint misses, in tolerances."""
    by: str | None = None
    """Sub-domains with weights of their own, for logistic: "predicate", or a column of items.csv."""


class EnsembleJudge:
    """A calibrated combination of judges.

    >>> EnsembleJudge(JudgeSpec(name="all", kind="ensemble", options={"members": ["box2d", "scene"]}), JudgeContext())
    Traceback (most recent call last):
        ...
    genspace.errors.InputError: the command line: judge 'all': ensemble needs a study with people's answers
    """

    def __init__(self, spec: JudgeSpec, context: JudgeContext) -> None:
        self._options = parse_options(EnsembleOptions, spec)
        where = f"{spec.source}: judge {spec.name!r}"
        if (self._options.by or self._options.measurements) and self._options.method != "logistic":
            raise InputError(
                f'{where}: by and measurements give scores weights; they need method = "logistic"'
            )
        self._members = Members(self._options.members, spec, context)
        self._parts = self._members.parts(self._options.by)
        self._seed = context.seed

    @property
    def members(self) -> Mapping[str, Judge]:
        """The members that can be asked, by name."""
        return self._members.judges

    @property
    def fingerprint(self) -> str:
        """Digest of options, people's answers, and the members with their verdicts on what people answered."""
        options = self._options.model_dump()
        on = self._members.digest(fitted=True)
        return fingerprint({"kind": "ensemble", "version": 3, "seed": self._seed, **options, "on": on})

    def needs(self, item_ids: Collection[str]) -> Iterator[Need]:
        """Yield each member with the items to be judged and those that people labelled."""
        for name in self._members.names:
            yield from self._members.need(name, {*item_ids, *self._members.labels})

    def without(self, item_ids: Collection[str]) -> EnsembleJudge:
        """Return the same judge, fitted as if people had not answered about some items."""
        found = copy(self)
        found._members = self._members.without(item_ids)  # noqa: SLF001  the same class
        return found

    def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
        """Yield the calibrated verdicts, from the verdicts of the members that the study has."""
        asked = list(requests)
        for request in asked:
            self._members.check(request)
        place = {item_id: row for row, item_id in enumerate(self._members.item_ids)}
        probability, weights = self._probabilities(place)
        for request in asked:
            item_id = request.item.item_id
            own = {name: self._members.verdict(name, item_id) for name in self._members.names}
            row = place[item_id]
            pairs = zip(self._features, weights[row].tolist(), strict=True)
            given = {name: weight for name, weight in pairs if math.isfinite(weight)}
            yield self._verdict(request, own, float(probability[row]), given)

    @property
    def _features(self) -> list[str]:
        names = list(self._members.names)
        return [*names, *(f"{name} {MISS}" for name in names)] if self._options.measurements else names

    def _probabilities(self, place: Mapping[str, int]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(n,) probability of yes by item of the study, (n, k) what each feature weighs in it.

        NaN where no member answers or nothing can be fitted, and for features that say nothing.
        """
        import numpy as np

        from genspace.analysis.calibration import cross_fit_weights

        labels = self._members.labels
        scores = np.full((len(place), len(self._features)), np.nan)
        for column, name in enumerate(self._members.names):
            for item_id, verdict in self._members.known(name).items():
                if item_id in place:
                    row = place[item_id]
                    scores[row, column] = self._members.oriented(name, verdict)
                    if self._options.measurements:
                        scores[row, len(self._members.names) + column] = _nearness(verdict)
        outcomes = np.array([labels.get(item_id, np.nan) for item_id in place])
        answered = np.isfinite(scores)
        probability, weights = np.full(len(place), np.nan), np.full(scores.shape, np.nan)
        for pattern in np.unique(answered[answered.any(axis=1)], axis=0):
            fitted, given = cross_fit_weights(
                scores[:, pattern], outcomes, self._members.prompts,
                method=self._options.method, folds=self._options.folds, seed=self._seed, parts=self._parts,
            )  # fmt: skip
            rows = (answered == pattern).all(axis=1)
            probability[rows] = fitted[rows]
            weights[np.ix_(rows, pattern)] = given[rows]
        return probability, weights

    def _verdict(
        self, request: Request, own: Mapping[str, Verdict], probability: float, weights: Mapping[str, float]
    ) -> Verdict:
        cost = added(list(own.values()))
        if failed := failures(own):
            return Verdict.failed(request, failed, **cost)
        if math.isnan(probability):
            silent = [f"{name}: {v.reason}" for name, v in own.items() if v.status == "abstained"]
            few = "too few labelled items of other prompts to calibrate on"
            return Verdict.abstained(request, "; ".join(silent) or few, **cost)
        measurements = tuple(
            Measurement(
                quantity=name, value=self._members.oriented(name, v), unit="", score=None, note=v.reason
            )
            if v.status == "decided"
            else Measurement(quantity=name, value=None, unit="", note=v.reason)
            for name, v in own.items()
        )
        return Verdict.decided(
            request,
            score=probability,
            passed=None if probability == 0.5 else probability > 0.5,
            confidence=max(probability, 1 - probability),
            measurements=measurements,
            details={
                "method": self._options.method,
                "labelled_items": len(self._members.labels),
                **({"weights": dict(weights)} if weights else {}),
            },
            **cost,
        )


def _nearness(verdict: Verdict) -> float:
    """Return minus how far the worst constraint misses, in tolerances; NaN where nothing was measured."""
    from genspace.geometry.evaluate import miss

    misses = [found for measured in verdict.measurements if (found := miss(measured)) is not None]
    return -min(max(misses), MOST) if misses else math.nan


def make(spec: JudgeSpec, context: JudgeContext) -> EnsembleJudge:
    """Return an ensemble of the study's judges.

    >>> make(JudgeSpec(name="all", kind="ensemble", options={"members": ["box2d", "scene"]}), JudgeContext())
    Traceback (most recent call last):
        ...
    genspace.errors.InputError: the command line: judge 'all': ensemble needs a study with people's answers
    """
    return EnsembleJudge(spec, context)
