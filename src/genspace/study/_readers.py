"""Readers of a study's tables: text cells in, checked typed frames out, with every problem and everything inferred."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from genspace.columns import ANSWER_COLUMNS, ANSWER_KEY, among, typed
from genspace.errors import Problem, refuse
from genspace.pairs import pair_mistakes, turned_answers, with_preferences
from genspace.readings import Reading, listed
from genspace.records import ITEM_COLUMNS, ROLES, PairCoding, StudySettings
from genspace.study._files import leaves_study
from genspace.study._ids import unknown_items
from genspace.study._suspicions import alike_but_for_case, suspicions
from genspace.tables import (
    NULLS,
    PAIR_WORDS,
    WORDS,
    Table,
    clean_text,
    empty_cells,
    match_columns,
    near_columns,
    parse_numbers,
    read_numbers,
    require_columns,
)

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

log = logging.getLogger(__name__)

ITEM_TEXT_COLUMNS = ("generator", "prompt_id", "prompt", "image", "image_before", "predicate")
READ_OF_ANSWERS = (*ANSWER_KEY, "value")
"""Columns of a table of answers that are read. Who breaks rules is told by the study's own records alone."""
NULL_WORDS = NULLS - {""}
CLEANED = ("item_id", "prompt_id", "prompt", "generator")
"""Columns of the items table whose cells must be alike to be one thing."""
ASKED_ABOUT = ("prompt", "prompt_id", "generator")
"""Columns of the items table that are worth asking about where another's name looks like theirs."""


@dataclass
class Read:
    """A frame as read, with its problems and what was inferred.

    >>> import pandas as pd
    >>> Read(pd.DataFrame({"item_id": ["a"]})).checked().to_dict("list")
    {'item_id': ['a']}
    """

    frame: pd.DataFrame
    problems: list[Problem] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)

    def checked(self) -> pd.DataFrame:
        """Return the frame and log what was inferred.

        Errors: `InvalidFilesError` listing every problem.
        """
        refuse(self.problems)
        log_readings(self.readings)
        return self.frame


def log_readings(readings: Iterable[Reading]) -> None:
    """Log what was inferred, except what is certain."""
    for reading in readings:
        if reading.level == "warning":
            log.warning("%s", reading, extra={"reading": reading.code})
        elif reading.level == "said":
            log.info("%s", reading, extra={"reading": reading.code})


def read_items(table: Table, *, whole: bool = True, named_files: bool = True) -> Read:
    """Check the items table: unique ids, image names that stay in the study; empty cells become missing.

    Of a part (`whole` false) nothing is said that only the whole can tell. Without a study's folder (`named_files`
    false) images are names like any other.
    """
    table, problems = match_columns(table, ITEM_COLUMNS)
    problems += require_columns(table, ["item_id"])
    if problems:
        return Read(table.frame, problems, list(table.readings))
    readings = list(table.readings)
    frame = table.frame.apply(lambda column: column.str.strip())
    for column in CLEANED:
        if column in frame.columns:
            frame[column] = cleaned(table, frame[column], column, readings, strip=False)
    nameless = among(frame["item_id"], NULLS)
    problems += table.problems(nameless, "item_id", "every item needs an id")
    problems += _repeated_ids(table, frame, nameless)
    for column in ("image", "image_before"):
        if named_files and column in frame.columns:
            outside = frame[column].map(leaves_study)
            message = "leaves the study; use a name relative to its folder"
            problems += table.problems(outside, column, message)
    readings += _without_null_words(table, frame, [c for c in ITEM_TEXT_COLUMNS if c in frame.columns])
    if "prompt_id" not in frame.columns:
        if "prompt" in frame.columns:
            frame["prompt_id"] = frame["prompt"]
        readings.append(table.reading("no_prompt_id" if "prompt" in frame.columns else "no_prompt"))
    for column in ASKED_ABOUT:
        if column not in frame.columns:
            readings += near_name(table, column, ITEM_COLUMNS)
    if whole:
        readings += alike_names(frame, table.label)
    for column in ITEM_TEXT_COLUMNS:
        if column not in frame.columns:
            frame[column] = ""
    return Read(frame.mask(frame == ""), problems, readings)


def cleaned(
    table: Table, text: pd.Series[str], column: str, readings: list[Reading], *, strip: bool = True
) -> pd.Series[str]:
    """Return a column without characters that nobody sees; where there were some, a reading says so."""
    clean, changed = clean_text(text, strip=strip)
    if changed:
        readings.append(table.reading("id_characters", columns=(column,), count=changed))
    return clean


def near_name(table: Table, column: str, taken: Collection[str]) -> Iterator[Reading]:
    """Yield which column, of those that are not taken, may be meant by the name of one that there is not."""
    near = near_columns(column, list(table.frame.columns), taken)
    if near:
        yield table.reading("near_column", columns=(near[0], column))


def alike_names(items: pd.DataFrame, label: str) -> Iterator[Reading]:
    """Yield the ids and generators of an items table that differ in capitals alone."""
    for column in ("item_id", "generator"):
        if column in items.columns:
            yield from alike_but_for_case(items[column].dropna(), label, column)


def _repeated_ids(table: Table, frame: pd.DataFrame, nameless: NDArray[np.bool_]) -> list[Problem]:
    """Return the problem of ids that occur twice: one for all where rows look like answers."""
    twice = frame.duplicated("item_id") & ~nameless
    if twice.sum() * 2 > len(frame) and len(frame) > 5:
        ids = frame["item_id"].nunique()
        message = (
            f"{ids:,} ids stand in {len(frame):,} rows: one row per answer? The items table has one row per item; put "
            "item_id, rater_id and value into annotations.csv"
        )
        return [table.problem(message, field="item_id")]
    return table.problems(twice, "item_id", "occurs twice; item ids are unique")


def _without_null_words(table: Table, frame: pd.DataFrame, columns: Iterable[str]) -> list[Reading]:
    """Empty the cells that hold what software writes for "no value", in place; return what was emptied."""
    readings = []
    for column in columns:
        null = among(frame[column], NULL_WORDS)
        if null.any():
            values = tuple(sorted(frame.loc[null, column].unique()))
            readings.append(
                table.reading("null_words", columns=(column,), words=values, count=int(null.sum()))
            )
            frame.loc[null, column] = ""
    return readings


def read_annotations(
    tables: Mapping[str, Table],
    item_ids: pd.Series[str],
    settings: Callable[[str], StudySettings],
    *,
    further: Sequence[str] = (),
) -> Read:
    """Check people's answers: one table per question ("" is the main one), all problems at once.

    `settings` gives what is declared for a question; only its scale, value type and missing values are used. `further`
    are columns of text that are read besides.
    """
    import pandas as pd

    read = Read(typed({}, ANSWER_COLUMNS))
    frames = [read.frame]
    for question, table in tables.items():
        frame = _read_answers(table, question, item_ids, settings(question), read, further=further)
        if frame is not None:
            frames.append(frame)
    read.frame = pd.concat(frames, ignore_index=True)
    return read


def _read_answers(
    table: Table,
    question: str,
    known: pd.Series[str],
    settings: StudySettings,
    read: Read,
    *,
    further: Sequence[str],
) -> pd.DataFrame | None:
    """Return one table of answers, None where columns are missing; problems and readings join `read`."""
    table, problems = match_columns(table, READ_OF_ANSWERS)
    problems += require_columns(table, ["item_id", "value"])
    read.readings += table.readings
    read.problems += problems
    if problems:
        read.problems += _column_per_rater(table)
        return None
    text = table.frame
    columns: dict[str, Any] = {}
    for name in ("item_id", "item_id_b", "question", "rater_id"):
        columns[name] = cleaned(table, optional(text, name), name, read.readings)
    columns["question"] = columns["question"].where(columns["question"] != "", question)
    if "rater_id" in text.columns:
        nameless = columns["rater_id"].isin(NULLS)
        read.problems += table.problems(nameless, "rater_id", "every answer needs a rater")
        read.readings += alike_but_for_case(columns["rater_id"], table.label, "rater_id")
    else:
        place = columns["item_id"].groupby([columns["item_id"], columns["question"]]).cumcount() + 1
        columns["rater_id"] = "slot" + place.astype(str)
        read.readings.append(table.reading("no_rater_id"))
        read.readings += near_name(table, "rater_id", READ_OF_ANSWERS)
    columns.update({name: optional(text, name) for name in further})
    columns["role"] = optional(text, "role").replace("", "main")
    wrong_role = ~columns["role"].isin(ROLES)
    read.problems += table.problems(wrong_role, "role", f"is none of {', '.join(ROLES)}")
    columns["repeat"] = times_asked(table, read.problems) if "repeat" in text.columns else 0
    of_pairs = columns["item_id_b"] != ""
    preferences = _preference_words(settings.pairs)
    words = preferences if of_pairs.all() else WORDS if not of_pairs.any() else {**preferences, **WORDS}
    numbers = read_numbers(table, "value", words=words, missing=settings.missing)
    columns["value"] = numbers.column
    read.problems += numbers.problems
    read.readings += [*numbers.readings, *empty_cells(table, {"value": numbers})]
    single = numbers.column.where(~of_pairs)
    read.problems += off_scale(table, "value", single, settings)
    unread = tuple(c for c in text.columns if c not in (*READ_OF_ANSWERS, *further))
    if unread:
        read.readings.append(table.reading("columns_unused", columns=unread))
    if of_pairs.any() and not of_pairs.all():
        pairs = int(of_pairs.sum())
        asked = (question,) if question else ()
        read.readings.append(
            table.reading("singles_beside_pairs", columns=asked, count=len(text) - pairs, total=pairs)
        )
    given = typed(columns, ANSWER_COLUMNS)
    read.problems += unknown_items(table, given, known)
    read.problems += _pair_problems(table, given, settings)
    frame = turned_answers(with_preferences(given, settings))
    read.problems += twice_said(
        table, given, frame, ANSWER_KEY, "the same rater answers the same question twice"
    )
    kept = frame[~numbers.dropped.to_numpy()].reset_index(drop=True)
    read.readings += suspicions(kept[kept["item_id_b"] == ""], settings, table.label)
    return kept


def _column_per_rater(table: Table) -> list[Problem]:
    """Return what to do about a table of answers with a column per rater, where it is one."""
    further = [c for c in table.frame.columns if c not in READ_OF_ANSWERS]
    if "value" in table.frame.columns or len(further) < 2:
        return []
    numbers = {c: read_numbers(table, c, words=WORDS) for c in further}
    raters = [c for c, read in numbers.items() if read.filled and not read.problems]
    if len(raters) < 2:
        return []
    message = (
        f"{listed(raters)} look like a column per rater; a row per answer is expected: item_id, rater_id and value; "
        "or put the scores beside them and name the file itself, as one wide table"
    )
    return [table.problem(message)]


def _preference_words(coding: PairCoding) -> dict[str, float | None]:
    """Return words for preferences as the numbers that a table writes for them."""
    numbers = {1.0: coding.first, 0.5: coding.tie, 0.0: coding.second, None: None}
    return {word: numbers[share] for word, share in PAIR_WORDS.items()}


def _pair_problems(table: Table, given: pd.DataFrame, settings: StudySettings) -> list[Problem]:
    """Return the problem of each answer about a pair that cannot be meant, many alike as one."""
    wrong: dict[tuple[str, str], list[int]] = {}
    for row, column, message in pair_mistakes(given, settings):
        wrong.setdefault((column, message), []).append(row)
    return [p for (column, message), rows in wrong.items() for p in table.problems(rows, column, message)]


def twice_said(
    table: Table, given: pd.DataFrame, turned: pd.DataFrame, key: list[str], message: str
) -> list[Problem]:
    """Flag rows whose key stands before; of a pair that stands in both orders this is said."""
    if turned[key[0]].is_unique or not turned.duplicated(key).any():
        return []
    row = given.get("row", given.index)
    as_written, twice = (frame.duplicated(key).groupby(row).any() for frame in (given, turned))
    both = f"{message}: the pair stands in both orders; keep one"
    return [
        *table.problems(as_written, "item_id", message),
        *table.problems(twice & ~as_written, "item_id", both),
    ]


def times_asked(table: Table, problems: list[Problem]) -> pd.Series[int]:
    """Return which time of asking each row is; an empty cell is the first, 0."""
    repeat = parse_numbers(table, "repeat", problems).fillna(0)
    wrong = (repeat % 1 != 0) | (repeat < 0) | (repeat >= 2**31)
    problems += table.problems(wrong, "repeat", "is not a whole number from 0")
    return repeat.mask(wrong, 0).astype("int64")


def optional(text: pd.DataFrame, column: str) -> pd.Series[str]:
    import pandas as pd

    if column in text.columns:
        return text[column].str.strip()
    return pd.Series("", index=text.index, dtype="str")


def off_scale(table: Table, column: str, value: pd.Series[float], settings: StudySettings) -> list[Problem]:
    """Return the problem of values that the declared scale or value type cannot have."""
    problems: list[Problem] = []
    if settings.value_type == "binary":
        wrong = value.notna() & ~value.isin((0.0, 1.0))
        message = 'is neither 0 nor 1, which value_type = "binary" declares'
        problems += table.problems(wrong, column, message)
    for name, end, sign in (("scale_min", settings.scale_min, 1), ("scale_max", settings.scale_max, -1)):
        if end is None:
            continue
        wrong = sign * value < sign * end
        codes = value[wrong].unique()
        message = f"lies {'below' if sign > 0 else 'above'} {name} = {end:g}"
        if len(codes) == 1 and wrong.sum() > 1:
            message += (
                f"; if it means no answer: missing = [{codes[0]:g}] in study.toml, or `missing` {codes[0]:g}"
            )
        problems += table.problems(wrong, column, message)
    return problems
