"""What every request needs: the study, its store, its templates, and who is asking."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette import status

from genspace.human_study.design import worded
from genspace.human_study.material import Material
from genspace.human_study.store.answer_store import AnswerStore
from genspace.human_study.store.registration import Registration
from genspace.human_study.store.sessions import Session
from genspace.human_study.texts import Texts
from genspace.human_study.web._security import RateLimit, form_token, same_secret

_MONTH = 30 * 86_400
Kind = Literal["rater", "researcher"]


@dataclass(frozen=True)
class Visitor:
    """Somebody with a session, and what was asked of the study."""

    site: Site
    request: Request
    token: str
    session: Session
    texts: Texts
    form_token: str

    @property
    def rater_id(self) -> str:
        """Pseudonym of a rater who has agreed to take part. Errors: `HTTPException` 403 before that."""
        if self.session.rater_id is None:
            raise HTTPException(status.HTTP_403_FORBIDDEN)
        return self.session.rater_id

    def page(self, name: str, **values: Any) -> HTMLResponse:
        """Render a page for the visitor (see `Site.page`)."""
        return self.site.page(self.request, name, self.texts, form_token=self.form_token, **values)

    def to(self, page: str) -> RedirectResponse:
        """Send the visitor to another page."""
        return self.site.to(self.request, page)


@dataclass
class Site:
    """The study on the web."""

    material: Material
    store: AnswerStore
    https: bool = False
    """Whether the public address is https: the cookies then never travel without it."""
    prefix: str = ""
    """Path under which the study lives: "/study", or "" for the whole host."""
    remarks: tuple[str, ...] = ()
    """What the researcher should know before anybody comes."""
    requests: RateLimit = field(init=False)
    joins: RateLimit = field(init=False)
    guesses: RateLimit = field(init=False)
    checks: RateLimit = field(default_factory=lambda: RateLimit(per_minute=1))

    def __post_init__(self) -> None:
        limits = self.material.design.limits
        self.requests = RateLimit(limits.requests_per_minute)
        self.joins = RateLimit(limits.joins_per_minute)
        self.guesses = RateLimit(min(limits.guesses_per_minute, limits.joins_per_minute))

    @cached_property
    def templates(self) -> Environment:
        """Jinja2 environment; everything is escaped, and a name that is not there is an error."""
        environment = Environment(
            loader=PackageLoader("genspace.human_study.web", "templates"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters["worded"] = worded
        return environment

    @cached_property
    def csrf_key(self) -> str:
        """Key of the form tokens and of personal codes."""
        return self.store.secret("csrf_key")

    @cached_property
    def consent_digest(self) -> str:
        """Digest of the consent forms that are registered now."""
        return Registration.of_consent(self.material)

    @cached_property
    def study_id(self) -> str:
        """The study's name on this host: cookies bear it, so that two studies keep their people apart."""
        return self.store.secret("study_id")

    def cookie(self, kind: Kind) -> str:
        """Name of the session cookie."""
        return f"genspace_{kind}_{self.study_id}"

    def texts_for(self, request: Request, chosen: str | None = None) -> Texts:
        """Return the texts in the chosen language, the browser's, or the study's first one."""
        known = self.material.texts
        accepted = [
            part.partition(";")[0].strip().lower()
            for part in request.headers.get("accept-language", "").split(",")
        ]
        for code in (chosen, *accepted):
            for candidate in (code, code.partition("-")[0]) if code else ():
                if candidate in known:
                    return known[candidate]
        return next(iter(known.values()))

    def page(
        self, request: Request, name: str, texts: Texts, answer: int = status.HTTP_200_OK, **values: Any
    ) -> HTMLResponse:
        """Render a page; its addresses are relative, so that the study can live under any path."""
        common = {
            "t": texts,
            "root": root_of(request),
            "title": self.material.design.title,
            "languages": self.material.texts,
            "code": None,
            "form_token": None,
            "at_work": False,
        }
        html = self.templates.get_template(name).render({**common, **values})
        return HTMLResponse(html, status_code=answer)

    def to(self, request: Request, page: str) -> RedirectResponse:
        """Send the browser to another page of the study."""
        return RedirectResponse(f"{root_of(request)}{page}", status.HTTP_303_SEE_OTHER)

    def remember(self, response: Response, kind: Kind, token: str) -> Response:
        """Set a session cookie: out of reach of scripts and of other sites' forms."""
        path = "/" if kind == "rater" else "/researcher"
        response.set_cookie(
            self.cookie(kind),
            token,
            max_age=_MONTH,
            path=f"{self.prefix}{path}",
            httponly=True,
            secure=self.https,
            samesite="lax",
        )
        return response

    def agreement_check_due(self) -> bool:
        """Whether to look at the stop rule on agreement again: once a minute, where the study has that rule."""
        if self.material.design.stop.agreement_width is None:
            return False
        return self.checks.allows("agreement")

    def check_join_rate(self, request: Request, *, guess: bool = False) -> None:
        """Errors: `HTTPException` 429 when an address starts sessions, or guesses links, too fast."""
        limit = self.guesses if guess else self.joins
        if not limit.allows(request.client.host if request.client else ""):
            raise HTTPException(status.HTTP_429_TOO_MANY_REQUESTS)

    def visitor(self, request: Request, kind: Kind = "rater") -> Visitor:
        """Return who is asking.

        Errors: `HTTPException` 403 without a valid session, 429 when the requests come too fast.
        """
        token = request.cookies.get(self.cookie(kind), "")
        session = self.store.session(token) if 0 < len(token) <= 128 else None
        if session is None or session.kind != kind:
            self.check_join_rate(request, guess=True)
            raise HTTPException(status.HTTP_403_FORBIDDEN)
        if not self.requests.allows(token):
            raise HTTPException(status.HTTP_429_TOO_MANY_REQUESTS)
        texts = self.texts_for(request, request.query_params.get("lang") or session.language)
        return Visitor(self, request, token, session, texts, form_token(self.csrf_key, token))

    def sender(self, request: Request, given: str | None, kind: Kind = "rater") -> Visitor:
        """Return who sends a form or an answer.

        Errors: `HTTPException` 403 for a wrong form token or a form from another site.
        """
        visitor = self.visitor(request, kind)
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            raise HTTPException(status.HTTP_403_FORBIDDEN)
        if not same_secret(given or "", visitor.form_token):
            raise HTTPException(status.HTTP_403_FORBIDDEN)
        return visitor


def site_of(request: Request) -> Site:
    """Return the site that a request is for."""
    site: Site = request.app.state.site
    return site


def root_of(request: Request) -> str:
    """Return the way from the page that was asked for to the study's root: "" for /work, "../" for /r/TOKEN."""
    return "../" * (request.url.path.count("/") - 1)
