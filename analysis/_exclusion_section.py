"""What the raters would have shown whom rules written before the data leave out: both results stand side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from genspace.analysis._people_section import human_row
from genspace.analysis._scope import Scope
from genspace.analysis.prepare import JudgeScores, Prepared
from genspace.analysis.reliability import reliability

__all__ = ["exclusion_section"]


def exclusion_section(
    scope: Scope, everybody: Prepared, rules: Mapping[str, str], judges: Sequence[JudgeScores]
) -> dict[str, Any] | None:
    """Return who is left out and why, and the primary figure with all raters; None when nobody breaks a rule.

    Args:
        scope: The study without those raters.
        everybody: The same units with all raters.
        rules: Rater to the rules they break, in words.
        judges: Judges, metrics and baselines of the table.
    """
    breaking = [r for r in everybody.people.raters if r in rules]
    if not breaking:
        return None
    whole = Scope.make(
        everybody,
        primary=scope.primary,
        draws=scope.draws.draws,
        seed=scope.seed,
        confidence=scope.confidence,
    )
    figure = scope.primary.figure
    draws = whole.draws if whole.draws.draws else None
    found = reliability(whole.rated.people, draws, confidence=scope.confidence)
    return {
        "applied": len(scope.study.people.raters) < len(everybody.people.raters),
        "raters": [{"rater_id": r, "rules": rules[r]} for r in breaking],
        "n_ratings": int(everybody.people.count.sum() - scope.study.people.count.sum()),
        "all_raters": {
            "n_ratings": int(everybody.people.count.sum()),
            "judges": {j.name: whole.primary_estimate(j).to_json() for j in judges},
            "row": human_row(whole, [figure])[figure].to_json(),
            "reliability": {name: e.to_json() for name, e in found.items()},
        },
    }
