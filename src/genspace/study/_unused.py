"""Files of a study that nothing reads, with advice where they look like a known table."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from genspace.errors import GenspaceError
from genspace.readings import Reading
from genspace.records import DESIGN_FILE
from genspace.tables import PROSE_SUFFIXES, match_columns, read_parts, table_stem

ANSWER_STEMS = frozenset(
    {"annotation", "annotations", "answers", "answer", "ratings", "rating", "human", "labels"}
)
OWN = frozenset({"study.toml", DESIGN_FILE, "manifest.json", "comparison.json"})
MENTIONING = ("study.toml", DESIGN_FILE)
"""Files whose text names further files, which are read by whoever reads them."""
MOST_LOOKED_AT = 20
"""Files whose columns are looked at."""


def unused_files(root: Path, used: Collection[Path]) -> Iterator[Reading]:
    """Yield what the tables at the top of a study, and all files in scores/, that nobody reads look like.

    Args:
        root: The study's folder.
        used: Files that are read.
    """
    told = "".join(path.read_text(errors="replace") for name in MENTIONING if (path := root / name).is_file())
    folder = root / "scores"
    there = [p for p in sorted(root.iterdir()) if table_stem(p) is not None and p.name not in OWN]
    there += sorted(folder.iterdir()) if folder.is_dir() else []
    rest = [p for p in there if p not in used and p.name not in told and not p.name.startswith(".")]
    kinds: dict[str, list[str]] = {}
    for number, path in enumerate(rest):
        kind = _kind(path, root) if number < MOST_LOOKED_AT else "unused_files"
        kinds.setdefault(kind, []).append(path.relative_to(root).as_posix())
    for kind, names in kinds.items():
        yield Reading(code=kind, words=tuple(names), count=len(names))


def _kind(path: Path, root: Path) -> str:
    """Return the reading that says what an unused file looks like."""
    stem = (table_stem(path) or path.stem).lower()
    if path.parent == root and stem in ANSWER_STEMS:
        return "unused_answers"
    if path.parent == root and stem == "verdicts":
        return "unused_verdicts"
    columns = _columns(path)
    if path.parent == root and "item_id" in columns:
        if {"value", "rater_id"} <= columns:
            return "unused_answers"
        if {"score", "metric"} & columns:
            return "unused_scores"
    return "unused_files"


def _columns(path: Path) -> set[str]:
    if table_stem(path) is None or not path.is_file():
        return set()
    try:
        part = next(read_parts(path, path.name), None)
    except GenspaceError:
        return set()
    known = ("item_id", "value", "rater_id", "score", "metric")
    return set() if part is None else set(match_columns(part, known)[0].frame.columns)


def is_prose(path: Path) -> bool:
    """Whether a file that could be a table is none: a .txt or .json without the column `item_id`."""
    return path.name.lower().endswith(PROSE_SUFFIXES) and "item_id" not in _columns(path)
