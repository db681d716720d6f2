"""Describe how a human study was done, as a paper does: participants, consent, payment, exclusions, agreement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from statistics import median
from typing import Any

from sqlalchemy import select

from genspace._version import __version__
from genspace.human_study.design import OUTCOMES, Outcome
from genspace.human_study.exchange.payments import Payment, payments
from genspace.human_study.material import Material
from genspace.human_study.store import _schema as t
from genspace.human_study.store.answer_store import AnswerStore
from genspace.human_study.visit.platforms import platform_of
from genspace.human_study.watching.monitor import study_status
from genspace.human_study.watching.status import Agreement, Registered, StudyStatus

__all__ = ["Description", "describe"]

_PLATFORMS = {"prolific": "Prolific", "mturk": "Amazon Mechanical Turk"}
_TASKS = {
    "binary": "answered yes, no or can't tell", "likert": "rated on a scale from 1 to 5",
    "slider": "rated on a scale from 0 to 100", "pairwise": "chose the better of two pictures, or neither",
    "best_worst": "chose the best and the worst of several pictures", "ranking": "put several pictures in order",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Description:
    """The paragraphs, one by one."""

    participants: str
    consent: str
    payment: str
    task: str
    exclusions: str
    agreement: str
    software: str

    def text(self) -> str:
        """Return all of it as Markdown."""
        parts = {name.capitalize(): getattr(self, name) for name in self.__dataclass_fields__}
        return "\n\n".join(f"**{name}.** {text}" for name, text in parts.items())

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return asdict(self)


def describe(store: AnswerStore, material: Material) -> Description:
    """Return how the study was done; `genspace compare` says how judges fare against it."""
    status, owed = study_status(store, material), payments(store, material)
    return Description(
        participants=_participants(store, material, status, owed),
        consent=_consent(store, material),
        payment=_payment(material, status, owed),
        task=_task(material, status),
        exclusions=_exclusions(status),
        agreement=_agreement(status),
        software=f"Answers were collected with genspace {__version__}.",
    )


def _participants(
    store: AnswerStore, material: Material, status: StudyStatus, owed: Sequence[Payment]
) -> str:
    with store.reading() as connection:
        r = t.raters.c
        came = [
            row.created_at for row in connection.execute(select(r.created_at).where(r.source != "import"))
        ]
    imported = sum(rater.source == "import" for rater in status.raters)
    if not came:
        return (
            f"{_count(imported, 'rater')} whose answers were made elsewhere."
            if imported
            else "Nobody has come yet."
        )
    how = Counter(p.source for p in owed)
    platform = _PLATFORMS.get(platform_of(material.design.crowd).name, "a crowd platform")
    ways = {"crowd": f"through {platform}", "invited": "by personal invitation", "open": "by an open link"}
    through = ", ".join(f"{how[source]} {words}" for source, words in ways.items() if how[source])
    ended = Counter(p.outcome for p in owed)
    ends = [f"{ended[o]} {_ended(o, ended[o])}" for o in OUTCOMES if ended[o]]
    ends += [f"{ended[None]} did not finish"] if ended[None] else []
    dates = sorted({datetime.fromtimestamp(at, UTC).date().isoformat() for at in (min(came), max(came))})
    when = " and ".join(dates)
    text = f"{_count(len(came), 'person', 'people')} came {'between' if len(dates) > 1 else 'on'} {when} ({through}): "
    text += f"{', '.join(ends)}."
    return text + (f" Answers of {_count(imported, 'rater')} were made elsewhere." if imported else "")


_ENDED = {
    "complete": "completed the study", "consent_refused": "declined", "training_failed": "did not pass the training",
    "checks_failed": "was stopped after failed attention checks", "nothing_left": "found nothing left to do",
    "timed_out": "ran out of time", "returned": "returned the work",
}  # fmt: skip


def _ended(outcome: Outcome, people: int) -> str:
    return _ENDED[outcome] if people == 1 else _ENDED[outcome].replace("was ", "were ")


def _consent(store: AnswerStore, material: Material) -> str:
    with store.reading() as connection:
        r = t.raters.c
        rows = connection.execute(
            select(r.consented_at, r.consent_version).where(r.source != "import", r.consented_at.is_not(None))
        ).all()
    versions = Counter(row.consent_version or "of an earlier version of genspace" for row in rows)
    which = ", ".join(
        f"version {v} ({n})" if len(versions) > 1 else f"version {v}" for v, n in versions.items()
    )
    text = f"{_count(len(rows), 'person', 'people')} agreed to the consent form"
    text += f", {which}, before they saw a picture." if rows else "."
    ethics = material.design.consent.ethics
    return f"{text} {ethics}" if ethics else text


def _payment(material: Material, status: StudyStatus, owed: Sequence[Payment]) -> str:
    currency = material.design.crowd.currency
    earning: dict[str, list[str]] = {}
    for name, o in status.outcomes.items():
        amounts = [] if o.pay is None else [f"{o.pay:.2f} {currency}".rstrip()]
        amounts += [f"{o.pay_per_picture:g} {currency}".rstrip() + " a picture"] if o.pay_per_picture else []
        if amounts:
            earning.setdefault(" and ".join(amounts), []).append(_ENDED[name])
    stated = [f"{amount} to anyone who {' or '.join(ends)}" for amount, ends in earning.items()]
    if not stated:
        words = material.design.consent.payment
        return f"Participants were told: {words}" if words else "No payment is on record."
    total = sum(o.owed or 0.0 for o in status.outcomes.values())
    paid = [p for p in owed if p.outcome == "complete" and p.earned.pay and p.minutes > 0]
    hourly = median(60 * (p.earned.pay or 0.0) / p.minutes for p in paid) if paid else None
    text = f"We paid {'; '.join(stated)}; {total:.2f} {currency}".rstrip() + " in all."
    if hourly is not None:
        text += f" For those who completed the study this was {hourly:.2f} {currency}".rstrip()
        text += " an hour of looking at pictures (median)."
    return text


def _task(material: Material, status: StudyStatus) -> str:
    design, progress = material.design, status.progress
    kinds = Counter(u.kind for u in material.units)
    unit = {"item": "item", "pair": "pair", "group": "group"}[design.answers.shape]
    text = (
        f"Raters {_TASKS[design.protocol]}. Each of {_count(progress.items, unit)} was wanted from "
        f"{_count(design.raters_per_item, 'rater')}; {progress.answered} of {progress.wanted} answers were given"
    )
    text += f", in {status.time.median_seconds:.1f} s each (median)." if status.time.median_seconds else "."
    parts = []
    if kinds["training"]:
        mark = design.training.pass_mark
        passed = "" if mark is None else f", {mark:.0%} of which had to be right"
        parts.append(f"a practice round of {_count(kinds['training'], 'picture')} with feedback{passed}")
    if kinds["gold"]:
        parts.append(
            f"{_count(kinds['gold'], unit)} with a known answer, one in {design.gold.every} pictures"
        )
    if design.repeats.every:
        parts.append(f"one repeated {unit} in {design.repeats.every} pictures")
    return text + (f" There were {'; '.join(parts)}." if parts else "")


def _exclusions(status: StudyStatus) -> str:
    broken = Counter(
        reason.partition(":")[0].partition(",")[0] for r in status.raters for reason in r.quality.excluded
    )
    answered = sum(r.quality.answered > 0 for r in status.raters)
    text = f"{_registration(status.registration)} "
    if not broken:
        return text + f"None of {_count(answered, 'rater')} broke an exclusion rule."
    why = "; ".join(f"{reason}: {n}" for reason, n in broken.items())
    return (
        text
        + f"{status.agreement.excluded} of {_count(answered, 'rater')} broke a rule and were left out ({why})."
    )


def _registration(found: Registered) -> str:
    if found.by == "nothing yet":
        return "Nothing was registered."
    if found.by == "names":
        return "The rules were registered before the first answer, by their names alone."
    text = f"What raters saw and the exclusion rules were registered as {found.digest}"
    pictures = ", ".join(_count(a.answers_before, "picture") for a in found.updates)
    updated = f", except for what an update of genspace changed after {pictures}" if found.updates else ""
    if not found.amendments:
        text = (
            f"{text}, and not changed"
            if found.updates
            else f"{text} before the first answer, and not changed"
        )
        return f"{text}{updated}."
    told = "; ".join(f"after {_count(a.answers_before, 'picture')}: {a.reason}" for a in found.amendments)
    return f"{text}, after {_count(len(found.amendments), 'amendment')} ({told}){updated}."


def _agreement(status: StudyStatus) -> str:
    both = status.agreement
    text = f"Raters agreed with one another with {_words(both.after_exclusion)}"
    text += f"; with all raters {_words(both.everybody)}." if both.excluded else "."
    repeats = [
        (r.quality.repeat_agreement, r.quality.repeats) for r in status.raters if not r.quality.excluded
    ]
    number = sum(n for _, n in repeats)
    if number:
        share = sum((value or 0.0) * n for value, n in repeats) / number
        text += f" They gave the same answer again to {share:.0%} of {number} repeated questions."
    return text


def _words(found: Agreement) -> str:
    name = found.name.replace("krippendorff_alpha_", "Krippendorff's alpha (") + ")"
    if found.value is None:
        return f"{name} undefined: {found.reason}"
    interval = (
        "" if found.low is None else f", 95 % interval {found.low:.2f} to {found.high:.2f} over prompts"
    )
    return f"{name} = {found.value:.2f}{interval}, n = {found.n}"


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or f'{one}s'}"
