"""How a human study stands: progress, people's agreement with each other, time, and who answers carelessly.

Judges' agreement with the people is left out on purpose: nobody should decide when to stop asking by looking at it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from genspace.human_study.design import Exclusion
from genspace.human_study.protocols import PROTOCOLS
from genspace.human_study.quality import RaterQuality, Screen
from genspace.human_study.reading import Recorded
from genspace.records import Item

if TYPE_CHECKING:
    from genspace.human_study.material import Material
    from genspace.human_study.store import AnswerStore

__all__ = ["agreement", "agreement_both_ways", "note_agreement_reached", "study_status"]

DRAWS = 500
_RECENT_SECONDS = 600.0
"""A rater seen within so long counts as working now."""
_PACE_SECONDS = 3600.0
"""The pace is taken from the last hour of work."""
_COMMENTS_SHOWN = 30


def agreement(screens: Iterable[Screen], items: Mapping[str, Item], protocol: str) -> dict[str, Any]:
    """Return how far raters agree with one another: Krippendorff's alpha with its interval over prompts.

    Only first answers of role main count; "can't tell" is a missing value. Nominal for yes / no, ordinal else.

    Returns: `{name, value, low, high, n, reason}`; n counts questions that two raters or more decided.
    """
    import numpy as np

    from genspace.analysis.reliability import krippendorff_alpha
    from genspace.analysis.resampling import PromptDraws, estimate, stream

    level: Literal["nominal", "ordinal"] = (
        "nominal" if PROTOCOLS[protocol].value_type == "binary" else "ordinal"
    )
    given: dict[tuple[tuple[str, str], str], dict[str, float]] = {}
    for screen in screens:
        if screen.role == "main" and screen.repeat == 0:
            for question, value in screen.answers.items():
                if value is not None:
                    given.setdefault((screen.unit, question), {})[screen.rater_id] = value
    rows = sorted(key for key, answers in given.items() if len(answers) > 1)
    name = f"krippendorff_alpha_{level}"
    if len(rows) < 2:
        reason = "fewer than two items have answers of two raters"
        return {"name": name, "value": None, "low": None, "high": None, "n": len(rows), "reason": reason}
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
    return {
        "name": name,
        "value": found.value,
        "low": found.low,
        "high": found.high,
        "n": found.n,
        "reason": "all answers are the same" if found.value is None else None,
    }


def _prompt(item: Item | None, item_id: str) -> str:
    return (item.prompt_id or item.prompt or item_id) if item else item_id


def agreement_both_ways(recorded: Recorded, items: Mapping[str, Item]) -> dict[str, Any]:
    """Return the raters' agreement with everybody, and without those whom the registered rules leave out."""
    out = {r.rater_id for r in recorded.raters() if r.excluded}
    everybody = agreement(recorded.screens, items, recorded.protocol)
    kept = agreement([s for s in recorded.screens if s.rater_id not in out], items, recorded.protocol)
    return {"everybody": everybody, "after_exclusion": kept if out else everybody, "excluded": len(out)}


def study_status(store: AnswerStore, material: Material) -> dict[str, Any]:
    """Return everything that `genspace annotate status --json` and the researcher's page show."""
    snapshot = store.snapshot()
    design, screens, now = material.design, snapshot.screens, store.clock()
    recorded = Recorded(screens, design.registered() | (store.registered_design() or {}))
    units = [u for u in snapshot.units if u["kind"] == "main"]
    wanted = sum(u["wanted"] for u in units)
    done = sum(min(u["done"], u["wanted"]) for u in units)
    work = [s for s in screens if s.role != "training"]
    return {
        "title": design.title,
        "state": snapshot.state,
        "protocol": design.protocol,
        "progress": {
            "items": len(units),
            "items_done": sum(u["done"] >= u["wanted"] for u in units),
            "wanted": wanted,
            "answered": done,
            "in_flight": sum(max(u["assigned"] - u["done"], 0) for u in units),
            "share": done / wanted if wanted else None,
            "by_number_of_raters": dict(sorted(Counter(u["done"] for u in units).items())),
        },
        "agreement": agreement_both_ways(recorded, material.items),
        "answers": _distribution(work, design.protocol),
        "time": _time(work, wanted - done, now),
        "raters": _raters(recorded, snapshot.raters, now),
        "working_now": sum(now - r["last_seen_at"] < _RECENT_SECONDS for r in snapshot.raters),
        "comments": [
            {"rater_id": s.rater_id, "item_id": s.unit[0], "comment": s.comment}
            for s in sorted(screens, key=lambda s: -s.received_at)
            if s.comment
        ][:_COMMENTS_SHOWN],
        "rules": Exclusion.model_validate(recorded.registered["exclusion"]).model_dump(),
        "log": [{"at": at, "what": what, "detail": detail} for at, what, detail in store.log()],
        "items": [{k: u[k] for k in ("item_id", "item_id_b", "wanted", "done", "assigned")} for u in units],
    }


def _distribution(screens: Sequence[Screen], protocol: str) -> dict[str, int]:
    choices = PROTOCOLS[protocol]
    counts = Counter(
        choices.choice(v) for s in screens if s.repeat == 0 and s.role != "gold" for v in s.answers.values()
    )
    return {c.name: counts[c.name] for c in choices.choices if c.name in counts}


def _time(screens: Sequence[Screen], left: int, now: float) -> dict[str, Any]:
    """Seconds an answer, pictures an hour, hours left at the pace of the last hour of work."""
    timed = sorted(s.seconds for s in screens if s.seconds is not None)
    last = max((s.received_at for s in screens), default=None)
    hourly = None
    if last is not None and now - last < _PACE_SECONDS:
        recent = [s.received_at for s in screens if s.received_at >= last - _PACE_SECONDS]
        span = now - min(recent)
        hourly = len(recent) / span * 3600 if span > 0 and len(recent) > 1 else None
    return {
        "median_seconds": timed[len(timed) // 2] if timed else None,
        "p90_seconds": timed[int(len(timed) * 0.9)] if timed else None,
        "per_hour": hourly,
        "hours_left": max(left, 0) / hourly if hourly else None,
        "reason": None if hourly else "nobody has answered in the last hour",
    }


def _raters(recorded: Recorded, known: Sequence[Mapping[str, Any]], now: float) -> list[dict[str, Any]]:
    figures = {r.rater_id: r.to_json() for r in recorded.raters()}
    blank = RaterQuality.without_answers("").to_json()
    return [
        blank
        | figures.get(rater["rater_id"], {})
        | {
            "rater_id": rater["rater_id"],
            "source": rater["source"],
            "language": rater["language"],
            "finished": rater["finished_at"] is not None,
            "idle_minutes": round((now - rater["last_seen_at"]) / 60, 1),
            "platform_status": rater["platform_status"],
        }
        for rater in known
    ]


def note_agreement_reached(store: AnswerStore, material: Material) -> bool:
    """Apply the stop rule on the interval of the raters' agreement; return whether it holds.

    The rule looks at the interval's width alone, not at the agreement, so stopping on it favours no result.
    """
    target = material.design.stop.agreement_width
    if target is None:
        return False
    snapshot = store.snapshot()
    found = agreement(snapshot.screens, material.items, material.design.protocol)
    reached = found["low"] is not None and found["high"] - found["low"] <= target
    if reached:
        store.stop_handing_out(f"interval {found['low']:.3f} to {found['high']:.3f}, n = {found['n']}")
    return bool(reached)
