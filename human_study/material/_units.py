"""Which items one screen shows: single items, pairs within a prompt, groups within a prompt."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Literal

from genspace.errors import InputError, refuse
from genspace.human_study._study_files import study_table, unknown_items
from genspace.human_study.design import Design
from genspace.records import Item

UnitKind = Literal["main", "gold", "training"]
_TRIES = 50
"""Groups drawn in a row that are there already, after which no more are looked for."""
UnitKey = tuple[str, ...]
"""The items shown: one, the two of a pair, or those of a group."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What one screen shows: an item, a pair of them, or a group."""

    key: UnitKey
    kind: UnitKind = "main"


def canonical(key: UnitKey, known: Mapping[UnitKey, object]) -> UnitKey:
    """Return a pair as it stands in `known`, where that is the other way round."""
    return key[::-1] if key not in known and key[::-1] in known else key


def main_units(root: Path, design: Design, items: Mapping[str, Item]) -> list[UnitKey]:
    """Return what raters are asked about, before known answers are taken out; the same seed draws the same.

    Errors: `InvalidFilesError` for a pairs file that does not fit; `InputError` where no prompt has enough items.
    """
    shape = design.answers.shape
    if shape == "item":
        return [(item_id,) for item_id in items]
    if shape == "pair" and design.pairs.file:
        return _listed_pairs(root, design, items)
    most = design.pairs.per_prompt
    generator = random.Random(design.seed)
    result: list[UnitKey] = []
    for members in _same_prompt(design, items):
        if shape == "pair":
            pairs = list(combinations(sorted(members), 2))
            result += (
                sorted(generator.sample(pairs, most)) if most is not None and most < len(pairs) else pairs
            )
        else:
            result += drawn_groups(sorted(members), design.groups.size, design.groups.per_item, generator)
    if not result:
        least = "two" if shape == "pair" else str(design.groups.size)
        raise InputError(
            f"{root}: no {least} items share a prompt (the same prompt_id and the same text), so there is nothing "
            f"to compare{'; name a pairs file' if shape == 'pair' else ''}"
        )
    return result


def _same_prompt(design: Design, items: Mapping[str, Item]) -> Iterator[list[str]]:
    """Yield the items of each prompt: those that share prompt_id, wording and predicate.

    Items of one prompt_id with different wording (two fillings of a template) are not answers to one prompt; items
    without any of the three are comparable only by a question of the study's own.
    """
    prompts: dict[tuple[str | None, ...], list[str]] = {}
    for item in items.values():
        asked = (item.prompt_id, item.prompt, item.predicate)
        if any(asked) or design.question or design.questions or design.questions_file:
            prompts.setdefault(asked, []).append(item.item_id)
    yield from prompts.values()


def mixed_prompts(items: Mapping[str, Item]) -> list[str]:
    """Return the prompt_ids whose items have different wordings or predicates, and so are not compared."""
    asked: dict[str, set[tuple[str | None, ...]]] = {}
    for item in items.values():
        if item.prompt_id:
            asked.setdefault(item.prompt_id, set()).add((item.prompt, item.predicate))
    return [prompt_id for prompt_id, wordings in asked.items() if len(wordings) > 1]


def _listed_pairs(root: Path, design: Design, items: Mapping[str, Item]) -> list[UnitKey]:
    """Pairs of a file, each once; by default of one wording."""
    table = study_table(root, design.pairs.file or "", ("item_id", "item_id_b"))
    problems = unknown_items(table, items, ("item_id", "item_id_b"))
    refuse(problems)
    pairs: dict[UnitKey, None] = {}
    for i, pair in enumerate(zip(table.frame["item_id"], table.frame["item_id_b"], strict=True)):
        first, second = (items[item_id] for item_id in pair)
        if first.item_id == second.item_id:
            problems.append(table.problem("an item is not a pair with itself", i, "item_id_b"))
        elif first.prompt != second.prompt and not design.pairs.across_prompts:
            message = (
                f"its prompt differs from that of {first.item_id!r}; pair items of one prompt, or write "
                "across_prompts = true under [pairs] to show each prompt over its own picture"
            )
            problems.append(table.problem(message, i, "item_id_b"))
        pairs[canonical(pair, pairs)] = None
    refuse(problems)
    return list(pairs)


def drawn_groups(members: Sequence[str], size: int, per_item: int, generator: random.Random) -> list[UnitKey]:
    """Draw groups so that each item stands in about `per_item` of them, and pairs meet evenly.

    There may be fewer different groups than that. A prompt with no more items than a group holds gives one group, with
    fewer than three none.

    >>> drawn_groups(["a", "b", "c"], 4, 2, random.Random(0)), drawn_groups(["a", "b"], 4, 2, random.Random(0))
    ([('a', 'b', 'c')], [])
    """
    if len(members) <= size:
        return [tuple(members)] if len(members) >= 3 else []
    seen = dict.fromkeys(members, 0)
    met: dict[tuple[str, str], int] = {}
    groups: dict[UnitKey, None] = {}
    in_vain = 0
    while min(seen.values()) < per_item and in_vain < _TRIES:
        group: list[str] = []
        while len(group) < size:
            rest = [m for m in members if m not in group]
            generator.shuffle(rest)

            def burden(member: str, chosen: Sequence[str] = tuple(group)) -> tuple[int, int]:
                return seen[member], sum(met.get((min(m, member), max(m, member)), 0) for m in chosen)

            group.append(min(rest, key=burden))
        for pair in combinations(sorted(group), 2):
            met[pair] = met.get(pair, 0) + 1
        key = tuple(sorted(group))
        in_vain = in_vain + 1 if key in groups else 0
        for member in () if key in groups else group:
            seen[member] += 1
        groups[key] = None
    return list(groups)
