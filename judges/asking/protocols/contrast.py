"""Protocol `contrast`: ask the question and those that exclude it, so that a bias towards yes cancels out.

A model that says yes too readily adds about as much to the log-odds of every question. The score is the share of the
odds that falls to what is asked, which such a summand does not change. It takes for granted that one of the statements
holds, so it is for sides and orders; a predicate without rivals gets its plain P(yes).
"""

from __future__ import annotations

import math
from dataclasses import replace

from genspace.geometry.predicates import bind_known, rivals
from genspace.judges.asking._asks import Ask, Outcome
from genspace.judges.asking._options import AskOptions
from genspace.judges.asking.protocols._base import (
    YES_NO,
    Protocol,
    Steps,
    images_of,
    undecided,
    without_score,
)
from genspace.judges.prompts import Wordings
from genspace.records import Item, Request

__all__ = ["PROTOCOL"]

LEAST = 1e-6
"""Probabilities nearer to 0 or 1 are taken as this near."""


def _steps(request: Request, wordings: Wordings, _: AskOptions) -> Steps:
    item = request.item
    bound = bind_known(item.predicate) if item.predicate else None
    others = rivals(bound) if bound is not None else ()

    def ask(about: Item, solution: tuple[str, str | None]) -> Ask:
        text = wordings.render("contrast", wordings.variables(about))
        return Ask(
            text=text, images=images_of(item), system=wordings.system, choices=YES_NO, solution=solution
        )

    # the prompt tells which of them was wanted
    hidden = replace(item, prompt=None) if others else item
    beside = [ask(replace(hidden, predicate=other.text), ("no", None)) for other in others]
    answers = yield [ask(hidden, YES_NO), *beside]
    if (without := undecided(answers)) is not None:
        return without_score(without)
    shares = [answer.probabilities["yes"] for answer in answers]
    odds = [_odds(share) for share in shares]
    score = odds[0] / math.fsum(odds) if others else shares[0]
    return Outcome(
        score=score,
        confidence=max(score, 1 - score),
        details={
            "probabilities_from": answers[0].source,
            "yes": shares[0],
            "yes_to_rivals": {
                other.word or other.text: share for other, share in zip(others, shares[1:], strict=True)
            },
        },
    )


def _odds(share: float) -> float:
    inside = min(max(share, LEAST), 1 - LEAST)
    return inside / (1 - inside)


PROTOCOL = Protocol(_steps, hides=True)
