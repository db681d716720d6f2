"""The store of a human study: its state, its registration, its transactions.

`genspace.human_study.store.sessions` holds raters and sessions; `genspace.human_study.visit.assignment` hands out items
and takes answers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from sqlalchemy import Connection, Row, delete, func, insert, select, text, update

from genspace.errors import InputError
from genspace.human_study.answers.screens import Screen
from genspace.human_study.material import Material
from genspace.human_study.reading import SCREENS_QUERY, Recorded, to_screens
from genspace.human_study.store import _schema as t
from genspace.human_study.store._database import get_meta, set_meta
from genspace.human_study.store._units import sync_units
from genspace.human_study.store.registration import (
    MADE_FROM,
    Amendment,
    Changes,
    Registration,
    changes,
    register,
)
from genspace.human_study.store.sessions import RaterSessions
from genspace.human_study.store.tokens import new_token

__all__ = ["AnswerStore", "Snapshot", "StudyState"]

StudyState = Literal["open", "paused", "closed"]
Secret = Literal["join_token", "researcher_token", "csrf_key", "study_id"]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything at one moment."""

    state: StudyState
    recorded: Recorded
    units: tuple[Row[Any], ...]
    """Rows of the units table."""
    raters: tuple[Row[Any], ...]
    """Rows of the raters table, in the order they came."""

    @property
    def screens(self) -> tuple[Screen, ...]:
        """Every answered screen."""
        return self.recorded.screens


class AnswerStore(RaterSessions):
    """Everything that a human study remembers, in SQLite or PostgreSQL."""

    # The registration

    def prepare(
        self, material: Material, *, amend: str | None = None, from_the_start: bool = False
    ) -> Registration:
        """Bring the units up to date with the study's items and register what raters see and the rules use.

        Until the first answer everything may change freely. Afterwards a change needs a reason, which is kept with
        what changed. Answers carry the digest of what was registered when they were given. What an update of genspace
        changed (the words and drawings of questions, texts that the study does not bring itself) needs no reason: it
        is registered anew, logged, and named in the result. A study of an earlier version registered names only; it
        keeps that registration and gets one of content from now on.

        Args:
            material: The study.
            amend: Why what was registered has changed.
            from_the_start: Whether changed known answers also hold for the answers given before, as when a mistake in
                the table of known answers was put right.

        Returns:
            What is registered now.

        Errors: `InputError` when something changed after the first answer and no reason is given.
        """
        now = register(material)
        with self.writing() as connection:
            before = registered(connection)
            answered = (
                connection.scalar(select(func.count(func.distinct(t.submissions.c.assignment_id)))) or 0
            )
            changed = changes(before, now) if answered and before is not None else Changes()
            if before is not None and changed.by_study:
                if not amend:
                    raise InputError(
                        f"what raters see or the rules use changed after the first answer: {changed}. Undo "
                        'the change, or keep it on record with: genspace annotate serve STUDY --amend "why"'
                    )
                self._register(connection, now, answered, reason=amend, changed=str(changed))
                detail = {
                    "reason": amend,
                    "changed": str(changed),
                    "before": before.digest,
                    "after": now.digest,
                }
                self.note(connection, "amended", json.dumps(detail, ensure_ascii=False))
                if from_the_start:
                    _correct_known(connection, material)
                    self.note(connection, "known answers corrected from the start", amend)
            elif before is None or before.digest != now.digest:
                if not answered:
                    connection.execute(delete(t.registrations))
                self._register(connection, now, answered, changed=str(changed))
                if changed.by_update:
                    now = replace(now, updated=", ".join(changed.by_update))
                    self.note(connection, "changed by an update of genspace", now.updated)
                elif answered and before is not None:
                    self.note(connection, "content registered", f"{answered} pictures were answered before")
            sync_units(connection, material, self.design)
        return now

    def _register(
        self, connection: Connection, now: Registration, answered: int, *, reason: str = "", changed: str = ""
    ) -> None:
        design = json.dumps(dict(now.design), sort_keys=True)
        connection.execute(
            insert(t.registrations),
            {
                "at": self.clock(), "digest": now.digest, "design": design,
                "sections": json.dumps({**now.sections, MADE_FROM: now.made_from}),
                "reason": reason, "changed": changed, "answers_before": answered,
            },
        )  # fmt: skip
        set_meta(connection, "registered_design", design)
        set_meta(connection, "registration", now.digest)

    def registrations(self) -> list[Amendment]:
        """Return what was registered, first to last; the first has neither reason nor predecessor."""
        with self.reading() as connection:
            rows = connection.execute(select(t.registrations).order_by(t.registrations.c.number)).all()
        return [
            Amendment(row.at, row.reason, row.changed, before, row.digest, row.answers_before)
            for row, before in zip(rows, ["", *(r.digest for r in rows)], strict=False)
        ]

    # The study

    def state(self) -> StudyState:
        """Return whether items are being handed out."""
        with self.reading() as connection:
            return cast("StudyState", get_meta(connection, "state"))

    def set_state(self, state: StudyState) -> None:
        """Open, pause or close the study.

        A paused study still takes answers to what was handed out; a closed one takes nothing.
        """
        with self.writing() as connection:
            if get_meta(connection, "state") != state:
                set_meta(connection, "state", state)
                self.note(connection, state)
            if state == "open":  # somebody asked for it: the stop rule on agreement is checked anew
                connection.execute(delete(t.meta).where(t.meta.c.key == "agreement_reached"))

    def stop_handing_out(self, why: str) -> None:
        """Note that the stop rule on agreement holds: no more items are handed out."""
        with self.writing() as connection:
            if get_meta(connection, "agreement_reached") is None:
                set_meta(connection, "agreement_reached", str(self.clock()))
                self.note(connection, "agreement reached", why)

    def snapshot(self) -> Snapshot:
        """Return answers, units and raters as they are at one moment."""
        with self.reading(frozen=True) as connection:
            meta = {row.key: row.value for row in connection.execute(select(t.meta))}
            screens = to_screens(connection.execute(text(SCREENS_QUERY)).mappings())
            registered = json.loads(meta.get("registered_design", "{}"))
            units = tuple(connection.execute(select(t.units)))
            known = tuple(connection.execute(select(t.raters).order_by(t.raters.c.created_at)))
        recorded = Recorded(
            screens,
            self.design.registered() | registered,
            outcomes={r.rater_id: r.outcome for r in known if r.outcome},
            registration=meta.get("registration", ""),
        )
        return Snapshot(cast("StudyState", meta["state"]), recorded, units, known)

    def secret(self, name: Secret) -> str:
        """Return one of the study's secrets, or its short name on this host (`study_id`)."""
        with self.reading() as connection:
            return cast("str", get_meta(connection, name))

    def renew_secret(self, name: Literal["join_token", "researcher_token"]) -> str:
        """Replace a link's secret and return the new one; a researcher's sessions end with the old one."""
        fresh = new_token()
        with self.writing() as connection:
            set_meta(connection, name, fresh)
            if name == "researcher_token":
                connection.execute(delete(t.sessions).where(t.sessions.c.kind == "researcher"))
            self.note(connection, "link renewed", name.removesuffix("_token"))
        return fresh

    def log(self) -> list[tuple[float, str, str]]:
        """Return what was done to the study: when, what, details."""
        query = select(t.events.c.at, t.events.c.kind, t.events.c.detail).order_by(t.events.c.event_id)
        with self.reading() as connection:
            return [(row.at, row.kind, row.detail) for row in connection.execute(query)]


def registered(connection: Connection) -> Registration | None:
    """Return what is registered now, or None before the first serving."""
    latest = select(t.registrations).order_by(t.registrations.c.number.desc()).limit(1)
    row = connection.execute(latest).one_or_none()
    if row is None:
        return None
    sections = json.loads(row.sections)
    made_from = sections.pop(MADE_FROM, {})
    return Registration(json.loads(row.design), sections, made_from)


def _correct_known(connection: Connection, material: Material) -> None:
    """Check the answers given so far against the present known answers."""
    a, v, u = t.assignments.c, t.answers.c, t.units.c
    connection.execute(update(t.answers).values(known=""))
    for key, known in material.known.items():
        of_unit = (
            select(a.assignment_id)
            .join_from(t.assignments, t.units)
            .where(u.item_ids == json.dumps(key, ensure_ascii=False))
        )
        for question, value in known.values.items():
            theirs = update(t.answers).where(v.question == question, v.assignment_id.in_(of_unit))
            connection.execute(theirs.values(known=json.dumps(value)))
