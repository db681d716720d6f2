"""Where calls go, and which key goes with them.

A study folder may come from somebody else, so its base URL must not be able to lure a key away: the key of a
known provider is sent to that provider alone, and a plain-HTTP address of another machine gets no key at all.
"""

from __future__ import annotations

import ipaddress
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

from genspace.errors import InputError

__all__ = ["Endpoint", "find_endpoint"]

OPENAI = "https://api.openai.com/v1"

PROVIDER_KEYS = {
    "OPENAI_API_KEY": "api.openai.com",
    "ANTHROPIC_API_KEY": "api.anthropic.com",
    "DEEPINFRA_API_KEY": "api.deepinfra.com",
    "FIREWORKS_API_KEY": "api.fireworks.ai",
    "GEMINI_API_KEY": "generativelanguage.googleapis.com",
    "GROQ_API_KEY": "api.groq.com",
    "MISTRAL_API_KEY": "api.mistral.ai",
    "OPENROUTER_API_KEY": "openrouter.ai",
    "TOGETHER_API_KEY": "api.together.xyz",
    "XAI_API_KEY": "api.x.ai",
}
"""Environment variable to the only host that its key is sent to."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An API's root and its key; the key never appears in a representation, message or digest."""

    base_url: str
    host: str
    is_local: bool
    """Whether it is this machine or one of the private network, where calls are free by default."""
    variable: str | None
    """Environment variable of the key; None: the server is sent none."""
    where: str
    """Source of the options, for messages."""
    key: str | None = field(default=None, repr=False)

    def with_key(self, environ: Mapping[str, str] | None = None) -> Endpoint:
        """Return the endpoint with its key from the environment, or from the file that VARIABLE_FILE names.

        Errors: `InputError` when there is none.
        """
        if self.variable is None:
            return self
        environ = os.environ if environ is None else environ
        key = environ.get(self.variable) or _read_key_file(self.variable, environ)
        if not key:
            raise InputError(
                f"{self.where}: no key for {self.host}: set the environment variable {self.variable}, "
                f"or {self.variable}_FILE to a file that only you can read"
            )
        return replace(self, key=key)

    def redact(self, text: str) -> str:
        """Return the text without the key."""
        return text.replace(self.key, "***") if self.key else text


def find_endpoint(
    base_url: str | None,
    api_key_env: str | None,
    *,
    where: str,
    environ: Mapping[str, str] | None = None,
) -> Endpoint:
    """Return the checked endpoint, still without its key: a dry run needs none.

    `where` names the source of the options in messages. Errors: `InputError` for an address or a key variable
    that cannot be right.
    """
    environ = os.environ if environ is None else environ
    url = (base_url or environ.get("OPENAI_BASE_URL") or OPENAI).rstrip("/")
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not host:
        raise InputError(f"{where}: base_url = {url!r}: expected http://HOST… or https://HOST…")
    if parts.username or parts.password:
        raise InputError(f"{where}: base_url holds a name or password; give the key by environment variable")
    if parts.query or parts.fragment:
        raise InputError(f"{where}: base_url = {url!r}: remove everything from '?' or '#' on")
    is_local = _is_local(host)
    variable = api_key_env or next((v for v, h in PROVIDER_KEYS.items() if h == host), None)
    if variable is not None:
        owner = PROVIDER_KEYS.get(variable)
        if not variable.endswith("_API_KEY"):
            raise InputError(f"{where}: api_key_env = {variable!r}: expected a name that ends in _API_KEY")
        if owner is not None and owner != host:
            raise InputError(
                f"{where}: the key in {variable} is sent to {owner} alone, not to {host}; "
                "put that server's own key into another variable, such as MY_SERVER_API_KEY, and name it"
            )
        if parts.scheme == "http" and not is_local:
            raise InputError(f"{where}: base_url = {url!r}: a key is not sent over plain http; use https")
    return Endpoint(url, host, is_local, variable, where)


def _is_local(host: str) -> bool:
    if host == "localhost" or host.endswith((".localhost", ".local")):
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def _read_key_file(variable: str, environ: Mapping[str, str]) -> str | None:
    name = environ.get(f"{variable}_FILE")
    if not name:
        return None
    path = Path(name)
    try:
        mode = path.stat().st_mode
        if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise InputError(f"{variable}_FILE: others can read {path}; run: chmod 600 {path}")
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InputError(f"{variable}_FILE: {path}: {error.strerror}") from None
