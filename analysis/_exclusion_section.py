"""What the raters would have shown whom rules written before the data leave out: both results stand side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from genspace.analysis._options import CompareOptions
from genspace.analysis._people_section import human_row
from genspace.analysis._scope import Scope
from genspace.analysis.question import JudgeScores, Question
from genspace.analysis.reliability import reliability

__all__ = ["exclusion_section"]


def exclusion_section(
    scope: Scope, question: Question, options: CompareOptions, judges: Sequence[JudgeScores]
) -> dict[str, Any] | None:
    """Return who is left out and why, and the primary figure with all raters; None when nobody breaks a rule.

    Args:
        scope: The question without those raters.
        question: The question itself.
        options: Those that made the scope.
        judges: Judges, metrics and baselines of the table.
    """
    everybody, rules = question.everybody, question.excluded
    breaking = [r for r in everybody.raters if r in rules]
    if not breaking:
        return None
    whole = Scope.of(question, options, everybody=True)
    figure = scope.primary.figure
    draws = whole.draws if whole.draws.draws else None
    found = reliability(whole.rated.people, draws, confidence=scope.confidence)
    return {
        "applied": len(scope.study.people.raters) < len(everybody.raters),
        "raters": [{"rater_id": r, "rules": rules[r]} for r in breaking],
        "n_ratings": int(everybody.count.sum() - scope.study.people.count.sum()),
        "all_raters": {
            "n_ratings": int(everybody.count.sum()),
            "judges": {j.name: whole.primary_estimate(j).to_json() for j in judges},
            "row": human_row(whole, [figure])[figure].to_json(),
            "reliability": {name: e.to_json() for name, e in found.items()},
        },
    }
