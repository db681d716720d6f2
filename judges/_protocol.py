"""What a judge is, and what it is given when it is made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, runtime_checkable

from genspace.errors import GenspaceError, InputError, did_you_mean
from genspace.gather import evidence_of
from genspace.records import Request, Verdict

if TYPE_CHECKING:
    from pydantic import BaseModel

    from genspace.evidence import Evidence
    from genspace.study import Study

__all__ = [
    "Budget",
    "BudgetReachedError",
    "Judge",
    "JudgeContext",
    "JudgeSpec",
    "Preview",
    "Previewing",
    "parse_options",
]

ROUNDING_USD = 1e-9
"""Ten times 0.1 is a little less than 1."""


class BudgetReachedError(GenspaceError):
    """What a run may spend is spent: it ends here, with all its verdicts."""


@dataclass
class Budget:
    """What a run may spend, all its judges and the members of combinations together."""

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
                "the same command with a larger --max-usd goes on from here"
            )


class Judge(Protocol):
    """Turns requests into verdicts. Batches, concurrency and caches are its own affair.

    Storage, resume, progress and engines are the runner's. A judge may offer more: `close()` when it holds
    resources, and `preview` (see `Previewing`) when it sends something worth seeing or paying for.
    """

    @property
    def fingerprint(self) -> str:
        """Digest of everything that can change an answer (see `genspace.records.fingerprint`)."""

    def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
        """Yield one verdict per request, in any order, as they come.

        An item that cannot be judged is a verdict with a reason, never an exception; an exception means
        that nothing further can be judged.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What a judge would do for one request: shown by `genspace judge --dry-run [--show]`."""

    text: str
    """Exactly what would be sent or computed, readable by people."""
    calls: int = 0
    tokens: int = 0
    cost_usd: float | None = None
    """None when the price is unknown."""


@runtime_checkable
class Previewing(Protocol):
    """A judge that can say beforehand what it would send and what it would cost."""

    def preview(self, request: Request) -> Preview:
        """Return what would be done for the request, without doing it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSpec:
    """Which judge, as the command line or a `[judges.NAME]` table names it."""

    name: str
    """Name of its verdicts; unique in a study."""
    kind: str
    """Key of the registry: "vlm", "geometry", …"""
    model: str | None = None
    """Everything after the first colon of the judge's name on the command line."""
    options: Mapping[str, Any] = field(default_factory=dict)
    source: str = "the command line"
    """Where the options stand, for messages."""


@dataclass(frozen=True, kw_only=True)
class JudgeContext:
    """What a judge's factory may use besides its own options."""

    study: Study | None = None
    """The study to be judged; None outside a study (`genspace scene judge`)."""
    cache_dir: Path | None = None
    """Folder for caches that are safe to delete; None: cache nothing."""
    seed: int = 0
    budget: Budget | None = None
    """What may be spent; None: anything."""
    make: Callable[[str], Judge] | None = None
    """Makes another judge by name, for ensembles and cascades."""

    @cached_property
    def evidence(self) -> Evidence | None:
        """What people and judges said in the study, read when it is first asked for; None outside a study."""
        return None if self.study is None else evidence_of(self.study)


Options = TypeVar("Options", bound="BaseModel")


def parse_options(model: type[Options], spec: JudgeSpec) -> Options:
    """Return the judge's options, checked.

    Errors: `InputError` that names the source, the option, its value and what is expected; an unknown option
    names the closest known one.
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
