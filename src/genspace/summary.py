"""Summary of a study: numbers of items, prompts, raters and answers; the metrics; scales and directions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genspace.pairs import shares
from genspace.readings import Reading, counted
from genspace.records import StudySettings, infer_value_type

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Summary", "counted_things", "summary"]

THINGS = {"judges and metrics": "judge or metric"}
"""Things with an irregular plural."""
MOST_QUESTIONS = 5


@dataclass(frozen=True)
class Summary:
    """Counts, and the readings that report them."""

    counts: Mapping[str, int]
    readings: tuple[Reading, ...]


def summary(
    items: pd.DataFrame, answers: pd.DataFrame, verdicts: pd.DataFrame, settings: StudySettings
) -> Summary:
    """Summarise a study's tables.

    Args:
        items: `item_id[, prompt_id, generator]`.
        answers: `question, rater_id, value` of everybody, also of those who were asked here.
        verdicts: `judge, item_id_b, score` of every metric and judge.
        settings: What is declared.
    """
    counts = {
        "items": len(items),
        "prompts": _distinct(items, "prompt_id"),
        "generators": _distinct(items, "generator"),
        "raters": _distinct(answers, "rater_id"),
        "answers": len(answers),
        "judges and metrics": _distinct(verdicts, "judge"),
        "verdicts": len(verdicts),
    }
    readings = [Reading(code="counts", words=counted_things(counts), count=len(items))]
    if counts["answers"]:
        readings += [
            _scale(str(question), rows, settings)
            for question, rows in list(answers.groupby("question"))[:MOST_QUESTIONS]
        ]
    if (answers["item_id_b"] != "").any():
        readings += _scores_of_pairs(verdicts)
    if judges := sorted(verdicts["judge"].unique()):
        readings.append(Reading(code="judges", columns=tuple(map(str, judges)), count=len(judges)))
        low = tuple(name for name in settings.lower_is_better if name in judges)
        readings.append(Reading(code="lower_is_better" if low else "higher_is_better", columns=low))
    return Summary(counts, tuple(readings))


def counted_things(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Return counts in words.

    >>> counted_things({"items": 2000, "judges and metrics": 1})
    ('2,000 items', '1 judge or metric')
    """
    return tuple(
        counted(number, THINGS.get(what, what.removesuffix("s")), what) for what, number in counts.items()
    )


def _distinct(frame: pd.DataFrame, column: str) -> int:
    return int(frame[column].nunique()) if column in frame.columns else 0


def _scores_of_pairs(verdicts: pd.DataFrame) -> list[Reading]:
    """Return how each judge's scores of pairs are interpreted."""
    found: dict[str, list[str]] = {"pair_shares": [], "pair_differences": [], "pairs_of_singles": []}
    of_pairs = verdicts["item_id_b"] != ""
    scored = verdicts[of_pairs].groupby("judge")["score"]
    for judge, scores in scored:
        code = "pair_shares" if shares(scores.to_numpy(dtype=float)) else "pair_differences"
        found[code].append(str(judge))
    singles = set(verdicts.loc[~of_pairs, "judge"]) - set(scored.groups)
    found["pairs_of_singles"] = sorted(map(str, singles))
    return [
        Reading(code=c, columns=tuple(judges), count=len(judges)) for c, judges in found.items() if judges
    ]


def _scale(question: str, answers: pd.DataFrame, settings: StudySettings) -> Reading:
    """Return the kind of a question's answers and the ends of their scale, as declared or as seen."""
    asked = (question,) if question else ()
    if (answers["item_id_b"] != "").any():
        return Reading(code="preferences", columns=asked)
    known = answers["value"].dropna().unique()
    if not len(known):
        return Reading(code="no_values_seen", columns=asked)
    main = not question
    told = main and settings.scale_min is not None and settings.scale_max is not None
    low, high = (settings.scale_min, settings.scale_max) if told else (known.min(), known.max())
    kind = (settings.value_type if main else None) or infer_value_type(known)
    declared = told and settings.value_type is not None
    return Reading(
        code="scale_declared" if declared else "scale_seen",
        columns=asked,
        words=(kind, f"{low:g} to {high:g}"),
        count=len(known),
    )
