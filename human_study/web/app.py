"""The application, and the server that runs it."""

from __future__ import annotations

import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

from anyio.to_thread import current_default_thread_limiter
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from genspace.errors import InputError
from genspace.human_study._answers_file import StorageError
from genspace.human_study.material import Material, load_material
from genspace.human_study.store.answer_store import AnswerStore
from genspace.human_study.visit.assignment import ClosedError, OutOfDateError, UnknownRaterError
from genspace.human_study.watching.rules import silent_rules
from genspace.human_study.web import _joining, _rater, _researcher
from genspace.human_study.web._security import Guard
from genspace.human_study.web._server import most_connections, protocol_with_limits
from genspace.human_study.web._site import Site, site_of

__all__ = ["create_app", "listen", "open_site", "serve"]

_log = logging.getLogger("genspace")
_EXPLAINED = {403, 404, 409, 413, 422, 429, 500, 503}


_THREADS = 4
"""Threads that work on requests at once: more than the processor's cores only wait for each other."""


@asynccontextmanager
async def _few_threads(_app: FastAPI) -> AsyncIterator[None]:
    current_default_thread_limiter().total_tokens = _THREADS
    yield


def create_app(site: Site, *, openapi: bool = False) -> FastAPI:
    """Return the application of one study; `openapi` also serves its description at /openapi.json."""
    app = FastAPI(
        title="genspace human study",
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json" if openapi else None,
        redirect_slashes=False,  # such a redirect would name the host, and leave the path the study lives under
        lifespan=_few_threads,
    )
    app.state.site = site
    body_bytes = site.material.design.limits.body_bytes
    app.add_middleware(Guard, body_bytes=body_bytes, https=site.https, prefix=site.prefix)
    for part in (_joining, _rater, _researcher):
        app.include_router(part.router)
    static = files("genspace.human_study.web") / "static"
    app.mount("/static", StaticFiles(directory=str(static)), name="static")
    app.add_exception_handler(HTTPException, _refused)
    for error, code in _CODES.items():
        app.add_exception_handler(error, _explained(code))
    app.add_exception_handler(StorageError, _no_storage)
    app.add_exception_handler(Exception, _broken)

    @app.get("/health", include_in_schema=False)
    def health() -> dict[str, bool]:
        return {"ok": True}

    return app


_CODES: dict[type[Exception], int] = {
    RequestValidationError: 422, OutOfDateError: 409, ClosedError: 409, UnknownRaterError: 403,
}  # fmt: skip


def _explained(code: int) -> Any:
    def handler(request: Request, _error: Exception) -> Response:
        return _explain(request, code)

    return handler


def _refused(request: Request, error: Any) -> Response:
    return _explain(request, error.status_code)


def _no_storage(request: Request, error: Exception) -> Response:
    """The database does not answer just now: the page keeps what it has and tries again."""
    _log.error("%s", error)
    return _explain(request, 503)


def _broken(request: Request, error: Exception) -> Response:
    _log.error("request failed", exc_info=error)
    return _explain(request, 500)


def _explain(request: Request, status: int) -> Response:
    """Answer a failed request: JSON to the page's script, a page to people; nothing of the inside in either."""
    site = site_of(request)
    texts = site.texts_for(request)
    message = texts[f"page.error_{status if status in _EXPLAINED else 404}"]
    if "/api/" in request.url.path:
        return JSONResponse({"error": status, "message": message}, status)
    return site.page(request, "error.html", texts, status, message=message)


@contextmanager
def open_site(
    study_root: Path,
    *,
    https: bool = False,
    prefix: str = "",
    amend: str | None = None,
    from_the_start: bool = False,
) -> Iterator[Site]:
    """Open a study for serving; its store is closed on leaving.

    Args:
        study_root: The study's folder.
        https: Whether its public address is https.
        prefix: Path of the public address: "/study", or "".
        amend: Why what is registered has changed after the first answer.
        from_the_start: Whether known answers that changed hold for earlier answers, too.

    Errors: `InputError` for a study or a design that cannot be served, and where a picture cannot be read.
    """
    material: Material = load_material(study_root)
    with closing(AnswerStore(study_root, material.design)) as store:
        registered = store.prepare(material, amend=amend, from_the_start=from_the_start)
        if missing := registered.unreadable_pictures:
            raise InputError(_unreadable(material, missing))
        remarks = (
            *filter(None, [registered.of_update()]),
            *material.notes,
            *map(str, silent_rules(material)),
        )
        yield Site(material, store, https=https, prefix=prefix, remarks=remarks)


def _unreadable(material: Material, names: list[str]) -> str:
    try:
        material.files.read(names[0])
        why = names[0]
    except (InputError, OSError) as error:
        why = str(error)
    many = (
        f"{len(names)} pictures cannot be read, the first: "
        if len(names) > 1
        else "a picture cannot be read: "
    )
    return f"{many}{why}"


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; port 0 takes one that is free.

    Errors: `InputError` where nothing can listen.
    """
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise InputError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another `host` or `port`"
        ) from None


def serve(site: Site, listening: socket.socket, *, behind_proxy: bool) -> None:
    """Serve until interrupted; no access log is written, so no address and no code is kept."""
    import uvicorn

    limits = site.material.design.limits
    config = uvicorn.Config(
        create_app(site),
        http=protocol_with_limits(
            connections=most_connections(limits.connections), request_seconds=limits.request_seconds
        ),
        ws="none",
        access_log=False,
        log_level="warning",
        server_header=False,
        proxy_headers=behind_proxy,
        forwarded_allow_ips="127.0.0.1" if behind_proxy else None,
        timeout_keep_alive=75,  # a rater thinks longer than uvicorn's 5 s
        timeout_graceful_shutdown=5,
    )
    listening.listen(config.backlog)  # as many as uvicorn would let wait
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listening])
