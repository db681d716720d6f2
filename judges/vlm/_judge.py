"""The judges that ask a vision-language model: what an endpoint and a local model have in common, and the endpoint."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from genspace.errors import InputError
from genspace.geometry.predicates import Untold
from genspace.judges._protocol import JudgeContext, JudgeSpec, Preview, parse_options
from genspace.judges.prompts import Wordings, meaning_of
from genspace.judges.vlm._asks import Answer, Ask, Outcome, total
from genspace.judges.vlm._cache import ResponseCache
from genspace.judges.vlm._client import Client
from genspace.judges.vlm._endpoint import find_endpoint
from genspace.judges.vlm._images import PictureError, Pictures
from genspace.judges.vlm._options import AskOptions, VlmOptions
from genspace.judges.vlm._prices import find_price
from genspace.judges.vlm._protocols import PROTOCOLS, Rating, Steps
from genspace.judges.vlm._server import Server
from genspace.judges.vlm._stream import stream
from genspace.records import Request, Verdict, fingerprint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

__all__ = ["Asker", "VlmJudge", "make"]

log = logging.getLogger("genspace.judges.vlm")

PATIENCE_S = 10.0
"""How long nothing may come back before a line says what is being waited for."""
TYPICAL_OUTPUT_TOKENS = {"choice": 3, "form": 60}
"""For estimates alone."""
VERSION = 1
"""Of the way in which answers become verdicts; part of the fingerprint."""


@dataclass(frozen=True)
class Asker:
    """From a request to its protocol's steps, and from their outcome to a verdict."""

    options: AskOptions
    wordings: Wordings

    @property
    def pairwise(self) -> bool:
        """Whether it judges pairs of items."""
        return self.options.protocol == "pairwise"

    def parts(self) -> dict[str, Any]:
        """Return what belongs into the fingerprint of every judge that asks."""
        asked = self.options.model_dump(include=set(AskOptions.model_fields) - {"template"})
        return {"version": VERSION, "wording": self.wordings.version, **asked}

    def steps(self, request: Request) -> Steps:
        """Return the protocol's questions to a request.

        Errors: `InputError` for one item where pairs are judged and the other way round.
        """
        if self.pairwise and request.other is None:
            raise InputError("the pairwise protocol compares two items; the study gives it one at a time")
        if not self.pairwise and request.other is not None:
            raise InputError(f"protocol {self.options.protocol!r} judges one item at a time; use 'pairwise'")
        return PROTOCOLS[self.options.protocol](request, self.wordings, self.options)

    def cannot_judge(self, request: Request) -> Verdict | None:
        """Return the verdict on a request that there is nothing to ask about."""
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
        """Return the verdict, with everything the model said and what it cost."""
        usage = total([a.usage for a in answers])
        fields: dict[str, Any] = {
            "measurements": outcome.measurements,
            "details": {
                **outcome.details,
                "answers": [text for a in answers for text in a.raw],
                "calls": usage.calls,
                **({"replayed": usage.replayed} if usage.replayed else {}),
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

    def imagined(self, request: Request) -> list[Ask]:
        """Return every question that is asked if all answers are the most favourable ones."""
        steps = self.steps(request)
        asked: list[Ask] = []
        try:
            asks = next(steps)
            while True:
                asked += asks
                asks = steps.send([_favourable(ask) for ask in asks])
        except StopIteration:
            return asked


def _favourable(ask: Ask) -> Answer:
    if ask.form is not None:
        return Answer(form=Rating(reason="", rating=100))
    rest = dict.fromkeys(ask.choices[1:], 0.0)
    return Answer(probabilities={ask.choices[0]: 1.0, **rest}, source="")


class VlmJudge:
    """Asks a model behind an OpenAI-compatible API."""

    def __init__(self, spec: JudgeSpec, context: JudgeContext) -> None:
        where = f"{spec.source}: judge {spec.name!r}"
        if not spec.model:
            raise InputError(f"{where}: which model? Write vlm:MODEL, or model = … in its table")
        self._options = options = parse_options(VlmOptions, spec)
        self._model = spec.model
        self._context = context
        self._endpoint = find_endpoint(options.base_url, options.api_key_env, where=where)
        self._price = find_price(
            spec.model,
            is_local=self._endpoint.is_local,
            input_usd=options.price_input_usd,
            output_usd=options.price_output_usd,
        )
        if context.budget is not None and self._price is None:
            raise InputError(
                f"{where}: a budget needs the price of {spec.model!r}, which is not in the table: "
                "set price_input_usd and price_output_usd (USD per million tokens)"
            )
        self._asker = Asker(
            options,
            Wordings.load(
                options.protocol,
                options.template,
                root=context.study.root if context.study else None,
                where=where,
                without_prompt=options.without_prompt,
            ),
        )
        self._pictures = Pictures(options.image_size)

    @property
    def pairwise(self) -> bool:
        """Whether it judges pairs of items."""
        return self._asker.pairwise

    @cached_property
    def fingerprint(self) -> str:
        """Digest of server, model, options and wording; neither key nor price, time-out or concurrency."""
        o = self._options
        return fingerprint(
            {
                "kind": "vlm",
                "base_url": self._endpoint.base_url,
                "model": self._model,
                "probabilities": o.probabilities,
                "samples": o.samples,
                "structured": o.structured,
                "temperature": o.temperature,
                "image_detail": o.image_detail,
                "extra_body": o.extra_body,
                "seed": self._context.seed,
                **self._asker.parts(),
            }
        )

    def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
        """Yield verdicts as the answers come.

        Errors: `InputError` when no call can succeed (no or wrong key, unknown model, server not there),
        `BudgetReachedError`; verdicts of what was in flight come first.
        """
        server = Server(
            endpoint=self._endpoint.with_key(),
            model=self._model,
            options=self._options,
            price=self._price,
            budget=self._context.budget,
        )

        @asynccontextmanager
        async def worker() -> AsyncIterator[Callable[[Request], Awaitable[Verdict]]]:
            cache = self._open_cache()
            try:
                async with server:
                    client = Client(server, self._options, cache=cache, seed=self._context.seed)
                    yield lambda request: self._judged(client, request)
            finally:
                if cache is not None:
                    cache.close()

        yield from stream(
            worker(),
            requests,
            limit=2 * self._options.concurrency,
            patience_s=PATIENCE_S,
            when_idle=lambda: log.info("%s", server.waits_for()),
        )

    def preview(self, request: Request) -> Preview:
        """Return the exact body of each call, images by name and size, and what it will about cost."""
        problem = self._asker.cannot_judge(request)
        if problem is not None:
            return Preview(text=f"nothing would be sent: {problem.reason}", cost_usd=0.0)
        server = Server(
            endpoint=self._endpoint, model=self._model, options=self._options, price=None, budget=None
        )
        client = Client(server, self._options, cache=None, seed=self._context.seed)
        sampled = self._options.probabilities == "samples"
        texts, calls, inputs, outputs = [], 0, 0, 0
        for ask in self._asker.imagined(request):
            try:
                pictures = self._pictures.read(request.files, ask.images)
                sizes = [f"{n}: {w} x {h} pixels" for n, (w, h) in ((n, p.size) for n, p in pictures.items())]
                body = client.body(ask, logprobs=bool(ask.choices) and not sampled)
                draws = self._options.samples if ask.choices and sampled else 1
                calls += draws
                inputs += draws * server.estimated_input_tokens(body, pictures)
                outputs += draws * TYPICAL_OUTPUT_TOKENS["form" if ask.form else "choice"]
            except (PictureError, InputError) as error:
                return Preview(text=f"nothing would be sent: {error}", cost_usd=0.0)
            shown = json.dumps(body, ensure_ascii=False, indent=2)
            texts.append(
                f"POST {self._endpoint.base_url}/chat/completions\n{shown}\nimages: {'; '.join(sizes)}"
            )
        if self._options.probabilities == "auto" and any("top_logprobs" in t for t in texts):
            texts.append(
                f"If the server gives no log-probabilities, {self._options.samples} answers are sampled per question."
            )
        return Preview(
            text="\n\n".join(texts),
            calls=calls,
            tokens=inputs + outputs,
            cost_usd=self._price.cost_usd(inputs, outputs) if self._price else None,
        )

    async def _judged(self, client: Client, request: Request) -> Verdict:
        problem = self._asker.cannot_judge(request)
        if problem is not None:
            return problem
        steps = self._asker.steps(request)
        answers: list[Answer] = []
        try:
            asks = next(steps)
            while True:
                names = [name for ask in asks for name in ask.images]
                pictures = await asyncio.to_thread(self._pictures.read, request.files, names)
                given = await asyncio.gather(*(client.answer(ask, pictures, request.repeat) for ask in asks))
                answers += given
                asks = steps.send(list(given))
        except StopIteration as done:
            return self._asker.verdict(request, done.value, answers)
        except PictureError as error:
            return self._asker.verdict(request, Outcome(status="failed", reason=str(error)), answers)

    def _open_cache(self) -> ResponseCache | None:
        folder = self._context.cache_dir
        return ResponseCache(folder / "vlm-responses.sqlite") if folder and self._options.cache else None


def make(spec: JudgeSpec, context: JudgeContext) -> VlmJudge:
    """Return the judge `vlm:MODEL`."""
    return VlmJudge(spec, context)
