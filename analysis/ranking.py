"""Generators ranked by the people and by each judge, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from genspace.analysis._generator_section import Field, Resampled, generator_section
from genspace.analysis.compare import CompareOptions
from genspace.analysis.prepare import prepare_kinds, questions
from genspace.display import Displayed
from genspace.errors import InputError, did_you_mean
from genspace.records import StudySettings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Ranking", "Resampled", "rank_generators"]

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
    """Rank the generators by the people and by each judge, and say how sure each order is.

    Scores are mean ratings and mean scores; where two items were compared, Bradley-Terry log strengths.

    Args:
        annotations: As `compare` takes them.
        verdicts: Likewise.
        items: Likewise; `generator` names what made each item.
        settings: What the study declares; by default inferred from the data.
        options: Draws, seed, confidence and the columns to rank within the values of.
        judges: Which judges, in this order; by default all that are not computed from the ratings themselves.
        over: What is resampled: "prompts"; "items" (or pairs), as if they were independent; "raters", who must be
            persons.
        question: Which question.

    Errors: `InputError` for tables that do not fit together, an unknown judge, question or column.

    >>> import pandas as pd
    >>> items = pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq"), "generator": list("xyxy")})
    >>> said = pd.DataFrame({"item_id": list("abcd"), "value": [1, 2, 3, 5]})
    >>> scored = pd.DataFrame({"item_id": list("abcd"), "judge": "clip", "score": [0.9, 0.3, 0.2, 0.1]})
    >>> ranking = rank_generators(said, scored, items, options=CompareOptions(draws=100))
    >>> ranking.order(), ranking.order("clip")
    (['y', 'x'], ['x', 'y'])
    """
    settings = settings or StudySettings()
    options = options or CompareOptions()
    asked = questions(annotations)
    if question not in asked:
        raise InputError(f"no question {question!r}{did_you_mean(question, asked)}")
    singles, pairs = prepare_kinds(annotations, verdicts, items, settings=settings, question=question)
    known = {**singles.judges, **(pairs.judges if pairs else {})}
    for name in judges or ():
        if name not in known:
            raise InputError(f"no judge {name!r}{did_you_mean(name, known)}")
    by = options.by or settings.breakdowns
    drawn = Field.make(
        singles,
        pairs,
        draws=options.draws,
        seed=options.seed,
        confidence=options.confidence,
        over=over,
    )
    return Ranking(
        {
            "schema": SCHEMA,
            "study": {
                "name": settings.name,
                "question": settings.question if question == asked[0] else question,
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
