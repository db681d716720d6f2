"""What people said and what judges said about which items: one record that every comparison, page and judge takes.

`genspace.gather.evidence_of` makes it from a study's files, `Evidence.from_frames` from data frames. Whoever needs
answers or verdicts takes them from here, so that they mean the same everywhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

from genspace.display import Displayed
from genspace.errors import InputError
from genspace.pairs import decoded, turned_answers, turned_verdicts
from genspace.readings import Reading
from genspace.records import Reference, StudySettings, Variant, reference_of
from genspace.summary import summary

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

__all__ = [
    "ANSWER_COLUMNS",
    "ITSELF",
    "VERDICT_COLUMNS",
    "Answers",
    "Evidence",
    "among",
    "as_text",
    "combine_repeats",
    "pair_mistakes",
    "places",
    "typed",
    "with_preferences",
]

ANSWER_COLUMNS: Mapping[str, str] = {
    "item_id": "str", "item_id_b": "str", "question": "str", "rater_id": "str", "repeat": "int64", "role": "str",
    "value": "float64", "excluded": "str", "seconds": "float64",
}  # fmt: skip
"""Columns of people's answers. A NaN value is "can't tell"; `excluded` names the rules that the rater breaks."""
ANSWER_KEY = ["item_id", "item_id_b", "question", "rater_id", "repeat", "role"]
VERDICT_COLUMNS: Mapping[str, str] = {
    "item_id": "str", "item_id_b": "str", "question": "str", "repeat": "int64", "judge": "str", "origin": "str",
    "status": "str", "score": "float64", "passed": "boolean", "confidence": "float64", "seconds": "float64",
    "tokens": "float64", "cost_usd": "float64", "reason": "str",
}  # fmt: skip
"""Columns of verdicts. `origin` is "judge" for verdict files, "table" for scores made elsewhere."""
VERDICT_KEY = ["item_id", "item_id_b", "question", "repeat", "judge"]
UNIT = ["judge", "item_id", "item_id_b", "question"]
LEAST_ITEMS_TO_CALL_DERIVED = 10
ITSELF = "is a pair of an item with itself; a pair needs two different items"


@dataclass(frozen=True, eq=False)
class Answers:
    """What people answered, and what is known about how they were asked."""

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
    """Items, people's answers, judges' verdicts and what is declared about them; each is read when first asked for.

    Every pair of items stands in canonical order (`genspace.pairs`), whichever way round it was listed.

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
    read_variants: Callable[[], Mapping[str, Variant]] = dict
    """Reads which judges are variants of others, by name."""
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
        """Return the evidence that data frames hold.

        Args:
            items: `item_id[, prompt_id, prompt, generator, …]`; any further column can be a breakdown.
            annotations: `item_id, value[, item_id_b, question, rater_id, repeat, role, excluded]`; a null value is
                "can't tell". Answers about pairs are 1 (the first is better), 0 or ½, or as `settings.pairs` declares.
            scores: `item_id, judge (or metric), score[, item_id_b, question, repeat, status, passed, confidence,
                seconds, tokens, cost_usd, reason, origin]`; a null score is an abstention.
            settings: What is declared about them; by default everything is inferred.

        Errors: `InputError` naming the argument, the row and the value that is wrong.

        >>> import pandas as pd
        >>> evidence = Evidence.from_frames(
        ...     pd.DataFrame({"item_id": ["a", "b"]}),
        ...     pd.DataFrame({"item_id": ["b"], "item_id_b": ["a"], "value": [1]}),
        ... )
        >>> evidence.answers[["item_id", "item_id_b", "value"]].to_numpy().tolist()
        [['a', 'b', 0.0]]
        """
        settings = settings or StudySettings()
        things = _items(items)
        said = _answers(annotations, things, settings)
        judged = _verdicts(scores, things)
        return cls(
            read_items=lambda: things,
            read_answers=lambda: Answers(said, settings),
            read_verdicts=lambda: judged,
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
    def variants(self) -> Mapping[str, Variant]:
        """Judges that are variants of others, by name."""
        return self.read_variants()

    @cached_property
    def readings(self) -> tuple[Reading, ...]:
        """What was read and assumed: what it comes to, then everything that was inferred on reading."""
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
        return sorted(self.answers["question"].unique()) or [""]

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

    @cached_property
    def _said(self) -> Answers:
        return self.read_answers()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what was read, since readers cannot be."""
        inferred = tuple(self.read_readings())
        return _unpickled, (self.items, self._said, self.every_verdict, self.variants, inferred)


def _unpickled(
    items: pd.DataFrame,
    answers: Answers,
    verdicts: pd.DataFrame,
    variants: Mapping[str, Variant],
    readings: Sequence[Reading],
) -> Evidence:
    return Evidence(
        read_items=lambda: items,
        read_answers=lambda: answers,
        read_verdicts=lambda: verdicts,
        read_variants=lambda: variants,
        read_readings=lambda: readings,
    )


def typed(columns: Mapping[str, Any], types: Mapping[str, str]) -> pd.DataFrame:
    """Return a frame with exactly the columns of `types`; absent ones hold "", 0 or missing values."""
    import pandas as pd

    length = max((len(c) for c in columns.values() if isinstance(c, pd.Series)), default=0)
    fill = {"str": "", "int64": 0, "float64": float("nan"), "boolean": pd.NA}
    data = {n: pd.Series(columns.get(n, fill[t]), index=range(length), dtype=t) for n, t in types.items()}
    return pd.DataFrame(data)


def places(column: pd.Series[str], ids: Collection[str] | pd.Series[str]) -> NDArray[np.int64]:
    """Return where each cell stands among distinct ids, -1 where it is none; pandas compares text one by one.

    >>> import pandas as pd
    >>> places(pd.Series(["b", "", "a", "b"]), ["a", "b"]).tolist()
    [1, -1, 0, 1]
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    text = pa.large_string()
    wanted = pa.array(ids if hasattr(ids, "dtype") else list(ids), text)
    found = pc.index_in(pa.array(column, text), value_set=wanted)
    return np.asarray(found.fill_null(-1), dtype=np.int64)


def among(column: pd.Series[str], ids: Collection[str] | pd.Series[str]) -> NDArray[np.bool_]:
    """Return whether each cell is one of the ids (see `places`)."""
    return places(column, ids) >= 0


def as_text(column: pd.Series[Any]) -> pd.Series[str]:
    """Return a column as text; empty cells as ""."""
    filled = column.astype(object).where(column.notna(), "")
    return filled.map(lambda v: v if isinstance(v, str) else str(v)).astype("str")


def combine_repeats(verdicts: pd.DataFrame) -> pd.DataFrame:
    """Return one row per judge and unit: the mean score and confidence, the majority decision, summed costs.

    A tie between "pass" and "fail" is no decision. A unit is decided when any repeat was, else it takes the status and
    reason of its first repeat. Frames without repeats come back as they are.

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


def pair_mistakes(answers: pd.DataFrame, settings: StudySettings) -> Iterator[tuple[int, str, str]]:
    """Yield row, column and message of every answer about a pair that cannot be meant, in the table's own order.

    Args:
        answers: `item_id, item_id_b, value` as they were given.
        settings: Declares how preferences are written.
    """
    import numpy as np

    of_pairs = (answers["item_id_b"] != "").to_numpy()
    same = of_pairs & (answers["item_id"] == answers["item_id_b"]).to_numpy()
    yield from ((int(i), "item_id_b", ITSELF) for i in np.flatnonzero(same))
    coding = settings.pairs
    _, off = decoded(answers["value"].to_numpy(dtype=float), coding)
    message = (
        f"is no preference: write {coding.first:g} where the first item is better, {coding.second:g} where the second "
        f"is, {coding.tie:g} for a tie; or declare what stands in the table in study.toml: [pairs] first = …, second = "
        "…, tie = …"
    )
    yield from ((int(i), "value", message) for i in np.flatnonzero(of_pairs & off))


def _items(items: pd.DataFrame) -> pd.DataFrame:
    _require(items, ["item_id"], "items")
    found = items.reset_index(drop=True)
    found["item_id"] = as_text(found["item_id"])
    _refuse(found.duplicated("item_id"), found, ["item_id"], "items: stands twice")
    return found


def _answers(annotations: pd.DataFrame | None, items: pd.DataFrame, settings: StudySettings) -> pd.DataFrame:
    if annotations is None:
        return typed({}, ANSWER_COLUMNS)
    _require(annotations, ["item_id", "value"], "annotations")
    given = annotations.reset_index(drop=True)
    columns: dict[str, Any] = {
        name: as_text(given[name])
        for name in ("item_id", "item_id_b", "question", "rater_id", "role", "excluded")
        if name in given
    }
    columns["role"] = columns["role"].replace("", "main") if "role" in columns else "main"
    columns.setdefault("rater_id", "people")
    columns["value"] = _numbers(given, "value", "annotations")
    if "repeat" in given:
        columns["repeat"] = _numbers(given, "repeat", "annotations").fillna(0).astype("int64")
    frame = typed(columns, ANSWER_COLUMNS)
    _refuse_strangers(frame, items, "annotations")
    for row, column, message in pair_mistakes(frame, settings):
        raise InputError(f"annotations, row {row}: {column} = {given[column].iloc[row]!r} {message}")
    found = turned_answers(with_preferences(frame, settings))
    _refuse(found.duplicated(ANSWER_KEY), found, ANSWER_KEY, "annotations: the same rater answers twice")
    return found


def with_preferences(answers: pd.DataFrame, settings: StudySettings) -> pd.DataFrame:
    """Return the answers with those about pairs as 1, 0 and ½, whatever the declared coding."""
    of_pairs = (answers["item_id_b"] != "").to_numpy()
    values = answers["value"].to_numpy(dtype=float, copy=True)
    values[of_pairs] = decoded(values[of_pairs], settings.pairs)[0]
    return answers.assign(value=values)


def _verdicts(scores: pd.DataFrame | None, items: pd.DataFrame) -> pd.DataFrame:
    if scores is None:
        return typed({}, VERDICT_COLUMNS)
    given = scores.reset_index(drop=True)
    by_metric = "judge" not in given and "metric" in given
    if by_metric:
        given = given.rename(columns={"metric": "judge"})
    _require(given, ["item_id", "judge"], "scores")
    if "passed" not in given:
        _require(given, ["score"], "scores")
    columns: dict[str, Any] = {
        name: as_text(given[name])
        for name in ("item_id", "item_id_b", "question", "judge", "origin", "status", "reason")
        if name in given
    }
    for name in ("score", "passed", "confidence", "seconds", "tokens", "cost_usd"):
        if name in given:
            columns[name] = _numbers(given, name, "scores")
    if "passed" in columns:
        passed = columns["passed"]
        columns["score"] = columns["score"].fillna(passed) if "score" in columns else passed
        columns["passed"] = passed.astype("boolean")
    if "repeat" in given:
        columns["repeat"] = _numbers(given, "repeat", "scores").fillna(0).astype("int64")
    frame = typed(columns, VERDICT_COLUMNS)
    frame["origin"] = frame["origin"].replace("", "table" if by_metric else "judge")
    inferred = frame["score"].notna().map({True: "decided", False: "abstained"})
    frame["status"] = frame["status"].where(frame["status"] != "", inferred)
    _refuse_strangers(frame, items, "scores")
    _refuse(
        (frame["item_id_b"] != "") & (frame["item_id"] == frame["item_id_b"]),
        frame, ["judge", "item_id"], "scores: a pair needs two different items",
    )  # fmt: skip
    found = turned_verdicts(frame)
    _refuse(found.duplicated(VERDICT_KEY), found, VERDICT_KEY, "scores: one judge scores twice")
    return found


def _refuse(wrong: pd.Series[bool], frame: pd.DataFrame, key: Sequence[str], message: str) -> None:
    """Raise for the first wrong row, with its key."""
    if wrong.any():
        first = frame[wrong].iloc[0]
        told = ", ".join(f"{name} {first[name]!r}" for name in key if first[name] not in ("", 0))
        raise InputError(f"{message}: {told} ({int(wrong.sum())} rows)")


def _refuse_strangers(frame: pd.DataFrame, items: pd.DataFrame, what: str) -> None:
    for column in ("item_id", "item_id_b"):
        single = (frame[column] == "") & (column == "item_id_b")
        known = single | among(frame[column], items["item_id"])
        _refuse(~known, frame, [column], f"{what}: not in the items")


def _require(table: pd.DataFrame, columns: Sequence[str], what: str) -> None:
    missing = [c for c in columns if c not in table]
    if missing:
        there = ", ".join(map(str, table.columns)) or "nothing"
        raise InputError(f"{what}: missing column {', '.join(missing)}; there is {there}")


def _numbers(table: pd.DataFrame, column: str, what: str) -> pd.Series[float]:
    """Return a column as floats, NaN where empty. Errors: `InputError` for other text and infinities."""
    import numpy as np
    import pandas as pd

    try:
        numbers = pd.to_numeric(table[column]).astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    except (ValueError, TypeError) as error:
        raise InputError(f"{what}: column {column!r} holds something that is no number: {error}") from error
    if np.isinf(numbers).any():
        raise InputError(f"{what}: column {column!r} holds an infinite value; leave unknown cells empty")
    return pd.Series(numbers)


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
