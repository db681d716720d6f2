"""Five generators of planted quality: scenes of known truth stand in for the pictures that they would make.

perfect: does what it is asked. nothing: draws nothing. mirrors: swaps left and right. far: everything twice as far and as
large. random: does what it is asked every other time.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np

from genspace.benchmark import Asked, PromptList, create
from genspace.geometry.probes.kinds import Shares
from genspace.geometry.probes.plans import PLANS
from genspace.geometry.probes.sampler import sample_probe
from genspace.geometry.probes.truth import cast, scene_record

GENERATORS = ("perfect", "nothing", "mirrors", "far", "random")
CLEAR = Shares(clear=1.0, contrast=0.0, hard=0.0)
SIZE = 128
METRIC = {"object_distance", "camera_distance", "object_size", "move_object", "move_camera", "resize"}
"""Sub-domains that are about metres."""


@cache
def probes(task, each):
    """`each` prompts a variant: a probe that does what is asked, and one that does not, of the same plan."""
    found = []
    for name, plan in PLANS.items():
        if plan.task != task:
            continue
        kinds = {True: [], False: []}
        for index in range(4 * each):
            if min(map(len, kinds.values())) < each:
                probe = sample_probe(name, index, 4 * each, seed=5, size=SIZE, shares=CLEAR)
                kinds[probe.truth].append(probe)
        found += [(plan, a, b) for a, b in zip(kinds[True][:each], kinds[False][:each], strict=True)]
    return found


@cache
def documents(task, each):
    """For each probe: the scene files (after, before) that do what is asked, and those that do not."""
    return [
        tuple(tuple(_document(s, yes.scene) for s in (p.scene, p.before) if s) for p in (yes, no))
        for _, yes, no in probes(task, each)
    ]


def _document(scene, named):
    """The scene file; its things bear the names of those asked for."""
    found = scene_record(scene, cast(scene), image=None, depth=None, depth_scale=0.001).to_json()
    names = [placed.id for placed in named.objects]
    order = [placed.id for placed in scene.objects]
    for thing in found["objects"]:
        thing["id"] = thing["label"] = names[order.index(thing["id"])]
        thing.pop("mask", None)  # only pictures need it
    return found


def scaled(found, factor):
    """The same scene, everything `factor` times as far and as large: it looks the same."""
    found = json.loads(json.dumps(found))
    for thing in found["objects"]:
        for key in ("centre", "extent", "surface_mean"):
            if thing.get(key):
                thing[key] = [factor * v for v in thing[key]]
    return found


def mirrored(found):
    """The same scene, seen in a mirror: right is left; a thing's own left is where its right was."""
    found = json.loads(json.dumps(found))
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
    found["camera"]["roll_deg"] = -found["camera"]["roll_deg"]
    return found


def answer(generator, plan, number, scenes):
    """Return what a generator draws, (after, before), and whether it does what it is asked."""
    yes, no = scenes
    if generator == "nothing":
        return tuple({**one, "objects": []} if i == 0 else one for i, one in enumerate(yes)), False
    if generator == "mirrors":
        return tuple(map(mirrored, yes)), plan.variant not in {"left", "right"}
    if generator == "far":
        by_metres = plan.variant != "bigger" and plan.sub_domain in METRIC
        return tuple(scaled(one, 2.0) for one in yes), not by_metres
    right = generator == "perfect" or number % 3 > 0
    return (yes if right else no), right


def planted(root, tasks=("t2i", "edit"), each=1, copies=4):
    """Make a benchmark's folder with the generators' scene files by index; return it, and what each item truly is."""
    lists, truth = [], {}
    for task in tasks:
        rows = []
        for number, (plan, yes, _) in enumerate(probes(task, each) * copies):
            one = Asked(
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
        for number, (one, scenes) in enumerate(
            zip(asked.asked, documents(asked.task, each) * copies, strict=True)
        ):
            plan = (probes(asked.task, each) * copies)[number][0]
            for generator in GENERATORS:
                drawn, right = answer(generator, plan, number, scenes)
                truth[f"{generator}-{one.prompt_id}"] = right
                _write(made.images / generator / asked.task / f"{number + 1:04d}", drawn, plan)
    return made, truth


def _write(stem, drawn, plan):
    after, *before = drawn
    if not before:
        stem.with_name(f"{stem.name}.scene.json").write_text(json.dumps(after))
        return
    pair = {"format": "genspace-pair/1", "before": before[0], "after": after, "depth_scale": 1.0,
            "camera": "static" if plan.camera == "static" else "unknown"}  # fmt: skip
    if plan.camera == "unturned":
        pair["yaw_deg"] = 0.0
    stem.with_name(f"{stem.name}.pair.json").write_text(json.dumps(pair))
