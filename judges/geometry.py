"""Judge `geometry`: reconstructs a metric 3D scene from each image and decides the item's predicate in it.

Parts of perception are chosen together, as a named stack (`geometry:modern`), and any of them can be replaced, by
another model or by `scene`, which reads the scene file beside the image.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from genspace.errors import InputError, did_you_mean
from genspace.judges._protocol import JudgeContext, JudgeSpec, Preview, parse_options
from genspace.judges.scene import find_scene, load_named_profile
from genspace.records import Request, Verdict, fingerprint

if TYPE_CHECKING:
    from genspace.geometry.perception import Failure, Perception, StageReport, StageView, Subject, Wanted
    from genspace.geometry.perception.assemble import Assembly
    from genspace.geometry.perception.stacks import ChosenPart
    from genspace.geometry.predicates import Bound
    from genspace.geometry.profiles import Profile
    from genspace.geometry.scene import Pair, Scene

__all__ = ["STAGE_OPTIONS", "GeometryJudge", "GeometryOptions", "attribution", "make"]

STAGE_OPTIONS = ("detector", "segmenter", "depth", "intrinsics", "gravity", "orientation")

PartChoice = str | Mapping[str, Any]


class GeometryOptions(BaseModel):
    """Options of `[judges.NAME] kind = "geometry"`.

    A part is a name, "NAME:CHECKPOINT", or a table `{ part = "NAME:CHECKPOINT", … }` with the part's own options.

    >>> chosen = GeometryOptions(depth="depth-pro").parts({})
    >>> [part.kind.name for part in chosen if "depth" in part.stages]
    ['depth-pro']
    """

    model_config = ConfigDict(extra="forbid")

    stack: str = Field(default="default", description="the parts chosen together; see: genspace ls stacks")
    detector: PartChoice | None = None
    segmenter: PartChoice | None = None
    depth: PartChoice | None = None
    intrinsics: PartChoice | None = None
    gravity: PartChoice | None = None
    orientation: PartChoice | None = None
    boxes3d: PartChoice | None = None
    verifier: PartChoice | None = Field(
        default=None,
        description="a second detector, asked where the first found too little: what neither finds was not drawn",
    )
    profile: str = Field(
        default="corrected", description="corrected, reference, or a TOML file of tolerances"
    )
    upright_within_deg: float = Field(
        default=30.0,
        ge=0.0,
        le=180.0,
        description="objects this near to upright keep their heading alone; 0: none",
    )
    device: str = Field(default="auto", description="cpu, cuda, cuda:1, mps, auto")
    dtype: Literal["auto", "float32", "tf32", "bfloat16", "float16"] = "auto"
    batch_size: int = Field(
        default=8, ge=1, description="images of one size that go through a model together"
    )
    at_once: int = Field(default=64, ge=1, description="items that go through all stages together")
    models_in_memory: Literal["auto", "one", "all"] = Field(
        default="auto", description="auto: all where the free memory holds them, else one at a time"
    )

    def parts(self, own: Mapping[str, Mapping[str, PartChoice]]) -> list[ChosenPart]:
        """Return the chosen parts: the stack's, with those replaced that are named. `own` are the study's stacks.

        Errors: `InputError` for an unknown stack, part or option.
        """
        from genspace.geometry.perception import STAGES, chosen_parts, find_stack

        named = {stage: choice for stage in STAGES if (choice := getattr(self, stage)) is not None}
        return chosen_parts({**find_stack(self.stack, own).parts, **named})

    def second_detector(self, own: Mapping[str, Mapping[str, PartChoice]]) -> list[ChosenPart]:
        """Return the part that verifies what was not found, serving as a detector alone; none where none is chosen.

        Errors: as for `parts`.
        """
        from genspace.geometry.perception import chosen_parts, find_stack

        if self.verifier is None:
            return []
        chosen = chosen_parts({**find_stack(self.stack, own).parts, "detector": self.verifier})
        return [replace(part, stages=("detector",)) for part in chosen if "detector" in part.stages]


def make(spec: JudgeSpec, context: JudgeContext) -> GeometryJudge:
    """Return the judge for `geometry[:STACK][,STAGE=PART,…]`.

    Errors: `InputError` that says every package and checkpoint that is missing, with the command for each, and for
    unknown parts, options and profiles.

    >>> make(JudgeSpec(name="sees", kind="geometry", model="default,depth=zoedept"), JudgeContext())
    Traceback (most recent call last):
        ...
    genspace.errors.InputError: unknown depth 'zoedept' (did you mean 'zoedepth'?)
    """
    from genspace.geometry.perception.building import make_perception

    options = parse_options(GeometryOptions, replace(spec, options={**_replaced(spec), **spec.options}))
    own = context.study.declared.stacks if context.study else {}
    parts, second = options.parts(own), options.second_detector(own)
    perception, verifier = (
        make_perception(
            chosen,
            device=options.device,
            dtype=options.dtype,
            batch_size=options.batch_size,
            models_in_memory=options.models_in_memory,
            cache_dir=context.cache_dir,
        )
        for chosen in (parts, second)
    )
    perception.check()
    verifier.check()
    profile = load_named_profile(options.profile, context)
    return GeometryJudge(perception, options, parts, profile, verifier if second else None)


def _replaced(spec: JudgeSpec) -> dict[str, str]:
    """Return the stack and the parts named in `geometry:modern,depth=scene,detector=owlv2`."""
    from genspace.geometry.perception import STAGES

    named: dict[str, str] = {}
    for i, entry in enumerate(filter(None, (spec.model or "").split(","))):
        stage, equals, part = (text.strip() for text in entry.partition("="))
        if not equals and i == 0 and stage not in STAGES:
            named["stack"] = stage
        elif equals and stage in STAGES:
            named[stage] = part
        else:
            raise InputError(
                f"judge {spec.name!r}: {entry!r} is not STAGE=PART{did_you_mean(stage, STAGES)}; "
                "for example geometry:depth=zoedepth, or geometry:modern,depth=zoedepth"
            )
    return named


@dataclass
class _SeenRequest:
    """One request on its way: what to look at, or why there is nothing to look at."""

    request: Request
    bound: Bound | None = None
    wanted: tuple[Wanted, ...] = ()
    subjects: tuple[Subject, ...] = ()
    """The image; or the images before and after the edit."""
    failure: str | None = None


@dataclass
class GeometryJudge:
    """Sees images in batches, stage by stage, and decides predicates in the scenes.

    >>> from genspace.geometry.perception import Perception
    >>> from genspace.geometry.profiles import load_profile
    >>> judge = GeometryJudge(Perception({}), GeometryOptions(), parts=(), profile=load_profile("corrected"))
    >>> judge.profile.rules, judge.verifier is None
    ('corrected', True)
    """

    perception: Perception
    options: GeometryOptions
    parts: Sequence[ChosenPart]
    profile: Profile
    verifier: Perception | None = None
    """A second detector, alone."""
    _totals: dict[str, list[float]] = field(default_factory=dict)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of parts, checkpoints, options that change answers, and rules."""
        from genspace.geometry.predicates import plugin_versions

        versions = plugin_versions()
        return fingerprint(
            {
                "kind": "geometry",
                "version": 2,
                "perception": self.perception.fingerprint,
                "profile": self.profile.fingerprint,
                "upright_within_deg": self.options.upright_within_deg,
                **({"predicates": versions} if versions else {}),
                **({"verifier": self.verifier.fingerprint} if self.verifier else {}),
            }
        )

    @cached_property
    def _assembly(self) -> Assembly:
        from genspace.geometry.perception.assemble import Assembly
        from genspace.geometry.perception.stacks import part_names

        return Assembly(parts=part_names(self.parts), upright_within_deg=self.options.upright_within_deg)

    @property
    def _uses_truth(self) -> bool:
        seen_by = [self.perception, *([self.verifier] if self.verifier else [])]
        return any("truth" in part.reads for perception in seen_by for part in perception.parts.values())

    def close(self) -> None:
        """Free the models."""
        self.perception.close()
        if self.verifier is not None:
            self.verifier.close()

    def preview(self, request: Request) -> Preview:
        """Return what would be looked for, with which parts."""
        task = self._task(request)
        if task.failure:
            return Preview.free(f"{request.item.item_id}: {task.failure}")
        looked = ", ".join(w.label for w in task.wanted)
        parts = "\n".join(f"  {stage}: {name}" for stage, name in self._assembly.parts.items())
        text = f"{request.item.item_id}: find {looked} in {request.item.image}; decide: {task.bound}\n{parts}"
        return Preview.free(text)

    def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
        """Yield one verdict per request; an image that cannot be seen is a failed verdict with the part's name."""
        from genspace.geometry.perception import ahead

        # the next images are read and decoded while the models look at these
        waiting = ahead(self._task, requests, most=self.options.at_once)
        started = time.perf_counter()
        while tasks := list(islice(waiting, self.options.at_once)):
            seen = self._see([s for t in tasks for s in t.subjects])
            share = (time.perf_counter() - started) / len(tasks)
            for task in tasks:
                yield replace(self._verdict(task, [seen[_key(s)] for s in task.subjects]), seconds=share)
            started = time.perf_counter()

    def seen(self, request: Request) -> Scene | Pair:
        """Return what perception has of the item's image; see `genspace.judges.Seeing`."""
        from genspace.geometry.perception import Failure

        task = self._task(request)
        if any(s.truth is not None and s.truth.scene.is_truth for s in task.subjects):
            raise InputError("a part of this perception reads the known truth, which no judge is told")
        views = [] if task.failure else [self._see(task.subjects)[_key(s)] for s in task.subjects]
        failure = task.failure or next((v.reason for v in views if isinstance(v, Failure)), None)
        if failure is not None:
            raise InputError(failure)
        return self._scene(task, [v for v in views if not isinstance(v, Failure)])

    def _task(self, request: Request) -> _SeenRequest:
        from genspace.geometry.perception import wanted_from_ids
        from genspace.geometry.predicates import bind

        item = request.item
        try:
            if not item.predicate:
                raise InputError("the item has no predicate, so there is nothing to decide")  # noqa: TRY301
            bound = bind(item.predicate)
            if not item.image:
                raise InputError("the item has no image")  # noqa: TRY301
            if bound.predicate.compares and not item.image_before:
                raise InputError(f"{bound.predicate.name} compares two images, but there is no image_before")  # noqa: TRY301
            wanted = wanted_from_ids(bound.ids)
            return _SeenRequest(
                request, bound, wanted, self._subjects(request, wanted, compares=bound.predicate.compares)
            )
        except InputError as error:
            return _SeenRequest(request, failure=str(error))

    def _subjects(
        self, request: Request, wanted: tuple[Wanted, ...], *, compares: bool
    ) -> tuple[Subject, ...]:
        from genspace.geometry.perception import Subject, read_picture
        from genspace.geometry.perception.truth import KnownScene
        from genspace.geometry.scene import Pair

        item = request.item
        names = [item.image_before, item.image] if compares else [item.image]
        truths: list[KnownScene | None] = [None] * len(names)
        if self._uses_truth:
            known = find_scene(item, request.files)
            pair = (known.before, known.after) if isinstance(known, Pair) else (known, known)
            truths = [KnownScene(scene) for scene in pair[-len(names) :]]
        return tuple(
            Subject(read_picture(request.files.read(name), name), wanted, truth)
            for name, truth in zip(names, truths, strict=True)
            if name
        )

    def _see(self, subjects: Sequence[Subject]) -> dict[Any, StageView | Failure]:
        """Return what is known about each image; one that several items share is seen once."""
        once = {_key(s): s for s in subjects}
        self.perception.report = self._report
        return dict(zip(once, self.perception.run(list(once.values())), strict=True))

    def _report(self, report: StageReport) -> None:
        """Say how a stage goes, now and then: rate, what came from the cache, and the time left."""
        from genspace.geometry.perception.building import say_progress

        say_progress(report, self._totals)

    def _verdict(self, task: _SeenRequest, seen: Sequence[StageView | Failure]) -> Verdict:
        from genspace.geometry.evaluate import evaluate
        from genspace.geometry.perception import Failure
        from genspace.geometry.verdicts import verdict

        failure = task.failure or next((s.reason for s in seen if isinstance(s, Failure)), None)
        if failure is not None or task.bound is None:
            return Verdict.failed(task.request, failure or "nothing to decide")
        views = [s for s in seen if not isinstance(s, Failure)]
        try:
            scene = self._with_absent(task, self._scene(task, views))
            answer = verdict(
                task.request, scene, task.bound, evaluate(scene, task.bound, self.profile), self.profile
            )
        except InputError as error:
            return Verdict.failed(task.request, str(error))
        return replace(answer, details={**answer.details, **_sources(scene)})

    def _with_absent(self, task: _SeenRequest, scene: Scene | Pair) -> Scene | Pair:
        """Return the scene with the names of what the second detector does not find either."""
        from genspace.geometry.detections import assign
        from genspace.geometry.perception import Failure
        from genspace.geometry.perception.labels import canonical
        from genspace.geometry.scene import Pair

        after = scene.after if isinstance(scene, Pair) else scene
        missing = {w.id for w in task.wanted if after.object(w.id) is None}
        if self.verifier is None or not missing:
            return scene
        (view,) = self.verifier.run([task.subjects[-1]])
        if isinstance(view, Failure):
            return scene
        kinds = [canonical(view.labels[i]) for i in view.known["label"]]
        found = assign(kinds, view.known["score"].tolist(), [(w.kind, w.number) for w in task.wanted])
        absent = [w.id for w, i in zip(task.wanted, found, strict=True) if i is None and w.id in missing]
        told = after.changed(absent=tuple(absent))
        return scene.changed(after=told) if isinstance(scene, Pair) else told

    def _scene(self, task: _SeenRequest, views: Sequence[StageView]) -> Scene | Pair:
        from genspace.geometry.perception.assemble import build_pair, build_scene

        item = task.request.item
        if len(views) == 2:
            names = (item.image_before, item.image)
            return build_pair(views[0], views[1], task.wanted, names=names, assembly=self._assembly)
        return build_scene(views[0], task.wanted, image=item.image, assembly=self._assembly).scene


def _key(subject: Subject) -> tuple[Any, ...]:
    truth = id(subject.truth.scene) if subject.truth else None
    return subject.picture.digest, subject.wanted, truth


def _sources(scene: Scene | Pair) -> dict[str, str | None]:
    from genspace.geometry.scene import Pair

    after = scene.after if isinstance(scene, Pair) else scene
    told = {
        "intrinsics": after.camera.intrinsics_source,
        "gravity": after.camera.gravity_source,
        "depth": after.depth_source,
    }
    if isinstance(scene, Pair) and scene.model_extra:
        told["assumed"] = scene.model_extra.get("assumed")
    return told


def attribution(spec: JudgeSpec) -> list[JudgeSpec]:
    """Return the judges that tell what each part of the perception costs: every part in turn replaced by scene truth.

    `geometry[depth=scene]` sees as `geometry` does but for the depth, which it reads from the scene files; its gain
    in agreement is what the depth model costs. The last has all parts replaced: what the rules themselves lose.

    >>> [s.name for s in attribution(JudgeSpec(name="geometry", kind="geometry"))][:2]
    ['geometry[detector=scene]', 'geometry[segmenter=scene]']
    """
    one = [{stage: "scene"} for stage in STAGE_OPTIONS]
    return [
        replace(
            spec,
            name=f"{spec.name}[{','.join(f'{k}={v}' for k, v in changes.items())}]",
            options={**spec.options, **changes},
        )
        for changes in [*one, dict.fromkeys(STAGE_OPTIONS, "scene")]
    ]
