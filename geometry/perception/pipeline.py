"""Run the parts over images: in order, in batches, cached; a failure costs only its own image."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING, Literal

import numpy as np

from genspace.errors import InputError
from genspace.geometry.detections import assign, non_maximum_suppression
from genspace.geometry.perception._ahead import ahead
from genspace.geometry.perception._checks import check_declaration, check_output
from genspace.geometry.perception._parts import (
    STAGES,
    Arrays,
    Part,
    PerceptionError,
    StageView,
    per_object,
    source_of,
    stages_of,
)
from genspace.geometry.perception.cache import StageCache, stage_key
from genspace.geometry.perception.labels import Wanted, canonical
from genspace.records import fingerprint

if TYPE_CHECKING:
    from genspace.geometry.perception.images import Picture
    from genspace.geometry.perception.truth import KnownScene

__all__ = ["Failure", "Perception", "StageReport", "Step", "Subject", "in_order"]

_log = logging.getLogger("genspace.perception")


@dataclass(frozen=True)
class Subject:
    """One image to look at, and what to look for."""

    picture: Picture
    wanted: tuple[Wanted, ...]
    truth: KnownScene | None = None

    def view(self) -> StageView:
        """Return what is known before the first stage."""
        labels = list(dict.fromkeys(w.label for w in self.wanted))
        return StageView(
            picture=self.picture, known={"labels": np.array(labels, dtype=str)}, truth=self.truth
        )


@dataclass(frozen=True)
class Failure:
    """Why an image could not be seen: which part, and what went wrong."""

    reason: str


@dataclass(frozen=True)
class StageReport:
    """Progress of one part in one run, as a progress line shows it."""

    stage: str
    """The stage that it serves; several are joined by "+"."""
    part: str
    done: int
    total: int
    from_cache: int
    seconds: float
    """Spent computing, without what came from the cache."""

    @property
    def per_second(self) -> float | None:
        """Images computed per second; None before the first."""
        computed = self.done - self.from_cache
        return computed / self.seconds if computed and self.seconds > 0 else None


@dataclass(frozen=True)
class Step:
    """One part and the stages that it was chosen for."""

    part: Part
    stages: tuple[str, ...]

    @property
    def gives(self) -> tuple[str, ...]:
        """The arrays used from this part: those of its stages."""
        own = {key for stage in self.stages for key in STAGES[stage].arrays}
        return tuple(key for key in self.part.gives if key in own)


def in_order(parts: Mapping[str, Part]) -> list[Step]:
    """Order the parts so that each comes after those whose arrays it reads; a part of several stages comes once.

    Errors: `InputError` for a part that cannot serve its stage, for parts that wait for one another, that read what
    no part gives, or that see objects of their own.
    """
    chosen: dict[int, Step] = {}
    for stage in STAGES:
        if (part := parts.get(stage)) is not None:
            before = chosen.get(id(part))
            chosen[id(part)] = Step(part, (*before.stages, stage) if before else (stage,))
    steps = list(chosen.values())
    for step in steps:
        _check_step(step)
    giver = {key: step for step in steps for key in step.gives}
    ordered: list[Step] = []
    while waiting := [s for s in steps if s not in ordered]:
        ready = [s for s in waiting if all(giver.get(key, s) in (s, *ordered) for key in _inputs(s.part))]
        if not ready:
            cycle = ", ".join(f"{'+'.join(s.stages)} needs {', '.join(_inputs(s.part))}" for s in waiting)
            raise InputError(
                f"these perception parts wait for one another: {cycle}. Choose another part for one"
            )
        ordered.append(ready[0])
    lacking = [
        (step.stages[0], key)
        for step in ordered
        for key in step.part.reads
        if giver.get(key, step) is step and key not in {"labels", "truth"}
    ]
    if lacking:
        raise InputError(f"the {lacking[0][0]} part needs {lacking[0][1]!r}, which no part gives")
    return ordered


def _inputs(part: Part) -> tuple[str, ...]:
    return (*part.reads, *part.uses)


def _check_step(step: Step) -> None:
    part = step.part
    check_declaration(part, part.name)
    missing = [s for s in step.stages if s not in stages_of(part.gives)]
    if missing:
        raise InputError(
            f"{part.name} cannot serve as {missing[0]}: it gives {', '.join(part.gives)}, "
            f"and {', '.join(STAGES[missing[0]].gives)} are needed"
        )
    if "boxes" in step.gives or "boxes" in part.reads:
        return
    own = [key for key in step.gives if per_object(key)]
    if own:
        raise InputError(
            f"{part.name} finds objects by itself, so its {own[0]} belong to its own boxes: "
            f"choose it as the detector too, or another {step.stages[0]}"
        )


@dataclass
class Perception:
    """Parts that together turn pixels into what a scene needs."""

    parts: Mapping[str, Part]
    """The part of each stage, by stage name; one part may serve several."""
    cache: StageCache | None = None
    batch_size: int = 8
    resident: Literal["one", "all"] = "one"
    """Whether a part's model is freed before the next part, or all stay in memory."""
    report: Callable[[StageReport], None] = field(default=lambda _: None)

    def __post_init__(self) -> None:
        self._steps = in_order(self.parts)

    @property
    def fingerprint(self) -> str:
        """Digest of every stage's part."""
        return fingerprint(
            {stage: self.parts[stage].fingerprint for step in self._steps for stage in step.stages}
        )

    def check(self) -> None:
        """Check before any work that nothing is missing; the error lists all that is, with the commands that mend it.

        Errors: `InputError`.
        """
        problems = list(dict.fromkeys(p for step in self._steps if (p := step.part.problem())))
        if problems:
            raise InputError("\n".join(problems))

    def run(self, subjects: Sequence[Subject]) -> list[StageView | Failure]:
        """Return what is known about each image after all stages, or why it could not be seen.

        Errors: `InputError` for what stops every image: a package or a checkpoint that is missing, or a part that
        reads or gives what it does not declare.
        """
        states: list[StageView | Failure] = [s.view() for s in subjects]
        for step in self._steps:
            started = perf_counter()
            for i, state in self._run(
                step, [(i, s) for i, s in enumerate(states) if isinstance(s, StageView)]
            ):
                if "boxes" in step.gives and isinstance(state, StageView):
                    state = _chosen(state, subjects[i].wanted)  # noqa: PLW2901 - the detector's last step
                states[i] = state
            _log.debug("%s: %.2f s", "+".join(step.stages), perf_counter() - started)
            if self.resident == "one":
                step.part.close()
        return states

    def close(self) -> None:
        """Free every model."""
        for step in self._steps:
            step.part.close()

    def _run(
        self, step: Step, views: list[tuple[int, StageView]]
    ) -> Iterable[tuple[int, StageView | Failure]]:
        part = step.part
        stage = "+".join(step.stages)
        todo: list[tuple[int, StageView, str]] = []
        done = kept = 0
        seconds = 0.0

        def tell() -> None:
            self.report(StageReport(stage, part.name, done, len(views), kept, seconds))

        cache = self.cache if part.cached and "truth" not in part.reads else None
        kept_outputs = ahead(lambda entry: _kept(cache, part, entry[1]), views, most=16)
        for (i, view), (key, output) in zip(views, kept_outputs, strict=True):
            if output is None:
                todo.append((i, view, key))
            else:
                done, kept = done + 1, kept + 1
                yield i, _with(view, step, output)
        tell()
        with ThreadPoolExecutor(1) as writer:  # files are written while the next batch is computed
            written = []
            for batch in _batches(todo, self.batch_size):
                started = perf_counter()
                answers = _run_batch(part, [view.handed_to(part) for _, view, _ in batch])
                seconds += perf_counter() - started
                done += len(batch)
                for (i, view, key), answer in zip(batch, answers, strict=True):
                    if isinstance(answer, Failure):
                        yield i, answer
                        continue
                    if cache is not None:
                        written.append(writer.submit(cache.put, part, key, answer))
                    yield i, _with(view, step, answer)
                tell()
        for future in written:
            future.result()


def _kept(cache: StageCache | None, part: Part, view: StageView) -> tuple[str, Arrays | None]:
    """Return the key of a part's output for a view, and the output if the cache holds it."""
    if cache is None:
        return "", None
    key = stage_key(part, view.handed_to(part))
    return key, cache.get(part, key)


def _with(view: StageView, step: Step, output: Arrays) -> StageView:
    """Add a part's output to what is known about a view, each array with its source."""
    taken = {key: output[key] for key in step.gives}
    sources = {source: output.get(source, np.array(step.part.name)) for source in map(source_of, step.gives)}
    return replace(view, known={**view.known, **taken, **sources})


def _chosen(view: StageView, wanted: Sequence[Wanted]) -> StageView:
    """Keep the objects asked for: suppress duplicates by class, then choose by detection score alone.

    Of a class of which the second best is asked for, the best is kept too, so that every number means the same object
    in whatever follows.
    """
    known = view.known
    score = known["score"].tolist()
    kinds = [canonical(view.labels[i]) for i in known["label"]]
    kept = non_maximum_suppression(known["boxes"], score, kinds)
    ranked = [(w.kind, rank) for w in wanted for rank in range(1, w.number + 1)]
    found = assign([kinds[i] for i in kept], [score[i] for i in kept], list(dict.fromkeys(ranked)))
    keep = np.array([kept[i] for i in found if i is not None], dtype=np.intp)
    rows = [
        key
        for name in known
        if per_object(name)
        for key in (name, source_of(name))
        if key in known and np.ndim(known[key])
    ]
    return replace(view, known={**known, **{key: known[key][keep] for key in rows}})


def _batches(
    todo: list[tuple[int, StageView, str]], batch_size: int
) -> Iterable[list[tuple[int, StageView, str]]]:
    """Yield batches of images of one size, so that no answer depends on another image's padding."""
    by_size: dict[tuple[int, int], list[tuple[int, StageView, str]]] = {}
    for entry in todo:
        by_size.setdefault(entry[1].size, []).append(entry)
    for entries in by_size.values():
        for start in range(0, len(entries), batch_size):
            yield entries[start : start + batch_size]


def _run_batch(part: Part, views: list[StageView]) -> list[Arrays | Failure]:
    """Run a batch; when it fails, run its halves, so that one bad image (or too little memory) costs only itself."""
    try:
        return [_checked(part, v, o) for v, o in zip(views, part.run(views), strict=True)]
    except InputError:
        raise
    except PerceptionError as error:
        if len(views) == 1:
            return [Failure(str(error))]
    except Exception as error:  # noqa: BLE001 - a model may raise anything; the image fails, not the run
        _log.debug("%s failed on %d images", part.name, len(views), exc_info=True)
        if len(views) == 1:
            said = str(error).splitlines()[0] if str(error) else ""
            return [Failure(f"{part.name}: {type(error).__name__}: {said}")]
    _free_gpu_memory()
    half = len(views) // 2
    return [*_run_batch(part, views[:half]), *_run_batch(part, views[half:])]


def _checked(part: Part, view: StageView, output: Arrays) -> Arrays | Failure:
    try:
        return check_output(part, view, output)
    except PerceptionError as error:
        return Failure(str(error))


def _free_gpu_memory() -> None:
    import sys

    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
