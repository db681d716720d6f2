"""What every request needs: the study, its store, its templates, and who is asking."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from genspace.human_study.material import Material
from genspace.human_study.store import AnswerStore, Session
from genspace.human_study.texts import Texts
from genspace.human_study.web._security import RateLimit, form_token, same_secret

__all__ = ["RATER_COOKIE", "RESEARCHER_COOKIE", "Site", "Visitor", "site_of"]

RATER_COOKIE = "genspace_session"
RESEARCHER_COOKIE = "genspace_researcher"
_PATHS = {RATER_COOKIE: "/", RESEARCHER_COOKIE: "/researcher"}
_MONTH = 30 * 86_400


@dataclass(frozen=True)
class Visitor:
    """Somebody with a session."""

    token: str
    session: Session
    texts: Texts
    form_token: str

    @property
    def rater_id(self) -> str:
        """Pseudonym of a rater who has agreed to take part. Errors: `HTTPException` 403 before that."""
        if self.session.rater_id is None:
            raise HTTPException(403)
        return self.session.rater_id


@dataclass
class Site:
    """The study on the web."""

    material: Material
    store: AnswerStore
    https: bool = False
    """Whether the public address is https: the cookies then never travel without it."""
    requests: RateLimit = field(init=False)
    joins: RateLimit = field(init=False)
    checks: RateLimit = field(default_factory=lambda: RateLimit(per_minute=1))

    def __post_init__(self) -> None:
        limits = self.material.design.limits
        self.requests = RateLimit(limits.requests_per_minute)
        self.joins = RateLimit(limits.joins_per_minute)

    @cached_property
    def templates(self) -> Environment:
        """Jinja2 environment; everything is escaped, and a name that is not there is an error."""
        return Environment(
            loader=PackageLoader("genspace.human_study.web", "templates"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    @cached_property
    def totals(self) -> tuple[int, int]:
        """Pictures a rater sees in the main and in the practice round."""
        return self.material.pictures(practice=False), self.material.pictures(practice=True)

    @cached_property
    def csrf_key(self) -> str:
        """Key of the form tokens."""
        return self.store.secret("csrf_key")

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

    def page(self, name: str, texts: Texts, status: int = 200, **values: Any) -> HTMLResponse:
        """Render a page."""
        common = {
            "t": texts,
            "title": self.material.design.title,
            "languages": self.material.texts,
            "code": None,
            "form_token": None,
        }
        html = self.templates.get_template(name).render({**common, **values})
        return HTMLResponse(html, status_code=status)

    def remember(self, response: Response, cookie: str, token: str) -> Response:
        """Set a session cookie: out of reach of scripts and of other sites' forms."""
        response.set_cookie(
            cookie,
            token,
            max_age=_MONTH,
            path=_PATHS[cookie],
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

    def check_join_rate(self, request: Request) -> None:
        """Errors: `HTTPException` 429 when an address starts sessions (or guesses links) too fast."""
        if not self.joins.allows(request.client.host if request.client else ""):
            raise HTTPException(429)

    def visitor(self, request: Request, kind: Literal["rater", "researcher"] = "rater") -> Visitor:
        """Return who is asking.

        Errors: `HTTPException` 403 without a valid session, 429 when the requests come too fast.
        """
        cookie = RATER_COOKIE if kind == "rater" else RESEARCHER_COOKIE
        token = request.cookies.get(cookie, "")
        session = self.store.session(token) if 0 < len(token) <= 128 else None
        if session is None or session.kind != kind:
            self.check_join_rate(request)
            raise HTTPException(403)
        if not self.requests.allows(token):
            raise HTTPException(429)
        texts = self.texts_for(request, request.query_params.get("lang") or session.language)
        return Visitor(token, session, texts, form_token(self.csrf_key, token))

    def sender(
        self, request: Request, given: str | None, kind: Literal["rater", "researcher"] = "rater"
    ) -> Visitor:
        """Return who sends a form or an answer.

        Errors: `HTTPException` 403 for a wrong form token or a form from another site.
        """
        visitor = self.visitor(request, kind)
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            raise HTTPException(403)
        if not same_secret(given or "", visitor.form_token):
            raise HTTPException(403)
        return visitor


def site_of(request: Request) -> Site:
    """Return the site that a request is for."""
    site: Site = request.app.state.site
    return site
