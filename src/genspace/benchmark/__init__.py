"""The GenSpace table of a generator: prompts out, pictures in, a row of figures."""

from genspace.benchmark._compare import GeneratorComparison, Otherwise, compare_generators, ordered_otherwise
from genspace.benchmark._folder import BEFORE, Benchmark, Gap, State, create, open_benchmark
from genspace.benchmark._pictures import Names, PlacedPictures, place
from genspace.benchmark._prompt_list import TASKS, PromptList, Task, TaskPrompt, rows_csv, rows_jsonl
from genspace.benchmark._published import PUBLISHED, read_published
from genspace.benchmark._released import read_released
from genspace.benchmark._sample import corrected_rows, draw_sample
from genspace.benchmark._table import (
    MadeOf,
    Row,
    TableCell,
    TaskFigures,
    VariantCounts,
    differences,
    in_one,
    read_rows,
    row_places,
    rows_of,
)
from genspace.benchmark._take import take

__all__ = [
    "BEFORE",
    "PUBLISHED",
    "TASKS",
    "Benchmark",
    "Gap",
    "GeneratorComparison",
    "MadeOf",
    "Names",
    "Otherwise",
    "PlacedPictures",
    "PromptList",
    "Row",
    "State",
    "TableCell",
    "Task",
    "TaskFigures",
    "TaskPrompt",
    "VariantCounts",
    "compare_generators",
    "corrected_rows",
    "create",
    "differences",
    "draw_sample",
    "in_one",
    "open_benchmark",
    "ordered_otherwise",
    "place",
    "read_published",
    "read_released",
    "read_rows",
    "row_places",
    "rows_csv",
    "rows_jsonl",
    "rows_of",
    "take",
]
