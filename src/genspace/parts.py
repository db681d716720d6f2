"""Which part of a judge moved a score: the judge as it was and as it is, and every mixture of their parts.

A part is an option of the judge's table that changed, such as the depth model of a reconstruction, or of the table of
one of its members. Where two studies are given, the pictures are one more part: what the generator changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any, Literal

from genspace.analysis.attribution import Attribution, Mixture, attribution, mixtures, orders_of
from genspace.api import named_apart
from genspace.display import Result
from genspace.errors import InputError, did_you_mean
from genspace.judges import JudgeSpec, resolve
from genspace.runner import RunOptions
from genspace.store import JudgeStore
from genspace.study import JudgeTable

if TYPE_CHECKING:
    import pandas as pd

    from genspace.judges import Judge
    from genspace.records import Item, Verdict
    from genspace.runner import RunSummary
    from genspace.study import Study

__all__ = ["FOLDER", "PICTURES", "ChangedPart", "Parts", "PartsDocument", "changed_parts", "which_moved"]

FOLDER = "parts"
"""Folder of a study in which the verdicts of the mixtures are kept."""
PICTURES = "pictures"
"""Name of the part that the generator changed."""
Tables = Mapping[str, JudgeTable]
Measure = Literal["share passed", "mean score"]
ABSENT = "not set"


@dataclass(frozen=True, slots=True)
class ChangedPart:
    """An option that differs between two runs."""

    part: str
    """Such as "depth", or "vlm.model" for a member's table."""
    was: str
    now: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartsDocument:
    """Everything that was found."""

    schema: Literal["genspace-parts/1"] = "genspace-parts/1"
    judge: str
    old: str
    new: str
    """Names of the studies."""
    measure: Measure
    items: int
    """Pictures that every mixture decided, of both studies together."""
    left_out: int
    """Pictures that some mixture did not decide, or whose prompt the other study lacks."""
    changed: tuple[ChangedPart, ...]
    result: Attribution


@dataclass(frozen=True, repr=False)
class Parts(Result):
    """How much each changed part moved a score."""

    document: PartsDocument
    runs: tuple[RunSummary, ...] = ()
    """What was asked for it."""

    def __repr__(self) -> str:
        told = ", ".join(f"{row.part} {row.moved.value:+.3f}" for row in self.document.result.parts)
        return f"<Parts of {self.document.judge!r}: {told}>"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per part: what it was and is, and how far it moved the score."""
        import pandas as pd

        texts = {part.part: (part.was, part.now) for part in self.document.changed}
        rows = [
            (row.part, *texts[row.part], row.moved.value, row.moved.low, row.moved.high, row.prompts_moved)
            for row in self.document.result.parts
        ]
        return pd.DataFrame(rows, columns=["part", "was", "now", "moved", "low", "high", "prompts_moved"])


def changed_parts(was: Tables, now: Tables, name: str) -> list[ChangedPart]:
    """Return the options that differ between two tables of a judge, and between those of its members.

    Errors: `InputError` where one has no such table, or where a table's kind changed.

    >>> was = {"g": JudgeTable.of({"kind": "geometry", "depth": "zoedepth", "detector": "owlv2"})}
    >>> now = {"g": JudgeTable.of({"kind": "geometry", "depth": "depth-pro", "detector": "owlv2"})}
    >>> changed_parts(was, now, "g")
    [ChangedPart(part='depth', was='zoedepth', now='depth-pro')]
    """
    old, new = _settings(was, now, name)
    keys = sorted({*old, *new}, key=lambda key: (key[0] != name, *key))
    return [
        ChangedPart(_called(key, name), str(old.get(key, ABSENT)), str(new.get(key, ABSENT)))
        for key in keys
        if old.get(key, ABSENT) != new.get(key, ABSENT)
    ]


def which_moved(
    old: Study,
    new: Study,
    name: str,
    *,
    make: Callable[[JudgeSpec, Study], Judge],
    ask: Callable[[Judge, JudgeSpec, Study, RunOptions], RunSummary],
    generator: str | None = None,
    seed: int = 0,
    confidence: float = 0.95,
) -> Parts:
    """Ask a judge with every mixture of its old and new parts, and divide the change of its mean score among them.

    What was answered before is not asked again; a run that was stopped goes on where it was.

    Args:
        old: the earlier study, whose `[judges.NAME]` says how the judge was.
        new: the later one; may have the same pictures.
        name: of the judge, in both.
        make: makes a mixture's judge for a study.
        ask: has it asked.
        generator: only its pictures; None: all.
        seed: of the orders in which many parts are exchanged.
        confidence: level of the intervals, for the parts of all together.

    Errors: `InputError` where nothing changed, where a mixture was not asked about everything, and where nothing is
    left that all of them decided.
    """
    was, now = old.declared.judges, new.declared.judges
    changed = changed_parts(was, now, name)
    if old.root == new.root:
        raise InputError(f"{old.root}: OLD and NEW are one study; what changed is told between two")
    sides = [_StudyPictures(study, _items(study, generator)) for study in (old, new)]
    shared = sides[0].prompts(sides[0].items) & sides[1].prompts(sides[1].items)
    runs: list[RunSummary] = []

    def made(side: _StudyPictures, parts: Mixture) -> _Mixed:
        tables = _mixed(was, now, name, parts)
        declared = replace(side.study.declared, judges=tables)
        study = replace(side.study, declared=declared).kept_apart(side.study.root / FOLDER)
        (spec,) = resolve([name], tables)
        return _Mixed(
            study, spec, make(spec, study), frozenset(i for i in side.items if side.prompt(i) in shared)
        )

    def decided(mixed: _Mixed) -> dict[str, Verdict]:
        runs.append(ask(mixed.judge, mixed.spec, mixed.study, RunOptions(items=mixed.asked)))
        said = JudgeStore(mixed.study.kept_in, name).of_items(mixed.judge.fingerprint)
        if not mixed.asked <= said.keys():
            raise InputError(
                f"judge {name!r}: not asked about every picture (is the budget spent?); the same command goes on from "
                "here"
            )
        return {i: said[i] for i in sorted(mixed.asked) if said[i].status == "decided"}

    if not shared:
        raise InputError(f"{old.root} and {new.root} share no prompt: their scores cannot be compared")
    orders = orders_of([*(part.part for part in changed), PICTURES], seed=seed)
    # all are made before any is asked: options that do not go together must cost nothing
    judges = {m: made(sides[PICTURES in m], m - {PICTURES}) for m in mixtures(orders)}
    verdicts = {m: decided(mixed) for m, mixed in judges.items()}
    measure = _measure([v for said in verdicts.values() for v in said.values()])
    common = [
        set.intersection(*(set(said) for m, said in verdicts.items() if (PICTURES in m) == later))
        for later in (False, True)
    ]
    prompts = sides[0].prompts(common[0]) & sides[1].prompts(common[1])
    if not prompts:
        raise InputError(
            f"judge {name!r}: no prompt has a picture in both studies that every mixture decided"
        )
    used = [
        [i for i in sorted(ids) if side.prompt(i) in prompts] for side, ids in zip(sides, common, strict=True)
    ]
    scores = {
        m: _means([(sides[PICTURES in m].prompt(i), _value(said[i], measure)) for i in used[PICTURES in m]])
        for m, said in verdicts.items()
    }
    items = sum(map(len, used))
    earlier, later = named_apart(old.settings.name, new.settings.name, old.root, new.root)
    document = PartsDocument(
        judge=name,
        old=earlier,
        new=later,
        measure=measure,
        items=items,
        left_out=sum(len(side.items) for side in sides) - items,
        changed=(*changed, ChangedPart(PICTURES, earlier, later)),
        result=attribution(scores, orders, confidence=confidence),
    )
    return Parts(document, tuple(runs))


@dataclass(frozen=True)
class _StudyPictures:
    """One of the two studies, and the pictures in question."""

    study: Study
    items: Mapping[str, Item]

    def prompt(self, item_id: str) -> str:
        return self.items[item_id].prompt_id or item_id

    def prompts(self, item_ids: Iterable[str]) -> set[str]:
        return {self.prompt(i) for i in item_ids}


@dataclass(frozen=True)
class _Mixed:
    """A mixture of the judge's parts for one study, and the items that it is asked about."""

    study: Study
    spec: JudgeSpec
    judge: Judge
    asked: frozenset[str]


def _items(study: Study, generator: str | None) -> dict[str, Item]:
    found = {item.item_id: item for item in study.iter_items() if generator in (None, item.generator)}
    if not found:
        known = {item.generator or "" for item in study.iter_items()}
        raise InputError(
            f"{study.root}: no picture of generator {generator!r}{did_you_mean(str(generator), known)}"
        )
    return found


def _means(scored: Iterable[tuple[str, float]]) -> list[float]:
    """Return the mean score of each prompt, in the order of their names."""
    of: dict[str, list[float]] = {}
    for prompt, score in scored:
        of.setdefault(prompt, []).append(score)
    return [fmean(of[prompt]) for prompt in sorted(of)]


def _measure(decided: list[Verdict]) -> Measure:
    if all(v.passed is not None for v in decided):
        return "share passed"
    if all(v.score is not None for v in decided):
        return "mean score"
    raise InputError(
        "some mixtures pass or fail pictures and others only score them: no one figure is of both"
    )


def _value(verdict: Verdict, measure: Measure) -> float:
    value = verdict.passed if measure == "share passed" else verdict.score
    return float(value or 0)


Key = tuple[str, str]
"""Name of a table and of an option in it, dotted."""


def _settings(was: Tables, now: Tables, name: str) -> tuple[dict[Key, object], dict[Key, object]]:
    """Return the options of a judge and its members, before and now."""
    for when, tables in (("earlier", was), ("later", now)):
        if name not in tables:
            raise InputError(
                f"the {when} study.toml has no table [judges.{name}]{did_you_mean(name, tables)}"
            )
    for table in _reached(was, name) & _reached(now, name):
        if was[table].kind != now[table].kind:
            raise InputError(
                f"[judges.{table}] was of kind {was[table].kind!r} and is {now[table].kind!r}: two kinds have no parts "
                "in common"
            )
    old, new = (
        {(table, key): value for table in _reached(tables, name) for key, value in _options(tables[table])}
        for tables in (was, now)
    )
    return old, new


def _reached(tables: Tables, name: str) -> frozenset[str]:
    """Return the tables of a judge, of its members, and of theirs."""
    found, left = set(), [name]
    while left:
        table = left.pop()
        if table in found:
            continue
        found.add(table)
        values = (v if isinstance(v, list | tuple) else [v] for _, v in _options(tables[table]))
        left += [member for of in values for member in of if isinstance(member, str) and member in tables]
    return frozenset(found)


def _options(table: JudgeTable) -> Iterator[tuple[str, object]]:
    if table.model is not None:
        yield "model", table.model
    yield from _leaves(table.options)


def _leaves(options: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, object]]:
    for key, value in options.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _called(key: Key, name: str) -> str:
    table, option = key
    return option if table == name else f"{table}.{option}"


def _mixed(was: Tables, now: Tables, name: str, parts: Mixture) -> Tables:
    """Return the tables with some parts as they are now and the others as they were."""
    old, new = _settings(was, now, name)
    mixed: dict[str, dict[str, Any]] = {}
    for key in {*old, *new}:
        table, option = key
        nested = mixed.setdefault(table, {"kind": (now if table in now else was)[table].kind})
        values = new if _called(key, name) in parts else old
        if key in values:
            *groups, last = option.split(".")
            for group in groups:
                nested = nested.setdefault(group, {})
            nested[last] = values[key]
    return {**was, **now, **{table: JudgeTable.of(options) for table, options in mixed.items()}}
