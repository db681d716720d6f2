"""The manifest of a comparison: its inputs, so that the same figures can be computed again."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from pydantic import JsonValue

from genspace._version import __version__
from genspace.analysis import CompareOptions
from genspace.archives import sha256_of
from genspace.documents import from_dict
from genspace.errors import InputError
from genspace.readings import Reading
from genspace.records import Declared
from genspace.study import Study

SCHEMA = "genspace-manifest/1"
PACKAGES = ("numpy", "pandas", "scipy", "scikit-learn", "evalica")
SKIPPED_FOLDERS = frozenset({"images", "reports"})


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyInputs:
    """What was read of one study."""

    path: str
    """As the user wrote it."""
    from_here: str | None = None
    """The same, relative to the folder of the manifest; None: it was not written beside a report."""
    inputs: Mapping[str, str]
    """SHA-256 by the file's name in the study."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeclaredJudge:
    """A `[judges.NAME]` table."""

    kind: str
    model: str | None
    options: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    r"""The inputs of a comparison: versions, options, files and their digests.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from genspace import open_study
    >>> root = Path(tempfile.mkdtemp())
    >>> _ = (root / "items.csv").write_text("item_id,prompt\na,a cow\n")
    >>> study = open_study(root)
    >>> make_manifest([(str(root), study)], CompareOptions(), {}).options.confidence
    0.95
    """

    genspace: str
    python: str
    packages: Mapping[str, str | None]
    options: CompareOptions
    columns: Mapping[str, tuple[str, ...]]
    """`human` and `metrics` of a wide table."""
    declared: Declared = field(default_factory=Declared)
    """What was said about ratings and scores beside study.toml."""
    evidence: str | None
    """Digest of what the figures were computed from."""
    readings: tuple[Reading, ...] = ()
    """What was read and assumed."""
    studies: tuple[StudyInputs, ...]
    judges: Mapping[str, DeclaredJudge]
    schema: Literal["genspace-manifest/1"] = "genspace-manifest/1"


def make_manifest(
    studies: Sequence[tuple[str, Study]],
    options: CompareOptions,
    columns: Mapping[str, Sequence[str]],
    *,
    declared: Declared | None = None,
    evidence: str | None = None,
    readings: Sequence[Reading] = (),
    folder: Path | None = None,
) -> Manifest:
    r"""Collect versions, options, and the SHA-256 of every file that was read.

    Args:
        studies: The path of each study, as the user wrote it, and the study.
        options: The comparison's options.
        columns: `human` and `metrics` of a wide table.
        declared: Settings of ratings and scores given besides study.toml.
        evidence: Digest of the data that the figures were computed from.
        readings: What was read and inferred.
        folder: The folder of the manifest, so that it can be replayed from anywhere.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from genspace import open_study
    >>> root = Path(tempfile.mkdtemp())
    >>> _ = (root / "items.csv").write_text("item_id,prompt\na,a cow\n")
    >>> study = open_study(root)
    >>> list(make_manifest([(str(root), study)], CompareOptions(), {}).studies[0].inputs)
    ['items.csv']
    """
    return Manifest(
        genspace=__version__,
        python=platform.python_version(),
        packages={name: _version(name) for name in PACKAGES},
        options=options,
        columns={name: tuple(names) for name, names in columns.items()},
        declared=declared or Declared(),
        evidence=evidence,
        readings=tuple(readings),
        studies=tuple(
            StudyInputs(path=path, from_here=_relative(path, folder), inputs=input_digests(study, Path(path)))
            for path, study in studies
        ),
        judges={
            name: DeclaredJudge(kind=table.kind, model=table.model, options=dict(table.options))
            for _, study in studies
            for name, table in study.declared.judges.items()
        },
    )


def _relative(path: str, folder: Path | None) -> str | None:
    """Return a study's path as it is from a folder; None where there is no way, as to another drive."""
    if folder is None:
        return None
    try:
        return Path(os.path.relpath(Path(path).resolve(), folder.resolve())).as_posix()
    except ValueError:
        return None


def place_of(entry: StudyInputs, manifest: Path) -> str:
    r"""Return the path of a manifest's study: relative to the manifest, else as the user wrote it.

    Errors: `InputError` if it is at neither path.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from genspace import open_study
    >>> root = Path(tempfile.mkdtemp())
    >>> _ = (root / "items.csv").write_text("item_id,prompt\na,a cow\n")
    >>> study = open_study(root)
    >>> [entry] = make_manifest([(str(root), study)], CompareOptions(), {}).studies
    >>> place_of(entry, Path("manifest.json")) == str(root)
    True
    """
    seen = None if entry.from_here is None else manifest.parent / entry.from_here
    typed = Path(entry.path)
    if seen is not None and seen.exists() and not (typed.exists() and typed.samefile(seen)):
        return os.path.normpath(seen)
    if typed.exists():
        return entry.path
    raise InputError(
        f"{manifest}: the study {entry.path} lies neither {f'at {seen}' if seen else 'beside the manifest'} nor "
        "in this folder; move it there"
    )


def input_digests(study: Study, path: Path) -> dict[str, str]:
    r"""Return the SHA-256 of every file that can change the figures, by its name in the study.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from genspace import open_study
    >>> root = Path(tempfile.mkdtemp())
    >>> _ = (root / "items.csv").write_text("item_id,prompt\na,a cow\n")
    >>> study = open_study(root)
    >>> {name: len(digest) for name, digest in input_digests(study, root).items()}
    {'items.csv': 64}
    """
    if path.is_file():
        return {path.name: sha256_of(path)}
    files = [p for p in sorted(study.root.rglob("*")) if p.is_file()]
    names = {p.relative_to(study.root): p for p in files}
    return {
        name.as_posix(): sha256_of(p)
        for name, p in names.items()
        if name.parts[0] not in SKIPPED_FOLDERS and not any(part.startswith(".") for part in name.parts)
    }


def read_manifest(path: Path) -> Manifest:
    r"""Read a manifest. Errors: `InputError` if the file is not one.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from genspace import open_study
    >>> root = Path(tempfile.mkdtemp())
    >>> _ = (root / "items.csv").write_text("item_id,prompt\na,a cow\n")
    >>> study = open_study(root)
    >>> from genspace.documents import to_dict
    >>> made = make_manifest([(str(root), study)], CompareOptions(), {})
    >>> _ = (root / "manifest.json").write_text(json.dumps(to_dict(made)))
    >>> read_manifest(root / "manifest.json") == made
    True
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{path}: cannot be read as a manifest: {error}") from None
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise InputError(f"{path}: is not a manifest of genspace (schema {SCHEMA!r} is expected)")
    try:
        return from_dict(Manifest, {"evidence": None, **document})
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def changed_inputs(recorded: Mapping[str, str], current: Mapping[str, str]) -> list[str]:
    """Compare recorded digests with current ones; return one line per difference.

    >>> changed_inputs({"items.csv": "1", "study.toml": "2"}, {"items.csv": "3", "scores/clip.csv": "4"})
    ['study.toml is gone', 'scores/clip.csv is new', 'items.csv has changed']
    """
    lines = [f"{name} is gone" for name in recorded if name not in current]
    lines += [f"{name} is new" for name in current if name not in recorded]
    return lines + [f"{n} has changed" for n in recorded if n in current and recorded[n] != current[n]]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
