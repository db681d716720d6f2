"""What raters are asked about: the units (an item, or a pair), their questions and their known answers."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Literal

from genspace.errors import InputError, InvalidFilesError, Problem, did_you_mean
from genspace.human_study.design import Design, load_design
from genspace.human_study.questions import plain_question, untold
from genspace.human_study.texts import Texts, load_texts
from genspace.records import Files, Item
from genspace.tables import Table, read_table, require_columns

__all__ = ["Known", "Material", "Unit", "UnitKind", "build_material", "load_material"]

log = logging.getLogger(__name__)

UnitKind = Literal["main", "gold", "training"]
UnitKey = tuple[str, str]
"""item_id and item_id_b; the latter is "" for a single item."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What one screen shows: an item, or a pair of them."""

    item_id: str
    item_id_b: str = ""
    """"" for a single item."""
    kind: UnitKind = "main"

    @property
    def key(self) -> UnitKey:
        """The items shown."""
        return (self.item_id, self.item_id_b)


@dataclass(frozen=True, slots=True)
class Known:
    """The known answer of a gold or training unit."""

    values: Mapping[str, float | None]
    """Question to value; "" is the main question."""
    explanation: str = ""
    """Shown after the answer in the practice round."""


@dataclass(frozen=True)
class Material:
    """A study as the people's side sees it."""

    root: Path
    design: Design
    items: Mapping[str, Item]
    files: Files
    units: tuple[Unit, ...]
    known: Mapping[UnitKey, Known]
    texts: Mapping[str, Texts]
    """Language to texts, the default first."""
    asked: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """Item to its own questions (name, text), where `questions_file` gives them."""

    def questions(self, unit: UnitKey, language: str) -> list[tuple[str, str]]:
        """Return name and wording of each question about a unit; the single main question is named ""."""
        item = self.items[unit[0]]
        if self.asked:
            return list(self.asked[item.item_id])
        if self.design.questions:
            cells = _Cells(item)
            return [(q.name, q.text.format_map(cells)) for q in self.design.questions]
        wording = self.design.question or plain_question(
            item, self.texts[language], protocol=self.design.protocol
        )
        return [("", wording)]

    def pictures(self, *, practice: bool) -> int:
        """Return how many pictures one rater will see, in practice or afterwards, as far as that can be known."""
        kinds = Counter(u.kind for u in self.units)
        if practice:
            return kinds["training"]
        gold = min(kinds["gold"], kinds["main"] // self.design.gold.every)
        repeats = kinds["main"] // self.design.repeats.every if self.design.repeats.every else 0
        everything = kinds["main"] + gold + repeats
        most = self.design.items_per_rater
        return everything if most is None else min(everything, most)


class _Cells(dict[str, str]):
    """An item's columns for `{column}` in a question's wording; an empty cell leaves nothing."""

    def __init__(self, item: Item) -> None:
        known = {name: getattr(item, name) for name in ("item_id", "prompt", "prompt_id", "predicate")}
        super().__init__({k: "" if v is None else str(v) for k, v in {**item.extra, **known}.items()})


def load_material(study_root: Path, design: Design | None = None) -> Material:
    """Read a study and its annotation design.

    Errors: `InputError` for anything missing or wrong, every problem of a file at once.
    """
    from genspace.study import open_study

    study = open_study(study_root)
    items = {item.item_id: item for item in study.iter_items()}
    return build_material(study_root, design or load_design(study_root), items, study.files)


def build_material(root: Path, design: Design, items: Mapping[str, Item], files: Files) -> Material:
    """Turn items into units after the design; the same seed draws the same pairs.

    Errors: `InvalidFilesError` for tables of the design (pairs, gold, questions) that do not fit the items.
    """
    if not items:
        raise InputError(f"{root}: the study has no items to show")
    texts = load_texts(design.languages, design.texts, root)
    unclear = _unclear(design, items, next(iter(texts.values())))
    known, training = _known_answers(root, design, items)
    units = [Unit(*key, kind="training" if key in training else "gold") for key in known]
    kept_apart = {item_id for key in known for item_id in key if item_id}
    if design.answers.pairwise:
        pairs = _pairs(root, design, items)
        units += [Unit(*p) for p in pairs if p not in known and p[::-1] not in known]
    else:
        units += [Unit(item_id) for item_id in items if item_id not in kept_apart]
    units = [u for u in units if u.kind != "main" or not unclear.keys() & {*u.key}]
    for key in known:
        if reasons := [unclear[item_id] for item_id in key if item_id in unclear]:
            raise InputError(
                f"{root / str(design.gold.file)}: {key[0]!r} cannot be asked about: {reasons[0]}"
            )
    if not any(u.kind == "main" for u in units) and unclear:
        raise InputError(f"{root}: no item can be asked about: {next(iter(unclear.values()))}")
    if not any(u.kind == "main" for u in units):
        raise InputError(f"{root}: every item has a known answer, so there is none left to ask about")
    asked = _asked(root, design, items)
    _check_wording(design, items)
    return Material(root, design, items, files, tuple(units), known, texts, asked)


def _unclear(design: Design, items: Mapping[str, Item], texts: Texts) -> dict[str, str]:
    """Items whose question cannot say which things it means, with the reason; none where the study words its own."""
    if design.question or design.questions or design.questions_file:
        return {}
    reasons = {item_id: reason for item_id, item in items.items() if (reason := untold(item, texts))}
    for item_id, reason in reasons.items():
        log.info("item %r is not asked: %s", item_id, reason)
    return reasons


def _table(root: Path, name: str, columns: tuple[str, ...]) -> Table:
    """Read a table of the design; it stands in the study and has the columns."""
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise InvalidFilesError([Problem(name, "lies outside the study; move it into the study's folder")])
    table = read_table(path, name)
    missing = require_columns(table, columns)
    if missing:
        raise InvalidFilesError(missing)
    return table


def _pairs(root: Path, design: Design, items: Mapping[str, Item]) -> list[UnitKey]:
    if design.pairs.file:
        table = _table(root, design.pairs.file, ("item_id", "item_id_b"))
        problems = _unknown_items(table, items, ("item_id", "item_id_b"))
        if problems:
            raise InvalidFilesError(problems)
        return list(dict.fromkeys(zip(table.frame["item_id"], table.frame["item_id_b"], strict=True)))
    prompts: dict[str, list[str]] = {}
    for item in items.values():
        prompts.setdefault(item.prompt_id or item.prompt or "", []).append(item.item_id)
    generator = random.Random(design.seed)
    result: list[UnitKey] = []
    for members in prompts.values():
        pairs = list(combinations(sorted(members), 2))
        if design.pairs.per_prompt is not None and design.pairs.per_prompt < len(pairs):
            pairs = sorted(generator.sample(pairs, design.pairs.per_prompt))
        result += pairs
    if not result:
        raise InputError(f"{root}: no two items share a prompt, so there are no pairs; name a pairs file")
    return result


def _known_answers(
    root: Path, design: Design, items: Mapping[str, Item]
) -> tuple[dict[UnitKey, Known], set[UnitKey]]:
    """Known answers by unit, and the units that are for practice."""
    if design.gold.file is None:
        return {}, set()
    needed = ("item_id", "item_id_b", "value") if design.answers.pairwise else ("item_id", "value")
    table = _table(root, design.gold.file, needed)
    frame = table.frame
    problems = _unknown_items(table, items, needed[:-1])
    known: dict[UnitKey, Known] = {}
    training: set[UnitKey] = set()
    for i in range(len(frame)):
        row = {str(c): str(frame[c].iloc[i]) for c in frame.columns}
        use = row.get("use") or "gold"
        if use not in {"gold", "training"}:
            problems.append(table.problem("is neither gold nor training", i, "use"))
        try:
            value = design.answers.parse(row["value"])
        except InputError as error:
            problems.append(table.problem(str(error), i, "value"))
            continue
        key = (row["item_id"], row.get("item_id_b", ""))
        before = known.get(key, Known({}))
        explanation = row.get("explanation") or before.explanation
        known[key] = Known({**before.values, row.get("question", ""): value}, explanation)
        if use == "training":
            training.add(key)
    if problems:
        raise InvalidFilesError(problems)
    return known, training


def _asked(root: Path, design: Design, items: Mapping[str, Item]) -> dict[str, tuple[tuple[str, str], ...]]:
    """Item to its questions, from `questions_file`."""
    if design.questions_file is None:
        return {}
    table = _table(root, design.questions_file, ("question", "text"))
    by = "item_id" if "item_id" in table.frame.columns else "prompt_id"
    if by not in table.frame.columns:
        raise InvalidFilesError(require_columns(table, ("item_id",)))
    given: dict[str, list[tuple[str, str]]] = {}
    problems = _unknown_items(table, items, ("item_id",)) if by == "item_id" else []
    for i, (owner, name, text) in enumerate(
        zip(*(table.frame[c] for c in (by, "question", "text")), strict=True)
    ):
        if not text.strip():
            problems.append(table.problem("the question's wording is empty", i, "text"))
        if name in dict(given.get(owner, [])):
            problems.append(table.problem(f"{owner} has two questions of this name", i, "question"))
        given.setdefault(owner, []).append((name, text))
    asked = {i.item_id: tuple(given.get(str(getattr(i, by)), ())) for i in items.values()}
    without = [item_id for item_id, questions in asked.items() if not questions]
    if without:
        more = "" if len(without) == 1 else f" and {len(without) - 1} more"
        problems.append(Problem(design.questions_file, f"has no question for item {without[0]!r}{more}"))
    if problems:
        raise InvalidFilesError(problems)
    return asked


def _check_wording(design: Design, items: Mapping[str, Item]) -> None:
    """Every `{column}` of a question is a column of the items."""
    cells = _Cells(next(iter(items.values())))
    problems = []
    for question in design.questions:
        try:
            question.text.format_map(cells)
        except (KeyError, ValueError, IndexError, AttributeError) as error:
            word = str(error).strip("'")
            message = f"{{{word}}} is no column of the items{did_you_mean(word, cells)}"
            problems.append(Problem("annotate.toml", message, field=f"questions.{question.name}"))
    if problems:
        raise InvalidFilesError(problems)


def _unknown_items(table: Table, items: Mapping[str, Item], columns: tuple[str, ...]) -> list[Problem]:
    return [
        table.problem("is no item of the study", i, column)
        for column in columns
        for i, item_id in enumerate(table.frame[column])
        if item_id not in items
    ]
