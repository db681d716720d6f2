"""Judge `scene`: the geometry predicates on scene files beside the images: known truth, or somebody's perception."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from genspace.errors import InputError
from genspace.judges._protocol import JudgeContext, JudgeSpec, parse_options
from genspace.records import SCENE_SUFFIX, Files, Item, Request, Verdict, beside, fingerprint, scene_names

if TYPE_CHECKING:
    from genspace.geometry.noise import Noise
    from genspace.geometry.profiles import Profile
    from genspace.geometry.scene import Pair, Scene

__all__ = [
    "NoSceneError",
    "SceneJudge",
    "SceneOptions",
    "find_scene",
    "make",
]


class NoSceneError(InputError):
    """An item has no scene file.

    >>> from types import SimpleNamespace
    >>> from genspace.records import Item
    >>> find_scene(Item(item_id="7"), SimpleNamespace(exists=lambda name: False))
    Traceback (most recent call last):
        ...
    genspace.judges.scene.NoSceneError: no scene file for 7: looked for 7.scene.json, 7.pair.json
    """


class SceneOptions(BaseModel):
    """Options of `[judges.NAME] kind = "scene"`.

    >>> SceneOptions(profile="reference", noise="typical").boxes
    'stored'
    """

    model_config = ConfigDict(extra="forbid")
    profile: str | None = Field(
        default=None, description="corrected, reference, or a TOML file of tolerances"
    )
    boxes: Literal["stored", "measured"] = Field(
        default="stored",
        description="measured: from the scene's depth and masks, as if its boxes were unknown",
    )
    noise: str | None = Field(
        default=None, description="errors put on the scene: typical, half, double, or azimuth=10,depth=0.1"
    )


@dataclass(frozen=True)
class SceneJudge:
    """Decides an item's predicate in its scene file.

    >>> from genspace.judges import make_judge
    >>> make_judge(JudgeSpec(name="truth", kind="scene"), JudgeContext()).boxes
    'stored'
    """

    profile: Profile
    boxes: Literal["stored", "measured"] = "stored"
    noise: Noise | None = None
    seed: int = 0

    @property
    def fingerprint(self) -> str:
        """Digest of the rules and tolerances; scene files are part of the study, like images."""
        from genspace.geometry.predicates import plugin_versions

        versions = plugin_versions()
        return fingerprint(
            {
                "kind": "scene",
                "version": 2,
                "profile": self.profile.fingerprint,
                **({"predicates": versions} if versions else {}),
                **({} if self.boxes == "stored" else {"boxes": self.boxes}),
                **({} if self.noise is None else {"noise": str(self.noise), "seed": self.seed}),
            }
        )

    def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
        """Yield the verdict on each item; one without a readable scene or predicate has failed."""
        for request in requests:
            try:
                yield self._judge(request)
            except InputError as error:
                yield Verdict.failed(request, str(error))

    def seen(self, request: Request) -> Scene | Pair:
        """Return the item's scene as this judge has it; see `genspace.judges.Seeing`."""
        from genspace.geometry.scene import Pair

        found = find_scene(request.item, request.files)
        scene = found.after if isinstance(found, Pair) else found
        if scene.is_truth and self.noise is None:
            raise InputError(
                f"{found.source} holds the known truth, which no judge is told: name geometry, or scene with noise"
            )
        return self._seen(found, request.item.item_id)

    def _judge(self, request: Request) -> Verdict:
        from genspace.geometry.evaluate import evaluate
        from genspace.geometry.predicates import bind
        from genspace.geometry.verdicts import verdict

        scene = self._seen(find_scene(request.item, request.files), request.item.item_id)
        predicate = request.item.predicate or _only(scene.predicates, scene.source)
        bound = bind(predicate)
        return verdict(request, scene, bound, evaluate(scene, bound, self.profile), self.profile)

    def _seen(self, scene: Scene | Pair, name: str) -> Scene | Pair:
        """The scene as this judge's perception would have it."""
        from genspace.geometry.noise import disturbed
        from genspace.geometry.remeasure import measured_again

        if self.noise is not None:
            scene = disturbed(scene, self.noise, name=name, seed=self.seed)
        return measured_again(scene) if self.boxes == "measured" else scene


def _only(predicates: tuple[str, ...], source: str) -> str:
    if len(predicates) != 1:
        raise InputError(f"the item has no predicate, and {source} holds {len(predicates)} instead of one")
    return predicates[0]


def make(spec: JudgeSpec, context: JudgeContext) -> SceneJudge:
    """Return the judge for `scene[:PROFILE]`. Errors: `InputError` for an unknown or wrong profile.

    >>> make(JudgeSpec(name="truth", kind="scene", model="reference"), JudgeContext()).profile.rules
    'reference'
    """
    from genspace.geometry.noise import parse_noise

    options = parse_options(SceneOptions, spec)
    profile = load_named_profile(options.profile or spec.model or "corrected", context)
    noise = None if options.noise is None else parse_noise(options.noise)
    return SceneJudge(profile, options.boxes, noise, context.seed)


def load_named_profile(name: str, context: JudgeContext) -> Profile:
    """Return a profile by its name or TOML file, which may lie in the study. Errors: `InputError`."""
    from genspace.geometry.profiles import load_profile

    if name.endswith(".toml") and context.study is not None and (context.study.root / name).is_file():
        return load_profile(context.study.root / name)
    return load_profile(name)


def find_scene(item: Item, files: Files) -> Scene | Pair:
    """Return the scene of an item, or the pair of an edit.

    Looked for in this order: the file in the item's column `scene`; the image's name with `.pair.json` (edits) or
    `.scene.json` for its suffix; the same of the item's id. An edit whose two images have scene files becomes a pair
    of them. Errors: `NoSceneError` that lists the names looked for, `InputError` with every problem of the file.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from genspace.geometry.scene_files import FolderFiles, Scene, write_scene
    >>> from genspace.records import Item
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_scene(Scene(width=100, height=50), folder / "a.scene.json")
    >>> find_scene(Item(item_id="1", image="a.png"), FolderFiles(folder)).width
    100
    """
    names = list(scene_names(item))
    for name in names:
        if files.exists(name):
            return _parse(json_document(files, name), name, files)
    if item.image and item.image_before:
        before, after = beside(item.image_before, SCENE_SUFFIX), beside(item.image, SCENE_SUFFIX)
        if files.exists(before) and files.exists(after):
            scenes = {"before": json_document(files, before), "after": json_document(files, after)}
            return _parse(
                {"format": "genspace-pair/1", **scenes}, f"{before} and {after}", files, folder_of=after
            )
        names += [before, after]
    raise NoSceneError(f"no scene file for {item.item_id}: looked for {', '.join(dict.fromkeys(names))}")


def json_document(files: Files, name: str) -> Any:
    """Return the JSON document in one of the study's files. Errors: `InputError` that names it."""
    try:
        return json.loads(files.read(name))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}: not readable as JSON: {error}") from None


def _parse(document: Any, name: str, files: Files, *, folder_of: str | None = None) -> Scene | Pair:
    from genspace.geometry.scene_files import parse_document

    folder = posixpath.dirname(folder_of or name)
    return parse_document(document, file=name, files=FolderOfFiles(files, folder))


@dataclass(frozen=True)
class FolderOfFiles:
    """A folder of the study: side files are named relative to their scene file."""

    files: Files
    folder: str

    def read(self, name: str) -> bytes:
        """Return the file's bytes. Errors: `InputError` for one that is absent."""
        return self.files.read(posixpath.join(self.folder, name))

    def exists(self, name: str) -> bool:
        """Whether the file is there."""
        return self.files.exists(posixpath.join(self.folder, name))
