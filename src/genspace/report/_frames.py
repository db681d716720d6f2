"""Sentences and table of the frames of people and judges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genspace.display import View
from genspace.readings import counted
from genspace.report._table import figure_text, number, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genspace.analysis.frames import FramedRater
    from genspace.framing import Framing

NAMES = {"camera": "the camera's", "object": "the object's own", None: "not known"}

WHOSE = {
    "everybody": "of all raters together",
    "camera": "of those who answer as the camera sees it",
    "object": "of those who answer from the object",
}


def framing(result: Framing) -> View:
    """Everybody's frame, people first."""
    document = result.document
    rows = [] if document.people is None else [_row(rater, "", "") for rater in document.people.raters]
    rows += [
        _row(
            j.frame,
            f"{j.right_from_camera} of {j.frame.telling}",
            f"{j.right_from_object} of {j.frame.telling}",
        )
        for j in document.judges
    ]
    head = (
        "", "left and right are", "chance of the object's", "answers", "telling", "slips", "as the camera",
        "as the object",
    )  # fmt: skip
    return View(f"Whose left: {document.study}", list(_sentences(result)), head, rows)


def _row(rater: FramedRater, camera: str, own: str) -> tuple[str, ...]:
    chance = "–" if rater.object_frame is None else number(rater.object_frame)
    return (
        rater.rater, NAMES[rater.frame], chance, f"{rater.answers:,}", f"{rater.telling:,}", percent(rater.slips),
        camera, own,
    )  # fmt: skip


def _sentences(result: Framing) -> Iterator[str]:
    document, people = result.document, result.document.people
    yield (
        f"On {counted(document.telling, 'item')} the answer from the camera and the answer from the object are known "
        f"and differ ({document.source}); they tell who answers in which frame."
    )
    if document.stated is not None:
        yield f"Raters said whose left they meant: the object's own in {figure_text(document.stated)} of their answers."
    if people is not None and any(not rater.stated for rater in people.raters):
        frames = [rater.frame for rater in people.raters if not rater.stated]
        yield (
            f"Of {len(frames):,} raters, {frames.count('camera'):,} answer as the camera sees it, "
            f"{frames.count('object'):,} from the object; of {frames.count(None):,} it is not known. Share of the "
            f"object's frame among raters like these: {figure_text(people.object_share)}."
        )
    if people is not None:
        ambiguous = len(result.ambiguous)
        yield (
            f"On {counted(ambiguous, 'item')} the words alone decide nothing, because the two frames answer "
            f"differently. There, raters of one frame agree in {figure_text(people.within)} of pairs, raters of "
            f"different frames in {figure_text(people.across)}; a majority of their votes is no truth."
        )
    known = [
        f"{WHOSE[name]} {figure_text(found.estimate)}"
        for name, found in document.ceilings.items()
        if found.estimate.value is not None
    ]
    if known:
        yield f"The accuracy that the majority of very many such raters would reach there: {', '.join(known)}."
    for judge in document.judges:
        if judge.frame.frame is None:
            yield f"Whose left {judge.frame.rater} means is not known from {counted(judge.frame.telling, 'item')}."
    for reason, count in document.unread.items():
        yield f"{count:,} items have no two readings: {reason}."
