"""Protocol `pairwise`: P(the first item fits better).

It is the mean of both orders, so that a liking for a position cancels out.
"""

from __future__ import annotations

from genspace.judges.asking._asks import Ask, Outcome
from genspace.judges.asking._options import AskOptions
from genspace.judges.asking.protocols._base import Protocol, Steps, images_of, undecided, without_score
from genspace.judges.prompts import Wordings
from genspace.records import Item, Request

__all__ = ["PROTOCOL"]

A_B = ("A", "B")


def _steps(request: Request, wordings: Wordings, _: AskOptions) -> Steps:
    item, other = request.item, request.other
    assert other is not None, "the judge has checked it"
    if (item.prompt, item.predicate) != (other.prompt, other.predicate):
        return Outcome(
            status="abstained", reason="the two items have different prompts, so neither fits better"
        )
    shared = item.image_before is not None and item.image_before == other.image_before
    text = wordings.render("pairwise", wordings.variables(item) | {"shared": shared})

    def ask(first: Item, second: Item, solution: tuple[str, str]) -> Ask:
        after = (first.image or "", second.image or "")
        images = images_of(first) + images_of(second) if not shared else (item.image_before or "", *after)
        return Ask(text=text, images=images, system=wordings.system, choices=A_B, solution=solution)

    forward, backward = yield [ask(item, other, ("A", "B")), ask(other, item, ("B", "A"))]
    if (without := undecided((forward, backward))) is not None:
        return without_score(without)
    shown_first, shown_second = forward.probabilities["A"], backward.probabilities["B"]
    score = (shown_first + shown_second) / 2
    return Outcome(
        score=score,
        confidence=max(score, 1 - score),
        details={
            "probabilities_from": forward.source,
            "when_shown_first": shown_first,
            "when_shown_second": shown_second,
            "orders_agree": (shown_first > 0.5) == (shown_second > 0.5),
        },
    )


PROTOCOL = Protocol(_steps, pairwise=True)
