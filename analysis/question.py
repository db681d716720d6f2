"""One question of the evidence as aligned arrays: what people said and what judges said, unit by unit.

A unit is an item, or a pair of items where people compared two. Every array has one entry (or row) per unit; missing
values are NaN. All statistics of the room start from a `Question`.

Longer than 400 lines: from the rows of frames to aligned arrays is one step, and every figure rests on it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from genspace import records
from genspace.analysis._arrays import Bools, Floats, Ints
from genspace.analysis.resampling import ratio
from genspace.columns import positions, rows_where
from genspace.errors import InputError, did_you_mean
from genspace.evidence import Evidence, as_text
from genspace.pairs import shares
from genspace.records import JudgeVariant, Reference, StudySettings, ValueType, reference_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["JudgeScores", "PeopleAnswers", "Question", "Units", "infer_value_type"]


OF_JUDGES = ["origin", "status", "score", "passed", "confidence", "seconds", "tokens", "cost_usd"]
"""What is taken from the verdicts of one judge."""


@dataclass(frozen=True, eq=False)
class PeopleAnswers:
    """What people said: one row per unit, one column per rater."""

    ratings: Floats
    """(n, k) ratings of role main and repeat 0; NaN where a rater gave none or could not tell."""
    asked: Bools
    """(n,) whether anybody was asked about the unit, also when all said "can't tell"."""
    raters: tuple[str, ...]
    """Names of the k columns; persons or slots, see `identified`."""
    identified: bool
    """Whether a column is one person throughout (`raters = "person"`)."""
    value_type: ValueType
    scale: tuple[float, float] | None
    """Declared (else observed) ends of the scale; None without any rating."""
    positive_from: float | None
    """A mean rating at or above it is a "yes"; None: strict majority of a binary study, else no decisions."""

    @property
    def reference(self) -> Reference:
        """What the ratings are, in words: people's, or the known truth."""
        return reference_of(self.raters)

    @cached_property
    def count(self) -> Ints:
        """(n,) number of ratings of each unit."""
        return np.asarray(np.isfinite(self.ratings).sum(axis=1), dtype=np.int64)

    @cached_property
    def mean(self) -> Floats:
        """(n,) mean of the ratings there are: the human target; NaN without a rating."""
        return ratio(np.nansum(self.ratings, axis=1), self.count.astype(float))

    @cached_property
    def decision(self) -> Floats:
        """(n,) 1 = yes, 0 = no, NaN = undecided: `positive_from` on the mean, else the strict majority."""
        return self.decide(self.mean)

    def rater(self, column: int) -> JudgeScores:
        """Return one rater as a judge: the ratings as scores, and the decisions they stand for."""
        own = self.ratings[:, column]
        return JudgeScores.bare(self.raters[column], own, self.decide(own))

    @property
    def on_unit_scale(self) -> Floats:
        """(n,) mean ratings with the ends of the scale at 0 and 1; NaN without a rating."""
        low, high = self.scale or (0.0, 1.0)
        return np.clip((self.mean - low) / ((high - low) or 1.0), 0, 1)

    @property
    def labels(self) -> Floats:
        """(n,) what they decided, 1 or 0; without a rule for decisions their mean on a scale from 0 to 1."""
        return self.decision if self.decides else self.on_unit_scale

    def decide(self, mean: Floats) -> Floats:
        """Return the decision that a mean rating stands for; NaN for ties and where no rule is declared."""
        if self.positive_from is not None:
            return np.where(np.isnan(mean), np.nan, (mean >= self.positive_from).astype(float))
        if self.value_type != "binary":
            return np.full(len(mean), np.nan)
        return np.where(np.isnan(mean) | (mean == 0.5), np.nan, (mean > 0.5).astype(float))

    @property
    def decides(self) -> bool:
        """Whether ratings become decisions at all in this study."""
        return self.positive_from is not None or self.value_type == "binary"

    @property
    def decided(self) -> Bools:
        """(n,) units on which people reached a decision (or, without a rule for one, gave a rating)."""
        return np.isfinite(self.decision if self.decides else self.mean)


@dataclass(frozen=True, eq=False)
class JudgeScores:
    """One judge's or metric's verdicts, aligned to the units."""

    name: str
    score: Floats
    """(n,) scores as given; a judge that gives only decisions scores 1 and 0. NaN = no score."""
    passed: Floats
    """(n,) decisions 1 / 0; NaN = none."""
    status: NDArray[np.str_]
    """(n,) "decided", "abstained", "failed", or "missing" where there is no verdict."""
    confidence: Floats
    seconds: Floats
    tokens: Floats
    cost_usd: Floats
    kind: Literal["judge", "metric", "baseline"] = "judge"
    direction: int = 1
    """1: higher is better; -1: lower is better."""
    derived: bool = False
    """Computed from the people's ratings themselves: shown, never ranked or tested."""
    variant: JudgeVariant | None = None
    """Of which other judge this is a variant."""
    difference: bool = False
    """Scores of pairs are differences, above 0 for the first item; False: shares of the first item, in [0, 1]."""

    @classmethod
    def bare(
        cls, name: str, score: Floats, passed: Floats, kind: Literal["judge", "baseline"] = "judge"
    ) -> JudgeScores:
        """Return scores of which neither confidence nor cost is known."""
        unknown = np.full(len(score), np.nan)
        status = np.where(np.isfinite(score), "decided", "missing")
        return cls(name, score, passed, status, unknown, unknown, unknown, unknown, kind)

    def take(self, rows: Bools | Ints) -> JudgeScores:
        """Return the same judge on some of the units."""
        arrays = ("score", "passed", "status", "confidence", "seconds", "tokens", "cost_usd")
        return replace(self, **{a: getattr(self, a)[rows] for a in arrays})

    @property
    def oriented(self) -> Floats:
        """(n,) scores turned so that higher is better."""
        return self.score * self.direction

    @property
    def preference(self) -> Floats:
        """(n,) of pairs: above 0 where the judge prefers the first item, below for the second, 0 for neither."""
        return self.direction * (self.score - (0.0 if self.difference else 0.5))

    @property
    def has_labels(self) -> bool:
        """Whether the judge itself says yes or no."""
        return bool(np.isfinite(self.passed).any())


@dataclass(frozen=True, eq=False)
class Units:
    """Items, or pairs of items, as aligned arrays: n units, their prompts and generators, the people, the judges."""

    units: pd.DataFrame
    """n rows: item_id, item_id_b ("" for single items) and the columns of the items table."""
    prompt: Ints
    """(n,) prompt codes: the clusters that every headline statistic resamples. Without a prompt_id the prompt
    text is the cluster, without either the item itself."""
    generator: Ints
    """(n,) generator codes; -1 where unknown, and for pairs, which have two."""
    generators: tuple[str, ...]
    people: PeopleAnswers
    judges: Mapping[str, JudgeScores]
    sides: Ints | None = None
    """(n, 2) generator codes of both items of each pair, -1 where unknown; None for single items."""

    def __len__(self) -> int:
        return len(self.prompt)

    @cached_property
    def of_pairs(self) -> bool:
        """Whether the units are pairs of items."""
        return bool((self.units["item_id_b"] != "").any())

    def column(self, name: str) -> NDArray[Any]:
        """(n,) values of a column of the items table as text, "" where empty.

        Errors: `InputError` for a column that is not there.
        """
        if name not in self.units:
            raise InputError(
                f"no column {name!r} in the items table; there is {', '.join(self.units.columns)}"
            )
        return as_text(self.units[name]).to_numpy(dtype=object)

    def take(self, rows: Bools | Ints) -> Units:
        """Return some of the units; prompt and generator codes stay."""
        people = replace(self.people, ratings=self.people.ratings[rows], asked=self.people.asked[rows])
        return replace(
            self,
            units=self.units.iloc[np.flatnonzero(rows) if rows.dtype == bool else rows],
            prompt=self.prompt[rows],
            generator=self.generator[rows],
            sides=None if self.sides is None else self.sides[rows],
            people=people,
            judges={name: judge.take(rows) for name, judge in self.judges.items()},
        )


def infer_value_type(values: Floats) -> ValueType:
    """Return what kind of values these are (`genspace.records.infer_value_type`); NaN is none.

    >>> infer_value_type(np.array([0.0, 1, np.nan])), infer_value_type(np.array([1.0, 5, 3]))
    ('binary', 'ordinal')
    """
    return records.infer_value_type(np.unique(values[np.isfinite(values)]))


@dataclass(frozen=True, eq=False)
class Question:
    """One question: what was said about single items and about pairs, by everybody and without excluded raters."""

    name: str
    """"" is the main question."""
    settings: StudySettings
    """What is declared for this question: the scale and the rule for decisions hold for the main one alone."""
    singles: Units
    """Every item, with what was said about it by itself."""
    pairs: Units | None
    """The pairs that people or judges compared; None where nobody compared any. A judge that scored the two items
    alone stands here with the difference of its scores."""
    everybody: PeopleAnswers
    """The people of `units` with those raters whom rules leave out."""
    excluded: Mapping[str, str]
    """Raters who break rules written before the data, and which."""

    @classmethod
    def of(cls, evidence: Evidence, name: str | None = None) -> Question:
        """Align one question of the evidence.

        A judge's general verdicts count where it has none on this question. Only answers of role main and repeat 0 are
        used.

        Args:
            evidence: Items, answers and verdicts.
            name: The question; None: the main one.

        Errors: `InputError` for a question that nobody asked.
        """
        main = evidence.questions[0]
        name = main if name is None else name
        if name not in evidence.questions:
            raise InputError(f"no question {name!r}{did_you_mean(name, evidence.questions)}")
        settings = evidence.settings
        if name != main:
            settings = StudySettings(
                name=settings.name, question=name, raters=settings.raters,
                lower_is_better=settings.lower_is_better, derived=settings.derived,
            )  # fmt: skip
        rows = _QuestionRows.of(evidence, name, settings)
        singles, everybody = rows.singles()
        pairs = None
        if rows.compares:
            pairs, of_pairs = rows.pairs(singles)
            if _about_pairs(singles, pairs):
                everybody = of_pairs
        return cls(name, settings, singles, pairs, everybody, evidence.excluded)

    @property
    def units(self) -> Units:
        """What the people answered about: pairs or single items; without people, pairs where there are any."""
        return (
            self.pairs if self.pairs is not None and _about_pairs(self.singles, self.pairs) else self.singles
        )

    @property
    def with_everybody(self) -> Units:
        """The same units with every rater."""
        return replace(self.units, people=self.everybody)


def _about_pairs(singles: Units, pairs: Units) -> bool:
    return bool(pairs.people.asked.any() or not singles.people.asked.any())


@dataclass(frozen=True, eq=False)
class _QuestionRows:
    """The rows of one question, their items as row numbers of the items table."""

    items: pd.DataFrame
    settings: StudySettings
    said: pd.DataFrame
    """Answers, with columns `first`, `second` (-1: none) and `kept` (whether the rater counts)."""
    judged: pd.DataFrame
    """Verdicts, with columns `first` and `second`."""
    variants: Mapping[str, JudgeVariant]

    @classmethod
    def of(cls, evidence: Evidence, name: str, settings: StudySettings) -> _QuestionRows:
        ids = evidence.items["item_id"]
        answers, verdicts = evidence.answers, evidence.verdicts
        said = rows_where(
            answers, (answers["question"] == name) & (answers["role"] == "main") & (answers["repeat"] == 0)
        )
        own = verdicts["question"] == name
        if name:
            own |= (verdicts["question"] == "") & ~verdicts["judge"].isin(verdicts.loc[own, "judge"].unique())
        said, judged = (
            rows.assign(first=positions(rows["item_id"], ids), second=positions(rows["item_id_b"], ids))
            for rows in (said, rows_where(verdicts, own))
        )
        kept = ~said["rater_id"].isin(list(evidence.excluded))
        said = said.assign(kept=kept | (not kept.any()))
        return cls(evidence.items, settings, said, judged, evidence.variants)

    @property
    def compares(self) -> bool:
        """Whether anybody compared two items."""
        return bool((self.said["second"] >= 0).any() or (self.judged["second"] >= 0).any())

    def singles(self) -> tuple[Units, PeopleAnswers]:
        """Return the items, and everybody's answers about them."""
        said, judged = (rows_where(rows, rows["second"] < 0) for rows in (self.said, self.judged))
        units = self.items.assign(item_id_b="")
        found, everybody = self._units(
            units, said.assign(unit=said["first"]), judged.assign(unit=judged["first"])
        )
        return replace(found, generator=_generators(units)[0]), everybody

    def pairs(self, singles: Units) -> tuple[Units, PeopleAnswers]:
        """Return the pairs in the order in which they first stand there, and everybody's answers about them."""
        import pandas as pd

        n = len(self.items)
        said, judged = (rows_where(rows, rows["second"] >= 0) for rows in (self.said, self.judged))
        keys = pd.concat([rows["first"] * n + rows["second"] for rows in (said, judged)])
        place, pair = pd.factorize(keys)
        first, second = np.asarray(pair) // n, np.asarray(pair) % n
        units = self.items.iloc[first].reset_index(drop=True)
        units["item_id_b"] = self.items["item_id"].to_numpy()[second]
        found, everybody = self._units(
            units, said.assign(unit=place[: len(said)]), judged.assign(unit=place[len(said) :])
        )
        found = replace(
            found,
            prompt=_linked(singles.prompt[first], singles.prompt[second]),
            sides=np.column_stack([singles.generator[first], singles.generator[second]]),
        )
        judges = dict(found.judges)
        for name, judge in singles.judges.items():
            known = judges.get(name)
            if known is None or not (known.status != "missing").any():
                judges[name] = _difference(judge.take(first), judge.take(second))
        return replace(found, judges=judges), everybody

    def _units(
        self, units: pd.DataFrame, said: pd.DataFrame, judged: pd.DataFrame
    ) -> tuple[Units, PeopleAnswers]:
        """Return the units, generators unknown, and everybody's answers; `unit` is the place of each row's unit."""
        n = len(units)
        judges = {
            str(name): replace(
                _judge(str(name), rows, n, self.settings), variant=self.variants.get(str(name))
            )
            for name, rows in judged[["judge", "unit", *OF_JUDGES]].groupby("judge", sort=False)
        }
        found = Units(
            units=units,
            prompt=_prompts(units),
            generator=np.full(n, -1, dtype=np.int64),
            generators=_generators(self.items)[1],
            people=_people(said[said["kept"]], n, self.settings),
            judges=judges,
        )
        everybody = found.people if said["kept"].all() else _people(said, n, self.settings)
        return found, everybody


def _people(said: pd.DataFrame, n: int, settings: StudySettings) -> PeopleAnswers:
    import pandas as pd

    place = said["unit"].to_numpy()
    who, raters = pd.factorize(said["rater_id"], sort=True)
    ratings = np.full((n, len(raters)), np.nan)
    ratings[place, who] = said["value"].to_numpy(dtype=float)
    asked = np.zeros(n, dtype=bool)
    asked[place] = True
    given = ratings[np.isfinite(ratings)]
    value_type = settings.value_type or infer_value_type(given)
    scale = None
    if len(given):
        low, high = float(given.min()), float(given.max())
        if value_type == "binary":
            low, high = 0.0, 1.0
        low = low if settings.scale_min is None else settings.scale_min
        high = high if settings.scale_max is None else settings.scale_max
        scale = (low, high)
    return PeopleAnswers(
        ratings=ratings,
        asked=asked,
        raters=tuple(map(str, raters)),
        identified=settings.raters == "person",
        value_type=value_type,
        scale=scale,
        positive_from=settings.positive_from,
    )


def _judge(name: str, rows: pd.DataFrame, n: int, settings: StudySettings) -> JudgeScores:
    place = rows["unit"].to_numpy()

    def placed(column: str) -> Floats:
        values = np.full(n, np.nan)
        values[place] = rows[column].to_numpy(dtype=float, na_value=np.nan)
        return values

    score, passed = placed("score"), placed("passed")
    score = np.where(np.isnan(score), passed, score)
    status = np.full(n, "missing", dtype="U9")
    status[place] = rows["status"].to_numpy(dtype=str)
    return JudgeScores(
        name=name,
        kind="metric" if rows["origin"].iloc[0] == "table" else "judge",
        score=score,
        passed=passed,
        status=status,
        confidence=placed("confidence"),
        seconds=placed("seconds"),
        tokens=placed("tokens"),
        cost_usd=placed("cost_usd"),
        direction=-1 if name in settings.lower_is_better else 1,
        derived=name in settings.derived,
        difference=not shares(score),
    )


def _difference(first: JudgeScores, second: JudgeScores) -> JudgeScores:
    """Return what a judge of single items says about pairs of them: the difference of its scores.

    Decisions and confidence have no difference; costs of both items add up.
    """
    nothing = np.full(len(first.score), np.nan)
    status = first.status.copy()
    for worse in ("abstained", "failed", "missing"):
        status[(first.status == worse) | (second.status == worse)] = worse
    return replace(
        first,
        score=first.score - second.score,
        passed=nothing,
        confidence=nothing,
        status=status,
        seconds=first.seconds + second.seconds,
        tokens=first.tokens + second.tokens,
        cost_usd=first.cost_usd + second.cost_usd,
        difference=True,
    )


def _generators(units: pd.DataFrame) -> tuple[Ints, tuple[str, ...]]:
    """Return the generator code of each unit (-1: unknown), and the names, sorted."""
    import pandas as pd

    if "generator" not in units:
        return np.full(len(units), -1, dtype=np.int64), ()
    named = units["generator"].replace("", np.nan)
    codes, names = pd.factorize(named, sort=True)
    return np.asarray(codes, dtype=np.int64), tuple(map(str, names))


def _linked(first: Ints, second: Ints) -> Ints:
    """Return cluster codes of pairs: pairs belong together where a chain of them shares prompts.

    >>> _linked(np.array([0, 1, 3]), np.array([0, 2, 1])).tolist()
    [0, 1, 1]
    """
    if not len(first) or np.array_equal(first, second):
        return first
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    size = int(max(first.max(), second.max())) + 1
    links = coo_array((np.ones(len(first)), (first, second)), shape=(size, size))
    return np.asarray(connected_components(links, directed=False)[1][first], dtype=np.int64)


def _prompts(units: pd.DataFrame) -> Ints:
    """Return cluster codes: by prompt_id, else by prompt text, else one for each item."""
    import pandas as pd

    label = "item " + units["item_id"].astype(str)
    for column in ("prompt", "prompt_id"):
        if column in units:
            text = as_text(units[column])
            label = label.where(text == "", f"{column} " + text)
    codes, _ = pd.factorize(label, sort=True)
    return np.asarray(codes, dtype=np.int64)
