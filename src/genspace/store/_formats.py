"""The formats of verdict files: JSON Lines and Parquet shards, read line by line or as columns."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genspace.errors import InputError, InvalidFilesError, Problem

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = 1
"""Version of a verdict line, under "schema"; `MIGRATIONS` reads older ones."""
MIGRATIONS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {
    0: lambda line: line,  # lines before the version was written have the same fields
}
"""From a version to the next."""
COLUMN_TYPES: Mapping[str, str] = {
    "item_id": "string", "item_id_b": "string", "question": "string", "repeat": "int64", "judge": "string",
    "fingerprint": "string", "status": "string", "score": "double", "passed": "bool", "confidence": "double",
    "reason": "string", "explanation": "string", "seconds": "double", "tokens": "int64", "cost_usd": "double",
}  # fmt: skip
"""Columns of Parquet shards; measurements and details stand in `rest` as JSON."""
BLOCK = 1 << 20
"""Bytes of JSON Lines that are parsed at a time."""
ROW_GROUP = 16_384
"""Verdicts of a Parquet shard that are held at a time, written and read."""


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield every complete line of a file as a dictionary of the present schema.

    Errors: `InvalidFilesError` for a broken line that is not the last of its file, or one of a newer schema.
    """
    return _parquet_lines(path) if path.suffix == ".parquet" else _complete_lines(path)


def write_shard(lines: Iterable[Mapping[str, Any]], target: Path) -> int:
    """Write verdict lines as a Parquet shard, completely or not at all; return their number.

    Errors: `InputError` when the disk is full or the folder is read-only.

    >>> import tempfile
    >>> shard = Path(tempfile.mkdtemp()) / "000001.parquet"
    >>> write_shard([{"item_id": "a", "score": 0.4, "details": {"seed": 1}}], shard)
    1
    >>> [(line["item_id"], line["details"]) for line in read_lines(shard)]
    [('a', {'seed': 1})]
    """
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        written = _write_groups(lines, temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    except OSError as error:
        raise InputError(f"cannot write verdicts to {target}: {error.strerror or error}") from None
    finally:
        with suppress(OSError):  # it has become the target, or the disk has said what is wrong
            temporary.unlink()
    return written


def _write_groups(lines: Iterable[Mapping[str, Any]], path: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _arrow_schema().append(pa.field("rest", pa.string()))
    waiting, written = iter(lines), 0
    with pq.ParquetWriter(path, schema) as writer:
        while group := list(islice(waiting, ROW_GROUP)):
            columns: dict[str, list[Any]] = {n: [line.get(n) for line in group] for n in COLUMN_TYPES}
            rests = ({k: v for k, v in line.items() if k not in COLUMN_TYPES} for line in group)
            columns["rest"] = [json.dumps(rest, ensure_ascii=False) for rest in rests]
            writer.write_table(pa.table(columns, schema=schema))
            written += len(group)
    return written


def _complete_lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith("\n"):
                return  # torn: the run was killed while writing it
            try:
                document = json.loads(line)
            except json.JSONDecodeError:
                document = None
            if not isinstance(document, dict) or "item_id" not in document:
                message = "is not a verdict; delete the line, and the item will be judged again"
                raise InvalidFilesError([Problem(_label(path), message, row=number)])
            yield _migrated(document, path, number)


def _migrated(line: dict[str, Any], path: Path, number: int) -> dict[str, Any]:
    version = line.pop("schema", 0)
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        message = f"was written by a newer genspace (schema {version}); upgrade genspace to read it"
        raise InvalidFilesError([Problem(_label(path), message, row=number)])
    while version < SCHEMA_VERSION:
        line = MIGRATIONS[version](line)
        version += 1
    return line


def _label(path: Path) -> str:
    return f"verdicts/{path.parent.name}/{path.name}"


def _parquet_lines(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(path).iter_batches(batch_size=ROW_GROUP):
        for row in batch.to_pylist():
            rest = json.loads(row.pop("rest") or "{}")
            yield {k: v for k, v in row.items() if v is not None} | rest


def _arrow_schema(names: Sequence[str] = tuple(COLUMN_TYPES)) -> pa.Schema:
    import pyarrow as pa

    return pa.schema([(name, pa.type_for_alias(COLUMN_TYPES[name])) for name in names])


def read_columns(path: Path, names: Sequence[str] = tuple(COLUMN_TYPES)) -> Iterator[pa.Table]:
    """Yield a file's columns, some verdicts at a time; JSON Lines by pyarrow's parser, which makes no Python objects.

    Errors: as for `read_lines`.
    """
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        for batch in pq.ParquetFile(path).iter_batches(batch_size=ROW_GROUP, columns=list(names)):
            yield pa.Table.from_batches([batch])
        return
    rows = 0
    for block in _whole_lines(path):
        table = _parsed(block, names)
        if table is None:  # the slow reader names the line that is wrong
            rest = list(islice(_complete_lines(path), rows, None))
            yield _arrow_schema(names).empty_table().from_pylist(rest, schema=_arrow_schema(names))
            return
        rows += table.num_rows
        yield table


def read_last_columns(path: Path, names: Sequence[str]) -> Iterator[pa.Table]:
    """Yield a file's columns, some verdicts at a time, the last ones first. Errors: as for `read_lines`."""
    if path.suffix == ".parquet":
        yield from reversed(list(read_columns(path, names)))
        return
    for block in _last_lines(path):
        table = _parsed(block, names)
        if table is None:  # the slow reader names the line that is wrong
            yield from reversed(list(read_columns(path, names)))
            return
        yield table


def _last_lines(path: Path) -> Iterator[bytes]:
    """Yield the blocks of `_whole_lines`, the last one first."""
    with path.open("rb") as file:
        start, rest = file.seek(0, os.SEEK_END), b""
        while start:
            start, size = max(0, start - BLOCK), min(start, BLOCK)
            file.seek(start)
            block = file.read(size) + rest
            if not rest:  # the end of the file: what follows the last line's end was not finished
                block = block[: block.rfind(b"\n") + 1]
            begun = block.find(b"\n") + 1 if start else 0  # the first line begins in an earlier block
            rest, lines = block[:begun], block[begun:]
            if lines:
                yield lines


def _whole_lines(path: Path) -> Iterator[bytes]:
    """Yield a file in blocks that end where a line ends; what a killed run left after the last one is dropped."""
    rest = b""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            lines, end, rest = (rest + block).rpartition(b"\n")
            if end:
                yield lines + end


def _parsed(lines: bytes, names: Sequence[str]) -> pa.Table | None:
    """Return columns of lines; None where one is not a verdict, or is of another schema."""
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.json as pj

    schema = _arrow_schema(names).append(pa.field("schema", pa.int64()))
    try:
        table = pj.read_json(
            pa.BufferReader(lines),
            # One block, so that no line is too long.
            read_options=pj.ReadOptions(block_size=len(lines) + 1, use_threads=False),
            parse_options=pj.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
    except pa.ArrowInvalid:
        return None
    version = pc.max(table["schema"]).as_py() or 0  # pyright: ignore[reportAttributeAccessIssue]
    if version > SCHEMA_VERSION or table["item_id"].null_count:
        return None
    return table.drop_columns("schema")


def empty_columns(names: Sequence[str]) -> pa.Table:
    """Return a table without rows."""
    return _arrow_schema(names).empty_table()
