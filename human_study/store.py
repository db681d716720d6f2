"""The store of a human study: its state, raters and sessions.

Handing out items and taking answers is `genspace.human_study.assignment`.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Literal, cast

from sqlalchemy import Connection, bindparam, delete, func, insert, select, text, update

from genspace.errors import InputError
from genspace.human_study import _schema as t
from genspace.human_study._units import sync_units
from genspace.human_study.design import Design
from genspace.human_study.material import Material
from genspace.human_study.quality import Screen
from genspace.human_study.reading import SCREENS_QUERY, to_screens

__all__ = ["AnswerStore", "Session", "Snapshot", "StudyState", "new_token"]

StudyState = Literal["open", "paused", "closed"]
Source = Literal["open", "invited", "crowd", "import"]

_SESSION = (
    select(
        t.sessions.c.kind,
        t.sessions.c.external_id,
        t.raters.c.rater_id,
        t.raters.c.consented_at,
        t.raters.c.language,
    )
    .select_from(t.sessions.outerjoin(t.raters))
    .where(t.sessions.c.token_hash == bindparam("hashed"))
)
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # nothing that is misread for something else
_CREATION_LOCK = 7_217_101  # any number, the same in every process


def new_token() -> str:
    """Return a random secret for a link or a session (256 bits)."""
    return secrets.token_urlsafe(32)


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at one moment."""

    state: StudyState
    screens: tuple[Screen, ...]
    units: tuple[Mapping[str, Any], ...]
    """Rows of the units table."""
    raters: tuple[Mapping[str, Any], ...]
    """Rows of the raters table, in the order they came."""


@dataclass(frozen=True, slots=True)
class Session:
    """Who stands behind a cookie."""

    kind: Literal["rater", "researcher"]
    rater_id: str | None
    """None until the rater has agreed to take part."""
    external_id: str | None
    """The platform's identifier that came with the link."""
    language: str | None = None
    """The language the rater chose."""


class AnswerStore:
    """Everything that a human study remembers, in SQLite or PostgreSQL.

    Args:
        study_root: The study's folder.
        design: Its design.
        clock: Seconds since 1970; replaced in tests.
    """

    def __init__(self, study_root: Path, design: Design, clock: Callable[[], float] = time.time) -> None:
        self.design = design
        self.clock = clock
        self.engine = t.open_engine(study_root, design.database)
        self.write_lock = Lock()
        """SQLite has one writer; queueing here is fairer than its busy handler."""
        with self.engine.begin() as connection:
            if connection.dialect.name == "postgresql":  # two processes may create at once
                connection.execute(select(func.pg_advisory_xact_lock(_CREATION_LOCK)))
            t.metadata.create_all(connection)
            found = _get(connection, "schema_version")
            if found is None:
                _set(connection, "schema_version", t.SCHEMA_VERSION)
                _set(connection, "state", "open")
                for name in ("join_token", "researcher_token", "csrf_key"):
                    _set(connection, name, new_token())
                self.note(connection, "created")
            elif found != t.SCHEMA_VERSION:
                raise InputError(
                    f"the answers are stored in layout {found}, this genspace reads layout {t.SCHEMA_VERSION}; "
                    "export them with the version that wrote them, then import them into a new study"
                )

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that may write; it is committed on leaving, or undone by an exception."""
        if self.engine.dialect.name == "sqlite":
            with self.write_lock, self.engine.begin() as connection:
                yield connection
        else:
            with self.engine.begin() as connection:
                yield connection

    @contextmanager
    def reading(self, *, frozen: bool = False) -> Iterator[Connection]:
        """Open a connection that only reads; `frozen`: that sees one state throughout, which SQLite always does."""
        with self.engine.connect() as connection:
            if frozen and connection.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection.execution_options(read_only=True)

    # The study

    def prepare(self, material: Material, *, amend: str | None = None) -> None:
        """Bring the units up to date with the study's items and register the design.

        Until the first answer the design may change freely. Afterwards a change of what the data mean needs a
        reason, which is kept with both versions.

        Errors: `InputError` when the design changed after the first answer and no reason is given.
        """
        registered = json.dumps(self.design.registered(), sort_keys=True)
        with self.writing() as connection:
            before = _get(connection, "registered_design")
            has_answers = connection.scalar(select(t.submissions.c.revision).limit(1)) is not None
            if before is not None and before != registered and has_answers:
                if not amend:
                    old, new = json.loads(before), json.loads(registered)
                    changed = ", ".join(k for k in new if old.get(k) != new[k])
                    raise InputError(
                        f"annotate.toml changed after the first answer: {changed}. Undo the change, or keep it "
                        'on record with: genspace annotate serve STUDY --amend "why"'
                    )
                self.note(connection, "amended", json.dumps({"reason": amend, "before": json.loads(before)}))
            if before is None or not has_answers:
                _set(connection, "registered_at", str(self.clock()))
            _set(connection, "registered_design", registered)
            sync_units(connection, material, self.design)

    def registered_design(self) -> dict[str, object] | None:
        """Return the design as it was registered (see `Design.registered`), or None before the first serving."""
        with self.reading() as connection:
            found = _get(connection, "registered_design")
        return None if found is None else cast("dict[str, object]", json.loads(found))

    def state(self) -> StudyState:
        """Return whether items are being handed out."""
        with self.reading() as connection:
            return cast("StudyState", _get(connection, "state"))

    def set_state(self, state: StudyState) -> None:
        """Open, pause or close the study; answers to items already handed out are still taken."""
        with self.writing() as connection:
            if _get(connection, "state") != state:
                _set(connection, "state", state)
                self.note(connection, state)
            if state == "open":  # asked for by hand: the stop rule on agreement is looked at anew
                connection.execute(delete(t.meta).where(t.meta.c.key == "agreement_reached"))

    def stop_handing_out(self, why: str) -> None:
        """Note that the stop rule on agreement holds: no more items are handed out."""
        with self.writing() as connection:
            if _get(connection, "agreement_reached") is None:
                _set(connection, "agreement_reached", str(self.clock()))
                self.note(connection, "agreement reached", why)

    def snapshot(self) -> Snapshot:
        """Return answers, units and raters as they are at one moment."""
        with self.reading(frozen=True) as connection:
            return Snapshot(
                cast("StudyState", _get(connection, "state")),
                tuple(to_screens(tuple(r) for r in connection.execute(text(SCREENS_QUERY)))),
                tuple(dict(r) for r in connection.execute(select(t.units)).mappings()),
                tuple(
                    dict(r)
                    for r in connection.execute(select(t.raters).order_by(t.raters.c.created_at)).mappings()
                ),
            )

    def secret(self, name: Literal["join_token", "researcher_token", "csrf_key"]) -> str:
        """Return one of the study's secrets."""
        with self.reading() as connection:
            return cast("str", _get(connection, name))

    def log(self) -> list[tuple[float, str, str]]:
        """Return what was done to the study: when, what, details."""
        query = select(t.events.c.at, t.events.c.kind, t.events.c.detail).order_by(t.events.c.event_id)
        with self.reading() as connection:
            return [(row.at, row.kind, row.detail) for row in connection.execute(query)]

    def note(self, connection: Connection, kind: str, detail: str = "") -> None:
        """Put on record what is being done to the study."""
        connection.execute(insert(t.events).values(at=self.clock(), kind=kind, detail=detail))

    # Raters and sessions

    def start_session(self, kind: Literal["rater", "researcher"], external_id: str | None = None) -> str:
        """Start a session and return its token, which only the cookie holds.

        A platform's rater who comes back is recognised by the identifier.
        """
        token = new_token()
        with self.writing() as connection:
            rater_id = None
            if external_id is not None:
                rater_id = connection.scalar(
                    select(t.raters.c.rater_id).where(t.raters.c.external_id == external_id)
                )
            connection.execute(
                insert(t.sessions).values(
                    token_hash=_hashed(token),
                    kind=kind,
                    rater_id=rater_id,
                    external_id=external_id,
                    created_at=self.clock(),
                )
            )
        return token

    def start_invited_session(self, invitation: str) -> str | None:
        """Start a session from a personal link and return its token; None for an unknown link."""
        token = new_token()
        with self.writing() as connection:
            rater_id = connection.scalar(
                select(t.raters.c.rater_id).where(t.raters.c.invitation_hash == _hashed(invitation))
            )
            if rater_id is None:
                return None
            connection.execute(
                insert(t.sessions).values(
                    token_hash=_hashed(token), kind="rater", rater_id=rater_id, created_at=self.clock()
                )
            )
        return token

    def session(self, token: str) -> Session | None:
        """Return who stands behind a session's token, or None."""
        with self.reading() as connection:
            row = connection.execute(_SESSION, {"hashed": _hashed(token)}).one_or_none()
        if row is None:
            return None
        return Session(row.kind, row.rater_id if row.consented_at else None, row.external_id, row.language)

    def end_session(self, token: str) -> None:
        """Forget a session, of somebody who does not want to take part."""
        with self.writing() as connection:
            connection.execute(delete(t.sessions).where(t.sessions.c.token_hash == _hashed(token)))

    def consent(self, token: str, language: str) -> str:
        """Note that the rater behind a session agrees to take part; return the rater's pseudonym.

        Errors: `InputError` for an unknown session.
        """
        now = self.clock()
        with self.writing() as connection:
            session = connection.execute(
                select(t.sessions).where(t.sessions.c.token_hash == _hashed(token))
            ).one_or_none()
            if session is None:
                raise InputError("unknown session")
            rater_id = session.rater_id
            if rater_id is None and session.external_id is not None:  # consented in another window meanwhile
                rater_id = connection.scalar(
                    select(t.raters.c.rater_id).where(t.raters.c.external_id == session.external_id)
                )
            if rater_id is None:
                source: Source = "open" if session.external_id is None else "crowd"
                rater_id = self._add_rater(connection, source, external_id=session.external_id)
            connection.execute(
                update(t.raters)
                .where(t.raters.c.rater_id == rater_id)
                .values(consented_at=func.coalesce(t.raters.c.consented_at, now), language=language)
            )
            connection.execute(
                update(t.sessions).where(t.sessions.c.token_hash == _hashed(token)).values(rater_id=rater_id)
            )
        return str(rater_id)

    def _add_rater(
        self,
        connection: Connection,
        source: Source,
        *,
        external_id: str | None = None,
        invitation: str | None = None,
    ) -> str:
        rater_id = "r-" + "".join(secrets.choice(_ALPHABET) for _ in range(8))
        connection.execute(
            insert(t.raters).values(
                rater_id=rater_id,
                source=source,
                external_id=external_id,
                invitation_hash=None if invitation is None else _hashed(invitation),
                created_at=self.clock(),
                last_seen_at=self.clock(),
            )
        )
        return rater_id

    def invite(self, number: int) -> list[tuple[str, str]]:
        """Return pseudonyms and secrets of personal links, which work on any device."""
        with self.writing() as connection:
            invitations = [new_token() for _ in range(number)]
            invited = [(self._add_rater(connection, "invited", invitation=i), i) for i in invitations]
            self.note(connection, "invited", str(number))
        return invited

    def set_language(self, rater_id: str, language: str) -> None:
        """Remember the language a rater chose."""
        with self.writing() as connection:
            connection.execute(
                update(t.raters).where(t.raters.c.rater_id == rater_id).values(language=language)
            )


def _get(connection: Connection, key: str) -> str | None:
    return connection.scalar(select(t.meta.c.value).where(t.meta.c.key == key))


def _set(connection: Connection, key: str, value: str) -> None:
    changed = connection.execute(update(t.meta).where(t.meta.c.key == key).values(value=value))
    if changed.rowcount == 0:
        connection.execute(insert(t.meta).values(key=key, value=value))
