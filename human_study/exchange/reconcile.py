"""Compare a platform's list of participants with what they did here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from sqlalchemy import update

from genspace.errors import InvalidFilesError
from genspace.human_study.design import Outcome
from genspace.human_study.exchange.payments import Payment, payments
from genspace.human_study.material import Material
from genspace.human_study.store import _schema as t
from genspace.human_study.store.answer_store import AnswerStore
from genspace.tables import read_table, require_columns

__all__ = ["Reconciliation", "reconcile"]

_STANDING = (
    "REJECTED", "RETURNED", "TIMED-OUT", "ACTIVE", "SCREENED OUT", "SUBMITTED", "AWAITING REVIEW",
    "PARTIALLY APPROVED", "APPROVED",
)  # fmt: skip
"""What platforms say about a submission, worst first: of several by one participant, the best counts."""
_NOT_FINISHED: Mapping[str, Outcome] = {"RETURNED": "returned", "TIMED-OUT": "timed_out"}
"""What a platform calls a participant who did not finish, and how the visit ended then."""
_REFUSED = {*_NOT_FINISHED, "REJECTED"}
"""What a platform does not pay for."""


@dataclass(frozen=True, slots=True)
class _PlatformColumns:
    """How a platform's list names its columns; capitals make no difference."""

    participant: tuple[str, ...]
    status: tuple[str, ...]
    session: tuple[str, ...]
    code: tuple[str, ...]


_LISTS: Mapping[str, _PlatformColumns] = {
    # Prolific: Download demographic data.
    "prolific": _PlatformColumns(
        ("Participant id",), ("Status",), ("Submission id", "Session id"), ("Completion code", "Entered code")
    ),
    # Mechanical Turk: the results of a batch.
    "mturk": _PlatformColumns(
        ("WorkerId",), ("AssignmentStatus",), ("AssignmentId",), ("Answer.surveycode", "Answer.code")
    ),
}


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Participants, by the platform's identifiers, by what was found."""

    matched: tuple[str, ...]
    unknown_here: tuple[str, ...]
    """On the platform's list, but never here."""
    missing_there: tuple[str, ...]
    """Here, but not on the list."""
    finished_here_not_there: tuple[str, ...]
    """Owed something here, and not paid by the platform so far."""
    wrong_code: tuple[str, ...]
    """Entered a code other than the one they were given here."""
    several_rows: tuple[str, ...]
    """More than once on the list; their best row counts."""

    def to_json(self) -> dict[str, list[str]]:
        """Return the findings as a JSON-ready dictionary."""
        return {name: list(value) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class _Submission:
    """One submission on the platform's list."""

    participant: str
    status: str
    session: str
    code: str

    @property
    def standing(self) -> int:
        return _STANDING.index(self.status) if self.status in _STANDING else 0


def reconcile(store: AnswerStore, material: Material, path: Path, *, platform: str) -> Reconciliation:
    """Note what a platform says about each participant, and return where its list and ours differ.

    A participant may be on the list several times, for example after returning a submission and coming back. The row of
    a session that began here counts; of several, the one in best standing. Participants who returned their work or ran
    out of time there, and had not finished here, get that outcome.

    Args:
        store: The study's store.
        material: The study.
        path: The CSV that the platform exports.
        platform: "prolific" or "mturk".

    Errors: `InvalidFilesError` for a file without the platform's columns.
    """
    rows = _read(path, _LISTS[platform])
    ours = {p.external_id: p for p in payments(store, material) if p.external_id}
    by_participant: dict[str, list[_Submission]] = {}
    for row in rows:
        by_participant.setdefault(row.participant, []).append(row)
    best = {who: _best(theirs, ours.get(who)) for who, theirs in by_participant.items()}

    def those(holds: Callable[[_Submission, Payment], bool]) -> tuple[str, ...]:
        return tuple(who for who, row in best.items() if who in ours and holds(row, ours[who]))

    found = Reconciliation(
        matched=tuple(who for who in best if who in ours),
        unknown_here=tuple(who for who in best if who not in ours),
        missing_there=tuple(sorted(set(ours) - set(best))),
        finished_here_not_there=those(lambda row, p: p.finished and row.status in _REFUSED),
        wrong_code=those(
            lambda row, p: bool(row.code and p.earned.code and row.code.strip() != p.earned.code)
        ),
        several_rows=tuple(who for who, theirs in by_participant.items() if len(theirs) > 1),
    )
    r = t.raters.c
    with store.writing() as connection:
        for who in found.matched:
            status = best[who].status
            connection.execute(update(t.raters).values(platform_status=status).where(r.external_id == who))
            if status in _NOT_FINISHED:
                connection.execute(
                    update(t.raters)
                    .values(outcome=_NOT_FINISHED[status], outcome_at=store.clock())
                    .where(r.external_id == who, r.outcome.is_(None))
                )
        store.note(connection, "reconciled", f"{path.name}: {len(rows)} rows, {len(found.matched)} matched")
    return found


def _read(path: Path, names: _PlatformColumns) -> list[_Submission]:
    table = read_table(path)
    columns = {c.strip().lower(): c for c in table.frame.columns}

    def column(known: Sequence[str]) -> list[str] | None:
        found = next((columns[name.lower()] for name in known if name.lower() in columns), None)
        return None if found is None else [str(cell).strip() for cell in table.frame[found]]

    who, status = column(names.participant), column(names.status)
    if who is None or status is None:
        raise InvalidFilesError(require_columns(table, (names.participant[0], names.status[0])))
    empty = [""] * len(who)
    return [
        _Submission(participant, state.upper(), session, code)
        for participant, state, session, code in zip(
            who, status, column(names.session) or empty, column(names.code) or empty, strict=True
        )
        if participant
    ]


def _best(rows: Sequence[_Submission], payment: Payment | None) -> _Submission:
    """Return the row that counts: of a visit that began here, in best standing."""
    sessions = payment.sessions if payment else ()
    return max(rows, key=lambda row: (row.session in sessions, row.standing))
