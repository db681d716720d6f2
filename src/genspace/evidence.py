"""The answers of people and the verdicts of judges about items: one record for all comparisons, pages and judges.

`genspace.gather.evidence_of` makes it from a study's files, `Evidence.from_frames` from data frames. All code takes
answers and verdicts from here, so that they mean the same everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from genspace.columns import among
from genspace.display import Displayed
from genspace.pairs import turned_answers, turned_verdicts
from genspace.readings import Reading
from genspace.records import JudgeMark, JudgeVariant, Reference, StudySettings, reference_of
from genspace.sides import FRAME_QUESTION
from genspace.study import read_frames
from genspace.summary import summary

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Answers", "Evidence", "combine_repeats"]

UNIT = ["judge", "item_id", "item_id_b", "question"]
LEAST_ITEMS_TO_CALL_DERIVED = 10


@dataclass(frozen=True, eq=False)
class Answers:
    """People's answers, and how they were asked.

    >>> import pandas as pd
    >>> said = pd.DataFrame({"item_id": ["a"], "rater_id": ["ann"], "value": [1.0]})
    >>> answers = Answers(said, StudySettings(name="own"), missing=2)
    >>> answers.missing, answers.settings.name
    (2, 'own')
    """

    frame: pd.DataFrame
    """The columns of `ANSWER_COLUMNS`."""
    settings: StudySettings
    """What the study declares, completed by the protocol that people were asked with."""
    missing: int = 0
    """Answers that a running human study still asks for."""
    readings: tuple[Reading, ...] = ()
    """What was inferred on reading them."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Evidence(Displayed):
    """Items, people's answers, judges' verdicts and declared settings; each is read when first needed.

    Pairs of items are always in canonical order (`genspace.pairs`), whatever their order in the input.

    >>> import pandas as pd
    >>> evidence = Evidence.from_frames(
    ...     items=pd.DataFrame({"item_id": ["a", "b", "c"]}),
    ...     annotations=pd.DataFrame({"item_id": ["a", "b", "c"], "rater_id": "ann", "value": [1, 0, 1]}),
    ...     scores=pd.DataFrame({"item_id": ["a", "b"], "judge": "clip", "score": [0.8, 0.3]}),
    ... )
    >>> len(evidence.answers), list(evidence.judges)
    (3, ['clip'])
    """

    read_items: Callable[[], pd.DataFrame]
    """Reads the items: `item_id`, and where there are any `prompt_id, prompt, generator` and breakdown columns."""
    read_answers: Callable[[], Answers]
    """Reads the answers."""
    read_verdicts: Callable[[], pd.DataFrame]
    """Reads every verdict, repeats apart: the columns of `VERDICT_COLUMNS`."""
    read_variants: Callable[[], Mapping[str, JudgeVariant]] = dict
    """Reads which judges are variants of others, by name."""
    read_marks: Callable[[], Mapping[str, JudgeMark]] = dict
    """Reads what each judge was, by name."""
    read_readings: Callable[[], Sequence[Reading]] = tuple
    """Reads what was inferred about items and verdicts."""

    @classmethod
    def from_frames(
        cls,
        items: pd.DataFrame,
        annotations: pd.DataFrame | None = None,
        scores: pd.DataFrame | None = None,
        *,
        settings: StudySettings | None = None,
    ) -> Self:
        """Return the evidence that data frames hold, read as a study's tables are.

        Args:
            items: `item_id[, prompt_id, prompt, generator, …]`; any further column can be a breakdown.
            annotations: `item_id, value[, item_id_b, question, rater_id, repeat, role, excluded]`; a null value is
                "can't tell". Answers about pairs are 1 (the first is better), 0 or ½, or as `settings.pairs` declares.
            scores: `item_id, metric (or judge), score[, item_id_b, question, repeat, status, passed, confidence,
                seconds, tokens, cost_usd, reason]`, or a column per metric; a null score is an abstention.
            settings: What is declared about them; by default everything is inferred, and reported in `readings`.

        Errors: `InvalidFilesError` naming argument, row, column and value of everything that is wrong.

        >>> import pandas as pd
        >>> evidence = Evidence.from_frames(
        ...     pd.DataFrame({"item_id": ["a", "b"]}),
        ...     pd.DataFrame({"item_id": ["b"], "item_id_b": ["a"], "value": [1]}),
        ... )
        >>> evidence.answers[["item_id", "item_id_b", "value"]].to_numpy().tolist()
        [['a', 'b', 0.0]]
        """
        settings = settings or StudySettings()
        frames = read_frames(items, annotations, scores, settings)
        return cls(
            read_items=lambda: frames.items,
            read_answers=lambda: Answers(frames.answers, settings, readings=frames.answers_readings),
            read_verdicts=lambda: frames.verdicts,
            read_readings=lambda: frames.readings,
        )

    @cached_property
    def items(self) -> pd.DataFrame:
        """One row per item."""
        return self.read_items()

    @cached_property
    def answers(self) -> pd.DataFrame:
        """People's answers, `ANSWER_COLUMNS`, from tables and from `genspace annotate`."""
        return turned_answers(self._said.frame)

    @cached_property
    def every_verdict(self) -> pd.DataFrame:
        """Every verdict, `VERDICT_COLUMNS`, each repeat on its own."""
        return turned_verdicts(self.read_verdicts())

    @cached_property
    def verdicts(self) -> pd.DataFrame:
        """The verdicts, one per judge, unit and question: repeats are combined (`combine_repeats`)."""
        return combine_repeats(self.every_verdict)

    @cached_property
    def settings(self) -> StudySettings:
        """What is declared, completed by how people were asked and by which metrics restate their answers."""
        declared = self._said.settings
        derived = (*declared.derived, *_derived_metrics(self.answers, self.verdicts))
        return replace(declared, derived=tuple(dict.fromkeys(derived)))

    @cached_property
    def variants(self) -> Mapping[str, JudgeVariant]:
        """Judges that are variants of others, by name."""
        return self.read_variants()

    @cached_property
    def marks(self) -> Mapping[str, JudgeMark]:
        """Fingerprints and settings of judges, by name."""
        return self.read_marks()

    @cached_property
    def readings(self) -> tuple[Reading, ...]:
        """What was read and assumed: a summary, then everything that was inferred on reading."""
        told = summary(self.items, self.answers, self.every_verdict, self.settings).readings
        return tuple(dict.fromkeys((*told, *self.read_readings(), *self._said.readings)))

    @property
    def missing_answers(self) -> int:
        """Answers that a running human study still asks for."""
        return self._said.missing

    @cached_property
    def excluded(self) -> Mapping[str, str]:
        """Raters who break rules written before the data, and which."""
        rows = self.answers.loc[self.answers["excluded"] != "", ["rater_id", "excluded"]].drop_duplicates()
        return dict(rows.itertuples(index=False, name=None))

    @property
    def questions(self) -> list[str]:
        """Names of the questions that people answered, the main one ("") first."""
        return sorted({*self.answers["question"].unique()} - {FRAME_QUESTION}) or [""]

    @property
    def judges(self) -> list[str]:
        """Names of the judges and metrics, in the order of the verdicts."""
        return [str(name) for name in self.verdicts["judge"].unique()]

    @property
    def reference(self) -> Reference:
        """What judges are compared with: people, or the known truth."""
        return reference_of(self.answers["rater_id"].unique())

    @cached_property
    def digest(self) -> str:
        """Digest of everything here; it does not depend on the order of rows or of the items of a pair."""
        parts = hashlib.sha256(repr(self.settings).encode())
        for frame in (self.items, self.answers, self.every_verdict):
            parts.update(_frame_digest(frame))
        return parts.hexdigest()[:16]

    def with_verdicts(self, further: pd.DataFrame) -> Self:
        """Return the same evidence with further verdicts, `VERDICT_COLUMNS`."""
        import pandas as pd

        every = pd.concat([self.every_verdict, further], ignore_index=True)
        items, said = self.items, self._said
        return replace(self, read_items=lambda: items, read_answers=lambda: said, read_verdicts=lambda: every)

    def held(self, other: Evidence) -> Self:
        """Return the same verdicts about the items, and beside the answers and settings, of other evidence.

        Verdicts about other items are left out.
        """
        items, said = other.items, other._said
        every = self.every_verdict
        known = among(every["item_id"], items["item_id"])
        known &= (every["item_id_b"] == "").to_numpy() | among(every["item_id_b"], items["item_id"])
        return replace(
            self, read_items=lambda: items, read_answers=lambda: said, read_verdicts=lambda: every[known]
        )

    @cached_property
    def _said(self) -> Answers:
        return self.read_answers()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what was read, since readers cannot be."""
        inferred = tuple(self.read_readings())
        return _unpickled, (self.items, self._said, self.every_verdict, self.variants, self.marks, inferred)


def _unpickled(  # noqa: PLR0917 - what `__reduce__` gives
    items: pd.DataFrame,
    answers: Answers,
    verdicts: pd.DataFrame,
    variants: Mapping[str, JudgeVariant],
    marks: Mapping[str, JudgeMark],
    readings: Sequence[Reading],
) -> Evidence:
    return Evidence(
        read_items=lambda: items,
        read_answers=lambda: answers,
        read_verdicts=lambda: verdicts,
        read_variants=lambda: variants,
        read_marks=lambda: marks,
        read_readings=lambda: readings,
    )


def as_text(column: pd.Series[Any]) -> pd.Series[str]:
    """Return a column as text; empty cells as ""."""
    if column.dtype == "str":
        return column.fillna("")
    filled = column.astype(object).where(column.notna(), "")
    return filled.map(lambda v: v if isinstance(v, str) else str(v)).astype("str")


def combine_repeats(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return one row per judge and unit: the mean score and confidence, the majority decision, summed costs.

    A tie between "pass" and "fail" is not a decision. A unit is decided if any repeat was; otherwise it takes the
    status and reason of its first repeat. Frames without repeats come back as they are.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"judge": "m", "item_id": "a", "item_id_b": "", "question": "", "repeat": [0, 1],
    ...                      "status": "decided", "score": [0.2, 0.4], "passed": pd.array([False, True], "boolean"),
    ...                      "confidence": [None, None], "seconds": [1.0, 2.0], "tokens": [5.0, 5.0],
    ...                      "cost_usd": [0.1, 0.1], "reason": "", "origin": "judge"})
    >>> combined = combine_repeats(rows)
    >>> round(combined["score"].item(), 3), combined["passed"].isna().item(), combined["seconds"].item()
    (0.3, True, 3.0)
    """
    if not verdicts["repeat"].any():
        return verdicts
    ordered = verdicts.sort_values("status", key=lambda s: s != "decided", kind="stable")
    groups = ordered.groupby(UNIT, sort=False)
    combined = groups.first(skipna=False).reset_index()
    means, costs = ["score", "confidence"], ["seconds", "tokens", "cost_usd"]
    combined[means] = groups[means].mean().to_numpy()
    combined[costs] = groups[costs].sum(min_count=1).to_numpy()
    keys = [ordered[column] for column in UNIT]
    passed = ordered["passed"].astype("Float64").groupby(keys, sort=False).mean().reset_index(drop=True)
    combined["passed"] = (passed > 0.5).mask(passed.isna() | (passed == 0.5)).astype("boolean").array
    combined["repeat"] = 0
    return combined[list(verdicts.columns)]


def _derived_metrics(answers: pd.DataFrame, verdicts: pd.DataFrame) -> list[str]:
    """Return metrics that merely restate the ratings: equal, item by item, to a question's mean or majority.

    Such a metric agrees with people by construction, so it is shown but never ranked.
    """
    found = []
    single = answers[(answers["role"] == "main") & (answers["item_id_b"] == "")]
    summaries = []
    for _, said in single.groupby("question"):
        mean = said.groupby("item_id")["value"].mean().dropna()
        summaries += [mean, (mean > 0.5).astype(float)] if mean.between(0, 1).all() else [mean]
    scores = verdicts[(verdicts["origin"] == "table") & verdicts["score"].notna()]
    for metric, rows in scores.groupby("judge"):
        score = rows.drop_duplicates("item_id").set_index("item_id")["score"]
        if any(_restates(score, summary) for summary in summaries):
            found.append(str(metric))
    return found


def _restates(score: pd.Series[float], summary: pd.Series[float]) -> bool:
    common = score.index.intersection(summary.index)
    said = summary.loc[common]
    if len(common) < LEAST_ITEMS_TO_CALL_DERIVED or said.max() == said.min():
        return False
    return bool((score.loc[common] - said).abs().max() < 1e-9)


def _frame_digest(frame: pd.DataFrame) -> bytes:
    """Return a digest of a frame's rows, whatever their order."""
    import numpy as np
    from pandas.util import hash_pandas_object

    columns = sorted(frame.columns)
    rows = np.sort(hash_pandas_object(frame[columns], index=False).to_numpy())
    return hashlib.sha256(repr(columns).encode() + rows.tobytes()).digest()
