"""Probes as a study folder: pictures, scene files, depth, and the known truth in place of people's answers."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, fields
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Literal

import numpy as np

from genspace.errors import InputError
from genspace.geometry.frames import wrap_deg
from genspace.geometry.predicates import bind
from genspace.geometry.probes.kinds import USUAL, Shares
from genspace.geometry.probes.orbit import ORBIT, seen_from_elsewhere
from genspace.geometry.probes.plans import PLANS
from genspace.geometry.probes.render import draw, mitsuba_variant
from genspace.geometry.probes.sampler import Probe, sample_probe
from genspace.geometry.probes.scenes import ProbeScene
from genspace.geometry.probes.truth import Truth, cast, depth_steps, scene_record
from genspace.geometry.scene import Scene
from genspace.records import PAIR_SUFFIX, SCENE_SUFFIX, TRUTH_RATER

__all__ = ["RenderSettings", "render_study", "row_of", "write_probe", "write_tables"]


Row = dict[str, str | int | float | None]
"""A probe's cells in items.csv, by column."""
TASKS = {"t2i": ("t2i",), "edit": ("edit",), "both": ("t2i", "edit"), "2d": ("2d",)}


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderSettings:
    """Settings of a folder of probes. A folder is resumed only with the settings that it was begun with."""

    per_predicate: int
    task: Literal["t2i", "edit", "both", "2d"] = "both"
    """"2d": relations in the picture, which are no part of the benchmark."""
    size: int = 512
    samples: int = 32
    """Light paths per pixel."""
    seed: int = 0
    shares: Shares = USUAL
    """Of the kinds of probes."""
    pictures: bool = True
    """False: scene files and depth only, for judges that need no image."""
    image_format: Literal["jpg", "png", "webp"] = "jpg"
    orbit_deg: float = 0.0
    """How far the camera moves about the objects for a second picture of each probe whose answer does not depend on
    where it stands (`genspace certify --way orbit`); 0: there is none."""

    def probe(self, name: str, index: int) -> Probe:
        """Return one probe. Errors: `InputError` for a name that no plan has."""
        return sample_probe(
            name, index, self.per_predicate, seed=self.seed, size=self.size, shares=self.shares
        )

    def jobs(self) -> list[tuple[str, int]]:
        """Plan name and index of every probe."""
        names = [name for name, plan in PLANS.items() if plan.task in TASKS[self.task]]
        return [(name, index) for name in names for index in range(self.per_predicate)]


def render_study(
    out: Path,
    settings: RenderSettings,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Row]:
    """Render the missing probes, write the study's tables, and return the rows of items.csv.

    `workers`: processes, by default one per core. An interrupted run leaves whole probes only and goes on from there.
    Errors: `InputError` for a folder begun with other settings or holding something else; `MissingExtraError`.
    """
    # what is missing is said before a folder is begun
    variant = mitsuba_variant() if settings.pictures else None
    _claim(out, settings)
    (out / "images").mkdir(parents=True, exist_ok=True)
    rows: dict[tuple[str, int], Row] = {}
    missing = []
    jobs = settings.jobs()
    for job in jobs:
        done = _finished(out, job)
        if done is None:
            missing.append(job)
        else:
            rows[job] = done
    report = progress or (lambda _done, _total: None)
    report(len(rows), len(jobs))
    for job, row in _made(out, settings, missing, workers or os.cpu_count() or 1, variant):
        rows[job] = row
        report(len(rows), len(jobs))
    table = [rows[job] for job in jobs]
    write_tables(out, table, settings)
    return table


def _made(
    out: Path, settings: RenderSettings, jobs: Sequence[tuple[str, int]], workers: int, variant: str | None
) -> Iterator[tuple[tuple[str, int], Row]]:
    if workers == 1 or len(jobs) < 2:
        for job in jobs:
            yield job, _make(out, settings, job, variant=variant)
        return
    # a fresh interpreter per worker: mitsuba's threads do not survive a fork
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=get_context("spawn")) as pool:
        running = {pool.submit(_make, out, settings, job, threads=1, variant=variant): job for job in jobs}
        try:
            for future in as_completed(running):
                yield running[future], future.result()
        except BrokenProcessPool:
            raise InputError(
                f"{out}: a process that draws ended abruptly (out of memory?); whole probes are kept, and the same "
                "command goes on with the rest. Try `workers` 1"
            ) from None


def _make(out: Path, settings: RenderSettings, job: tuple[str, int], **how: Any) -> Row:
    return write_probe(out, settings.probe(*job), settings, **how)


def write_probe(
    out: Path,
    probe: Probe,
    settings: RenderSettings,
    *,
    threads: int | None = None,
    variant: str | None = None,
) -> Row:
    """Write one probe's files into `out`/images and return its row. The scene file comes last and marks it complete."""
    folder, name, asked = out / "images", probe.item_id, (probe.predicate,)
    write_scene = partial(_write_scene, folder, settings=settings, threads=threads, variant=variant)
    if probe.before is not None:
        before, _ = write_scene(f"{name}-before", probe.before)
        _write_json(folder / f"{name}-before{SCENE_SUFFIX}", before.to_json())
    after, truth = write_scene(name, probe.scene, predicates=asked)
    row = row_of(probe, truth, image=f"{name}.{settings.image_format}")
    elsewhere = _from_elsewhere(probe, settings.orbit_deg)
    if elsewhere is not None:
        seen, _ = write_scene(f"{name}{ORBIT}", elsewhere, predicates=asked)
        _write_json(folder / f"{name}{ORBIT}{SCENE_SUFFIX}", seen.to_json())
    if probe.before is not None:
        pair = {
            "format": "genspace-pair/1",
            "before": f"{name}-before{SCENE_SUFFIX}",
            "after": f"{name}{SCENE_SUFFIX}",
            "camera": "static" if probe.plan.camera == "static" else "unknown",
            "depth_scale": 1.0,
            "yaw_deg": 0.0 if probe.plan.camera == "unturned" else None,
            "predicates": [probe.predicate],
        }
        _write_json(folder / f"{name}{PAIR_SUFFIX}", {k: v for k, v in pair.items() if v is not None})
    _write_json(folder / f"{name}{SCENE_SUFFIX}", {**after.to_json(), "probe": row})
    return row


def _from_elsewhere(probe: Probe, orbit_deg: float) -> ProbeScene | None:
    """Return the probe from another side, where the answer stays the same and everything is visible."""
    if not orbit_deg or probe.before is not None or not bind(probe.predicate).predicate.from_anywhere:
        return None
    return seen_from_elsewhere(probe.scene, orbit_deg, probe.plan.min_visible)


def _write_scene(
    folder: Path,
    name: str,
    scene: ProbeScene,
    *,
    settings: RenderSettings,
    predicates: tuple[str, ...] = (),
    threads: int | None,
    variant: str | None,
) -> tuple[Scene, Truth]:
    """Write picture and depth of one scene; return its scene document and its truth."""
    from PIL import Image

    truth = cast(scene)
    steps, scale = depth_steps(truth.depth)
    depth, image = f"{name}.depth.png", f"{name}.{settings.image_format}"
    Image.fromarray(steps).save(folder / depth, optimize=True)
    if settings.pictures:
        picture = Image.fromarray(draw(scene, samples=settings.samples, threads=threads, variant=variant))
        picture.save(folder / image, quality=90)
    shown = image if settings.pictures else None
    record = scene_record(scene, truth, image=shown, depth=depth, depth_scale=scale, predicates=predicates)
    return record, truth


def row_of(probe: Probe, truth: Truth, *, image: str) -> Row:
    """Return a probe's row of items.csv: what is asked, the true value, the truth, and the nuisances."""
    plan, camera = probe.plan, probe.scene.camera
    before = image.replace(probe.item_id, f"{probe.item_id}-before") if probe.before is not None else None
    centres = [placed.centre(camera) for placed in probe.scene.objects]
    nearest = min(centres, key=lambda c: float(np.linalg.norm(c)))
    axis = camera.level_from_camera[:, 2]
    off_axis = max(
        float(np.degrees(np.arccos(np.clip(c @ axis / np.linalg.norm(c), -1, 1)))) for c in centres
    )
    margin = None if probe.error is None else plan.inner - probe.error
    return {
        "item_id": probe.item_id,
        "image": image,
        "image_before": before,
        "prompt": probe.prompt,
        "prompt_id": plan.name,
        "generator": "probe",
        "predicate": probe.predicate,
        "task": plan.task,
        "sub_domain": plan.sub_domain,
        "variant": plan.variant,
        "kind": probe.kind,
        "quantity": plan.quantity,
        "unit": plan.unit,
        "target": plan.target,
        "true_value": None if probe.true_value is None else round(probe.true_value, 5),
        "inner": round(plan.inner, 5),
        "error": None if probe.error is None else round(probe.error, 5),
        "margin": None if margin is None else round(margin, 5),
        "signed_error": _signed_error(probe),
        "true_variant": probe.true_variant,
        "truth": None if probe.truth is None else int(probe.truth),
        "egocentric_answer": None if probe.egocentric_answer is None else int(probe.egocentric_answer),
        "elevation_deg": round(float(np.degrees(np.arcsin(nearest[1] / np.linalg.norm(nearest)))), 2),
        "fov_deg": round(camera.fov_deg, 2),
        "pitch_deg": round(camera.pitch_deg, 2),
        "roll_deg": round(camera.roll_deg, 2),
        "distance_m": round(float(np.linalg.norm(nearest)), 3),
        "off_axis_deg": round(off_axis, 2),
        "visible_fraction": round(min(truth.visible_fraction), 4),
        "objects": ", ".join(placed.id for placed in probe.scene.objects),
        "backdrop": probe.scene.backdrop,
    }


def _signed_error(probe: Probe) -> float | None:
    """How far the true value lies above (+) or below the wanted one, in the unit of the tolerance."""
    plan = probe.plan
    if probe.error is None or probe.true_value is None:
        return None
    if plan.unit == "deg" and plan.signed:
        return round(wrap_deg(probe.true_value - plan.target), 5)
    if plan.unit == "log ratio" and plan.signed:
        return round(float(np.log(probe.true_value / plan.target)), 5)
    off = probe.true_value - plan.target
    return round(off / plan.target if plan.relative else off, 5)


# Files ---------------------------------------------------------------------------------------------------------


def _claim(out: Path, settings: RenderSettings) -> None:
    """Reserve the folder for these settings."""
    mark, wanted = out / "probe.json", asdict(settings)
    if mark.is_file():
        begun = json.loads(mark.read_text(encoding="utf-8"))
        usual = {field.name: field.default for field in fields(settings)}
        begun = {k: begun.get(k, usual[k]) for k in wanted}  # an option may be newer than the folder
        differing = [f"{k} = {begun[k]!r}, now {v!r}" for k, v in wanted.items() if begun[k] != v]
        if differing:
            raise InputError(
                f"{out}: was begun with {'; '.join(differing)}. Use another folder, or the same settings"
            )
        return
    if out.exists() and any(out.iterdir()):
        raise InputError(f"{out}: is not empty and holds no probes; give a new folder")
    out.mkdir(parents=True, exist_ok=True)
    _write_json(mark, wanted)


def _finished(out: Path, job: tuple[str, int]) -> Row | None:
    name, index = job
    path = out / "images" / f"{name}-{index:03d}{SCENE_SUFFIX}"
    if not path.is_file():
        return None
    row: Row = json.loads(path.read_text(encoding="utf-8"))["probe"]
    return row


def _write_json(path: Path, document: Any) -> None:
    """Write a file at once, so that it is never half written."""
    part = path.with_suffix(".part")
    part.write_text(json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    part.replace(path)


def write_tables(out: Path, rows: list[Row], settings: RenderSettings) -> None:
    """Write items.csv, annotations.csv with the truth where it is known, and study.toml."""
    _write_csv(out / "items.csv", rows)
    answers = [
        {"item_id": row["item_id"], "rater_id": TRUTH_RATER, "value": row["truth"]}
        for row in rows
        if row["truth"] is not None
    ]
    _write_csv(out / "annotations.csv", answers)
    options = f"--per-predicate {settings.per_predicate} --task {settings.task} --size {settings.size}"
    if settings.orbit_deg:
        options += f" --orbit {settings.orbit_deg:g}"
    if settings.shares != USUAL:
        shares = ",".join(f"{kind}={share:.3g}" for kind, share in asdict(settings.shares).items())
        options += f" --shares {shares}"
    (out / "study.toml").write_text(
        f"""name = "Probes, seed {settings.seed}"
question = "Does the picture show what the prompt asks? (answered by known truth, not by people)"
value_type = "binary"
breakdowns = ["kind", "sub_domain", "variant"]

[source]
made_by = "genspace probe render {options} --seed {settings.seed}"
reference = "known truth of rendered scenes; the rater is called {TRUTH_RATER!r} and is no person"
""",
        encoding="utf-8",
    )


def _write_csv(path: Path, rows: list[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
