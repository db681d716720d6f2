"""Raters and their sessions: whom a cookie identifies, what they agreed to, and how they came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sqlalchemy import Connection, bindparam, delete, func, insert, or_, select, update

from genspace.errors import InputError
from genspace.human_study.design import Outcome
from genspace.human_study.store import _schema as t
from genspace.human_study.store._database import Database
from genspace.human_study.store.tokens import hashed, new_pseudonym, new_token

__all__ = ["RaterSessions", "Session"]

Kind = Literal["rater", "researcher"]
Source = Literal["open", "invited", "crowd", "import"]

_R, _S, _V = t.raters.c, t.sessions.c, t.visits.c
_SESSION = (
    select(_S.kind, _S.external_id, _R.rater_id, _R.consented_at, _R.consent_digest, _R.language, _R.outcome)
    .select_from(t.sessions.outerjoin(t.raters))
    .where(_S.token_hash == bindparam("hashed"))
)


@dataclass(frozen=True, slots=True)
class Session:
    """The person whom a cookie identifies."""

    kind: Kind
    rater_id: str | None
    """None until the rater has agreed to take part."""
    external_id: str | None
    """The platform's identifier that came with the link."""
    language: str | None = None
    """The language the rater chose."""
    known: str | None = None
    """The rater's pseudonym; before consent only where a platform or a personal link tells who comes."""
    consent_digest: str | None = None
    """Digest of the wording that the rater agreed to; None: agreed under an earlier version, which kept none."""
    outcome: Outcome | None = None
    """How the visit ended; None while it goes on."""

    def agreed_to(self, digest: str) -> bool:
        """Whether the rater agreed to the consent form of this wording."""
        return self.rater_id is not None and self.consent_digest in {None, digest}


class RaterSessions(Database):
    """Who takes part."""

    def start_session(
        self, kind: Kind, external_id: str | None = None, *, session_id: str = "", study_id: str = ""
    ) -> str:
        """Start a session and return its token, which only the cookie holds.

        Args:
            kind: Whose session it is.
            external_id: The platform's identifier of the participant, who is recognised by it.
            session_id: The platform's name of this visit.
            study_id: The platform's name of the study.
        """
        with self.writing() as connection:
            rater_id = None
            if external_id is not None:
                rater_id = connection.scalar(select(_R.rater_id).where(_R.external_id == external_id))
                if rater_id is None:
                    rater_id = self._add_rater(connection, "crowd", external_id=external_id)
                self._note_visit(connection, rater_id, session_id, study_id)
            return self._begin(connection, kind, rater_id, external_id)

    def _begin(
        self, connection: Connection, kind: Kind, rater_id: str | None, external_id: str | None = None
    ) -> str:
        token = new_token()
        row = {"token_hash": hashed(token), "kind": kind, "rater_id": rater_id, "external_id": external_id}
        connection.execute(insert(t.sessions), row | {"created_at": self.clock()})
        return token

    def _note_visit(self, connection: Connection, rater_id: str, session_id: str, study_id: str) -> None:
        known = select(_V.came_at).where(_V.rater_id == rater_id, _V.session_id == session_id)
        if session_id and connection.scalar(known) is None:
            connection.execute(
                insert(t.visits).values(
                    rater_id=rater_id, session_id=session_id, study_id=study_id, came_at=self.clock()
                )
            )

    def note_visit(self, rater_id: str, session_id: str, study_id: str) -> None:
        """Note that a platform's participant came again, in another of the platform's sessions."""
        with self.writing() as connection:
            self._note_visit(connection, rater_id, session_id, study_id)

    def start_invited_session(self, invitation: str) -> str | None:
        """Start a session from a personal link and return its token; None for an unknown link."""
        with self.writing() as connection:
            rater_id = connection.scalar(select(_R.rater_id).where(_R.invitation_hash == hashed(invitation)))
            return None if rater_id is None else self._begin(connection, "rater", rater_id)

    def session(self, token: str) -> Session | None:
        """Return the session of a token, or None."""
        with self.reading() as connection:
            row = connection.execute(_SESSION, {"hashed": hashed(token)}).one_or_none()
        if row is None:
            return None
        agreed = row.rater_id if row.consented_at else None
        return Session(
            row.kind, agreed, row.external_id, row.language, row.rater_id, row.consent_digest, row.outcome
        )

    def end_session(self, token: str) -> None:
        """Delete the session of somebody who does not want to take part."""
        with self.writing() as connection:
            connection.execute(delete(t.sessions).where(_S.token_hash == hashed(token)))

    def is_bound(self, external_id: str) -> bool:
        """Return whether a platform's participant has begun in a browser; it is the one to go on in."""
        theirs = select(_S.token_hash).join_from(t.sessions, t.raters).where(_R.external_id == external_id)
        with self.reading() as connection:
            return connection.scalar(theirs.limit(1)) is not None

    def release(self, rater: str) -> str:
        """Let a rater go on in another browser: end the present sessions, and return the pseudonym.

        Errors: `InputError` when there is no such rater.
        """
        with self.writing() as connection:
            rater_id = self.find(connection, rater)
            connection.execute(delete(t.sessions).where(_S.rater_id == rater_id))
            self.note(connection, "released", "a rater may go on in another browser")
        return rater_id

    def find(self, connection: Connection, rater: str) -> str:
        """Return a rater's pseudonym, given the pseudonym itself or the platform's identifier.

        Errors: `InputError` when nobody bears it.
        """
        found = connection.scalar(
            select(_R.rater_id).where(or_(_R.rater_id == rater, _R.external_id == rater))
        )
        if found is None:
            raise InputError(f"there is no rater {rater!r}; `genspace annotate status --json` lists them")
        return str(found)

    def consent(self, token: str, language: str, *, version: str = "", digest: str | None = None) -> str:
        """Note that the rater behind a session agrees to take part; return the rater's pseudonym.

        Args:
            token: The session's.
            language: In which the form was read.
            version: Of the form.
            digest: Of its wording.

        Errors: `InputError` for an unknown session.
        """
        now = self.clock()
        with self.writing() as connection:
            session = connection.execute(
                select(t.sessions).where(_S.token_hash == hashed(token))
            ).one_or_none()
            if session is None:
                raise InputError("unknown session")
            rater_id = session.rater_id
            if rater_id is None and session.external_id is not None:  # of an earlier version
                rater_id = connection.scalar(select(_R.rater_id).where(_R.external_id == session.external_id))
            if rater_id is None:
                source: Source = "open" if session.external_id is None else "crowd"
                rater_id = self._add_rater(connection, source, external_id=session.external_id)
            connection.execute(
                update(t.raters)
                .where(_R.rater_id == rater_id)
                .values(
                    consented_at=func.coalesce(_R.consented_at, now), language=language,
                    consent_version=version or None, consent_digest=digest,
                )
            )  # fmt: skip
            connection.execute(
                update(t.sessions).where(_S.token_hash == hashed(token)).values(rater_id=rater_id)
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
        row = {
            "rater_id": new_pseudonym(), "source": source, "external_id": external_id,
            "invitation_hash": None if invitation is None else hashed(invitation), "created_at": self.clock(),
            "last_seen_at": self.clock(),
        }  # fmt: skip
        connection.execute(insert(t.raters), row)
        return str(row["rater_id"])

    def invite(self, number: int) -> list[tuple[str, str]]:
        """Make personal links, which work on any device; return their pseudonyms and secrets."""
        with self.writing() as connection:
            invitations = [new_token() for _ in range(number)]
            invited = [(self._add_rater(connection, "invited", invitation=i), i) for i in invitations]
            self.note(connection, "invited", str(number))
        return invited

    def set_language(self, rater_id: str, language: str) -> None:
        """Remember the language a rater chose."""
        with self.writing() as connection:
            connection.execute(update(t.raters).where(_R.rater_id == rater_id).values(language=language))

    def end_visit(self, rater_id: str, outcome: Outcome) -> None:
        """Note how a visit ended; the first outcome stands."""
        with self.writing() as connection:
            connection.execute(
                update(t.raters)
                .where(_R.rater_id == rater_id, _R.outcome.is_(None))
                .values(outcome=outcome, outcome_at=self.clock(), last_seen_at=self.clock())
            )
