"""The gallery: items on which judges and people differ most, with picture and every answer."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from genspace.errors import InputError
from genspace.report._part import Part

if TYPE_CHECKING:
    from genspace.records import Item
    from genspace.study import Study

__all__ = ["gallery"]

THUMBNAIL_PIXELS = 224
SHOWN_DISAGREEMENTS = 12


def gallery(part: Part) -> list[dict[str, Any]]:
    """Return the items on which people and judges differ most, one card an item, with every judge's place."""
    by_item: dict[str, list[Mapping[str, Any]]] = {}
    ordered = sorted(part.document["disagreements"], key=lambda d: -abs(d["judge_place"] - d["human_place"]))
    for found in ordered:
        by_item.setdefault(found["item_id"], []).append(found)
    chosen = dict(list(by_item.items())[:SHOWN_DISAGREEMENTS])
    study = part.study
    items = {i.item_id: i for i in study.iter_items() if i.item_id in chosen} if study else {}
    return [
        {
            "item_id": item_id,
            "found": found,
            "item": items.get(item_id),
            "thumbnail": _thumbnail(items.get(item_id), study),
        }
        for item_id, found in chosen.items()
    ]


def _thumbnail(item: Item | None, study: Study | None) -> str | None:
    """Return a small JPEG as a data URL, or None when there is no readable image."""
    from PIL import Image, UnidentifiedImageError

    if item is None or study is None or not item.image:
        return None
    try:
        with Image.open(io.BytesIO(study.files.read(item.image))) as image:
            small = image.convert("RGB")
            small.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
    except (InputError, OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return None
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=82)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
