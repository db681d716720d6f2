"""Names of objects: "two cows", "the couch" and "sofa" are matched to what detectors and scene files call them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from genspace.errors import InputError

__all__ = ["Wanted", "canonical", "parse_objects", "plural", "same_object", "wanted_from_ids"]

_ARTICLES = {"a", "an", "the", "some", "this", "that", "its", "their", "another"}
_NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
    "both": 2,
}  # fmt: skip
_IRREGULAR = {
    "children": "child", "feet": "foot", "geese": "goose", "knives": "knife", "leaves": "leaf", "loaves": "loaf",
    "men": "man", "mice": "mouse", "people": "person", "persons": "person", "shelves": "shelf", "teeth": "tooth",
    "wolves": "wolf", "women": "woman", "bookshelves": "bookshelf", "buses": "bus", "axes": "axe", "shoes": "shoe",
    "canoes": "canoe", "vases": "vase", "houses": "house", "horses": "horse", "nurses": "nurse", "purses": "purse",
    "suitcases": "suitcase", "bookcases": "bookcase", "mooses": "moose", "cases": "case", "cookies": "cookie",
}  # fmt: skip
_UNCHANGED = {
    "binoculars", "bus", "cactus", "dress", "glass", "glasses", "headphones", "hippopotamus", "jeans", "lens",
    "octopus", "pants", "pliers", "scissors", "sheep", "shorts", "sunglasses", "tennis", "tongs", "trousers",
    "walrus", "fish", "deer", "moose", "canvas", "gas", "iris", "compass",
}  # fmt: skip
_SYNONYMS = (
    ("airplane", "aeroplane", "plane", "aircraft"),
    ("bicycle", "bike", "cycle"),
    ("bookcase", "bookshelf"),
    ("camera", "photo camera"),
    ("car", "automobile"),
    ("cell phone", "cellphone", "mobile phone", "smartphone", "phone"),
    ("couch", "sofa", "settee"),
    ("donut", "doughnut"),
    ("laptop", "laptop computer", "notebook computer"),
    ("motorcycle", "motorbike"),
    ("person", "human"),
    ("refrigerator", "fridge"),
    ("rug", "carpet"),
    ("ship", "vessel"),
    ("stuffed bear", "teddy bear", "teddy"),
    ("stove", "cooker"),
    ("trash can", "garbage can", "rubbish bin", "trash bin", "dustbin"),
    ("truck", "lorry"),
    ("tv", "television", "tv monitor", "television set"),
)
_NAMES = {name: group[0] for group in _SYNONYMS for name in group}
_NOT_A_KIND_OF = {
    "stuffed bear",
    "hot dog",
    "sea lion",
    "guinea pig",
    "toy car",
    "rocking horse",
    "computer mouse",
}
"""Names whose last word is no broader name of the thing: a hot dog is no dog."""


def canonical(name: str) -> str:
    """Return a name in one form: lower case, no article or number, singular, the first of its synonyms.

    >>> [canonical(n) for n in ("The Couches", "two cows", "tennis_rackets", "an aeroplane", "glass shelves")]
    ['couch', 'cow', 'tennis racket', 'airplane', 'glass shelf']
    """
    words = re.sub(r"[^\w]+|_", " ", name.lower()).split()
    while len(words) > 1 and (words[0] in _ARTICLES or words[0] in _NUMBERS or words[0].isdigit()):
        words = words[1:]
    if not words:
        return ""
    joined = " ".join([*words[:-1], _singular(words[-1])])
    return _NAMES.get(joined, joined)


def _singular(word: str) -> str:
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if word in _UNCHANGED or len(word) < 3 or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if re.search(r"(?:s|x|z|ch|sh|o)es$", word):
        return word[:-2]
    return word.removesuffix("s")


def same_object(a: str, b: str) -> bool:
    """Whether two names may mean one thing: equal in `canonical` form, or one the other's broader name.

    >>> same_object("sofas", "the couch"), same_object("a red car", "car"), same_object("hot dog", "dog")
    (True, True, False)
    """
    a, b = canonical(a), canonical(b)
    if a == b:
        return bool(a)
    longer, shorter = sorted((a, b), key=len, reverse=True)
    return longer.endswith(f" {shorter}") and longer not in _NOT_A_KIND_OF


@dataclass(frozen=True, slots=True)
class Wanted:
    """One object to find: what the predicate calls it and the class to look for."""

    id: str
    label: str


def wanted_from_ids(ids: Iterable[str]) -> tuple[Wanted, ...]:
    """Return what to look for, given a predicate's object names; a trailing number tells instances apart.

    >>> wanted_from_ids(["cup", "cup_2", "teddy bear"])[1:]
    (Wanted(id='cup_2', label='cup'), Wanted(id='teddy bear', label='stuffed bear'))
    """
    wanted = tuple(Wanted(i, canonical(re.sub(r"[\s_#-]*\d+$", "", i) or i)) for i in dict.fromkeys(ids))
    return tuple(Wanted(w.id, w.label or w.id) for w in wanted)


def parse_objects(text: str) -> tuple[Wanted, ...]:
    """Return what to look for in a list such as "two cows, the chair".

    Several of a class are numbered. Errors: `InputError` for an empty list.

    >>> [w.id for w in parse_objects("two cows, the chair")]
    ['cow', 'cow_2', 'chair']
    """
    counts: dict[str, int] = {}
    for part in text.split(","):
        label = canonical(part)
        if not label:
            continue
        first = part.lower().split()[0]
        counts[label] = counts.get(label, 0) + (
            int(first) if first.isdigit() and first != label else _NUMBERS.get(first, 1)
        )
    if not counts:
        raise InputError(f'objects {text!r}: name what to look for, such as "cow, chair" or "two cups"')
    return tuple(
        Wanted(label if i == 1 else f"{label}_{i}", label)
        for label, n in counts.items()
        for i in range(1, n + 1)
    )


_PLURALS = {
    "child": "children", "foot": "feet", "goose": "geese", "mouse": "mice", "person": "people", "tooth": "teeth",
    "aircraft": "aircraft", "deer": "deer", "fish": "fish", "moose": "moose", "sheep": "sheep",
}  # fmt: skip
_ENDINGS = (
    (r"(glasses|jeans|pants|pliers|scissors|shorts|tongs|trousers|binoculars|headphones)", r"\1"),
    (r"(?<!hu)(?<!ger)man", "men"),
    (r"(kni|li|wi)fe|(l?ea|loa|shel|wol|cal|hal|scar|thie)f", r"\1\2ves"),
    (r"(s|x|z|ch|sh|(?:pot|tom)ato)", r"\1es"),
    (r"(?<![aeiou])y", "ies"),
    ("", "s"),
)
"""How the last letters of a noun change: the first that it ends in."""


def plural(name: str) -> str:
    """Return what several of a thing are called.

    >>> [plural(n) for n in ("park bench", "wolf", "chest of drawers", "pony", "sunglasses", "bus", "shoe")]
    ['park benches', 'wolves', 'chests of drawers', 'ponies', 'sunglasses', 'buses', 'shoes']
    """
    head, of, rest = name.partition(" of ")
    before, space, word = head.rpartition(" ")
    many = _PLURALS.get(word.lower()) or next(
        re.sub(f"{ending}$", by, word, count=1)
        for ending, by in _ENDINGS
        if re.search(f"{ending}$", word.lower())
    )
    return f"{before}{space}{many}{of}{rest}"
