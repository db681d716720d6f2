"""Turn records into JSON and back, and read their JSON Schema off them; write small documents as TOML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from genspace.errors import InputError, Problem, did_you_mean

if TYPE_CHECKING:
    from pydantic import BaseModel, TypeAdapter, ValidationError

__all__ = ["from_dict", "mistakes", "plain_schema", "schema_of", "to_dict", "toml_text", "toml_value"]

Record = TypeVar("Record")


_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {}


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """Return the reader and writer of a kind of record. It is slow to make, so it is cached."""
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
        raise InputError(f"is not a {kind.__name__}: {where}: {first['msg']}") from None
    return found


def mistakes(model: type[BaseModel], error: ValidationError, file: str) -> list[Problem]:
    """Return what is wrong with a table that people wrote: each key, its value, and what to write instead.

    >>> import pydantic
    >>> class Gate(pydantic.BaseModel):
    ...     rules: list[str]
    >>> try:
    ...     Gate.model_validate({"rules": "coverage >= 0.9"})
    ... except pydantic.ValidationError as error:
    ...     print(*mistakes(Gate, error, "study.toml"))
    study.toml: rules = 'coverage >= 0.9': must be a list: write ["coverage >= 0.9"]
    """
    schema = model.model_json_schema()
    names = {
        name for part in (schema, *schema.get("$defs", {}).values()) for name in part.get("properties", ())
    }
    found: dict[str, Problem] = {}
    for one in error.errors(include_url=False):
        place = [str(part) for part in one["loc"]]
        if re.match(r"(str|float|int|bool|(list|tuple|dict)\[.*)$", place[-1] if place else ""):
            place.pop()  # one of the kinds that the value may have
        message = _wrong(one["type"], one["input"], one["msg"])
        if one["type"] == "extra_forbidden":
            meant = did_you_mean(place[-1], names if len(place) > 1 else schema["properties"])
            message = "there is no such setting" + (
                meant if len(place) == 1 or meant.startswith(" (") else ""
            )
        field = ".".join(place)
        if field in found:
            message = f"{found[field].message}, or {message.removeprefix('must be ')}"
        value = None if isinstance(one["input"], Mapping) else one["input"]
        found[field] = Problem(file, message, field=field or None, value=value)
    return [*found.values()]


_KINDS: Mapping[str, str] = {
    "string": "a text, in quotation marks", "float": "a number, without quotation marks",
    "int": "a whole number, without quotation marks", "bool": "true or false", "tuple": "a list", "list": "a list",
    "dict": "a table", "model": "a table",
}  # fmt: skip


def _wrong(kind: str, value: object, message: str) -> str:
    """Return what a value must be, in TOML's terms."""
    wanted = (
        _KINDS.get(kind.partition("_")[0]) if kind.endswith(("_type", "_parsing", "_from_float")) else None
    )
    if wanted is None:
        return message.removeprefix("Value error, ").replace("Input should be", "must be")
    shown = f": write {toml_value([value])}" if wanted == "a list" and not isinstance(value, Mapping) else ""
    return f"must be {wanted}{shown}"


def schema_of(kind: type[Any], *, title: str) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a record as `to_dict` writes it."""
    return plain_schema(_adapter(kind).json_schema(mode="serialization")) | {"title": title}


def plain_schema(found: Mapping[str, Any]) -> dict[str, Any]:
    r"""Return pydantic's schema with its draft named, and without the examples of docstrings, which are Python's.

    >>> plain_schema({"description": "A cat.\n\n>>> Cat()"})["description"]
    'A cat.'
    """
    for part in (schema := dict(found), *schema.get("$defs", {}).values()):
        if "description" in part:
            part["description"] = part["description"].partition("\n\n>>>")[0]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema


def toml_value(value: Any) -> str:
    """Return a text, a number, a flag, a list of them, or a table of them in one line, as TOML.

    >>> toml_value({"a": [1, 2], "one more": "x"})
    '{ a = [1, 2], "one more" = "x" }'
    """
    if not isinstance(value, Mapping):
        return json.dumps(value, ensure_ascii=False)  # except for tables, JSON's values are valid TOML
    bare = {name: name if name.isascii() and name.isalpha() else json.dumps(name) for name in value}
    return "{ " + ", ".join(f"{bare[name]} = {toml_value(cell)}" for name, cell in value.items()) + " }"


def toml_text(document: Mapping[str, Any]) -> str:
    """Return a small document as TOML: values first, then tables, and of a table that holds tables those.

    >>> print(toml_text({"name": "pilot", "judges": {"a b": {"kind": "vlm"}}}), end="")
    name = "pilot"
    <BLANKLINE>
    [judges."a b"]
    kind = "vlm"
    """
    lines = [
        f"{key} = {toml_value(value)}" for key, value in document.items() if not isinstance(value, Mapping)
    ]
    for key, table in document.items():
        if not isinstance(table, Mapping):
            continue
        nested = {name: value for name, value in table.items() if isinstance(value, Mapping)}
        for name, value in (nested or {"": table}).items():
            heading = f"{key}.{json.dumps(name)}" if name else key
            lines += [
                *([""] if lines else []),
                f"[{heading}]",
                *(f"{k} = {toml_value(v)}" for k, v in value.items()),
            ]
    return "\n".join(lines) + "\n"
