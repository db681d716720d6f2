"""What a predicate is: its signature, its corrected and its released rule, its drawing, its probes.

What it is called in words stands beside its module, in `NAME.toml` (see `_words`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, NamedTuple

from genspace.geometry.predicates._rule import Rule
from genspace.sides import Frame

if TYPE_CHECKING:
    from genspace.geometry.drawing.concepts import Concept
    from genspace.geometry.predicates._bound import Bound
    from genspace.geometry.probes.planning import Plan
    from genspace.geometry.reference import ReferenceRule

Task = Literal["t2i", "edit"]
Unit = Literal["deg", "m", "share", "factor"]


class Limit(NamedTuple):
    """How far one constraint of a rule may be off: what the rule, the questions and the drawings go by."""

    unit: Unit
    """Of the tolerance: degrees, metres, a share of the wanted value, or the logarithm of a factor on it."""
    tolerance: str | tuple[float, float]
    """Name of one of the profile's tolerances, or (inner, outer): full score up to inner, none from outer."""

    def around(self, wanted: float, inner: float) -> tuple[float, float]:
        """Return the smallest and the largest value that still pass, for shares and factors.

        >>> Limit("share", "metric").around(3.0, 1 / 3)
        (2.0, 4.0)
        """
        if self.unit == "factor":
            return wanted / math.exp(inner), wanted * math.exp(inner)
        return max(0.0, wanted * (1 - inner)), wanted * (1 + inner)


@dataclass(frozen=True, slots=True)
class Saying:
    """Another way to fill in a predicate, beside a given one."""

    word: str
    """Name of the variant."""
    exchanged: bool = False
    """Whether the first two objects stand in each other's role."""
    inverse: bool = False
    """Whether the ratio is the reciprocal."""


def opposites(*pairs: tuple[str, str], exchanged: bool = False) -> dict[str, Saying]:
    """Return, by word, a saying with the other word of its pair.

    >>> opposites(("left", "right"))["right"].word
    'left'
    """
    both = {one: other for a, b in pairs for one, other in ((a, b), (b, a))}
    return {word: Saying(other, exchanged=exchanged) for word, other in both.items()}


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to fill in a predicate."""

    t2i: ReferenceRule | None = None
    """The released code's rule for one image; None: not a text-to-image predicate."""
    edit: ReferenceRule | None = None
    """The released code's rule for a pair of images; None: not an edit predicate."""
    gone: ReferenceRule | None = None
    """What the released code decides of an edit after which not just what was named is detected; None: it skips it."""
    values: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    """Numbers that it needs, with those of the benchmark. Names end in their unit: `value_m`."""
    limits: Mapping[str, Limit] = field(default_factory=dict)
    """In place of the predicate's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predicate:
    """What the variants of a predicate share."""

    name: str
    roles: tuple[str, ...]
    """What its objects are, in the order of a call's arguments."""
    rule: Rule
    """The corrected rule."""
    drawing: Callable[[Bound], Concept]
    """What a small drawing shows that explains it, objects called A, B, C."""
    limits: Mapping[str, Limit] = field(default_factory=dict)
    """Tolerance of each constraint by a name of its own; a call's `inner` and `outer` replace the first."""
    probes: tuple[Plan, ...] = ()
    """How scenes of known truth are made for it."""
    key: str | None = None
    """Parameter that names the variant; None: there is one variant."""
    variants: Mapping[str, Variant] = field(default_factory=lambda: {"": Variant()})
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Further parameters and their words; the first is the default."""
    compares: bool = False
    """Whether it needs the image before the edit."""
    optional_roles: int = 0
    """How many of the last roles may be left out."""
    from_anywhere: bool = False
    """Whether its answer is the same wherever the camera stands."""
    own_sides: bool = False
    """Whether it speaks of an object's own left and right."""
    same: Mapping[str, Saying] = field(default_factory=dict)
    """By variant, what says the same with the first two objects exchanged."""
    contrary: Mapping[str, Saying] = field(default_factory=dict)
    """By variant, what cannot hold in the same picture."""
    exclusive: tuple[tuple[str, ...], ...] = ()
    """Groups of variants of which one holds at most, and nearly always one: all sides, nearer and farther."""
    undone: Mapping[str, Saying] = field(default_factory=dict)
    """By variant, what the edit is when it is read from after to before."""
    frame: Frame | None = None
    """From where it tells sides, where they could also be told from elsewhere."""
    other_frame: Mapping[str, str] = field(default_factory=dict)
    """By variant, a call that says the same words in the other frame; {0} and {1} stand for the objects."""
    rank: int = 100
    """Its place in lists and tables, the lowest first."""
    package: str = "genspace.geometry.predicates"
    """Package whose folder holds `NAME.toml`; a plugin's own."""
