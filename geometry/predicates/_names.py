"""How the objects of a predicate are called: by what people say, never by an id."""

from __future__ import annotations

import re

_INSTANCE = re.compile(r"(?<=.)(?:(?:_|\s*#\s*)([1-9]\d?)|[\s-]([1-9]))$")
"""The number that tells two of a kind apart: horse_2, horse #2, horse 2; not that of a Boeing 747."""
_QUOTES = "\"'“”„‘’«»`"
_ARTICLE = re.compile(r"(?:the|an?|some)\s+", re.IGNORECASE)
_SOUNDS_LIKE_A_VOWEL = re.compile(
    r"(?!uni|use|usu|uk|eu|one\b|once)[aeiou]|hour|honest|honou?r|heir", re.IGNORECASE
)


def noun_of(name: str) -> str:
    """Return what an object is called, given its name in a predicate: no number, quotation marks or article.

    >>> [noun_of(n) for n in ("park_bench", "horse_2", "the big, red cat", "“tea cup” #2", "Boeing 747")]
    ['park bench', 'horse', 'big, red cat', 'tea cup', 'Boeing 747']
    """
    return instance_of(name)[0]


def instance_of(name: str) -> tuple[str, int]:
    """Return what an object is called and which of its kind it is: its number, else 1.

    >>> instance_of("horse"), instance_of("horse_1"), instance_of("red horse 2"), instance_of("boeing 747")
    (('horse', 1), ('horse', 1), ('red horse', 2), ('boeing 747', 1))
    """
    words = name.strip()
    found = _INSTANCE.search(words)
    noun = " ".join(words[: found and found.start()].replace("_", " ").split()).strip(_QUOTES)
    while article := _ARTICLE.match(noun):
        noun = noun[article.end() :].strip(_QUOTES)
    return noun or name, int(found[1] or found[2]) if found else 1


def indefinite(noun: str) -> str:
    """Return a noun with "a" or "an".

    >>> indefinite("unicorn"), indefinite("hourglass"), indefinite("umbrella")
    ('a unicorn', 'an hourglass', 'an umbrella')
    """
    return f"{'an' if _SOUNDS_LIKE_A_VOWEL.match(noun) else 'a'} {noun}"
