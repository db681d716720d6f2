"""Solved examples: items of the study that people have answered, shown before the question with the people's answer.

They come from prompts that no outer fold of `genspace tune` holds out together with the item's own, so that whatever is
asked there, and paid for once, is fair in every fold.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from genspace.analysis.folds import outer_folds
from genspace.errors import InputError
from genspace.geometry.predicates import bind_known
from genspace.judges._protocol import JudgeContext
from genspace.records import Item, Request, fingerprint, uniform

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Example", "Shots"]

VERSION = 1
"""Of how examples are chosen; part of the fingerprint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """An item with the people's answer."""

    request: Request
    prompt: int
    yes: bool
    margin: float
    """How far their mean lies from the middle of the scale, from 0 to a half."""
    kind: tuple[bool, str, str]
    """Whether it is an edit; predicate and its word."""


@dataclass(frozen=True)
class Shots:
    """Chooses examples for each item of a study."""

    count: int
    examples: Sequence[Example]
    """The clearest first."""
    prompts: Mapping[str, int]
    """Prompt code by item."""
    held: NDArray[np.bool_]
    """(prompts, folds) which prompts each outer fold holds out."""
    seed: int

    @classmethod
    def of(cls, count: int, context: JudgeContext, *, where: str) -> Shots:
        """Return what chooses `count` examples an item. Errors: `InputError` without people's answers."""
        from genspace.analysis.question import Question

        if context.study is None or context.evidence is None:
            raise InputError(f"{where}: shots = {count}: examples need a study with people's answers")
        units = Question.of(context.evidence).singles
        ids, share = [str(i) for i in units.units["item_id"]], units.people.on_unit_scale
        labels = np.where(units.people.labels == 0.5, np.nan, units.people.labels)
        prompts = dict(zip(ids, units.prompt.tolist(), strict=True))
        answered = {
            i: (bool(y > 0.5), abs(m - 0.5))
            for i, y, m in zip(ids, labels, share, strict=True)
            if np.isfinite(y)
        }
        examples = [
            Example(
                request=Request(item=item, files=context.study.files),
                prompt=prompts[item.item_id],
                yes=answered[item.item_id][0],
                margin=float(np.nan_to_num(answered[item.item_id][1])),
                kind=_kind(item),
            )
            for item in context.study.iter_items()
            if item.item_id in answered
        ]
        if len(examples) < count:
            raise InputError(f"{where}: shots = {count}: people have decided {len(examples)} items")
        examples.sort(key=lambda e: (-e.margin, uniform(f"{context.seed}/{e.request.item.item_id}")))
        codes = np.arange(int(units.prompt.max()) + 1)
        return cls(count, examples, prompts, outer_folds(codes, seed=context.seed), context.seed)

    @property
    def fingerprint(self) -> str:
        """Digest of how examples are chosen and among which."""
        among = [(e.request.item.item_id, e.prompt, e.yes, e.margin) for e in self.examples]
        return fingerprint({"version": VERSION, "count": self.count, "seed": self.seed, "among": among})

    def candidates(self, item: Item) -> Iterator[Example]:
        """Yield examples for an item, the likeliest to help first: of its predicate, clear ones, yes and no in turn."""
        own = self.prompts.get(item.item_id)
        apart = (
            np.ones(len(self.held), dtype=bool) if own is None else ~(self.held & self.held[own]).any(axis=1)
        )
        kind = _kind(item)
        fair = [e for e in self.examples if apart[e.prompt] and e.request.item.image != item.image]
        fair.sort(key=lambda e: (e.kind[0] != kind[0], e.kind[1] != kind[1], e.kind != kind))
        turns = {yes: iter([e for e in fair if e.yes is yes]) for yes in (True, False)}
        yes = uniform(f"{self.seed}/{item.item_id}") < 0.5
        for _ in fair:
            found = next(turns[yes], None) or next(turns[not yes], None)
            if found is not None:
                yield found
            yes = not yes


def _kind(item: Item) -> tuple[bool, str, str]:
    try:
        bound = bind_known(item.predicate) if item.predicate else None
    except InputError:
        bound = None
    edit = item.image_before is not None
    return (edit, "", "") if bound is None else (edit, bound.predicate.name, bound.word or "")
