"""Judge `planted`: judges whose agreement with people is known beforehand, to check a study and the analysis.

A sound comparison gives `planted:majority` the best figures, `planted:inverted` their negatives, `planted:coin`
figures around chance and `planted:constant` none at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from genspace.errors import InputError, did_you_mean
from genspace.judges._protocol import JudgeContext, JudgeSpec, parse_options
from genspace.records import Request, Verdict, fingerprint, uniform

if TYPE_CHECKING:
    from genspace.evidence import Evidence

__all__ = ["PLANTS", "PlantedJudge", "make"]


class PlantedOptions(BaseModel):
    """Options of `[judges.NAME] kind = "planted"`: only the model, one of `PLANTS`."""

    model_config = ConfigDict(extra="forbid")


@dataclass(frozen=True)
class PlantedJudge:
    """Answers by a rule that knows the people's answers.

    >>> from genspace.records import Item
    >>> judge = PlantedJudge(PLANTS["majority"], people={"7": 1.0}, seed=0, fingerprint="planted")
    >>> [verdict.score for verdict in judge.judge([Request(item=Item(item_id="7"), files=None)])]
    [1.0]
    """

    rule: Callable[[str, float, float], float | None]
    people: Mapping[str, float]
    """The people's mean by item, scaled to [0, 1]."""
    seed: int
    fingerprint: str

    def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
        """Yield the planted verdict on each item; items without people's answers are abstentions."""
        for request in requests:
            people = self.people.get(request.item.item_id)
            if people is None:
                yield Verdict.abstained(request, "planted: nobody has rated this item")
                continue
            score = self.rule(request.item.item_id, people, self._uniform(request))
            if score is None:
                yield Verdict.abstained(request, "planted abstention")
            else:
                yield Verdict.decided(request, score=score, passed=score >= 0.5)

    def _uniform(self, request: Request) -> float:
        """Return a number in [0, 1) that depends on the seed, the item and the repeat alone."""
        return uniform(f"{self.seed}/{request.item.item_id}/{request.repeat}")


PLANTS: Mapping[str, Callable[[str, float, float], float | None]] = {
    "constant": lambda _item, _people, _uniform: 1.0,
    "coin": lambda _item, _people, uniform: float(uniform < 0.5),
    "majority": lambda _item, people, _uniform: people,
    "inverted": lambda _item, people, _uniform: 1.0 - people,
    "abstains": lambda _item, people, uniform: None if uniform < 1 / 3 else people,
}
"""Rules by name: (item id, people's mean in [0, 1], uniform number) to a score, None for an abstention."""


def make(spec: JudgeSpec, context: JudgeContext) -> PlantedJudge:
    """Return `planted:RULE`. Errors: `InputError` for an unknown rule or outside a study.

    >>> make(JudgeSpec(name="right", kind="planted", model="majorty"), JudgeContext())
    Traceback (most recent call last):
        ...
    genspace.errors.InputError: planted:majorty: unknown rule (did you mean 'majority'?)
    """
    parse_options(PlantedOptions, spec)
    model = spec.model or ""
    if model not in PLANTS:
        raise InputError(f"planted:{model}: unknown rule{did_you_mean(model, PLANTS)}")
    if context.evidence is None:
        raise InputError("a planted judge needs a study with people's answers")
    people = _people(context.evidence)
    mark = fingerprint({"kind": "planted", "rule": model, "seed": context.seed, "people": people})
    return PlantedJudge(PLANTS[model], people, context.seed, mark)


def _people(evidence: Evidence) -> dict[str, float]:
    """Return the people's mean on a scale from 0 to 1, by item."""
    from genspace.analysis.question import Question

    units = Question.of(evidence).singles
    scaled = units.people.on_unit_scale.tolist()
    return {i: v for i, v in zip(units.units["item_id"], scaled, strict=True) if not math.isnan(v)}
