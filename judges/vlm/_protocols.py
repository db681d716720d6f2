"""The protocols: which questions are asked about a request, and what follows from the answers.

A protocol is a generator. It yields lists of asks that may be answered in any order, is sent the answers, and
returns the outcome. It does no I/O, so the same protocol serves an endpoint (asynchronous calls), a local model
(batches) and a preview (no calls at all).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from genspace.judges.prompts import Question, Wordings, quoted
from genspace.judges.vlm._asks import Answer, Ask, Outcome
from genspace.records import Item, Measurement, Request

if TYPE_CHECKING:
    from genspace.judges.vlm._options import AskOptions

__all__ = ["PROTOCOLS", "Protocol", "Rating", "Steps"]

YES_NO = ("yes", "no")
A_B = ("A", "B")

Steps = Generator[list[Ask], list[Answer], Outcome]
Protocol = Callable[[Request, Wordings, "AskOptions"], Steps]


def _no_truth_value(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("expected a number")  # noqa: TRY004  # pydantic reports ValueError alone
    return value


class Rating(BaseModel):
    """What the `rating` protocol has filled in."""

    reason: str = Field(description="one or two sentences on what is seen")
    rating: Annotated[float, BeforeValidator(_no_truth_value)] = Field(
        ge=0, le=100, allow_inf_nan=False, description="0 to 100"
    )


def yes_no(request: Request, wordings: Wordings, _: AskOptions) -> Steps:
    """P(yes) to one question."""
    variables = wordings.variables(request.item)
    (answer,) = yield [
        Ask(
            text=wordings.render("yes-no", variables),
            images=_images(request.item),
            system=wordings.system,
            choices=YES_NO,
        )
    ]
    return _probability(answer)


def vqascore(request: Request, wordings: Wordings, _: AskOptions) -> Steps:
    """VQAScore (Lin et al., 2024): P(yes) to "Does this figure show …?", with nothing around it."""
    item = request.item
    if item.image_before is not None:
        return Outcome(status="abstained", reason="VQAScore is not defined for an edit")
    variables = wordings.variables(item)
    if variables["prompt"]:
        variables["prompt"] = quoted(item.prompt or "", marks='""')
    (answer,) = yield [Ask(text=wordings.render("vqascore", variables), images=_images(item), choices=YES_NO)]
    return _probability(answer)


def _probability(answer: Answer) -> Outcome:
    if answer.status != "decided":
        return _without_score(answer)
    score = answer.probabilities["yes"]
    return Outcome(
        score=score, confidence=max(score, 1 - score), details={"probabilities_from": answer.source}
    )


def rating(request: Request, wordings: Wordings, _: AskOptions) -> Steps:
    """A rating from 0 to 100 with a reason."""
    (answer,) = yield [
        Ask(
            text=wordings.render("rating", wordings.variables(request.item)),
            images=_images(request.item),
            system=wordings.system,
            form=Rating,
        )
    ]
    if answer.status != "decided":
        return _without_score(answer)
    assert isinstance(answer.form, Rating)
    score = answer.form.rating / 100
    return Outcome(score=score, confidence=max(score, 1 - score), explanation=answer.form.reason)


def questions(request: Request, wordings: Wordings, options: AskOptions) -> Steps:
    """One question per constraint; what depends on a "no" is not asked (after TIFA and DSG)."""
    item = request.item
    wanted = wordings.questions(item)
    variables = wordings.variables(item)
    answers: dict[str, Answer] = {}
    while ready := [q for q in wanted if q.name not in answers and _may_be_asked(q, answers)]:
        replies = yield [
            Ask(
                text=wordings.render("question", variables | {"question": q.text}),
                images=_images(item),
                system=wordings.system,
                choices=YES_NO,
            )
            for q in ready
        ]
        answers |= dict(zip((q.name for q in ready), replies, strict=True))
        unanswered = [a for a in replies if a.status != "decided"]
        if unanswered:
            worst = next((a for a in unanswered if a.status == "failed"), unanswered[0])
            return _without_score(worst, measurements=_measured(wanted, answers))
    shares = {name: answer.probabilities["yes"] for name, answer in answers.items()}
    score = 1.0
    for share in shares.values():
        score *= share
    if options.combine == "mean":
        score = sum(share for share in shares.values()) / len(wanted)
    return Outcome(
        score=score,
        confidence=max(score, 1 - score),
        explanation=_told(wanted, shares),
        measurements=_measured(wanted, answers),
        details={"probabilities_from": next(iter(answers.values())).source},
    )


def _may_be_asked(question: Question, answers: dict[str, Answer]) -> bool:
    return all(
        name in answers and answers[name].probabilities.get("yes", 0.0) > 0.5 for name in question.after
    )


def _measured(wanted: Sequence[Question], answers: dict[str, Answer]) -> tuple[Measurement, ...]:
    def one(question: Question) -> Measurement:
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


def _told(wanted: Sequence[Question], shares: dict[str, float]) -> str:
    return " ".join(
        f"{q.text} {'yes' if shares[q.name] > 0.5 else 'no'} ({shares[q.name]:.2f})."
        if q.name in shares
        else f"{q.text} (not asked)."
        for q in wanted
    )


def pairwise(request: Request, wordings: Wordings, _: AskOptions) -> Steps:
    """P(the first item fits better), the mean of both orders, so that a liking for a position cancels out."""
    item, other = request.item, request.other
    assert other is not None, "the judge has checked it"
    if (item.prompt, item.predicate) != (other.prompt, other.predicate):
        return Outcome(
            status="abstained", reason="the two items have different prompts, so neither fits better"
        )
    shared = item.image_before is not None and item.image_before == other.image_before
    text = wordings.render("pairwise", wordings.variables(item) | {"shared": shared})

    def ask(first: Item, second: Item) -> Ask:
        after = (first.image or "", second.image or "")
        images = _images(first) + _images(second) if not shared else (item.image_before or "", *after)
        return Ask(text=text, images=images, system=wordings.system, choices=A_B)

    forward, backward = yield [ask(item, other), ask(other, item)]
    for answer in sorted((forward, backward), key=lambda a: a.status != "failed"):
        if answer.status != "decided":
            return _without_score(answer)
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


def _images(item: Item) -> tuple[str, ...]:
    return tuple(name for name in (item.image_before, item.image) if name)


def _without_score(answer: Answer, **fields: Any) -> Outcome:
    return Outcome(status=answer.status, reason=answer.reason, **fields)


PROTOCOLS: dict[str, Protocol] = {
    "yes-no": yes_no,
    "rating": rating,
    "questions": questions,
    "pairwise": pairwise,
    "vqascore": vqascore,
}
