"""How a human study stands, as records: what the command `status` and the researcher's page show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from genspace.human_study.answers.quality import RaterQuality
from genspace.human_study.store.registration import Amendment

__all__ = [
    "Agreement", "AgreementBothWays", "Comment", "Logged", "OutcomeStatus", "Progress", "RaterStatus", "Registered",
    "StudyStatus", "Timing", "UnitStatus",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Progress:
    """How many of the answers wanted have been given."""

    items: int
    items_done: int
    wanted: int
    """Answers wanted, over all items."""
    answered: int
    in_flight: int
    share: float | None
    by_number_of_raters: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far raters agree with one another."""

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    """Questions that two raters or more decided."""
    reason: str | None
    """Why there is no value."""


@dataclass(frozen=True, slots=True)
class AgreementBothWays:
    """Agreement of all raters, and of those whom the registered rules keep."""

    everybody: Agreement
    after_exclusion: Agreement
    excluded: int
    """Raters left out."""


@dataclass(frozen=True, slots=True)
class Timing:
    """How long answers take, and how long the rest will."""

    median_seconds: float | None
    p90_seconds: float | None
    per_hour: float | None
    hours_left: float | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class RaterStatus:
    """One rater: figures, and how the visit stands."""

    quality: RaterQuality
    source: str
    language: str | None
    finished: bool
    idle_minutes: float
    platform_status: str | None

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        own = {"source", "language", "finished", "idle_minutes", "platform_status"}
        return self.quality.to_json() | {name: getattr(self, name) for name in sorted(own)}


@dataclass(frozen=True, slots=True)
class Comment:
    """What a rater wrote."""

    rater_id: str
    item_id: str
    comment: str


@dataclass(frozen=True, slots=True)
class UnitStatus:
    """One item, pair or group: answers wanted, answers given, and answers given or still awaited."""

    items: tuple[str, ...]
    wanted: int
    done: int
    assigned: int


@dataclass(frozen=True, slots=True)
class Logged:
    """What was done to the study."""

    at: float
    what: str
    detail: str


@dataclass(frozen=True, slots=True)
class OutcomeStatus:
    """One way in which a visit ends: how many ended so, and what it earns."""

    raters: int
    code: str | None
    pay: float | None
    pay_per_picture: float | None
    owed: float | None
    """What is owed to all of them together."""


@dataclass(frozen=True, slots=True)
class Registered:
    """What is registered, and its history."""

    digest: str
    """Digest of everything that raters see and the rules use; "" if nothing is registered, or only names are."""
    by: str
    """"content", "names" (by an earlier version), or "nothing yet"."""
    at: float | None
    amendments: tuple[Amendment, ...]
    updates: tuple[Amendment, ...]
    """What updates of genspace changed, not the study."""
    answers: Mapping[str, int]
    """Pictures of the main round that were answered under each digest; "" stands for names alone."""

    def sentence(self) -> str:
        """Return all of it in a sentence or two."""
        if self.by == "nothing yet":
            return "nothing is registered before the first serving"
        when = datetime.fromtimestamp(self.at or 0.0, UTC).strftime("%Y-%m-%d %H:%M")
        how = f"{self.digest}, {when} UTC" if self.by == "content" else f"by names alone, {when} UTC"
        earlier = self.answers.get("", 0) if self.by == "content" else 0
        old = f"; {earlier} pictures were answered while only names were registered" if earlier else ""
        number = len(self.amendments)
        updated = "; changed by an update of genspace" if self.updates else ""
        return f"{how}; {number or 'no'} amendment{'' if number == 1 else 's'}{updated}{old}"


@dataclass(frozen=True, slots=True)
class StudyStatus:
    """Everything that `genspace annotate status --json` and the researcher's page show."""

    title: str
    state: str
    protocol: str
    registration: Registered
    progress: Progress
    agreement: AgreementBothWays
    answers: Mapping[str, int]
    """How often each choice was made."""
    time: Timing
    raters: tuple[RaterStatus, ...]
    working_now: int
    outcomes: Mapping[str, OutcomeStatus]
    currency: str
    comments: tuple[Comment, ...]
    rules: Mapping[str, object]
    """The registered exclusion rules."""
    rules_that_cannot_fire: tuple[str, ...]
    notes: tuple[str, ...]
    """What the researcher should know about how the study was read."""
    log: tuple[Logged, ...]
    items: tuple[UnitStatus, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return asdict(self) | {"raters": [r.to_json() for r in self.raters]}
