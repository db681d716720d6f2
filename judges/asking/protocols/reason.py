"""Protocol `reason`: first describe the picture; then P(yes) to the question, after that description."""

from __future__ import annotations

from dataclasses import replace

from pydantic import BaseModel, Field

from genspace.judges.asking._asks import Ask
from genspace.judges.asking._options import AskOptions
from genspace.judges.asking.protocols._base import (
    YES_NO,
    Protocol,
    Steps,
    images_of,
    probability,
    without_score,
)
from genspace.judges.prompts import Wordings, quoted
from genspace.records import Request

__all__ = ["PROTOCOL", "SeenThings"]


class SeenThings(BaseModel):
    """What the model fills in first."""

    reason: str = Field(
        description="what is seen that bears on the requirement, and what follows, in a few sentences"
    )


def _steps(request: Request, wordings: Wordings, _: AskOptions) -> Steps:
    variables, images = wordings.variables(request.item), images_of(request.item)
    text = wordings.render("reason", variables)
    (first,) = yield [Ask(text=text, images=images, system=wordings.system, form=SeenThings)]
    if not isinstance(first.form, SeenThings):
        return without_score(first)
    text = wordings.render("reason", variables | {"question": quoted(first.form.reason)})
    (second,) = yield [Ask(text=text, images=images, system=wordings.system, choices=YES_NO, solution=YES_NO)]
    outcome = probability(second)
    return outcome if outcome.score is None else replace(outcome, explanation=first.form.reason)


PROTOCOL = Protocol(_steps)
