"""The HTML report: one self-contained file that opens offline, the answer first."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from genspace.errors import InputError
from genspace.report._answer import answer
from genspace.report._plots import (
    breakdown_map,
    calibration,
    forest,
    ratings,
    risk_coverage,
    specification_map,
)
from genspace.report._table import LABELS, figure_text, judge_table, number

if TYPE_CHECKING:
    from genspace.records import Item
    from genspace.study import Study

__all__ = ["html_report"]

THUMBNAIL_PIXELS = 224
SHOWN_DISAGREEMENTS = 12


@dataclass(frozen=True)
class _Question:
    """One question's part of the report."""

    name: str
    document: Mapping[str, Any]
    cards: Sequence[Mapping[str, Any]]


def html_report(document: Mapping[str, Any], manifest: Mapping[str, Any], study: Study | None = None) -> str:
    """Return the report of one comparison.

    Args:
        document: after schemas/comparison.schema.json.
        manifest: shown at the end, so that the figures can be made again.
        study: where thumbnails and prompts of disagreements are taken from; None: ids only.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("genspace.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(
        number=number, figure=figure_text, label=lambda key: LABELS.get(key, key), percent=_percent
    )
    parts = {"": document, **document.get("questions", {})}
    questions = [_Question(name, part, _cards(part, study)) for name, part in parts.items()]
    functions = (
        answer,
        judge_table,
        forest,
        breakdown_map,
        ratings,
        risk_coverage,
        calibration,
        specification_map,
    )
    return environment.get_template("report.html.j2").render(
        study=document["study"],
        questions=questions,
        manifest=json.dumps(manifest, indent=2, ensure_ascii=False),
        css=files("genspace.report").joinpath("templates/report.css").read_text(encoding="utf-8"),
        **{function.__name__: function for function in functions},
    )


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


def _cards(document: Mapping[str, Any], study: Study | None) -> list[dict[str, Any]]:
    """Return the items on which people and judges differ most, one card an item, with every judge's place."""
    by_item: dict[str, list[Mapping[str, Any]]] = {}
    for found in sorted(document["disagreements"], key=lambda d: -abs(d["judge_place"] - d["human_place"])):
        by_item.setdefault(found["item_id"], []).append(found)
    chosen = dict(list(by_item.items())[:SHOWN_DISAGREEMENTS])
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
