"""The golden rows of the released GenSpace code, as scene and pair documents.

A row of `predicates_public.jsonl.gz` holds what one of the released functions was given and what it answered. Its
coordinates are x left, y up, z forward from a level camera on the floor; scene files are x right, y down. What the
released code was told of the image before an edit becomes a before scene that yields just those numbers.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

SIDES = ("front", "back", "left", "right")
EDIT_SIDES = ("front", "left", "right", "back")
ARRANGED = ("side_by_side_same", "side_by_side_opposite", "face_to_face", "back_to_back")
UPRIGHT = [[1, 0, 0], [0, 1, 0], [0, 0, 1]]

T2I = (
    *(f"camera_pose(A, view={side})" for side in SIDES),
    *(f"object_pose(A, view={side})" for side in SIDES),
    *(f"intrinsic(A, B, relation={arranged})" for arranged in ARRANGED),
    *(f"allocentric(A, B, relation={side})" for side in SIDES),
    *(f"egocentric(A, B, relation={where})" for where in ("closer", "farther", "left", "right")),
    *(f"object_distance(A, B, value_m={value})" for value in (0.5, 1, 1.5, 2)),
    *(f"camera_distance(A, value_m={value})" for value in (1, 2, 3, 4)),
    "object_size(A, B, dimension=bigger, ratio=1.2)",
    "object_size(A, B, dimension=taller, value_m=0.2)",
    "object_size(A, B, dimension=longer, value_m=0.5)",
    "object_size(A, B, dimension=wider, value_m=0.3)",
    *(f"complex_pose(A, B, view={side})" for side in ("front", "left", "right", "back")),
)
EDIT = (
    *(f"camera_pose(A, view={side})" for side in EDIT_SIDES),
    *(f"object_pose(A, view={side})" for side in EDIT_SIDES),
    *(f"intrinsic(A, B, relation={arranged})" for arranged in ARRANGED),
    *(f"allocentric(A, B, relation={side})" for side in EDIT_SIDES),
    *(f"egocentric(B, A, relation={where})" for where in ("closer", "left", "right", "farther")),
    *(f"move_object(A, direction={way}, value_m=1)" for way in ("closer", "farther", "left", "right")),
    *(f"move_camera(A, direction={way}, value_m=1)" for way in ("forward", "left", "right", "backward")),
    "resize(A, dimension=bigger, ratio=1.2)",
    "resize(A, dimension=taller, value_m=0.2)",
    "resize(A, dimension=longer, value_m=0.5)",
    "resize(A, dimension=wider, value_m=0.4)",
)
KEPT = {"two": "keep_relation(A, B, view={})", "three": "keep_relation(C, A, B, view={})"}


def rows_to_scenes(path: Path) -> Iterator[dict[str, object]]:
    """Yield one scene or pair document per golden row, with the predicate and, under `golden`, its answer."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            golden = {key: row[key] for key in ("id", "kind", "check", "score")}
            after = scene([item(name, given) for name, given in row["objects"].items() if given])
            if row["task"] == "t2i":
                yield {**after, "predicates": [T2I[row["index"]]], "golden": golden}
                continue
            if row["task"] == "edit":
                predicate = EDIT[row["index"]]
            else:
                predicate = KEPT[row["variant"]].format(SIDES[row["index"]])
            yield {
                "format": "genspace-pair/1",
                "before": scene(items_before(row["objects"])),
                "after": after,
                "predicates": [predicate],
                "golden": golden,
            }


def scene(objects: list[dict[str, object]]) -> dict[str, object]:
    camera = {"pitch_deg": 0, "roll_deg": 0, "height_m": 0}
    return {"format": "genspace-scene/1", "width": 640, "height": 480, "camera": camera, "objects": objects}


def item(name: str, given: dict[str, object]) -> dict[str, object]:
    x, y, z = given["center"]
    made = {"id": name, "surface_mean": [-x, -y, z], "rotation": given["rotation_matrix"]}
    if "points" in given:
        made["points"] = [[-x, -y, z] for x, y, z in grown(given)]
    return made


def grown(given: dict[str, object]) -> list[list[float]]:
    """The row's points; 1 m larger where the size before the edit is negative (4 rows), which no scene can hold.

    Only the difference of the two sizes counts, and `size_before` is 1 m larger in those rows too.
    """
    points = np.array(given["points"])
    front_x, front_z = given["rotation_matrix"][0][0], given["rotation_matrix"][2][0]
    turn = np.arctan2(front_z, front_x)
    for key, along in (("last_height", [0, 1, 0]), ("last_length", [np.cos(turn), -np.sin(turn), 0])):
        if given.get(key, 1) <= 0:
            offset = (points - points.mean(axis=0)) @ along
            points += np.outer(offset / np.ptp(offset), along)
    return points.tolist()


def size_before(given: dict[str, object]) -> list[float] | None:
    """Length, height, width before the edit; the volume is their product."""
    places = {"last_volume": 0, "last_length": 0, "last_height": 1, "last_width": 2}
    for key, place in places.items():
        if key in given:
            sizes = [1.0, 1.0, 1.0]
            sizes[place] = given[key] + (given[key] <= 0)
            return sizes
    return None


def items_before(objects: dict[str, dict[str, object]]) -> list[dict[str, object]]:
    made = {name: {"id": name, "surface_mean": [0, 0, 0], "rotation": UPRIGHT} for name in objects}
    for name, given in objects.items():
        made[name]["extent"] = size_before(given)
        if "last_pos" in given:
            made[name]["surface_mean"] = given["last_pos"][:3]
        for key in given:
            if (
                "_P_" in key
            ):  # place of the second in the frame of the first, which stands upright at the origin
                made[key[-1]]["surface_mean"] = given[key]
    return list(made.values())
