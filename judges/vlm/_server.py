"""Calls to an OpenAI-compatible server: time-outs, retries, budget, and parameters that the server refuses."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Mapping, Sized
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from genspace.errors import InputError
from genspace.judges._protocol import Budget
from genspace.judges.asking import Picture, text_tokens
from genspace.judges.vlm._endpoint import Endpoint
from genspace.judges.vlm._options import VlmOptions
from genspace.judges.vlm._prices import Price, image_tokens

if TYPE_CHECKING:
    from openai import AsyncOpenAI

__all__ = ["CallFailedError", "DeclinedError", "Reply", "Server", "shortened"]

FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 60.0
MOST_LOGPROBS, FEWER_LOGPROBS = 20, 5
"""What OpenAI and vLLM give at most, and what most others do."""
RETRIED = {408, 409, 425, 429}
"""Statuses worth another try, besides every 5xx."""
WRONG_FOR_ALL = {401, 402, 403, 404, 405}
"""Statuses that say that no call can succeed."""
LIMITS = {"length", "max_tokens", "MAX_TOKENS", "model_length"}
"""Finish reasons of an answer that came to the limit of tokens: OpenAI's, Anthropic's, Google's, Mistral's."""
NEGOTIABLE = (
    "response_format",
    "top_logprobs",
    "logprobs",
    "temperature",
    "seed",
    "max_tokens",
    "max_completion_tokens",
)
"""Parameters that a server may refuse and that can be left out or replaced."""
FILTERED = ("content_filter", "content_policy", "content policy", "moderation", "flagged", "safety system")


class CallFailedError(Exception):
    """A call did not succeed, whatever was tried; the message names the last fault."""


class DeclinedError(Exception):
    """The server answered that it will not answer; the message says how."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The part of a chat completion that matters; also what the cache keeps."""

    text: str
    refusal: str | None
    finish_reason: str | None
    logprobs: list[dict[str, Any]]
    input_tokens: int
    output_tokens: int
    seconds: float

    @property
    def cut(self) -> bool:
        """Whether it came to the limit of tokens."""
        return self.finish_reason in LIMITS


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
        self.refused: set[str] = set()
        """Parameters that the server turned out to refuse."""
        self.top_logprobs = MOST_LOGPROBS
        """How many alternatives to a token it gives."""
        self._options = options
        self._budget = budget
        self._heard = False
        self._succeeded = False
        self._given_up = 0
        self._stopped: InputError | None = None
        self._under_way: dict[object, float] = {}
        self._resting: dict[object, tuple[float, str]] = {}
        self._openai: AsyncOpenAI
        self._slots: asyncio.Semaphore

    async def __aenter__(self) -> Self:
        import openai

        self._slots = asyncio.Semaphore(self._options.concurrency)
        self._openai = openai.AsyncOpenAI(
            api_key=self.endpoint.key or "none",
            base_url=self.endpoint.base_url,
            max_retries=0,
            timeout=self._options.request_timeout_s,
            # With many calls in flight the default client spends more time on its pool of connections than on calls.
            http_client=openai.DefaultAioHttpClient(),
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

    async def call(self, body: dict[str, Any], pictures: Mapping[str, Picture]) -> Reply | None:
        """Send a body, with `image:NAME` in the place of each image, until it succeeds or cannot.

        None when the body must be built anew without a parameter that is now in `refused`. Errors:
        `CallFailedError`, `DeclinedError`; `InputError` when no call can succeed, `BudgetReachedError` when
        nothing may be spent any more.
        """
        sent = await asyncio.to_thread(_with_images, body, pictures) if pictures else body
        async with self._slots:
            return await self._tried(sent, body, pictures)

    async def _tried(
        self, sent: dict[str, Any], body: dict[str, Any], pictures: Mapping[str, Picture]
    ) -> Reply | None:
        options = self._options
        token = object()
        started = time.monotonic()
        for attempt in range(1, options.tries + 1):
            self._check_may_call()
            self._under_way[token] = begun = time.monotonic()
            try:
                async with asyncio.timeout(options.request_timeout_s):
                    reply = await self._post(sent, body, pictures, begun)
            except TimeoutError:
                fault, wait = f"no answer within {options.request_timeout_s:g} s", None
            except Exception as error:  # noqa: BLE001  # sorted below; what is unknown is raised
                if self._refuses_parameter(error, body):
                    return None
                fault, wait = self._fault(error)
            else:
                self._succeeded = True
                if self._budget is not None and self.price is not None:
                    self._budget.spend(self.price.cost_usd(reply.input_tokens, reply.output_tokens))
                return reply
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
            self._stopped = InputError(
                f"{self.endpoint.base_url} never answered, the last of {attempt} tries: {fault}. "
                "Is the server running, and is base_url right?"
            )
            raise self._stopped
        raise CallFailedError(f"{fault} (tried {attempt} times)" if attempt > 1 else fault)

    def _check_may_call(self) -> None:
        if self._stopped is not None:
            raise self._stopped
        if self._budget is not None:
            self._budget.check()

    async def _post(
        self, sent: dict[str, Any], body: dict[str, Any], pictures: Mapping[str, Picture], begun: float
    ) -> Reply:
        # The body goes out as it is: `chat.completions.create` walks through all of it first, a third of a call's cost.
        answer = await self._openai.post("/chat/completions", body=sent, cast_to=str)
        self._heard = True
        document: Any = json.loads(answer)
        message, choice = _first_choice(document)
        usage = document.get("usage") or {}
        text = _text_of(message)
        return Reply(
            text=text,
            refusal=message.get("refusal") or None,
            finish_reason=choice.get("finish_reason"),
            logprobs=_slim_logprobs(choice.get("logprobs")),
            input_tokens=int(usage.get("prompt_tokens") or self.estimated_input_tokens(body, pictures)),
            output_tokens=int(usage.get("completion_tokens") or text_tokens(text)),
            seconds=round(time.monotonic() - begun, 3),
        )

    def estimated_input_tokens(self, body: Mapping[str, Any], pictures: Mapping[str, Picture]) -> int:
        """Return about how many input tokens a body takes, from the length of its texts and the size of its images."""
        tokens = 0
        for message in body["messages"]:
            content = message["content"]
            parts: list[Any] = [{"type": "text", "text": content}] if isinstance(content, str) else content
            for part in parts:
                if part["type"] == "text":
                    tokens += text_tokens(part["text"])
                else:
                    name = part["image_url"]["url"].removeprefix("image:")
                    tokens += image_tokens(self.model, *pictures[name].size)
        return tokens

    def _refuses_parameter(self, error: Exception, body: Mapping[str, Any]) -> bool:
        """Whether the server refuses a parameter that can be left out; it is left out from then on."""
        import openai

        if not isinstance(error, openai.BadRequestError | openai.UnprocessableEntityError):
            return False
        message = _message_of(error).casefold()
        for name in NEGOTIABLE:
            if name not in body or name in self._options.extra_body:
                continue
            if name in message or name.replace("_", " ") in message:
                if name == "top_logprobs" and body[name] > FEWER_LOGPROBS:
                    self.top_logprobs = FEWER_LOGPROBS
                else:
                    self.refused |= {"logprobs", "top_logprobs"} if "logprobs" in name else {name}
                return True
        return False

    def _fault(self, error: Exception) -> tuple[str, float | None]:
        """Return what went wrong and how long the server asks to wait.

        Errors: `DeclinedError` and `CallFailedError` where another try is pointless, `InputError` where every
        other call is too.
        """
        import openai

        if isinstance(error, openai.APIStatusError):
            self._heard = True
            status = error.status_code
            message = self.endpoint.redact(shortened(_message_of(error)))
            code = f"{getattr(error, 'code', '')} {message}".casefold()
            if any(word in code for word in FILTERED):
                raise DeclinedError(f"content filter: {message}")
            if status in WRONG_FOR_ALL or "insufficient_quota" in code:
                self._stopped = InputError(f"{self.endpoint.base_url} answers {status}: {message}")
                raise self._stopped
            if status in RETRIED or status >= 500:
                return f"HTTP {status} from {self.endpoint.host}: {message}", _retry_after(
                    error.response.headers
                )
            raise CallFailedError(f"HTTP {status} from {self.endpoint.host}: {message}")
        if isinstance(error, openai.APIConnectionError):
            cause = error.__cause__ or error
            said = self.endpoint.redact(shortened(str(cause) or type(cause).__name__))
            return f"connection to {self.endpoint.host}: {said}", None
        if isinstance(error, ValueError | KeyError | TypeError):
            return f"{self.endpoint.host} answered with something that is no chat completion", None
        raise error


def _count(things: Sized, what: str) -> str:
    return f"{len(things)} {what}{'' if len(things) == 1 else 's'}"


def _with_images(body: Mapping[str, Any], pictures: Mapping[str, Picture]) -> dict[str, Any]:
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


def _first_choice(document: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    choice = document["choices"][0]
    message = choice["message"]
    if not isinstance(message, dict):
        raise TypeError("a message is an object")
    return message, choice


def _text_of(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if content is None:
        return ""
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content)
    if not isinstance(content, str):
        raise TypeError("a message's content is a text")
    return content


def _slim_logprobs(logprobs: Any) -> list[dict[str, Any]]:
    """Return token, logprob and alternatives alone, which keeps the cache small."""
    tokens = (logprobs or {}).get("content") or []
    return [
        {
            "token": t["token"],
            "logprob": t["logprob"],
            "top_logprobs": [
                {"token": a["token"], "logprob": a["logprob"]} for a in t.get("top_logprobs") or []
            ],
        }
        for t in tokens
    ]


def _message_of(error: Any) -> str:
    """The server's own words: OpenAI's {"error": {"message": …}}, FastAPI's {"detail": …}, or whatever came."""
    body = error.body
    if isinstance(body, dict):
        body = body.get("message") or body.get("error") or body.get("detail") or body
        if isinstance(body, dict):
            body = body.get("message") or body
    return str(body or error)


def shortened(text: str, longest: int = 300) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"


def _delay(attempt: int) -> float:
    """Exponential back-off with jitter, so that calls turned away together do not come back together."""
    delay: float = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** (attempt - 1))
    return delay * random.uniform(0.5, 1)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a Retry-After header asks for, given as seconds or as a date (RFC 9110, 10.2.3)."""
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    text = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return max(0.0, ((when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())
