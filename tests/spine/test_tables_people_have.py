"""One clean study, written and distorted as people's tables are: the clean figures come out, or a message does.

Every variant must end in one of two ways: the figures of the clean study, with whatever had to be inferred said; or a
refusal that names file, row, column, value and what to write. Nothing may change the number of items, prompts,
raters, judges or ratings in silence.

Longer than 400 lines: it is a table of distortions of one study.
"""

from __future__ import annotations

import gzip
import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pytest

from genspace.errors import InputError, InvalidFilesError
from genspace.records import Declared
from genspace.study import check_study, open_study
from genspace.summary import summary

PROMPTS = [f"a cow, left of chair {n}" for n in range(12)]
GENERATORS = ("gen-a", "gen-b", "gen-c")
ITEMS = pd.DataFrame(
    [
        {
            "item_id": f"{p:03d}{g[-1]}",
            "prompt": prompt,
            "prompt_id": f"p{p}",
            "generator": g,
            "category": f"c{p % 3}",
        }
        for p, prompt in enumerate(PROMPTS)
        for g in GENERATORS
    ]
)
ANSWERS = pd.DataFrame(
    [
        {"item_id": item_id, "rater_id": rater, "value": str(1 + (3 * n + 2 * k + n // 7) % 5)}
        for n, item_id in enumerate(ITEMS["item_id"])
        for k, rater in enumerate(("ann", "bob", "cyd"))
    ]
)
SCORES = pd.DataFrame(
    {
        "item_id": ITEMS["item_id"],
        "clip": [f"{0.2 + (7 * n % 36) / 100:.3f}" for n in range(36)],
        "vqa": [f"{(11 * n % 36) / 36:.4f}" for n in range(36)],
    }
)
RATERS = ANSWERS.pivot_table("value", "item_id", "rater_id", aggfunc="first").reset_index()
WIDE = ITEMS.merge(RATERS, on="item_id").merge(SCORES, on="item_id")
PLACES = ("items", "annotations", "scores/m", "wide")
LONG = SCORES.melt("item_id", var_name="metric", value_name="score")
FRAMES = {"items": ITEMS, "annotations": ANSWERS, "scores/m": SCORES, "scores/long": LONG, "wide": WIDE}
CLEAN = {
    "items": 36, "prompts": 12, "generators": 3, "raters": 3, "answers": 108, "judges and metrics": 2, "verdicts": 72,
}  # fmt: skip

Write = Callable[[pd.DataFrame, Path], Path]
"""Writes a table; the path has no ending yet."""


def csv(ending: str = ".csv", encoding: str = "utf-8", **options: object) -> Write:
    def write(frame: pd.DataFrame, stem: Path) -> Path:
        path = stem.with_name(stem.name + ending)
        text = frame.to_csv(index=False, lineterminator="\n", **options)
        data = text.encode(encoding)
        path.write_bytes(gzip.compress(data, mtime=0) if ending.lower().endswith(".gz") else data)
        return path

    return write


def lines_ended(end: str) -> Write:
    def write(frame: pd.DataFrame, stem: Path) -> Path:
        path = csv()(frame, stem)
        path.write_bytes(path.read_bytes().replace(b"\n", end.encode()))
        return path

    return write


def records(ending: str, **options: object) -> Write:
    def write(frame: pd.DataFrame, stem: Path) -> Path:
        path = stem.with_name(stem.name + ending)
        text = frame.to_json(orient="records", force_ascii=False, **options)
        path.write_bytes(gzip.compress(text.encode(), mtime=0) if ending.endswith(".gz") else text.encode())
        return path

    return write


def typed(frame: pd.DataFrame) -> pd.DataFrame:
    """The numbers of a table as numbers, as pandas and spreadsheets have them."""
    numeric = [c for c in frame.columns if c in ("value", "clip", "vqa", "ann", "bob", "cyd")]
    return frame.astype(dict.fromkeys(numeric, float))


def parquet(nullable: bool = False, index: bool = False) -> Write:
    def write(frame: pd.DataFrame, stem: Path) -> Path:
        path = stem.with_name(stem.name + ".parquet")
        made = typed(frame).convert_dtypes() if nullable else typed(frame)
        made.set_axis(range(5, 5 + len(made))).to_parquet(path, index=index)
        return path

    return write


def categories(frame: pd.DataFrame, stem: Path) -> Path:
    path = stem.with_name(stem.name + ".parquet")
    texts = [c for c in frame.columns if c in ("generator", "category", "rater_id")]
    typed(frame).astype(dict.fromkeys(texts, "category")).to_parquet(path, index=False)
    return path


def excel(frame: pd.DataFrame, stem: Path) -> Path:
    path = stem.with_name(stem.name + ".xlsx")
    typed(frame).to_excel(path, index=False)
    return path


def open_document(frame: pd.DataFrame, stem: Path) -> Path:
    """A spreadsheet as LibreOffice writes it, as small as the format allows."""
    path = stem.with_name(stem.name + ".ods")
    cell = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    rows = [list(frame.columns), *frame.to_numpy().tolist()]
    body = "".join(
        f"<table:table-row>{''.join(cell.format(c) for c in row)}</table:table-row>" for row in rows
    )
    names = "urn:oasis:names:tc:opendocument:xmlns:"
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content xmlns:office="{names}office:1.0" '
        f'xmlns:table="{names}table:1.0" xmlns:text="{names}text:1.0" office:version="1.2"><office:body>'
        f'<office:spreadsheet><table:table table:name="S">{body}</table:table></office:spreadsheet></office:body>'
        "</office:document-content>"
    )
    manifest = f'<manifest:manifest xmlns:manifest="{names}manifest:1.0"/>'
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", manifest)
    return path


def changed(change: Callable[[pd.DataFrame], pd.DataFrame], write: Write | None = None) -> Write:
    return lambda frame, stem: (write or csv())(change(frame), stem)


def with_empty(rows: int, columns: int) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        wider = frame.assign(**{f"_{n}": "" for n in range(columns)})
        longer = pd.concat([wider, pd.DataFrame("", index=range(rows), columns=wider.columns)])
        return longer.rename(columns={f"_{n}": "" for n in range(columns)})

    return change


def counted(name: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(frame: pd.DataFrame) -> pd.DataFrame:
        made = frame.copy()
        made.insert(0, name, [str(n) for n in range(len(frame))])
        return made

    return change


DIALECTS: dict[str, tuple[Write, set[str]]] = {
    "csv": (csv(), set()),
    "capital ending": (csv(".CSV"), set()),
    "byte order mark": (csv(encoding="utf-8-sig"), set()),
    "Windows line ends": (lines_ended("\r\n"), set()),
    "old Mac line ends": (lines_ended("\r"), set()),
    "every cell quoted": (csv(quoting=1), set()),
    "gzip": (csv(".csv.gz"), set()),
    "tsv": (csv(".tsv", sep="\t"), set()),
    "semicolons in .csv": (csv(sep=";"), {"separator"}),
    "tabs in .csv": (csv(sep="\t"), {"separator"}),
    "tabs in .txt": (csv(".txt", sep="\t"), {"separator"}),
    "Excel's Unicode text": (csv(".txt", encoding="utf-16", sep="\t"), {"separator", "encoding"}),
    "JSON Lines": (records(".jsonl", lines=True), set()),
    "JSON list": (records(".json"), set()),
    "JSON list over many lines": (records(".json", indent=1), set()),
    "JSON Lines called .json": (records(".json", lines=True), set()),
    "JSON list, gzip": (records(".json.gz"), set()),
    "Parquet": (parquet(), set()),
    "Parquet, nullable types": (parquet(nullable=True), set()),
    "Parquet with an unnamed index": (parquet(index=True), {"index_column"}),
    "Parquet with categories": (categories, set()),
    "Excel": (excel, set()),
    "OpenDocument": (open_document, set()),
    "pandas' unnamed index": (changed(counted("")), {"index_column"}),
    "pandas' index, read and written again": (changed(counted("Unnamed: 0")), {"index_column"}),
    "empty rows at the end": (changed(with_empty(3, 0)), {"empty_rows"}),
    "empty columns at the end": (changed(with_empty(0, 2)), {"empty_columns"}),
    "capitals in the header": (
        changed(lambda f: f.rename(columns={"item_id": "Item_ID"})),
        {"column_matched"},
    ),
    "spaces in the header": (
        changed(lambda f: f.rename(columns={"item_id": " item id "})),
        {"column_matched"},
    ),
}
"""How a table can be written: all of them are read as meant, with what had to be inferred."""


def study(folder: Path, place: str, frame: pd.DataFrame | None = None, write: Write | None = None) -> Path:
    """Write the clean study with one table of other cells, or written in another way; return what to open."""
    (folder / "scores").mkdir(parents=True, exist_ok=True)
    scores = place if place.startswith("scores/") else "scores/m"
    for name in ("wide",) if place == "wide" else ("items", "annotations", scores):
        ours = name == place
        given = FRAMES[name] if not ours or frame is None else frame
        path = (write if ours and write else csv())(given, folder / name)
    return path if place == "wide" else folder


@dataclass(frozen=True)
class Figures:
    """What comes out of a study."""

    counts: dict[str, int]
    ratings: float
    """Their sum."""
    scores: float
    said: frozenset[str]
    """Codes of what was inferred, without what is certain and what is said of the clean study, too."""
    warnings: frozenset[str]


ALWAYS = {"higher_is_better", "scale_seen", "metrics_chosen", "breakdown_columns"}


def figures(path: Path, **declared: object) -> Figures:
    """Read a study; its problems are raised."""
    human = ["ann", "bob", "cyd"] if path.is_file() else []
    opened = open_study(path, human=human, declared=Declared(**declared))
    answers, verdicts = opened.read_annotations(), opened.read_verdicts()
    if problems := answers.problems + verdicts.problems:
        raise InvalidFilesError(problems)
    told = summary(opened.items, answers.frame, verdicts.frame, opened.settings)
    readings = [*told.readings, *opened.readings, *answers.readings, *verdicts.readings]
    return Figures(
        dict(told.counts),
        round(answers.frame["value"].sum(), 6),
        round(verdicts.frame["score"].sum(), 6),
        frozenset(r.code for r in readings if r.level == "said") - ALWAYS,
        frozenset(r.code for r in readings if r.level == "warning"),
    )


TOTALS = (
    float(ANSWERS["value"].astype(int).sum()),
    round(float(SCORES[["clip", "vqa"]].astype(float).sum().sum()), 6),
)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_however_a_table_is_written_it_is_the_same_study(tmp_path: Path, dialect: str, place: str) -> None:
    write, said = DIALECTS[dialect]
    if write in (excel, open_document):
        pytest.importorskip("python_calamine", reason="the extra excel is not installed")
    found = figures(study(tmp_path, place, write=write))
    assert found == Figures(CLEAN, *TOTALS, frozenset(said), frozenset())


# Cells -----------------------------------------------------------------------------------------------------------

RATINGS = (("annotations", "value"), ("wide", "ann"))
METRICS = (("scores/m", "clip"), ("wide", "clip"), ("scores/long", "score"))
Cell = Callable[[int, str], str]
"""What to write instead of a cell, from its row and text."""


@dataclass(frozen=True)
class Cells:
    """A way to write cells, where they can stand, and what they mean when written plainly."""

    write: Cell
    places: tuple[tuple[str, str], ...]
    said: set[str]
    plain: Cell = lambda n, text: text
    """The same cells written plainly; by default those of the clean study."""


def by_row(*texts: str) -> Cell:
    """Other cells in turn: the first in the first row, then the cell as it is, until all have had a turn."""
    return lambda n, text: texts[n] if n < len(texts) else text


NULLS = ("NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "<NA>", "#N/A", " ")
YES = dict(zip("12345", ("no", "no", "no", "yes", "yes"), strict=True))
BINARY = {digit: "1" if word == "yes" else "0" for digit, word in YES.items()}
READ: dict[str, Cells] = {
    "spaces around numbers": Cells(lambda n, t: f"  {t} ", RATINGS + METRICS, set()),
    "a sign and an exponent": Cells(lambda n, t: f"+{float(t) * 10:.3f}e-1", RATINGS + METRICS, set()),
    "percent signs": Cells(lambda n, t: f"{float(t) * 100:.2f}%", METRICS, {"percent"}),
    "percent signs after a space": Cells(lambda n, t: f"{float(t) * 100:.2f} %", METRICS, {"percent"}),
    "decimal commas": Cells(lambda n, t: t.replace(".", ","), METRICS, {"decimal_comma"}),
    "decimal commas with percent": Cells(
        lambda n, t: f"{float(t) * 100:.2f}%".replace(".", ","), METRICS, {"percent"}
    ),
    "decimal commas without a zero": Cells(
        lambda n, t: t.replace("0.", ",", 1) if t.startswith("0.") else t.replace(".", ","), METRICS, {"decimal_comma"}
    ),
    "thousands with commas": Cells(
        lambda n, t: f"{1e5 * float(t) + 1000:,.1f}", METRICS, {"thousands"}, lambda n, t: f"{1e5 * float(t) + 1000:.1f}"
    ),
    "thousands with spaces": Cells(
        lambda n, t: f"{1e5 * float(t) + 1000:,.1f}".replace(",", "\u202f"),
        METRICS, {"thousands"}, lambda n, t: f"{1e5 * float(t) + 1000:.1f}",
    ),
    "thousands as on the continent": Cells(
        lambda n, t: f"{1e5 * float(t) + 1000:,.1f}".translate(str.maketrans(",.", ".,")),
        METRICS, {"decimal_comma"}, lambda n, t: f"{1e5 * float(t) + 1000:.1f}",
    ),
    "a typographic minus": Cells(
        lambda n, t: f"\u2212{t}", METRICS, {"number_characters"}, lambda n, t: f"-{t}"
    ),
    "full-width digits": Cells(
        lambda n, t: "".join(chr(ord(c) + 0xFEE0) if c.isdigit() else c for c in t), RATINGS + METRICS,
        {"number_characters"},
    ),
    "yes and no": Cells(lambda n, t: YES[t], RATINGS, {"words"}, lambda n, t: BINARY[t]),
    "TRUE and FALSE": Cells(
        lambda n, t: {"yes": "TRUE", "no": "FALSE"}[YES[t]], RATINGS, {"words"}, lambda n, t: BINARY[t]
    ),
    "y, n and unsure": Cells(
        lambda n, t: "Unsure" if n < 5 else YES[t][0], RATINGS, {"words"}, lambda n, t: "" if n < 5 else BINARY[t]
    ),
    "words for no value": Cells(by_row(*NULLS), RATINGS + METRICS, set(), by_row(*[""] * len(NULLS))),
    "words for no generator": Cells(
        by_row("nan", "<NA>", "None"), (("items", "generator"), ("wide", "generator")), {"null_words"},
        by_row("", "", ""),
    ),
    "spaces around ids": Cells(lambda n, t: f" {t}  ", (("items", "item_id"), ("annotations", "item_id"),
        ("scores/m", "item_id"), ("wide", "item_id")), set()),
    "no-break spaces around ids": Cells(lambda n, t: f"\u00a0{t}", (("annotations", "item_id"),
        ("scores/long", "item_id")), set()),
    "invisible characters in ids": Cells(lambda n, t: t[:2] + "\u200b" + t[2:], (("items", "item_id"),
        ("annotations", "item_id"), ("scores/m", "item_id"), ("wide", "item_id"), ("scores/long", "item_id")),
        {"id_characters"}),
    "invisible characters in names": Cells(lambda n, t: t if n % 2 else t + "\ufeff", (("annotations", "rater_id"),
        ("items", "generator"), ("wide", "generator"), ("items", "prompt_id")), {"id_characters"}),
}  # fmt: skip


def distorted(place: str, column: str, cell: Cell) -> pd.DataFrame:
    frame = FRAMES[place].copy()
    frame[column] = [cell(n, text) for n, text in enumerate(frame[column])]
    return frame


@cache
def plainly(place: str, column: str, cell: Cell) -> Figures:
    with TemporaryDirectory() as folder:
        return figures(study(Path(folder), place, distorted(place, column, cell)))


@pytest.mark.parametrize(
    ("how", "place", "column"), [(how, *place) for how, cells in READ.items() for place in cells.places]
)
def test_cells_that_can_be_meant_in_one_way_are_read(
    tmp_path: Path, how: str, place: str, column: str
) -> None:
    cells = READ[how]
    found = figures(study(tmp_path, place, distorted(place, column, cells.write)))
    meant = plainly(place, column, cells.plain)
    assert found.counts == meant.counts
    assert (found.ratings, found.scores) == pytest.approx((meant.ratings, meant.scores), abs=1e-6)
    assert found.said - meant.said == cells.said
    assert found.warnings == meant.warnings


@dataclass(frozen=True)
class Refused:
    """A way to write cells that cannot be meant, and what the message must name."""

    write: Cell
    places: tuple[tuple[str, str], ...]
    named: str
    """Pattern with {file}, {column} and {line} of the first wrong row."""
    line: int = 2
    most: int = 25
    """Problems at most: many rows with one cause are one problem."""


IDS = (("annotations", "item_id"), ("scores/m", "item_id"), ("scores/long", "item_id"))
WHERE = "{file}, line {line}: {column} = "
REFUSED: dict[str, Refused] = {
    "commas beside points": Refused(
        lambda n, t: t.replace(".", ",") if n == 4 else t, METRICS, WHERE + "'0,[0-9]+': .*write decimals with a point", 6
    ),
    "commas that may be thousands": Refused(
        lambda n, t: "1,234", METRICS, WHERE + "'1,234': .*write 1.234 or 1234"
    ),
    "percent signs in some cells": Refused(
        lambda n, t: f"{float(t) * 100:.1f}%" if n > 30 else t, METRICS, WHERE + "'[0-9.]+%': .*percent signs in the whole", 33
    ),
    "numbers with words": Refused(
        lambda n, t: f"{t} - good" if n == 2 else t, RATINGS, WHERE + "'[1-5] - good': .*write the number alone: [1-5]", 4
    ),
    "words beside numbers": Refused(
        lambda n, t: "yes" if n == 2 else t, RATINGS, WHERE + "'yes': .*write 1 for yes and 0 for no", 4
    ),
    "a mark for no value": Refused(
        lambda n, t: "-" if n == 2 else t, RATINGS + METRICS, WHERE + "'-': .*leave the cell empty", 4
    ),
    "a word for a number": Refused(
        lambda n, t: "good" if n == 2 else t, RATINGS, WHERE + "'good': .*write a number, or declare", 4
    ),
    "infinity": Refused(lambda n, t: "inf" if n == 0 else t, METRICS, WHERE + "'inf': .*write the largest number"),
    "marks of footnotes": Refused(
        lambda n, t: f"{t}\u00b9" if n == 3 else t, RATINGS + METRICS, WHERE + "'[0-9.]+\u00b9': .*write the number alone: [0-9.]+$", 5
    ),
    "shares of a scale": Refused(
        lambda n, t: f"{t}/5", RATINGS, WHERE + "'[1-5]/5': .*nor is any of the [0-9]+ cells of this column; write the number alone", most=1
    ),
    "words of a scale": Refused(
        lambda n, t: ("never", "seldom", "often", "always", "ever")[int(t) - 1], RATINGS,
        WHERE + "'[a-z]+': .*nor is any of the [0-9]+ cells", most=1,
    ),
    "dates that a spreadsheet made": Refused(
        lambda n, t: f"0{t}-Jan" if n == 1 else t, RATINGS, WHERE + "'0[1-5]-Jan': .*it is a date.*write the number that was meant", 3
    ),
    "lists of ratings": Refused(
        lambda n, t: f"[{t}, 3]", RATINGS, WHERE + r"'\[[1-5], 3\]': .*give each rater a column, or each answer a row", most=1
    ),
    "preferences without pairs": Refused(
        lambda n, t: ("model_a", "tie", "model_b")[n % 3], (("wide", "ann"),), "answers about pairs stand in annotations.csv", most=1
    ),
    "units beside scores": Refused(
        lambda n, t: f"{t} m", (("scores/m", "clip"), ("scores/long", "score")), WHERE + "'[0-9.]+ m': .*nor is any .*write the number alone: [0-9.]+$", most=1
    ),
    "bounds beside scores": Refused(
        lambda n, t: f"<{t}" if n == 2 else t, METRICS, WHERE + "'<[0-9.]+': .*write the number alone: [0-9.]+$", 4
    ),
    "a failed formula": Refused(lambda n, t: "#DIV/0!" if n == 0 else t, METRICS, WHERE + "'#DIV/0!'"),
    "endings of files": Refused(lambda n, t: f"{t}.png", IDS, "rows name items that differ by the file's ending", most=1),
    "zeros that a spreadsheet dropped": Refused(
        lambda n, t: re.sub("^0+(?=[0-9])", "", t), IDS, "by leading zeros or a decimal point from the items table: '0a' here, '000a'", most=2
    ),
    "capitals in ids": Refused(lambda n, t: t.upper(), IDS, "differ by capitals", most=1),
    "folders before ids": Refused(lambda n, t: f"out/{t}", IDS, "differ by the folder before them", most=1),
    "folders and endings": Refused(lambda n, t: f"out/v1/{t}.jpg", IDS, "differ by folder and ending", most=1),
    "a prefix": Refused(lambda n, t: f"img_{t}", IDS, "differ by 'img_' before them", most=1),
    "a suffix": Refused(lambda n, t: f"{t}_v2", IDS, "differ by '_v[0-9]*'? ?.*after them|differ by", most=1),
    "other ids": Refused(lambda n, t: f"x{n}", IDS, WHERE + "'x0': is not an item of the items table", most=21),
    "one other id": Refused(
        lambda n, t: "zzz" if n == 3 else t, IDS, WHERE + "'zzz': is not an item of the items table", 5, most=1
    ),
    "an empty id": Refused(
        lambda n, t: "" if n == 3 else t, (("items", "item_id"), ("wide", "item_id")), "every item needs an id", 5
    ),
    "an id that is not a value": Refused(
        lambda n, t: "nan" if n == 3 else t, (("items", "item_id"), ("wide", "item_id")), WHERE + "'nan': every item", 5
    ),
    "the same id twice": Refused(
        lambda n, t: "000a" if n == 3 else t, (("items", "item_id"), ("wide", "item_id")), "ids are unique", 5
    ),
    "no rater": Refused(lambda n, t: "" if n == 3 else t, (("annotations", "rater_id"),), "every answer needs a rater", 5),
    "a rater twice": Refused(
        lambda n, t: "ann" if n == 1 else t, (("annotations", "rater_id"),), "the same rater answers .* twice", 3
    ),
    "a metric without a name": Refused(
        lambda n, t: "" if n == 1 else t, (("scores/long", "metric"),), "needs the name of its metric", 3
    ),
    "an image outside the study": Refused(
        lambda n, t: "../x.png" if n == 1 else t, (("items", "category"),), WHERE + "'../x.png': leaves the study", 3
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("how", "place", "column"), [(how, *place) for how, cells in REFUSED.items() for place in cells.places]
)
def test_cells_that_cannot_be_meant_are_named(tmp_path: Path, how: str, place: str, column: str) -> None:
    cells = REFUSED[how]
    frame = distorted(place, column, cells.write)
    if how == "an image outside the study":
        frame, column = frame.rename(columns={"category": "image"}), "image"
    path = study(tmp_path, place, frame)
    message = cells.named.format(file=rf"{place}\.csv", column=column, line=cells.line)
    with pytest.raises(InputError, match=message) as caught:
        figures(path)
    assert len(caught.value.problems) <= cells.most
    report = check_study(path, human=["ann", "bob", "cyd"] if path.is_file() else [])
    assert any(re.search(message, str(problem)) for problem in report.problems)


# Whole files -----------------------------------------------------------------------------------------------------


def bytes_of(frame: pd.DataFrame, kind: str) -> bytes:
    """A table in the wrong clothes."""
    text = frame.to_csv(index=False, lineterminator="\n")
    if kind == "xlsx":
        made = io.BytesIO()
        frame.to_excel(made, index=False)
        return made.getvalue()
    return {
        "text": text.encode(),
        "html": f"<html><body>{frame.to_html()}</body></html>".encode(),
        "utf-16 without a mark": text.encode("utf-16-le"),
        "Windows' letters": text.replace("cow", "v\u00e2che")
        .replace("ann", "\u00e9l\u00e9a")
        .encode("cp1252"),
        "gzip": gzip.compress(text.encode(), mtime=0),
        "a remark first": b"# exported by a tool\n" + text.encode(),
        "a title first": b"Results of March"
        + b"," * text.partition("\n")[0].count(",")
        + b"\n"
        + text.encode(),
        "cells too many": text.replace("\n", ",more\n").replace(",more\n", "\n", 1).encode(),
        "nothing": b"",
    }[kind]


@pytest.mark.parametrize("place", ["annotations", "wide"])
@pytest.mark.parametrize(
    ("kind", "ending", "message"),
    [
        ("xlsx", ".csv", "holds a spreadsheet, whatever its ending says; rename it to .xlsx"),
        ("gzip", ".csv", "holds a gzipped file, whatever its ending says; rename it to .gz"),
        ("text", ".xlsx", "is no spreadsheet: it holds text; rename it to .csv"),
        ("text", ".parquet", "is no Parquet: it holds text; rename it to .csv"),
        ("text", ".csv.gz", "is no gzipped file: it holds text; rename it to .csv"),
        ("html", ".xls", "holds HTML or XML, no table; open it in a spreadsheet"),
        ("html", ".csv", "holds HTML or XML, no table; open it in a spreadsheet"),
        ("utf-16 without a mark", ".csv", "is not UTF-8 text, but looks like UTF-16; save it as UTF-8"),
        ("Windows' letters", ".csv", "is not UTF-8 text .*; save it as UTF-8, in Excel as “CSV UTF-8”"),
        ("a remark first", ".csv", "line 1: '# exported by a tool': names one column, but line 2 holds [0-9]+ cells; the first"),
        ("a title first", ".csv", "line 1: .*names one column, 'Results of March', of [0-9]+; the first line must name"),
        ("cells too many", ".csv", "line 2: holds [0-9]+ cells, the header [0-9]+; put quotation marks around a cell that holds commas"),
        ("nothing", ".csv", "is empty; a header line is expected"),
        ("nothing", ".json", "line 1: is not JSON"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_what_it_says_is_named_once(
    tmp_path: Path, kind: str, ending: str, message: str, place: str
) -> None:
    def write(frame: pd.DataFrame, stem: Path) -> Path:
        path = stem.with_name(stem.name + ending)
        path.write_bytes(bytes_of(frame, kind))
        return path

    path = study(tmp_path, place, write=write)
    with pytest.raises(InputError, match=rf"{place}\{ending}[:,] {message}") as caught:
        figures(path if path.is_dir() else tmp_path / f"wide{ending}")
    assert len(str(caught.value).splitlines()) == 1 or kind == "cells too many"


def test_a_column_per_rater_in_the_table_of_answers_is_told_the_shape_wanted(tmp_path: Path) -> None:
    path = study(tmp_path, "annotations", RATERS)
    with pytest.raises(InputError, match="ann, bob, cyd look like a column per rater; a row per answer is"):
        figures(path)


def test_empty_cells_are_counted(tmp_path: Path) -> None:
    gaps = distorted("annotations", "value", lambda n, t: "" if n % 9 == 0 else t)
    opened = open_study(study(tmp_path, "annotations", gaps))
    [said] = [r for r in opened.read_annotations().readings if r.code == "empty_cells"]
    assert str(said) == "annotations.csv: value: 12 of 108 cells are empty and count as no answer"
    path = study(tmp_path / "wide", "wide", distorted("wide", "bob", lambda n, t: "" if n == 5 else t))
    [said] = [r for r in check_study(path, human=["ann", "bob", "cyd"]).readings if r.code == "empty_cells"]
    assert (said.columns, said.count, said.total) == (("bob",), 1, 36)
