"""How a human study stands: progress, people's agreement with each other, time, and who answers carelessly.

It leaves out how far judges agree with the people: nobody should decide when to stop asking by looking at that.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from genspace.human_study.answers.orders import implied_pairs, load_tiers
from genspace.human_study.answers.quality import RaterQuality
from genspace.human_study.answers.screens import Detail, Screen
from genspace.human_study.design import OUTCOMES, ExclusionTable
from genspace.human_study.design.protocols import PROTOCOLS
from genspace.human_study.exchange.payments import Payment, payments
from genspace.human_study.reading import Recorded
from genspace.human_study.visit.outcomes import spec_of
from genspace.human_study.watching.rules import silent_rules
from genspace.human_study.watching.status import (
    Agreement,
    AgreementBothWays,
    Comment,
    Logged,
    OutcomeStatus,
    Progress,
    RaterStatus,
    Registered,
    StudyStatus,
    Timing,
    UnitStatus,
)
from genspace.records import Item

if TYPE_CHECKING:
    from sqlalchemy import Row

    from genspace.human_study.material import Material
    from genspace.human_study.store.answer_store import AnswerStore

__all__ = ["agreement", "agreement_both_ways", "note_agreement_reached", "study_status"]

DRAWS = 500
_RECENT_SECONDS = 600.0
"""A rater seen within this time counts as working now."""
_PACE_SECONDS = 3600.0
"""The pace is taken from the last hour of work."""
_COMMENTS_SHOWN = 30


def agreement(
    screens: Iterable[Screen],
    items: Mapping[str, Item],
    protocol: str,
    kinds: Mapping[str, str] | None = None,
) -> Agreement:
    """Return how far raters agree with one another: Krippendorff's alpha with its interval over prompts.

    Only first answers of role main count, and "can't tell" is a missing value. Alpha is nominal for yes / no, interval
    for the slider, and ordinal otherwise. An order of a group counts as the pairs that it decides. Where questions
    differ in kind, those of the first question's kind count.
    """
    import numpy as np

    from genspace.analysis.reliability import krippendorff_alpha
    from genspace.analysis.resampling import PromptDraws, estimate, stream

    kind = next(iter((kinds or {}).values()), protocol)
    level = _LEVELS[PROTOCOLS[kind].value_type]
    given = _given(screens, lambda q: (kinds or {}).get(q, kind) == kind)
    rows = sorted(key for key, answers in given.items() if len(answers) > 1)
    name = f"krippendorff_alpha_{level}"
    if len(rows) < 2:
        reason = "fewer than two items have answers of two raters"
        return Agreement(name, None, None, None, len(rows), reason)
    column = {r: n for n, r in enumerate(sorted({r for key in rows for r in given[key]}))}
    ratings = np.full((len(rows), len(column)), np.nan)
    for i, key in enumerate(rows):
        for rater, value in given[key].items():
            ratings[i, column[rater]] = value
    prompts = [_prompt(items.get(unit[0]), unit[0]) for unit, _ in rows]
    draws = PromptDraws.make(prompts, DRAWS, stream(0, "live-agreement"))
    found = estimate(
        float(krippendorff_alpha(ratings, level)[0]),
        draws.map(lambda w: krippendorff_alpha(ratings, level, w)),
        n=len(rows),
    )
    same = "all answers are the same" if found.value is None else None
    return Agreement(name, found.value, found.low, found.high, len(rows), same)


_LEVELS: Mapping[str, Literal["nominal", "ordinal", "interval"]] = {
    "binary": "nominal", "ordinal": "ordinal", "continuous": "interval",
}  # fmt: skip


def _given(
    screens: Iterable[Screen], counts: Callable[[str], bool]
) -> dict[tuple[tuple[str, ...], str], dict[str, float]]:
    """Return the value of each rater by unit and question; for a pair in several groups the mean."""
    given: dict[tuple[tuple[str, ...], str], dict[str, float]] = {}
    shares: dict[tuple[tuple[str, str], str, str], list[float]] = {}
    for screen in screens:
        if screen.role != "main" or screen.repeat:
            continue
        for question, value in screen.answers.items():
            order = screen.details.get(question, Detail()).choice if screen.shown else ""
            if order:
                for first, second, share in implied_pairs(load_tiers(order)):
                    shares.setdefault(((first, second), question, screen.rater_id), []).append(share)
            elif value is not None and counts(question):
                given.setdefault((screen.unit, question), {})[screen.rater_id] = value
    for (pair, question, rater_id), found in shares.items():
        given.setdefault((pair, question), {})[rater_id] = sum(found) / len(found)
    return given


def _prompt(item: Item | None, item_id: str) -> str:
    return (item.prompt_id or item.prompt or item_id) if item else item_id


def agreement_both_ways(recorded: Recorded, items: Mapping[str, Item]) -> AgreementBothWays:
    """Return how far all raters agree, and how far those agree whom the registered rules keep."""
    out = {r.rater_id for r in recorded.raters() if r.excluded}
    everybody = agreement(recorded.screens, items, recorded.protocol, recorded.kinds)
    rest = [s for s in recorded.screens if s.rater_id not in out]
    kept = agreement(rest, items, recorded.protocol, recorded.kinds) if out else everybody
    return AgreementBothWays(everybody, kept, len(out))


def study_status(store: AnswerStore, material: Material) -> StudyStatus:
    """Return how a study stands."""
    snapshot = store.snapshot()
    design, screens, now = material.design, snapshot.screens, store.clock()
    recorded = snapshot.recorded
    units = [u for u in snapshot.units if u.kind == "main"]
    wanted = sum(u.wanted for u in units)
    done = sum(min(u.done, u.wanted) for u in units)
    work = [s for s in screens if s.role != "training"]
    comments = [
        Comment(s.rater_id, s.unit[0], s.comment)
        for s in sorted(screens, key=lambda s: -s.received_at)
        if s.comment
    ]
    return StudyStatus(
        title=design.title,
        state=snapshot.state,
        protocol=design.protocol,
        registration=_registered(store, recorded),
        progress=Progress(
            items=len(units),
            items_done=sum(u.done >= u.wanted for u in units),
            wanted=wanted,
            answered=done,
            in_flight=sum(max(u.assigned - u.done, 0) for u in units),
            share=done / wanted if wanted else None,
            by_number_of_raters=dict(sorted(Counter(u.done for u in units).items())),
        ),
        agreement=agreement_both_ways(recorded, material.items),
        answers=_distribution(work, recorded),
        time=_time(work, wanted - done, now),
        raters=_raters(recorded, snapshot.raters, now),
        working_now=sum(now - r.last_seen_at < _RECENT_SECONDS for r in snapshot.raters),
        outcomes=_outcomes(material, payments(store, material)),
        currency=design.crowd.currency,
        comments=tuple(comments[:_COMMENTS_SHOWN]),
        rules=ExclusionTable.model_validate(recorded.registered["exclusion"]).model_dump(),
        rules_that_cannot_fire=tuple(map(str, silent_rules(material))),
        notes=material.notes,
        log=tuple(Logged(*entry) for entry in store.log()),
        items=tuple(UnitStatus(tuple(json.loads(u.item_ids)), u.wanted, u.done, u.assigned) for u in units),
    )


def _registered(store: AnswerStore, recorded: Recorded) -> Registered:
    history = store.registrations()
    answers = Counter(s.registration for s in recorded.screens if s.role == "main")
    by = "nothing yet" if not history else "content" if recorded.registration else "names"
    return Registered(
        recorded.registration,
        by,
        history[-1].at if history else None,
        tuple(a for a in history if a.reason),
        tuple(a for a in history if a.changed and not a.reason),
        dict(answers),
    )


def _outcomes(material: Material, owed: Sequence[Payment]) -> dict[str, OutcomeStatus]:
    result: dict[str, OutcomeStatus] = {}
    for outcome in OUTCOMES:
        theirs = [p for p in owed if p.outcome == outcome]
        spec = spec_of(material.design, outcome)
        amounts = [p.earned.pay for p in theirs if p.earned.pay is not None]
        total = round(sum(amounts), 2) if amounts else None
        result[outcome] = OutcomeStatus(len(theirs), spec.code, spec.pay, spec.pay_per_picture, total)
    return result


def _distribution(screens: Sequence[Screen], recorded: Recorded) -> dict[str, int]:
    """Return how often each choice was made, in the order of the protocols; orders of groups are not choices."""
    counts: Counter[str] = Counter()
    order: dict[str, None] = {}
    for kind in dict.fromkeys(recorded.kinds.values()) or [recorded.protocol]:
        order |= dict.fromkeys(c.name for c in PROTOCOLS[kind].choices)
    for s in screens:
        if s.repeat or s.role == "gold":
            continue
        for q, v in s.answers.items():
            choice = s.details.get(q, Detail()).choice
            if not s.shown:
                kind = recorded.kinds.get(q, recorded.protocol)
                counts[choice or PROTOCOLS[kind].choice(v)] += 1
            elif not choice:
                counts["cannot_tell"] += 1
    rest = sorted(set(counts) - set(order), key=lambda name: (not name.isdecimal(), name.zfill(4)))
    return {name: counts[name] for name in (*order, *rest) if name in counts}


def _time(screens: Sequence[Screen], left: int, now: float) -> Timing:
    """Return seconds an answer, pictures an hour, and the hours left at the pace of the last hour of work."""
    timed = sorted(s.seconds for s in screens if s.seconds is not None)
    last = max((s.received_at for s in screens), default=None)
    hourly = None
    if last is not None and now - last < _PACE_SECONDS:
        recent = [s.received_at for s in screens if s.received_at >= last - _PACE_SECONDS]
        span = now - min(recent)
        hourly = len(recent) / span * 3600 if span > 0 and len(recent) > 1 else None
    return Timing(
        median_seconds=timed[len(timed) // 2] if timed else None,
        p90_seconds=timed[int(len(timed) * 0.9)] if timed else None,
        per_hour=hourly,
        hours_left=max(left, 0) / hourly if hourly else None,
        reason=None if hourly else "nobody has answered in the last hour",
    )


def _raters(recorded: Recorded, known: Sequence[Row[Any]], now: float) -> tuple[RaterStatus, ...]:
    figures = {r.rater_id: r for r in recorded.raters()}
    return tuple(
        RaterStatus(
            figures.get(rater.rater_id) or RaterQuality.without_answers(rater.rater_id, rater.outcome or ""),
            source=rater.source,
            language=rater.language,
            finished=rater.finished_at is not None,
            idle_minutes=round((now - rater.last_seen_at) / 60, 1),
            platform_status=rater.platform_status,
        )
        for rater in known
    )


def note_agreement_reached(store: AnswerStore, material: Material) -> bool:
    """Apply the stop rule on the interval of the raters' agreement; return whether it holds.

    The rule looks at the interval's width alone, not at the agreement, so stopping on it favours no result.
    """
    target = material.design.stop.agreement_width
    if target is None:
        return False
    recorded = store.snapshot().recorded
    found = agreement(recorded.screens, material.items, recorded.protocol, recorded.kinds)
    if found.low is None or found.high is None or found.high - found.low > target:
        return False
    store.stop_handing_out(f"interval {found.low:.3f} to {found.high:.3f}, n = {found.n}")
    return True
