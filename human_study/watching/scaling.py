"""From best–worst choices and rankings of groups to a scale of generators, or of items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from genspace.errors import InputError
from genspace.human_study.answers.orders import load_tiers
from genspace.human_study.answers.screens import Detail
from genspace.human_study.design.protocols import PROTOCOLS
from genspace.human_study.reading import Recorded
from genspace.records import Item

__all__ = ["Scale", "ScaledThing", "scale_choices"]


@dataclass(frozen=True, slots=True)
class ScaledThing:
    """One generator or item on the scale; see `genspace.analysis.best_worst.BestWorst`."""

    name: str
    shown: int
    count: float | None
    count_se: float | None
    strength: float | None
    strength_se: float | None


@dataclass(frozen=True, slots=True)
class Scale:
    """Everything that was scaled, best first."""

    things: tuple[ScaledThing, ...]
    choices: int
    """Answers that it rests on; those of raters whom the rules leave out are not among them."""
    split_half: float | None
    """Mean Spearman correlation of the counting scales of two random halves of the answers."""
    reason: str | None
    """Why there are no strengths."""

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dictionary."""
        return asdict(self)


def scale_choices(
    recorded: Recorded, items: Mapping[str, Item], *, by: Literal["generator", "item"]
) -> Scale:
    """Scale generators (or items) from the best and the worst of each group; of a ranking from its two ends.

    Errors: `InputError` for a study of another protocol, one without answers, or items without a generator.
    """
    import numpy as np

    from genspace.analysis.best_worst import best_worst_scale, split_half_reliability

    if PROTOCOLS[recorded.protocol].shape != "group":
        raise InputError(
            f"protocol {recorded.protocol!r} has no best and worst; this is for best_worst and ranking"
        )
    out = {r.rater_id for r in recorded.raters() if r.excluded}
    chosen = []
    for s in recorded.screens:
        order = s.details.get("", Detail()).choice
        if order and s.role == "main" and s.repeat == 0 and s.rater_id not in out:
            tiers = load_tiers(order)
            chosen.append([_named(items, i, by) for i in (*s.unit, tiers[0][0], tiers[-1][0])])
    if not chosen:
        raise InputError("there are no answers to scale yet")
    names = sorted({name for row in chosen for name in row})
    place = {name: n for n, name in enumerate(names)}
    width = max(map(len, chosen)) - 2
    sets = np.full((len(chosen), width), -1)
    for n, row in enumerate(chosen):
        shown = [place[name] for name in row[:-2]]
        if len(set(shown)) < len(shown):
            raise InputError("a group shows two items of one generator; scale items instead: `by` item")
        sets[n, : len(shown)] = shown
    best, worst = (np.array([place[row[end]] for row in chosen]) for end in (-2, -1))
    scale = best_worst_scale(sets, best, worst, items=len(names), names=names)
    halves = split_half_reliability(sets, best, worst, items=len(names))
    columns = (scale.count, scale.count_se, scale.strength, scale.strength_se)
    things = [
        ScaledThing(name, int(scale.shown[n]), *(_number(float(column[n])) for column in columns))
        for n, name in enumerate(names)
    ]
    things.sort(key=lambda t: (-(t.count or 0.0), t.name))
    return Scale(tuple(things), len(chosen), _number(halves), scale.reason)


def _named(items: Mapping[str, Item], item_id: str, by: Literal["generator", "item"]) -> str:
    if by == "item":
        return item_id
    item = items.get(item_id)
    if item is None or item.generator is None:
        raise InputError(f"item {item_id!r} has no generator; scale items instead: `by` item")
    return item.generator


def _number(value: float) -> float | None:
    return None if value != value else value  # noqa: PLR0124 - NaN
