"""How far judges that are asked several times agree with themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genspace.analysis._estimate import Estimate
from genspace.analysis.reasons import Reason
from genspace.analysis.result import RepeatAgreement

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["repeat_agreement"]

UNIT = ["item_id", "item_id_b", "question"]


def repeat_agreement(verdicts: pd.DataFrame) -> dict[str, RepeatAgreement]:
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
        by_item = decision.astype(float).groupby([decided[c] for c in UNIT])
        yes, n = by_item.sum(), by_item.size()
        several = n >= 2
        pairs = (n * (n - 1) / 2)[several]
        alike = (yes * (yes - 1) / 2 + (n - yes) * (n - yes - 1) / 2)[several]
        spread = decided.groupby(UNIT)["score"].std().dropna()
        reason = Reason("no_two_repeats")
        items = int(several.sum())
        found[str(judge)] = RepeatAgreement(
            repeats=repeats,
            same_decision=(
                Estimate(float((alike / pairs).mean()), n=items) if items else Estimate.undefined(reason)
            ),
            score_spread=(
                Estimate(float(spread.mean()), n=len(spread)) if len(spread) else Estimate.undefined(reason)
            ),
        )
    return found
