"""What an answer about a group of items says: an order in tiers, best first, with no order within a tier.

Best–worst of four gives three tiers (the best, the two between, the worst), a ranking one tier for each item.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import combinations

from genspace.errors import InputError

__all__ = ["Tiers", "implied_pairs", "load_tiers", "pressed", "read_tiers", "tiers_of", "tiers_text"]

Tiers = tuple[tuple[str, ...], ...]
"""Items by tier, the best tier first."""


def tiers_of(protocol: str, answer: str, shown: Sequence[str]) -> Tiers:
    """Return the order that a rater gave by the places of items on the screen, from 0.

    Args:
        protocol: "best_worst" ("2,0": the third is best, the first is worst) or "ranking" (all places, best first).
        answer: Places with commas between them.
        shown: Items in the order of the screen.

    Errors: `InputError` for anything but places, each once.

    >>> tiers_of("best_worst", "2,0", ["a", "b", "c", "d"]), tiers_of("ranking", "1,0,2", ["a", "b", "c"])
    ((('c',), ('b', 'd'), ('a',)), (('b',), ('a',), ('c',)))
    """
    places = [int(p) for p in answer.split(",") if p.isascii() and p.isdecimal() and len(p) < 3]
    wanted = 2 if protocol == "best_worst" else len(shown)
    if answer.count(",") + 1 != len(places) or len(places) != wanted or len(set(places)) != wanted:
        raise InputError(f"{answer!r} names no {wanted} different places")
    if max(places) >= len(shown):
        raise InputError(f"{answer!r}: there are {len(shown)} places")
    if protocol == "ranking":
        return tuple((shown[p],) for p in places)
    between = tuple(item for place, item in enumerate(shown) if place not in places)
    return ((shown[places[0]],), *([tuple(sorted(between))] if between else []), (shown[places[1]],))


def pressed(protocol: str, tiers: Tiers, shown: Sequence[str]) -> str:
    """Return an order as the rater pressed it; the inverse of `tiers_of`.

    >>> pressed("best_worst", (("c",), ("b", "d"), ("a",)), ["a", "b", "c", "d"])
    '2,0'
    """
    ends = [tiers[0], tiers[-1]] if protocol == "best_worst" else tiers
    return ",".join(str(shown.index(tier[0])) for tier in ends)


def tiers_text(tiers: Tiers) -> str:
    """Return an order as it is stored and exported: JSON.

    >>> tiers_text((("c",), ("a", "b")))
    '[["c"],["a","b"]]'
    """
    return json.dumps(tiers, ensure_ascii=False, separators=(",", ":"))


def load_tiers(text: str) -> Tiers:
    """Return the order that `tiers_text` wrote."""
    return tuple(tuple(tier) for tier in json.loads(text))


def read_tiers(text: str, protocol: str, unit: Sequence[str]) -> Tiers:
    """Read an order from a file, and check that it is one of the items of a unit.

    Errors: `InputError` for anything that is not an order of these items by this protocol.
    """
    try:
        tiers: Tiers = tuple(tuple(str(item) for item in tier) for tier in json.loads(text))
    except (ValueError, TypeError):
        raise InputError(
            f'{text!r} is not an order of items in tiers, such as [["a"],["b","c"],["d"]]'
        ) from None
    shape = [len(tier) for tier in tiers]
    between = len(unit) - 2
    wanted = [1] * len(unit) if protocol == "ranking" else [1, *([between] if between else []), 1]
    if sorted(item for tier in tiers for item in tier) != sorted(unit) or shape != wanted:
        raise InputError(f"{text!r} is not a {protocol.replace('_', '–')} order of {', '.join(unit)}")
    return tiers


def implied_pairs(tiers: Tiers) -> list[tuple[str, str, float]]:
    """Return the pairs an order decides: the two items in the order of their names, and 1 where the first is better.

    Best–worst of four decides five of six pairs.

    >>> implied_pairs((("b",), ("a",)))
    [('a', 'b', 0.0)]
    """
    place = {item: n for n, tier in enumerate(tiers) for item in tier}
    return [
        (first, second, float(place[first] < place[second]))
        for first, second in combinations(sorted(place), 2)
        if place[first] != place[second]
    ]
