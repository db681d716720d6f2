"""What is fixed with the first answer: everything a rater sees and the rules use, by content.

A registration holds a hash of each piece, so that a later change can be named down to the item, and one digest of all
of them, which every answer carries.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from genspace.errors import InputError
from genspace.human_study.drawings import drawing_of_unit
from genspace.human_study.material import Material
from genspace.human_study.material.surveys import MOMENTS

__all__ = ["Amendment", "Registration", "changes", "register"]

Sections = Mapping[str, Mapping[str, str]]
"""Section to piece to the hash of its content."""

_UNREADABLE = "missing"
"""In place of the hash of a picture that is not there, or cannot be read."""

_NAMED = 5
"""Pieces of a section that a message names."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What raters see and what the rules use, at one moment."""

    design: Mapping[str, Any]
    """See `Design.registered`; with `kinds`, each question's kind of answer."""
    sections: Sections = field(default_factory=dict)
    """Empty for a study of an earlier version, which registered names only."""

    @property
    def digest(self) -> str:
        """One short digest of everything; "" where only names were registered."""
        return _hashed(self.sections)[:16] if self.sections else ""

    @property
    def unreadable_pictures(self) -> list[str]:
        """Names of the pictures that could not be read."""
        return [name for name, piece in self.sections.get("images", {}).items() if piece == _UNREADABLE]

    @staticmethod
    def of_consent(material: Material) -> str:
        """Return one digest of the consent forms in all languages: what raters agree to."""
        return _hashed(_consent(material))


@dataclass(frozen=True, slots=True)
class Amendment:
    """A change of what was registered, on record."""

    at: float
    """Seconds since 1970."""
    reason: str
    changed: str
    """What changed, in words."""
    before: str
    """Digest before the change."""
    after: str
    answers_before: int
    """Pictures answered before it."""


def register(material: Material) -> Registration:
    """Hash everything a rater sees and the rules use; reads every picture once."""
    design = material.design.registered() | {"kinds": material.kinds()}
    sections: dict[str, dict[str, str]] = {
        "design": {name: _hashed(value) for name, value in _leaves(design)},
        "units": {_key(u.key): _hashed(u.kind) for u in material.units},
        "prompts": {i: _hashed(material.items[i].prompt) for i in _shown(material)},
        "images": dict(_images(material)),
        "known answers": {
            _key(key): _hashed([known.values, known.explanation]) for key, known in material.known.items()
        },
        "questions": dict(_questions(material)),
        "drawings": dict(_drawings(material)),
        "texts": {
            f"{code}.{key}": _hashed(text)
            for code, t in material.texts.items()
            for key, text in t.flat().items()
        },
        "consent": _consent(material),
        "surveys": {
            moment: _hashed(material.surveys[moment].model_dump_json())
            for moment in MOMENTS
            if moment in material.surveys
        },
    }
    return Registration(design, sections)


def changes(before: Registration, now: Registration) -> list[str]:
    """Return what differs, in words; empty where nothing does.

    A registration of an earlier version is compared by the names it holds.
    """
    if not before.sections:
        new = dict(_leaves(now.design))
        return [f"annotate.toml: {name}" for name, value in _leaves(before.design) if new.get(name) != value]
    told = []
    for section, pieces in now.sections.items():
        old = before.sections.get(section, {})
        differing = [k for k in dict.fromkeys((*old, *pieces)) if old.get(k) != pieces.get(k)]
        if section == "design":  # a key that an update brings is no change
            differing = [k for k in differing if k in old]
        if differing:
            names = ", ".join(map(_readable, differing[:_NAMED]))
            more = len(differing) - _NAMED
            told.append(f"{section}: {names}{f' and {more} more' if more > 0 else ''}")
    return told


def _leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of nested tables by its dotted key, and of each table that it is there."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield f"{prefix}{name}", "a table"
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _consent(material: Material) -> dict[str, str]:
    version = material.design.consent.version
    return {code: _hashed([form.source, version]) for code, form in material.forms.items()}


def _shown(material: Material) -> list[str]:
    """Every item that some rater may see, once."""
    return list(dict.fromkeys(item_id for u in material.units for item_id in u.key))


def _images(material: Material) -> Iterator[tuple[str, str]]:
    names = dict.fromkeys(
        name
        for item_id in _shown(material)
        for name in (material.items[item_id].image, material.items[item_id].image_before)
        if name
    )
    for name in names:
        try:
            yield name, hashlib.sha256(material.files.read(name)).hexdigest()[:16]
        except (InputError, OSError):
            yield name, _UNREADABLE


def _questions(material: Material) -> Iterator[tuple[str, str]]:
    for unit in material.units:
        for code in material.texts:
            asked = [[a.name, a.text, a.note, a.answers.name] for a in material.questions(unit.key, code)]
            yield f"{_key(unit.key)} ({code})", _hashed(asked)


def _drawings(material: Material) -> Iterator[tuple[str, str]]:
    for unit in material.units:
        for code, texts in material.texts.items():
            drawn = drawing_of_unit(material, unit.key, texts)
            if drawn is not None:
                yield f"{_key(unit.key)} ({code})", _hashed(drawn)


def _key(unit: tuple[str, ...]) -> str:
    return unit[0] if len(unit) == 1 else json.dumps(unit, ensure_ascii=False)


def _readable(piece: str) -> str:
    return piece if len(piece) <= 60 else f"{piece[:60]}…"


def _hashed(content: object) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, default=dict)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
