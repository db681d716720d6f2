"""Typed tables as text: Parquet files and data frames, every number exact."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genspace.errors import InputError, InvalidFilesError, Problem
from genspace.readings import Reading
from genspace.tables._cells import clean_cell
from genspace.tables._json import cell_text
from genspace.tables._table import Table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

PANDAS_INDEX = "__index_level_"
"""Start of the names that pandas gives an index without a name in Parquet."""


def read_parquet(path: Path, label: str, rows: int | None) -> Iterator[Table]:
    """Yield a Parquet table in parts of `rows` rows; None: the whole at once."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if rows is None:
            whole = pq.read_table(path)
            frame, readings = _as_text(whole.column_names, whole.columns, label)
            yield Table(path, label, frame, readings)
            return
        # The buffer keeps pyarrow from reading a row group, often the whole file, at once.
        with pq.ParquetFile(path, buffer_size=1 << 20, pre_buffer=False) as file:
            for batch in file.iter_batches(batch_size=rows):
                frame, readings = _as_text(batch.schema.names, batch.columns, label)
                yield Table(path, label, frame, readings)
    except pa.ArrowException as error:
        raise InvalidFilesError([Problem(label, f"cannot be read as Parquet: {error}")]) from None


def table_of(frame: pd.DataFrame, label: str) -> Table:
    """Return a data frame as a table, just as if it had been read from a file.

    Whole numbers stay exact, categories are their values, times are ISO 8601, NaN, None, NaT and `pandas.NA` are
    empty, bytes are UTF-8 text. A named index is a column; an unnamed one is none.

    Args:
        frame: Any data frame.
        label: How messages name it: "items".

    Errors: `InputError` for columns that share a name or have levels, and for bytes that are no text.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"item_id": [7, 8], "value": pd.array([1, None], "Int64"), "ok": [True, False]})
    >>> table_of(frame, "answers").frame.to_dict("list")
    {'item_id': ['7', '8'], 'value': ['1', ''], 'ok': ['1', '0']}
    """
    import pandas as pd
    import pyarrow as pa

    if not isinstance(frame, pd.DataFrame):
        raise InputError(f"{label}: a pandas data frame is expected, not {type(frame).__name__}")
    if isinstance(frame.columns, pd.MultiIndex):
        raise InputError(
            f"{label}: columns have {frame.columns.nlevels} levels; flatten them to one name each"
        )
    named = [name for name in frame.index.names if name is not None and name not in frame.columns]
    frame = frame.reset_index(named) if named else frame
    names = [str(name) for name in frame.columns]
    if (twice := next((name for name in names if names.count(name) > 1), None)) is not None:
        raise InputError(f"{label}: column {twice!r} occurs twice; rename one")
    columns: list[Any] = []
    for place, name in enumerate(names):
        column = frame.iloc[:, place]
        try:
            columns.append(pa.array(column, from_pandas=True))
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):  # cells of several types
            columns.append(pa.array([_cell(value, label, name) for value in column], pa.string()))
    cells, readings = _as_text(names, columns, label)
    return Table(Path(label), label, cells, readings, unit="row", first=0)


def _cell(value: Any, label: str, column: str) -> str | None:
    """Return a cell of a column of several types."""
    import pandas as pd

    if pd.api.types.is_scalar(value) and pd.isna(value):
        return None
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise InputError(f"{label}: column {column!r} holds bytes that are no UTF-8 text") from None
    return cell_text(value.item() if hasattr(value, "item") else value)


def _as_text(
    names: Sequence[str], columns: Sequence[pa.Array | pa.ChunkedArray], label: str
) -> tuple[pd.DataFrame, tuple[Reading, ...]]:
    """Return typed columns as text."""
    import pandas as pd
    import pyarrow as pa

    cells: dict[str, pa.ChunkedArray | list[str]] = {}
    readings = []
    length = len(columns[0]) if columns else 0
    for name, column in zip(names, columns, strict=True):
        if name.startswith(PANDAS_INDEX) or (not name and pa.types.is_integer(column.type)):
            readings.append(Reading(code="index_column", file=label, columns=(name,)))
        elif is_picture(column.type):
            readings.append(Reading(code="pictures_inside", file=label, columns=(name,)))
        else:
            cells[clean_cell(name)] = _text_of(column, label, name)
    return pd.DataFrame(cells, dtype=str, index=range(length)), tuple(readings)


def is_picture(kind: pa.DataType) -> bool:
    """Whether cells of this type are images as Hugging Face's datasets store them: bytes and a path.

    >>> import pyarrow as pa
    >>> is_picture(pa.struct([("bytes", pa.binary()), ("path", pa.string())])), is_picture(pa.string())
    (True, False)
    """
    import pyarrow as pa

    return bool(pa.types.is_struct(kind)) and {field.name for field in kind} == {"bytes", "path"}


def _text_of(column: pa.Array | pa.ChunkedArray, label: str, name: str) -> pa.ChunkedArray | list[str]:
    """Return a typed column as text: booleans 1 and 0, whole floats without ".0", lists and objects as JSON."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if pa.types.is_dictionary(kind):
        column = pc.cast(column, kind.value_type)
        kind = column.type
    if pa.types.is_null(kind):
        return [""] * len(column)
    if pa.types.is_nested(kind):
        return [cell_text(value) for value in column.to_pylist()]
    if (
        pa.types.is_timestamp(kind)
        or pa.types.is_date(kind)
        or pa.types.is_time(kind)
        or pa.types.is_duration(kind)
    ):
        return [
            "" if value is None else value.isoformat() if hasattr(value, "isoformat") else str(value)
            for value in column.to_pylist()
        ]
    if pa.types.is_boolean(kind):
        column = pc.cast(column, pa.int8())
    if pa.types.is_floating(kind):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, kind), column)  # pyright: ignore[reportAttributeAccessIssue]
    try:
        return pc.fill_null(pc.cast(column, pa.string()), "")
    except pa.ArrowInvalid:
        raise InputError(f"{label}: column {name!r} holds bytes that are no UTF-8 text") from None
