"""What the corrected rules have in common: a predicate is a few constraints, each a measured error against a tolerance.

A rule takes a case (the objects in the predicate's roles, and its settings) and returns its constraints. Positions
and directions are in the level frame, so that gravity is down for all of them. A bearing is measured on the ground
in an object's own frame: 0 in front of it, 90 to its right, -90 to its left. The rules themselves stand with their
predicates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from genspace.geometry.views import Placed, Unmeasurable
from genspace.records import Measurement

BEARING = {"front": 0.0, "back": 180.0, "left": -90.0, "right": 90.0}
"""Where each side of an object lies, in degrees from its front."""

OPPOSITE_SIDES = (("front", "back"), ("left", "right"))
"""Sides of which something cannot lie on both."""

RELATIVE = "relative error"
"""Note of constraints whose tolerances are shares of the target."""


@dataclass(frozen=True, slots=True)
class Change:
    """How the after scene relates to the before scene."""

    before: tuple[Placed, ...]
    """The same roles before the edit."""
    scale: float | str
    """Factor on the after scene's lengths, or why it is unknown."""
    yaw_deg: float | None
    """How far the camera turned to the right; None: not known."""

    @property
    def factor(self) -> float:
        """Factor on the after scene's lengths. Errors: `Unmeasurable` where it is unknown."""
        if isinstance(self.scale, str):
            raise Unmeasurable(self.scale)
        return self.scale


@dataclass(frozen=True, slots=True)
class Case:
    """What a rule decides about."""

    objects: tuple[Placed, ...]
    """In the order of the predicate's roles, in the (after) image."""
    settings: Mapping[str, float | str]
    """The predicate's own values: side, value_m, ratio, …"""
    limits: Mapping[str, tuple[float, float]]
    """(inner, outer) of each constraint: the call's own, else the profile's, else the predicate's."""
    change: Change | None = None
    """For predicates that compare two images."""

    def number(self, name: str) -> float:
        """A setting that is a number."""
        return float(self.settings[name])

    def changed(self) -> Change:
        """Return how the two images differ, for predicates that compare."""
        if self.change is None:
            raise ValueError("a rule that compares two images was given one")
        return self.change


Measured = list[Measurement]
Rule = Callable[[Case], Measured]
Measure = Callable[..., tuple[float, float]]


def constraint(
    quantity: str,
    unit: str,
    target: float | None,
    tolerance: tuple[float, float] | None,
    measure: Measure,
    *arguments: object,
    note: str | None = None,
) -> Measurement:
    """Return one constraint of a rule: what `measure(*arguments)` finds, scored by the tolerance.

    `measure` returns the value, in `unit`, and its error, which is never negative where 0 is full score; it raises
    `Unmeasurable` with the reason where there is no value. The score is 1 up to an error of `tolerance[0]`, 0 from
    `tolerance[1]`, linear between; without a tolerance the value is reported and decides nothing.

    >>> constraint("angle", "deg", 180.0, (30.0, 60.0), lambda: (135.0, 45.0)).score
    0.5
    """
    inner, outer = tolerance or (None, None)
    value = score = None
    try:
        value, error = measure(*arguments)
    except Unmeasurable as reason:
        note = str(reason)
    else:
        if inner is not None and outer is not None:
            score = 1.0 if error <= inner else 0.0 if error >= outer else (outer - error) / (outer - inner)
    return Measurement(
        quantity=quantity,
        value=value,
        unit=unit,
        target=target,
        inner=inner,
        outer=outer,
        score=score,
        note=note,
    )


def metric(
    quantity: str,
    target_m: float,
    tolerance: tuple[float, float],
    value_m: Callable[[], float],
    note: str = RELATIVE,
) -> Measurement:
    """Return a constraint on a length in metres whose error is a share of the target.

    >>> found = metric("distance", 2.0, (0.25, 0.5), lambda: 2.5)
    >>> found.value, found.score  # a quarter off: just within the tolerance
    (2.5, 1.0)
    """

    def measure() -> tuple[float, float]:
        value = value_m()
        return value, abs(value - target_m) / abs(target_m)

    return constraint(quantity, "m", target_m, tolerance, measure, note=note)
