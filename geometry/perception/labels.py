"""Match names of objects, such as "two cows", "the couch" and "sofa", to those of detectors and scene files.

The words stand in labels.toml. Detectors are asked the user's own words; their canonical form serves to tell whether
two names mean one kind of thing, and nothing else.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files

from genspace.errors import InputError
from genspace.geometry.predicates import instance_of

__all__ = ["Wanted", "canonical", "parse_objects", "plural", "same_object", "wanted_from_ids"]

_WORDS = tomllib.loads((files(__package__) / "labels.toml").read_text(encoding="utf-8"))
_SINGULARS: dict[str, str] = _WORDS["singulars"]
_NUMBERS: dict[str, int] = _WORDS["numbers"]
_NAMES: dict[str, str] = {name: group[0] for group in _WORDS["synonyms"] for name in group}


def canonical(name: str) -> str:
    """Return a name in one form: lower case, no article or number, singular, the first of its synonyms.

    >>> [canonical(n) for n in ("The Couches", "two cows", "tennis_rackets", "an aeroplane", "chests of drawers")]
    ['couch', 'cow', 'tennis racket', 'airplane', 'chest of drawers']
    """
    singular = _singular(_plain(name))
    return _NAMES.get(singular, singular)


def _plain(name: str) -> str:
    """Return the words of a name in lower case, without article and number."""
    words = re.sub(r"[^\w]+|_", " ", name.lower()).split()
    while len(words) > 1 and (words[0] in _WORDS["articles"] or words[0] in _NUMBERS or words[0].isdigit()):
        words = words[1:]
    return " ".join(words)


def _singular(name: str) -> str:
    """Return a name with its noun in the singular: the last word, or the one before "of"."""
    head, of, rest = name.partition(" of ")
    *before, noun = head.split() or [""]
    return " ".join([*before, _singular_noun(noun)]) + of + rest


def _singular_noun(word: str) -> str:
    if word in _SINGULARS:
        return _SINGULARS[word]
    if word in _WORDS["unchanged"] or len(word) < 3 or word.endswith(("ss", "us", "is")):
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
    return longer.endswith(f" {shorter}") and longer not in _WORDS["not_a_kind_of"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One object to find.

    >>> Wanted("sofa_1", "the sofa").kind  # sofas and couches are one kind
    'couch'
    """

    id: str
    """What the predicate calls it."""
    label: str
    """What detectors are asked for: the user's own words."""
    number: int = 1
    """Which of its kind: 1 the best detected, 2 the second best."""

    @property
    def kind(self) -> str:
        """The label in canonical form: two labels of one kind mean one class of things."""
        return canonical(self.label)


def wanted_from_ids(ids: Iterable[str]) -> tuple[Wanted, ...]:
    """Return what to look for, given a predicate's object names.

    A trailing number says which of its kind is meant: `horse` (or `horse_1`) is the best detected horse, `horse_2` the
    second best, in whatever order and however many they are named.
    Errors: `InputError` for two names of the same object.

    >>> wanted_from_ids(["cup_2", "teddy bear"])
    (Wanted(id='cup_2', label='cup', number=2), Wanted(id='teddy bear', label='teddy bear', number=1))
    """
    wanted = tuple(Wanted(name, *instance_of(name)) for name in dict.fromkeys(ids))
    first: dict[tuple[str, int], Wanted] = {}
    for one in wanted:
        same = first.setdefault((one.kind, one.number), one)
        if same is not one:
            raise InputError(
                f"{same.id} and {one.id} both mean the {_ORDINALS.get(one.number, f'no. {one.number}')} "
                f"{one.kind} detected; number what is of one kind: {one.kind}, {one.kind}_2"
            )
    return wanted


_ORDINALS = {1: "best", 2: "second best", 3: "third best"}


def parse_objects(text: str) -> tuple[Wanted, ...]:
    """Return what to look for in a list such as "two cows, the chair".

    Several of a kind are numbered. Errors: `InputError` for an empty list.

    >>> [w.id for w in parse_objects("two cows, the sofa")]
    ['cow', 'cow_2', 'sofa']
    """
    labels: dict[str, str] = {}
    counts: dict[str, int] = {}
    for part in text.split(","):
        label = _singular(_plain(part))
        if not label:
            continue
        first, kind = part.lower().split()[0], canonical(label)
        labels.setdefault(kind, label)
        counts[kind] = counts.get(kind, 0) + (
            int(first) if first.isdigit() and first != label else _NUMBERS.get(first, 1)
        )
    if not counts:
        raise InputError(f'objects {text!r}: name what to look for, such as "cow, chair" or "two cups"')
    return tuple(
        Wanted(labels[kind] if i == 1 else f"{labels[kind]}_{i}", labels[kind], i)
        for kind, n in counts.items()
        for i in range(1, n + 1)
    )


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
    """Return the plural of a name.

    >>> [plural(n) for n in ("park bench", "wolf", "chest of drawers", "pony", "sunglasses", "bus", "shoe")]
    ['park benches', 'wolves', 'chests of drawers', 'ponies', 'sunglasses', 'buses', 'shoes']
    """
    head, of, rest = name.partition(" of ")
    before, space, word = head.rpartition(" ")
    many = _WORDS["plurals"].get(word.lower()) or next(
        re.sub(f"{ending}$", by, word, count=1)
        for ending, by in _ENDINGS
        if re.search(f"{ending}$", word.lower())
    )
    return f"{before}{space}{many}{of}{rest}"
