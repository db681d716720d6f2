"""How a comparison, a validation or a ranking is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from genspace.errors import InputError

PERMUTATIONS = 10_000
"""Permutations of each test of the appendix, where one is asked for."""
Resampled = Literal["prompts", "items", "raters"]
"""What the draws behind an order of generators resample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions:
    """Options of a comparison; each is recorded in its document.

    >>> CompareOptions(draws=1)
    Traceback (most recent call last):
        ...
    genspace.errors.InputError: draws = 1: an interval needs at least 2, better 1000; 0 gives none
    """

    draws: int = 1000
    """Bootstrap draws behind the order of the generators and the agreement on it; 0: neither has intervals."""
    permutations: int = 0
    """Permutations of each classical test of the appendix; 0: no appendix."""
    tests: bool = True
    """Whether judges are tested against one another."""
    seed: int = 0
    confidence: float = 0.95
    """Level of the intervals."""
    primary: str | None = None
    """The figure that sorts, groups and is tested; None: as the study declares, else by value type."""
    by: tuple[str, ...] = ()
    """Columns of items to break the primary figure down by; none: as the study declares."""
    level: Literal["item", "system"] = "item"
    """Which figures a table shows first."""

    def __post_init__(self) -> None:
        if self.draws < 0 or self.permutations < 0:
            raise InputError("draws and permutations cannot be negative")
        if self.draws == 1:
            raise InputError("draws = 1: an interval needs at least 2, better 1000; 0 gives none")
        if self.seed < 0:
            raise InputError(f"seed = {self.seed} cannot be negative")
        if not 0.5 <= self.confidence < 1:
            raise InputError(f"confidence {self.confidence} is not in [0.5, 1)")
