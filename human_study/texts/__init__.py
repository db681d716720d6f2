"""Every text that a rater reads, by language; one TOML file a language, and a study may bring its own.

The questions about predicates stand with the predicates (`genspace.geometry.predicates`); a study's own file rewords or
translates them in `[questions.PREDICATE]`, and how objects and numbers are written among them in `[words]`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

from genspace.errors import InputError, InvalidFilesError, Problem
from genspace.geometry.predicates import (
    LANGUAGES,
    Predicate,
    Text,
    Voice,
    bind,
    calls_of,
    people,
    predicate_named,
    table_at,
    to_translate,
)
from genspace.human_study._study_files import study_toml

__all__ = ["SHIPPED", "Texts", "load_texts", "shipped_text"]

SHIPPED = tuple(sorted(LANGUAGES))
"""Languages that come with genspace."""
RIGHT_TO_LEFT = frozenset({"ar", "dv", "fa", "he", "ku", "ps", "ur", "yi"})
"""Languages written from right to left."""
_PREDICATES = ("questions", "words")
"""Tables of an own language file that are about predicates."""


@dataclass(frozen=True)
class Texts:
    """The texts of one language; what a translation lacks stands in English."""

    code: str
    """Language tag for the page: "en"."""
    table: Mapping[str, Text]
    voice: Voice
    """How raters are asked about predicates."""
    own: Mapping[str, Text] = field(default_factory=dict)
    """What the study's own file says, by dotted key; the rest comes with genspace."""

    def __getitem__(self, key: str) -> str:
        """Return a text by its dotted key: `texts["work.back"]`."""
        found = self.find(key)
        if found is None:
            raise KeyError(key)
        return found

    def find(self, key: str) -> str | None:
        """Return a text by its dotted key, or None."""
        table, _, name = key.rpartition(".")
        return self.section(table).get(name)

    def flat(self) -> dict[str, str]:
        """Return every text by its dotted key."""
        return {key: self[key] for key in _leaves(self.table)}

    @property
    def direction(self) -> Literal["ltr", "rtl"]:
        """Which way the language is written."""
        return "rtl" if self.code.partition("-")[0] in RIGHT_TO_LEFT else "ltr"

    def section(self, key: str) -> dict[str, str]:
        """Return the texts of one table, for handing to the page's script."""
        table = table_at(self.table, *filter(None, key.split(".")))
        return {name: text for name, text in table.items() if isinstance(text, str)}


def load_texts(languages: tuple[str, ...], own: Mapping[str, str], study_root: Path) -> dict[str, Texts]:
    """Return the texts of each language, from the shipped files or the study's own ones.

    Args:
        languages: Language tags, the default first.
        own: Language to file name in the study, for languages that do not come with genspace or to reword one.
        study_root: The study's folder.

    Errors: `InputError` for a language without a file; `InvalidFilesError` for a file that is not TOML, is outside
    the study, or holds keys that no page uses.
    """
    english = _shipped("en")
    result = {}
    for code in languages:
        given = _own(own[code], study_root, english) if code in own else {}
        table, voice = _merged(english, _shipped(code) if code in SHIPPED else {}), _voice(code, given)
        if code in own:
            table = _merged(table, given)
            _check_questions(own[code], given, voice)
        elif code not in SHIPPED:
            raise InputError(
                f"there are no texts for language {code!r}; shipped: {', '.join(SHIPPED)}. "
                f'Name your own file in annotate.toml: texts = {{ {code} = "texts.{code}.toml" }}'
            )
        result[code] = Texts(code, table, voice, _leaves(given))
    return result


def shipped_text(code: str) -> str:
    """Return all texts of a language that comes with genspace, as a file to be read or translated."""
    return f"{_file(code)}\n{to_translate(code)}"


def _file(code: str) -> str:
    return (files("genspace.human_study.texts") / f"{code}.toml").read_text(encoding="utf-8")


@cache
def _shipped(code: str) -> Mapping[str, Text]:
    return tomllib.loads(_file(code))


def _voice(code: str, own: Mapping[str, Text]) -> Voice:
    """How raters are asked in a language: shipped words, reworded, or own words; where both are silent, in English."""
    english = people("en")
    base = people(code) if code in SHIPPED else None

    def family(predicate: Predicate) -> Mapping[str, Text]:
        return _merged(base.family(predicate) if base else {}, table_at(own, "questions", predicate.name))

    common = _merged((base or english).common, table_at(own, "words"))
    return Voice(common, family, fallback=None if code == "en" else english)


def _check_questions(name: str, own: Mapping[str, Text], voice: Voice) -> None:
    """Every predicate that an own file words can be asked, in every variant."""
    for predicate in table_at(own, "questions"):
        try:
            bounds = [bind(call) for call in calls_of(predicate_named(predicate))]
            told = [voice.tell(bound, key) for bound in bounds for key in ("question", "statement")]
        except InputError as error:
            raise InvalidFilesError([Problem(name, str(error), field=f"questions.{predicate}")]) from None
        if None in told:
            message = "needs a question and a statement for each of its variants"
            raise InvalidFilesError([Problem(name, message, field=f"questions.{predicate}")])


def _own(name: str, study_root: Path, english: Mapping[str, Text]) -> Mapping[str, Text]:
    table = study_toml(study_root, name)
    known = _leaves(english)
    unknown = [k for k in _leaves(table) if k not in known and k.partition(".")[0] not in _PREDICATES]
    if unknown:
        raise InvalidFilesError([Problem(name, "no page uses this text", field=k) for k in unknown])
    return table


def _leaves(table: Mapping[str, Text], prefix: str = "") -> dict[str, Text]:
    """Return everything that is not a table, by its dotted key."""
    found: dict[str, Text] = {}
    for name, value in table.items():
        found |= (
            _leaves(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
        )
    return found


def _merged(base: Mapping[str, Text], over: Mapping[str, Text]) -> Mapping[str, Text]:
    def both(name: str, value: Text) -> Text:
        there = base.get(name)
        return _merged(there, value) if isinstance(there, Mapping) and isinstance(value, Mapping) else value

    return {**base, **{name: both(name, value) for name, value in over.items()}}
