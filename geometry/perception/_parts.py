"""What a perception part is: one replaceable step from pixels to a scene.

A part reads some of what is known about an image and gives more: named arrays. The table `STAGES` says which arrays
belong to which stage; a part may serve several. It is handed what it declares to read and nothing else, and may give
what it declares to give and nothing else: so what its answer depends on is known, and an answer that is kept can be
found again by it. Order, batches, caches, checks and failures are the pipeline's.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from genspace.errors import GenspaceError, InputError
from genspace.geometry.perception.images import Picture

if TYPE_CHECKING:
    from pydantic import BaseModel

    from genspace.archives import Archive
    from genspace.geometry.perception.truth import KnownScene

Arrays = Mapping[str, NDArray[Any]]


class PerceptionError(GenspaceError):
    """A part failed on an image, or gave an impossible answer. The image gets a failed verdict."""


@dataclass(frozen=True)
class Stage:
    """One stage of perception: its purpose and its arrays.

    Shapes are written with N objects, H rows and W columns; `optional` arrays may be left out.

    >>> sorted(STAGES["detector"].arrays)
    ['boxes', 'label', 'score']
    """

    name: str
    does: str
    gives: Mapping[str, str]
    optional: Mapping[str, str] = field(default_factory=dict)
    needed: bool = True
    """Whether a scene cannot be made without it."""

    @property
    def arrays(self) -> Mapping[str, str]:
        """Shapes of all its arrays by name."""
        return {**self.gives, **self.optional}


STAGES: dict[str, Stage] = {
    stage.name: stage
    for stage in (
        Stage(
            "detector",
            "finds the named objects",
            {"boxes": "N 4", "label": "N", "score": "N"},
        ),
        Stage("segmenter", "says which pixels belong to each object", {"masks": "N H W", "mask_score": "N"}),
        Stage("depth", "metres from the camera plane, at every pixel", {"depth": "H W"}),
        Stage("intrinsics", "focal length and principal point, in pixels", {"K": "3 3"}),
        Stage("gravity", "which way is down in the camera's frame", {"gravity": "3"}),
        Stage(
            "orientation",
            "which way each object faces, relative to its viewing ray",
            {"azimuth_deg": "N", "confidence": "N", "ray": "N 3"},
            {"polar_deg": "N", "rotation_deg": "N", "has_front": "N"},
        ),
        Stage(
            "boxes3d",
            "each object's whole box in the camera's frame, where a part measures it by itself",
            {"centre": "N 3", "extent": "N 3", "rotation": "N 3 3"},
            needed=False,
        ),
    )
}
"""The stages by name, in the order in which they are listed to people."""

UNKNOWN = frozenset(
    {"azimuth_deg", "polar_deg", "rotation_deg", "confidence", "centre", "extent", "rotation"}
)
"""Arrays in which NaN says that the value of one object is not known: of `azimuth_deg`, that its front is not.

`has_front` says so by -1; 0 is an object without a front, 1 one with a front.
"""

GUESS = "guess"
"""How the source of a value begins that was not measured or read but assumed."""


def source_of(array: str) -> str:
    """Return the name of the array that holds an array's source: one text, or one per object.

    >>> source_of("depth")
    'depth_source'
    """
    return f"{array}_source"


def is_guess(source: object) -> bool:
    """Whether a source says that the value was assumed.

    >>> is_guess("guess: level camera"), is_guess("GeoCalib")
    (True, False)
    """
    return str(source).startswith(GUESS)


def array_shape(name: str) -> str | None:
    """Return the shape of a stage's array, such as "N 4", or None for a name that no stage knows."""
    return next((s.arrays[name] for s in STAGES.values() if name in s.arrays), None)


def per_object(name: str) -> bool:
    """Whether an array has one row per object."""
    return (array_shape(name) or "").startswith("N")


def stages_of(gives: Iterable[str]) -> tuple[str, ...]:
    """Return the stages that these arrays can serve.

    >>> stages_of(["depth", "K"]), stages_of(["boxes", "label"])
    (('depth', 'intrinsics'), ())
    """
    names = set(gives)
    return tuple(stage.name for stage in STAGES.values() if set(stage.gives) <= names)


@dataclass(frozen=True)
class StageView:
    """What is known about one image; a part is handed the arrays that it declares."""

    picture: Picture
    known: Arrays = field(default_factory=dict)
    """Arrays by name. Boxes are (u0, v0, u1, v1) in working pixels; `label` indexes `labels`."""
    truth: KnownScene | None = None
    """The scene file beside the image: known truth, or somebody else's perception."""

    @property
    def pixels(self) -> NDArray[np.uint8]:
        """RGB, (H, W, 3)."""
        return self.picture.pixels

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in working pixels."""
        height, width = self.pixels.shape[:2]
        return height, width

    @property
    def labels(self) -> tuple[str, ...]:
        """What to look for, in the words of the user, each once."""
        return tuple(map(str, self.known["labels"]))

    def guessed(self, array: str) -> NDArray[np.bool_]:
        """Return whether an array that the part declares is a guess, (), or for which objects it is, (N,)."""
        self.known[array]  # declared, or an error
        sources = np.atleast_1d(self.known.get(source_of(array), np.array("")))
        flags: NDArray[np.bool_] = np.array([is_guess(s) for s in sources.ravel().tolist()])
        return flags if np.ndim(self.known.get(source_of(array), "")) else flags[0]

    def source(self, array: str) -> str:
        """Return where an array comes from; "not said" where that is not known."""
        return str(self.known.get(source_of(array), "not said"))

    def sources(self, array: str) -> tuple[str, ...]:
        """Return where each object's row of an array comes from."""
        source = self.known.get(source_of(array), np.array("not said"))
        return tuple(map(str, np.broadcast_to(source, len(self.known[array])).tolist()))

    def handed_to(self, part: Part) -> StageView:
        """Return the view that a part is handed: the picture, and what the part declares of the rest."""
        names = {*part.reads, *part.uses}
        shown = {key: self.known[key] for key in names if key in self.known}
        marks = {source_of(k): _marks(self.known[source_of(k)]) for k in shown if source_of(k) in self.known}
        return replace(
            self,
            known=_DeclaredArrays({**shown, **marks}, declared=names, part=part.name),
            truth=self.truth if "truth" in names else None,
        )


def _marks(source: NDArray[Any]) -> NDArray[Any]:
    """Reduce sources to whether they are guesses: an answer must not depend on more."""
    flags = [GUESS if is_guess(s) else "" for s in np.ravel(source).tolist()]
    return np.array(flags, dtype=f"U{len(GUESS)}").reshape(np.shape(source))


class _DeclaredArrays(dict[str, NDArray[Any]]):
    """The arrays that a part declares to read. Reading another is an error of the part."""

    def __init__(self, arrays: Arrays, *, declared: Iterable[str], part: str) -> None:
        super().__init__(arrays)
        self._declared, self._part = {*declared, *map(source_of, declared)}, part

    def __missing__(self, name: str) -> NDArray[Any]:
        self._check(name)
        raise PerceptionError(f"{self._part}: there is no {name!r} in this view")

    def __contains__(self, name: object) -> bool:
        self._check(name)
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return an array, or the default where there is none."""
        self._check(name)
        return super().get(name, default)

    def _check(self, name: object) -> None:
        if name not in self._declared:
            raise InputError(f"{self._part}: reads {name!r} without declaring it; add it to its `reads`")


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Where and how models run. Only `dtype` can change an answer, so only it is fingerprinted.

    >>> Runtime(device="cpu", dtype="bfloat16").device
    'cpu'
    """

    device: str = "auto"
    """"cpu", "cuda", "cuda:1", "mps", or "auto": the best one there is."""
    dtype: str = "auto"
    """"float32", "tf32", "bfloat16", "float16", or "auto": on a GPU what the part says is safe, else float32.

    "tf32" keeps numbers in float32 and lets GPUs multiply matrices with the 11 bits of float16.
    """

    def resolved(self, *, gpu_dtype: str = "float16") -> Runtime:
        """Return the same with "auto" decided for this machine. Imports torch.

        `gpu_dtype` is what "auto" means on a GPU. bfloat16 keeps 8 bits: it rounds a depth of 4 m to 16 mm and
        a box to 1/256 of the image, so no part chooses it by itself.
        """
        from genspace.checkpoints import pick_device

        device = pick_device(self.device)
        dtype = self.dtype
        if dtype == "auto":
            dtype = gpu_dtype if device.startswith("cuda") else "float32"
        return Runtime(device=device, dtype=dtype)

    @property
    def torch_dtype(self) -> Any:
        """The torch dtype of a resolved runtime."""
        from genspace.checkpoints import require_torch

        return getattr(require_torch("running models"), "float32" if self.dtype == "tf32" else self.dtype)

    @contextmanager
    def inference(self) -> Iterator[None]:
        """Run models without gradients, in the precision of a resolved runtime."""
        from genspace.checkpoints import require_torch

        torch = require_torch("running models")
        before = torch.get_float32_matmul_precision()
        torch.set_float32_matmul_precision("high" if self.dtype == "tf32" else "highest")
        try:
            with torch.inference_mode():
                yield
        finally:
            torch.set_float32_matmul_precision(before)


class Part(ABC):
    """One perception part, ready to run. Its model is loaded when it is first needed."""

    reads: ClassVar[tuple[str, ...]] = ()
    """Arrays of other parts that it needs, and "labels" or "truth"."""
    uses: ClassVar[tuple[str, ...]] = ()
    """Arrays that it makes use of where another part gives them."""
    gives: ClassVar[tuple[str, ...]]
    """Arrays that it gives, all of them for every image: those of one stage or of several."""
    cached: ClassVar[bool] = True
    """Whether its outputs are worth keeping on disk; what "truth" tells is never kept."""

    @property
    def name(self) -> str:
        """Its name in messages and sources."""
        return f"{'+'.join(stages_of(self.gives))} {type(self).__name__}"

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Digest of everything that can change its answer: checkpoint, revision, options, precision."""

    @abstractmethod
    def run(self, views: Sequence[StageView]) -> Sequence[Arrays]:
        """Return the arrays that it gives for each view. All views of one call have the same size.

        Beside an array may stand where it comes from (`source_of`): one text, or one per object; a source that
        begins with "guess" marks what was assumed. Where none stands, the source is the part's name.
        Errors: `PerceptionError` when it cannot see. Any exception fails only the image that causes it, but for
        `InputError`, which stops the run.
        """

    def problem(self) -> str | None:
        """Return what is missing before it can run, with the command that mends it; None: ready."""
        return None

    def close(self) -> None:  # noqa: B027 - not abstract: parts without a model have nothing to free
        """Free the model's memory; the next `run` loads it again."""


@dataclass(frozen=True)
class Checkpoint:
    """Weights that a part can run with."""

    name: str
    """Hugging Face repository, with ":file" where a repository holds several; or what torch.hub loads."""
    licence: str
    _: KW_ONLY
    megabytes: int
    """Approximate download size."""
    note: str = ""
    """When to choose it."""
    gated: bool = False
    """Whether its licence must be accepted on the web first."""
    archives: tuple[Archive, ...] = ()
    """The archives that hold its files, for what is on no hub."""


@dataclass(frozen=True, kw_only=True)
class PartKind:
    """How parts of one kind are made. The registry and plugins hold these."""

    stages: tuple[str, ...]
    """The stages that its parts can serve: one, or several that one model sees at once."""
    name: str
    does: str
    """For `genspace models list`: what it gives, in a few words."""
    make: Callable[[Any, Any, Runtime], Part]
    """Called with the chosen checkpoint (None where there are none), the checked options and the runtime."""
    needs: str = "genspace[models]"
    """What must be installed with pip before it can run."""
    checkpoints: tuple[Checkpoint, ...] = ()
    """The first is the default; any other name of the same architecture may be given too."""
    options: type[BaseModel] | None = None
    fetch: Callable[[Checkpoint], object] | None = None
    """Downloads a checkpoint; None: the Hugging Face hub does."""

    def __call__(self) -> PartKind:
        """Return itself: what an entry point loads may be a kind or a function that returns one."""
        return self

    def key(self, stage: str) -> str:
        """Name in the registry: "depth.zoedepth"."""
        return f"{stage}.{self.name}"

    def fetch_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Download a checkpoint. Errors: `InputError` that says what to do."""
        from genspace.checkpoints import fetch_from_hub

        if self.fetch is not None:
            self.fetch(checkpoint)
        elif not checkpoint.archives:
            fetch_from_hub(checkpoint.name)
