"""The font of plots as PDF: DejaVu Sans without the tables that lay out other scripts."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import cache

from genspace.checkpoints import cache_dir

NAME = "DejaVu Sans Plain"
LAYOUT = ("GSUB", "GPOS", "GDEF", "MATH")
"""Tables that join and place letters of other scripts. Each PDF holds its own part of the font, and most time went into
theirs."""
PLAIN = re.compile("[\u0000-\u02ff\u0370-\u0589\u2000-\u22ff]*")
"""Latin, Greek, Cyrillic and Armenian letters and signs, which stand side by side; no combining marks."""


def fonts_for(texts: Iterable[str], fonts: Sequence[str]) -> list[str]:
    """Return the fonts in which texts are set: the plain one first where they need no other.

    >>> fonts_for(["قطة"], ["DejaVu Sans"])
    ['DejaVu Sans']
    """
    return [*(plain_font() if all(map(PLAIN.fullmatch, texts)) else ()), *fonts]


@cache
def plain_font() -> tuple[str, ...]:
    """Return the font's name, once matplotlib knows it; nothing where it can be kept nowhere or is damaged.

    It is made from matplotlib's own DejaVu Sans at the first use, and kept in the cache folder.
    """
    import matplotlib as mpl
    from matplotlib.font_manager import fontManager

    path = cache_dir() / "fonts" / f"plain-{mpl.__version__}.ttf"
    with suppress(OSError, RuntimeError):  # matplotlib raises the latter for a file that is no font
        if not path.is_file():
            from fontTools.ttLib import TTFont

            with TTFont(f"{mpl.get_data_path()}/fonts/ttf/DejaVuSans.ttf", recalcTimestamp=False) as font:
                for table in LAYOUT:
                    if table in font:
                        del font[table]
                for record in font["name"].names:
                    record.string = record.toUnicode().replace("DejaVu Sans", NAME)  # pyright: ignore[reportAttributeAccessIssue]
                path.parent.mkdir(parents=True, exist_ok=True)
                new = path.with_suffix(f".{os.getpid()}")
                font.save(new)
                new.replace(path)
        fontManager.addfont(path)
        return (NAME,)
    return ()
