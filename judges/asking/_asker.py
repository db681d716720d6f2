"""Turn a request into its protocol's questions, and the answers into a verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from genspace.errors import InputError
from genspace.geometry.predicates import Untold
from genspace.judges._protocol import JudgeContext
from genspace.judges.asking._aids import Aids, Help, UnaidedError
from genspace.judges.asking._asks import Answer, Ask, Outcome, total
from genspace.judges.asking._options import AskOptions
from genspace.judges.asking._pictures import PictureError
from genspace.judges.asking._shots import Shots, SolvedExample
from genspace.judges.asking.protocols import Steps, protocol
from genspace.judges.prompts import Wordings, meaning_of
from genspace.records import Request, Verdict

VERSION = 2
"""Of the way in which answers become verdicts; part of the fingerprint."""
EXAMPLES_KEPT = 64
"""Solved examples whose drawn aids are kept."""


@dataclass(frozen=True)
class Asker:
    """Turns a request into the protocol's steps, and their outcome into a verdict."""

    options: AskOptions
    wordings: Wordings
    aids: Aids | None = None
    shots: Shots | None = None

    @classmethod
    def of(cls, options: AskOptions, context: JudgeContext, *, where: str) -> Asker:
        """Return the asker with a judge's options. Errors: `InputError` for a template or aids that cannot be used."""
        wordings = Wordings.load(
            options.protocol,
            options.template,
            root=context.study.root if context.study else None,
            where=where,
            without_prompt=options.without_prompt,
        )
        way = protocol(options.protocol)
        shots = (
            Shots.of(options.shots, context, pairwise=way.pairwise, hides=way.hides, where=where)
            if options.shots
            else None
        )
        made = (
            Aids.of(options.aids, options.aids_from, context, hidden=way.hides, where=where)
            if options.aids
            else None
        )
        return cls(options, wordings, made, shots)

    @property
    def pairwise(self) -> bool:
        """Whether it judges pairs of items."""
        return protocol(self.options.protocol).pairwise

    def parts(self) -> dict[str, Any]:
        """Return what every asking judge puts into its fingerprint."""
        asked = self.options.model_dump(
            include=set(AskOptions.model_fields) - {"template", "aids", "aids_from", "shots"}
        )
        helped = {"aids": self.aids.parts()} if self.aids else {}
        shown = {"shots": self.shots.fingerprint} if self.shots else {}
        return {"version": VERSION, "wording": self.wordings.version, **asked, **helped, **shown}

    def steps(self, request: Request) -> Steps:
        """Return the protocol's questions to a request.

        Errors: `InputError` for one item where pairs are judged and the other way round.
        """
        if self.pairwise and request.other is None:
            raise InputError("the pairwise protocol compares two items; the study gives it one at a time")
        if not self.pairwise and request.other is not None:
            raise InputError(f"protocol {self.options.protocol!r} judges one item at a time; use 'pairwise'")
        if self.aids is None and self.shots is None:
            return self._plain(request)
        try:
            steps = self._with_aids(request)
            return steps if self.shots is None else _each(steps, self._solved(request, self.shots))
        except (UnaidedError, InputError) as error:
            return _concluded(Outcome(status="abstained", reason=f"not asked without help: {error}"))
        except PictureError as error:
            return _concluded(Outcome(status="failed", reason=str(error)))

    def _plain(self, request: Request) -> Steps:
        return protocol(self.options.protocol).steps(request, self.wordings, self.options)

    def _with_aids(self, request: Request) -> Steps:
        steps = self._plain(request)
        return steps if self.aids is None else _each(steps, self.aids.help_with(request).aided)

    def _solved(self, request: Request, shots: Shots) -> Callable[[Ask], Ask]:
        """Return the function that adds solved examples to an ask. Errors: `UnaidedError` where there are too few."""
        found = shots.chosen(request, self._example)
        if len(found) < shots.count:
            raise UnaidedError(
                f"it is to see {shots.count} solved examples of other prompts, and there are {len(found)}"
            )
        line = f"Solved before it: {', '.join(_told(example) for example, _ in found)}."
        solved = tuple(example for _, example in found)

        def before(ask: Ask) -> Ask:
            return ask if ask.solution is None else replace(ask, solved=solved, aids=(*ask.aids, line))

        return before

    def _example(self, example: SolvedExample, place: int) -> tuple[Ask, str] | None:
        """Return a question about an example and its answer; None where people's answer does not settle it."""
        request, own = example.request, protocol(self.options.protocol).example
        if self.cannot_judge(request) is not None:
            return None
        asks = [own(request, self.wordings, place)] if own else _asked(self._plain(request))
        for ask in asks:
            answer = ask.solution[0 if example.yes else 1] if ask and ask.solution else None
            if ask is None or answer is None:
                continue
            try:
                helped = self._helped(example).aided(ask) if self.aids else ask
            except (UnaidedError, InputError, PictureError):
                return None
            return replace(helped, aids=()), answer
        return None

    @cached_property
    def _helped(self) -> Callable[[SolvedExample], Help]:
        """Return the aids for an example. The last ones are kept, because many items share them."""
        aids = self.aids
        assert aids is not None
        return lru_cache(EXAMPLES_KEPT)(lambda example: aids.help_with(example.request))

    def cannot_judge(self, request: Request) -> Verdict | None:
        """Return the verdict on a request that cannot be asked; None where it can."""
        for item in (request.item, request.other):
            if item is not None and item.image is None:
                return Verdict.failed(request, f"item {item.item_id!r} has no image")
        try:
            meaning = meaning_of(request.item)
        except Untold as reason:
            return Verdict.abstained(request, str(reason))
        except InputError as error:
            return Verdict.failed(request, str(error))
        if meaning is None and (self.options.without_prompt or not request.item.prompt):
            hidden = " is shown" if self.options.without_prompt else ""
            return Verdict.abstained(request, f"no prompt{hidden}, and no predicate whose meaning is known")
        return None

    def verdict(self, request: Request, outcome: Outcome, answers: list[Answer]) -> Verdict:
        """Return the verdict with all of the model's answers and their cost."""
        usage = total([a.usage for a in answers])
        fields: dict[str, Any] = {
            "measurements": outcome.measurements,
            "details": {
                **outcome.details,
                **({"kind": outcome.kind} if outcome.kind else {}),
                "answers": [text for a in answers for text in a.raw],
                "calls": usage.calls,
                **({"replayed": usage.replayed} if usage.replayed else {}),
                **({"cost_from": "; ".join(usage.cost_from)} if usage.cost_from else {}),
            },
            "seconds": round(usage.seconds, 3),
            "tokens": usage.input_tokens + usage.output_tokens,
            "cost_usd": usage.cost_usd,
        }
        if outcome.status == "abstained":
            return Verdict.abstained(request, outcome.reason or "", **fields)
        if outcome.status == "failed":
            return Verdict.failed(request, outcome.reason or "", **fields)
        assert outcome.score is not None
        above = outcome.score - self.options.pass_above
        return Verdict.decided(
            request,
            score=outcome.score,
            passed=None if abs(above) < 1e-9 else above > 0,
            confidence=outcome.confidence,
            explanation=outcome.explanation,
            **fields,
        )

    def imagined(self, request: Request) -> tuple[list[Ask], Outcome]:
        """Return every question that is asked if all answers are the most favourable ones, and the outcome."""
        outcomes: list[Outcome] = []
        asked = list(_asked(self.steps(request), outcomes.append))
        return asked, outcomes[0]


def _each(steps: Steps, help_: Callable[[Ask], Ask]) -> Steps:
    """Follow steps, each ask with its help."""
    said: dict[str, None] = {}
    try:
        asks = next(steps)
        while True:
            helped = [help_(ask) for ask in asks]
            said |= dict.fromkeys(word for ask in helped for word in ask.aids)
            asks = steps.send((yield helped))
    except StopIteration as done:
        outcome: Outcome = done.value
        return replace(outcome, details={**outcome.details, "aids": list(said)})


def _asked(steps: Steps, conclude: Callable[[Outcome], None] = lambda _: None) -> Iterator[Ask]:
    """Yield every question that is asked if all answers are the most favourable ones."""
    try:
        asks = next(steps)
        while True:
            yield from asks
            asks = steps.send([_favourable(ask) for ask in asks])
    except StopIteration as done:
        conclude(done.value)


def _told(example: SolvedExample) -> str:
    items = (example.request.item, example.request.other)
    first, *other = (item.item_id for item in items if item is not None)
    if other:
        return f"{first} {'above' if example.yes else 'below'} {other[0]}"
    return f"{first} ({'yes' if example.yes else 'no'})"


def _concluded(outcome: Outcome) -> Steps:
    """Ask nothing."""
    yield from ()
    return outcome


def _favourable(ask: Ask) -> Answer:
    if ask.form is not None:
        fields = ask.form.model_fields.items()
        filled = {name: "…" if field.annotation is str else 100 for name, field in fields}
        return Answer(form=ask.form.model_construct(None, **filled))
    rest = dict.fromkeys(ask.choices[1:], 0.0)
    return Answer(probabilities={ask.choices[0]: 1.0, **rest}, source="")
