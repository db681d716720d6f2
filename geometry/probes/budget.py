"""The error budget of perception: how agreement with the truth falls with each stated error, alone and together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from genspace.errors import InputError
from genspace.geometry.evaluate import evaluate
from genspace.geometry.noise import NONE, Noise, disturbed
from genspace.geometry.profiles import CORRECTED, Profile
from genspace.geometry.scene import Pair, Scene
from genspace.geometry.scene_files import parse_document
from genspace.records import Files

__all__ = ["error_budget", "probe_scene"]


def probe_scene(item: Mapping[str, Any], files: Files) -> Scene | Pair:
    """Return the scene or pair of a row of a probe study. Errors: `InputError` when it is absent or wrong."""
    stem = str(item["image"]).rpartition(".")[0]
    edit = isinstance(item.get("image_before"), str)
    name = f"{stem}.pair.json" if edit else f"{stem}.scene.json"
    return parse_document(json.loads(files.read(name)), file=name, files=files)


def error_budget(
    items: Sequence[Mapping[str, Any]],
    files: Files,
    noise: Noise,
    *,
    repeats: int = 3,
    seed: int = 0,
    profile: Profile = CORRECTED,
) -> list[dict[str, Any]]:
    """Return rows `error, accuracy, coverage, lost`: without error, with each alone, with all together.

    `items` are rows of a probe study with `truth`; those without one are left out. Accuracy is the share of decided
    probes on which the rules agree with the truth, averaged over `repeats` seeds; `lost` is against no error.
    Errors: `InputError` when a scene is absent, or the items hold no truth.
    """
    if not items or "truth" not in items[0]:
        raise InputError("no probes: the items have no column `truth`")
    scenes = [
        (str(item["item_id"]), str(item["predicate"]), bool(int(item["truth"])), probe_scene(item, files))
        for item in items
        if not _is_unknown(item["truth"])
    ]
    kinds = {"none": NONE, **noise.alone()}
    if len(kinds) > 2:
        kinds["all together"] = noise
    rows: list[dict[str, Any]] = []
    for name, errors in kinds.items():
        right = decided = asked = 0
        for repeat in range(1 if errors == NONE else repeats):
            for item_id, predicate, truth, scene in scenes:
                seen = disturbed(scene, errors, name=item_id, seed=seed + repeat)
                outcome = evaluate(seen, predicate, profile)
                asked += 1
                decided += outcome.passed is not None
                right += outcome.passed is not None and outcome.passed == truth
        accuracy = right / decided if decided else 0.0
        label = name if name in {"none", "all together"} else str(errors)
        rows.append({"error": label, "accuracy": accuracy, "coverage": decided / asked})
    return [{**row, "lost": rows[0]["accuracy"] - row["accuracy"]} for row in rows]


def _is_unknown(truth: object) -> bool:
    """Whether a cell of the truth is empty, as where sides are asked of an object without a front."""
    return str(truth) in {"", "nan", "None", "<NA>"}
