"""The store of a human study: its state, raters, sessions and housekeeping.

Handing out items and taking answers is `genspace.human_study.assignment`.
"""

from __future__ import annotations

import hashlib
import json
import random
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Literal, cast

from sqlalchemy import Connection, delete, func, insert, or_, select, text, update

from genspace.errors import InputError
from genspace.human_study import _schema as t
from genspace.human_study.design import Design
from genspace.human_study.material import Material
from genspace.human_study.quality import Screen
from genspace.human_study.reading import SCREENS_QUERY, to_screens

__all__ = ["AnswerStore", "Imported", "Session", "Snapshot", "StudyState", "new_token"]

StudyState = Literal["open", "paused", "closed"]
Source = Literal["open", "invited", "crowd", "import"]

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """One answer made elsewhere."""

    rater_id: str
    unit: tuple[str, str]
    """item_id and item_id_b; a pair may stand the other way round than in the study."""
    question: str
    value: float | None
    repeat: int = 0
    seconds: float | None = None
    comment: str = ""


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
        self._write_lock = Lock()  # SQLite has one writer; queueing here is fairer than its busy handler
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
                self._log(connection, "created")
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
            with self._write_lock, self.engine.begin() as connection:
                yield connection
        else:
            with self.engine.begin() as connection:
                yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a connection that only reads, and sees one state throughout."""
        with self.engine.connect() as connection:
            if connection.dialect.name == "postgresql":
                connection = connection.execution_options(isolation_level="REPEATABLE READ")  # noqa: PLW2901 - same
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
                self._log(connection, "amended", json.dumps({"reason": amend, "before": json.loads(before)}))
            if before is None or not has_answers:
                _set(connection, "registered_at", str(self.clock()))
            _set(connection, "registered_design", registered)
            self._sync_units(connection, material)

    def _sync_units(self, connection: Connection, material: Material) -> None:
        known = {(row.item_id, row.item_id_b, row.kind): row for row in connection.execute(select(t.units))}
        wanted_keys = {(*u.key, u.kind) for u in material.units}
        known_text = {
            u.key: json.dumps(dict(material.known[u.key].values), sort_keys=True)
            if u.key in material.known
            else ""
            for u in material.units
        }
        shuffle = random.Random(self.design.seed)
        k = self.design.raters_per_item
        new = [
            {
                "item_id": u.item_id,
                "item_id_b": u.item_id_b,
                "kind": u.kind,
                "wanted": k if u.kind == "main" else 0,
                "known": known_text[u.key],
                "available": u.kind == "main",
                "shuffle": shuffle.random(),
            }
            for u in material.units
            if (*u.key, u.kind) not in known
        ]
        if new:
            connection.execute(insert(t.units), new)
        for (item_id, item_id_b, kind), row in known.items():
            now_known = known_text.get((item_id, item_id_b), "")
            if (item_id, item_id_b, kind) in wanted_keys and row.known != now_known:
                connection.execute(
                    update(t.units).where(t.units.c.unit_id == row.unit_id).values(known=now_known)
                )
        gone = [row.unit_id for key, row in known.items() if key not in wanted_keys]
        for unit_id in gone:
            connection.execute(
                update(t.units).where(t.units.c.unit_id == unit_id).values(wanted=0, available=False)
            )
        stays = [
            row.unit_id
            for key, row in known.items()
            if key in wanted_keys and row.kind == "main" and row.wanted < k
        ]
        for unit_id in stays:
            connection.execute(
                update(t.units)
                .where(t.units.c.unit_id == unit_id)
                .values(wanted=k, available=t.units.c.assigned < k)
            )

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
                self._log(connection, state)
            if state == "open":  # asked for by hand: the stop rule on agreement is looked at anew
                connection.execute(delete(t.meta).where(t.meta.c.key == "agreement_reached"))

    def stop_handing_out(self, why: str) -> None:
        """Note that the stop rule on agreement holds: no more items are handed out."""
        with self.writing() as connection:
            if _get(connection, "agreement_reached") is None:
                _set(connection, "agreement_reached", str(self.clock()))
                self._log(connection, "agreement reached", why)

    def snapshot(self) -> Snapshot:
        """Return answers, units and raters as they are at one moment."""
        with self.reading() as connection:
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

    def _log(self, connection: Connection, kind: str, detail: str = "") -> None:
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
        s, r = t.sessions.c, t.raters.c
        query = (
            select(s.kind, s.external_id, r.rater_id, r.consented_at, r.language)
            .select_from(t.sessions.outerjoin(t.raters))
            .where(s.token_hash == _hashed(token))
        )
        with self.reading() as connection:
            row = connection.execute(query).one_or_none()
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
            self._log(connection, "invited", str(number))
        return invited

    def set_language(self, rater_id: str, language: str) -> None:
        """Remember the language a rater chose."""
        with self.writing() as connection:
            connection.execute(
                update(t.raters).where(t.raters.c.rater_id == rater_id).values(language=language)
            )

    # Answers made elsewhere

    def import_answers(self, rows: Sequence[Imported], source: str) -> dict[str, int]:
        """Add answers made elsewhere, all or none; answers that are there already stay as they are.

        Args:
            rows: Answers; those of one rater to one unit become one screen.
            source: Name of the file, for the log.

        Returns: How many answers and raters were added.
        """
        screens: dict[tuple[str, tuple[str, str], int], list[Imported]] = {}
        for row in rows:
            screens.setdefault((row.rater_id, row.unit, row.repeat), []).append(row)
        now = self.clock()
        added, newcomers = 0, 0
        with self.writing() as connection:
            units = {(u.item_id, u.item_id_b): u for u in connection.execute(select(t.units))}
            known = set(connection.scalars(select(t.raters.c.rater_id)))
            a = t.assignments.c
            for position, ((rater_id, key, repeat), theirs) in enumerate(screens.items(), start=1):
                turned = key not in units
                unit = units[key[::-1] if turned else key]
                if rater_id not in known:
                    known.add(rater_id)
                    newcomers += 1
                    connection.execute(
                        insert(t.raters).values(
                            rater_id=rater_id,
                            source="import",
                            created_at=now,
                            consented_at=now,
                            last_seen_at=now,
                        )
                    )
                there = select(a.assignment_id).where(
                    a.rater_id == rater_id, a.unit_id == unit.unit_id, a.repeat == repeat
                )
                if connection.scalar(there) is not None:
                    continue
                assignment_id = connection.execute(
                    insert(t.assignments)
                    .values(
                        rater_id=rater_id, unit_id=unit.unit_id, role=unit.kind, repeat=repeat, flipped=False,
                        position=position, state="answered", given_at=now, expires_at=now, revision=1,
                    )
                    .returning(a.assignment_id)
                ).scalar_one()  # fmt: skip
                connection.execute(
                    insert(t.submissions).values(
                        assignment_id=assignment_id, revision=1, submission=f"import-{new_token()}", received_at=now,
                        seconds=theirs[0].seconds, comment=theirs[0].comment,
                    )
                )  # fmt: skip
                values = {
                    r.question: 1 - r.value if turned and r.value is not None else r.value for r in theirs
                }
                connection.execute(
                    insert(t.answers),
                    [
                        {"assignment_id": assignment_id, "revision": 1, "question": q, "value": v}
                        for q, v in values.items()
                    ],
                )
                added += len(values)
                if unit.kind == "main" and repeat == 0:
                    u = t.units.c
                    connection.execute(
                        update(t.units)
                        .where(u.unit_id == unit.unit_id)
                        .values(assigned=u.assigned + 1, done=u.done + 1, available=u.assigned + 1 < u.wanted)
                    )
            self._log(connection, "imported", f"{source}: {added} answers of {newcomers} new raters")
        return {"answers": added, "raters": newcomers}

    def set_platform_status(self, statuses: Mapping[str, str]) -> None:
        """Note what the platform says about its raters, by its identifiers."""
        with self.writing() as connection:
            for external_id, status in statuses.items():
                connection.execute(
                    update(t.raters)
                    .where(t.raters.c.external_id == external_id)
                    .values(platform_status=status)
                )

    # Housekeeping

    def forget(self, rater: str) -> int:
        """Delete everything a rater left, and ask for the answers anew; return how many answers went.

        Args:
            rater: Pseudonym, or the platform's identifier.

        Errors: `InputError` when nobody bears it.
        """
        with self.writing() as connection:
            r = t.raters.c
            rater_id = connection.scalar(
                select(r.rater_id).where(or_(r.rater_id == rater, r.external_id == rater))
            )
            if rater_id is None:
                raise InputError(f"there is no rater {rater!r}; `genspace annotate status --json` lists them")
            a = t.assignments.c
            theirs = select(a.assignment_id).where(a.rater_id == rater_id)
            number = connection.scalar(
                select(func.count()).select_from(t.assignments).where(a.rater_id == rater_id, a.revision > 0)
            )
            counted = connection.execute(
                select(a.unit_id, a.state).where(
                    a.rater_id == rater_id,
                    a.state != "expired",
                    a.role.in_(("main", "extra")),
                    a.repeat == 0,
                )
            ).all()
            for unit_id, state in counted:
                u = t.units.c
                connection.execute(
                    update(t.units)
                    .where(u.unit_id == unit_id)
                    .values(
                        assigned=u.assigned - 1,
                        done=u.done - int(state == "answered"),
                        available=u.assigned - 1 < u.wanted,
                    )
                )
            for table in (t.answers, t.submissions):
                connection.execute(delete(table).where(table.c.assignment_id.in_(theirs)))
            for table in (t.assignments, t.sessions, t.raters):
                connection.execute(delete(table).where(table.c.rater_id == rater_id))
            self._log(connection, "rater deleted", f"{number} answers")
        self._scrub()
        return int(number or 0)

    def purge(self, *, days: float, dry_run: bool = False) -> dict[str, int]:
        """Drop identifiers, invitations, sessions and comments of raters not seen for `days` days.

        Answers stay under the pseudonym. Returns how many raters, sessions and comments were (or would be) touched.
        """
        before = self.clock() - days * 86_400
        r, s = t.raters.c, t.sessions.c
        old = select(r.rater_id).where(r.last_seen_at < before)
        named = select(r.rater_id).where(
            r.last_seen_at < before, or_(r.external_id.is_not(None), r.invitation_hash.is_not(None))
        )
        stale = or_(s.rater_id.in_(old), (s.rater_id.is_(None)) & (s.created_at < before))
        theirs = select(t.assignments.c.assignment_id).where(t.assignments.c.rater_id.in_(old))
        commented = (t.submissions.c.assignment_id.in_(theirs)) & (t.submissions.c.comment != "")
        with self.writing() as connection:
            counts = {
                "raters": connection.scalar(select(func.count()).select_from(named.subquery())) or 0,
                "sessions": connection.scalar(select(func.count()).select_from(t.sessions).where(stale)) or 0,
                "comments": connection.scalar(
                    select(func.count()).select_from(t.submissions).where(commented)
                )
                or 0,
            }
            if not dry_run:
                connection.execute(update(t.submissions).where(commented).values(comment=""))
                connection.execute(delete(t.sessions).where(stale))
                connection.execute(
                    update(t.raters)
                    .where(r.last_seen_at < before)
                    .values(external_id=None, invitation_hash=None)
                )
                self._log(connection, "purged", json.dumps(counts))
        if not dry_run:
            self._scrub()
        return counts

    def _scrub(self) -> None:
        """Leave no deleted text behind in SQLite's files; PostgreSQL's own vacuum does it there."""
        if self.engine.dialect.name != "sqlite":
            return
        with self._write_lock:
            raw = self.engine.raw_connection()
            try:
                raw.driver_connection.execute("VACUUM")  # type: ignore[union-attr]  # sqlite3 connection
                raw.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
            finally:
                raw.close()


def _get(connection: Connection, key: str) -> str | None:
    return connection.scalar(select(t.meta.c.value).where(t.meta.c.key == key))


def _set(connection: Connection, key: str, value: str) -> None:
    changed = connection.execute(update(t.meta).where(t.meta.c.key == key).values(value=value))
    if changed.rowcount == 0:
        connection.execute(insert(t.meta).values(key=key, value=value))
