"""Where people compared two items: whether a judge prefers the same one, and what its ties are worth.

People's preference is the mean share of the first item, 1/2 is a tie. A judge that scores single items prefers the
one with the higher score (Deutsch, Foster and Freitag 2023, "Ties Matter", for ties and their calibration).
"""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from genspace.analysis._estimate import Estimate
from genspace.analysis._scope import NO_PEOPLE, Scope
from genspace.analysis.correlation import score_tie
from genspace.analysis.figures import PREFERENCES
from genspace.analysis.pairwise import Pairs, calibrated_widths, folds_by_prompt
from genspace.analysis.question import JudgeScores
from genspace.analysis.reasons import Reason
from genspace.analysis.resampling import estimate, ratio, stream

__all__ = ["preference_section", "preferences"]

Floats = NDArray[np.float64]


def preference_section(scope: Scope, judge: JudgeScores) -> dict[str, Estimate] | None:
    """Return the shares of pairs on which a judge prefers what people prefer; None in a study of single items.

    Args:
        scope: The study.
        judge: The judge on the rated units.
    """
    rated = scope.rated
    if not rated.of_pairs:
        return None
    lean = rated.people.mean - 0.5
    mine = _lean(judge)
    both = np.isfinite(lean) & np.isfinite(mine)
    n = int(both.sum())
    coverage = n / scope.annotated if scope.annotated else None
    if not n:
        reason = Reason("no_common_pair") if np.isfinite(lean).any() else NO_PEOPLE
        return {key: Estimate.undefined(reason, coverage=coverage) for key in PREFERENCES}
    people, said = np.sign(lean[both]), mine[both]
    sign = _sign(said)
    draws = scope.draws.take(both)
    no_interval = scope.no_interval(draws)
    apart, same = people != 0, people == sign
    calibrated = _calibrated(people, said, draws.of_item, scope.seed)
    right_of = {
        "strict": (same & apart, apart),
        "half_credit": ((same + 0.5 * (sign == 0)) * apart, apart),
        "ties_dropped": (same & apart, apart & (sign != 0)),
        "with_ties": (same, np.ones(n)),
        "tie_calibrated": (np.nan_to_num(calibrated), np.isfinite(calibrated)),
    }
    result = {}
    for figure, (right, counted) in right_of.items():
        table = np.stack([np.asarray(right, dtype=float), np.asarray(counted, dtype=float)])
        total = table.sum(axis=1)
        result[figure] = estimate(
            float(total[0] / total[1]) if total[1] else float("nan"),
            None if no_interval else draws.map(partial(_share, table)),
            n=int(total[1]),
            coverage=coverage,
            confidence=scope.confidence,
            reason=Reason("single_prompt" if figure == "tie_calibrated" else "no_pair_separated"),
            no_interval=no_interval,
        )
    return result


def preferences(judge: JudgeScores) -> Floats:
    """(n,) what a judge says of pairs: 1 for the first item, 0 for the second, 1/2 for a tie; NaN = nothing."""
    return (1 + _sign(_lean(judge))) / 2


def _lean(judge: JudgeScores) -> Floats:
    """(n,) how far a judge leans to the first item of a pair, above 0, or to the second."""
    return judge.direction * (judge.score - (0.0 if judge.difference else 0.5))


def _sign(lean: Floats) -> Floats:
    """(n,) 1, 0 or -1; NaN where nothing is said. Leanings next to nothing are ties."""
    return np.where(np.abs(lean) <= score_tie(lean[np.isfinite(lean)]), 0.0, np.sign(lean))


def _share(table: Floats, weights: Floats) -> Floats:
    right, counted = table @ weights
    return ratio(right, counted)


def _calibrated(people: Floats, said: Floats, prompts: NDArray[np.int64], seed: int) -> Floats:
    """(n,) whether judge and people say the same with a tie width chosen on other prompts; NaN without others."""
    fold = folds_by_prompt(prompts, stream(seed, "tie folds"))
    here = np.arange(len(said))
    pairs = Pairs(here, here, people, said, fold, int(fold.max()) + 1)
    width = calibrated_widths(pairs, np.arange(pairs.groups))
    right = pairs.right(tie=np.nan_to_num(width)).astype(float)
    return np.where(np.isfinite(width), right, np.nan)
