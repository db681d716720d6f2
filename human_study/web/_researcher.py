"""The researcher's page: progress, people's agreement with each other, flags, pause, export."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, HTTPException, Request
from fastapi.responses import HTMLResponse, Response
from pydantic import BaseModel
from starlette import status

from genspace.human_study.exchange.exporting import EXPORTS, export_text
from genspace.human_study.visit.platforms import Links
from genspace.human_study.watching.monitor import study_status
from genspace.human_study.web._security import same_secret
from genspace.human_study.web._site import Site, site_of

router = APIRouter(prefix="/researcher")


class StateChange(BaseModel, extra="forbid"):
    """What the buttons of the page send."""

    state: Literal["open", "paused", "closed"]


@router.get("/enter/{token}", include_in_schema=False)
def enter(request: Request, token: str) -> Response:
    """Open the researcher's link; the secret leaves the address at once."""
    site = site_of(request)
    if not same_secret(token, site.store.secret("researcher_token")):
        site.check_join_rate(request, guess=True)
        raise HTTPException(status.HTTP_403_FORBIDDEN)
    site.check_join_rate(request)
    fresh = site.store.start_session("researcher")
    return site.remember(site.to(request, "researcher"), "researcher", fresh)


@router.get("", include_in_schema=False)
def overview(request: Request) -> HTMLResponse:
    """Show the page; its script asks for the figures."""
    site = site_of(request)
    visitor = site.visitor(request, "researcher")
    return site.page(
        request,
        "researcher.html",
        site.material.texts.get("en", visitor.texts),
        settings={"csrf": visitor.form_token},
        exports=EXPORTS,
        join_path=Links(site.store, site.material.design.crowd).rater.lstrip("/"),
    )


@router.get("/api/status")
def live(request: Request) -> dict[str, Any]:
    """Return the figures of `genspace annotate status --json`."""
    site = site_of(request)
    site.visitor(request, "researcher")
    return study_status(site.store, site.material).to_json()


@router.post("/api/state")
def change_state(
    request: Request, change: StateChange, x_csrf_token: Annotated[str, Header()] = ""
) -> dict[str, str]:
    """Pause, open or close the study."""
    site: Site = site_of(request)
    site.sender(request, x_csrf_token, "researcher")
    site.store.set_state(change.state)
    return {"state": site.store.state()}


@router.get("/export/{name}", include_in_schema=False)
def download(request: Request, name: str) -> Response:
    """Return the answers as a file."""
    site = site_of(request)
    site.visitor(request, "researcher")
    if name not in EXPORTS:
        raise HTTPException(status.HTTP_404_NOT_FOUND)
    return Response(
        export_text(site.store, site.material, name),
        media_type=EXPORTS[name].media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
