"""Generators ranked by the people and by each judge, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from genspace.analysis._generator_section import Field, Resampled, generator_section
from genspace.analysis._options import CompareOptions
from genspace.analysis.question import Question
from genspace.display import Displayed
from genspace.errors import InputError, did_you_mean
from genspace.evidence import Evidence

__all__ = ["Ranking", "Resampled", "rank"]

SCHEMA = "genspace-ranking/1"


@dataclass(frozen=True, slots=True)
class Ranking(Displayed):
    """The finished ranking: a JSON-ready document after `schemas/ranking.schema.json`."""

    document: Mapping[str, Any] = field(repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the whole document."""
        return dict(self.document)

    def order(self, judge: str | None = None) -> list[str]:
        """Return the generators from best to worst, as the people or a judge rank them; those without a score last.

        Errors: `InputError` for a judge that is not in the ranking.
        """
        generators = self.document["generators"]
        if judge is not None and judge not in generators["judges"]:
            raise InputError(f"no judge {judge!r} in this ranking{did_you_mean(judge, generators['judges'])}")
        found = generators["people"] if judge is None else generators["judges"][judge]
        return [row["generator"] for row in found["generators"]]


def rank(
    evidence: Evidence,
    options: CompareOptions | None = None,
    *,
    judges: Sequence[str] | None = None,
    over: Resampled = "prompts",
    question: str | None = None,
) -> Ranking:
    """Rank the generators by the people and by each judge, and say how sure each order is.

    Scores are mean ratings and mean scores; where two items were compared, Bradley-Terry log strengths.

    Args:
        evidence: Items, answers and verdicts; the items' `generator` names what made each.
        options: Draws, seed, confidence and the columns to rank within the values of.
        judges: Which judges, in this order; by default all that are not computed from the ratings themselves.
        over: What is resampled: "prompts"; "items" (or pairs), as if they were independent; "raters", who must be
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
    return Ranking(
        {
            "schema": SCHEMA,
            "study": {
                "name": settings.name,
                "question": settings.question,
                "reference": drawn.answered.people.reference,
                "n_items": len(singles),
                "n_pairs": len(pairs or ()),
                "n_ratings": int(drawn.answered.people.count.sum()),
                "n_prompts": len(set(singles.prompt)),
            },
            "options": {
                "draws": options.draws,
                "seed": options.seed,
                "confidence": options.confidence,
                "by": list(by),
            },
            "generators": generator_section(
                drawn, by=by, over=over, sampling=settings.sampling, judges=judges
            ),
        }
    )
