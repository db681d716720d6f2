"""What a judge is, and what it is given when it is made."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar, runtime_checkable

from genspace.errors import GenspaceError, InputError, did_you_mean
from genspace.gather import evidence_of
from genspace.records import Request, Verdict

if TYPE_CHECKING:
    from pydantic import BaseModel

    from genspace.evidence import Evidence
    from genspace.geometry.scene import Pair, Scene
    from genspace.study import Study

ROUNDING_USD = 1e-9
"""Ten times 0.1 is a little less than 1."""


class BudgetReachedError(GenspaceError):
    """The budget is spent: the run ends, and all its verdicts are kept.

    >>> try:
    ...     Budget(limit_usd=1, spent_usd=1).check()
    ... except BudgetReachedError as error:
    ...     print(str(error).partition("; ")[0])
    the budget of 1 USD is spent (1.0000 USD)
    """


@dataclass
class Budget:
    """The spending limit of a run, shared by all its judges and the members of combinations.

    >>> budget = Budget(limit_usd=5)
    >>> budget.spend(0.25)
    >>> budget.spent_usd
    0.25
    """

    limit_usd: float
    spent_usd: float = 0.0

    def spend(self, usd: float) -> None:
        """Count a call that was paid for."""
        self.spent_usd += usd

    def check(self) -> None:
        """Raise `BudgetReachedError` when nothing is left; to be called before each call that costs."""
        if self.spent_usd >= self.limit_usd - ROUNDING_USD:
            raise BudgetReachedError(
                f"the budget of {self.limit_usd:g} USD is spent ({self.spent_usd:.4f} USD); "
                "the same run with a larger budget goes on from here"
            )


class Judge(Protocol):
    """Turns requests into verdicts. The judge is responsible for batches, concurrency and caches.

    The runner is responsible for storage, resuming and progress. A judge may also offer `close()` if it holds
    resources, `preview` (see `Previewing`) if it sends data or costs money, and the methods of
    `Settling` and `Combining`.

    >>> class Coin:
    ...     fingerprint = "always yes, version 1"
    ...
    ...     def judge(self, requests):
    ...         for request in requests:
    ...             yield Verdict.decided(request, score=1.0)
    >>> judge: Judge = Coin()
    >>> list(judge.judge([]))
    []
    """

    @property
    def fingerprint(self) -> str:
        """Digest of everything that can change an answer (see `genspace.records.fingerprint`)."""
        ...

    def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
        """Yield one verdict per request, in any order, as they come.

        An item that cannot be judged is a verdict with a reason, never an exception; an exception means
        that nothing further can be judged.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a judge would do for one request; `genspace judge --dry-run [--show]` prints it.

    >>> Preview.together("two calls", [Preview.free("a", calls=1), Preview.free("b", calls=1)]).calls
    2
    """

    text: str
    """Exactly what would be sent or computed, readable by people."""
    calls: int = 0
    """As many calls as are made when all goes well."""
    tokens: int = 0
    cost_usd: float | None = None
    """What it costs when all goes well; None when the price is unknown."""
    most_calls: int = 0
    """No more calls than this are paid for."""
    most_tokens: int | None = 0
    """None where nothing bounds them."""
    most_usd: float | None = None
    """No more than this is spent; None when the price is unknown or nothing bounds it."""
    drawn: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Pictures that would be sent and are no files, as PNG, by what they are."""

    @classmethod
    def free(cls, text: str, *, calls: int = 0, tokens: int = 0) -> Self:
        """Return the preview of something that costs no money, such as a model on this machine."""
        return cls(
            text=text,
            calls=calls,
            tokens=tokens,
            cost_usd=0.0,
            most_calls=calls,
            most_tokens=tokens,
            most_usd=0.0,
        )

    @classmethod
    def together(cls, text: str, parts: Iterable[Preview]) -> Self:
        """Return what several parts take together; unknown where one of them is."""
        names = ("calls", "tokens", "cost_usd", "most_calls", "most_tokens", "most_usd")
        every = list(parts)

        def total(name: str) -> Any:
            values = [getattr(part, name) for part in every]
            return None if None in values else sum(values)

        return cls(text=text, **{name: total(name) for name in names})

    def from_least(self, certain: Preview | None) -> Preview:
        """Return the same upper end, above what is certain."""
        low = certain or Preview.free("")
        return replace(self, calls=low.calls, tokens=low.tokens, cost_usd=low.cost_usd)


@runtime_checkable
class Previewing(Protocol):
    """A judge that can show in advance what it would send and what that would cost.

    >>> class Shown:
    ...     def preview(self, request):
    ...         return Preview.free(f"looks at {request.item.item_id}")
    >>> isinstance(Shown(), Previewing)
    True
    """

    def preview(self, request: Request) -> Preview:
        """Return what would be done for the request, without doing it."""
        ...


@runtime_checkable
class Seeing(Protocol):
    """A judge that reconstructs a scene from an item's image; other judges can use the scene.

    >>> class Blind:
    ...     def seen(self, request):
    ...         raise InputError("nothing is seen")
    >>> isinstance(Blind(), Seeing)
    True
    """

    def seen(self, request: Request) -> Scene | Pair:
        """Return the item's scene, or the pair of an edit: what it perceives, never the known truth.

        Errors: `InputError` where it sees nothing, or would have to give the truth away.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSpec:
    """Which judge to make, as named on the command line or by a `[judges.NAME]` table.

    >>> JudgeSpec(name="gpt", kind="vlm", model="gpt-4.1", options={"samples": 3}).source
    'the command line'
    """

    name: str
    """Name of its verdicts; unique in a study."""
    kind: str
    """Key of the registry: "vlm", "geometry", …"""
    model: str | None = None
    """Everything after the first colon of the judge's name on the command line."""
    options: Mapping[str, Any] = field(default_factory=dict)
    source: str = "the command line"
    """Where the options stand, for messages."""
    from_study: frozenset[str] = frozenset()
    """Names of the options that stand in the study, which may be somebody else's, and not on the command line."""


@dataclass(frozen=True, kw_only=True)
class JudgeContext:
    """What a judge's factory may use in addition to the judge's options.

    >>> context = JudgeContext(budget=Budget(limit_usd=2))
    >>> context.evidence is None, context.seed
    (True, 0)
    """

    study: Study | None = None
    """The study to be judged; None outside a study (`genspace scene judge`)."""
    cache_dir: Path | None = None
    """Folder for caches that are safe to delete; None: cache nothing."""
    seed: int = 0
    budget: Budget | None = None
    """What may be spent; None: anything."""
    allowed_hosts: frozenset[str] = frozenset()
    """Hosts to which a study may have a key sent."""
    make: Callable[[str], Judge] | None = None
    """Makes another judge by name, for ensembles and cascades."""

    @cached_property
    def evidence(self) -> Evidence | None:
        """What people and judges said in the study, read when it is first asked for; None outside a study."""
        return None if self.study is None else evidence_of(self.study)


@runtime_checkable
class Settling(Protocol):
    """A judge whose fingerprint is only known after it has asked something.

    >>> class Learns:
    ...     settled = False
    ...
    ...     def settle(self, requests):
    ...         self.settled = True
    ...
    ...     def forget_learned(self):
    ...         self.settled = False
    >>> isinstance(Learns(), Settling)
    True
    """

    @property
    def settled(self) -> bool:
        """Whether the fingerprint holds."""
        ...

    def settle(self, requests: Iterable[Request]) -> None:
        """Find out what is missing from the first requests; their verdicts are given when they are asked for.

        Errors: as for `Judge.judge`.
        """

    def forget_learned(self) -> None:
        """Forget what was found out before, so that it is found out anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Verdicts of a member that a combination needs.

    >>> from genspace.judges import make_judge
    >>> member = make_judge(JudgeSpec(name="boxes", kind="box2d"), JudgeContext())
    >>> sorted(Need(name="boxes", judge=member, item_ids=frozenset({"7", "8"})).item_ids)
    ['7', '8']
    """

    name: str
    """Under which the member's verdicts are kept."""
    judge: Judge
    item_ids: frozenset[str]
    perhaps: frozenset[str] = frozenset()
    """Items on which it depends on verdicts that are not there yet."""


@runtime_checkable
class Combining(Protocol):
    """A judge that reads other judges' verdicts. It asks no model; the runner asks its members first.

    >>> class Both:
    ...     members = {}
    ...
    ...     def needs(self, item_ids):
    ...         yield from (Need(name=n, judge=j, item_ids=frozenset(item_ids)) for n, j in self.members.items())
    >>> isinstance(Both(), Combining)
    True
    """

    @property
    def members(self) -> Mapping[str, Judge]:
        """The members that can be asked, by name."""
        ...

    def needs(self, item_ids: Collection[str]) -> Iterator[Need]:
        """Say one after the other whose verdicts on which items are needed to judge these items.

        Before the next need is asked for, the verdicts of the last one stand in the study, as far as they can be had;
        where they do not, as in a dry run, `Need.perhaps` holds what may follow from them.
        """
        ...


@runtime_checkable
class Fitted(Protocol):
    """A judge whose verdicts rest on what people answered about other items.

    >>> class Mean:
    ...     def without(self, item_ids):
    ...         return Mean()
    >>> isinstance(Mean(), Fitted)
    True
    """

    def without(self, item_ids: Collection[str]) -> Judge:
        """Return the same judge as if people had not answered about some items; whom it combines is not asked anew."""
        ...


Options = TypeVar("Options", bound="BaseModel")


def parse_options(model: type[Options], spec: JudgeSpec) -> Options:
    """Check and return the judge's options.

    Errors: `InputError` that names the source, the option, its value and what is expected; for an unknown option, also
    the closest known one.

    >>> from pydantic import BaseModel
    >>> class Options(BaseModel):
    ...     samples: int = 1
    >>> parse_options(Options, JudgeSpec(name="gpt", kind="vlm", options={"sample": 3}))
    Traceback (most recent call last):
        ...
    genspace.errors.InputError: the command line: judge 'gpt' has no option 'sample' (did you mean 'samples'?)
    """
    from pydantic import ValidationError

    unknown = [key for key in spec.options if key not in model.model_fields]
    if unknown:
        known = did_you_mean(unknown[0], model.model_fields)
        raise InputError(f"{spec.source}: judge {spec.name!r} has no option {unknown[0]!r}{known}")
    try:
        return model(**spec.options)
    except ValidationError as error:
        where = f"{spec.source}: judge {spec.name!r}: option"
        lines = [
            f"{where} {'.'.join(map(str, e['loc']))!r} = {e['input']!r}: {e['msg']}" for e in error.errors()
        ]
        raise InputError("\n".join(lines)) from None
