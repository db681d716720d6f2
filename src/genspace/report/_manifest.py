"""The manifest of a comparison: what went in, so that the same figures can be made again."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from genspace._version import __version__
from genspace.errors import InputError
from genspace.study import Study

__all__ = ["Replay", "changed_inputs", "input_digests", "make_manifest", "read_manifest"]

SCHEMA = "genspace-manifest/1"
PACKAGES = ("numpy", "pandas", "scipy", "scikit-learn", "krippendorff", "statsmodels", "evalica")
SKIPPED_FOLDERS = frozenset({"images", "reports"})

Replay = Mapping[str, Any]


def make_manifest(
    studies: Sequence[tuple[str, Study]],
    options: Mapping[str, Any],
    columns: Mapping[str, Any],
    *,
    evidence: str | None = None,
) -> Replay:
    """Return versions, options, and the SHA-256 of every table that was read.

    Args:
        studies: each study's path as the user wrote it, and the study.
        options: the comparison's options, as in its document.
        columns: `human` and `metrics` of a wide table.
        evidence: digest of what the figures were computed from.
    """
    return {
        "schema": SCHEMA,
        "genspace": __version__,
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "options": dict(options),
        "columns": dict(columns),
        "evidence": evidence,
        "studies": [{"path": path, "inputs": input_digests(study, Path(path))} for path, study in studies],
        "judges": {
            name: {"kind": table.kind, "model": table.model, "options": dict(table.options)}
            for _, study in studies
            for name, table in study.declared.judges.items()
        },
    }


def input_digests(study: Study, path: Path) -> dict[str, str]:
    """Return the SHA-256 of every file that can change the figures, by its name in the study."""
    if path.is_file():
        return {path.name: _sha256(path)}
    files = [p for p in sorted(study.root.rglob("*")) if p.is_file()]
    names = {p.relative_to(study.root): p for p in files}
    return {
        name.as_posix(): _sha256(p)
        for name, p in names.items()
        if name.parts[0] not in SKIPPED_FOLDERS and not any(part.startswith(".") for part in name.parts)
    }


def read_manifest(path: Path) -> Replay:
    """Read a manifest to replay it. Errors: `InputError` when it is none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a manifest: {error}") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise InputError(f"{path}: is no manifest of genspace (schema {SCHEMA!r} is expected)")
    return document


def changed_inputs(recorded: Mapping[str, str], current: Mapping[str, str]) -> list[str]:
    """Return what differs between recorded and present inputs, one line a file."""
    lines = [f"{name} is gone" for name in recorded if name not in current]
    lines += [f"{name} is new" for name in current if name not in recorded]
    return lines + [f"{n} has changed" for n in recorded if n in current and recorded[n] != current[n]]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
