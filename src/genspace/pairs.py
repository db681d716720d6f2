"""Pairs of items: one canonical order, in which the id that sorts first as text stands first.

Raters and judges see a pair in either order, and tables hold it as it was shown. In the canonical order, answers about
(B, A) are turned into answers about (A, B): an answer v becomes 1 − v, a judge's share of the first item likewise, and
a difference of scores changes its sign.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genspace.records import PairCoding, StudySettings

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ITSELF",
    "canonical",
    "decoded",
    "pair_mistakes",
    "shares",
    "turned_answers",
    "turned_verdicts",
    "with_preferences",
]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

ITSELF = "is a pair of an item with itself; a pair needs two different items"


def canonical(item_id: str, other: str) -> tuple[str, str]:
    """Return the two ids of a pair in canonical order.

    >>> canonical("i9", "i10")
    ('i10', 'i9')
    """
    return (item_id, other) if item_id <= other else (other, item_id)


def decoded(values: Floats, coding: PairCoding) -> tuple[Floats, Bools]:
    """Return answers about pairs as 1 (the first is better), 0 (the second) and ½ (a tie), and which are none of these.

    Args:
        values: (n,) as they were given; NaN: can't tell.
        coding: What was written for each.

    >>> decoded(np.array([1.0, 2, 0, 3]), PairCoding(first=1, second=2, tie=0))
    (array([1. , 0. , 0.5, nan]), array([False, False, False,  True]))
    """
    preferences = np.full(len(values), np.nan)
    for written, meaning in ((coding.first, 1.0), (coding.second, 0.0), (coding.tie, 0.5)):
        preferences[values == written] = meaning
    return preferences, np.isfinite(values) & np.isnan(preferences)


def turned_answers(answers: pd.DataFrame) -> pd.DataFrame:
    """Return people's answers with every pair in canonical order and its value turned with it.

    Args:
        answers: `item_id, item_id_b` ("" for single items) and `value`, for pairs 1, 0 or ½ (NaN: can't tell).

    >>> import pandas as pd
    >>> said = pd.DataFrame({"item_id": ["b", "b"], "item_id_b": ["a", ""], "value": [1.0, 4.0]})
    >>> turned_answers(said).to_numpy().tolist()
    [['a', 'b', 0.0], ['b', '', 4.0]]
    """
    wrong = _reversed(answers)
    if not wrong.any():
        return answers
    turned = _swapped(answers, wrong)
    turned.loc[wrong, "value"] = 1 - turned.loc[wrong, "value"]
    return turned


def turned_verdicts(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return verdicts with every pair in canonical order, its score and decision turned with it.

    Args:
        verdicts: `judge, item_id, item_id_b` ("" for single items), `score` and `passed`. A judge's scores of pairs are
            shares of the first item where all lie in [0, 1] (see `shares`), else differences.

    >>> import pandas as pd
    >>> said = pd.DataFrame({"judge": ["s", "d", "d"], "item_id": ["b", "b", "a"], "item_id_b": ["a", "a", "c"],
    ...                      "score": [0.25, 0.5, -3.0], "passed": pd.array([None, True, None], "boolean")})
    >>> turned_verdicts(said)[["item_id", "item_id_b", "score", "passed"]].astype(object).to_numpy().tolist()
    [['a', 'b', 0.75, <NA>], ['a', 'b', -0.5, False], ['a', 'c', -3.0, <NA>]]
    """
    wrong = _reversed(verdicts)
    if not wrong.any():
        return verdicts
    turned = _swapped(verdicts, wrong)
    of_pairs = verdicts[verdicts["item_id_b"] != ""]
    share = of_pairs.groupby("judge")["score"].apply(lambda scores: shares(scores.to_numpy(dtype=float)))
    is_share = turned.loc[wrong, "judge"].map(share).to_numpy(dtype=float)
    turned.loc[wrong, "score"] = is_share - turned.loc[wrong, "score"]
    turned.loc[wrong, "passed"] = ~turned.loc[wrong, "passed"].astype("boolean")
    return turned


def shares(scores: NDArray[np.float64]) -> bool:
    """Return whether a judge's scores of pairs are shares of the first item: all that are known lie in [0, 1].

    >>> shares(np.array([0.5, np.nan, 1.0])), shares(np.array([0.5, -0.1]))
    (True, False)
    """
    return not bool((np.abs(scores - 0.5) > 0.5).any())


def _reversed(table: pd.DataFrame) -> Bools:
    """Return which rows hold a pair whose second id sorts before its first."""
    wrong = (table["item_id_b"] != "").to_numpy(dtype=bool, copy=True)
    if wrong.any():
        pairs = table.loc[wrong, ["item_id", "item_id_b"]].to_numpy(dtype=object)
        wrong[wrong] = np.asarray(pairs[:, 0] > pairs[:, 1], dtype=bool)
    return wrong


def _swapped(table: pd.DataFrame, rows: Bools) -> pd.DataFrame:
    swapped = table.copy()
    ids: Any = swapped.loc[rows, ["item_id_b", "item_id"]].to_numpy()
    swapped.loc[rows, ["item_id", "item_id_b"]] = ids
    return swapped


def pair_mistakes(answers: pd.DataFrame, settings: StudySettings) -> Iterator[tuple[int, str, str]]:
    """Yield row, column and message of every impossible answer about a pair, in the table's order.

    Args:
        answers: `item_id, item_id_b, value` as they were given.
        settings: Declares how preferences are written.
    """
    of_pairs = (answers["item_id_b"] != "").to_numpy()
    same = of_pairs & (answers["item_id"] == answers["item_id_b"]).to_numpy()
    yield from ((int(i), "item_id_b", ITSELF) for i in np.flatnonzero(same))
    coding = settings.pairs
    _, off = decoded(answers["value"].to_numpy(dtype=float), coding)
    message = (
        f"is not a preference: write {coding.first:g} where the first item is better, {coding.second:g} where the "
        f"second is, {coding.tie:g} for a tie; or declare the table's values in study.toml: [pairs] first = …, "
        "second = …, tie = …"
    )
    yield from ((int(i), "value", message) for i in np.flatnonzero(of_pairs & off))


def with_preferences(answers: pd.DataFrame, settings: StudySettings) -> pd.DataFrame:
    """Return the answers with those about pairs as 1, 0 and ½, whatever the declared coding."""
    of_pairs = (answers["item_id_b"] != "").to_numpy()
    values = answers["value"].to_numpy(dtype=float, copy=True)
    values[of_pairs] = decoded(values[of_pairs], settings.pairs)[0]
    return answers.assign(value=values)
