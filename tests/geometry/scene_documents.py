"""Scene files of the tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def scene_document(objects: Sequence[Any]) -> dict[str, Any]:
    """Return a scene file of these objects, seen by a level camera of 640 x 640 pixels."""
    camera = {"fx": 700, "fy": 700, "cx": 320, "cy": 320, "pitch_deg": 0, "roll_deg": 0}
    return {"format": "genspace-scene/1", "width": 640, "height": 640, "camera": camera, "objects": objects}
