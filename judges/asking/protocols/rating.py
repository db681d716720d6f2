"""Protocol `rating`: a rating from 0 to 100 with a reason."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from genspace.judges.asking._asks import Ask, Outcome
from genspace.judges.asking._options import AskOptions
from genspace.judges.asking.protocols._base import Protocol, Steps, images_of, without_score
from genspace.judges.prompts import Wordings
from genspace.records import Request

__all__ = ["PROTOCOL", "Rating"]


def _no_truth_value(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("expected a number")  # noqa: TRY004  # pydantic reports ValueError alone
    return value


class Rating(BaseModel):
    """What the model fills in."""

    reason: str = Field(description="one or two sentences on what is seen")
    rating: Annotated[float, BeforeValidator(_no_truth_value)] = Field(
        ge=0, le=100, allow_inf_nan=False, description="0 to 100"
    )


def _steps(request: Request, wordings: Wordings, _: AskOptions) -> Steps:
    text = wordings.render("rating", wordings.variables(request.item))
    (answer,) = yield [
        Ask(
            text=text,
            images=images_of(request.item),
            system=wordings.system,
            form=Rating,
            solution=(_SOLVED.format("is", 100), _SOLVED.format("is not", 0)),
        )
    ]
    if not isinstance(answer.form, Rating):
        return without_score(answer)
    score = answer.form.rating / 100
    return Outcome(score=score, confidence=max(score, 1 - score), explanation=answer.form.reason)


_SOLVED = '{{"reason": "People agree that it {} met.", "rating": {}}}'
PROTOCOL = Protocol(_steps)
