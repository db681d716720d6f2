"""`genspace scene build`: images to scene files, overlays and 3D views."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genspace.cli._console import print_json, put, say
from genspace.cli._options import JsonFlag
from genspace.cli.scene import scene_app
from genspace.errors import InputError, MissingExtraError, did_you_mean, file_errors
from genspace.records import SCENE_SUFFIX

if TYPE_CHECKING:
    from genspace.geometry.perception import StageView, Subject, Wanted
    from genspace.geometry.perception.assemble import BuiltScene
    from genspace.geometry.perception.stacks import ChosenPart
    from genspace.geometry.scene import Scene
    from genspace.records import JsonValue

__all__ = ["build"]


@scene_app.command(
    epilog='Examples: genspace scene build cow.png --objects "cow, chair" · '
    'genspace scene build cow.png --objects "two cups" --part depth=zoedepth --part gravity=ground-plane --out built'
)
def build(
    images: Annotated[list[Path], typer.Argument(help="Image files.")],
    objects: Annotated[
        str | None, typer.Option("--objects", help='What to look for: "cow, chair" or "two cups".')
    ] = None,
    predicate: Annotated[
        list[str] | None,
        typer.Option(
            "--predicate",
            help="A predicate to store in the scene file; its objects are detected. Repeatable.",
        ),
    ] = None,
    stack: Annotated[
        str, typer.Option("--stack", help="A named set of parts; see genspace ls stacks.")
    ] = "default",
    part: Annotated[
        list[str] | None,
        typer.Option(
            "--part", help="STAGE=PART[:CHECKPOINT], such as depth=zoedepth; see genspace models list."
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("-o", "--option", help="STAGE.key=value: an option of a part; repeatable."),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option(help="Scene file for parts named scene (default: the one beside the image)."),
    ] = None,
    out_dir: Annotated[
        Path | None, typer.Option("--out", help="Folder to write to (default: beside the image).")
    ] = None,
    device: Annotated[str, typer.Option(help="cpu, cuda, mps or auto.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing scene files.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Reconstruct images in 3D: write each scene file, overlay, stage outputs (PNG) and 3D view (HTML)."""
    from functools import partial

    from genspace.checkpoints import cache_dir
    from genspace.geometry.perception import Failure
    from genspace.geometry.perception.assemble import Assembly, build_scene
    from genspace.geometry.perception.building import make_perception, say_progress
    from genspace.geometry.perception.stacks import part_names

    wanted = _wanted(objects, predicate or [])
    targets = [_target(image, out_dir, overwrite=overwrite) for image in images]
    parts = _parts(stack, part or [], option or [])
    perception = make_perception(parts, device=device, cache_dir=cache_dir())
    perception.report = partial(say_progress, spoken={})
    perception.check()
    uses_truth = any("truth" in p.reads for p in perception.parts.values())
    subjects = [_subject(image, wanted, truth, uses_truth=uses_truth) for image in images]
    assembly = Assembly(parts=part_names(parts))
    documents: list[JsonValue] = []
    failed = 0
    for image, target, seen in zip(images, targets, perception.run(subjects), strict=True):
        if isinstance(seen, Failure):
            failed += 1
            say(f"{image}: {seen.reason}")
            continue
        built = build_scene(
            seen, wanted, image=_name_from(target.parent, image), stem=image.stem, assembly=assembly
        )
        written = _write(built, seen, target, predicate or [])
        missing = [w.id for w in wanted if built.scene.object(w.id) is None]
        documents.append({"image": str(image), "files": [str(p) for p in written], "not_found": [*missing]})
        if not as_json:
            put("\n".join([str(target), *_lines(built.scene, missing)]))
    if as_json:
        print_json(documents)
    if failed:
        raise typer.Exit(1)


def _wanted(objects: str | None, predicates: list[str]) -> tuple[Wanted, ...]:
    from genspace.geometry.perception import parse_objects, wanted_from_ids
    from genspace.geometry.predicates import bind

    ids = [name for call in predicates for name in bind(call).ids]
    wanted = [*wanted_from_ids(ids), *(parse_objects(objects) if objects else ())]
    if not wanted:
        raise InputError('scene build: say what to look for, with --objects "cow, chair" or --predicate')
    return tuple({(w.kind, w.number): w for w in reversed(wanted)}.values())[::-1]


def _parts(stack: str, parts: list[str], options: list[str]) -> list[ChosenPart]:
    import tomllib

    from genspace.geometry.perception import STAGES, chosen_parts, find_stack

    choices: dict[str, dict[str, JsonValue]] = {
        stage: {"part": choice} if isinstance(choice, str) else dict(choice)
        for stage, choice in find_stack(stack).parts.items()
    }
    for text in parts:
        stage, equals, name = text.partition("=")
        if not equals or stage not in STAGES:
            raise InputError(f"--part {text}: expected STAGE=PART{did_you_mean(stage, STAGES)}")
        choices[stage] = {"part": name}
    for text in options:
        key, equals, value = text.partition("=")
        stage, dot, name = key.partition(".")
        if not (equals and dot) or stage not in choices:
            raise InputError(f"-o {text}: expected STAGE.key=value{did_you_mean(stage, STAGES)}")
        try:
            choices[stage][name] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            choices[stage][name] = value
    return chosen_parts(choices)


def _target(image: Path, out_dir: Path | None, *, overwrite: bool) -> Path:
    target = (out_dir or image.parent) / f"{image.stem}{SCENE_SUFFIX}"
    if target.exists() and not overwrite:
        raise InputError(f"{target} is there already: choose another folder with --out, or say --overwrite")
    return target


def _subject(image: Path, wanted: tuple[Wanted, ...], truth: Path | None, *, uses_truth: bool) -> Subject:
    from genspace.geometry.perception import Subject, read_picture
    from genspace.geometry.perception.truth import KnownScene
    from genspace.geometry.scene_files import read_scene

    with file_errors(image, "read"):
        data = image.read_bytes()
    known = None
    if uses_truth:
        known = KnownScene(read_scene(truth or image.with_name(f"{image.stem}{SCENE_SUFFIX}")))
    return Subject(read_picture(data, str(image)), wanted, known)


def _name_from(folder: Path, image: Path) -> str:
    """Return the image's name in the scene file: only a name beside or below the scene file is allowed there."""
    try:
        return image.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError:
        return image.name


def _write(built: BuiltScene, view: StageView, target: Path, predicates: list[str]) -> list[Path]:
    """Write the scene with its side files, the overlay and the 3D view; return what was written."""
    from dataclasses import replace

    from PIL import Image

    from genspace.geometry.drawing.overlay import overlay
    from genspace.geometry.drawing.stages import stages
    from genspace.geometry.drawing.view3d import view3d

    scene = built.scene.model_copy(update={"predicates": tuple(predicates)})
    scene = scene.with_files(built.files, source=str(target))
    replace(built, scene=scene).write(target)
    stem = target.name.removesuffix(SCENE_SUFFIX)
    picture, steps = target.with_name(f"{stem}.overlay.png"), target.with_name(f"{stem}.stages.png")
    overlay(Image.fromarray(view.pixels), scene).save(picture)
    stages(Image.fromarray(view.pixels), scene).save(steps)
    written = [target, *(target.parent / name for name in built.files.contents), picture, steps]
    try:
        fragment = view3d(scene)
    except MissingExtraError as error:
        say(f"no 3D view: {error}")
        return written
    page = target.with_name(f"{stem}.3d.html")
    title = stem.replace("<", "&lt;")
    page.write_text(
        f'<!doctype html><meta charset="utf-8"><title>{title}</title>{fragment}\n', encoding="utf-8"
    )
    return [*written, page]


def _lines(scene: Scene, missing: list[str]) -> list[str]:
    """Say what was found, in words."""
    from math import hypot

    lines = []
    for item in scene.objects:
        words = [item.id]
        if item.centre is not None:
            words.append(f"{hypot(*item.centre):.2f} m away")
        if item.extent is not None:
            words.append("{:.2f} × {:.2f} × {:.2f} m (front, up, right)".format(*item.extent))
        if item.rotation is None:
            words.append("no front" if item.has_front is False else "front not known")
        lines.append("  " + ", ".join(words))
    lines += [f"  {name}: not found" for name in missing]
    camera = scene.camera
    lines.append(f"  focal length from {camera.intrinsics_source}; down from {camera.gravity_source}")
    return lines
