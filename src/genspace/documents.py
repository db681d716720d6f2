"""Records to JSON and back, and their JSON Schema: all three are read off the records themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from genspace.errors import InputError

if TYPE_CHECKING:
    from pydantic import TypeAdapter

__all__ = ["from_dict", "schema_of", "to_dict"]

Record = TypeVar("Record")


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """Return what reads and writes records of a kind; it takes a while to make, so it is kept."""
    from pydantic import TypeAdapter

    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def to_dict(record: object) -> dict[str, Any]:
    """Return a frozen dataclass as a JSON-ready dictionary; every field is always there.

    >>> from genspace.records import PairCoding
    >>> to_dict(PairCoding(first=1, second=2, tie=0))
    {'first': 1.0, 'second': 2.0, 'tie': 0.0}
    """
    found: dict[str, Any] = _adapter(type(record)).dump_python(record, mode="json")
    return found


def from_dict(kind: type[Record], document: Mapping[str, Any]) -> Record:
    """Read what `to_dict` wrote. Errors: `InputError` naming the first field that does not fit."""
    from pydantic import ValidationError

    try:
        found: Record = _adapter(kind).validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"is no {kind.__name__}: {where}: {first['msg']}") from None
    return found


def schema_of(kind: type[Any], *, title: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a record as `to_dict` writes it."""
    found: dict[str, Any] = _adapter(kind).json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | found | {"title": title}
