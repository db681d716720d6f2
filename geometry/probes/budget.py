"""The error budget of perception: how agreement with the truth falls with each stated error, alone and together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from genspace.errors import InputError
from genspace.geometry.evaluate import evaluate
from genspace.geometry.noise import NONE, Noise, disturbed
from genspace.geometry.profiles import CORRECTED, Profile
from genspace.geometry.scene import Pair, Scene
from genspace.geometry.scene_files import parse_document
from genspace.records import PAIR_SUFFIX, SCENE_SUFFIX, Files, Item, beside

__all__ = ["ErrorCost", "error_budget", "probe_scene"]


@dataclass(frozen=True, slots=True)
class ErrorCost:
    """What an error of perception costs."""

    error: str
    accuracy: float
    """Share of the decided probes on which the rules agree with the truth."""
    coverage: float
    lost: float
    """Accuracy without error minus this one."""


def probe_scene(image: str, files: Files, *, edit: bool) -> Scene | Pair:
    """Return the scene or pair of a probe by its picture. Errors: `InputError` when it is absent or wrong."""
    name = beside(image, PAIR_SUFFIX if edit else SCENE_SUFFIX)
    return parse_document(json.loads(files.read(name)), file=name, files=files)


def error_budget(
    items: Sequence[Item],
    files: Files,
    noise: Noise,
    *,
    repeats: int = 3,
    seed: int = 0,
    profile: Profile = CORRECTED,
) -> list[ErrorCost]:
    """Return what errors cost: without error, with each alone, with all together.

    `items` are those of a probe study, with `truth`; those without one are left out. Figures are means over `repeats`
    seeds.
    Errors: `InputError` when a scene is absent, or the items hold no truth.
    """
    if not any("truth" in item.extra for item in items):
        raise InputError("no probes: the items have no column `truth`")
    scenes = [
        (
            item.item_id,
            item.predicate or "",
            bool(int(item.extra["truth"])),
            probe_scene(item.image or "", files, edit=item.image_before is not None),
        )
        for item in items
        # empty where sides are asked of an object without a front
        if str(item.extra.get("truth")) not in {"", "nan", "None", "<NA>"}
    ]
    kinds = {"none": NONE, **noise.alone()}
    if len(kinds) > 2:
        kinds["all together"] = noise
    rows: list[ErrorCost] = []
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
        lost = rows[0].accuracy - accuracy if rows else 0.0
        rows.append(ErrorCost(label, accuracy, decided / asked, lost))
    return rows
