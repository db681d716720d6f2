"""Judges that are asked several times: one verdict per item, and how far a judge agrees with itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genspace.analysis._estimate import Estimate

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["combine_repeats", "repeat_agreement"]

UNIT = ["judge", "item_id", "item_id_b", "question"]


def combine_repeats(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return one row per judge and item: the mean score and confidence, the majority decision, summed costs.

    A tie between "pass" and "fail" is no decision. An item is decided when any repeat was, else it takes the status and
    reason of its first repeat. Frames without repeats come back as they are.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"judge": "m", "item_id": "a", "item_id_b": "", "question": "", "repeat": [0, 1],
    ...                      "status": "decided", "score": [0.2, 0.4], "passed": pd.array([False, True], "boolean"),
    ...                      "confidence": [None, None], "seconds": [1.0, 2.0], "tokens": [5.0, 5.0],
    ...                      "cost_usd": [0.1, 0.1], "reason": "", "origin": "judge"})
    >>> combined = combine_repeats(rows)
    >>> round(combined["score"].item(), 3), combined["passed"].isna().item(), combined["seconds"].item()
    (0.3, True, 3.0)
    """
    if not verdicts["repeat"].any():
        return verdicts
    ordered = verdicts.sort_values("status", key=lambda s: s != "decided", kind="stable")
    groups = ordered.groupby(UNIT, sort=False)
    combined = groups.first(skipna=False).reset_index()
    means = groups[["score", "confidence"]].mean().reset_index()
    sums = groups[["seconds", "tokens", "cost_usd"]].sum(min_count=1).reset_index()
    share = (
        ordered["passed"]
        .astype("Float64")
        .groupby([ordered[c] for c in UNIT], sort=False)
        .mean()
        .reset_index()
    )
    for source in (means, sums):
        columns = [c for c in source.columns if c not in UNIT]
        combined[columns] = source[columns].to_numpy()
    passed = share["passed"]
    combined["passed"] = (passed > 0.5).mask(passed.isna() | (passed == 0.5)).astype("boolean").array
    combined["repeat"] = 0
    return combined[list(verdicts.columns)]


def repeat_agreement(verdicts: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Return, for each judge with repeats, how far its repeats agree.

    `same_decision` is the share of pairs of repeats of one item that decide alike (a decision, or score ≥ 0.5 where
    only scores are given), over items with at least two decided repeats; `score_spread` is the mean standard
    deviation (n − 1) of an item's scores.
    """
    found = {}
    for judge, rows in verdicts.groupby("judge"):
        repeats = int(rows["repeat"].nunique())
        if repeats < 2:
            continue
        decided = rows[rows["status"] == "decided"]
        decision = decided["passed"].astype("Float64").fillna((decided["score"] >= 0.5).astype("Float64"))
        by_item = decision.astype(float).groupby([decided[c] for c in UNIT[1:]])
        yes, n = by_item.sum(), by_item.size()
        several = n >= 2
        pairs = (n * (n - 1) / 2)[several]
        alike = (yes * (yes - 1) / 2 + (n - yes) * (n - yes - 1) / 2)[several]
        spread = decided.groupby(UNIT[1:])["score"].std().dropna()
        reason = "no item has two decided repeats"
        items = int(several.sum())
        found[str(judge)] = {
            "repeats": repeats,
            "same_decision": (
                Estimate(float((alike / pairs).mean()), n=items) if items else Estimate.undefined(reason)
            ).to_json(),
            "score_spread": (
                Estimate(float(spread.mean()), n=len(spread)) if len(spread) else Estimate.undefined(reason)
            ).to_json(),
        }
    return found
