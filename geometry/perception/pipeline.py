"""The way from pixels to what is known about each image: stages in order, in batches, cached, one failure at a time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from genspace.errors import InputError
from genspace.geometry.detections import assign, non_maximum_suppression
from genspace.geometry.perception._ahead import ahead
from genspace.geometry.perception._parts import STAGES, Arrays, Part, PerceptionError, View, check_output
from genspace.geometry.perception.cache import StageCache, stage_key
from genspace.geometry.perception.labels import Wanted
from genspace.records import fingerprint

if TYPE_CHECKING:
    from genspace.geometry.perception.images import Picture
    from genspace.geometry.perception.truth import Truth

__all__ = ["Failure", "Perception", "StageReport", "Subject", "in_order"]

_log = logging.getLogger("genspace.perception")


@dataclass(frozen=True)
class Subject:
    """One image to look at, and what to look for."""

    picture: Picture
    wanted: tuple[Wanted, ...]
    truth: Truth | None = None

    def view(self) -> View:
        """Return what is known before the first stage."""
        labels = tuple(dict.fromkeys(w.label for w in self.wanted))
        return View(picture=self.picture, labels=labels, truth=self.truth)


@dataclass(frozen=True)
class Failure:
    """Why an image could not be seen: which part, and what went wrong."""

    reason: str


@dataclass(frozen=True)
class StageReport:
    """How far one stage has come in one run: what a progress line shows."""

    stage: str
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


def in_order(parts: Mapping[str, Part]) -> list[str]:
    """Return the stages so that each comes after those whose arrays it reads.

    Errors: `InputError` for parts that wait for one another, or that read what no part gives.
    """
    gives = {key: s for s in parts for key in (*STAGES[s].gives, *STAGES[s].optional) if key != "source"}
    gives.update({"labels": "", "truth": ""})
    ordered: list[str] = []
    waiting = [stage for stage in STAGES if stage in parts]
    while waiting:
        ready = [s for s in waiting if all(gives.get(key, "") in ("", *ordered) for key in parts[s].reads)]
        if not ready:
            cycle = ", ".join(f"{s} needs {', '.join(parts[s].reads)}" for s in waiting)
            raise InputError(
                f"these perception parts wait for one another: {cycle}. Choose another part for one"
            )
        ordered.append(ready[0])
        waiting.remove(ready[0])
    lacking = [(s, key) for s in ordered for key in parts[s].reads if key not in gives]
    if lacking:
        raise InputError(f"the {lacking[0][0]} part needs {lacking[0][1]!r}, which no part gives")
    return ordered


@dataclass
class Perception:
    """Parts that together turn pixels into what a scene needs."""

    parts: Mapping[str, Part]
    """One part per stage, by stage name."""
    cache: StageCache | None = None
    batch_size: int = 8
    resident: Literal["one", "all"] = "one"
    """Whether a part's model is freed before the next stage, or all stay in memory."""
    report: Callable[[StageReport], None] = field(default=lambda _: None)

    def __post_init__(self) -> None:
        self._order = in_order(self.parts)

    @property
    def fingerprint(self) -> str:
        """Digest of every part's fingerprint."""
        return fingerprint({stage: self.parts[stage].fingerprint for stage in self._order})

    def check(self) -> None:
        """Say everything that is missing, with the commands that mend it, before any work.

        Errors: `InputError`.
        """
        problems = list(dict.fromkeys(p for stage in self._order if (p := self.parts[stage].problem())))
        if problems:
            raise InputError("\n".join(problems))

    def run(self, subjects: Sequence[Subject]) -> list[View | Failure]:
        """Return what is known about each image after all stages, or why it could not be seen.

        Errors: `InputError` for what stops every image (a package or a checkpoint that is missing).
        """
        states: list[View | Failure] = [s.view() for s in subjects]
        for stage in self._order:
            part = self.parts[stage]
            started = perf_counter()
            for i, state in self._stage(part, [(i, s) for i, s in enumerate(states) if isinstance(s, View)]):
                if stage == "detector" and isinstance(state, View):
                    state = _chosen(state, subjects[i].wanted)  # noqa: PLW2901 - the detector's last step
                states[i] = state
            _log.debug("%s: %.2f s", stage, perf_counter() - started)
            if self.resident == "one":
                part.close()
        return states

    def close(self) -> None:
        """Free every model."""
        for part in self.parts.values():
            part.close()

    def _stage(self, part: Part, views: list[tuple[int, View]]) -> Iterable[tuple[int, View | Failure]]:
        name = f"{part.stage} {getattr(part, 'kind', type(part).__name__)}"
        todo: list[tuple[int, View, str]] = []
        done = kept = 0
        seconds = 0.0

        def tell() -> None:
            self.report(StageReport(part.stage, name, done, len(views), kept, seconds))

        cache = self.cache if part.cached else None
        kept_outputs = ahead(lambda entry: _kept(cache, part, entry[1]), views, most=16)
        for (i, view), (key, output) in zip(views, kept_outputs, strict=True):
            if output is None:
                todo.append((i, view, key))
            else:
                done, kept = done + 1, kept + 1
                yield i, replace(view, known=_merged(view.known, part, output))
        tell()
        with ThreadPoolExecutor(1) as writer:  # files are written while the next batch is computed
            written = []
            for batch in _batches(todo, self.batch_size):
                started = perf_counter()
                answers = _run_batch(part, name, [view for _, view, _ in batch])
                seconds += perf_counter() - started
                done += len(batch)
                for (i, view, key), answer in zip(batch, answers, strict=True):
                    if isinstance(answer, Failure):
                        yield i, answer
                        continue
                    if cache is not None:
                        written.append(writer.submit(cache.put, part, key, answer))
                    yield i, replace(view, known=_merged(view.known, part, answer))
                tell()
        for future in written:
            future.result()


def _kept(cache: StageCache | None, part: Part, view: View) -> tuple[str, dict[str, Any] | None]:
    """Return the key of a part's output for a view, and the output if the cache holds it."""
    if cache is None:
        return "", None
    key = stage_key(part, view)
    return key, cache.get(part, key)


def _merged(known: Arrays, part: Part, output: Arrays) -> Arrays:
    """Add a stage's arrays; the sources of the camera's values are kept apart by stage."""
    renamed = {f"{part.stage}_source" if k == "source" else k: v for k, v in output.items()}
    return {**known, **renamed}


def _chosen(view: View, wanted: Sequence[Wanted]) -> View:
    """Keep the boxes of the objects asked for: suppressed by class, then chosen by detection score alone."""
    score = view.known["score"].tolist()
    labels = [view.labels[i] for i in view.known["label"]]
    kept = non_maximum_suppression(view.known["boxes"], score, labels)
    found = assign([labels[i] for i in kept], [score[i] for i in kept], [w.label for w in wanted])
    keep = np.array([kept[i] for i in found if i is not None], dtype=np.intp)
    return replace(
        view, known={**view.known, **{k: view.known[k][keep] for k in ("boxes", "label", "score")}}
    )


def _batches(todo: list[tuple[int, View, str]], batch_size: int) -> Iterable[list[tuple[int, View, str]]]:
    """Yield batches of images of one size, so that no answer depends on another image's padding."""
    by_size: dict[tuple[int, int], list[tuple[int, View, str]]] = {}
    for entry in todo:
        by_size.setdefault(entry[1].size, []).append(entry)
    for entries in by_size.values():
        for start in range(0, len(entries), batch_size):
            yield entries[start : start + batch_size]


def _run_batch(part: Part, name: str, views: list[View]) -> list[dict[str, Any] | Failure]:
    """Run a batch; when it fails, run its halves, so that one bad image (or too little memory) costs only itself."""
    try:
        return [_checked(part, name, v, o) for v, o in zip(views, part.run(views), strict=True)]
    except InputError:
        raise
    except PerceptionError as error:
        if len(views) == 1:
            return [Failure(str(error))]
    except Exception as error:  # noqa: BLE001 - a model may raise anything; the image fails, not the run
        _log.debug("%s failed on %d images", name, len(views), exc_info=True)
        if len(views) == 1:
            return [
                Failure(f"{name}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")
            ]
    _free_gpu_memory()
    half = len(views) // 2
    return [*_run_batch(part, name, views[:half]), *_run_batch(part, name, views[half:])]


def _checked(part: Part, name: str, view: View, output: Arrays) -> dict[str, Any] | Failure:
    try:
        return check_output(part, name, view, output)
    except PerceptionError as error:
        return Failure(str(error))


def _free_gpu_memory() -> None:
    import sys

    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        torch.cuda.empty_cache()
