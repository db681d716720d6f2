"""The rater's work: the page, the few calls its script makes, and the pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Header, HTTPException, Path, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection
from starlette import status

from genspace.errors import InputError
from genspace.human_study.drawings import drawing_of_unit, example
from genspace.human_study.visit._practice import practice_score
from genspace.human_study.visit.assignment import Assignment, Held, Rest, Turn, earlier, held
from genspace.human_study.visit.progress import place_in_visit
from genspace.human_study.watching.monitor import note_agreement_reached
from genspace.human_study.web._answers import Given, read_answers
from genspace.human_study.web._joining import next_page
from genspace.human_study.web._payload import (
    Slot,
    assignment_payload,
    feedback,
    mistakes,
    picture_name,
    rest_payload,
    settings_payload,
)
from genspace.human_study.web._site import Site, Visitor, site_of
from genspace.human_study.web.pictures import for_browsers

router = APIRouter()

AssignmentId = Annotated[int, Path(ge=1, le=2**31 - 1)]
Words = Annotated[str, Field(max_length=500)]


class PostedAnswer(BaseModel, extra="forbid"):
    """An answer as the work page sends it."""

    submission: str = Field(pattern=r"^[A-Za-z0-9-]{8,64}$")
    """Made by the page, the same in every retry."""
    revision: int = Field(ge=0, le=1_000_000)
    """How often the page saw the picture answered."""
    choices: dict[str, Words] = Field(max_length=200)
    """Question to the name of the choice, a slider's number, or the places of a group's order."""
    confidence: dict[str, Words] = Field(default_factory=dict, max_length=200)
    """Question to how sure the rater is."""
    why: dict[str, Words] = Field(default_factory=dict, max_length=200)
    """Question to the reason for a no."""
    seconds: float | None = Field(default=None, ge=0, le=86_400, allow_inf_nan=False)
    comment: str = Field(default="", max_length=2000)


@router.get("/work", include_in_schema=False)
def work(request: Request) -> Response:
    """Show the page on which everything is answered; its script fetches the pictures."""
    visitor = site_of(request).visitor(request)
    if (first := next_page(visitor)) is not None:
        return visitor.to(first)
    design, study = visitor.site.material.design, visitor.site.study_id
    settings = settings_payload(design, visitor.texts) | {"csrf": visitor.form_token, "study": study}
    return visitor.page(
        "work.html", code=visitor.rater_id, at_work=True, settings=settings, protocol=design.protocol
    )


# Calls of the work page; they answer with a finished response, which saves a second way through the threads


@router.get("/api/next")
def next_picture(request: Request) -> JSONResponse:
    """Return the picture in the rater's hands, or hand out the next one."""
    return JSONResponse(_next(_worker(site_of(request).visitor(request))))


@router.get("/api/assignments/{assignment_id}")
def earlier_picture(request: Request, assignment_id: AssignmentId) -> JSONResponse:
    """Return one of the rater's own pictures, to look at the answer again or change it."""
    visitor = site_of(request).visitor(request)
    with visitor.site.store.reading() as connection:
        found = earlier(connection, visitor.rater_id, assignment_id)
        if found is None:
            raise HTTPException(status.HTTP_404_NOT_FOUND)
        return JSONResponse(_shown(visitor, connection, found))


@router.post("/api/assignments/{assignment_id}/answer")
def store_answer(
    request: Request,
    assignment_id: AssignmentId,
    given: PostedAnswer,
    tasks: BackgroundTasks,
    x_csrf_token: Annotated[str, Header()] = "",
) -> JSONResponse:
    """Store an answer in one transaction, then return what comes next.

    When this returns, the answer is on disk. A retry with the same `submission` changes nothing.
    """
    site = site_of(request)
    visitor = _worker(site.sender(request, x_csrf_token))
    material, rater_id = site.material, visitor.rater_id
    with site.store.writing() as connection:
        turn = Turn(connection, material.design, rater_id, site.store.clock())
        shown = held(connection, rater_id, assignment_id)
        if shown is None:
            raise HTTPException(status.HTTP_404_NOT_FOUND)
        said = _read(site, shown, given)
        turn.answer(
            assignment_id,
            submission=given.submission,
            revision=given.revision,
            values=said.values,
            details=said.details,
            seconds=given.seconds,
            comment=_clean(given.comment),
        )
        warned = _warning(visitor, turn, shown, said.values, first=given.revision == 0)
    if site.agreement_check_due():
        tasks.add_task(note_agreement_reached, site.store, material)
    reply = {
        "stored": True,
        "feedback": feedback(material, shown, said.values, visitor.texts),
        "warning": warned,
        "next": _next(visitor),
    }
    return JSONResponse(reply)


def _worker(visitor: Visitor) -> Visitor:
    """Return a rater who has agreed to the form as it is now. Errors: `HTTPException` 403 for anybody else."""
    if visitor.session.rater_id is None or not visitor.session.agreed_to(visitor.site.consent_digest):
        raise HTTPException(status.HTTP_403_FORBIDDEN)
    return visitor


def _read(site: Site, shown: Held, given: PostedAnswer) -> Given:
    try:
        return read_answers(
            site.material,
            shown,
            choices=given.choices,
            confidence=given.confidence,
            why={q: _clean(text) for q, text in given.why.items()},
        )
    except InputError:
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT) from None


def _clean(text: str) -> str:
    """Return a text without what a database refuses."""
    return text.replace("\0", "")


def _warning(
    visitor: Visitor, turn: Turn, shown: Held, values: Mapping[str, float | None], *, first: bool
) -> str | None:
    """Return what to tell a rater whose wrong answer to a gold item is the last before the stop comes near."""
    material = visitor.site.material
    limit = material.design.checks.warn_after
    if limit is None or not first or shown.role != "gold" or not mistakes(material, shown, values):
        return None
    return visitor.texts["work.look_closely"] if turn.failed_checks() == limit else None


def _next(visitor: Visitor) -> dict[str, Any]:
    site = visitor.site
    with site.store.writing() as connection:
        got = Turn(connection, site.material.design, visitor.rater_id, site.store.clock()).claim()
        if isinstance(got, Rest):
            return rest_payload(got)
        return _shown(visitor, connection, got)


def _shown(visitor: Visitor, connection: Connection, got: Assignment) -> dict[str, Any]:
    material = visitor.site.material
    place = place_in_visit(connection, material.design, visitor.rater_id, got)
    payload = assignment_payload(material, got, visitor.texts, place)
    if got.attempt and got.revision == 0 and place.number == 1:
        right, checked = practice_score(connection, visitor.rater_id, got.attempt - 1)
        payload["again"] = visitor.texts["work.practice_again"].format(right=right, total=checked)
    return payload


def _own(visitor: Visitor, assignment_id: int) -> Held:
    with visitor.site.store.reading() as connection:
        found = held(connection, visitor.rater_id, assignment_id)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND)
    return found


# Pictures


@router.get("/image/{assignment_id}/{slot}", include_in_schema=False)
def image(request: Request, assignment_id: AssignmentId, slot: Slot) -> Response:
    """Return a picture of an item that is, or was, in this rater's hands; names never come from the address."""
    site = site_of(request)
    name = picture_name(site.material, _own(site.visitor(request), assignment_id), slot)
    if name is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND)
    try:
        content, kind = for_browsers(site.material.files.read(name))
    except (InputError, OSError):
        raise HTTPException(status.HTTP_404_NOT_FOUND) from None
    return Response(content, media_type=kind, headers={"Cache-Control": "private, max-age=3600"})


@router.get("/drawing/example.svg", include_in_schema=False)
def example_drawing(request: Request) -> Response:
    """Return the drawing of the instructions: what "on the cow's left" means."""
    return _svg(example(site_of(request).visitor(request).texts))


@router.get("/drawing/{assignment_id}.svg", include_in_schema=False)
def concept_drawing(request: Request, assignment_id: AssignmentId) -> Response:
    """Return the small drawing that explains whose point of view an item's question means."""
    visitor = site_of(request).visitor(request)
    unit = _own(visitor, assignment_id).unit
    return _svg(drawing_of_unit(visitor.site.material, unit, visitor.texts))


def _svg(text: str | None) -> Response:
    if text is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND)
    return Response(
        text,
        media_type="image/svg+xml",
        headers={
            "Cache-Control": "private, max-age=3600",
            "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        },
    )
