"""Judge `box2d`: spatial relations in the picture from 2D boxes alone, by centroids and overlap.

It decides what boxes can show: left of, right of, above, below. It abstains on everything else, on pairs too close to
call, and on ambiguous pictures. The rules are in `genspace.geometry.boxes2d`.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from genspace.errors import InputError, Problem, did_you_mean, refuse
from genspace.geometry.boxes2d import MARGIN, RELATIONS, SHARE, Detection, Opinion, decide, relate
from genspace.geometry.image_boxes import ImageBox, box_fault, boxes_fault
from genspace.geometry.perception.labels import canonical
from genspace.geometry.predicates import bind, instance_of
from genspace.geometry.scene import Pair
from genspace.judges._protocol import JudgeContext, JudgeSpec, parse_options
from genspace.judges.scene import find_scene
from genspace.records import Item, Measurement, Request, Verdict, fingerprint

__all__ = ["Box2dJudge", "Box2dOptions", "make"]

VERSION = 2


class Box2dOptions(BaseModel):
    """Options of `[judges.NAME] kind = "box2d"`.

    >>> Box2dOptions(rule="visor", min_score=0.3).primary
    'primary'
    """

    model_config = ConfigDict(extra="forbid")
    detections: str | None = Field(
        default=None,
        description="JSONL file, also .gz, with item_id and detections; without it, the boxes of the scene files",
    )
    primary: str = Field(default="primary", description="which detector of the file decides")
    secondary: str | None = Field(
        default="secondary", description="a second detector of the file, whose contrary decision is a veto"
    )
    rule: Literal["margin", "visor", "geneval", "t2i-compbench"] = Field(
        default="margin", description="how two boxes are compared"
    )
    margin: float = Field(
        default=MARGIN,
        gt=0,
        description="rule margin: offset, in mean box sizes, from which a side is certain",
    )
    share: float = Field(
        default=SHARE,
        gt=0.5,
        le=1.0,
        description="rule margin: weight of the pairs of instances that must agree",
    )
    min_score: float = Field(
        default=0.0, ge=0.0, le=1.0, description="leave out detections under this confidence"
    )


@dataclass(frozen=True, slots=True)
class Found:
    """One labelled box."""

    name: str
    """The object's id or class."""
    detection: Detection


class SideRelation(NamedTuple):
    """A relation between two objects as the viewer sees them in the picture."""

    relation: str
    """One of `RELATIONS`."""
    a: str
    b: str

    def __str__(self) -> str:
        return f"{self.a} {self.relation.replace('_', ' ')} {self.b}"


class Unanswerable(Exception):  # noqa: N818 - the reason for an abstention, not a mistake
    """Boxes cannot answer what is asked."""


@dataclass(frozen=True)
class Box2dJudge:
    """Judges relations in the picture from boxes.

    >>> from genspace.judges import make_judge
    >>> boxes = make_judge(JudgeSpec(name="boxes", kind="box2d"), JudgeContext())
    >>> boxes.options.rule, boxes.table is None  # boxes of the scene files
    ('margin', True)
    """

    options: Box2dOptions
    table: Mapping[str, Mapping[str, list[Found]]] | None
    """Boxes by item and detector; None: those of the scene files."""
    fingerprint: str

    def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
        """Yield the verdict on each item."""
        for request in requests:
            try:
                yield self._verdict(request)
            except Unanswerable as reason:
                yield Verdict.abstained(request, str(reason))
            except InputError as error:
                yield Verdict.failed(request, str(error))

    def _verdict(self, request: Request) -> Verdict:
        asked = _asked(request.item)
        detectors = self._detectors(request)
        primary = detectors.get(self.options.primary, [])
        opinion = self._opinion(asked, primary)
        if opinion is None:
            found = zip((asked.a, asked.b), self._found(asked, primary), strict=True)
            missing = [name for name, boxes in found if not boxes]
            return Verdict.abstained(request, f"not found in the picture: {', '.join(missing)}")
        passed = self._decided(opinion)
        seen = {"measurements": (self._measurement(asked, opinion),), "details": {"pairs": opinion.pairs}}
        if passed is None:
            close = opinion.pairs == 1
            why = "the centres are too close to call" if close else "the instances found do not agree"
            return Verdict.abstained(request, f"{asked}: {why}", **seen)
        veto = self._opinion(asked, detectors.get(self.options.secondary or "", []))
        if veto is not None and self._decided(veto) is (not passed):
            return Verdict.abstained(request, f"{asked}: the two detectors contradict each other", **seen)
        share = opinion.score if passed else 1 - opinion.score
        return Verdict.decided(
            request,
            score=opinion.score,
            passed=passed,
            confidence=share * opinion.certainty,
            explanation=f"{asked}: {'yes' if passed else 'no'}; the centres are {opinion.offset:.2f} mean box sizes "
            f"apart in that direction ({opinion.pairs} pair{'s' * (opinion.pairs > 1)} of instances)",
            **seen,
        )

    def _opinion(self, asked: SideRelation, boxes: list[Found]) -> Opinion | None:
        a, b = self._found(asked, boxes)
        return relate(a, b, asked.relation, rule=self.options.rule, margin=self.options.margin)

    def _decided(self, opinion: Opinion) -> bool | None:
        return decide(opinion.score, rule=self.options.rule, share=self.options.share)

    def _found(self, asked: SideRelation, boxes: list[Found]) -> tuple[list[Detection], list[Detection]]:
        """Return the boxes of the two objects asked about.

        A class is all its boxes; where two of one class are asked about, or one by number, `horse` is the best
        detected horse and `horse_2` the second best.
        """
        kinds = [canonical(instance_of(name)[0]) for name in (asked.a, asked.b)]
        numbered = kinds[0] == kinds[1]
        a, b = (self._named(boxes, name, numbered=numbered) for name in (asked.a, asked.b))
        return a, b

    def _named(self, boxes: list[Found], name: str, *, numbered: bool) -> list[Detection]:
        def called(word: str) -> list[Detection]:
            sure = [found for found in boxes if found.detection.score >= self.options.min_score]
            return [found.detection for found in sure if canonical(found.name) == canonical(word)]

        words, number = instance_of(name)
        of_its_own = called(name) if number > 1 else []
        if of_its_own or not (numbered or number > 1):
            return of_its_own or called(words)
        best = sorted(called(words), key=lambda detection: -detection.score)
        return best[number - 1 : number]

    def _measurement(self, asked: SideRelation, opinion: Opinion) -> Measurement:
        by_margin = self.options.rule == "margin"
        return Measurement(
            quantity=f"offset of the centres along {asked}",
            value=opinion.offset,
            unit="ratio",
            inner=-self.options.margin if by_margin else None,
            outer=self.options.margin if by_margin else None,
            score=opinion.score,
            note="in mean sizes of the boxes, the surest pair; the error is the offset to the other side",
        )

    def _detectors(self, request: Request) -> Mapping[str, list[Found]]:
        if self.table is None:
            return {self.options.primary: _boxes_of_scene(request)}
        if request.item.item_id not in self.table:
            raise Unanswerable(f"no detections in {self.options.detections}")
        return self.table[request.item.item_id]


def _asked(item: Item) -> SideRelation:
    """Return the relation that the item's predicate, or its columns relation, object_a, object_b, ask for."""
    if item.predicate is None:
        relation, *objects = (item.extra.get(name) for name in ("relation", "object_a", "object_b"))
        if not (relation and all(objects)):
            raise Unanswerable("no predicate, and no columns relation, object_a and object_b")
        if relation not in RELATIONS:
            raise InputError(f"relation = {relation!r}: unknown{did_you_mean(str(relation), RELATIONS)}")
        return SideRelation(str(relation), *map(str, objects))
    bound = bind(item.predicate)
    relation = bound.word if bound.predicate.name == "image_relation" else f"{bound.word}_of"
    if bound.predicate.name not in {"image_relation", "egocentric"} or relation not in RELATIONS:
        raise Unanswerable(f"2D boxes cannot tell {bound.predicate.name}")
    return SideRelation(relation, *bound.ids)


def _boxes_of_scene(request: Request) -> list[Found]:
    """Return the labelled boxes of the item's scene file; an object goes by its id and by its class."""
    document = find_scene(request.item, request.files)
    scene = document.after if isinstance(document, Pair) else document
    ids = {o.id for o in scene.objects}
    return [
        Found(called, Detection(o.box, 1.0 if o.detection_confidence is None else o.detection_confidence))
        for o in scene.objects
        if o.box is not None
        for called in {o.id, *({o.label} - ids if o.label else ())}
    ]


# Detections of somebody else's -----------------------------------------------------------------------------------


class _FoundBox(BaseModel):
    model_config = ConfigDict(allow_inf_nan=False)
    label: str
    score: float = Field(default=1.0, ge=0.0, le=1.0)
    box: ImageBox

    @field_validator("box")
    @classmethod
    def _possible(cls, box: ImageBox) -> ImageBox:
        if fault := box_fault(box):
            raise ValueError(fault)
        return box


class _Line(BaseModel):
    item_id: str
    detections: dict[str, list[_FoundBox]]

    @field_validator("detections", mode="before")
    @classmethod
    def _of_the_only_detector(cls, rows: Any) -> Any:
        return {_ONLY: rows} if isinstance(rows, list) else rows


_ONLY = ""
"""Name of the detector of a line that names none."""


def read_detections(path: Path, *, primary: str = "primary") -> dict[str, dict[str, list[Found]]]:
    """Return boxes by item and detector from JSONL, also gzipped.

    A line is `{"item_id": …, "detections": {DETECTOR: [{"label", "score", "box"}, …]}}`, or has the list of its only
    detector, `primary`, in place of the table. Errors: `InvalidFilesError` with every wrong line.
    """
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    problems: list[Problem] = []
    found: dict[str, dict[str, list[Found]]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = _Line.model_validate_json(line)
        except ValidationError as error:
            problems += [_problem(str(path), number, e) for e in error.errors(include_url=False)]
            continue
        if row.item_id in found:
            problems.append(
                Problem(str(path), "occurs twice", row=number, field="item_id", value=row.item_id)
            )
        found[row.item_id] = {
            detector or primary: [Found(r.label, Detection(r.box, r.score)) for r in rows]
            for detector, rows in row.detections.items()
        }
    every = (f.detection.box for detectors in found.values() for things in detectors.values() for f in things)
    if not problems and (fault := boxes_fault(every)):
        problems.append(Problem(str(path), fault, field="box"))
    refuse(problems)
    return found


def _problem(file: str, row: int, error: Any) -> Problem:
    field = ".".join(str(part) for part in error["loc"]) or None
    given = error["input"]
    value = given if isinstance(given, str | int | float) or error["type"] == "value_error" else None
    return Problem(file, error["msg"].removeprefix("Value error, "), row=row, field=field, value=value)


def make(spec: JudgeSpec, context: JudgeContext) -> Box2dJudge:
    """Return the judge for `box2d`, `box2d:DETECTIONS.jsonl`, or a `[judges.NAME]` table.

    Errors: `InputError` for a missing file or an unknown detector, `InvalidFilesError` for wrong lines.

    >>> make(JudgeSpec(name="boxes", kind="box2d", options={"rule": "visor"}), JudgeContext()).options.rule
    'visor'
    """
    options = parse_options(Box2dOptions, spec)
    options = options.model_copy(update={"detections": options.detections or spec.model})
    parts = {"kind": "box2d", "version": VERSION, **options.model_dump(exclude={"detections"})}
    if options.detections is None:
        return Box2dJudge(options, None, fingerprint(parts))
    path = Path(options.detections)
    if not path.is_file() and context.study is not None:
        path = context.study.root / options.detections
    table = read_detections(path, primary=options.primary)
    detectors = {name for boxes in table.values() for name in boxes}
    if options.primary not in detectors:
        raise InputError(
            f"{path}: no detector {options.primary!r}{did_you_mean(options.primary, detectors)}; "
            f"say -o {spec.name}.primary=NAME"
        )
    parts["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    return Box2dJudge(options, table, fingerprint(parts))
