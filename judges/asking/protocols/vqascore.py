"""Protocol `vqascore`: VQAScore (Lin et al., 2024), P(yes) to "Does this figure show …?" with nothing around it."""

from __future__ import annotations

from genspace.judges.asking._asks import Ask, Outcome
from genspace.judges.asking._options import AskOptions
from genspace.judges.asking.protocols._base import YES_NO, Protocol, Steps, images_of, probability
from genspace.judges.prompts import Wordings, quoted
from genspace.records import Request

__all__ = ["PROTOCOL"]


def _steps(request: Request, wordings: Wordings, _: AskOptions) -> Steps:
    item = request.item
    if item.image_before is not None:
        return Outcome(status="abstained", reason="VQAScore is not defined for an edit")
    variables = wordings.variables(item)
    if variables["prompt"]:
        variables["prompt"] = quoted(item.prompt or "", marks='""')
    (answer,) = yield [
        Ask(
            text=wordings.render("vqascore", variables),
            images=images_of(item),
            choices=YES_NO,
            solution=YES_NO,
        )
    ]
    return probability(answer)


PROTOCOL = Protocol(_steps)
