"""study.toml: what a study declares about its people, its metrics and its judges."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from genspace.documents import mistakes
from genspace.errors import InputError, InvalidFilesError, Problem, refuse
from genspace.records import PairCoding, StudySettings, ValueType


class MetricTable(BaseModel, extra="forbid"):
    """`[metrics.NAME]`: properties of a metric that was computed elsewhere."""

    lower_is_better: bool = False
    derived: bool = False
    """Computed from the people's ratings themselves."""


class GateTable(BaseModel, extra="forbid", frozen=True):
    """`[gate]`: rules that the study's judges must meet.

    >>> GateTable(rules=("coverage >= 0.9",)).open
    'fails'
    """

    rules: tuple[str, ...] = ()
    against: str | None = None
    """An earlier run, relative to the study."""
    open: Literal["fails", "passes"] = "fails"


class _StudyToml(BaseModel, extra="forbid"):
    """study.toml as written; the fields are those of `StudySettings` and of `StudyFile`."""

    name: str | None = None
    question: str | None = None
    raters: Literal["person", "slot"] | None = None
    value_type: ValueType | None = None
    scale_min: float | None = None
    scale_max: float | None = None
    positive_from: float | None = None
    sampling: Literal["random", "stratified"] | None = None
    primary: str | None = None
    breakdowns: tuple[str, ...] = ()
    lower_is_better: tuple[str, ...] = ()
    missing: tuple[float | str, ...] = ()
    images: str | None = None
    pairs: PairCoding = PairCoding()
    metrics: dict[str, MetricTable] = {}
    judges: dict[str, dict[str, Any]] = {}
    stacks: dict[str, dict[str, str | dict[str, Any]]] = {}
    gate: GateTable = GateTable()
    source: dict[str, Any] = {}
    """Where the study comes from (licence, citation); shown, never interpreted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeTable:
    """A `[judges.NAME]` table: the kind, the model, and the options of that kind.

    >>> JudgeTable.of({"kind": "vlm", "model": "m", "samples": 3}).model
    'm'
    """

    kind: str
    model: str | None
    options: Mapping[str, Any]

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> JudgeTable:
        """Make one from a table with `kind` and, optionally, `model` and other options.

        Errors: `InputError` if the kind is missing, or the model is not text.

        >>> JudgeTable.of({"kind": "vlm", "model": "m", "samples": 3})
        JudgeTable(kind='vlm', model='m', options={'samples': 3})
        """
        options = dict(table)
        kind, model = options.pop("kind", None), options.pop("model", None)
        if not isinstance(kind, str) or not isinstance(model, str | None):
            raise InputError('each judge needs kind = "…" (and model, a text)')
        return cls(kind=kind, model=model, options=options)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyFile:
    """The checked contents of study.toml.

    >>> StudyFile(settings=StudySettings(name="pilot")).gate.rules
    ()
    """

    settings: StudySettings
    images: str | None = None
    """Folder in the study, or fsspec URL, where the images are; None: images/ in the study."""
    metrics: tuple[str, ...] = ()
    """Names of its `[metrics.NAME]` tables."""
    judges: Mapping[str, JudgeTable] = field(default_factory=dict)
    stacks: Mapping[str, Mapping[str, str | Mapping[str, Any]]] = field(default_factory=dict)
    """`[stacks.NAME]` tables: the perception part of each stage, for the judge `geometry:NAME`."""
    gate: GateTable = field(default_factory=GateTable)
    source: Mapping[str, Any] = field(default_factory=dict)


def read_settings(path: Path, *, default_name: str) -> StudyFile:
    """Read study.toml; a file that is absent declares nothing.

    Errors: `InvalidFilesError` naming each wrong key, its value and what is expected.
    """
    if not path.is_file():
        return StudyFile(settings=StudySettings(name=default_name))
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidFilesError([Problem(path.name, f"is not valid TOML: {error}")]) from None
    try:
        document = _StudyToml.model_validate(raw)
    except ValidationError as error:
        raise InvalidFilesError(mistakes(_StudyToml, error, path.name)) from None
    problems = _contradictions(path.name, document)
    judges = {}
    for name, table in document.judges.items():
        try:
            judges[name] = JudgeTable.of(table)
        except InputError as error:
            problems.append(Problem(path.name, str(error), field=f"judges.{name}"))
    refuse(problems)
    lower = (*document.lower_is_better, *(n for n, m in document.metrics.items() if m.lower_is_better))
    apart = {"name", "lower_is_better", "missing", "pairs"}
    same = document.model_dump(include={f.name for f in fields(StudySettings)} - apart)
    settings = StudySettings(
        name=document.name or default_name,
        lower_is_better=tuple(dict.fromkeys(lower)),
        missing=tuple(v if isinstance(v, str) else f"{v:g}" for v in document.missing),
        derived=tuple(n for n, m in document.metrics.items() if m.derived),
        pairs=document.pairs,
        **same,
    )
    return StudyFile(
        settings=settings,
        images=document.images,
        metrics=tuple(document.metrics),
        judges=judges,
        stacks=document.stacks,
        gate=document.gate,
        source=document.source,
    )


def _contradictions(file: str, document: _StudyToml) -> list[Problem]:
    low, high, positive = document.scale_min, document.scale_max, document.positive_from
    problems = []
    if low is not None and high is not None and low >= high:
        problems.append(Problem(file, f"must lie above scale_min = {low:g}", field="scale_max", value=high))
    if positive is not None and (
        (low is not None and positive < low) or (high is not None and positive > high)
    ):
        problems.append(Problem(file, "lies off the declared scale", field="positive_from", value=positive))
    return problems
