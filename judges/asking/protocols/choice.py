"""Protocol `choice`: choose the statement that holds, or none; asked in both orders.

It is P(the asked one), the mean of both orders, so that a liking for a place in the list cancels out.
"""

from __future__ import annotations

from dataclasses import replace
from string import ascii_uppercase

from genspace.geometry.predicates import bind_known, rivals
from genspace.judges.asking._asks import Ask, Outcome
from genspace.judges.asking._options import AskOptions
from genspace.judges.asking.protocols._base import Protocol, Steps, images_of, undecided, without_score
from genspace.judges.prompts import Wordings, meaning_of
from genspace.records import Request

__all__ = ["PROTOCOL"]

CANNOT_TELL = "none of these, or it cannot be told"


def _steps(request: Request, wordings: Wordings, _: AskOptions) -> Steps:
    first, last = _ask(request, wordings, 0), _ask(request, wordings, -1)
    if first is None or last is None:
        return Outcome(
            status="abstained", reason="choice needs a predicate about sides or orders, which has rivals"
        )
    forward, backward = yield [first, last]
    if (without := undecided((forward, backward))) is not None:
        return without_score(without)
    end, neither = first.choices[-2:]
    listed_first, listed_last = forward.probabilities["A"], backward.probabilities[end]
    score = (listed_first + listed_last) / 2
    untold = (forward.probabilities[neither] + backward.probabilities[neither]) / 2
    details = {
        "probabilities_from": forward.source,
        "cannot_tell": untold,
        "when_listed_first": listed_first,
        "when_listed_last": listed_last,
        "orders_agree": (listed_first >= 0.5) == (listed_last >= 0.5),
    }
    if untold > 0.5:
        return Outcome(status="abstained", reason=f"the model chose: {CANNOT_TELL}", details=details)
    return Outcome(score=score, confidence=max(score, 1 - score), details=details)


def _ask(request: Request, wordings: Wordings, place: int) -> Ask | None:
    """Return the ask with the asked statement at an index of the list (-1: last); None where it has no rivals.

    Where people say no of it, it does not follow what else holds.
    """
    item = request.item
    bound = bind_known(item.predicate) if item.predicate else None
    others = rivals(bound) if bound is not None else ()
    if bound is None or not others:
        return None
    hidden = replace(item, prompt=None)
    asked, *listed = (meaning_of(replace(hidden, predicate=said.text)) for said in (bound, *others))
    place %= len(listed) + 1
    listed = listed if place == 0 else listed[::-1]
    listed.insert(place, asked)
    statements = [meaning.statement for meaning in listed if meaning is not None]
    letters = tuple(ascii_uppercase[: len(statements) + 1])
    told = " ".join(f"{a}: {text}." for a, text in zip(letters, [*statements, CANNOT_TELL], strict=True))
    return Ask(
        text=wordings.render("choice", wordings.variables(hidden) | {"statement": "", "question": told}),
        images=images_of(item),
        system=wordings.system,
        choices=letters,
        solution=(letters[place], None),
    )


PROTOCOL = Protocol(_steps, hides=True, example=_ask)
