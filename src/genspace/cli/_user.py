"""What the user has said once for all studies: config.toml in the user's configuration folder.

allow_hosts = ["litellm.example.org", "localhost:4000"]
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable
from pathlib import Path

from genspace.errors import InputError


def config_file() -> Path:
    """Return the path of the user's configuration: GENSPACE_CONFIG, else config.toml in the user's folder."""
    if name := os.environ.get("GENSPACE_CONFIG"):
        return Path(name)
    import platformdirs

    return Path(platformdirs.user_config_dir("genspace")) / "config.toml"


def allowed_hosts(also: Iterable[str] | None = None) -> frozenset[str]:
    """Return the hosts to which a study may have a key sent: those of the configuration, and others named.

    Errors: `InputError`.
    """
    return frozenset([*_configured_hosts(), *(also or ())])


def _configured_hosts() -> list[str]:
    path = config_file()
    if not path.is_file():
        return []
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: {error}") from None
    hosts = document.get("allow_hosts", [])
    unknown = document.keys() - {"allow_hosts"}
    if unknown or not (isinstance(hosts, list) and all(isinstance(host, str) for host in hosts)):
        raise InputError(f'{path}: expected one entry, a list of texts: allow_hosts = ["HOST", "HOST:PORT"]')
    return hosts
