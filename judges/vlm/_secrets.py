"""Keys must not be kept, whatever a server sends back: the key and its encodings are blotted out of all it says."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

SECRET_NAME = re.compile(r"auth|key|token|secret|password|cookie|signature|^sig$|^code$", re.IGNORECASE)
"""Names of headers and query fields whose values are secrets."""
SHORTEST = 4
"""A shorter secret is none, and would be found everywhere."""
SHORTEST_ENCODED = 8
BLOT = "***"


class Redactor:
    """Blots secrets out of texts, in every form in which a server may repeat them."""

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {form for secret in secrets if len(secret) >= SHORTEST for form in _forms(secret)}
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE) if forms else None

    def __call__(self, text: str) -> str:
        """Return the text without secrets.

        >>> redact = Redactor(["sk-very-secret"])
        >>> redact("wrong key sk-very-secret"), redact("c2stdmVyeS1zZWNyZXQ=")
        ('wrong key ***', '***Q=')
        """
        return text if self._pattern is None else self._pattern.sub(BLOT, text)


def _forms(secret: str) -> Iterator[str]:
    yield secret
    if len(secret) < SHORTEST_ENCODED:
        return
    yield from (
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        secret.encode().hex(),
        secret[::-1],
    )
    for before in range(3):  # in Base64 a text looks differently for each remainder of what stands before it
        data = base64.b64encode(b"\0" * before + secret.encode())
        start, end = (0, 2, 3)[before], len(data) - (0, 3, 2)[(before + len(secret.encode())) % 3]
        core = data[start:end].decode("ascii")
        yield from (core, core.translate(str.maketrans("+/", "-_")))
