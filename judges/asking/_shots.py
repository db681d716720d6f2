"""Solved examples: items or pairs that people have decided, shown before the question with the people's answer.

They come from prompts that no outer fold of `genspace tune` holds out together with the item's own, so that whatever is
asked there, and paid for once, is fair in every fold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from genspace.analysis.folds import outer_folds
from genspace.errors import InputError
from genspace.geometry.predicates import bind_known
from genspace.judges._protocol import JudgeContext
from genspace.records import Item, Request, fingerprint, uniform

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from genspace.analysis.question import Question, Units

VERSION = 2
"""Of how examples are chosen; part of the fingerprint."""
SolvedT = TypeVar("SolvedT")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SolvedExample:
    """An item or a pair with the people's answer."""

    request: Request
    prompt: int
    yes: bool
    """Of a pair: whether the first item is the better one."""
    margin: float
    """How far people are from being undecided, from 0 to a half."""
    kind: tuple[bool, str, str]
    """Whether it is an edit; predicate and its word."""


@dataclass(frozen=True)
class Shots:
    """Chooses examples for each item or pair of a study."""

    count: int
    examples: Sequence[SolvedExample]
    """The clearest first."""
    prompts: Mapping[str, int]
    """Prompt code by item."""
    held: NDArray[np.bool_]
    """(prompts, folds) which prompts each outer fold holds out."""
    seed: int
    hides: bool
    """Whether examples must not tell which of several statements is asked for."""

    @classmethod
    def of(cls, count: int, context: JudgeContext, *, pairwise: bool, hides: bool, where: str) -> Shots:
        """Return the chooser of `count` examples per request. Errors: `InputError` without people's answers."""
        from genspace.analysis.question import Question

        if context.study is None or context.evidence is None:
            raise InputError(f"{where}: shots = {count}: examples need a study with people's answers")
        question = Question.of(context.evidence)
        ids, codes = [str(i) for i in question.singles.units["item_id"]], question.singles.prompt
        prompts = dict(zip(ids, codes.tolist(), strict=True))
        decided = list(_pairs(question, prompts, context.seed) if pairwise else _decided(question.singles))
        wanted = {item_id for row in decided for item_id in row[:2]}
        items = {item.item_id: item for item in context.study.iter_items() if item.item_id in wanted}
        examples = [
            SolvedExample(
                request=Request(
                    item=items[one], other=items[other] if other else None, files=context.study.files
                ),
                prompt=prompts[one],
                yes=yes,
                margin=margin,
                kind=_kind(items[one]),
            )
            for one, other, yes, margin in decided
        ]
        if len(examples) < count:
            units = "pairs" if pairwise else "items"
            raise InputError(f"{where}: shots = {count}: people have decided {len(examples)} {units}")
        examples.sort(key=lambda e: (-e.margin, uniform(f"{context.seed}/{_name(e.request)}")))
        held = outer_folds(np.arange(int(codes.max()) + 1), seed=context.seed)
        return cls(count, examples, prompts, held, context.seed, hides)

    @property
    def fingerprint(self) -> str:
        """Digest of the examples and of the way they are chosen."""
        among = [(_name(e.request), e.prompt, e.yes, e.margin) for e in self.examples]
        return fingerprint({"version": VERSION, "count": self.count, "seed": self.seed, "among": among})

    def chosen(
        self, request: Request, solved: Callable[[SolvedExample, int], SolvedT | None]
    ) -> list[tuple[SolvedExample, SolvedT]]:
        """Return at most `count` examples for a request with their answers, the most similar first.

        That is of its predicate, clear ones, yes and no in turn as far as `solved` makes something of them, given the
        example and its place. Where the statement that is asked for is hidden, all those of the predicate come in turn.
        """
        turns = {yes: self._fair(request, yes=yes) for yes in (True, False)}
        found: list[tuple[SolvedExample, SolvedT]] = []
        yes = uniform(f"{self.seed}/{_name(request)}") < 0.5
        while turns and len(found) < self.count:
            yes = yes if yes in turns else not yes
            for example in turns[yes]:
                made = solved(example, len(found))
                if made is not None:
                    found.append((example, made))
                    break
            else:
                del turns[yes]
            yes = not yes
        return found

    def _fair(self, request: Request, *, yes: bool) -> Iterator[SolvedExample]:
        item, own = request.item, self.prompts.get(request.item.item_id)
        apart = (
            np.ones(len(self.held), dtype=bool) if own is None else ~(self.held & self.held[own]).any(axis=1)
        )
        shown, kind = _images(request), _kind(item)
        fair = [
            e for e in self.examples if e.yes is yes and apart[e.prompt] and not shown & _images(e.request)
        ]
        before, ranked = Counter[tuple[bool, str, str]](), []
        turn = {kind[2]: uniform(f"{self.seed}/{item.item_id}/{kind[2]}") for kind in {e.kind for e in fair}}
        for e in fair:
            nearest: tuple[object, ...] = (e.kind != kind,)
            if self.hides:  # each word once, then each twice, beginning where the item's name says
                nearest = (before[e.kind], turn[e.kind[2]])
                before[e.kind] += 1
            ranked.append(((e.kind[0] != kind[0], e.kind[1] != kind[1], *nearest), e))
        ranked.sort(key=lambda pair: pair[0])
        return iter([e for _, e in ranked])


def _decided(units: Units) -> Iterator[tuple[str, str, bool, float]]:
    """Yield what people have decided: item, other item of a pair, whether it is a yes, how far from undecided."""
    ids, others = units.units["item_id"], units.units["item_id_b"]
    share = units.people.on_unit_scale
    for one, other, label, mean in zip(ids, others, units.people.labels, share, strict=True):
        if np.isfinite(label) and label != 0.5:
            yield str(one), str(other), bool(label > 0.5), float(np.nan_to_num(abs(mean - 0.5)))


def _pairs(
    question: Question, prompts: Mapping[str, int], seed: int
) -> Iterator[tuple[str, str, bool, float]]:
    """Yield pairs of one prompt: those that people compared, else pairs of a yes and a no, the clearest first."""
    if question.pairs is not None and question.pairs.people.asked.any():
        told = list(_decided(question.pairs))
    else:
        by_prompt: dict[int, dict[bool, list[tuple[float, str]]]] = {}
        for one, _, yes, margin in _decided(question.singles):
            by_prompt.setdefault(prompts[one], {True: [], False: []})[yes].append((-margin, one))
        told = [
            (better, worse, True, -(first + second) / 2)
            for sides in by_prompt.values()
            for (first, better), (second, worse) in zip(
                sorted(sides[True]), sorted(sides[False]), strict=False
            )
        ]
    for one, other, yes, margin in told:
        if prompts[one] != prompts[other]:
            continue
        turned = uniform(f"{seed}/{one}/{other}") < 0.5
        yield (other, one, not yes, margin) if turned else (one, other, yes, margin)


def _name(request: Request) -> str:
    return "/".join(item.item_id for item in (request.item, request.other) if item is not None)


def _images(request: Request) -> set[str | None]:
    return {item.image for item in (request.item, request.other) if item is not None}


def _kind(item: Item) -> tuple[bool, str, str]:
    try:
        bound = bind_known(item.predicate) if item.predicate else None
    except InputError:
        bound = None
    edit = item.image_before is not None
    return (edit, "", "") if bound is None else (edit, bound.predicate.name, bound.word or "")
