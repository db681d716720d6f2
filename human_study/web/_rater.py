"""The rater's pages: welcome, instructions, work, thanks; and the few calls the work page makes."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Form, Header, HTTPException, Path, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette import status

from genspace.errors import InputError
from genspace.geometry.drawing.concepts import concept_svg
from genspace.human_study.assignment import Assignment, Held, Rest, Turn, earlier, held
from genspace.human_study.material import Material
from genspace.human_study.monitor import note_agreement_reached
from genspace.human_study.questions import bound_of
from genspace.human_study.web._payload import (
    Slot,
    assignment_payload,
    choices_payload,
    drawing_of,
    feedback,
    picture_name,
    rest_payload,
)
from genspace.human_study.web._security import same_secret
from genspace.human_study.web._site import RATER_COOKIE, Site, Visitor, site_of

__all__ = ["router"]

router = APIRouter()

_EXTERNAL_ID = re.compile(r"[A-Za-z0-9_.:@-]{1,128}")
_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
)
AssignmentId = Annotated[int, Path(ge=1, le=2**31 - 1)]


class Answer(BaseModel):
    """An answer as the work page sends it."""

    model_config = ConfigDict(extra="forbid")
    submission: str = Field(pattern=r"^[A-Za-z0-9-]{8,64}$")
    """Made by the page, the same in every retry."""
    revision: int = Field(ge=0, le=1_000_000)
    """How often the page saw the picture answered."""
    choices: dict[str, str] = Field(max_length=200)
    """Question to the name of the choice."""
    seconds: float | None = Field(default=None, ge=0, le=86_400, allow_inf_nan=False)
    comment: str = Field(default="", max_length=2000)


# Joining


@router.get("/", include_in_schema=False)
def start(request: Request) -> HTMLResponse:
    """Say that a link is needed."""
    site = site_of(request)
    texts = site.texts_for(request)
    return site.page("error.html", texts, status.HTTP_404_NOT_FOUND, message=texts["page.error_403"])


@router.get("/r/{token}", include_in_schema=False)
def join(request: Request, token: str) -> Response:
    """Open the study's link: recognise a rater who comes back, or start a session."""
    site = site_of(request)
    if not same_secret(token, site.store.secret("join_token")):
        site.check_join_rate(request)
        raise HTTPException(status.HTTP_403_FORBIDDEN)
    parameter = site.material.design.crowd.parameter
    external_id = request.query_params.get(parameter) if parameter else None
    if external_id is not None and not _EXTERNAL_ID.fullmatch(external_id):
        raise HTTPException(status.HTTP_403_FORBIDDEN)
    known = site.store.session(request.cookies.get(RATER_COOKIE, "")[:128])
    if known is not None and known.rater_id is not None and external_id in {None, known.external_id}:
        return RedirectResponse("/work", status.HTTP_303_SEE_OTHER)
    site.check_join_rate(request)
    fresh = site.store.start_session("rater", external_id)
    return site.remember(RedirectResponse("/welcome", status.HTTP_303_SEE_OTHER), RATER_COOKIE, fresh)


@router.get("/i/{token}", include_in_schema=False)
def join_invited(request: Request, token: str) -> Response:
    """Open a personal link, on any device."""
    site = site_of(request)
    site.check_join_rate(request)
    fresh = site.store.start_invited_session(token)
    if fresh is None:
        raise HTTPException(status.HTTP_403_FORBIDDEN)
    return site.remember(RedirectResponse("/welcome", status.HTTP_303_SEE_OTHER), RATER_COOKIE, fresh)


# Pages


@router.get("/welcome", include_in_schema=False)
def welcome(request: Request) -> Response:
    """Ask for consent."""
    site = site_of(request)
    visitor = site.visitor(request)
    if visitor.session.rater_id is not None:
        return RedirectResponse("/work", status.HTTP_303_SEE_OTHER)
    return _page(
        site, visitor, "welcome.html", consent=site.material.design.consent, design=site.material.design
    )


@router.post("/welcome", include_in_schema=False)
def agree(
    request: Request, csrf: Annotated[str, Form()] = "", agreed: Annotated[str, Form()] = ""
) -> Response:
    """Take part."""
    site = site_of(request)
    visitor = site.sender(request, csrf)
    if agreed != "yes":
        return RedirectResponse("/welcome", status.HTTP_303_SEE_OTHER)
    site.store.consent(visitor.token, visitor.texts.code)
    return RedirectResponse("/instructions", status.HTTP_303_SEE_OTHER)


@router.post("/decline", include_in_schema=False)
def decline(request: Request, csrf: Annotated[str, Form()] = "") -> Response:
    """Do not take part: forget the session."""
    site = site_of(request)
    visitor = site.sender(request, csrf)
    site.store.end_session(visitor.token)
    response = site.page("declined.html", visitor.texts)
    response.delete_cookie(RATER_COOKIE)
    return response


@router.post("/language", include_in_schema=False)
def choose_language(
    request: Request, csrf: Annotated[str, Form()] = "", lang: Annotated[str, Form()] = ""
) -> Response:
    """Change the language of the pages."""
    site = site_of(request)
    visitor = site.sender(request, csrf)
    if lang not in site.material.texts:
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT)
    if visitor.session.rater_id is None:
        return RedirectResponse(f"/welcome?lang={lang}", status.HTTP_303_SEE_OTHER)
    site.store.set_language(visitor.rater_id, lang)
    return RedirectResponse("/work", status.HTTP_303_SEE_OTHER)


@router.get("/instructions", include_in_schema=False)
def instructions(request: Request) -> HTMLResponse:
    """Explain the work."""
    site = site_of(request)
    visitor = site.visitor(request)
    material = site.material
    return _page(
        site,
        visitor,
        "instructions.html",
        code=visitor.rater_id,
        pairwise=material.design.answers.pairwise,
        edit=any(i.image_before for i in material.items.values()),
        cannot_tell=material.design.cannot_tell,
        training=any(u.kind == "training" for u in material.units),
        viewpoint=_has_viewpoint(material),
    )


@router.get("/work", include_in_schema=False)
def work(request: Request) -> HTMLResponse:
    """Show the page on which everything is answered; its script fetches the pictures."""
    site = site_of(request)
    visitor = site.visitor(request)
    design = site.material.design
    texts = visitor.texts
    settings = {
        "texts": texts.section("work"),
        "errors": texts.section("page"),
        "choices": choices_payload(design, texts),
        "protocol": design.protocol,
        "csrf": visitor.form_token,
    }
    return _page(
        site, visitor, "work.html", code=visitor.rater_id, settings=settings, protocol=design.protocol
    )


@router.get("/done", include_in_schema=False)
def done(request: Request) -> Response:
    """Thank the rater, with the completion code of the platform."""
    site = site_of(request)
    visitor = site.visitor(request)
    got = _next(site, visitor.rater_id)
    if isinstance(got, Assignment) or got.reason == "paused":
        return RedirectResponse("/work", status.HTTP_303_SEE_OTHER)
    crowd = site.material.design.crowd
    code = crowd.completion_code if got.done else None
    url = crowd.completion_url.replace("{code}", code) if code and crowd.completion_url else None
    return _page(
        site,
        visitor,
        "done.html",
        code=visitor.rater_id,
        done=got.done,
        completion_code=code,
        completion_url=url,
    )


def _page(site: Site, visitor: Visitor, name: str, **values: Any) -> HTMLResponse:
    return site.page(name, visitor.texts, form_token=visitor.form_token, **values)


def _has_viewpoint(material: Material) -> bool:
    bounds = map(bound_of, material.items.values())
    return material.design.drawings and any(
        bound is not None and bound.predicate.own_sides for bound in bounds
    )


# Calls of the work page; they answer with a finished response, which saves a second way through the threads


@router.get("/api/next")
def next_picture(request: Request) -> JSONResponse:
    """Return the picture in the rater's hands, or hand out the next one."""
    site = site_of(request)
    visitor = site.visitor(request)
    return JSONResponse(_shown(site, visitor, _next(site, visitor.rater_id)))


@router.get("/api/assignments/{assignment_id}")
def earlier_picture(request: Request, assignment_id: AssignmentId) -> JSONResponse:
    """Return one of the rater's own pictures, to look at the answer again or change it."""
    site = site_of(request)
    visitor = site.visitor(request)
    with site.store.reading() as connection:
        found = earlier(connection, visitor.rater_id, assignment_id)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND)
    return JSONResponse(_shown(site, visitor, found))


@router.post("/api/assignments/{assignment_id}/answer")
def store_answer(
    request: Request,
    assignment_id: AssignmentId,
    given: Answer,
    tasks: BackgroundTasks,
    x_csrf_token: Annotated[str, Header()] = "",
) -> JSONResponse:
    """Store an answer in one transaction, then return what comes next.

    When this returns, the answer is on disk. A retry with the same `submission` changes nothing.
    """
    site = site_of(request)
    visitor = site.sender(request, x_csrf_token)
    material, rater_id = site.material, visitor.rater_id
    with site.store.writing() as connection:
        turn = Turn(connection, material.design, rater_id, site.store.clock())
        shown = held(connection, rater_id, assignment_id)
        if shown is None:
            raise HTTPException(status.HTTP_404_NOT_FOUND)
        values = _values(material, shown, given.choices)
        turn.answer(
            assignment_id,
            submission=given.submission,
            revision=given.revision,
            values=values,
            seconds=given.seconds,
            comment=given.comment.replace("\0", ""),
        )
    if site.agreement_check_due():
        tasks.add_task(note_agreement_reached, site.store, material)
    reply = {
        "stored": True,
        "feedback": feedback(material, shown, values, visitor.texts),
        "next": _shown(site, visitor, _next(site, rater_id)),
    }
    return JSONResponse(reply)


def _values(material: Material, shown: Held, choices: Mapping[str, str]) -> dict[str, float | None]:
    """Return the values that the choices stand for. Errors: `HTTPException` 422 for others than were asked."""
    if set(choices) != {name for name, _ in material.questions(shown.unit, next(iter(material.texts)))}:
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT)
    try:
        return {q: material.design.answers.value(c, flipped=shown.flipped) for q, c in choices.items()}
    except InputError:
        raise HTTPException(status.HTTP_422_UNPROCESSABLE_CONTENT) from None


def _next(site: Site, rater_id: str) -> Assignment | Rest:
    with site.store.writing() as connection:
        return Turn(connection, site.material.design, rater_id, site.store.clock()).claim()


def _own(site: Site, visitor: Visitor, assignment_id: int) -> Held:
    with site.store.reading() as connection:
        found = held(connection, visitor.rater_id, assignment_id)
    if found is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND)
    return found


def _shown(site: Site, visitor: Visitor, got: Assignment | Rest) -> dict[str, Any]:
    if isinstance(got, Rest):
        return rest_payload(got)
    return assignment_payload(site.material, got, visitor.texts, site.totals)


# Pictures


@router.get("/image/{assignment_id}/{slot}", include_in_schema=False)
def image(request: Request, assignment_id: AssignmentId, slot: Slot) -> Response:
    """Return a picture of an item that is, or was, in this rater's hands; names never come from the address."""
    site = site_of(request)
    name = picture_name(site.material, _own(site, site.visitor(request), assignment_id), slot)
    if name is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND)
    try:
        content, kind = _for_browsers(site.material.files.read(name))
    except (InputError, OSError):
        raise HTTPException(status.HTTP_404_NOT_FOUND) from None
    return Response(content, media_type=kind, headers={"Cache-Control": "private, max-age=3600"})


def _for_browsers(content: bytes) -> tuple[bytes, str]:
    """Return the picture and its media type; what browsers do not show becomes PNG. Errors: `OSError`."""
    for signature, kind in _SIGNATURES:
        if content.startswith(signature):
            return content, kind
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return content, "image/webp"
    from PIL import Image

    buffer = io.BytesIO()
    with Image.open(io.BytesIO(content)) as picture:
        picture.convert("RGB").save(buffer, "PNG")
    return buffer.getvalue(), "image/png"


@router.get("/drawing/example.svg", include_in_schema=False)
def example_drawing(request: Request) -> Response:
    """Return the drawing of the instructions: what "on the cow's left" means."""
    return _svg(
        concept_svg("allocentric(A, B, relation=left)", site_of(request).visitor(request).texts.voice)
    )


@router.get("/drawing/{assignment_id}.svg", include_in_schema=False)
def concept_drawing(request: Request, assignment_id: AssignmentId) -> Response:
    """Return the small drawing that explains whose point of view an item's question means."""
    site = site_of(request)
    visitor = site.visitor(request)
    return _svg(drawing_of(site.material, _own(site, visitor, assignment_id), visitor.texts))


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
