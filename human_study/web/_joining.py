"""Coming in and going out: links, consent, surveys, instructions, and the pages on which a visit ends."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from starlette import status
from starlette.datastructures import FormData

from genspace.errors import InputError
from genspace.human_study.design import Outcome
from genspace.human_study.material import Material
from genspace.human_study.material.surveys import Moment
from genspace.human_study.questions import bound_of
from genspace.human_study.visit.assignment import Assignment, Rest, Turn
from genspace.human_study.visit.outcomes import earned, is_final, main_pictures
from genspace.human_study.visit.platforms import Identified, platform_of
from genspace.human_study.visit.progress import is_full
from genspace.human_study.web._security import same_secret
from genspace.human_study.web._site import Site, Visitor, site_of
from genspace.human_study.web._survey import answered, store_answers

router = APIRouter()
_LONGEST_TOKEN = 128


@router.get("/", include_in_schema=False)
def start(request: Request) -> HTMLResponse:
    """Say that a link is needed."""
    site = site_of(request)
    texts = site.texts_for(request)
    message = texts["page.error_403"]
    return site.page(request, "error.html", texts, status.HTTP_404_NOT_FOUND, message=message)


@router.get("/r/{token}", include_in_schema=False)
def join(request: Request, token: str) -> Response:
    """Open the study's link: recognise a rater who comes back, or start a session while there is something to do."""
    site = site_of(request)
    if not same_secret(token, site.store.secret("join_token")):
        site.check_join_rate(request, guess=True)
        raise HTTPException(status.HTTP_403_FORBIDDEN)
    platform = platform_of(site.material.design.crowd)
    comes = platform.read(request.query_params) if platform.sends else Identified()
    known = site.store.session(request.cookies.get(site.cookie("rater"), "")[:_LONGEST_TOKEN])
    if comes is None:
        site.check_join_rate(request, guess=True)
        return _told(site, request, "incomplete_link", status.HTTP_403_FORBIDDEN)
    if known is not None and known.known is not None and comes.participant in {"", known.external_id}:
        if comes.session:
            site.store.note_visit(known.known, comes.session, comes.study)
        return site.to(request, "work")
    site.check_join_rate(request)
    if comes.participant and site.store.is_bound(comes.participant):
        return _told(site, request, "other_browser", status.HTTP_409_CONFLICT)
    if not comes.participant and _is_full(site):
        return _told(site, request, "nothing_left_at_all")
    fresh = site.store.start_session(
        "rater", comes.participant or None, session_id=comes.session, study_id=comes.study
    )
    return site.remember(site.to(request, "welcome"), "rater", fresh)


@router.get("/i/{token}", include_in_schema=False)
def join_invited(request: Request, token: str) -> Response:
    """Open a personal link, on any device."""
    site = site_of(request)
    fresh = site.store.start_invited_session(token)
    site.check_join_rate(request, guess=fresh is None)
    if fresh is None:
        raise HTTPException(status.HTTP_403_FORBIDDEN)
    return site.remember(site.to(request, "welcome"), "rater", fresh)


@router.get("/welcome", include_in_schema=False)
def welcome(request: Request) -> Response:
    """Ask for consent, while there is something to do."""
    visitor = site_of(request).visitor(request)
    session, material = visitor.session, visitor.site.material
    if _has_ended(visitor):
        return visitor.to("done")
    if session.agreed_to(visitor.site.consent_digest):
        return visitor.to("work")
    if session.rater_id is None and _is_full(visitor.site):
        return _turned_away(visitor)
    return visitor.page(
        "welcome.html", consent=material.design.consent, form=material.forms[visitor.texts.code],
        changed=session.rater_id is not None, platform=platform_of(material.design.crowd).sends,
        days=material.design.retention_days,
    )  # fmt: skip


@router.post("/welcome", include_in_schema=False)
def agree(
    request: Request, csrf: Annotated[str, Form()] = "", agreed: Annotated[list[str] | None, Form()] = None
) -> Response:
    """Take part: every tick of the form is there."""
    site = site_of(request)
    visitor = site.sender(request, csrf)
    form = site.material.forms[visitor.texts.code]
    if _has_ended(visitor):
        return visitor.to("done")
    if set(agreed or ()) != {str(n) for n in range(len(form.ticks))}:
        return visitor.to("welcome")
    if visitor.session.rater_id is None and _is_full(site):
        return _turned_away(visitor)
    version = site.material.design.consent.version
    site.store.consent(visitor.token, visitor.texts.code, version=version, digest=site.consent_digest)
    return visitor.to("before" if "before" in site.material.surveys else "instructions")


@router.post("/decline", include_in_schema=False)
def decline(request: Request, csrf: Annotated[str, Form()] = "") -> Response:
    """Do not take part: forget the session; a platform's participant gets the code for it, of nobody else is kept."""
    site = site_of(request)
    visitor = site.sender(request, csrf)
    session = visitor.session
    if session.external_id is not None and session.known is not None:
        site.store.end_visit(session.known, "consent_refused")
        return visitor.to("done")
    site.store.end_session(visitor.token)
    response = site.page(request, "declined.html", visitor.texts)
    response.delete_cookie(site.cookie("rater"), path=f"{site.prefix}/")
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
        return visitor.to(f"welcome?lang={lang}")
    site.store.set_language(visitor.rater_id, lang)
    return visitor.to("work")


@router.get("/instructions", include_in_schema=False)
def instructions(request: Request) -> Response:
    """Explain the work."""
    visitor = site_of(request).visitor(request)
    material = visitor.site.material
    design = material.design
    return visitor.page(
        "instructions.html", code=visitor.rater_id, at_work=True, shape=design.answers.shape,
        edit=any(i.image_before for i in material.items.values()), cannot_tell=design.cannot_tell,
        training=sum(u.kind == "training" for u in material.units), pass_mark=design.training.pass_mark,
        viewpoint=_has_viewpoint(material),
    )  # fmt: skip


@router.get("/before", include_in_schema=False)
@router.get("/after", include_in_schema=False)
def ask_survey(request: Request) -> Response:
    """Ask the questions before or after the pictures."""
    site = site_of(request)
    visitor = site.visitor(request)
    moment: Moment = "after" if request.url.path.endswith("/after") else "before"
    survey = site.material.surveys.get(moment)
    if survey is None or answered(site.store, visitor.rater_id, moment):
        return visitor.to("work")
    wrong = request.query_params.get("wrong", "")
    return visitor.page(
        "survey.html", code=visitor.rater_id, at_work=True, survey=survey, moment=moment, wrong=wrong
    )


async def _form(request: Request) -> FormData:
    return await request.form()


@router.post("/survey", include_in_schema=False)
def answer_survey(request: Request, form: Annotated[FormData, Depends(_form)]) -> Response:
    """Store the answers to a survey."""
    site = site_of(request)
    visitor = site.sender(request, str(form.get("csrf", "")))
    moment: Moment = "after" if form.get("moment") == "after" else "before"
    survey = site.material.surveys.get(moment)
    if survey is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND)
    given = {q.name: [str(v) for v in form.getlist(f"q-{q.name}")] for q in survey.questions}
    try:
        store_answers(
            site.store, visitor.rater_id, moment, survey, given, language=next(iter(site.material.texts))
        )
    except InputError:
        return visitor.to(f"{moment}?wrong=1")
    return visitor.to("instructions" if moment == "before" else "done")


@router.get("/leave", include_in_schema=False)
def ask_to_leave(request: Request) -> Response:
    """Ask whether the rater really wants to stop."""
    visitor = site_of(request).visitor(request)
    return visitor.page("leave.html", code=visitor.rater_id)


@router.post("/leave", include_in_schema=False)
def leave(request: Request, csrf: Annotated[str, Form()] = "") -> Response:
    """Hand the work back: the answers stay, marked, and the items are free to be asked again."""
    site = site_of(request)
    visitor = site.sender(request, csrf)
    with site.store.writing() as connection:
        Turn(connection, site.material.design, visitor.rater_id, site.store.clock()).leave("returned")
    return visitor.to("done")


@router.get("/done", include_in_schema=False)
def done(request: Request) -> Response:
    """Say how the visit ended, with the code that this outcome earns."""
    site = site_of(request)
    visitor = site.visitor(request)
    session = visitor.session
    got = Rest("finished", 0, session.outcome)
    if session.rater_id is not None:
        with site.store.writing() as connection:
            claimed = Turn(connection, site.material.design, session.rater_id, site.store.clock()).claim()
        if isinstance(claimed, Assignment) or claimed.reason == "paused":
            return visitor.to("work")
        got = claimed
    if got.outcome is None:
        return visitor.to("welcome")
    if _survey_is_due(visitor, got):
        return visitor.to("after")
    return _ending(visitor, got.outcome, got.done)


def next_page(visitor: Visitor) -> str | None:
    """Return the page that must come before the pictures, or None when the rater may work."""
    session, site = visitor.session, visitor.site
    if _has_ended(visitor):
        return "done"
    if not session.agreed_to(site.consent_digest):
        return "welcome"
    if "before" in site.material.surveys and not answered(site.store, visitor.rater_id, "before"):
        return "before"
    return None


def _has_ended(visitor: Visitor) -> bool:
    source = "crowd" if visitor.session.external_id is not None else ""
    return is_final(visitor.session.outcome, source)


def _survey_is_due(visitor: Visitor, got: Rest) -> bool:
    ended = got.done and got.outcome in {"complete", "nothing_left"}
    if not ended or "after" not in visitor.site.material.surveys:
        return False
    return not answered(visitor.site.store, visitor.rater_id, "after")


def _is_full(site: Site) -> bool:
    with site.store.reading() as connection:
        return is_full(connection, site.material.design, site.store.clock())


def _turned_away(visitor: Visitor) -> Response:
    """Tell somebody who comes too late before asking for anything; a platform's participant gets a row for it."""
    if visitor.session.known is None:
        return _told(visitor.site, visitor.request, "nothing_left_at_all")
    visitor.site.store.end_visit(visitor.session.known, "nothing_left")
    return visitor.to("done")


def _told(site: Site, request: Request, key: str, code: int = status.HTTP_200_OK) -> Response:
    """Show a page that says why there is nothing to do for whoever came."""
    texts = site.texts_for(request)
    return site.page(
        request, "told.html", texts, code, heading=texts[f"ending.{key}_heading"], text=texts[f"ending.{key}"]
    )


def _ending(visitor: Visitor, outcome: Outcome, pictures: int) -> Response:
    """Show the page of an outcome."""
    site, rater_id = visitor.site, visitor.session.known or ""
    design = site.material.design
    with site.store.reading() as connection:
        main = main_pictures(connection, rater_id)
    got = earned(design, outcome, rater_id=rater_id, pictures=main, key=site.csrf_key)
    return visitor.page(
        "done.html", code=visitor.session.rater_id, outcome=outcome, done=pictures, earned=got,
        currency=design.crowd.currency, platform=platform_of(design.crowd).sends,
    )  # fmt: skip


def _has_viewpoint(material: Material) -> bool:
    bounds = map(bound_of, material.items.values())
    return material.design.drawings and any(
        bound is not None and bound.predicate.own_sides for bound in bounds
    )
