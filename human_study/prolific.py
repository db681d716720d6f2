"""What Prolific says about its participants, beside what they did here."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import update

from genspace.errors import InvalidFilesError
from genspace.human_study import _schema as t
from genspace.human_study.material import Material
from genspace.human_study.store import AnswerStore
from genspace.tables import read_table, require_columns

__all__ = ["import_prolific"]

log = logging.getLogger(__name__)

_RANKS = ("APPROVED", "AWAITING REVIEW", "ACTIVE", "REJECTED", "TIMED-OUT", "RETURNED")
"""Prolific's statuses, those that say most about a participant's work first; others come last."""
_NOT_FINISHED = {"RETURNED", "TIMED-OUT", "REJECTED"}
"""What Prolific calls a participant who did not finish."""


def import_prolific(store: AnswerStore, material: Material, path: Path) -> dict[str, list[str]]:
    """Note what Prolific says about each participant, and return where its list and ours differ.

    Args:
        store: The study's store.
        material: The study.
        path: The CSV that Prolific exports for a study ("Download demographic data").

    Returns: Participants (their identifiers) by finding: `matched`, `unknown_here` (they approve or await, but never
    came), `missing_there`, `finished_here_not_there`, `wrong_code`.

    Errors: `InvalidFilesError` for a file without the columns "Participant id" and "Status".
    """
    table = read_table(path)
    columns = {c.strip().lower(): c for c in table.frame.columns}
    who, state = columns.get("participant id"), columns.get("status")
    if who is None or state is None:
        raise InvalidFilesError(require_columns(table, ("Participant id", "Status")))
    code_column = columns.get("completion code") or columns.get("entered code")
    found: dict[str, list[str]] = {
        k: [] for k in ("matched", "unknown_here", "missing_there", "finished_here_not_there", "wrong_code")
    }
    ours = {r["external_id"]: r for r in store.snapshot().raters if r["external_id"]}
    rows: dict[str, int] = {}
    states = table.frame[state].str.strip().str.upper()
    for i, participant in enumerate(table.frame[who].str.strip()):
        # Whoever comes back has several rows; the one that counts for pay is the one that counts here.
        before = rows.get(participant)
        if before is None or _rank(states.iloc[i]) < _rank(states.iloc[before]):
            rows[participant] = i
    twice = len(table.frame) - len(rows)
    if twice:
        log.info(
            "%s: %d further rows of participants who stand there already are passed over", path.name, twice
        )
    statuses = {participant: str(states.iloc[i]) for participant, i in rows.items()}
    for participant, i in rows.items():
        rater = ours.get(participant)
        if rater is None:
            found["unknown_here"].append(participant)
            continue
        found["matched"].append(participant)
        if rater["finished_at"] is not None and statuses[participant] in _NOT_FINISHED:
            found["finished_here_not_there"].append(participant)
        code = material.design.crowd.completion_code
        given = table.frame[code_column].iloc[i] if code_column else ""
        if code and given and given != code:
            found["wrong_code"].append(participant)
    found["missing_there"] = sorted(set(ours) - set(statuses))
    r = t.raters.c
    with store.writing() as connection:
        for participant in found["matched"]:
            noted = update(t.raters).values(platform_status=statuses[participant])
            connection.execute(noted.where(r.external_id == participant))
    return found


def _rank(status: str) -> int:
    return _RANKS.index(status) if status in _RANKS else len(_RANKS)
