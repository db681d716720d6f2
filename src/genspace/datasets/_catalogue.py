"""Which human studies can be fetched: pinned files, licence, citation, and what their study.toml declares.

They stand in catalogue.toml.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from genspace.datasets._viescore import TASKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """One published human study, at one commit of its authors' repository.

    >>> from genspace.datasets import CATALOGUE
    >>> CATALOGUE["tifa160"].repository
    'Yushi-Hu/tifa'
    """

    title: str
    repository: str
    """GitHub "owner/name"."""
    commit: str
    files: Mapping[str, str | None]
    """Path in the repository to SHA-256; None for a file whose content is vouched for by `tables`."""
    converter: str
    """ "module:function" that turns the files' folder into tables by name."""
    licence: str
    citation: str
    study: Mapping[str, str | int | Sequence[str] | Mapping[str, Mapping[str, bool]]]
    """Keys of the study.toml that is written."""
    tables: Mapping[str, str] = field(default_factory=dict)
    """Table that the converter makes to its digest (see `table_digest`), where the files have none of their own."""

    def local_name(self, path: str) -> str:
        """Return the local name of a file: its last part, or its whole path if several files share it."""
        names = [Path(other).name for other in self.files]
        return path if len(set(names)) < len(names) else Path(path).name

    def url(self, path: str) -> str:
        """Return a file's address."""
        return f"https://raw.githubusercontent.com/{self.repository}/{self.commit}/{path}"


def _read() -> Iterator[tuple[str, Dataset]]:
    text = (files(__package__) / "catalogue.toml").read_text(encoding="utf-8")
    for name, entry in tomllib.loads(text).items():
        listed = entry.pop("files", None) or dict.fromkeys(TASKS[name].files())
        yield name, Dataset(**entry, files=listed)


CATALOGUE: Mapping[str, Dataset] = dict(_read())
"""What `genspace fetch` knows, by name."""
