"""Who is owed what: one row for each rater, by how the visit ended."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from sqlalchemy import select

from genspace.human_study.design import Outcome
from genspace.human_study.exchange._tables import csv_of
from genspace.human_study.material import Material
from genspace.human_study.store import _schema as t
from genspace.human_study.store.answer_store import AnswerStore
from genspace.human_study.visit.outcomes import Earned, earned

__all__ = ["Payment", "payments", "payments_csv"]


@dataclass(frozen=True, slots=True)
class Payment:
    """What one rater did, how the visit ended, and what is owed."""

    rater_id: str
    external_id: str
    """The platform's identifier of the participant; "" without a platform, and after `purge`."""
    source: str
    answered: int
    """Pictures answered, each once, without practice."""
    pictures: int
    """Those of the main round among them, by which some outcomes pay."""
    minutes: float
    finished: bool
    """Whether the rater reached the end of what could be asked."""
    outcome: Outcome | None
    """None while the visit goes on."""
    earned: Earned
    currency: str
    """Of what is earned."""
    sessions: tuple[str, ...]
    """The platform's names of the visits, first to last."""
    platform_status: str
    breaks_rules: tuple[str, ...]
    """Rules of the analysis; whether work is paid does not depend on them."""


def payments(store: AnswerStore, material: Material) -> list[Payment]:
    """Return a payment for each rater in the order they came; imported ones without an identifier get none."""
    snapshot, key = store.snapshot(), store.secret("csrf_key")
    quality = {r.rater_id: r for r in snapshot.recorded.raters()}
    seconds: dict[str, float] = {}
    pictures: dict[str, int] = {}
    for s in snapshot.screens:
        seconds[s.rater_id] = seconds.get(s.rater_id, 0.0) + (s.seconds or 0.0)
        pictures[s.rater_id] = pictures.get(s.rater_id, 0) + (s.role in {"main", "extra"} and s.repeat == 0)
    visits = _visits(store)
    result = []
    for rater in snapshot.raters:
        if rater.source == "import" and not rater.external_id:
            continue
        rater_id, outcome = rater.rater_id, rater.outcome
        found = quality.get(rater_id)
        count = pictures.get(rater_id, 0)
        result.append(
            Payment(
                rater_id,
                rater.external_id or "",
                rater.source,
                found.answered if found else 0,
                count,
                round(seconds.get(rater_id, 0.0) / 60, 1),
                rater.finished_at is not None,
                outcome,
                _earned(material, outcome, rater_id, count, key),
                material.design.crowd.currency,
                visits.get(rater_id, ()),
                rater.platform_status or "",
                found.excluded if found else (),
            )
        )
    return result


def _earned(material: Material, outcome: Outcome | None, rater_id: str, pictures: int, key: str) -> Earned:
    if outcome is None:
        return Earned(None, None, None)
    return earned(material.design, outcome, rater_id=rater_id, pictures=pictures, key=key)


def _visits(store: AnswerStore) -> Mapping[str, tuple[str, ...]]:
    v = t.visits.c
    found: dict[str, tuple[str, ...]] = {}
    with store.reading() as connection:
        for row in connection.execute(select(v.rater_id, v.session_id).order_by(v.came_at)):
            found[row.rater_id] = (*found.get(row.rater_id, ()), row.session_id)
    return found


_COLUMNS: Mapping[str, Callable[[Payment], Any]] = {
    **{n: attrgetter(n) for n in ("rater_id", "external_id", "source", "answered", "minutes", "finished")},
    "completion_code": lambda p: p.earned.code or "",
    "outcome": lambda p: p.outcome or "",
    "pictures": attrgetter("pictures"),
    "pay": lambda p: "" if p.earned.pay is None else f"{p.earned.pay:.2f}",
    "currency": lambda p: "" if p.earned.pay is None else p.currency,
    "sessions": lambda p: " ".join(p.sessions),
    "platform_status": attrgetter("platform_status"),
    "breaks_rules": lambda p: "; ".join(p.breaks_rules),
}


def payments_csv(store: AnswerStore, material: Material) -> str:
    """Return the list for payment; the only export that holds the platform's identifiers."""
    rows = [{name: cell(p) for name, cell in _COLUMNS.items()} for p in payments(store, material)]
    return csv_of([*_COLUMNS], rows)
