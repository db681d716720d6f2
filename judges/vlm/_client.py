"""One ask, answered: read, asked again once, sampled or weighed by log-probabilities, kept for the next run."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from genspace.judges.asking import (
    Answer,
    Ask,
    CutOffError,
    Kind,
    SentPicture,
    UnusableAnswerError,
    Usage,
    choice_probabilities,
    is_refusal,
    read_choice,
    read_form,
)
from genspace.judges.vlm._cache import ResponseCache, request_key
from genspace.judges.vlm._errors import shortened
from genspace.judges.vlm._options import VlmOptions
from genspace.judges.vlm._replies import Reply
from genspace.judges.vlm._server import CallFailedError, DeclinedError, Exchange, RefusedError, Server
from genspace.judges.vlm._terms import Draft, Terms

if TYPE_CHECKING:
    from pydantic import BaseModel

log = logging.getLogger("genspace.judges.vlm")

T = TypeVar("T")
LOGPROBS = "log-probabilities"
MOST_LOGPROBS = 20
"""What OpenAI and vLLM give at most."""
NO_LOGPROBS = "the answer came without the log-probabilities from which P(yes) is read throughout"


@dataclass(frozen=True, slots=True, kw_only=True)
class _AskOfItem:
    """One ask about one item."""

    ask: Ask
    pictures: Mapping[str, SentPicture]
    item: str
    repeat: int
    draft: Draft


class Client:
    """Turns asks into answers by calling a server."""

    def __init__(
        self, server: Server, options: VlmOptions, *, cache: ResponseCache | None, seed: int
    ) -> None:
        self._server = server
        self._options = options
        self._cache = cache
        self._seed = seed

    async def answer(
        self, ask: Ask, pictures: Mapping[str, SentPicture], *, item: str, repeat: int, draft: Draft
    ) -> Answer:
        """Ask, read, ask again once if the answer is unusable, and return what came of it.

        Under a draft that is learning, what the server refuses is left out or lowered; else the item fails.
        Errors: `InputError` when no call can succeed, `BudgetReachedError` when nothing may be spent any more.
        """
        own = {name: pictures[name] for part in ask.sent for name in part.images}
        task = _AskOfItem(ask=ask, pictures=own, item=item, repeat=repeat, draft=draft)
        exchange = Exchange(item)
        if ask.form is not None:
            return await self._filled_in(task, exchange, ask.form)
        if self._options.probabilities != "samples" and not draft.terms.sampled:
            weighed = await self._weighed(task, exchange)
            if weighed is not None:
                return weighed
        return await self._sampled(task, exchange)

    async def _weighed(self, task: _AskOfItem, exchange: Exchange) -> Answer | None:
        """Return probabilities from log-probabilities; None where it turns out that answers must be sampled."""
        choices, draft = task.ask.choices, task.draft

        def read(reply: Reply) -> dict[str, float] | None:
            said = read_choice(reply.text, choices, cut=reply.cut)
            return choice_probabilities(reply.logprobs, choices, said)

        found = await self._exchanged(task, exchange, read, logprobs=True)
        if isinstance(found, Answer):
            return found
        if found is not None:
            draft.weighed = True
            return self._answer(exchange, probabilities=found, source=LOGPROBS)
        if self._options.probabilities == "logprobs":
            reason = "the server gives no log-probabilities; use probabilities = 'samples' or 'auto'"
            return self._answer(exchange, status="failed", reason=reason)
        if not (draft.learning or draft.terms.sampled):
            return self._abstained(exchange, "no-log-probabilities", NO_LOGPROBS)
        draft.terms = replace(draft.terms, sampled=True)
        # Paid for, but not kept: it would tell the same when it is to be found out anew.
        exchange.discarded += [reply.charge for _, reply, _ in exchange.replies]
        exchange.replies.clear()
        return None

    async def _filled_in(self, task: _AskOfItem, exchange: Exchange, form: type[BaseModel]) -> Answer:
        def read(reply: Reply) -> BaseModel:
            return read_form(reply.text, form, cut=reply.cut)

        found = await self._exchanged(task, exchange, read)
        return found if isinstance(found, Answer) else self._answer(exchange, form=found)

    async def _sampled(self, task: _AskOfItem, exchange: Exchange) -> Answer:
        """Draw several answers at once; the share of each choice is its probability."""
        choices, samples = task.ask.choices, self._options.samples

        def read(reply: Reply) -> str:
            return read_choice(reply.text, choices, cut=reply.cut)

        async def draw(sample: int) -> tuple[str | Answer, Exchange]:
            own = Exchange(task.item)
            return await self._exchanged(task, own, read, sample=sample), own

        drawn = await asyncio.gather(*(draw(i) for i in range(samples)))
        for _, own in drawn:
            exchange.replies += own.replies
            exchange.discarded += own.discarded
        problems = [found for found, _ in drawn if isinstance(found, Answer)]
        failed = [p for p in problems if p.status == "failed"]
        votes = Counter(found for found, _ in drawn if isinstance(found, str))
        answered = votes.total()
        if failed or answered * 2 < len(drawn):
            worst = (failed or problems)[0]
            return self._answer(exchange, status=worst.status, reason=worst.reason, kind=worst.kind)
        self._keep(exchange)  # with the samples that came to nothing, so that a repeated run says the same
        return self._answer(
            exchange,
            probabilities={choice: votes[choice] / answered for choice in choices},
            source=f"{answered} samples",
        )

    async def _exchanged(
        self,
        task: _AskOfItem,
        exchange: Exchange,
        read: Callable[[Reply], T],
        *,
        logprobs: bool = False,
        sample: int | None = None,
    ) -> T | Answer:
        """Return what was read, or the answer that says why nothing could be; fill `exchange` either way."""
        problem = ""
        turns: list[dict[str, str]] = []
        for _ in range(2):
            try:
                reply = await self._call(task, exchange, turns, logprobs=logprobs, sample=sample)
                if reply.declined:
                    return self._abstained(exchange, "blocked", reply.declined)
                if reply.refusal:
                    return self._abstained(exchange, "refused", f"refused: {shortened(reply.refusal)}")
                found = read(reply)
            except (UnusableAnswerError, CutOffError) as error:
                problem = str(error)
                # An answer that is cut off would be cut off again; one that is empty may have been an accident.
                if isinstance(error, CutOffError) and (turns or reply.text.strip() or reply.cut):
                    limit = f"; max_tokens = {self._options.max_tokens} may be too few"
                    return self._abstained(exchange, "cut-off", f"the answer is cut off: {problem}{limit}")
                again = f"That answer cannot be used: {problem}. Answer again, only as asked."
                turns = [
                    {"role": "assistant", "content": reply.text or "(nothing)"},
                    {"role": "user", "content": again},
                ]
            except (CallFailedError, RefusedError) as error:
                return self._answer(exchange, status="failed", reason=str(error))
            else:
                if found is not None:
                    self._keep(exchange)
                return found
        if is_refusal(reply.text):
            return self._abstained(exchange, "refused", f"refused: {shortened(reply.text)}")
        return self._abstained(exchange, "unusable", f"unusable answer: {problem}")

    async def _call(
        self,
        task: _AskOfItem,
        exchange: Exchange,
        turns: Sequence[Mapping[str, str]],
        *,
        logprobs: bool,
        sample: int | None,
    ) -> Reply:
        """Return the kept reply, or the server's; a parameter that is refused is done without where that is learned."""
        draft = task.draft
        seed = None if sample is None else self._seed + task.repeat * self._options.samples + sample
        repeat = f"{task.repeat}" if sample is None else f"{task.repeat}/{sample}"
        digests = {name: picture.digest for name, picture in task.pictures.items()}
        while True:
            terms = draft.terms
            body = self.body(task.ask, terms, logprobs=logprobs, turns=turns, seed=seed)
            key = request_key(self._server.endpoint.identity, body, digests, repeat)
            kept = self._cache.get(key) if self._cache is not None else None
            try:
                reply = (
                    Reply.from_json(kept)
                    if kept is not None
                    else await self._server.call(body, task.pictures, exchange)
                )
            except RefusedError as error:
                if draft.terms == terms:  # else another ask of the item has learned in the meantime
                    learned = terms.after(error.refusal, _number(body.get(error.refusal.parameter)))
                    if not draft.learning or learned == terms:
                        raise
                    log.debug("%s; from then on: %s", error, learned)
                    draft.terms = learned
            except DeclinedError as declined:
                reply = Reply.withheld(str(declined), declined.charge)
                exchange.replies.append((key, reply, False))
                return reply
            else:
                draft.answered |= reply.declined is None
                exchange.replies.append((key, reply, kept is not None))
                return reply

    def _keep(self, exchange: Exchange) -> None:
        """Keep what led to an answer, and nothing else: asking again after a bad one must be possible."""
        if self._cache is not None:
            for key, reply, replayed in exchange.replies:
                if not replayed:
                    self._cache.put(key, reply.to_json())

    def _abstained(self, exchange: Exchange, kind: Kind, reason: str) -> Answer:
        return self._answer(exchange, status="abstained", kind=kind, reason=reason)

    def _answer(self, exchange: Exchange, **fields: Any) -> Answer:
        replies = [reply for _, reply, _ in exchange.replies]
        charges = [*(reply.charge for reply in replies), *exchange.discarded]
        costs = [charge.cost(self._server.price) for charge in charges]
        usage = Usage(
            calls=len(charges),
            replayed=sum(replayed for _, _, replayed in exchange.replies),
            input_tokens=sum(charge.input_tokens for charge in charges),
            output_tokens=sum(charge.output_tokens for charge in charges),
            cost_usd=None if any(usd is None for usd, _ in costs) else sum(usd for usd, _ in costs if usd),
            cost_from=tuple(dict.fromkeys(source for _, source in costs if source)),
            seconds=sum(r.seconds for r in replies),
        )
        return Answer(raw=tuple(r.text for r in replies if r.declined is None), usage=usage, **fields)

    def body(
        self,
        ask: Ask,
        terms: Terms,
        *,
        logprobs: bool,
        turns: Sequence[Mapping[str, str]] = (),
        seed: int | None = None,
    ) -> dict[str, Any]:
        """Return the request's body, with `image:NAME` in the place of each image."""
        options = self._options
        detail = None if "detail" in terms.without else options.image_detail
        merged = bool("system" in terms.without and ask.system)
        messages: list[Any] = [{"role": "system", "content": ask.system}] if ask.system and not merged else []
        for i, (part, answer) in enumerate((*ask.solved, (ask, None))):
            images = [_image_part(name, detail) for name in part.images]
            text = f"{ask.system}\n\n{part.text}" if merged and i == 0 else part.text
            messages.append({"role": "user", "content": [*images, {"type": "text", "text": text}]})
            if answer is not None:
                messages.append({"role": "assistant", "content": answer})
        default = 0.0 if ask.form is not None else 1.0
        limit = "max_completion_tokens" if self._server.endpoint.host == "api.openai.com" else "max_tokens"
        if limit in terms.without:
            limit = "max_completion_tokens" if limit == "max_tokens" else "max_tokens"
        body: dict[str, Any] = {
            "model": self._server.model,
            "messages": [*messages, *turns],
            "temperature": default if options.temperature is None else options.temperature,
            limit: options.max_tokens,
        }
        if logprobs:
            body |= {"logprobs": True, "top_logprobs": MOST_LOGPROBS}
        if seed is not None:
            body["seed"] = seed
        if ask.form is not None and options.structured == "auto":
            body["response_format"] = _response_format(ask.form)
        lowered = {name: min(body[name], most) for name, most in terms.at_most.items() if name in body}
        return {k: v for k, v in (body | lowered).items() if k not in terms.without} | options.extra_body


def _number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _image_part(name: str, detail: str | None) -> dict[str, str | dict[str, str]]:
    return {
        "type": "image_url",
        "image_url": {"url": f"image:{name}"} | ({"detail": detail} if detail else {}),
    }


def _response_format(form: type[BaseModel]) -> dict[str, Any]:
    fields = {
        name: {"type": "string" if f.annotation is str else "number", "description": f.description}
        for name, f in form.model_fields.items()
    }
    schema = {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}
    return {
        "type": "json_schema",
        "json_schema": {"name": form.__name__.casefold(), "strict": True, "schema": schema},
    }
