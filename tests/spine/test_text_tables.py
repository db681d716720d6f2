"""Text tables: quotation marks never merge rows, separators are told, spreadsheets and frames are read as they are."""

from __future__ import annotations

import csv
import datetime as dt
import io
from contextlib import suppress
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genspace.errors import InputError, InvalidFilesError
from genspace.study import check_study
from genspace.tables import _text, clean_text, read_parts, read_table, table_of


def rows_of(path: Path) -> list[list[str]]:
    return read_table(path, path.name).frame.to_numpy().tolist()


class TestQuotationMarks:
    RAW = 'item_id\tprompt\tn\na\tplain\t1\nb\t"a sign that says hi\t2\nc\tx\t3\nd\t"he said "no"\t4\ne\t5" screen\t5\n'

    def test_between_tabs_they_are_text_and_said(self, tmp_path):
        (tmp_path / "t.tsv").write_text(self.RAW)
        table = read_table(tmp_path / "t.tsv", "t.tsv")
        assert table.frame["prompt"].tolist() == [
            "plain",
            '"a sign that says hi',
            "x",
            '"he said "no"',
            '5" screen',
        ]
        assert [(r.code, r.count) for r in table.readings] == [("raw_quotes", 3)]
        assert [table.line(i) for i in range(5)] == [2, 3, 4, 5, 6]

    def test_an_opening_and_a_closing_mark_lines_apart_would_be_one_sound_cell(self, tmp_path):
        # By the letter of CSV this is one row with a prompt of three lines. Each line alone is a row, too.
        text = 'item_id\tprompt\tn\na\t"hi\t1\nb\tx\t2\nc\tbye"\t3\n'
        (tmp_path / "t.tsv").write_text(text)
        assert rows_of(tmp_path / "t.tsv") == [["a", '"hi', "1"], ["b", "x", "2"], ["c", 'bye"', "3"]]
        (tmp_path / "t.csv").write_text(text.replace("\t", ","))
        with pytest.raises(
            InvalidFilesError, match=r"line 2: a quotation mark opens here and closes on line 4"
        ):
            read_table(tmp_path / "t.csv", "t.csv")

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ('a,b\n1,"x\n2,y\n', 2),
            ('a,b\n1,x\n2,"he" said\n3,z\n', 3),
            ('a,b\n1,"two\nlines"\n2,"open\n', 4),
        ],
    )
    def test_between_commas_they_are_refused_with_the_line_and_what_to_write(self, tmp_path, text, line):
        (tmp_path / "t.csv").write_text(text)
        with pytest.raises(
            InvalidFilesError, match=f'line {line}: a cell.s quotation marks are wrong.*"say ""hi"""'
        ):
            read_table(tmp_path / "t.csv", "t.csv")

    def test_sound_cells_of_several_lines_stay_cells(self, tmp_path):
        (tmp_path / "t.csv").write_text('item_id,n,prompt\na,1,"two\nlines, one ""cell"""\nb,2,"x"\n')
        assert rows_of(tmp_path / "t.csv") == [["a", "1", 'two\nlines, one "cell"'], ["b", "2", "x"]]

    def test_a_cell_each_of_whose_lines_could_be_a_row_is_asked_about(self, tmp_path):
        (tmp_path / "t.csv").write_text('item_id,prompt\na,"two\nlines, one cell"\n')
        with pytest.raises(InvalidFilesError, match="if the line breaks belong to one cell, take them out"):
            read_table(tmp_path / "t.csv", "t.csv")

    @given(
        st.lists(st.lists(st.text('a,"\n\r\t ', max_size=6), min_size=2, max_size=2), min_size=1, max_size=6),
        st.integers(3, 40),
    )
    @settings(max_examples=200, deadline=None)
    def test_whatever_a_csv_writer_quotes_comes_back(self, tmp_path_factory, cells, block):
        """Blocks of a few bytes, so that marks fall on their borders; the reference is the standard library."""
        path = tmp_path_factory.mktemp("q") / "t.csv"
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([["p", "q"], *cells])
        path.write_text(text.getvalue(), newline="")
        expected = [row for row in csv.reader(io.StringIO(text.getvalue(), newline="")) if any(row)][1:]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_text, "BLOCK", block)
            with suppress(InvalidFilesError):  # a cell each of whose lines could be a row is asked about
                assert rows_of(path) == expected

    @given(st.text('a,"\n', max_size=40))
    @settings(max_examples=300, deadline=None)
    def test_the_fast_pass_lets_nothing_through_that_the_strict_one_would_name(self, tmp_path_factory, body):
        path = tmp_path_factory.mktemp("q") / "t.csv"
        path.write_text(f"p,q\n{body}", newline="")
        dialect = _text.Dialect(",", ("p", "q"), "utf-8-sig")
        for block in (3, 7, 1 << 22):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(_text, "BLOCK", block)
                looked = _text._quotes_need_a_look(path, dialect)
            if not looked:
                strict = list(csv.reader(io.StringIO(path.read_text(), newline=""), strict=True))
                lines = path.read_text().split("\n")
                assert len(strict) == len(lines) - (lines[-1] == "")


class TestSeparators:
    @pytest.mark.parametrize(
        ("name", "text", "mark"),
        [
            ("t.csv", "item_id;prompt\na;x, y\n", "semicolons"),
            ("t.csv", "item_id;prompt, in full\na;x\n", "semicolons"),
            ("t.csv", "a\tb\n1\t2\n", "tabs"),
            ("t.tsv", "a,b\n1,2\n", "commas"),
            ("t.txt", "a|b\n1|2\n", "vertical bars"),
        ],
    )
    def test_the_only_one_that_splits_the_header_is_read_and_said(self, tmp_path, name, text, mark):
        (tmp_path / name).write_text(text)
        table = read_table(tmp_path / name, name)
        assert table.frame.shape == (1, 2)
        assert [r.sentence for r in table.readings] == [f"cells are separated by {mark}"]

    def test_two_that_would_are_refused(self, tmp_path):
        (tmp_path / "t.csv").write_text("a;b\tc\n1;2\t3\n")
        with pytest.raises(InvalidFilesError, match="line 1: cells may be separated by tabs or semicolons"):
            read_table(tmp_path / "t.csv", "t.csv")

    def test_one_column_is_one_column(self, tmp_path):
        (tmp_path / "t.csv").write_text("item_id\na\nb\n")
        assert rows_of(tmp_path / "t.csv") == [["a"], ["b"]]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("sep=;\na;b\n", "line 1: 'sep=;': is a mark for Excel alone; remove this line"),
            ("a,,c\n1,x,3\n", "line 1: 'x': column 2 has no name; name it in the header, or remove it"),
            ("a,a\n1,2\n", "line 1: a: column occurs twice"),
            ("", "is empty; a header line is expected"),
        ],
    )
    def test_headers_that_cannot_be_meant(self, tmp_path, text, message):
        (tmp_path / "t.csv").write_text(text)
        with pytest.raises(InvalidFilesError, match=message):
            read_table(tmp_path / "t.csv", "t.csv")

    def test_lines_hold_where_rows_are_left_out(self, tmp_path):
        (tmp_path / "t.csv").write_text('a,b\n,\n1,"x\ny"\n\n,\n2,z\n')
        table = read_table(tmp_path / "t.csv", "t.csv")
        assert [table.line(i) for i in range(2)] == [3, 7]


class TestJson:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ('{"a": {"0": 1}}', r"one list of objects.*it is an object \(pandas: orient='records'\)"),
            ('{"rows": [{"a": 1}]}', "whose rows may be under 'rows'"),
            ('[{"a": 1}, 2]', "row 2: 2: an object is expected"),
            ('[{"a": 1},', "is not JSON"),
            ("7", "one list of objects is expected"),
        ],
    )
    def test_what_is_no_list_of_objects(self, tmp_path, text, message):
        (tmp_path / "t.json").write_text(text)
        with pytest.raises(InvalidFilesError, match=message):
            read_table(tmp_path / "t.json", "t.json")

    def test_long_numbers_stay_exact(self, tmp_path):
        (tmp_path / "t.json").write_text(
            '[{"item_id": 9007199254740993, "x": 1.0}, {"item_id": 2, "x": null}]'
        )
        assert rows_of(tmp_path / "t.json") == [["9007199254740993", "1"], ["2", ""]]


class TestSpreadsheets:
    def test_the_first_full_sheet_is_read_and_the_others_named(self, tmp_path):
        pytest.importorskip("python_calamine")
        frame = pd.DataFrame(
            {"item_id": ["007", "8"], "n": [1.0, 2.5], "day": pd.to_datetime(["2024-01-02", None])}
        )
        with pd.ExcelWriter(tmp_path / "t.xlsx") as book:
            pd.DataFrame().to_excel(book, sheet_name="cover")
            frame.to_excel(book, sheet_name="data", index=False, startrow=2)
            frame.to_excel(book, sheet_name="old", index=False)
        table = read_table(tmp_path / "t.xlsx", "t.xlsx")
        assert table.frame.to_numpy().tolist() == [["007", "1", "2024-01-02"], ["8", "2.5", ""]]
        assert [r.sentence for r in table.readings] == ["sheet 'data' is read, of the sheets data, old"]
        assert [table.line(i) for i in range(2)] == [4, 5]
        assert [len(part.frame) for part in read_parts(tmp_path / "t.xlsx")] == [2]

    def test_what_is_no_spreadsheet(self, tmp_path):
        (tmp_path / "t.xlsx").write_bytes(b"item_id,n")
        with pytest.raises(InvalidFilesError, match="is not a spreadsheet: it holds text; rename"):
            read_table(tmp_path / "t.xlsx", "t.xlsx")

    def test_without_the_package_the_install_line_is_said(self, tmp_path, monkeypatch):
        pd.DataFrame({"item_id": ["a"]}).to_excel(tmp_path / "t.xlsx", index=False)
        monkeypatch.setattr("genspace.errors.find_spec", lambda _: None)
        with pytest.raises(InputError, match=r"reading t\.xlsx needs.*pip install 'genspace\[excel\]'"):
            read_table(tmp_path / "t.xlsx", "t.xlsx")


class TestParquet:
    def test_pictures_of_the_datasets_library_are_passed_over(self, tmp_path):
        picture = {"bytes": b"\x89PNG", "path": "a.png"}
        frame = pd.DataFrame(
            {
                "item_id": range(4),
                "image": [picture, None, picture, picture],
                "human": [1, 2, 3, 1],
                "m": [0.1, 0.2, 0.4, 0.3],
            }
        )
        frame.to_parquet(tmp_path / "t.parquet")
        report = check_study(tmp_path / "t.parquet", human=["human"])
        assert report.problems == []
        assert [r.columns for r in report.readings if r.code == "pictures_inside"] == [("image",)]

    def test_nullable_types_have_no_value_of_their_own(self, tmp_path):
        big = 2**62 + 1
        frame = pd.DataFrame(
            {
                "item_id": pd.array([big, big + 2], "Int64"),
                "generator": pd.array(["g", pd.NA], "string"),
                "n": pd.array([pd.NA, 3], "Int64"),
                "ok": pd.array([True, pd.NA], "boolean"),
            }
        )
        frame.to_parquet(tmp_path / "t.parquet")
        assert rows_of(tmp_path / "t.parquet") == [[str(big), "g", "", "1"], [str(big + 2), "", "3", ""]]

    def test_a_named_index_is_a_column(self, tmp_path):
        pd.DataFrame({"n": [1]}, index=pd.Index(["a"], name="item_id")).to_parquet(tmp_path / "t.parquet")
        assert read_table(tmp_path / "t.parquet").frame.to_dict("list") == {"n": ["1"], "item_id": ["a"]}


class TestFrames:
    @pytest.mark.parametrize(
        ("cells", "text"),
        [
            ([1, 2], ["1", "2"]),
            ([1.0, np.nan], ["1", ""]),
            ([0.1, 2.5e-7], ["0.1", "2.5e-7"]),
            (np.array([0.1, 0.2], np.float32), ["0.1", "0.2"]),
            (pd.array([2**62 + 1, pd.NA], "Int64"), [str(2**62 + 1), ""]),
            ([True, False], ["1", "0"]),
            (pd.array([True, pd.NA], "boolean"), ["1", ""]),
            (["a", None], ["a", ""]),
            (pd.array(["a", pd.NA], "string"), ["a", ""]),
            (pd.Categorical(["b", "a"]), ["b", "a"]),
            (pd.Categorical([3, 1], ordered=True), ["3", "1"]),
            ([b"a", "é".encode()], ["a", "é"]),
            (pd.to_datetime(["2024-01-02", None]), ["2024-01-02T00:00:00", ""]),
            (pd.to_datetime(["2024-01-02T03:04:05"] * 2, utc=True), ["2024-01-02T03:04:05+00:00"] * 2),
            ([dt.date(2024, 1, 2), None], ["2024-01-02", ""]),
            ([Decimal("1.10"), Decimal(2)], ["1.10", "2.00"]),
            ([1, "a"], ["1", "a"]),
            ([1.0, "x"], ["1", "x"]),
            ([np.int64(7), None], ["7", ""]),
            ([{"k": 1}, None], ['{"k": 1}', ""]),
            ([[1, 2], [3]], ["[1, 2]", "[3]"]),
            ([None, None], ["", ""]),
            ([pd.NaT, pd.NA], ["", ""]),
        ],
        ids=str,
    )
    def test_cells_become_the_text_that_a_file_would_hold(self, cells, text):
        frame = table_of(pd.DataFrame({"x": cells}), "items").frame
        assert frame["x"].tolist() == text
        assert frame["x"].dtype == pd.Series(["a"], dtype="str").dtype

    def test_messages_name_the_argument_and_the_row(self):
        table = table_of(pd.DataFrame({"item_id": [7, 8]}, index=[100, 200]), "annotations")
        assert str(table.problem("is wrong", 1, "item_id")) == "annotations, row 1: item_id = '8': is wrong"

    def test_indices(self):
        frame = pd.DataFrame(
            {"n": [1]}, index=pd.MultiIndex.from_tuples([("a", "r")], names=["item_id", "rater_id"])
        )
        assert table_of(frame, "x").frame.to_dict("list") == {"item_id": ["a"], "rater_id": ["r"], "n": ["1"]}
        assert list(table_of(pd.DataFrame({"n": [1]}, index=["a"]), "x").frame) == ["n"]

    @pytest.mark.parametrize(
        ("frame", "message"),
        [
            (pd.DataFrame([[1, 2]], columns=["a", "a"]), "items: column 'a' occurs twice"),
            (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), "columns have 2 levels"),
            (pd.DataFrame({"a": [b"\xff\xfe"]}), "column 'a' holds bytes that are no UTF-8 text"),
            (pd.DataFrame({"a": [b"\xff", 1]}), "column 'a' holds bytes that are no UTF-8 text"),
            ({"a": [1]}, "a pandas data frame is expected, not dict"),
        ],
    )
    def test_frames_that_are_no_tables(self, frame, message):
        with pytest.raises(InputError, match=message):
            table_of(frame, "items")


def test_ascii_names_are_not_touched_and_others_are_composed() -> None:
    names = pd.Series(["a ", "cafe\u0301", "x\u00a0y", "\ufeffb"], dtype="str")
    cleaned, changed = clean_text(names)
    assert cleaned.tolist() == ["a", "café", "x y", "b"]
    assert changed == 3


@pytest.mark.parametrize(
    ("cells", "counts"),
    [
        (["0", "1", "2"], True),
        (["7", "8"], True),
        (["3", "3"], False),
        (["3", "2"], False),
        (["1", "3"], False),
        (["1", ""], False),
    ],
)
def test_an_index_counts_up_by_one(cells: list[str], counts: bool) -> None:
    assert _text._counts_rows(pd.Series(cells, dtype="str")) == counts
