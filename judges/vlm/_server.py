"""Calls to an OpenAI-compatible server: time-outs, retries, budget, and what becomes of its errors."""

from __future__ import annotations

import asyncio
import json
import random
import re
import time
from collections import Counter
from collections.abc import Mapping, Sized
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn, Self

from genspace.errors import InputError
from genspace.judges._protocol import Budget
from genspace.judges.asking import SentPicture, text_tokens
from genspace.judges.vlm._endpoint import Endpoint
from genspace.judges.vlm._errors import Refusal, Signs, rule_of, shortened, signs_of
from genspace.judges.vlm._options import VlmOptions
from genspace.judges.vlm._prices import (
    Charge,
    Price,
    charge_of,
    image_tokens,
    most_image_tokens,
    most_text_tokens,
)
from genspace.judges.vlm._replies import Reply, first_text, read_completion

if TYPE_CHECKING:
    from openai import AsyncOpenAI

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 60.0
FEWEST_DOUBTS = 2
"""So many items must meet the same doubt, and none succeed, before the run stops for it."""
ALLOWED_HEADERS = {
    "accept", "accept-encoding", "connection", "content-length", "content-type", "host", "transfer-encoding",
    "user-agent", "x-stainless-raw-response",
}  # fmt: skip
"""What a request says of itself; the client adds the user's organisation and platform, which are nobody's affair."""


class CallFailedError(Exception):
    """A call did not succeed, whatever was tried; the message names the last fault."""


class DeclinedError(Exception):
    """The server answered that it will not answer; the message says how."""

    charge: Charge | None = None
    """What the call took, where the server says so."""


class RefusedError(Exception):
    """The server refuses a parameter; the message is its own."""

    def __init__(self, refusal: Refusal, words: str) -> None:
        super().__init__(words)
        self.refusal = refusal


@dataclass(slots=True)
class Exchange:
    """What one ask of one item has led to so far."""

    item: str
    replies: list[tuple[str, Reply, bool]] = field(default_factory=list)
    """Cache key, reply, whether it was replayed."""
    discarded: list[Charge] = field(default_factory=list)
    """Calls that were paid for and gave nothing to read."""


class Server:
    """One server and one model; an asynchronous context manager, to be used inside one event loop."""

    def __init__(
        self,
        *,
        endpoint: Endpoint,
        model: str,
        options: VlmOptions,
        price: Price | None,
        budget: Budget | None,
    ) -> None:
        self.endpoint = endpoint
        self.model = model
        self.price = price
        self.redact = endpoint.redact
        self.ahead = False
        """Whether only the items that go ahead of all others are asked."""
        self._options = options
        self._budget = budget
        self._heard = False
        self._succeeded = False
        self._doubted: set[str] = set()
        self._given_up = 0
        self._stopped: InputError | None = None
        self._under_way: dict[object, float] = {}
        self._resting: dict[object, tuple[float, str]] = {}
        self._openai: AsyncOpenAI
        self._slots: asyncio.Semaphore

    async def __aenter__(self) -> Self:
        import openai

        async def named_headers_alone(request: Any) -> None:
            for name in [n for n in request.headers if n.lower() not in ALLOWED_HEADERS]:
                del request.headers[name]
            request.headers.update(self.endpoint.sent_headers())

        self._slots = asyncio.Semaphore(self._options.concurrency)
        self._openai = openai.AsyncOpenAI(
            api_key="none",  # the key is put in at the very end
            base_url=self.endpoint.base_url,
            default_query=dict(self.endpoint.query),
            max_retries=0,
            timeout=self._options.request_timeout_s,
            # With many calls in flight the default client spends more time on its pool of connections than on calls.
            http_client=openai.DefaultAioHttpClient(
                trust_env=not self.endpoint.plain,  # a proxy would read what is not encrypted
                verify=not self.endpoint.plain,  # certificates that nothing will use take long to load
                follow_redirects=False,
                event_hooks={"request": [named_headers_alone]},
            ),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._openai.close()

    def waits_for(self) -> str:
        """Say in one line what is being waited for."""
        now = time.monotonic()
        parts = []
        if self._under_way:
            longest = now - min(self._under_way.values())
            parts.append(
                f"{_count(self._under_way, 'answer')} from {self.endpoint.host} (longest {longest:.0f} s)"
            )
        if self._resting:
            why = Counter(reason for _, reason in self._resting.values())
            reasons = ", ".join(f"{reason} ({n})" if n > 1 else reason for reason, n in why.most_common(3))
            soonest = max(0.0, min(until for until, _ in self._resting.values()) - now)
            parts.append(
                f"{_count(self._resting, 'call')} to be tried again, the next in {soonest:.0f} s: {reasons}"
            )
        return "waiting for " + " and ".join(parts or ["the first call"])

    async def call(
        self, body: dict[str, Any], pictures: Mapping[str, SentPicture], exchange: Exchange
    ) -> Reply:
        """Send a body, with `image:NAME` in the place of each image, until it succeeds or cannot.

        Errors: `RefusedError`, `CallFailedError`, `DeclinedError`; `InputError` when no call can succeed,
        `BudgetReachedError` when nothing may be spent any more.
        """
        sent = await asyncio.to_thread(_with_images, body, pictures) if pictures else body
        async with self._slots:
            return await self._tried(sent, body, pictures, exchange)

    async def _tried(
        self,
        sent: dict[str, Any],
        body: dict[str, Any],
        pictures: Mapping[str, SentPicture],
        exchange: Exchange,
    ) -> Reply:
        options = self._options
        token = object()
        started = time.monotonic()
        for attempt in range(1, options.tries + 1):
            self._check_may_call()
            self._under_way[token] = time.monotonic()
            try:
                async with asyncio.timeout(options.request_timeout_s):
                    reply, headers, charge = await self._post(sent, body, pictures)
            except TimeoutError:
                fault, wait = f"no answer within {options.request_timeout_s:g} s", None
            except _ConnectionError as error:
                fault, wait = str(error), None
            else:
                if isinstance(reply, Reply):
                    self._succeeded = True
                    return reply
                try:
                    fault, wait = self._fault(reply, headers, body, exchange.item)
                except DeclinedError as declined:
                    declined.charge = charge
                    raise
                except CallFailedError:
                    exchange.discarded += [charge] if charge else []
                    raise
                exchange.discarded += [charge] if charge else []
            finally:
                del self._under_way[token]
            delay = _delay(attempt) if wait is None else wait
            if attempt == options.tries:
                break
            if time.monotonic() + delay - started > options.total_timeout_s:
                fault += f"; the next try would pass total_timeout_s = {options.total_timeout_s:g}"
                break
            self._resting[token] = (time.monotonic() + delay, fault)
            try:
                await asyncio.sleep(delay)
            finally:
                del self._resting[token]
        self._given_up += 1
        if not self._heard or (not self._succeeded and self._given_up >= options.concurrency):
            self._stop(
                f"{self.endpoint.base_url} never answered, the last of {attempt} tries: {fault}. "
                "Is the server running, and is base_url right?"
            )
        raise CallFailedError(f"{fault} (tried {attempt} times)" if attempt > 1 else fault)

    def _check_may_call(self) -> None:
        if self._stopped is not None:
            raise self._stopped
        if self._budget is not None:
            self._budget.check()

    def _stop(self, why: str) -> NoReturn:
        self._stopped = InputError(why)
        raise self._stopped

    async def _post(
        self, sent: dict[str, Any], body: dict[str, Any], pictures: Mapping[str, SentPicture]
    ) -> tuple[Reply | Signs, Mapping[str, str], Charge | None]:
        """Send a body once and return the reply or the signs of an error, the headers, and what it took where said."""
        import openai

        begun = time.monotonic()
        try:
            # The body goes out as it is: `chat.completions.create` walks through it first, a third of a call's cost.
            answer: Any = await self._openai.post(
                "/chat/completions",
                body=sent,
                cast_to=str,
                options={"headers": {"X-Stainless-Raw-Response": "true"}},
            )
        except openai.APIStatusError as error:
            self._heard = True
            return signs_of(error.status_code, self.redact(error.response.text)), error.response.headers, None
        except openai.APIConnectionError as error:
            cause = error.__cause__ or error
            said = self.redact(shortened(str(cause) or type(cause).__name__))
            raise _ConnectionError(f"connection to {self.endpoint.host}: {said}") from None
        self._heard = True
        try:
            document = json.loads(answer.text)
        except ValueError:
            return Signs(status=200, finish="(no completion)"), answer.headers, None
        usage = document.get("usage") if isinstance(document, dict) else None
        charge = charge_of(
            usage,
            answer.headers,
            read=lambda: self.estimated_input_tokens(body, pictures),
            written=lambda: text_tokens(first_text(document)),
        )
        self._spend(charge)
        seconds = round(time.monotonic() - begun, 3)
        reply = read_completion(document, charge, seconds=seconds, redact=self.redact)
        return reply, answer.headers, charge if usage else None

    def _spend(self, charge: Charge) -> None:
        usd, _ = charge.cost(self.price)
        if self._budget is not None and usd is not None:
            self._budget.spend(usd)

    def estimated_input_tokens(
        self, body: Mapping[str, Any], pictures: Mapping[str, SentPicture], *, most: bool = False
    ) -> int:
        """Return about how many input tokens a body takes, or the most, from its texts and the size of its images."""
        of_text = most_text_tokens if most else text_tokens
        of_image = most_image_tokens if most else image_tokens
        tokens = 0
        for message in body["messages"]:
            content = message["content"]
            parts: list[Any] = [{"type": "text", "text": content}] if isinstance(content, str) else content
            for part in parts:
                if part["type"] == "text":
                    tokens += of_text(part["text"])
                else:
                    name = part["image_url"]["url"].removeprefix("image:")
                    tokens += of_image(self.model, *pictures[name].size)
        return tokens

    def _fault(
        self, signs: Signs, headers: Mapping[str, str], body: Mapping[str, Any], item: str
    ) -> tuple[str, float | None]:
        """Return what went wrong and how long the server asks to wait.

        Errors: `RefusedError`, `DeclinedError` and `CallFailedError` where another try is pointless, `InputError`
        where every other call is too.
        """
        rule, refusal = rule_of(signs, body, tuple(self._options.extra_body))
        words = shortened(self.redact(signs.words)) or _named(signs.finish)
        came = f"HTTP {signs.status} from {self.endpoint.host}: {words}"
        if refusal is not None:
            raise RefusedError(refusal, came)
        if rule.kind == "abstains":
            raise DeclinedError(f"content filter: {words}")
        if rule.kind == "doubts" and not self._succeeded:
            self._doubted.add(item)
            patience = FEWEST_DOUBTS if self.ahead else 3 * self._options.concurrency
            if len(self._doubted) >= patience:
                self._stop(f"{self.endpoint.base_url} answers {signs.status}: {words}")
        if rule.kind == "stops":
            self._stop(f"{self.endpoint.base_url} answers {signs.status}: {words}")
        if rule.kind != "waits":
            raise CallFailedError(came)
        return came, _retry_after(headers, signs.words)


class _ConnectionError(Exception):
    """No answer came; the message says why."""


def _named(finish: str) -> str:
    """Return what shows an error of which the server says nothing."""
    lacking = {
        "(no completion)": "something that is not a chat completion",
        "(no choices)": "the completion has no choices",
        "(no message)": "the completion has no message",
        "(null content)": "the message has no content",
    }
    return lacking.get(finish) or (f"finish_reason {finish!r}" if finish else "no reason given")


def _count(things: Sized, what: str) -> str:
    return f"{len(things)} {what}{'' if len(things) == 1 else 's'}"


def _with_images(body: Mapping[str, Any], pictures: Mapping[str, SentPicture]) -> dict[str, Any]:
    """Return the body with the images themselves."""

    def filled(part: dict[str, Any]) -> dict[str, Any]:
        if part["type"] != "image_url":
            return part
        name = part["image_url"]["url"].removeprefix("image:")
        return {**part, "image_url": {**part["image_url"], "url": pictures[name].data_url}}

    messages = [
        m if isinstance(m["content"], str) else {**m, "content": [filled(p) for p in m["content"]]}
        for m in body["messages"]
    ]
    return {**body, "messages": messages}


def _delay(attempt: int) -> float:
    """Exponential back-off with jitter, so that calls turned away together do not come back together."""
    delay: float = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** (attempt - 1))
    return delay * random.uniform(0.5, 1)


WAIT = re.compile(r"(?:retry|try again) (?:in|after) ((?:[\d.]+ ?(?:h|ms|m|s)\w* ?)+|[\d.]+)", re.IGNORECASE)
UNITS_S = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001, "": 1.0}


def _retry_after(headers: Mapping[str, str], words: str = "") -> float | None:
    """Return the seconds for which the server asks to wait, by header (RFC 9110, 10.2.3) or in its words."""
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            return max(0.0, float(headers.get(name, "")) / unit)
        except ValueError:
            pass
    try:
        when = parsedate_to_datetime(headers.get("retry-after", "").strip())
    except (TypeError, ValueError):
        found = WAIT.search(words)
        parts = re.findall(r"(\d+(?:\.\d+)?) ?(ms|h|m|s)?", found[1]) if found else []
        return sum(float(number) * UNITS_S[unit] for number, unit in parts) if parts else None
    return max(0.0, ((when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())
