"""Generators ranked by the people and by each judge, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from typing_extensions import deprecated

from genspace.analysis._estimate import Estimate
from genspace.analysis._generator_section import Field, generator_section
from genspace.analysis._options import CompareOptions, Resampled
from genspace.analysis.question import Question
from genspace.analysis.result import GeneratorRow, RankingDocument, RankingStudy
from genspace.display import Result
from genspace.errors import InputError, did_you_mean
from genspace.evidence import Evidence
from genspace.records import StudySettings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Ranking", "rank", "rank_generators"]


@dataclass(frozen=True, eq=False)
class Ranking(Result):
    """The generators ranked by people and by each judge.

    >>> import pandas as pd
    >>> import genspace
    >>> items = pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq"), "generator": list("xyxy")})
    >>> said = pd.DataFrame({"item_id": list("abcd"), "rater_id": "ann", "value": [1, 0, 1, 0]})
    >>> scores = pd.DataFrame({"item_id": list("abcd"), "judge": "clip", "score": [0.9, 0.3, 0.8, 0.1]})
    >>> genspace.rank(items=items, annotations=said, scores=scores, draws=100).order("clip")
    ['x', 'y']
    """

    document: RankingDocument
    """Everybody's order."""

    def __repr__(self) -> str:
        return f"<Ranking of {self.document.study.name!r}: {', '.join(self.order()) or 'no generators'}>"

    def order(self, judge: str | None = None) -> list[str]:
        """Return the generators from best to worst, as the people or a judge rank them; those without a score last.

        Errors: `InputError` for a judge that is not in the ranking.
        """
        generators = self.document.generators
        if judge is not None and judge not in generators.judges:
            raise InputError(f"no judge {judge!r} in this ranking{did_you_mean(judge, generators.judges)}")
        found = generators.people if judge is None else generators.judges[judge]
        return [row.generator for row in found.generators] if found is not None else []

    def to_frame(self) -> pd.DataFrame:
        """Return one row per order and generator.

        Columns: `judge` ("" for the people), `generator, rank, rank_low, rank_high, value, low, high, n, first`, and of
        judges that score single items `coverage`, `left_out` and `as_passes`: the value with what was not measured left
        out, and counted as passes.
        """
        import pandas as pd

        generators = self.document.generators
        orders = {**({"": generators.people} if generators.people else {}), **generators.judges}
        rows = [
            (who, r.generator, r.rank, r.rank_low, r.rank_high, r.score.value, r.score.low, r.score.high, r.score.n,
             r.first, r.score.coverage, *(w.value if w else None for w in _other_ways(r)))
            for who, order in orders.items()
            for r in order.generators
        ]  # fmt: skip
        columns = [
            "judge",
            "generator",
            "rank",
            "rank_low",
            "rank_high",
            "value",
            "low",
            "high",
            "n",
            "first",
            "coverage",
            "left_out",
            "as_passes",
        ]
        return pd.DataFrame(rows, columns=columns)


def _other_ways(row: GeneratorRow) -> tuple[Estimate | None, Estimate | None]:
    return (row.counted.left_out, row.counted.as_passes) if row.counted else (None, None)


def rank(
    evidence: Evidence,
    options: CompareOptions | None = None,
    *,
    judges: Sequence[str] | None = None,
    over: Resampled = "prompts",
    question: str | None = None,
) -> Ranking:
    """Rank the generators by people and by each judge, with the uncertainty of each order.

    Scores are mean ratings and mean scores; for compared items, Bradley-Terry log strengths.

    Args:
        evidence: Items, answers and verdicts; the column `generator` names each item's generator.
        options: Draws, seed, confidence, and the columns to rank within.
        judges: Which judges, in this order; by default all that are not computed from the ratings.
        over: What to resample: "prompts"; "items" (or pairs), treated as independent; "raters", who must be identified
            persons.
        question: Which question; None: the main one.

    Errors: `InputError` for an unknown judge, question or column.

    >>> import pandas as pd
    >>> evidence = Evidence.from_frames(
    ...     pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq"), "generator": list("xyxy")}),
    ...     pd.DataFrame({"item_id": list("abcd"), "value": [1, 2, 3, 5]}),
    ...     pd.DataFrame({"item_id": list("abcd"), "judge": "clip", "score": [0.9, 0.3, 0.2, 0.1]}),
    ... )
    >>> ranking = rank(evidence, CompareOptions(draws=100))
    >>> ranking.order(), ranking.order("clip")
    (['y', 'x'], ['x', 'y'])
    """
    options = options or CompareOptions()
    asked = Question.of(evidence, question)
    singles, pairs, settings = asked.singles, asked.pairs, asked.settings
    for name in judges or ():
        if name not in evidence.judges:
            raise InputError(f"no judge {name!r}{did_you_mean(name, evidence.judges)}")
    by = options.by or settings.breakdowns
    drawn = Field.of(asked, options, over=over)
    answered = drawn.answered.people
    return Ranking(
        RankingDocument(
            study=RankingStudy(
                name=settings.name,
                question=settings.question,
                reference=answered.reference,
                n_items=len(singles),
                n_pairs=len(pairs or ()),
                n_ratings=int(answered.count.sum()),
                n_prompts=len(set(singles.prompt)),
            ),
            options=replace(options, by=tuple(by)),
            generators=generator_section(drawn, by=by, over=over, sampling=settings.sampling, judges=judges),
            readings=evidence.readings,
        )
    )


@deprecated("rank_generators is now rank, which takes an Evidence: rank(Evidence.from_frames(items, …), …)")
def rank_generators(
    annotations: pd.DataFrame,
    verdicts: pd.DataFrame,
    items: pd.DataFrame,
    *,
    settings: StudySettings | None = None,
    options: CompareOptions | None = None,
    judges: Sequence[str] | None = None,
    over: Resampled = "prompts",
    question: str = "",
) -> Ranking:
    """Rank generators from data frames; the deprecated form of `rank`, with the same results.

    >>> import warnings
    >>> import pandas as pd
    >>> items = pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq"), "generator": list("xyxy")})
    >>> answers = pd.DataFrame({"item_id": list("abcd"), "value": [1, 2, 3, 5]})
    >>> verdicts = pd.DataFrame({"item_id": list("abcd"), "judge": "clip", "score": [0.9, 0.3, 0.2, 0.1]})
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore", DeprecationWarning)
    ...     rank_generators(answers, verdicts, items, options=CompareOptions(draws=100)).order("clip")
    ['x', 'y']
    """
    evidence = Evidence.from_frames(items, annotations, verdicts, settings=settings)
    return rank(evidence, options, judges=judges, over=over, question=question)
