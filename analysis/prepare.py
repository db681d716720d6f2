"""From tables of people's answers and judges' verdicts to aligned arrays.

Every array of a `Prepared` has one entry (or row) per unit: an item, or a pair of items where people compared
two. Missing values are NaN. All statistics of the room start from here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from genspace import records
from genspace.errors import InputError
from genspace.records import Reference, StudySettings, ValueType, reference_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "JudgeScores",
    "People",
    "Prepared",
    "excluded_raters",
    "infer_value_type",
    "main_kind",
    "prepare",
    "prepare_kinds",
    "questions",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class People:
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
        total = np.nansum(self.ratings, axis=1)
        mean = np.full(len(total), np.nan)
        np.divide(total, self.count, out=mean, where=self.count > 0)
        return mean

    @cached_property
    def decision(self) -> Floats:
        """(n,) 1 = yes, 0 = no, NaN = undecided: `positive_from` on the mean, else the strict majority."""
        return self.decide(self.mean)

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
    kind: str = "judge"
    """"judge", "metric" or "baseline"."""
    direction: int = 1
    """1: higher is better; -1: lower is better."""
    derived: bool = False
    """Computed from the people's ratings themselves: shown, never ranked or tested."""
    difference: bool = False
    """Scores of pairs are differences of the scores of their two items, above 0 for the first."""

    def take(self, rows: Bools | Ints) -> JudgeScores:
        """Return the same judge on some of the units."""
        arrays = ("score", "passed", "status", "confidence", "seconds", "tokens", "cost_usd")
        return replace(self, **{a: getattr(self, a)[rows] for a in arrays})

    @property
    def oriented(self) -> Floats:
        """(n,) scores turned so that higher is better."""
        return self.score * self.direction

    @property
    def has_labels(self) -> bool:
        """Whether the judge itself says yes or no."""
        return bool(np.isfinite(self.passed).any())


@dataclass(frozen=True, eq=False)
class Prepared:
    """A study as aligned arrays: n units, their prompts and generators, the people, the judges."""

    units: pd.DataFrame
    """n rows: item_id, item_id_b ("" for single items) and the columns of the items table."""
    prompt: Ints
    """(n,) prompt codes: the clusters that every headline statistic resamples. Without a prompt_id the prompt
    text is the cluster, without either the item itself."""
    generator: Ints
    """(n,) generator codes; -1 where unknown, and for pairs, which have two."""
    generators: tuple[str, ...]
    people: People
    judges: Mapping[str, JudgeScores]

    def __len__(self) -> int:
        return len(self.prompt)

    @property
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
        return _text(self.units[name])

    def take(self, rows: Bools | Ints) -> Prepared:
        """Return the same study on some of its units; prompt and generator codes stay."""
        people = replace(self.people, ratings=self.people.ratings[rows], asked=self.people.asked[rows])
        return replace(
            self,
            units=self.units.iloc[np.flatnonzero(rows) if rows.dtype == bool else rows],
            prompt=self.prompt[rows],
            generator=self.generator[rows],
            people=people,
            judges={name: judge.take(rows) for name, judge in self.judges.items()},
        )


def infer_value_type(values: Floats) -> ValueType:
    """Return what kind of values these are (`genspace.records.infer_value_type`); NaN is none.

    >>> infer_value_type(np.array([0.0, 1, np.nan])), infer_value_type(np.array([1.0, 5, 3]))
    ('binary', 'ordinal')
    """
    return records.infer_value_type(np.unique(values[np.isfinite(values)]))


def questions(annotations: pd.DataFrame) -> list[str]:
    """Return the names of the questions people answered, the main one ("") first."""
    if "question" not in annotations:
        return [""]
    found = sorted(set(_text(annotations["question"])))
    return found or [""]


def prepare(
    annotations: pd.DataFrame,
    verdicts: pd.DataFrame,
    items: pd.DataFrame,
    *,
    settings: StudySettings | None = None,
    question: str = "",
    pairs: bool | None = None,
    everybody: bool = False,
) -> Prepared:
    """Align people's answers and judges' verdicts to the items.

    Args:
        annotations: `item_id, value`, and where there are any `item_id_b, question, rater_id, repeat, role,
            excluded`; a null value is "can't tell". Only role main and repeat 0 are used.
        verdicts: `item_id, judge, score`, and where there are any `item_id_b, question, status, passed,
            confidence, seconds, tokens, cost_usd`; question "" answers every question.
        items: `item_id`, and where there are any `prompt_id, prompt, generator` and breakdown columns.
        settings: What the study declares; by default everything is inferred.
        question: Which question to look at. The declared scale holds for the main question "" alone.
        pairs: Whether the units are pairs of items or single ones; by default what the people (without any, the
            judges) judged. What was said about the other kind is left out.
        everybody: Whether the raters whom rules leave out (`excluded_raters`) count too, as they do where nobody else
            is left. The units are the same either way.

    Errors: `InputError` for missing columns, unknown item ids, duplicate keys and values that are no numbers.
    """
    settings = settings or StudySettings()
    said = _answers(annotations, question)
    judged = _verdicts(verdicts, question)
    if pairs is None:
        pairs = bool(((said if len(said) else judged)["item_id_b"] != "").any())
    units, keys = _units(items, said, judged, pairs=pairs)
    kept = ~said["rater_id"].isin(list(excluded_raters(annotations)))
    if not everybody and kept.any():
        said = said[kept]
    people = _people(said, keys, settings, main=question == "")
    named = _text(items["generator"]) if "generator" in items else np.full(len(items), "", object)
    generators = tuple(sorted({g for g in named if g}))
    code_of = {name: code for code, name in enumerate(generators)}
    codes = np.array([code_of.get(g, -1) for g in named], dtype=np.int64)
    judges = {
        str(name): _judge(str(name), rows, keys, settings)
        for name, rows in judged.groupby("judge", sort=False)
    }
    return Prepared(
        units=units,
        prompt=_prompts(units),
        generator=np.full(len(units), -1, dtype=np.int64) if pairs else codes,
        generators=generators,
        people=people,
        judges=judges,
    )


def prepare_kinds(
    annotations: pd.DataFrame,
    verdicts: pd.DataFrame,
    items: pd.DataFrame,
    *,
    settings: StudySettings | None = None,
    question: str = "",
) -> tuple[Prepared, Prepared | None]:
    """Return the study of single items, and that of pairs where people or judges compared any; see `prepare`."""
    compared = any((_text(t["item_id_b"]) != "").any() for t in (annotations, verdicts) if "item_id_b" in t)
    of_kind = partial(prepare, annotations, verdicts, items, settings=settings, question=question)
    return of_kind(pairs=False), of_kind(pairs=True) if compared else None


def main_kind(singles: Prepared, pairs: Prepared | None) -> Prepared:
    """Return what the people answered about; without people, pairs where there are any."""
    if pairs is None or (singles.people.asked.any() and not pairs.people.asked.any()):
        return singles
    return pairs


def excluded_raters(annotations: pd.DataFrame) -> dict[str, str]:
    """Return the raters who break rules written before the data, and the rules, as column `excluded` names them."""
    if "excluded" not in annotations or "rater_id" not in annotations:
        return {}
    rules = zip(_text(annotations["rater_id"]), _text(annotations["excluded"]), strict=True)
    return {rater: broken for rater, broken in rules if broken}


def _text(column: pd.Series) -> NDArray[Any]:
    """Return a column as text; empty cells as ""."""
    filled = column.astype(object).where(column.notna(), "")
    return np.array([v if isinstance(v, str) else str(v) for v in filled], dtype=object)


def _numbers(table: pd.DataFrame, column: str, what: str) -> Floats:
    """Return a column as floats, NaN where empty or absent. Errors: `InputError` for other text."""
    import pandas as pd

    if column not in table:
        return np.full(len(table), np.nan)
    try:
        numbers = pd.to_numeric(table[column]).astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise InputError(f"{what}: column {column!r} holds something that is no number: {error}") from error
    if np.isinf(numbers).any():
        raise InputError(f"{what}: column {column!r} holds an infinite value; leave unknown cells empty")
    return np.asarray(numbers, dtype=float)


def _require(table: pd.DataFrame, columns: Sequence[str], what: str) -> None:
    missing = [c for c in columns if c not in table]
    if missing:
        there = ", ".join(map(str, table.columns)) or "nothing"
        raise InputError(f"{what}: missing column {', '.join(missing)}; there is {there}")


def _keyed(table: pd.DataFrame, what: str) -> pd.DataFrame:
    """Return the table with text keys item_id, item_id_b and question always there."""
    _require(table, ["item_id"], what)
    table = table.copy()
    for column in ("item_id", "item_id_b", "question"):
        table[column] = _text(table[column]) if column in table else ""
    return table


def _answers(annotations: pd.DataFrame, question: str) -> pd.DataFrame:
    """Return the main answers to one question: item_id, item_id_b, rater_id, value."""
    _require(annotations, ["value"], "annotations")
    table = _keyed(annotations, "annotations")
    table["rater_id"] = _text(table["rater_id"]) if "rater_id" in table else "people"
    table["value"] = _numbers(table, "value", "annotations")
    keep = np.array(table["question"] == question)
    if "role" in table:
        keep &= np.isin(_text(table["role"]).astype(str), ("main", ""))
    if "repeat" in table:
        keep &= np.nan_to_num(_numbers(table, "repeat", "annotations")) == 0
    table = table.loc[keep, ["item_id", "item_id_b", "rater_id", "value"]]
    _no_duplicates(table, ["item_id", "item_id_b", "rater_id"], "annotations")
    return table


def _verdicts(verdicts: pd.DataFrame, question: str) -> pd.DataFrame:
    """Return the verdicts on one question; a judge's general verdicts count where it has none of its own."""
    _require(verdicts, ["judge"], "verdicts")
    if "score" not in verdicts and "passed" not in verdicts:
        _require(verdicts, ["score"], "verdicts")
    table = _keyed(verdicts, "verdicts")
    table["judge"] = _text(table["judge"])
    own = table["question"] == question
    general = (table["question"] == "") & ~table["judge"].isin(set(table.loc[own, "judge"]))
    table = table[own | general].copy()
    for column in ("score", "passed", "confidence", "seconds", "tokens", "cost_usd"):
        table[column] = _numbers(table, column, "verdicts")
    table["score"] = table["score"].where(table["score"].notna(), table["passed"])
    status = _text(table["status"]) if "status" in table else np.full(len(table), "", dtype=object)
    inferred = np.where(table["score"].notna(), "decided", "abstained")
    table["status"] = np.where(status == "", inferred, status)
    table["kind"] = _text(table["kind"]) if "kind" in table else "judge"
    _no_duplicates(table, ["judge", "item_id", "item_id_b"], "verdicts")
    return table


def _no_duplicates(table: pd.DataFrame, key: list[str], what: str) -> None:
    twice = table[table.duplicated(key)]
    if len(twice):
        first = ", ".join(f"{k} {twice.iloc[0][k]!r}" for k in key if twice.iloc[0][k] != "")
        raise InputError(f"{what}: {len(twice)} rows repeat the key of an earlier row, first: {first}")


def _units(
    items: pd.DataFrame, said: pd.DataFrame, judged: pd.DataFrame, *, pairs: bool
) -> tuple[pd.DataFrame, dict[tuple[str, str], int]]:
    """Return the units in the order of the items table, and where each key stands."""
    import pandas as pd

    items = _keyed(items, "items")
    _no_duplicates(items, ["item_id"], "items")
    known = set(items["item_id"])
    compared = []
    for what, table in (("annotations", said), ("verdicts", judged)):
        for column in ("item_id", "item_id_b"):
            unknown = sorted(set(table[column]) - known - {""})
            if unknown:
                raise InputError(
                    f"{what}: {len(unknown)} values of {column} are not in the items table, "
                    f"first {unknown[0]!r}"
                )
        compared.append(table.loc[table["item_id_b"] != "", ["item_id", "item_id_b"]])
    units = items.drop(columns="question")
    if pairs:
        units = (
            pd.concat(compared)
            .drop_duplicates()
            .merge(units.drop(columns="item_id_b"), on="item_id", how="left")
        )
    units = units.reset_index(drop=True)
    keys = {key: i for i, key in enumerate(zip(units["item_id"], units["item_id_b"], strict=True))}
    return units, keys


def _places(table: pd.DataFrame, keys: Mapping[tuple[str, str], int]) -> Ints:
    """Return the unit of each row; -1 for single items in a study of pairs."""
    both = zip(table["item_id"], table["item_id_b"], strict=True)
    return np.array([keys.get(key, -1) for key in both], dtype=np.int64)


def _people(
    said: pd.DataFrame, keys: Mapping[tuple[str, str], int], settings: StudySettings, *, main: bool
) -> People:
    raters = tuple(sorted(set(said["rater_id"])))
    column = {name: i for i, name in enumerate(raters)}
    ratings = np.full((len(keys), len(raters)), np.nan)
    asked = np.zeros(len(keys), dtype=bool)
    place = _places(said, keys)
    there = place >= 0
    who = np.array([column[r] for r in said["rater_id"]], dtype=np.int64)
    values = said["value"].to_numpy(dtype=float)
    ratings[place[there], who[there]] = values[there]
    asked[place[there]] = True
    given = ratings[np.isfinite(ratings)]
    value_type = (settings.value_type if main else None) or infer_value_type(given)
    scale = None
    if len(given):
        low, high = float(given.min()), float(given.max())
        if value_type == "binary":
            low, high = 0.0, 1.0
        if main:
            low = low if settings.scale_min is None else settings.scale_min
            high = high if settings.scale_max is None else settings.scale_max
        scale = (low, high)
    return People(
        ratings=ratings,
        asked=asked,
        raters=raters,
        identified=settings.raters == "person",
        value_type=value_type,
        scale=scale,
        positive_from=settings.positive_from if main else None,
    )


def _judge(
    name: str, rows: pd.DataFrame, keys: Mapping[tuple[str, str], int], settings: StudySettings
) -> JudgeScores:
    place = _places(rows, keys)
    there = place >= 0
    place = place[there]
    arrays: dict[str, Any] = {}
    for column in ("score", "passed", "confidence", "seconds", "tokens", "cost_usd"):
        arrays[column] = np.full(len(keys), np.nan)
        arrays[column][place] = rows[column].to_numpy(dtype=float)[there]
    status = np.full(len(keys), "missing", dtype="U9")
    status[place] = rows["status"].to_numpy(dtype=str)[there]
    return JudgeScores(
        name=name,
        kind=str(rows["kind"].iloc[0]) or "judge",
        status=status,
        direction=-1 if name in settings.lower_is_better else 1,
        derived=name in settings.derived,
        **arrays,
    )


def _prompts(units: pd.DataFrame) -> Ints:
    """Return cluster codes: by prompt_id, else by prompt text, else one for each item."""
    label = np.array([f"item {i}" for i in units["item_id"]], dtype=object)
    for column in ("prompt", "prompt_id"):
        if column in units:
            text = _text(units[column])
            label = np.where(text == "", label, np.array([f"{column} {t}" for t in text], dtype=object))
    _, codes = np.unique(label.astype(str), return_inverse=True)
    return np.asarray(codes, dtype=np.int64)
