"""The judge that asks a vision-language model behind an API."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any

from genspace.errors import GenspaceError, InputError
from genspace.judges._protocol import JudgeContext, JudgeSpec, Preview, parse_options
from genspace.judges.asking import Answer, Ask, Asker, Outcome, PictureError, Pictures, SentPicture, drawn_in
from genspace.judges.prompts import TooLongError
from genspace.judges.vlm._cache import ResponseCache, request_key
from genspace.judges.vlm._client import LOGPROBS, Client
from genspace.judges.vlm._endpoint import find_endpoint
from genspace.judges.vlm._options import VlmOptions
from genspace.judges.vlm._prices import find_price
from genspace.judges.vlm._server import Server
from genspace.judges.vlm._stream import stream
from genspace.judges.vlm._terms import Draft, Terms, agreed
from genspace.records import Request, Verdict, fingerprint
from genspace.store import Key

log = logging.getLogger("genspace.judges.vlm")

PATIENCE_S = 10.0
"""How long nothing may come back before a line says what is being waited for."""
TYPICAL_OUTPUT_TOKENS = {"choice": 3, "form": 60}
"""For estimates alone."""
MOST_AHEAD = 8
"""Items that go ahead of all others at most, until two of them have shown what the server refuses."""


class VlmJudge:
    """Asks a model behind an OpenAI-compatible API.

    Two items go ahead of all others. What both of them find refused is left out or lowered from then on; it is part of
    the fingerprint, and remembered beside the answers.
    """

    def __init__(self, spec: JudgeSpec, context: JudgeContext) -> None:
        where = f"{spec.source}: judge {spec.name!r}"
        if not spec.model:
            raise InputError(f"{where}: which model? Write vlm:MODEL, or model = … in its table")
        self._options = options = parse_options(VlmOptions, spec)
        self._name = spec.name
        self._model = spec.model
        self._context = context
        self._endpoint = find_endpoint(
            options.base_url,
            options.api_key_env,
            where=where,
            provider=options.provider,
            deployment=options.deployment or spec.model,
            api_version=options.api_version,
            query=options.extra_query,
            headers=options.extra_headers,
            from_study=spec.from_study,
            allowed_hosts=context.allowed_hosts,
        )
        self._price = find_price(
            spec.model, input_usd=options.price_input_usd, output_usd=options.price_output_usd
        )
        if context.budget is not None and self._price is None:
            raise InputError(
                f"{where}: a budget needs the price of {spec.model!r}, which is not in the table: set price_input_usd "
                "and price_output_usd (USD per million tokens; 0 for a model that runs on a machine of yours)"
            )
        self._asker = Asker.of(options, context, where=where)
        self._pictures = Pictures(options.image_size)
        self._terms = Terms()
        self._told: dict[Key, Draft] = {}
        """What each of the items that went ahead found, as far as it was answered."""
        self._ahead: dict[Key, Verdict] = {}
        """Their verdicts, until they are asked for."""
        self.settled = self._recall()
        """Whether it is known what the server refuses."""

    @property
    def pairwise(self) -> bool:
        """Whether it judges pairs of items."""
        return self._asker.pairwise

    @property
    def fingerprint(self) -> str:
        """Digest of server, model, options, wording and what the server refuses; no key, price or time-out."""
        o = self._options
        return fingerprint(
            {
                "kind": "vlm",
                "server": self._endpoint.identity,
                "model": self._model,
                "probabilities": o.probabilities,
                "samples": o.samples,
                "structured": o.structured,
                "temperature": o.temperature,
                "image_detail": o.image_detail,
                "extra_body": o.extra_body,
                "seed": self._context.seed,
                "learned": self._terms.to_json(),
                **self._asker.parts(),
            }
        )

    def settle(self, requests: Iterable[Request]) -> None:
        """Find out from the first requests what the server refuses, unless it is known; then the fingerprint holds.

        Their verdicts are kept for when they are asked for. Errors: as for `judge`.
        """
        if self.settled:
            return
        candidates = islice(_of_different_items(requests), MOST_AHEAD)
        while len(self._told) < 2 and (batch := list(islice(candidates, 2 - len(self._told)))):
            drafts = {r.key: Draft(Terms(), learning=True) for r in batch if r.key not in self._ahead}
            self._server.ahead = True
            for verdict in self._streamed([r for r in batch if r.key in drafts], drafts):
                self._ahead[verdict.key] = verdict
            self._server.ahead = False
            self._told |= {key: draft for key, draft in drafts.items() if draft.answered}
        if not self._ahead:  # nothing was asked
            return
        self.settled, self._terms = True, agreed(list(self._told.values()))
        for key, draft in self._told.items():
            if draft.terms != self._terms:  # it was asked otherwise than all others will be
                self._ahead.pop(key, None)
        if self._told:
            log.debug("%s: %s (told by %d items)", self._name, self._terms, len(self._told))
        if len(self._told) > 1 and self._cache_file is not None:
            with self._cache() as cache:
                assert cache is not None
                cache.put(self._memory, json.dumps(self._terms.to_json(), ensure_ascii=False))

    def forget_learned(self) -> None:
        """Forget what the server was found to refuse, so that the next run finds out anew."""
        if self._cache_file is not None and self._cache_file.is_file():
            with self._cache() as cache:
                assert cache is not None
                cache.drop(self._memory)
        self.settled, self._terms = False, Terms()

    def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
        """Yield verdicts as the answers come.

        Errors: `InputError` when no call can succeed (no or wrong key, unknown model, server not there),
        `BudgetReachedError`; verdicts of what was in flight come first.
        """
        remaining = iter(requests)
        taken: list[Request] = []
        try:
            self.settle(_noted(remaining, taken))
        except GenspaceError:
            yield from (self._ahead.pop(r.key) for r in taken if r.key in self._ahead)
            raise
        yield from self._streamed(chain(taken, remaining), {})

    def _streamed(self, requests: Iterable[Request], drafts: Mapping[Key, Draft]) -> Iterator[Verdict]:
        """Yield a verdict for each request, asked under its own draft or under the terms that hold."""
        server = self._server

        @asynccontextmanager
        async def worker() -> AsyncIterator[Callable[[Request], Awaitable[Verdict]]]:
            with self._cache() as cache:
                async with server:
                    client = Client(server, self._options, cache=cache, seed=self._context.seed)
                    yield lambda request: self._judged(
                        client, request, drafts.get(request.key, Draft(self._terms))
                    )

        yield from stream(
            worker(),
            requests,
            limit=2 * self._options.concurrency,
            patience_s=PATIENCE_S,
            when_idle=lambda: log.info("%s", server.waits_for()),
        )

    @cached_property
    def _server(self) -> Server:
        """The server, with the key.

        Errors: `InputError` where there is no key, or where the study names a host that the user has not allowed.
        """
        study = self._context.study
        if study is not None and study.declared.images and not self._endpoint.trusted:
            folder = Path(study.declared.images)
            if not folder.resolve().is_relative_to(study.root.resolve()):
                raise InputError(
                    f"{self._endpoint.where}: the study would have images of {study.declared.images}, outside its "
                    f"folder, sent to {self._endpoint.host}. If you trust that host, allow it with "
                    f"`allow_host` {self._endpoint.host}"
                )
        return Server(
            endpoint=self._endpoint.with_key(),
            model=self._model,
            options=self._options,
            price=self._price,
            budget=self._context.budget,
        )

    async def _judged(self, client: Client, request: Request, draft: Draft) -> Verdict:
        if request.key in self._ahead:
            return self._ahead.pop(request.key)
        problem = self._asker.cannot_judge(request)
        if problem is not None:
            return problem
        answers: list[Answer] = []
        try:
            outcome = await self._followed(client, request, draft, answers)
            if draft.terms.sampled and any(answer.source == LOGPROBS for answer in answers):
                outcome = await self._followed(client, request, draft, answers)  # one source throughout
        except (PictureError, TooLongError) as error:
            outcome = Outcome(status="failed", reason=str(error))
        return self._asker.verdict(request, outcome, answers)

    async def _followed(
        self, client: Client, request: Request, draft: Draft, answers: list[Answer]
    ) -> Outcome:
        """Follow the protocol to its outcome; fill `answers` with all that was said."""
        steps = await asyncio.to_thread(self._asker.steps, request)
        try:
            asks = next(steps)
            while True:
                pictures = await asyncio.to_thread(self._pictures.of, request.files, *asks)
                item, repeat = request.item.item_id, request.repeat
                given = await asyncio.gather(
                    *(client.answer(ask, pictures, item=item, repeat=repeat, draft=draft) for ask in asks)
                )
                answers += given
                asks = steps.send(list(given))
        except StopIteration as done:
            outcome: Outcome = done.value
            return outcome

    # ---- what is known before anything is sent ----

    def preview(self, request: Request) -> Preview:
        """Return the exact body of each call, images by name and size, and what it may cost, from about to at most."""
        problem = self._asker.cannot_judge(request)
        if problem is not None:
            return Preview.free(f"nothing would be sent: {problem.reason}")
        server = Server(
            endpoint=self._endpoint, model=self._model, options=self._options, price=None, budget=None
        )
        client = Client(server, self._options, cache=None, seed=self._context.seed)
        texts, estimates = [], []
        try:
            asks, outcome = self._asker.imagined(request)
        except TooLongError as error:
            return Preview.free(f"nothing would be sent: {error}")
        if not asks:
            return Preview.free(f"nothing would be sent: {outcome.reason}")
        for ask in asks:
            try:
                pictures = self._pictures.of(request.files, ask)
                sizes = [f"{n}: {w} x {h} pixels" for n, (w, h) in ((n, p.size) for n, p in pictures.items())]
            except (PictureError, InputError) as error:
                return Preview.free(f"nothing would be sent: {error}")
            weighed = (
                bool(ask.choices) and self._options.probabilities != "samples" and not self._terms.sampled
            )
            body = client.body(ask, self._terms, logprobs=weighed)
            estimates.append(self._estimate(server, ask, body, pictures, weighed=weighed))
            shown = json.dumps(body, ensure_ascii=False, indent=2)
            texts.append(
                f"POST {self._endpoint.base_url}/chat/completions\n{shown}\nimages: {'; '.join(sizes)}"
            )
        if self._options.probabilities == "auto" and any("top_logprobs" in t for t in texts):
            texts.append(
                f"If the server gives no log-probabilities, {self._options.samples} answers are sampled per question."
            )
        together = Preview.together("\n\n".join(texts), estimates)
        return replace(together, drawn=drawn_in(asks))

    def _estimate(
        self,
        server: Server,
        ask: Ask,
        body: dict[str, Any],
        pictures: Mapping[str, SentPicture],
        *,
        weighed: bool,
    ) -> Preview:
        """Return what one ask takes: from one plain answer (or sample) to asking again after every useless one.

        The upper end holds whatever a model thinks, since it writes no more than the limit of tokens that is sent.
        """
        options = self._options
        samples = options.samples if ask.choices and not weighed else 1
        unsure = weighed and options.probabilities == "auto" and not self.settled
        most_calls = 2 * (1 + options.samples if unsure else samples)
        read = server.estimated_input_tokens(body, pictures)
        most_read = server.estimated_input_tokens(body, pictures, most=True)
        written = TYPICAL_OUTPUT_TOKENS["form" if ask.form else "choice"]
        limits = [
            body[name] for name in ("max_tokens", "max_completion_tokens") if isinstance(body.get(name), int)
        ]
        most_written = max(limits) if limits else None
        price = self._price
        estimate = Preview(
            text="", calls=samples, tokens=samples * (read + written), most_calls=most_calls, most_tokens=None
        )
        if price is not None:
            estimate = replace(estimate, cost_usd=price.cost_usd(samples * read, samples * written))
        if most_written is None:  # the server takes no limit, or refused it
            return estimate
        most_read += most_written  # a useless answer stands in the second question
        return replace(
            estimate,
            most_tokens=most_calls * (most_read + most_written),
            most_usd=price.cost_usd(most_calls * most_read, most_calls * most_written) if price else None,
        )

    # ---- the cache ----

    @property
    def _cache_file(self) -> Path | None:
        folder = self._context.cache_dir
        return folder / "vlm-responses.sqlite" if folder and self._options.cache else None

    @contextmanager
    def _cache(self) -> Iterator[ResponseCache | None]:
        cache = ResponseCache(self._cache_file) if self._cache_file else None
        try:
            yield cache
        finally:
            if cache is not None:
                cache.close()

    @property
    def _memory(self) -> str:
        """Key under which it is kept what the server refuses."""
        options = self._options.model_dump(include={"protocol", "probabilities", "structured", "extra_body"})
        return request_key(self._endpoint.identity, {"model": self._model, **options}, {}, "learned")

    def _recall(self) -> bool:
        """Recall what the server refuses; whether it is known."""
        if self._cache_file is None or not self._cache_file.is_file():
            return False
        with self._cache() as cache:
            known = cache.get(self._memory) if cache else None
        if known is not None:
            self._terms = Terms.from_json(json.loads(known))
        return known is not None


def _of_different_items(requests: Iterable[Request]) -> Iterator[Request]:
    """Yield the first request about each item: what one item meets may be its own."""
    seen = set()
    for request in requests:
        if request.item.item_id not in seen:
            seen.add(request.item.item_id)
            yield request


def _noted(requests: Iterator[Request], taken: list[Request]) -> Iterator[Request]:
    for request in requests:
        taken.append(request)
        yield request


def make(spec: JudgeSpec, context: JudgeContext) -> VlmJudge:
    """Return the judge `vlm:MODEL`."""
    return VlmJudge(spec, context)
