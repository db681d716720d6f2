"""Make what a rater reads from an item: the question in plain words, the objects marked in the prompt.

The words of every predicate stand beside it, in each language; a study's own language file may bring others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from genspace.errors import InputError
from genspace.geometry.predicates import Bound, Untold, bind_known, sentence
from genspace.human_study.texts import Texts
from genspace.records import Item

__all__ = ["PlainQuestion", "bound_of", "mark_objects", "plain_question", "untold"]


def bound_of(item: Item) -> Bound | None:
    """Return what an item's predicate asks; None without one, and for one that cannot be read (`check` says so)."""
    try:
        return bind_known(item.predicate) if item.predicate else None
    except InputError:
        return None


@dataclass(frozen=True, slots=True)
class PlainQuestion:
    """A question as a rater reads it."""

    text: str
    note: str = ""
    """What its words mean exactly; shown below the question."""

    def __str__(self) -> str:
        return f"{self.text} ({self.note})" if self.note else self.text


def plain_question(item: Item, texts: Texts, *, protocol: str) -> PlainQuestion:
    """Return the question about an item in plain words: its predicate's, else the protocol's standard one.

    Errors: `Untold` where words cannot say which of two of a kind is meant.
    """
    bound, edit = bound_of(item), item.image_before is not None
    intro = {"likert": "work.rating_intro", "pairwise": "work.pairwise_intro"}.get(protocol)
    told = texts.voice.tell(bound, "statement" if intro else "question", edit=edit) if bound else None
    if bound is None or told is None:
        standard = texts.find(f"work.default_question_{protocol}") or texts["work.default_question"]
        return PlainQuestion(standard)
    asked = f"{texts[intro]} {sentence(told)}." if intro else told
    return PlainQuestion(asked, texts.voice.tell(bound, "note") or "")


def untold(item: Item, texts: Texts) -> str | None:
    """Return why an item cannot be asked about in words; None where it can."""
    try:
        plain_question(item, texts, protocol="binary")
    except Untold as reason:
        return str(reason)
    return None


def mark_objects(prompt: str, names: Sequence[str]) -> list[tuple[str, int]]:
    """Split a prompt into pieces, each with the number of the object it names, 0 for none.

    >>> mark_objects("A cow left of two chairs", ("cow", "chair"))
    [('A ', 0), ('cow', 1), (' left of two ', 0), ('chairs', 2)]
    """
    from genspace.geometry.perception.labels import plural

    numbers = {
        n.lower(): i for i, name in reversed([*enumerate(names, start=1)]) for n in (name, plural(name))
    }
    if not numbers:
        return [(prompt, 0)]
    longest_first = "|".join(re.escape(n) for n in sorted(numbers, key=len, reverse=True))
    pieces = re.split(rf"\b({longest_first})\b", prompt, flags=re.IGNORECASE)
    return [(piece, numbers.get(piece.lower(), 0) * (i % 2)) for i, piece in enumerate(pieces) if piece]
