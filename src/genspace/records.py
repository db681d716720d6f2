"""The records that all rooms share: items, requests, verdicts, measurements, a study's settings.

They are frozen and validated where they are made. Nothing here does I/O or imports a heavy package.

Longer than 400 lines: most of it is the documentation of the records that every room speaks.
"""

from __future__ import annotations

import hashlib
import json
import math
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, get_args

from genspace.display import Displayed

__all__ = [
    "ANSWERS_FILE",
    "DESIGN_FILE",
    "ITEM_COLUMNS",
    "MAX_ORDINAL_VALUES",
    "PAIR_SUFFIX",
    "ROLES",
    "SCENE_SUFFIX",
    "TRUTH_RATER",
    "Declared",
    "Files",
    "Item",
    "JsonValue",
    "JudgeMark",
    "JudgeVariant",
    "Measurement",
    "PairCoding",
    "Reference",
    "Request",
    "Role",
    "Status",
    "StudySettings",
    "ValueType",
    "Verdict",
    "beside",
    "fingerprint",
    "infer_value_type",
    "reference_of",
    "scene_names",
]

JsonValue = None | bool | int | float | str | list["JsonValue"] | dict[str, "JsonValue"]
Status = Literal["decided", "abstained", "failed"]
ValueType = Literal["binary", "ordinal", "continuous"]
Role = Literal["main", "gold", "training", "extra"]
"""Purpose of a person's answer: the study, a check by a known answer, practice, or labels only (no reliability)."""
ROLES = get_args(Role)
Reference = Literal["people", "the known truth"]
"""What judges are compared with, in words."""

ITEM_COLUMNS = ("item_id", "image", "image_before", "prompt", "prompt_id", "generator", "predicate")
"""Columns of the items table with a meaning of their own; every other column is a breakdown."""

SCENE_SUFFIX, PAIR_SUFFIX = ".scene.json", ".pair.json"
"""Endings of scene files, in place of the image's own; of an edit's two scenes in one."""
DESIGN_FILE, ANSWERS_FILE = "annotate.toml", "answers.sqlite"
"""Files of a study in which `genspace annotate` asks people."""

MAX_ORDINAL_VALUES = 11
"""Most distinct whole numbers that count as an ordinal scale where none is declared."""


def infer_value_type(values: Iterable[float]) -> ValueType:
    """Return the kind of values: {0, 1} binary, few whole numbers ordinal, otherwise continuous.

    >>> infer_value_type([0.0, 1, 1]), infer_value_type([1, 5, 3]), infer_value_type([0.2, 0.7])
    ('binary', 'ordinal', 'continuous')
    """
    distinct = {float(value) for value in values}
    if distinct <= {0.0, 1.0}:
        return "binary"
    whole = all(value.is_integer() for value in distinct)
    return "ordinal" if whole and len(distinct) <= MAX_ORDINAL_VALUES else "continuous"


TRUTH_RATER = "truth"
"""Rater id of the known truth, as of rendered scenes; it is not a person."""


def reference_of(raters: Iterable[object]) -> Reference:
    """Return what a study's judges are compared with: the known truth where it is the only rater, else people.

    >>> reference_of(["truth"]), reference_of(["truth", "ann"]), reference_of([])
    ('the known truth', 'people', 'people')
    """
    return "the known truth" if set(raters) == {TRUTH_RATER} else "people"


class Files(Protocol):
    """Read access to a study's files by the names that stand in its tables; no name leaves the study.

    >>> class Held(dict):
    ...     def read(self, name):
    ...         return self[name]
    ...     def exists(self, name):
    ...         return name in self
    >>> files: Files = Held({"7.png": b"..."})
    >>> files.exists("7.png"), files.exists("8.png")
    (True, False)
    """

    def read(self, name: str) -> bytes:
        """Return the file's bytes. Errors: `InputError` for a name that leaves the study or is absent."""
        ...

    def exists(self, name: str) -> bool:
        """Whether the file is there. Errors: `InputError` for a name that leaves the study."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Item(Displayed):
    """One thing to judge: an image, its prompt, and the predicate to check.

    >>> item = Item(item_id="7", image="7.png", prompt="a cat on a sofa", generator="sdxl")
    >>> item.prompt, item.predicate
    ('a cat on a sofa', None)
    """

    item_id: str
    """Unique in the study."""
    image: str | None = None
    """Name of the image file, relative to the study's images."""
    image_before: str | None = None
    """Name of the image before the edit; None for text-to-image items."""
    prompt: str | None = None
    """What the generator was asked for."""
    prompt_id: str | None = None
    """Items made from one prompt share it; prompts are the resampling unit of every headline statistic."""
    generator: str | None = None
    """The system that made the image."""
    predicate: str | None = None
    """What must hold, as a call: `object_distance(cat, chair, value_m=0.8)`."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Every other column of the items table."""


def scene_names(item: Item) -> Iterator[str]:
    """Yield the names under which an item's scene file may lie, the likeliest first.

    >>> list(scene_names(Item(item_id="7", image="cats/a.png", image_before="b.png")))
    ['cats/a.pair.json', '7.pair.json']
    """
    stated = item.extra.get("scene")
    if isinstance(stated, str) and stated:
        yield stated
    for suffix in (PAIR_SUFFIX,) if item.image_before else (SCENE_SUFFIX, PAIR_SUFFIX):
        if item.image:
            yield beside(item.image, suffix)
        yield f"{item.item_id}{suffix}"


def beside(image: str, suffix: str) -> str:
    """Return the name of the file beside an image.

    >>> beside("cats/a.png", ".scene.json")
    'cats/a.scene.json'
    """
    return posixpath.splitext(image)[0] + suffix


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The input of a judge: one item, or two for a pairwise protocol.

    >>> class NoFiles:
    ...     def read(self, name):
    ...         raise InputError(f"{name}: there are no files here")
    ...
    ...     def exists(self, name):
    ...         return False
    >>> Request(item=Item(item_id="7"), repeat=1, files=NoFiles()).key
    ('7', None, None, 1)
    """

    item: Item
    other: Item | None = None
    """The second item of a pairwise comparison."""
    question: str | None = None
    """Name of the question, where a study asks several."""
    repeat: int = 0
    """Index of the repeat, for judges that are random; part of every cache key."""
    files: Files
    """Where the images and scene files are read from."""

    @property
    def key(self) -> tuple[str, str | None, str | None, int]:
        """What identifies the request: item, second item, question, repeat."""
        return (self.item.item_id, self.other.item_id if self.other else None, self.question, self.repeat)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement(Displayed):
    """One constraint of a verdict: the measured value, the target, and the score.

    >>> Measurement(quantity="distance", value=0.9, unit="m", target=1.0, inner=0.1, outer=0.5, score=1.0).score
    1.0
    """

    quantity: str
    """What was measured, in words: "azimuth to the camera"."""
    value: float | None
    """The measured value in `unit`; None when it could not be measured."""
    unit: str
    """"deg", "m", "ratio", "px", "probability" or ""."""
    target: float | None = None
    """The wanted value, in `unit`."""
    inner: float | None = None
    """Error up to which the score is 1, in the unit of the error."""
    outer: float | None = None
    """Error from which the score is 0, in the unit of the error."""
    score: float | None = None
    """Score of this constraint in [0, 1]; None when it could not be measured."""
    note: str | None = None
    """Why it could not be measured, or how it was."""


MEASURED = tuple(Measurement.__dataclass_fields__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict(Displayed):
    """A judge's answer to one request.

    A null score is an abstention or a failure. `status` says which, and `reason` says why; it is never a 0. Make one
    with `Verdict.decided`, `Verdict.abstained` or `Verdict.failed`. The runner sets `judge` and `fingerprint`.

    >>> Verdict(item_id="7", score=0.8, passed=True).status
    'decided'
    >>> Verdict(item_id="7", status="abstained", reason="the cat is not visible").score is None
    True
    >>> Verdict(item_id="7", status="abstained")
    Traceback (most recent call last):
        ...
    ValueError: 7: abstained verdicts need a reason
    """

    item_id: str
    item_id_b: str | None = None
    question: str | None = None
    repeat: int = 0
    judge: str = ""
    """Name of the judge, stamped by the runner."""
    fingerprint: str = ""
    """Digest of everything that can change the judge's answer, stamped by the runner."""
    status: Status = "decided"
    score: float | None = None
    """In [0, 1] for built-in judges; None unless decided."""
    passed: bool | None = None
    """The judge's decision; None when it gives only a score."""
    confidence: float | None = None
    """The judge's confidence in its own verdict, in [0, 1]."""
    reason: str | None = None
    """Why it abstained or failed; required unless decided."""
    explanation: str | None = None
    """What was seen, in a sentence or two for people."""
    measurements: tuple[Measurement, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    """Anything else worth keeping (raw answers, parts used); JSON values only."""
    seconds: float | None = None
    tokens: int | None = None
    cost_usd: float | None = None

    def __post_init__(self) -> None:
        if self.status == "decided":
            if self.score is None and self.passed is None:
                raise ValueError(f"{self.item_id}: a decided verdict needs a score or a decision")
            if self.score is not None and not math.isfinite(self.score):
                raise ValueError(f"{self.item_id}: score {self.score} is not a finite number")
        elif self.score is not None or self.passed is not None:
            raise ValueError(f"{self.item_id}: {self.status} verdicts hold neither score nor decision")
        elif not self.reason:
            raise ValueError(f"{self.item_id}: {self.status} verdicts need a reason")

    @classmethod
    def decided(
        cls, request: Request, *, score: float | None, passed: bool | None = None, **fields: Any
    ) -> Verdict:
        """Return a verdict with a score, a decision, or both."""
        return cls(**_key_fields(request), score=score, passed=passed, **fields)

    @classmethod
    def abstained(cls, request: Request, reason: str, **fields: Any) -> Verdict:
        """Return an abstention with the reason."""
        return cls(**_key_fields(request), status="abstained", reason=reason, **fields)

    @classmethod
    def failed(cls, request: Request, reason: str, **fields: Any) -> Verdict:
        """Return a failure with the error; `genspace judge --retry errors` asks again."""
        return cls(**_key_fields(request), status="failed", reason=reason, **fields)

    @property
    def key(self) -> tuple[str, str | None, str | None, int]:
        """The key of the request this answers."""
        return (self.item_id, self.item_id_b, self.question, self.repeat)

    def stamped(self, *, judge: str, fingerprint: str) -> Verdict:
        """Return the same verdict with the judge's name and fingerprint."""
        found = object.__new__(Verdict)  # what is valid stays valid
        for name in SAID:
            object.__setattr__(found, name, getattr(self, name))
        object.__setattr__(found, "judge", judge)
        object.__setattr__(found, "fingerprint", fingerprint)
        return found

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary without empty fields."""
        found = {name: value for name in SAID if (value := getattr(self, name)) is not None}
        found["measurements"] = [{name: getattr(m, name) for name in MEASURED} for m in self.measurements]
        for name in ("measurements", "details"):
            if not found[name]:
                del found[name]
        return found

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Verdict:
        """Read what `to_json` wrote; unknown keys of newer versions are kept in `details`.

        Errors: `ValueError` or `TypeError` for a document that is not a verdict.
        """
        known = {k: v for k, v in document.items() if k in cls.__dataclass_fields__}
        unknown = {k: v for k, v in document.items() if k not in known}
        known["measurements"] = tuple(Measurement(**m) for m in known.get("measurements", ()))
        if unknown:
            known["details"] = {**known.get("details", {}), **unknown}
        return cls(**known)


SAID = tuple(Verdict.__dataclass_fields__)


def _key_fields(request: Request) -> dict[str, Any]:
    item_id, item_id_b, question, repeat = request.key
    return {"item_id": item_id, "item_id_b": item_id_b, "question": question, "repeat": repeat}


@dataclass(frozen=True, slots=True)
class JudgeVariant:
    """A judge that is another one with some options changed.

    >>> JudgeVariant("geometry", "depth=scene").base
    'geometry'
    """

    base: str
    """Name of the other judge."""
    replaced: str
    """What was changed, as it was written: "depth=scene"."""


@dataclass(frozen=True, slots=True)
class JudgeMark:
    """The fingerprint and settings of a judge when it gave the verdicts that count.

    >>> JudgeMark(fingerprint="3f…", settings={"kind": "vlm", "model": "gpt-4.1"}).settings["model"]
    'gpt-4.1'
    """

    fingerprint: str | None = None
    """Digest of everything that can change its answers; None for scores made elsewhere."""
    settings: Mapping[str, str] = field(default_factory=dict)
    """Kind, model and options of its `[judges.NAME]` table, as text."""


@dataclass(frozen=True, slots=True)
class PairCoding:
    """How people's answers about pairs are coded in a table.

    >>> PairCoding(first=1, second=2, tie=0).second
    2
    """

    first: float = 1.0
    """The first item is better."""
    second: float = 0.0
    """The second item is better."""
    tie: float = 0.5
    """Neither is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudySettings:
    """What a study declares about its ratings and metrics; None means: infer it from the data.

    >>> settings = StudySettings(name="pilot", raters="person", positive_from=4, lower_is_better=("mse",))
    >>> settings.name, settings.value_type
    ('pilot', None)
    """

    name: str = "study"
    question: str | None = None
    """The question that people were asked, in words."""
    raters: Literal["person", "slot"] | None = None
    """Whether a rater_id is one person throughout, or a place in a list; None: unknown, treated as slots."""
    value_type: ValueType | None = None
    scale_min: float | None = None
    scale_max: float | None = None
    positive_from: float | None = None
    """A mean rating at or above it counts as a human "yes"."""
    sampling: Literal["random", "stratified"] | None = None
    """How the labelled items were drawn from all items."""
    primary: str | None = None
    """The declared primary figure; None: by value type."""
    breakdowns: tuple[str, ...] = ()
    """Columns of items to break figures down by."""
    lower_is_better: tuple[str, ...] = ()
    """Metrics whose low scores are good."""
    derived: tuple[str, ...] = ()
    """Metrics computed from the people's ratings themselves: shown, marked, never ranked."""
    missing: tuple[str, ...] = ()
    """Cells of the people's answers that mean "no answer": numbers, however they are written, or words."""
    pairs: PairCoding = PairCoding()
    """How answers about pairs are written in tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What a user declares about ratings and scores beside study.toml, which it overrides; None or empty: nothing."""

    lower_is_better: tuple[str, ...] = ()
    """Metrics whose low scores are good, besides those of study.toml."""
    scale: tuple[float, float] | None = None
    """Ends of the people's scale."""
    value_type: ValueType | None = None
    positive_from: float | None = None
    """A mean rating at or above it counts as a human "yes"."""
    missing: tuple[str, ...] = ()
    """Cells of the people's answers that mean "no answer", besides those of study.toml."""
    drafts: bool = False
    """Whether judges that are drafts are read."""

    def __post_init__(self) -> None:
        if self.scale is not None and self.scale[0] >= self.scale[1]:
            raise ValueError(
                f"the scale goes from {self.scale[0]:g} to {self.scale[1]:g}; give the lower end first"
            )
        if self.scale is not None and self.positive_from is not None:
            low, high = self.scale
            if not low <= self.positive_from <= high:
                raise ValueError(
                    f"positive_from = {self.positive_from:g} lies off the scale, {low:g} to {high:g}"
                )

    def over(self, settings: StudySettings) -> StudySettings:
        """Return a study's settings with what is declared here.

        >>> Declared(scale=(1, 5), missing=("-1",)).over(StudySettings(scale_max=7)).scale_max
        5
        """
        low, high = self.scale or (settings.scale_min, settings.scale_max)
        return replace(
            settings,
            lower_is_better=tuple(dict.fromkeys((*settings.lower_is_better, *self.lower_is_better))),
            scale_min=low,
            scale_max=high,
            value_type=self.value_type or settings.value_type,
            positive_from=settings.positive_from if self.positive_from is None else self.positive_from,
            missing=tuple(dict.fromkeys((*settings.missing, *self.missing))),
        )


def uniform(text: str) -> float:
    """Return a number in [0, 1) that depends on the text alone, the same on every machine.

    >>> uniform("0/a") == uniform("0/a") != uniform("0/b")
    True
    """
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7]) / 2**56


def fingerprint(parts: Mapping[str, Any]) -> str:
    """Return a short digest of JSON-ready parts, the same on every machine.

    >>> fingerprint({"kind": "table", "version": 1}) == fingerprint({"version": 1, "kind": "table"})
    True
    """
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
