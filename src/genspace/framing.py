"""Find whose left people and judges mean: compare their answers with both readings of each item."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from genspace.analysis._estimate import Estimate
from genspace.analysis.frames import SURE, FramedItem, FramedRater, Frames, find_frames, share_of_answers
from genspace.analysis.inference.ceiling import Ceiling, ceiling
from genspace.analysis.question import Question
from genspace.display import Result
from genspace.errors import InputError
from genspace.gather import evidence_of
from genspace.sides import FRAME_QUESTION, FRAMES
from genspace.tables import WORDS, word_key

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from genspace.evidence import Evidence
    from genspace.records import Item
    from genspace.study import Study

    Floats = NDArray[np.float64]

__all__ = [
    "FramedJudge",
    "Framing",
    "FramingDocument",
    "Readings",
    "both_readings",
    "frames",
]

COLUMNS = (("camera_answer", "object_answer"), ("egocentric_answer", "truth"))
"""Columns of the items that hold what is right from the camera and from the object: one's own, those of probes."""


@dataclass(frozen=True)
class Readings:
    """The right answer to each item in the camera's frame and in the object's."""

    camera: Mapping[str, float | None]
    """By item id: 1, 0, or None where it is unknown."""
    object: Mapping[str, float | None]
    source: str
    """Where they come from."""
    unread: Mapping[str, int]
    """Why items have no readings, and how many."""


def both_readings(study: Study) -> Readings:
    """Return both readings of a study's items: from columns of the items table, else from scene files.

    Columns `camera_answer` and `object_answer` hold 1, 0 or nothing; probes have such columns of their own. Without
    them, a predicate about sides is decided in the item's scene file as it stands, and in the other frame.
    """
    columns = study.items_table.columns
    for camera, own in COLUMNS:
        if camera in columns and own in columns:
            return _of_columns(study, camera, own)
    return _of_scenes(study)


def _of_columns(study: Study, camera: str, own: str) -> Readings:
    found: tuple[dict[str, float | None], dict[str, float | None]] = ({}, {})
    unread = Counter[str]()
    for item in study.iter_items():
        for name, into in zip((camera, own), found, strict=True):
            into[item.item_id] = _answer(item, name)
        if None in (found[0][item.item_id], found[1][item.item_id]):
            unread[f"{camera} or {own} is empty"] += 1
    return Readings(*found, f"columns {camera} and {own} of the items", unread)


def _answer(item: Item, column: str) -> float | None:
    text = str(item.extra.get(column) or "").strip()
    if not text:
        return None
    answers = {"1": 1.0, "1.0": 1.0, "0": 0.0, "0.0": 0.0, **WORDS}
    if word_key(text) not in answers:
        raise InputError(f"item {item.item_id}: {column} = {text!r}: 1 or 0 is expected, or nothing")
    return answers[word_key(text)]


def _of_scenes(study: Study) -> Readings:
    from genspace.geometry.evaluate import evaluate
    from genspace.geometry.predicates import bind_known, in_both_frames
    from genspace.judges.scene import NoSceneError, find_scene

    found: dict[str, dict[str, float | None]] = {"camera": {}, "object": {}}
    unread = Counter[str]()
    for item in study.iter_items():
        bound = bind_known(item.predicate) if item.predicate else None
        readings = None if bound is None else in_both_frames(bound)
        if readings is None:
            unread["its predicate has one reading, or it has none"] += 1
            continue
        try:
            scene = find_scene(item, study.files)
        except NoSceneError:
            unread["it has no scene file"] += 1
            continue
        for frame, said in readings.items():
            passed = evaluate(scene, said).passed
            found[frame][item.item_id] = None if passed is None else float(passed)
    return Readings(found["camera"], found["object"], "scene files", unread)


@dataclass(frozen=True, slots=True, kw_only=True)
class FramedJudge:
    """The frame in which a judge answers, and its accuracy in each frame on items where they differ."""

    frame: FramedRater
    right_from_camera: int
    right_from_object: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FramingDocument:
    """Everything that was found about the frames of a study."""

    schema: Literal["genspace-frames/1"] = "genspace-frames/1"
    study: str
    source: str
    """Where both readings come from."""
    telling: int
    """Items whose answers in the two frames are known and differ."""
    people: Frames | None
    """None: nobody answered."""
    stated: Estimate | None = None
    """Share of the object's frame among the answers whose frame raters stated; None: nobody was asked for it."""
    ceilings: Mapping[str, Ceiling] = field(default_factory=dict)
    """Accuracy that the majority of very many raters would reach, on the items that have two readings: of
    "everybody", and of the raters of one frame, "camera" and "object"."""
    judges: tuple[FramedJudge, ...]
    unread: Mapping[str, int]
    """Why items have no readings, and how many."""


@dataclass(frozen=True, repr=False)
class Framing(Result):
    """The frames in which people and judges answer."""

    document: FramingDocument

    def __repr__(self) -> str:
        found = self.document
        raters = 0 if found.people is None else len(found.people.raters)
        return f"<Framing of {found.study!r}: {raters} raters and {len(found.judges)} judges on {found.telling} items>"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per rater and judge: `who, kind, frame, object_frame, answers, telling, slips`."""
        import pandas as pd

        raters = () if self.document.people is None else self.document.people.raters
        everybody = [("rater", r) for r in raters] + [("judge", j.frame) for j in self.document.judges]
        rows = [
            (r.rater, kind, r.frame, r.object_frame, r.answers, r.telling, r.slips) for kind, r in everybody
        ]
        columns = ["who", "kind", "frame", "object_frame", "answers", "telling", "slips"]
        return pd.DataFrame(rows, columns=columns)

    @property
    def ambiguous(self) -> list[FramedItem]:
        """Items on which the two frames surely give different answers."""
        items = () if self.document.people is None else self.document.people.items
        return [item for item in items if item.ambiguous]


def frames(study: Study) -> Framing:
    """Find in which frame of reference people and judges answer.

    Errors: `InputError` where no item is known to have different answers in the two frames, and where people gave
    other answers than yes and no.

    >>> import tempfile
    >>> import pandas as pd
    >>> from pathlib import Path
    >>> from genspace import open_study
    >>> folder, ids = Path(tempfile.mkdtemp()), list("abcdefgh")
    >>> items = pd.DataFrame({"item_id": ids, "camera_answer": [1, 0] * 4, "object_answer": [0, 1] * 4})
    >>> items.to_csv(folder / "items.csv", index=False)
    >>> said = pd.DataFrame({"item_id": ids, "rater_id": "ann", "value": [0, 1] * 4})
    >>> said.to_csv(folder / "annotations.csv", index=False)
    >>> frames(open_study(folder)).to_frame()[["who", "frame"]].to_numpy().tolist()
    [['ann', 'object']]
    """
    evidence, readings = evidence_of(study), both_readings(study)
    answers = evidence.answers
    people = answers[(answers["item_id_b"] == "") & answers["value"].notna() & (answers["excluded"] == "")]
    people, stated = _stated(people[people["rater_id"] != "truth"])
    telling = _telling(_known(readings))
    if not telling and not stated:
        why = "; ".join(f"{count:,} items: {reason}" for reason, count in readings.unread.items())
        raise InputError(
            f"no item is known to have different answers from the camera and from the object "
            f"({why or readings.source}); give columns camera_answer and object_answer for some items, or scene files, "
            'or ask raters (frame = "ask" in annotate.toml)'
        )
    values = set(people["value"].unique().tolist())
    if not values <= {0.0, 1.0}:
        some = ", ".join(f"{value:g}" for value in sorted(values)[:5])
        raise InputError(f"people answered {some} …: frames are told from answers yes (1) and no (0) alone")
    found = _found(people, readings, stated) if len(people) else None
    if found is not None and stated:
        readings = _as_people_say(readings, found)
    known = _known(readings)
    verdicts = evidence.verdicts
    judged = verdicts[
        (verdicts["item_id_b"] == "") & verdicts["passed"].notna() & verdicts["item_id"].isin(known)
    ]
    judged = judged.assign(value=judged["passed"].astype(float), rater_id=judged["judge"])
    document = FramingDocument(
        study=study.settings.name,
        source=readings.source,
        telling=len(_telling(known)),
        people=found,
        stated=_stated_share(people, stated),
        ceilings={} if found is None else _ceilings(evidence, found, readings, people),
        judges=tuple(_judges(judged, readings, known)) if len(judged) and _telling(known) else (),
        unread=dict(readings.unread),
    )
    return Framing(document)


def _stated(people: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, float]]:
    """Split raters by the frame they stated: return the answers with new rater names, and the frame of each name.

    A rater states a frame by answering the question `FRAME_QUESTION`, or is asked in it: question "camera" or "object".
    """
    asked = people["question"] == FRAME_QUESTION
    told = {
        (item, rater): "object" if value >= 0.5 else "camera"
        for item, rater, value in zip(
            *(people.loc[asked, c] for c in ("item_id", "rater_id", "value")), strict=True
        )
    }
    rest = people[~asked]
    frames = [
        question if question in FRAMES else told.get((item, rater))
        for item, rater, question in zip(rest["item_id"], rest["rater_id"], rest["question"], strict=True)
    ]
    names = [r if f is None else f"{r}, {f}" for r, f in zip(rest["rater_id"], frames, strict=True)]
    fixed = {n: float(f == "object") for n, f in zip(names, frames, strict=True) if f is not None}
    return rest.assign(rater=rest["rater_id"], rater_id=names), fixed


def _stated_share(people: pd.DataFrame, stated: Mapping[str, float]) -> Estimate | None:
    """Return the mean over raters of the share of stated frames that are the object's."""
    said = people[people["rater_id"].isin(stated) & ~people["question"].isin(FRAMES)]
    if not len(said):
        return None
    own = said["rater_id"].map(stated).groupby(said["rater"])
    return share_of_answers([(float(each.sum()), float(len(each))) for _, each in own])


def _as_people_say(readings: Readings, found: Frames) -> Readings:
    """Return readings completed from people's answers, where these determine both."""
    camera, own = dict(readings.camera), dict(readings.object)
    for item in found.items:
        for into, yes in ((camera, item.camera), (own, item.object)):
            if into.get(item.item_id) is None and max(yes, 1 - yes) >= SURE:
                into[item.item_id] = float(yes > 0.5)
    return replace(readings, camera=camera, object=own, source=f"{readings.source}, and what people stated")


def _known(readings: Readings) -> dict[str, tuple[float, float]]:
    both = ((i, camera, readings.object.get(i)) for i, camera in readings.camera.items())
    return {i: (camera, own) for i, camera, own in both if camera is not None and own is not None}


def _telling(known: Mapping[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    return {i: both for i, both in known.items() if both[0] != both[1]}


def _found(
    said: pd.DataFrame, readings: Readings, stated: Mapping[str, float] = MappingProxyType({})
) -> Frames:
    import numpy as np

    table = said.pivot_table(index="item_id", columns="rater_id", values="value", aggfunc="mean").round()
    items = [str(i) for i in table.index]
    nan = float("nan")

    def known(of: Mapping[str, float | None]) -> Floats:
        return np.array([nan if of.get(i) is None else of[i] for i in items], dtype=float)

    return find_frames(
        table.to_numpy(dtype=float),
        known(readings.camera),
        known(readings.object),
        raters=[str(r) for r in table.columns],
        items=items,
        stated=np.array([stated.get(str(r), nan) for r in table.columns]),
    )


def _ceilings(
    evidence: Evidence, found: Frames, readings: Readings, people: pd.DataFrame
) -> dict[str, Ceiling]:
    import numpy as np

    frames = {r.rater: r.frame for r in found.raters}
    frame_of = {
        (question, item, rater): frames[name]
        for question, item, rater, name in zip(
            *(people[c] for c in ("question", "item_id", "rater", "rater_id")), strict=True
        )
    }
    asked = [frame for frame in FRAMES if frame in evidence.questions]

    def among(question: str | None, wanted: Collection[str | None]) -> Ceiling:
        units = Question.of(evidence, question).singles
        said, items = units.people, units.units["item_id"].astype(str).to_numpy()
        rows = np.array(
            [(readings.camera.get(i), readings.object.get(i)) != (None, None) for i in items], dtype=bool
        )
        asked_as = evidence.questions[0] if question is None else question
        kept = np.array(
            [[frame_of.get((asked_as, i, rater), "") in wanted for rater in said.raters] for i in items[rows]]
        ).reshape(rows.sum(), len(said.raters))
        columns = np.asarray(kept.any(axis=0))
        ratings = np.where(kept, said.ratings[rows], np.nan)[:, columns]
        names = tuple(name for name, known in zip(said.raters, columns, strict=True) if known)
        return ceiling(
            replace(said, ratings=ratings, asked=said.asked[rows], raters=names),
            units.prompt[rows],
            "accuracy",
        )

    if asked:  # each frame has a question of its own
        return {frame: among(frame, FRAMES) for frame in asked}
    return {"everybody": among(None, (*FRAMES, None))} | {frame: among(None, (frame,)) for frame in FRAMES}


def _judges(
    judged: pd.DataFrame, readings: Readings, known: Mapping[str, tuple[float, float]]
) -> Iterator[FramedJudge]:
    telling = _telling(known)
    found = {rater.rater: rater for rater in _found(judged, readings).raters}
    for name, rows in judged.groupby("judge"):
        told = [
            (telling[i], value)
            for i, value in zip(rows["item_id"], rows["value"], strict=True)
            if i in telling
        ]
        yield FramedJudge(
            frame=found[str(name)],
            right_from_camera=sum(value == camera for (camera, _), value in told),
            right_from_object=sum(value == own for (_, own), value in told),
        )
