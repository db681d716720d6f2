"""The gallery: items on which judges and people differ, with pictures, overlays and every answer, and its filters."""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from genspace.errors import InputError
from genspace.gather import evidence_of
from genspace.records import scene_names
from genspace.report._items import ItemColumns
from genspace.report._part import ReportPart

if TYPE_CHECKING:
    from genspace.geometry.scene import Scene
    from genspace.records import Item
    from genspace.report._item import ItemView
    from genspace.study import Study

THUMBNAIL_PIXELS = 300
CARDS_PER_JUDGE = 6
MOST_CARDS = 36
ROWS = 25
"""Rows of the table of items that stand in the page itself; the rest is drawn on demand."""


@dataclass(frozen=True)
class ShownPicture:
    """One image of a card."""

    caption: str
    source: str | None
    """The thumbnail as a data URL."""
    link: str | None
    """The full image, relative to the page."""
    overlay: str | None
    """What was measured, as SVG to lay over the thumbnail."""


@dataclass(frozen=True)
class Gallery:
    """One question's items."""

    part: ReportPart
    items: ItemColumns

    @cached_property
    def cards(self) -> list[int]:
        """Items shown with their pictures: those on which each judge in turn differs most."""
        turns = [self._of(judge)[:CARDS_PER_JUDGE] for judge in range(len(self.items.judges))]
        found = dict.fromkeys(
            turn[place] for place in range(CARDS_PER_JUDGE) for turn in turns if place < len(turn)
        )
        return sorted(list(found)[:MOST_CARDS])

    def _of(self, judge: int) -> list[int]:
        gaps = self.items.gaps[judge]
        return sorted((i for i, gap in enumerate(gaps) if gap is not None), key=lambda i: -abs(gaps[i] or 0))

    @property
    def measured(self) -> bool:
        """Whether a card has something drawn over its picture."""
        return any(p.overlay for i in self.cards for p in self.pictures(i))

    @property
    def rows(self) -> range:
        """Items of the table that stand in the page itself."""
        return range(min(ROWS, len(self.items)))

    def order(self, index: int) -> list[int]:
        """Return the judges of one item, those that differ most from the people first."""
        gaps = [g[index] for g in self.items.gaps]
        return sorted(range(len(gaps)), key=lambda j: (gaps[j] is None, -abs(gaps[j] or 0)))

    def distances(self) -> list[tuple[str, int, float | None]]:
        """Return each judge's mean distance from the people's place, and on how many items."""
        known = [[abs(g) for g in gaps if g is not None] for gaps in self.items.gaps]
        return [
            (name, len(found), sum(found) / len(found) if found else None)
            for name, found in zip(self.items.judges, known, strict=True)
        ]

    def pictures(self, index: int) -> list[ShownPicture]:
        """Return an item's images: one, before and after an edit, or the two that were compared."""
        return self._pictures[index]

    @cached_property
    def _pictures(self) -> dict[int, list[ShownPicture]]:
        return {index: self._pictures_of(index) for index in self.cards}

    def _pictures_of(self, index: int) -> list[ShownPicture]:
        study = self.part.study
        item = self._item.get(self.items.ids[index])
        if study is None or item is None:
            return []
        other = self._item.get(self.items.others[index])
        if other is not None:
            named = [("A", item.image, None), ("B", other.image, None)]
            return [self._picture(study, *p) for p in named] if item.image or other.image else []
        if not (item.image or item.image_before or _has_scene(item, study)):
            return []
        from genspace.report._item import ItemView  # what scenes need is slow to import

        view = ItemView(study, evidence_of(study), item)
        found = [self._picture(study, *p, view=view) for p in view.pictures()]
        return [p for p in found if p.source or p.overlay]

    def _picture(
        self, study: Study, caption: str, name: str | None, scene: Scene | None, view: ItemView | None = None
    ) -> ShownPicture:
        drawn = None
        if scene is not None and view is not None and scene.objects:
            from genspace.geometry.drawing.overlay import overlay_svg

            drawn = overlay_svg(scene, marks=view.marks, width=THUMBNAIL_PIXELS)
        return ShownPicture(caption, thumbnail(name, study), self._link(name), drawn)

    @cached_property
    def _item(self) -> dict[str, Item]:
        return {i.item_id: i for i in self.part.study.iter_items()} if self.part.study else {}

    def _link(self, name: str | None) -> str | None:
        """Return the full image's address relative to the page; None where it is not on this machine."""
        study, folder = self.part.study, self.part.folder
        if name is None or study is None or folder is None:
            return None
        try:
            path = study.files.local_path(name)
            return None if path is None else quote(f"{_relative(path.parent, folder)}/{path.name}")
        except (InputError, ValueError):  # a name that leaves the study, another drive
            return None

    def links(self) -> list[str | None]:
        """Return every item's full image."""
        found = (self._item.get(i) for i in self.items.ids)
        return [self._link(item.image) if item else None for item in found]

    def json(self) -> str:
        """Return what the page's script filters, safe inside a script element."""
        items = self.items
        data = {
            "reference": self.part.reference,
            "judges": items.judges,
            "filters": [{"column": f.column, "values": f.values, "codes": f.codes} for f in items.filters],
            "ids": items.ids,
            "others": items.others if any(items.others) else [],
            "prompts": items.prompts,
            "links": self.links(),
            "means": items.people,
            "answers": items.answers,
            "scores": items.scores,
            "gaps": items.gaps,
        }
        return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")

    def rows_of(self, indices: Sequence[int]) -> Iterator[tuple[int, int | None]]:
        """Yield items with the judge that differs most on each."""
        return ((i, self.items.worst(i)) for i in indices)


def _has_scene(item: Item, study: Study) -> bool:
    try:
        return any(map(study.files.exists, scene_names(item)))
    except InputError:  # a name that leaves the study
        return False


def gallery(part: ReportPart) -> Gallery | None:
    """Return the gallery of a study whose items people have rated."""
    return Gallery(part, part.items) if part.items is not None else None


@cache
def _relative(path: Path, folder: Path) -> str:
    """Return a folder's address relative to another's; few folders hold many images."""
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()


def thumbnail(name: str | None, study: Study, pixels: int = THUMBNAIL_PIXELS) -> str | None:
    """Return a small JPEG as a data URL, or None when there is no readable image."""
    from PIL import Image, UnidentifiedImageError

    if not name:
        return None
    try:
        with Image.open(io.BytesIO(study.files.read(name))) as image:
            image.draft("RGB", (2 * pixels, 2 * pixels))
            small = image.convert("RGB")
            small.thumbnail((pixels, pixels))
    except (InputError, OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
