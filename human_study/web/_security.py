"""What keeps the pages safe: headers, size limits, rate limits, sessions and form tokens."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

_HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "x-robots-tag": "noindex",
    "cache-control": "no-store",
}
"""What every response carries unless it says otherwise."""


class Guard:
    """ASGI middleware: sets the security headers and refuses bodies over the limit before they are read.

    A proxy may leave the path under which the study lives in the address, or take it away; both work. The middleware
    also says in `Server-Timing` how long the server took, which browsers show beside the time on the way.
    """

    def __init__(self, app: ASGIApp, *, body_bytes: int, https: bool, prefix: str = "") -> None:
        self.app = app
        self.prefix = prefix
        self.body_bytes = body_bytes
        headers = _HEADERS | ({"strict-transport-security": "max-age=31536000"} if https else {})
        self.headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if self.prefix and scope["path"].startswith(f"{self.prefix}/"):
            scope = {**scope, "path": scope["path"].removeprefix(self.prefix)}
        begun = time.perf_counter()
        started = False

        async def guarded_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                own = list(message.get("headers", ()))
                names = {name.lower() for name, _ in own}
                took = f"total;dur={1000 * (time.perf_counter() - begun):.1f}".encode()
                missing = [(name, value) for name, value in self.headers if name not in names]
                message["headers"] = [*own, *missing, (b"server-timing", took)]
            await send(message)

        async def refuse() -> None:
            if started:  # the application answered without reading on
                return
            body = b'{"error": 413}'
            length = str(len(body)).encode()
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", length),
                (b"connection", b"close"),
            ]
            await guarded_send({"type": "http.response.start", "status": 413, "headers": headers})
            await send({"type": "http.response.body", "body": body})

        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > self.body_bytes:
            await refuse()
            return
        received = 0

        async def counted_receive() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self.body_bytes:
                raise _TooLargeError
            return message

        try:
            await self.app(scope, counted_receive, guarded_send)
        except _TooLargeError:
            await refuse()


class _TooLargeError(HTTPException):
    """A body grew over the limit while it was read; an HTTPException, so that no framework turns it into a 400."""

    def __init__(self) -> None:
        super().__init__(413)


@dataclass
class RateLimit:
    """A bucket per key, refilled steadily; kept in memory only and forgotten when there are many.

    >>> limit = RateLimit(per_minute=2, clock=lambda: 0.0)
    >>> [limit.allows("somebody") for _ in range(3)]
    [True, True, False]
    """

    per_minute: int
    clock: Callable[[], float] = time.monotonic
    most_keys: int = 10_000
    _buckets: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def allows(self, key: str) -> bool:
        """Take one from the bucket of `key`; False when it is empty."""
        now = self.clock()
        with self._lock:
            level, at = self._buckets.pop(key, (float(self.per_minute), now))
            level = min(float(self.per_minute), level + (now - at) * self.per_minute / 60)
            allowed = level >= 1
            self._buckets[key] = (level - 1 if allowed else level, now)
            if len(self._buckets) > self.most_keys:
                self._buckets.popitem(last=False)
            return allowed


def form_token(key: str, session: str) -> str:
    """Return the token that a session's forms carry, so that no other site can send them."""
    return hmac.new(key.encode(), session.encode(), hashlib.sha256).hexdigest()


def same_secret(given: str, expected: str) -> bool:
    """Compare secrets in constant time."""
    return hmac.compare_digest(given.encode(), expected.encode())
