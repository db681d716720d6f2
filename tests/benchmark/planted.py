"""Five generators of planted quality: scenes of known truth, or their rendered pictures, stand in for what they draw.

perfect: does what it is asked. nothing: draws nothing, which a detector has verified of its text-to-image pictures.
mirrors: swaps left and right. far: everything twice as far and as large. random: does what it is asked every other time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from PIL import Image

from genspace.benchmark import PromptList, TaskPrompt, create
from genspace.geometry.probes.kinds import Shares
from genspace.geometry.probes.plans import PLANS
from genspace.geometry.probes.render import draw
from genspace.geometry.probes.sampler import sample_probe
from genspace.geometry.probes.truth import cast, depth_steps, scene_record
from genspace.geometry.scene import Mask

GENERATORS = ("perfect", "nothing", "mirrors", "far", "random")
CLEAR = Shares(clear=1.0, contrast=0.0, hard=0.0)
SIZE = 128
METRIC = {"object_distance", "camera_distance", "object_size", "move_object", "move_camera", "resize"}
"""Sub-domains that are about metres."""


@dataclass(frozen=True)
class Shot:
    """One image: its scene file, and of a rendered one what the file is measured from."""

    document: dict
    picture: np.ndarray | None = None
    steps: np.ndarray | None = None
    """Depth in steps."""


@cache
def probes(task, each, few=False):
    """`each` prompts a variant: a probe that does what is asked, and one that does not, of the same plan.

    Few: of one variant a sub-domain, left where there is one, so that a mirror shows. Not of a move to the left: seen from
    one side a thing's middle is off by what such a move allows.
    """
    plans = {name: plan for name, plan in PLANS.items() if plan.task == task}
    if few:
        plans.pop("edit-move_object-left", None)
        by_variant = sorted(plans.items(), key=lambda row: row[1].variant == "left")
        plans = dict({plan.sub_domain: (name, plan) for name, plan in by_variant}.values())
    found = []
    for name, plan in plans.items():
        kinds = {True: [], False: []}
        for index in range(4 * each):
            if min(map(len, kinds.values())) < each:
                probe = sample_probe(name, index, 4 * each, seed=5, size=SIZE, shares=CLEAR)
                kinds[probe.truth].append(probe)
        found += [(plan, a, b) for a, b in zip(kinds[True][:each], kinds[False][:each], strict=True)]
    return found


@cache
def shots(task, each, rendered=False):
    """For each probe: what does what is asked, (after, before), and what does not."""
    return [
        tuple(tuple(_shot(s, yes.scene, rendered) for s in (p.scene, p.before) if s) for p in (yes, no))
        for _, yes, no in probes(task, each, rendered)
    ]


def _shot(scene, named, rendered):
    """The scene file; its things bear the names of those asked for."""
    truth = cast(scene)
    steps, scale = depth_steps(truth.depth)
    found = scene_record(scene, truth, image=None, depth=None, depth_scale=scale).to_json()
    names = [placed.id for placed in named.objects]
    order = [placed.id for placed in scene.objects]
    for thing in found["objects"]:
        thing["id"] = thing["label"] = names[order.index(thing["id"])]
        if not rendered:
            thing.pop("mask", None)
    if not rendered:
        return Shot(found)
    return Shot(found, draw(scene, samples=1, threads=1, variant="scalar_rgb"), steps)


def scaled(shot, factor):
    """The same scene, everything `factor` times as far and as large: it looks the same."""
    found = json.loads(json.dumps(shot.document))
    found["depth_scale"] *= factor
    found["camera"]["height_m"] *= factor
    for thing in found["objects"]:
        for key in ("centre", "extent", "surface_mean"):
            if thing.get(key):
                thing[key] = [factor * v for v in thing[key]]
    return replace(shot, document=found)


def mirrored(shot):
    """The same scene, seen in a mirror: right is left; a thing's own left is where its right was."""
    found = json.loads(json.dumps(shot.document))
    turn = np.diag([-1.0, 1, 1])
    for thing in found["objects"]:
        for key in ("centre", "surface_mean"):
            if thing.get(key):
                thing[key] = (turn @ thing[key]).tolist()
        if thing.get("rotation"):
            # right-handed again: the mirrored front and up stay, right points the other way
            thing["rotation"] = (turn @ np.array(thing["rotation"]) @ np.diag([1.0, 1, -1])).tolist()
        if thing.get("box"):
            left, top, right, bottom = thing["box"]
            thing["box"] = [found["width"] - right, top, found["width"] - left, bottom]
        if thing.get("mask"):
            seen = np.fliplr(Mask.model_validate(thing["mask"]).decode())
            thing["mask"] = Mask.from_array(seen).model_dump(mode="json")
    found["camera"]["roll_deg"] = -found["camera"]["roll_deg"]
    flipped = (None if a is None else np.fliplr(a) for a in (shot.picture, shot.steps))
    return Shot(found, *flipped)


def empty(shot, verified):
    """The same camera, and nothing in front of it."""
    found = {**shot.document, "objects": [], "absent": verified}
    if shot.picture is None:
        return Shot(found)
    return Shot(found, np.full_like(shot.picture, 200), np.zeros_like(shot.steps))


def answer(generator, plan, number, scenes):
    """Return what a generator draws, (after, before), and whether it does what it is asked."""
    yes, no = scenes
    if generator == "nothing":
        after, *before = yes
        # of text-to-image pictures a detector has verified that nothing was drawn; of edits nobody knows
        verified = [] if before else [thing["id"] for thing in after.document["objects"]]
        return (empty(after, verified), *before), False
    if generator == "mirrors":
        return tuple(map(mirrored, yes)), plan.variant not in {"left", "right"}
    if generator == "far":
        by_metres = plan.variant != "bigger" and plan.sub_domain in METRIC
        return tuple(scaled(one, 2.0) for one in yes), not by_metres
    right = generator == "perfect" or number % 3 > 0
    return (yes if right else no), right


def planted(root, tasks=("t2i", "edit"), each=1, copies=4, rendered=False):
    """Make a benchmark's folder with the generators' files by index; return it, and what each item truly is.

    Rendered: pictures with depth and masks, of few probes. Else scene files alone.
    """
    lists, truth = [], {}
    for task in tasks:
        rows = []
        for number, (plan, yes, _) in enumerate(probes(task, each, rendered) * copies):
            one = TaskPrompt(
                task=task, prompt_id=f"{plan.name}-{number}", prompt=f"{yes.prompt} ({number})", predicate=yes.predicate,
                sub_domain=plan.sub_domain, variant=plan.variant, objects=yes.scene.objects[0].category,
            )  # fmt: skip
            rows.append(
                replace(one, source_prompt=f"before {number}", source_id=f"source-{number}")
                if yes.before
                else one
            )
        lists.append(PromptList(task, tuple(rows)))
    made = create(root, lists, GENERATORS, prompts="planted")
    for asked in lists:
        of_task = probes(asked.task, each, rendered) * copies
        drawn_of = shots(asked.task, each, rendered) * copies
        for number, (one, (plan, _, _), scenes) in enumerate(
            zip(asked.asked, of_task, drawn_of, strict=True)
        ):
            if rendered and len(scenes[0]) > 1:
                Image.fromarray(scenes[0][1].picture).save(made.images / "before" / f"{number + 1:04d}.png")
            for generator in GENERATORS:
                drawn, right = answer(generator, plan, number, scenes)
                truth[f"{generator}-{one.prompt_id}"] = right
                _write(made.images / generator / asked.task / f"{number + 1:04d}", drawn, plan)
    return made, truth


def _write(stem, drawn, plan):
    after, *before = drawn
    if after.picture is not None:
        Image.fromarray(after.picture).save(stem.with_name(f"{stem.name}.png"))
    if not before:
        stem.with_name(f"{stem.name}.scene.json").write_text(json.dumps(_with_depth(stem, "", after)))
        return
    pair = {
        "format": "genspace-pair/1", "before": _with_depth(stem, "-before", before[0]),
        "after": _with_depth(stem, "", after), "depth_scale": 1.0,
        "camera": "static" if plan.camera == "static" else "unknown",
    }  # fmt: skip
    if plan.camera == "unturned":
        pair["yaw_deg"] = 0.0
    stem.with_name(f"{stem.name}.pair.json").write_text(json.dumps(pair))


def _with_depth(stem, end, shot):
    if shot.steps is None:
        return shot.document
    name = f"{stem.name}{end}.depth.png"
    Image.fromarray(shot.steps).save(stem.with_name(name))
    return {**shot.document, "depth": name}


def assert_planted(made, truth, row, task, n):
    """Assert that every cell holds the planted truth."""
    generator = row.generator
    for domain, cell in row.tasks[task].cells.items():
        ids = [f"{generator}-{a.prompt_id}" for a in made.lists[task].asked if a.sub_domain == domain]
        share = sum(truth[i] for i in ids) / len(ids)
        three = cell.accuracy
        assert three.n == len(ids) == n
        assert three.as_misses.value <= share <= three.as_passes.value, domain
        assert three.as_misses.low <= share <= three.as_passes.high, domain
        if generator == "nothing":
            known = (0, 0, 0) if task == "t2i" else (0, None, 1)  # verified that nothing was drawn, or not
            assert (three.as_misses.value, three.left_out.value, three.as_passes.value) == known
        else:
            # clear scenes leave nothing open
            assert three.as_misses.value == pytest.approx(share), domain
