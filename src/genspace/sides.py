"""Left and right in texts: find whether a text says whose side it means, and exchange the two for a mirror image."""

from __future__ import annotations

import re
from typing import Literal

from genspace.errors import GenspaceError

__all__ = [
    "FRAMES",
    "FRAME_QUESTION",
    "Frame",
    "NoMirrorError",
    "mirrored_text",
    "says_no_frame",
    "written_in",
]


Frame = Literal["camera", "object"]
FRAMES: tuple[Frame, Frame] = ("camera", "object")
"""From where left, right, before and behind are told: as the picture shows them, or as the object itself has them."""
FRAME_QUESTION = "frame"
"""Question that asks raters whose left they meant: 1 the object's, 0 the camera's; no judge is compared on it."""


class NoMirrorError(GenspaceError):
    """A text whose mirror image is not certain."""


_SIDE = re.compile(
    r"""\b(?:
        (?:to|on|at|in|from|towards?|into) \s (?:the|its|his|her|their|our|your|my|[\w-]+['’]s) \s
            (?:far|very|upper|lower|top|bottom|near|extreme)? \s? (?:left|right) \b
        | (?:left|right) \s (?:of|side|half|third|edge|corner|part|hand|arm|leg|foot|eye|ear|wing|wheel|door|and) \b
        | (?:upper|lower|top|bottom|far|and|or|facing|turned|turns|looks|looking|points?|pointing)
            [\s-] (?:left|right) \b
        | (?:left|right) -? (?:most|hand|handed|ward|wards|facing) \b
    )""",
    re.IGNORECASE | re.VERBOSE,
)
_WORD = re.compile(r"left|right", re.IGNORECASE)
_WHOLE = re.compile(r"\w*(?:left|right)\w*", re.IGNORECASE)
_HARMLESS = {
    "bright",
    "brightly",
    "brighter",
    "upright",
    "fright",
    "frightened",
    "frightening",
    "wright",
    "outright",
}
_WRITTEN = re.compile(
    r"""["“”«»]|\b(?:text|words?|letters?|writing|written|reads|saying|says|sign|signs|logo|label|clock|map|number\splate
    |newspaper|book\scover|poster|caption|flag)\b""",
    re.IGNORECASE | re.VERBOSE,
)


def written_in(text: str) -> str | None:
    """Return a word of the prompt that suggests writing or print in the picture; None if there is none.

    >>> written_in("a sign that says STOP"), written_in("a cat")
    ('sign', None)
    """
    found = _WRITTEN.search(text)
    return found[0] if found else None


def mirrored_text(text: str, *, plain: bool = False) -> str:
    """Return a prompt with left and right exchanged.

    Args:
        text: the prompt.
        plain: whether it is known that the picture holds no writing.

    Errors: `NoMirrorError` if a "left" or "right" may not be a side ("left open", "right behind"), and if the picture
    may hold writing, which a mirror makes unreadable.

    >>> mirrored_text("a cat to the left of a bright lamp, its right ear up")
    'a cat to the right of a bright lamp, its left ear up'
    >>> mirrored_text("a door left open")
    Traceback (most recent call last):
        ...
    genspace.sides.NoMirrorError: 'left' may be no side
    """
    if not plain and (spoilt := written_in(text)):
        raise NoMirrorError(f"{spoilt!r}: what is written cannot be read in a mirror")
    sides = [(m.start(), m.end()) for m in _SIDE.finditer(text)]
    for word in _WHOLE.finditer(text):
        inside = any(start <= word.start() and word.end() <= end for start, end in sides)
        if not inside and word[0].lower() not in _HARMLESS:
            raise NoMirrorError(f"{word[0]!r} may be no side")
    return _SIDE.sub(lambda match: _WORD.sub(lambda side: _traded(side[0]), match[0]), text)


def _traded(word: str) -> str:
    other = {"left": "right", "right": "left"}[word.lower()]
    return other.upper() if word.isupper() else other.capitalize() if word[0].isupper() else other


_PLAIN_SIDE = re.compile(
    r"\b(?:left|right)\s(?:of|side)\b|\b(?:to|on|at)\s(?:the\s)?(?:left|right)\b|\b(?:left|right)most\b",
    re.IGNORECASE,
)
_FRAME = re.compile(
    r"""\b(?:camera|viewer|observer|picture|image|photo(?:graph)?|frame|screen|viewpoint|perspective|seen\sfrom|point\sof\sview
    |as\s(?:we|you)\ssee|our|your|its|his|her|their|own)\b|['’]s\s(?:own\s)?(?:left|right)\b""",
    re.IGNORECASE | re.VERBOSE,
)


def says_no_frame(text: str) -> bool:
    """Whether a text names a left or right side without saying whose.

    >>> says_no_frame("a cat left of a dog"), says_no_frame("a cat on the left of the picture")
    (True, False)
    >>> says_no_frame("a cat on the dog's left"), says_no_frame("a cat behind a dog")
    (False, False)
    """
    return bool(_PLAIN_SIDE.search(text)) and not _FRAME.search(text)
