"""From an item to what a rater reads: the question in plain words, the objects marked in the prompt.

The wording of every predicate family stands in the texts files (`[questions.FAMILY] VARIANT = "…"`), so that a
translation changes no code.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from genspace.human_study.texts import Texts
from genspace.records import Item

__all__ = ["Call", "amount", "mark_objects", "parse_call", "plain_question"]

_CALL = re.compile(r"^\s*(?P<name>\w+)\s*\((?P<arguments>[^()]*)\)\s*$")
_VARIANT_KEYS = ("view", "relation", "direction", "dimension")


@dataclass(frozen=True, slots=True)
class Call:
    """A predicate as far as a question needs it: `allocentric(cow, chair, relation=left)`."""

    family: str
    """"allocentric"."""
    objects: tuple[str, ...]
    """("cow", "chair")."""
    variant: str
    """"left"; "any" for a predicate without variants."""
    value: float | None = None
    """The wanted quantity, in metres or as a ratio."""
    value_unit: str = ""
    """"metres" or "times"."""


def parse_call(predicate: str | None) -> Call | None:
    """Read a predicate call, or return None for anything else.

    >>> parse_call("allocentric(cow, chair, relation=left)")
    Call(family='allocentric', objects=('cow', 'chair'), variant='left', value=None, value_unit='')
    >>> parse_call("object_distance(cat, chair, value_m=0.8)").value
    0.8
    """
    match = _CALL.match(predicate or "")
    if match is None:
        return None
    objects, variant, value, unit = [], "any", None, ""
    for argument in filter(None, (a.strip() for a in match["arguments"].split(","))):
        key, equals, text = (part.strip() for part in argument.partition("="))
        if not equals:
            objects.append(key)
        elif key in _VARIANT_KEYS:
            variant = text
        elif re.fullmatch(r"[0-9.]+", text):
            value, unit = float(text), "metres" if key.endswith("_m") else "times"
    return Call(match["name"], tuple(objects), variant, value, unit)


def plain_question(item: Item, texts: Texts, *, protocol: str) -> str:
    """Return the question about an item in plain words: its predicate's, else the protocol's standard one."""
    standard = texts.find(f"work.default_question_{protocol}") or texts["work.default_question"]
    call = parse_call(item.predicate)
    template = None if call is None else texts.find(f"questions.{call.family}.{call.variant}")
    if call is None or template is None:
        return standard
    nouns = dict(zip("abc", _nouns(call.objects, texts), strict=False))
    wanted = amount(call, texts)
    if wanted is not None:
        nouns["value"] = texts["words.times"].format(value=wanted) if call.value_unit == "times" else wanted
    try:
        question = template.format(**nouns)
    except KeyError:  # the call lacks an object or a value that the wording needs
        return standard
    if protocol == "pairwise":
        return f"{texts['work.pairwise_intro']} {question}"
    return f"{texts['work.rating_intro']} {question}" if protocol == "likert" else question


def amount(call: Call, texts: Texts) -> str | None:
    """Return the wanted quantity as people write it, below a metre in centimetres; None where there is none."""
    if call.value is None:
        return None
    short = call.value_unit == "metres" and call.value < 1
    number = f"{100 * call.value if short else call.value:g}".replace(".", texts["words.decimal"])
    if call.value_unit == "times":
        return number
    return texts[f"words.{'centimetres' if short else 'metres'}"].format(value=number)


def _nouns(objects: tuple[str, ...], texts: Texts) -> list[str]:
    """Objects with their article; two of one kind become the first and the second."""
    names = [o.replace("_", " ") for o in objects]
    if len(names) == 2 and names[0] == names[1]:
        return [texts[f"words.{place}"].format(noun=names[0]) for place in ("first", "second")]
    return [texts["words.article"].format(noun=n) for n in names]


def mark_objects(prompt: str, objects: tuple[str, ...]) -> list[tuple[str, int]]:
    """Split a prompt into pieces, each with the number of the object it names, 0 for none.

    >>> mark_objects("A cow left of two chairs", ("cow", "chair"))
    [('A ', 0), ('cow', 1), (' left of two ', 0), ('chairs', 2)]
    """
    names = {o.replace("_", " ").lower(): n for n, o in reversed(list(enumerate(objects, start=1)))}
    if not names:
        return [(prompt, 0)]
    longest_first = "|".join(re.escape(n) for n in sorted(names, key=len, reverse=True))
    pieces: list[tuple[str, int]] = []
    end = 0
    for match in re.finditer(rf"\b({longest_first})(?:s|es)?\b", prompt, flags=re.IGNORECASE):
        if match.start() > end:
            pieces.append((prompt[end : match.start()], 0))
        pieces.append((match[0], names[match[1].lower()]))
        end = match.end()
    if end < len(prompt):
        pieces.append((prompt[end:], 0))
    return pieces
