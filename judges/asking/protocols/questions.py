"""Protocol `questions`: one question per constraint; what depends on a "no" is not asked (after TIFA and DSG)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

from genspace.judges.asking._asks import Answer, Ask, Outcome
from genspace.judges.asking._options import AskOptions
from genspace.judges.asking.protocols._base import (
    YES_NO,
    Protocol,
    Steps,
    images_of,
    undecided,
    without_score,
)
from genspace.judges.prompts import PromptQuestion, Wordings
from genspace.records import Measurement, Request

__all__ = ["PROTOCOL"]


COMBINED: Mapping[str, Callable[[Sequence[float], int], float]] = {
    "all": lambda shares, _: math.prod(shares),
    "geometric": lambda shares, wanted: math.prod(shares) ** (1 / wanted) if len(shares) == wanted else 0.0,
    "minimum": lambda shares, wanted: min(shares) if len(shares) == wanted else 0.0,
    "mean": lambda shares, wanted: sum(shares) / wanted,
}
"""By option `combine`: P(yes) of what was asked, and how many questions there are, to the score."""


def _steps(request: Request, wordings: Wordings, options: AskOptions) -> Steps:
    item = request.item
    wanted = wordings.questions(item)
    variables = wordings.variables(item)
    # what is related is there: people's no is the answer to the only question beyond presence
    alone = sum(q.kind != "presence" for q in wanted) == 1
    solution = ("yes", "no" if alone else None)
    answers: dict[str, Answer] = {}
    while ready := [q for q in wanted if q.name not in answers and _may_be_asked(q, answers)]:
        replies = yield [
            Ask(
                text=wordings.render("questions", variables | {"question": q.text}),
                images=images_of(item),
                system=wordings.system,
                choices=YES_NO,
                solution=None if q.kind == "presence" else solution,
            )
            for q in ready
        ]
        answers |= dict(zip((q.name for q in ready), replies, strict=True))
        if (without := undecided(replies)) is not None:
            return without_score(without, _measured(wanted, answers))
    shares = {name: answer.probabilities["yes"] for name, answer in answers.items()}
    score = COMBINED[options.combine](list(shares.values()), len(wanted))
    return Outcome(
        score=score,
        confidence=max(score, 1 - score),
        explanation=_told(wanted, shares),
        measurements=_measured(wanted, answers),
        details={"probabilities_from": next(iter(answers.values())).source},
    )


def _may_be_asked(question: PromptQuestion, answers: Mapping[str, Answer]) -> bool:
    return all(
        name in answers and answers[name].probabilities.get("yes", 0.0) > 0.5 for name in question.after
    )


def _measured(wanted: Sequence[PromptQuestion], answers: Mapping[str, Answer]) -> tuple[Measurement, ...]:
    def one(question: PromptQuestion) -> Measurement:
        answer = answers.get(question.name)
        if answer is None:
            note = f"{question.kind}; not asked: needs a yes to {', '.join(question.after)}"
        else:
            note = f"{question.kind}; {answer.reason or answer.source}"
        share = answer.probabilities.get("yes") if answer else None
        return Measurement(
            quantity=question.text, value=share, unit="probability", target=1.0, score=share, note=note
        )

    return tuple(one(question) for question in wanted)


def _told(wanted: Sequence[PromptQuestion], shares: Mapping[str, float]) -> str:
    return " ".join(
        f"{q.text} {'yes' if shares[q.name] > 0.5 else 'no'} ({shares[q.name]:.2f})."
        if q.name in shares
        else f"{q.text} (not asked)."
        for q in wanted
    )


PROTOCOL = Protocol(_steps)
