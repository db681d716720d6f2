"""How a visit can end, and what each way of ending it earns."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, text

from genspace.human_study.design import OUTCOMES, Design, Outcome, OutcomeSpec
from genspace.human_study.store.tokens import personal_code
from genspace.human_study.visit.platforms import platform_of

__all__ = ["OUTCOMES", "SCREENED_OUT", "Earned", "Outcome", "earned", "is_final", "main_pictures", "spec_of"]

SCREENED_OUT: frozenset[Outcome] = frozenset({"consent_refused", "training_failed", "checks_failed"})
"""Outcomes for which `[outcomes.screened_out]` stands where they have no table of their own."""
_NOTHING = OutcomeSpec()
_MAIN_PICTURES = text("""
    SELECT count(*) FROM assignments
    WHERE rater_id = :rater AND state = 'answered' AND role IN ('main', 'extra') AND repeat = 0
""")


@dataclass(frozen=True, slots=True)
class Earned:
    """What a rater gets at the end of a visit."""

    code: str | None
    """The completion code, where there is one."""
    url: str | None
    """Where to go with it."""
    pay: float | None
    """Amount owed; None where the design names none."""


def spec_of(design: Design, outcome: Outcome) -> OutcomeSpec:
    """Return what the design says of an outcome."""
    found: OutcomeSpec | None = getattr(design.outcomes, outcome)
    if found is None and outcome in SCREENED_OUT:
        found = design.outcomes.screened_out
    spec = found or _NOTHING
    if outcome == "complete" and spec.code is None:
        return spec.model_copy(update={"code": design.crowd.completion_code})
    return spec


def earned(design: Design, outcome: Outcome, *, rater_id: str, pictures: int, key: str) -> Earned:
    """Return code and pay of a visit.

    A visit that ends without any picture because nothing is left earns its flat amount alone.

    Args:
        design: The study's design.
        outcome: How the visit ended.
        rater_id: Whose visit it was, for a personal code.
        pictures: Pictures of the main round that were answered, each once.
        key: The study's secret, for a personal code.
    """
    spec = spec_of(design, outcome)
    code = spec.code
    if code is not None and "{personal}" in code:
        code = code.replace("{personal}", personal_code(key, rater_id, outcome))
    url = spec.url or (
        design.crowd.completion_url or platform_of(design.crowd).completion_url if code else None
    )
    pay = None
    if spec.pay is not None or spec.pay_per_picture is not None:
        pay = round((spec.pay or 0.0) + (spec.pay_per_picture or 0.0) * pictures, 2)
    return Earned(code, url.replace("{code}", code or "") if url else None, pay)


def main_pictures(connection: Connection, rater_id: str) -> int:
    """Return how many pictures of the main round a rater has answered, each once."""
    return connection.execute(_MAIN_PICTURES, {"rater": rater_id}).scalar_one()  # type: ignore[no-any-return]  # an int


def is_final(outcome: Outcome | None, source: str) -> bool:
    """Return whether a visit is over for good.

    When nothing is left, a rater with a plain or a personal link may go on as soon as something is. A rater from a
    platform has been sent back to it.
    """
    return outcome is not None and (outcome != "nothing_left" or source == "crowd")
