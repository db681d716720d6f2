"""Protocol `yes-no`: P(yes) to one question."""

from __future__ import annotations

from genspace.judges.asking._asks import Ask
from genspace.judges.asking._options import AskOptions
from genspace.judges.asking.protocols._base import YES_NO, Protocol, Steps, images_of, probability
from genspace.judges.prompts import Wordings
from genspace.records import Request

__all__ = ["PROTOCOL"]


def _steps(request: Request, wordings: Wordings, _: AskOptions) -> Steps:
    text = wordings.render("yes-no", wordings.variables(request.item))
    (answer,) = yield [
        Ask(
            text=text,
            images=images_of(request.item),
            system=wordings.system,
            choices=YES_NO,
            solution=YES_NO,
        )
    ]
    return probability(answer)


PROTOCOL = Protocol(_steps)
