"""Protocol `choice`: which of several statements holds, or none that can be told; asked in both orders.

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
    item = request.item
    bound = bind_known(item.predicate) if item.predicate else None
    others = rivals(bound) if bound is not None else ()
    if bound is None or not others:
        return Outcome(
            status="abstained", reason="choice needs a predicate about sides or orders, which has rivals"
        )
    hidden = replace(item, prompt=None)
    meanings = [meaning_of(replace(hidden, predicate=said.text)) for said in (bound, *others)]
    statements = [meaning.statement for meaning in meanings if meaning is not None]
    letters = tuple(ascii_uppercase[: len(statements) + 1])

    def ask(listed: list[str]) -> Ask:
        options = " ".join(
            f"{letter}: {text}." for letter, text in zip(letters, [*listed, CANNOT_TELL], strict=True)
        )
        variables = wordings.variables(hidden) | {"statement": "", "question": options}
        return Ask(
            text=wordings.render("choice", variables),
            images=images_of(item),
            system=wordings.system,
            choices=letters,
        )

    forward, backward = yield [ask(statements), ask(statements[::-1])]
    if (without := undecided((forward, backward))) is not None:
        return without_score(without)
    last = letters[len(statements) - 1]
    listed_first, listed_last = forward.probabilities[letters[0]], backward.probabilities[last]
    score = (listed_first + listed_last) / 2
    untold = (forward.probabilities[letters[-1]] + backward.probabilities[letters[-1]]) / 2
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


PROTOCOL = Protocol(_steps, hides=True)
