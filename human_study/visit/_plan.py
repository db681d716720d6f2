"""The plan of a visit: at which pictures gold items and repeats are due, and how many pictures that makes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from genspace.human_study.design import Design


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often gold items and repeats come, and when a visit is long enough."""

    most: int | None
    """Pictures one rater sees at most."""
    gold_every: int
    repeats_every: int
    """0: no repeats."""
    gap: int
    seed: int

    @classmethod
    def of(cls, design: Design) -> Rhythm:
        """Return the rhythm of a design."""
        gold, repeats = design.gold, design.repeats
        return cls(design.items_per_rater, gold.every, repeats.every, repeats.gap, design.seed)


@dataclass(frozen=True, slots=True)
class Stock:
    """What there is for one rater, seen already or still to come."""

    main: int
    """Items, each counted once."""
    gold: int


@dataclass(frozen=True, slots=True)
class Visit:
    """How many pictures a rater will see, practice left out."""

    main: int = 0
    gold: int = 0
    repeats: int = 0

    @property
    def pictures(self) -> int:
        """All of them."""
        return self.main + self.gold + self.repeats


def owed(n: int, every: int, seed: int, rater_id: str, what: str) -> int:
    """How many gold items (or repeats) are due by picture n (from 0): one at a random place in every block."""
    block, place = divmod(n, every)
    return block + (place >= int(fraction(seed, rater_id, block, what) * every))


@lru_cache(maxsize=20_000)
def fraction(seed: int, rater_id: str, number: int, what: str) -> float:
    """Return a number in [0, 1) that is random to people and the same on every machine."""
    digest = hashlib.sha256(f"{seed}|{rater_id}|{number}|{what}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


@lru_cache(maxsize=4096)
def planned_visit(rhythm: Rhythm, rater_id: str, stock: Stock) -> Visit:
    """Return the visit that a rater makes when nobody else takes an item away meanwhile.

    The same decisions as `genspace.human_study.visit._choosing.choose` makes picture by picture.
    """
    return _walk(rhythm, stock, lambda n, every, what: owed(n, every, rhythm.seed, rater_id, what))


def longest_visit(rhythm: Rhythm, stock: Stock) -> Visit:
    """Return the visit with as many gold items and repeats as any rater can get."""
    return _walk(rhythm, stock, lambda n, every, _what: n // every + 1)


def _walk(rhythm: Rhythm, stock: Stock, due: Callable[[int, int, str], int]) -> Visit:
    main = gold = repeats = 0
    firsts: list[int] = []  # places of the items that may come again
    every = rhythm.repeats_every
    while rhythm.most is None or main + gold + repeats < rhythm.most:
        n = main + gold + repeats
        if gold < stock.gold and gold < due(n, rhythm.gold_every, "gold"):
            gold += 1
        elif (
            every
            and repeats < due(n, every, "repeat")
            and repeats < len(firsts)
            and firsts[repeats] < n - rhythm.gap
        ):
            repeats += 1
        elif main < stock.main:
            firsts.append(n)
            main += 1
        else:
            break
    return Visit(main, gold, repeats)
