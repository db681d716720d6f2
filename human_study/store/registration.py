"""What the first answer fixes: everything that a rater sees and the rules use, by content.

A registration holds a hash of each piece, so that a later change can be named down to the item. It also holds one
digest of all pieces, which every answer carries. genspace itself makes some pieces, from the study's predicates and
texts. For these the registration also holds a hash of what they are made from: it tells a change by an update of
genspace from a change of the study.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from genspace.errors import InputError
from genspace.geometry.drawing.concepts import concept_svg
from genspace.geometry.predicates import Text
from genspace.human_study.drawings import drawn_of_unit
from genspace.human_study.examples import PREFIX
from genspace.human_study.material import Material, UnitKey, words_its_own
from genspace.human_study.material.surveys import MOMENTS
from genspace.human_study.texts import Texts

__all__ = ["MADE_FROM", "Amendment", "Changes", "Registration", "changes", "register"]

Sections = Mapping[str, Mapping[str, str]]
"""Hash of the content of each piece, by section and piece."""

MADE_FROM = "made from"
"""Name under which `Registration.made_from` is stored beside the sections."""

_UNREADABLE = "missing"
"""Stands for the hash of a picture that is missing or cannot be read."""

_NO_RECORD = (
    "the previous version kept no record of what these are made from; an edit of your own would look the same"
)

_NAMED = 5
"""Pieces of a section that a message names."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What raters see and what the rules use, at one moment."""

    design: Mapping[str, Any]
    """See `Design.registered`; with `kinds`, each question's kind of answer."""
    sections: Sections = field(default_factory=dict)
    """Empty for a study of an earlier version, which registered names only."""
    made_from: Mapping[str, str] = field(default_factory=dict)
    """Hash of what the study gives to each piece that genspace makes ("drawings: i3 (en)"); "" for nothing."""
    updated: str = ""
    """What an update of genspace changed since the previous registration, in words; not part of the digest."""

    @property
    def digest(self) -> str:
        """One short digest of everything; "" where only names were registered."""
        return _hashed(self.sections)[:16] if self.sections else ""

    @property
    def unreadable_pictures(self) -> list[str]:
        """Names of the pictures that could not be read."""
        return [name for name, piece in self.sections.get("images", {}).items() if piece == _UNREADABLE]

    def of_update(self) -> str:
        """Return what an update of genspace changed, as a sentence for the researcher; "" if it changed nothing."""
        if not self.updated:
            return ""
        return (
            f"An update of genspace changed what raters see: {self.updated}. It is registered as {self.digest} from "
            "now on; answers given before keep their registration, and the column registration tells them apart."
        )

    @staticmethod
    def of_consent(material: Material) -> str:
        """Return one digest of the consent forms in all languages: what raters agree to."""
        return _hashed(_consent(material))


@dataclass(frozen=True, slots=True)
class Amendment:
    """A recorded change of what was registered."""

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


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs between two registrations, in words."""

    by_study: tuple[str, ...] = ()
    """What only the researcher can have changed."""
    by_update: tuple[str, ...] = ()
    """What genspace now makes differently from the same predicates and texts of the study."""

    def __str__(self) -> str:
        parts = [*self.by_study]
        if self.by_update:
            parts.append(f"by an update of genspace: {', '.join(self.by_update)}")
        return "; ".join(parts)


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
    return Registration(design, sections, dict(_made(material, sections)))


def changes(before: Registration, now: Registration) -> Changes:
    """Return what differs, and who changed it.

    A registration of an earlier version is compared by the names that it holds.
    """
    if not before.sections:
        new = dict(_leaves(now.design))
        differing = [name for name, value in _leaves(before.design) if new.get(name) != value]
        return Changes(tuple(f"annotate.toml: {name}" for name in differing))
    made = before.made_from.keys() | now.made_from.keys()
    told: dict[bool, list[str]] = {True: [], False: []}
    for section, pieces in now.sections.items():
        old = before.sections.get(section, {})
        differing = [k for k in dict.fromkeys((*old, *pieces)) if old.get(k) != pieces.get(k)]
        if section == "design":  # a key that an update brings is not a change
            differing = [k for k in differing if k in old]
        for by_update in (False, True):
            theirs = [
                k
                for k in differing
                if by_update == ((piece := f"{section}: {k}") in made and _same(piece, before, now))
            ]
            told[by_update] += [f"{section}: {_few(theirs)}"] if theirs else []
    if told[True] and not before.made_from:
        told[True].append(_NO_RECORD)
    return Changes(tuple(told[False]), tuple(told[True]))


def _same(piece: str, before: Registration, now: Registration) -> bool:
    """Return whether a study still gives the same to a piece that genspace makes, as far as is recorded."""
    return not before.made_from or before.made_from.get(piece, "") == now.made_from.get(piece, "")


def _few(names: Iterable[str]) -> str:
    first = [name if len(name) <= 60 else f"{name[:60]}…" for name in names]
    more = len(first) - _NAMED
    return ", ".join(first[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every value of nested tables by its dotted key, and "a table" for each table."""
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
    hashes: dict[tuple[str, ...], str] = {}
    """The question's hash, by what the question is made from: items of one predicate are asked alike."""
    for unit in material.units:
        for code, texts in material.texts.items():
            example = unit.key if unit.key[0].startswith(PREFIX) else ()
            key = (code, *example, _made_from(material, unit.key, texts))
            if key not in hashes or words_its_own(material.design):
                asked = material.questions(unit.key, code)
                hashes[key] = _hashed([[a.name, a.text, a.note, a.answers.name] for a in asked])
            yield f"{_key(unit.key)} ({code})", hashes[key]


def _drawings(material: Material) -> Iterator[tuple[str, str]]:
    hashes: dict[tuple[object, ...], str] = {}
    """Drawings name objects by letters, so those of one predicate with the same values are the same."""
    for unit in material.units:
        bound = drawn_of_unit(material, unit.key)
        if bound is None:
            continue
        said = (bound.predicate.name, bound.word, len(bound.ids), *sorted(bound.settings.items()))
        for code, texts in material.texts.items():
            key = (code, *said)
            if key not in hashes:
                hashes[key] = _hashed(concept_svg(bound, texts.voice))
            yield f"{_key(unit.key)} ({code})", hashes[key]


def _made(material: Material, sections: Sections) -> Iterator[tuple[str, str]]:
    """Yield every piece that genspace makes, with the hash of what the study gives to it."""
    for item_id in _shown(material):
        if item_id.startswith(PREFIX):
            yield f"prompts: {item_id}", ""
            yield f"images: {material.items[item_id].image}", ""
    for unit in material.units:
        key = _key(unit.key)
        if unit.key[0].startswith(PREFIX):
            own = [_own(texts, "examples") for texts in material.texts.values()]
            yield f"units: {key}", ""
            yield f"known answers: {key}", _hashed(own) if any(own) else ""
        for code, texts in material.texts.items():
            if not words_its_own(material.design):
                yield f"questions: {key} ({code})", _made_from(material, unit.key, texts)
            if f"{key} ({code})" in sections["drawings"]:
                yield f"drawings: {key} ({code})", _made_from(material, unit.key, texts)
    for code, texts in material.texts.items():
        for piece in texts.flat():
            yield f"texts: {code}.{piece}", _hashed(texts.own[piece]) if piece in texts.own else ""
        if material.design.consent.form is None:
            said = material.design.consent.model_dump_json()
            yield f"consent: {code}", _hashed([said, _own(texts, "consent")])


def _made_from(material: Material, unit: UnitKey, texts: Texts) -> str:
    """Return the hash of what the study gives to a unit's question and its drawing."""
    items = [material.items[item_id] for item_id in unit]
    asked = [[not i.item_id.startswith(PREFIX) and i.predicate, i.image_before is not None] for i in items]
    return _hashed([asked, material.one_prompt(unit), _own(texts, "questions", "words", "work")])


def _own(texts: Texts, *tables: str) -> dict[str, Text]:
    return {key: text for key, text in texts.own.items() if key.partition(".")[0] in tables}


def _key(unit: tuple[str, ...]) -> str:
    return unit[0] if len(unit) == 1 else json.dumps(unit, ensure_ascii=False)


def _hashed(content: object) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, default=dict)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
