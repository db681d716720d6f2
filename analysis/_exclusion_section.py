"""What the excluded raters would have changed: the results without them and with them, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from genspace.analysis._options import CompareOptions
from genspace.analysis._people_section import human_row
from genspace.analysis._scope import Scope
from genspace.analysis.notes import LeftOutRater
from genspace.analysis.question import JudgeScores, Question
from genspace.analysis.reliability import reliability
from genspace.analysis.result import AllRaters, Exclusion

__all__ = ["exclusion_section"]


def exclusion_section(
    scope: Scope, question: Question, options: CompareOptions, judges: Sequence[JudgeScores]
) -> Exclusion | None:
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
    figure = scope.figure
    return Exclusion(
        applied=len(scope.study.people.raters) < len(everybody.raters),
        raters=tuple(LeftOutRater(r, rules[r]) for r in breaking),
        n_ratings=int(everybody.count.sum() - scope.study.people.count.sum()),
        all_raters=AllRaters(
            n_ratings=int(everybody.count.sum()),
            judges={j.name: whole.primary_estimate(j) for j in judges},
            row=human_row(whole, [figure])[figure.key],
            reliability=reliability(whole.rated.people, whole.rated.prompt, confidence=scope.confidence),
        ),
    )
