"""One ask, answered: read, asked again once, sampled or weighed by log-probabilities, kept for the next run."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from genspace.judges.asking import (
    Answer,
    Ask,
    CutOffError,
    Kind,
    Picture,
    UnusableAnswerError,
    Usage,
    choice_probabilities,
    is_refusal,
    read_choice,
    read_form,
)
from genspace.judges.vlm._cache import ResponseCache, request_key
from genspace.judges.vlm._options import VlmOptions
from genspace.judges.vlm._server import CallFailedError, DeclinedError, Reply, Server, shortened

if TYPE_CHECKING:
    from pydantic import BaseModel

__all__ = ["Client"]

T = TypeVar("T")


@dataclass(slots=True)
class _Exchange:
    """The replies to one ask so far."""

    replies: list[tuple[str, Reply, bool]] = field(default_factory=list)
    """Cache key, reply, whether it was replayed."""


class Client:
    """Turns asks into answers by calling a server."""

    def __init__(
        self, server: Server, options: VlmOptions, *, cache: ResponseCache | None, seed: int
    ) -> None:
        self._server = server
        self._options = options
        self._cache = cache
        self._seed = seed
        self._gives_logprobs: bool | None = {"auto": None, "logprobs": True, "samples": False}[
            options.probabilities
        ]
        self._probing = asyncio.Lock()
        self._recall()

    async def answer(self, ask: Ask, pictures: Mapping[str, Picture], repeat: int) -> Answer:
        """Ask, read, ask again once if the answer is unusable, and return what came of it.

        Errors: `InputError` when no call can succeed, `BudgetReachedError` when nothing may be spent any more.
        """
        if ask.form is not None:
            answer = await self._filled_in(ask, ask.form, pictures, repeat)
        else:
            weighed = await self._weighed(ask, pictures, repeat)
            answer = await self._sampled(ask, pictures, repeat) if weighed is None else weighed
        self._remember()
        return answer

    async def _weighed(self, ask: Ask, pictures: Mapping[str, Picture], repeat: int) -> Answer | None:
        """Return probabilities from log-probabilities; None where the server gives none.

        As long as it is not known whether it does, one ask finds out and the others wait for it.
        """
        if self._gives_logprobs is None:
            async with self._probing:
                if self._gives_logprobs is None:
                    return await self._weigh(ask, pictures, repeat)
        return await self._weigh(ask, pictures, repeat) if self._gives_logprobs else None

    async def _weigh(self, ask: Ask, pictures: Mapping[str, Picture], repeat: int) -> Answer | None:
        exchange = _Exchange()

        def read(reply: Reply) -> dict[str, float] | None:
            said = read_choice(reply.text, ask.choices, cut=reply.cut)
            return choice_probabilities(reply.logprobs, ask.choices, said)

        found = await self._exchanged(exchange, read, ask, pictures, f"{repeat}", logprobs=True)
        if isinstance(found, Answer):
            return found
        if found is not None:
            self._gives_logprobs = True
            return self._answer(exchange, probabilities=found, source="log-probabilities")
        if self._options.probabilities == "logprobs":
            reason = "the server gives no log-probabilities; use probabilities = 'samples' or 'auto'"
            return self._answer(exchange, status="failed", reason=reason)
        if self._gives_logprobs is None:
            self._gives_logprobs = False
        return None

    async def _filled_in(
        self, ask: Ask, form: type[BaseModel], pictures: Mapping[str, Picture], repeat: int
    ) -> Answer:
        exchange = _Exchange()
        found = await self._exchanged(
            exchange,
            lambda reply: read_form(reply.text, form, cut=reply.cut),
            ask,
            pictures,
            f"{repeat}",
            logprobs=False,
        )
        return found if isinstance(found, Answer) else self._answer(exchange, form=found)

    async def _sampled(self, ask: Ask, pictures: Mapping[str, Picture], repeat: int) -> Answer:
        """Draw several answers at once; the share of each choice is its probability."""

        async def draw(index: int) -> tuple[str | Answer, _Exchange]:
            exchange = _Exchange()
            found = await self._exchanged(
                exchange,
                lambda reply: read_choice(reply.text, ask.choices, cut=reply.cut),
                ask,
                pictures,
                f"{repeat}/{index}",
                logprobs=False,
                seed=self._seed + repeat * self._options.samples + index,
            )
            return found, exchange

        drawn = await asyncio.gather(*(draw(i) for i in range(self._options.samples)))
        whole = _Exchange([reply for _, exchange in drawn for reply in exchange.replies])
        problems = [found for found, _ in drawn if isinstance(found, Answer)]
        failed = [p for p in problems if p.status == "failed"]
        votes = Counter(found for found, _ in drawn if isinstance(found, str))
        answered = votes.total()
        if failed or answered * 2 < len(drawn):
            worst = (failed or problems)[0]
            return self._answer(whole, status=worst.status, reason=worst.reason, kind=worst.kind)
        self._keep(whole)  # with the samples that came to nothing, so that a repeated run says the same
        return self._answer(
            whole,
            probabilities={choice: votes[choice] / answered for choice in ask.choices},
            source=f"{answered} samples",
        )

    async def _exchanged(
        self,
        exchange: _Exchange,
        read: Callable[[Reply], T],
        ask: Ask,
        pictures: Mapping[str, Picture],
        repeat: str,
        *,
        logprobs: bool,
        seed: int | None = None,
    ) -> T | Answer:
        """Return what was read, or the answer that says why nothing could be; fill `exchange` either way."""
        turns: list[dict[str, Any]] = []
        problem = ""
        for _ in range(2):
            try:
                reply = await self._call(exchange, ask, turns, pictures, repeat, logprobs=logprobs, seed=seed)
                if reply.refusal:
                    return self._abstained(exchange, "refused", f"refused: {shortened(reply.refusal)}")
                if reply.finish_reason == "content_filter":
                    return self._abstained(
                        exchange, "blocked", "content filter: the server withheld its answer"
                    )
                found = read(reply)
            except (UnusableAnswerError, CutOffError) as error:
                if isinstance(error, CutOffError) and (turns or reply.text.strip() or reply.cut):
                    limit = f"; max_tokens = {self._options.max_tokens} may be too few"
                    return self._abstained(exchange, "cut-off", f"the answer is cut off: {error}{limit}")
                problem = str(error)
                turns = [
                    {"role": "assistant", "content": reply.text or "(nothing)"},
                    {
                        "role": "user",
                        "content": f"That answer cannot be used: {error}. Answer again, only as asked.",
                    },
                ]
            except DeclinedError as declined:
                return self._abstained(exchange, "blocked", str(declined))
            except CallFailedError as error:
                return self._answer(exchange, status="failed", reason=str(error))
            else:
                self._keep(exchange)
                return found
        if is_refusal(reply.text):
            return self._abstained(exchange, "refused", f"refused: {shortened(reply.text)}")
        return self._abstained(exchange, "unusable", f"unusable answer: {problem}")

    # What the server turned out to support is kept with its answers: a repeated run then sends the very same
    # requests, and finds them all in the cache.

    @property
    def _learned(self) -> dict[str, Any]:
        return {
            "refused": sorted(self._server.refused),
            "top_logprobs": self._server.top_logprobs,
            "gives_logprobs": self._gives_logprobs,
        }

    @property
    def _learned_key(self) -> str:
        options = self._options.model_dump(include={"probabilities", "extra_body"})
        return request_key(
            self._server.endpoint.base_url, {"model": self._server.model, **options}, {}, "learned"
        )

    def _recall(self) -> None:
        known = self._cache.get(self._learned_key) if self._cache is not None else None
        if known is not None:
            self._server.refused |= set(known["refused"])
            self._server.top_logprobs = known["top_logprobs"]
            self._gives_logprobs = known["gives_logprobs"]
        self._remembered = self._learned

    def _remember(self) -> None:
        if self._cache is not None and self._learned != self._remembered:
            self._remembered = self._learned
            self._cache.put(self._learned_key, self._remembered)

    def _keep(self, exchange: _Exchange) -> None:
        """Keep what led to an answer, and nothing else: asking again after a bad one must be possible."""
        if self._cache is not None:
            for key, reply, replayed in exchange.replies:
                if not replayed:
                    self._cache.put(key, vars(reply))

    def _abstained(self, exchange: _Exchange, kind: Kind, reason: str) -> Answer:
        return self._answer(exchange, status="abstained", kind=kind, reason=reason)

    def _answer(self, exchange: _Exchange, **fields: Any) -> Answer:
        replies = [reply for _, reply, _ in exchange.replies]
        inputs, outputs = sum(r.input_tokens for r in replies), sum(r.output_tokens for r in replies)
        usage = Usage(
            calls=len(replies),
            replayed=sum(replayed for _, _, replayed in exchange.replies),
            input_tokens=inputs,
            output_tokens=outputs,
            cost_usd=None if self._server.price is None else self._server.price.cost_usd(inputs, outputs),
            seconds=sum(r.seconds for r in replies),
        )
        return Answer(raw=tuple(r.text for r in replies), usage=usage, **fields)

    def body(
        self, ask: Ask, *, logprobs: bool, turns: list[dict[str, Any]] | None = None, seed: int | None = None
    ) -> dict[str, Any]:
        """Return the request's body, with `image:NAME` in the place of each image."""
        options = self._options
        images = [_image_part(name, options.image_detail) for name in ask.images]
        messages: list[dict[str, Any]] = [{"role": "system", "content": ask.system}] if ask.system else []
        messages.append({"role": "user", "content": [*images, {"type": "text", "text": ask.text}]})
        default = 0.0 if ask.form is not None else 1.0
        limit = "max_completion_tokens" if self._server.endpoint.host == "api.openai.com" else "max_tokens"
        if limit in self._server.refused:
            limit = "max_completion_tokens" if limit == "max_tokens" else "max_tokens"
        body: dict[str, Any] = {
            "model": self._server.model,
            "messages": messages + (turns or []),
            "temperature": default if options.temperature is None else options.temperature,
            limit: options.max_tokens,
        }
        if logprobs:
            body |= {"logprobs": True, "top_logprobs": self._server.top_logprobs}
        if seed is not None:
            body["seed"] = seed
        if ask.form is not None and options.structured == "auto":
            body["response_format"] = _response_format(ask.form)
        return {k: v for k, v in body.items() if k not in self._server.refused} | options.extra_body

    async def _call(
        self,
        exchange: _Exchange,
        ask: Ask,
        turns: list[dict[str, Any]],
        pictures: Mapping[str, Picture],
        repeat: str,
        *,
        logprobs: bool,
        seed: int | None,
    ) -> Reply:
        digests = {name: pictures[name].digest for name in ask.images}
        while True:
            body = self.body(ask, logprobs=logprobs, turns=turns, seed=seed)
            key = request_key(self._server.endpoint.base_url, body, digests, repeat)
            kept = self._cache.get(key) if self._cache is not None else None
            if kept is not None:
                reply = Reply(**kept)
                exchange.replies.append((key, reply, True))
                return reply
            sent = {name: pictures[name] for name in ask.images}
            reply_or_none = await self._server.call(body, sent)
            if reply_or_none is not None:
                exchange.replies.append((key, reply_or_none, False))
                return reply_or_none


def _image_part(name: str, detail: str | None) -> dict[str, Any]:
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
