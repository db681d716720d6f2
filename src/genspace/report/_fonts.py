"""The font of plots as PDF: DejaVu Sans without the tables that lay out other scripts."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import cache

from genspace.checkpoints import cache_dir

__all__ = ["plain_font"]

NAME = "DejaVu Sans Plain"
LAYOUT = ("GSUB", "GPOS", "GDEF", "MATH")
"""Tables that matplotlib does not use. Each PDF holds its own part of the font, and most time went into theirs."""


@cache
def plain_font() -> tuple[str, ...]:
    """Return the font's name, once matplotlib knows it; nothing where it can be kept nowhere.

    It is made from matplotlib's own DejaVu Sans at the first use, and kept in the cache folder.
    """
    import matplotlib as mpl
    from matplotlib.font_manager import fontManager

    path = cache_dir() / "fonts" / f"plain-{mpl.__version__}.ttf"
    with suppress(OSError):
        if not path.is_file():
            from fontTools.ttLib import TTFont

            with TTFont(f"{mpl.get_data_path()}/fonts/ttf/DejaVuSans.ttf") as font:
                for table in LAYOUT:
                    if table in font:
                        del font[table]
                for record in font["name"].names:
                    record.string = record.toUnicode().replace("DejaVu Sans", NAME)
                path.parent.mkdir(parents=True, exist_ok=True)
                new = path.with_suffix(f".{os.getpid()}")
                font.save(new)
                new.replace(path)
        fontManager.addfont(path)
        return (NAME,)
    return ()
