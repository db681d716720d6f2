"""Where calls go, and which key goes with them.

A study folder may come from somebody else, so its base URL must not be able to lure a key away: the key of a known
provider is sent to that provider alone, a host that only the study names gets a key once the user has allowed it, and
over plain HTTP a key stays on this machine.
"""

from __future__ import annotations

import ipaddress
import os
import stat
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from genspace.errors import InputError
from genspace.judges.vlm._secrets import SECRET_NAME, Redactor

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
AZURE_KEY = "AZURE_OPENAI_API_KEY"
AZURE_VERSION = "2024-10-21"
"""The newest version of Azure's API that is not a preview, when this was written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An API's root and its key; the key never appears in a representation, message or digest."""

    base_url: str
    """What requests' paths are appended to."""
    host: str
    """With the port, where there is one."""
    variable: str | None
    """Environment variable of the key; None: the server is sent none."""
    where: str
    """Source of the options, for messages."""
    key_header: str = "authorization"
    key_prefix: str = "Bearer "
    query: Mapping[str, str] = field(default_factory=dict)
    """Sent with every request."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Sent with every request, beside the key's."""
    confirmed: bool = True
    """Whether the user, and not only the study, has named the host, or it is the provider of the key."""
    trusted: bool = True
    """The same, or it is this machine or a known provider: it may be sent what lies outside the study."""
    key: str | None = field(default=None, repr=False)

    @property
    def plain(self) -> bool:
        """Whether requests are not encrypted, so that they pass no proxy."""
        return self.base_url.startswith("http://")

    @property
    def identity(self) -> list[Any]:
        """Everything but secrets that tells it from another, JSON-ready."""
        open_headers = {k: v for k, v in self.headers.items() if not SECRET_NAME.search(k)}
        open_query = {k: v for k, v in self.query.items() if not SECRET_NAME.search(k)}
        return [self.base_url, open_query, open_headers]

    def with_key(self, environ: Mapping[str, str] | None = None) -> Endpoint:
        """Return the endpoint with its key from the environment, or from the file that VARIABLE_FILE names.

        Errors: `InputError` when there is none, or when the user has not allowed the host.
        """
        if self.variable is None:
            return self
        if not self.confirmed:
            raise InputError(
                f"{self.where}: the study would have the key in {self.variable} sent to {self.host}. If you trust that "
                f"host, allow it with `allow_host` {self.host}, or write it to allow_hosts in your config.toml"
            )
        environ = os.environ if environ is None else environ
        key = environ.get(self.variable) or _read_key_file(self.variable, environ)
        if not key:
            raise InputError(
                f"{self.where}: no key for {self.host}: set the environment variable {self.variable}, "
                f"or {self.variable}_FILE to a file that only you can read"
            )
        return replace(self, key=key)

    def sent_headers(self) -> dict[str, str]:
        """Return the headers that say who asks."""
        own = {self.key_header: f"{self.key_prefix}{self.key}"} if self.key else {}
        return {**own, **{name.lower(): value for name, value in self.headers.items()}}

    @property
    def redact(self) -> Redactor:
        """What blots the key, and whatever else is secret in headers and query, out of a text."""
        named = {**self.query, **self.headers}
        secrets = [value for name, value in named.items() if SECRET_NAME.search(name)]
        return Redactor([*secrets, *([self.key] if self.key else [])])


def find_endpoint(
    base_url: str | None,
    api_key_env: str | None,
    *,
    where: str,
    provider: Literal["openai", "azure"] = "openai",
    deployment: str | None = None,
    api_version: str | None = None,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    from_study: Collection[str] = (),
    allowed_hosts: Collection[str] = (),
    environ: Mapping[str, str] | None = None,
) -> Endpoint:
    """Return the checked endpoint, still without its key: a dry run needs none.

    Args:
        base_url: Root of the API; of Azure the resource's.
        api_key_env: Variable of the key.
        where: Source of the options, for messages.
        provider: Whose form of the API it is.
        deployment: Azure's name of the model.
        api_version: Of Azure's API.
        query: Further fields of the query.
        headers: Further headers.
        from_study: Names of the options that stand in the study, not on the command line.
        allowed_hosts: Hosts that the user trusts with keys.
        environ: Environment variables.

    Errors: `InputError` for an address or a key variable that cannot be right.
    """
    environ = os.environ if environ is None else environ
    url = (base_url or environ.get("OPENAI_BASE_URL") or OPENAI).rstrip("/")
    parts = urlsplit(url)
    name = parts.hostname or ""
    host = f"{name}:{parts.port}" if parts.port else name
    if parts.scheme not in {"http", "https"} or not name:
        raise InputError(f"{where}: base_url = {url!r}: expected http://HOST… or https://HOST…")
    if parts.username or parts.password:
        raise InputError(f"{where}: base_url holds a name or password; give the key by environment variable")
    if parts.query or parts.fragment:
        raise InputError(
            f"{where}: base_url = {url!r}: remove everything from '?' or '#' on; extra_query takes the rest"
        )
    azure = provider == "azure"
    if azure and (base_url is None or not deployment):
        raise InputError(f"{where}: provider = 'azure' needs base_url, as https://RESOURCE.openai.azure.com")
    variable = api_key_env or next(
        (v for v, h in PROVIDER_KEYS.items() if h == name), AZURE_KEY if azure else None
    )
    owner = PROVIDER_KEYS.get(variable or "")
    if variable is not None:
        if not variable.endswith("_API_KEY"):
            raise InputError(f"{where}: api_key_env = {variable!r}: expected a name that ends in _API_KEY")
        if owner is not None and owner != name:
            raise InputError(
                f"{where}: the key in {variable} is sent to {owner} alone, not to {host}; "
                "put that server's own key into another variable, such as MY_SERVER_API_KEY, and name it"
            )
        if parts.scheme == "http" and not _is_this_machine(name):
            raise InputError(f"{where}: base_url = {url!r}: a key is not sent over plain http; use https")
    version = {"api-version": api_version or AZURE_VERSION} if azure else {}
    named_by_user = "base_url" not in from_study or bool({host, name} & set(allowed_hosts))
    return Endpoint(
        base_url=f"{url}/openai/deployments/{deployment}" if azure else url,
        host=host,
        variable=variable,
        where=where,
        key_header="api-key" if azure else "authorization",
        key_prefix="" if azure else "Bearer ",
        query={**version, **(query or {})},
        headers=headers or {},
        confirmed=named_by_user or owner == name,
        trusted=named_by_user or name in PROVIDER_KEYS.values() or _is_this_machine(name),
    )


def _is_this_machine(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
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
