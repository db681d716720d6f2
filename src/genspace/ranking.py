"""From a study to a ranking of its generators, by the people and by every judge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from genspace.comparison import gather_tables
from genspace.study import Study, open_study

if TYPE_CHECKING:
    from genspace.analysis import CompareOptions, Ranking
    from genspace.analysis.ranking import Resampled

__all__ = ["rank"]


def rank(
    study: Study | Path | str,
    *,
    judges: Sequence[str] | None = None,
    options: CompareOptions | None = None,
    over: Resampled = "prompts",
    question: str = "",
) -> Ranking:
    """Rank a study's generators by its people and by each judge and metric, and say how sure each order is.

    Args:
        study: a study, or the path of one.
        judges: names of judges and metrics; by default all that are not computed from the ratings themselves.
        options: draws, seed, confidence, and the columns to rank within the values of.
        over: what is resampled: "prompts", "items" (or pairs of items), or "raters", who must be persons.
        question: which question people answered.

    Errors: `InvalidFilesError` listing every problem of the study's files; `InputError` for an unknown judge,
    question or column.
    """
    from genspace.analysis import rank_generators
    from genspace.analysis.repeats import combine_repeats

    opened = study if isinstance(study, Study) else open_study(study)
    annotations, verdicts, settings = gather_tables(opened, combine_repeats(opened.verdicts))
    return rank_generators(
        annotations,
        verdicts,
        opened.items,
        settings=settings,
        options=options,
        judges=judges,
        over=over,
        question=question,
    )
