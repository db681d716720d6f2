"""Plain tables: text, JSON, Parquet and spreadsheets in, with each row's line; CSV out, with formulas neutralised."""

from genspace.tables._arrow import is_picture, table_of
from genspace.tables._cells import NULLS, PAIR_WORDS, WORDS, clean_text, word_key
from genspace.tables._columns import SYNONYMS, match_columns, near_columns
from genspace.tables._json import cell_text
from genspace.tables._numbers import LARGEST, Numbers, empty_cells, parse_numbers, read_numbers
from genspace.tables._read import PART_ROWS, find_table, read_parts, read_table
from genspace.tables._table import MOST_PROBLEMS, PROSE_SUFFIXES, SUFFIXES, Table, require_columns, table_stem
from genspace.tables._write import csv_text, neutralised, rows_text, write_csv

__all__ = [
    "LARGEST",
    "MOST_PROBLEMS",
    "NULLS",
    "PAIR_WORDS",
    "PART_ROWS",
    "PROSE_SUFFIXES",
    "SUFFIXES",
    "SYNONYMS",
    "WORDS",
    "Numbers",
    "Table",
    "cell_text",
    "clean_text",
    "csv_text",
    "empty_cells",
    "find_table",
    "is_picture",
    "match_columns",
    "near_columns",
    "neutralised",
    "parse_numbers",
    "read_numbers",
    "read_parts",
    "read_table",
    "require_columns",
    "rows_text",
    "table_of",
    "table_stem",
    "word_key",
    "write_csv",
]
