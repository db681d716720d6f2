"""Tune a judge on a study: ask each variant of a space about every rated item once, and choose on held-out folds."""

from __future__ import annotations

import itertools
import math
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from genspace.analysis._scope import choose_primary, target_of
from genspace.analysis.figures import FIGURES, Figure
from genspace.analysis.folds import outer_folds
from genspace.analysis.question import Question
from genspace.analysis.resampling import stream
from genspace.analysis.tuning import LEAST_PROMPTS, Candidate, Tuned, promising, tune
from genspace.display import Result
from genspace.documents import mistakes, toml_text
from genspace.errors import InputError, InvalidFilesError, Problem, did_you_mean, file_errors
from genspace.gather import evidence_of
from genspace.judges import Combining, Fitted, JudgeSpec, resolve
from genspace.records import Request, Verdict
from genspace.runner import RunOptions, RunSummary
from genspace.store import JudgeStore
from genspace.study import JudgeTable

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from genspace.judges import Budget, Judge
    from genspace.study import Study

    Floats = NDArray[np.float64]

__all__ = ["FOLDER", "Space", "Tuning", "TuningDocument", "read_space", "tune_study"]

FOLDER = "tune"
"""Folder of a study in which the variants' verdicts are kept, apart from those of its judges."""
NAMES_JUDGES = {"members", "first", "second", "aids_from"}
"""Options of a judge that hold names of others."""
Share = Annotated[float, Field(gt=0, lt=1)]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")
    default: str | None = None
    figure: str | None = None
    thresholds: list[Share] = Field([0.5], min_length=1)
    price: float = Field(0.0, ge=0)
    drop_after: float = Field(0.3, ge=0, le=1)
    variants: dict[str, dict[str, Any]] = {}
    grid: dict[str, dict[str, Any]] = {}


@dataclass(frozen=True)
class Space:
    """The variants to choose from."""

    variants: Mapping[str, JudgeTable]
    """By name; the first is the default."""
    thresholds: tuple[float, ...]
    """Scores above which a variant says yes, for figures of decisions; the default first as it is."""
    price: float
    """How much the figure must rise for each dollar an item costs."""
    figure: str | None
    """Figure by which to choose; None: the study's primary figure."""
    source: str
    drop_after: float = 0.3
    """Share of the prompts after which hopeless variants are asked no further; 0: never."""

    def specs(self) -> Iterator[JudgeSpec]:
        """Yield the specification of each variant."""
        for spec in resolve(list(self.variants), self.variants):
            yield replace(spec, source=f"{self.source}: {spec.name}")


def read_space(path: Path) -> Space:
    r"""Return the space in a TOML file: tables `[variants.NAME]` and `[grid.NAME]`, whose lists are varied.

    Errors: `InvalidFilesError` naming each wrong key; `InputError` for a file that is not there.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "tune.toml"
    >>> text = '[grid.v]\nkind = "vlm"\nmodel = "small"\nprotocol = ["yes-no", "contrast"]\n'
    >>> _ = path.write_text(text)
    >>> list(read_space(path).variants)
    ['v-yes-no', 'v-contrast']
    """
    try:
        with file_errors(path, "read"):
            document = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidFilesError([Problem(path.name, f"is not valid TOML: {error}")]) from None
    except ValidationError as error:
        raise InvalidFilesError(mistakes(_File, error, path.name)) from None
    tables = {**document.variants, **dict(_grid(document.grid))}
    wrong = [name for name, table in tables.items() if not isinstance(table.get("kind"), str)]
    if wrong:
        raise InvalidFilesError(
            [Problem(path.name, 'a variant needs kind = "…"', field=name) for name in wrong]
        )
    if len(tables) < 2:
        raise InputError(f"{path}: it needs two variants at least, [variants.NAME] or lists in [grid.NAME]")
    if document.default is not None and document.default not in tables:
        raise InputError(f"{path}: default = {document.default!r}{did_you_mean(document.default, tables)}")
    first = document.default or next(iter(tables))
    variants = {name: JudgeTable.of(tables[name]) for name in sorted(tables, key=lambda name: name != first)}
    return Space(
        variants, tuple(document.thresholds), document.price, document.figure, path.name, document.drop_after
    )


def _grid(grids: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, grid in grids.items():
        varied = {key: value for key, value in grid.items() if isinstance(value, list)}
        fixed = {key: value for key, value in grid.items() if key not in varied}
        for values in itertools.product(*varied.values()):
            yield "-".join([name, *map(str, values)]), fixed | dict(zip(varied, values, strict=True))


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningDocument:
    """Everything that was found."""

    schema: Literal["genspace-tuning/1"] = "genspace-tuning/1"
    study: str
    items: int
    prompts: int
    result: Tuned
    winner_table: str
    """The winner as a table of study.toml."""
    unfinished: tuple[str, ...]
    """Variants that were not asked about every item and were left out."""


@dataclass(frozen=True, repr=False)
class Tuning(Result):
    """The chosen variant, and the figure that choosing this way reaches on new prompts."""

    document: TuningDocument
    runs: tuple[RunSummary, ...] = ()
    """What was asked for it."""

    def __repr__(self) -> str:
        found = self.document.result
        return (
            f"<Tuning of {self.document.study!r}: {found.winner!r}, against {found.default!r} {found.says}>"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row per candidate; `in_sample` is on the items on which choices were made: do not quote it."""
        import pandas as pd

        columns = ["name", "threshold", "cost_usd", "coverage", "in_sample", "chosen"]
        rows = [[getattr(row, column) for column in columns] for row in self.document.result.candidates]
        return pd.DataFrame(rows, columns=columns)


def tune_study(
    study: Study,
    space: Space,
    *,
    make: Callable[[JudgeSpec, Study], Judge],
    ask: Callable[[Judge, JudgeSpec, Study, RunOptions], RunSummary],
    budget: Budget | None = None,
    seed: int = 0,
) -> Tuning:
    """Ask every variant about the rated items, and choose.

    Each variant is asked about an item at most once; the folds choose anew on the same answers. All variants are asked
    about a first part of the prompts; those that are hopeless in every fold are asked no further. A stopped run goes on
    where it was.

    Args:
        study: whose people's answers are to be matched.
        space: the variants.
        make: makes a variant's judge for a study.
        ask: has it asked; it may stop when the budget is spent.
        budget: of the judges that are made; what earlier runs paid for the answers that are there counts.
        seed: of the folds.

    Errors: `InputError`, before anybody is asked, for a study without ratings that differ or with too few prompts, and
    for a figure of pairs; and where fewer than two variants were asked about everything.
    """
    import numpy as np

    evidence = evidence_of(study)
    units = Question.of(evidence).singles
    primary = choose_primary(units, space.figure or study.settings.primary)
    figure = FIGURES[primary.figure]
    if figure.target == "preference":
        raise InputError(
            f"{figure.label} is of pairs; tune needs a figure of single items, such as figure = 'roc_auc'"
        )
    target = target_of(units.people, figure)
    rated = np.isfinite(target)
    if not rated.any():
        raise InputError(f"nobody's answers give {figure.label}: there is nothing to tune on")
    if np.ptp(target[rated]) == 0:
        raise InputError("people say the same about every item, so the variants cannot be told apart")
    if (count := len(np.unique(units.prompt[rated]))) < LEAST_PROMPTS:
        raise InputError(
            f"people answered about {count} of the {LEAST_PROMPTS} prompts that it takes to choose"
        )
    ids = [str(i) for i in units.units["item_id"].to_numpy()[rated]]
    apart = study.kept_apart(study.root / FOLDER)
    # a combination among the variants may name others of them, which are asked once for both
    apart = replace(
        apart, declared=replace(study.declared, judges={**study.declared.judges, **space.variants})
    )
    # by the prompts of the whole study, as the judges that show solved examples split them
    held, prompts, y = outer_folds(units.prompt, seed=seed)[rated], units.prompt[rated], target[rated]
    # all are made before any is asked: a misspelt option of the last must cost nothing
    judges = {spec.name: (spec, make(spec, apart)) for spec in space.specs()}
    if budget is not None:
        budget.spend(_paid(((name, judge) for name, (_, judge) in judges.items()), apart))
    runs: list[RunSummary] = []

    def answers(name: str, wanted: Sequence[str]) -> dict[str, Verdict] | None:
        """Ask a variant; None where it was not asked about all items."""
        spec, judge = judges[name]
        runs.append(ask(judge, spec, apart, RunOptions(items=frozenset(wanted))))
        said = JudgeStore(apart.kept_in, spec.name).of_items(judge.fingerprint)
        return said if all(item in said for item in wanted) else None

    default = next(iter(space.variants))
    own = float(space.variants[default].options.get("pass_above", 0.5))

    def candidates(name: str, said: Mapping[str, Verdict], among: NDArray[np.bool_]) -> Iterator[Candidate]:
        """Yield a variant on some items; one that is fitted on people's answers, also as each fold fits it."""
        judge, some = judges[name][1], [item for item, chosen in zip(ids, among, strict=True) if chosen]
        by_fold = _by_fold(judge, apart, ids, some, held) if isinstance(judge, Fitted) else []
        thresholds = space.thresholds if name != default else dict.fromkeys([own, *space.thresholds])
        return _candidates(name, [said, *by_fold], some, figure, thresholds)

    first = _first_part(prompts, space.drop_after, seed=seed)
    begun: dict[str, dict[str, Verdict]] = {}
    alive: dict[tuple[str, float | None], NDArray[np.bool_]] = {}
    if not first.all():
        some = [item for item, chosen in zip(ids, first, strict=True) if chosen]
        begun = {name: said for name in judges if (said := answers(name, some)) is not None}
        tried = [c for name in begun for c in candidates(name, begun[name], first)]
        if tried:
            kept = promising(
                y[first], prompts[first], tried, figure, held[first], price=space.price, seed=seed
            )
            alive = {(c.name, c.threshold): row for c, row in zip(tried, kept, strict=True)}
    dropped = {name for name in begun if not any(row.any() for (c, _), row in alive.items() if c == name)}
    finished, unfinished = {}, []
    for name in judges:
        said = begun[name] if name in dropped else None
        if not first.all() and name not in begun:
            unfinished.append(name)
        elif said is not None or (said := answers(name, ids)) is not None:
            finished[name] = said
        else:
            unfinished.append(name)
    if default in unfinished or len(finished) < 2:
        raise InputError(
            f"{', '.join(unfinished)}: not asked about every item (is the budget spent?); the same command, with "
            "a larger one, goes on from here, and needs the default and one other variant"
        )
    all_of_them = [c for name in finished for c in candidates(name, finished[name], np.ones_like(first))]
    every = np.ones(held.shape[1] + 1, dtype=bool)
    may = np.array([alive.get((c.name, c.threshold), every) for c in all_of_them])
    try:
        found = tune(y, prompts, all_of_them, figure, price=space.price, held=held, alive=may, seed=seed)
    except ValueError as error:
        raise InputError(f"{study.settings.name}: {error}") from None
    document = TuningDocument(
        study=study.settings.name,
        items=len(ids),
        prompts=count,
        result=found,
        winner_table=_winner(space.variants, found.winner, found.threshold),
        unfinished=tuple(unfinished),
    )
    return Tuning(document, tuple(runs))


def _first_part(prompts: NDArray[np.int64], share: float, *, seed: int) -> NDArray[np.bool_]:
    """(n,) items that are asked about before hopeless variants are dropped; all where there are too few prompts."""
    import numpy as np

    names = np.unique(prompts)
    count = max(math.ceil(share * len(names)), LEAST_PROMPTS) if share else len(names)
    return np.isin(prompts, stream(seed, "first part").permutation(names)[:count])


def _paid(judges: Iterable[tuple[str, Judge]], apart: Study) -> float:
    """Return the cost of the answers of judges and their members; answers from the cache cost nothing."""
    asked: dict[str, Judge] = {}
    for name, judge in judges:
        asked |= judge.members if isinstance(judge, Combining) else {name: judge}
    kept = (v for n, j in asked.items() for v in JudgeStore(apart.kept_in, n).under(j.fingerprint).values())
    new = (v for v in kept if "replayed" not in v.details or v.details["replayed"] < v.details["calls"])
    return math.fsum(v.cost_usd or 0.0 for v in new)


def _by_fold(
    judge: Fitted, study: Study, ids: Sequence[str], some: Sequence[str], held: NDArray[np.bool_]
) -> Iterator[dict[str, Verdict]]:
    """Yield a judge's verdicts on some items by outer fold, fitted without people's held-out answers."""
    wanted = set(some)
    asked = [Request(item=i, files=study.files) for i in study.iter_items() if i.item_id in wanted]
    for fold in held.T:
        hidden = {item for item, out in zip(ids, fold, strict=True) if out}
        yield {v.item_id: v for v in judge.without(hidden).judge(asked)}


def _candidates(
    name: str,
    answers: Sequence[Mapping[str, Verdict]],
    ids: Sequence[str],
    figure: Figure,
    thresholds: Iterable[float],
) -> Iterator[Candidate]:
    """Yield a variant with each threshold; once where the figure reads scores.

    The first of the answers are those that are kept, the others those of each fold.
    """
    import numpy as np

    silent = Verdict(item_id="", status="abstained", reason="not asked")
    said = [[by.get(item, silent) for by in answers] for item in ids]
    cost = float(np.mean([answers[0][i].cost_usd or 0.0 for i in ids if i in answers[0]]))
    scores = np.array([[np.nan if v.score is None else v.score for v in row] for row in said], dtype=float)

    def candidate(values: Floats, threshold: float | None = None) -> Candidate:
        return Candidate(name, values[:, 0], cost, threshold, values[:, 1:] if len(answers) > 1 else None)

    if not figure.of_labels:
        yield candidate(scores)
    elif not np.isfinite(scores).any():
        yield candidate(
            np.array([[np.nan if v.passed is None else float(v.passed) for v in row] for row in said])
        )
    else:
        for threshold in thresholds:
            yield candidate(np.where(np.isfinite(scores), scores > threshold, np.nan), threshold)


def _winner(variants: Mapping[str, JudgeTable], name: str, threshold: float | None) -> str:
    """Return the tables of the winner and of the variants that it names."""
    tables: dict[str, dict[str, Any]] = {}
    wanted = [name]
    while wanted:
        one = wanted.pop()
        if one in tables or one not in variants:
            continue
        table = variants[one]
        tables[one] = {"kind": table.kind, **({"model": table.model} if table.model else {}), **table.options}
        for option in NAMES_JUDGES & set(table.options):
            named = table.options[option]
            wanted += [named] if isinstance(named, str) else named
    if threshold is not None and variants[name].kind in {"vlm", "hf"}:
        tables[name].setdefault("pass_above", threshold)
    return toml_text({"judges": tables})
