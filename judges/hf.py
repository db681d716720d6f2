"""Judge `hf`: a local vision-language model; P(yes) comes straight from its logits.

Asks what the endpoint judge asks (`genspace.judges.vlm`), in batches, on a GPU where there is one. VQAScore
(Lin et al., 2024) is its protocol `vqascore`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from importlib.util import find_spec
from itertools import chain, islice
from typing import Any, Literal

from pydantic import Field

from genspace.checkpoints import checkpoint_digest, is_half_precision, local_checkpoint, pick_device
from genspace.errors import InputError, optional_import
from genspace.judges._local_model import LocalModel, conversation
from genspace.judges._protocol import JudgeContext, JudgeSpec, Preview, parse_options
from genspace.judges.asking import (
    Answer,
    Ask,
    Asker,
    AskOptions,
    Outcome,
    PictureError,
    Pictures,
    SentPicture,
    Steps,
    drawn_in,
    text_tokens,
)
from genspace.judges.prompts import TooLongError
from genspace.records import Request, Verdict, fingerprint

__all__ = ["HfJudge", "HfOptions", "make"]


class HfOptions(AskOptions):
    """Options of `hf:CHECKPOINT`, a name on the Hugging Face Hub or a folder.

    >>> HfOptions(dtype="bfloat16").batch_size
    8
    """

    revision: str | None = None
    """Branch, tag or commit on the Hub."""
    device: str = "auto"
    """ "auto" (CUDA, else Apple's MPS, else CPU), or a torch device such as "cuda:1"."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Precision; "auto": the checkpoint's own."""
    batch_size: int = Field(8, ge=1)
    """Items judged together; halved as often as the memory demands."""
    least_mass: float = Field(0.01, ge=0, le=1)
    """Abstain where less of the probability than this lies on the choices: the model says something else."""
    max_tokens: int = Field(256, ge=1)
    """Longest rating."""


class HfJudge:
    """Asks a local model; nothing it computes is random, so repeats say the same.

    >>> HfJudge(JudgeSpec(name="local", kind="hf", source="study.toml"), JudgeContext())
    Traceback (most recent call last):
        ...
    genspace.errors.InputError: study.toml: judge 'local': which checkpoint? Write hf:CHECKPOINT, a Hub name or a folder
    """

    def __init__(self, spec: JudgeSpec, context: JudgeContext) -> None:
        where = f"{spec.source}: judge {spec.name!r}"
        if not spec.model:
            raise InputError(f"{where}: which checkpoint? Write hf:CHECKPOINT, a Hub name or a folder")
        self._options = parse_options(HfOptions, spec)
        self._name = spec.model
        optional_import("transformers", extra="models", needed_for=f"{where} (hf)")
        self._asker = Asker.of(self._options, context, where=where)
        self._pictures = Pictures(self._options.image_size)

    @property
    def pairwise(self) -> bool:
        """Whether it judges pairs of items."""
        return self._asker.pairwise

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the checkpoint's content, options, wording and the package that prepares images.

        With 16 bits an answer depends on what else is in its batch, by up to a hundredth, and on the device: then
        batch size and device belong to it.
        """
        o = self._options
        half = is_half_precision(self._name, o.dtype, revision=o.revision)
        return fingerprint(
            {
                "kind": "hf",
                "checkpoint": checkpoint_digest(self._name, revision=o.revision),
                "images_by": "torchvision" if find_spec("torchvision") else "pillow",
                "dtype": o.dtype,
                "least_mass": o.least_mass,
                **({"batch_size": o.batch_size, "device": o.device} if half else {}),
                **self._asker.parts(),
            }
        )

    def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
        """Yield verdicts batch by batch.

        Errors: `InputError`, before any work, for a checkpoint that cannot be used or lacks a package.
        """
        iterator = iter(requests)
        for first in islice(iterator, 1):
            _ = self._model
            iterator = chain([first], iterator)
        while batch := list(islice(iterator, self._options.batch_size)):
            yield from self._judged(batch)

    def preview(self, request: Request) -> Preview:
        """Return every question as it is put to the model."""
        problem = self._asker.cannot_judge(request)
        if problem is not None:
            return Preview.free(f"nothing would be asked: {problem.reason}")
        asks, outcome = self._asker.imagined(request)
        if not asks:
            return Preview.free(f"nothing would be asked: {outcome.reason}")
        shown = [json.dumps(conversation(ask), ensure_ascii=False, indent=2) for ask in asks]
        preview = Preview.free(
            f"{self._name}\n" + "\n\n".join(shown),
            calls=len(asks),
            tokens=sum(text_tokens(ask.system + part.text) for ask in asks for part in ask.sent),
        )
        return replace(preview, drawn=drawn_in(asks))

    # ---- protocols in lockstep ----

    def _judged(self, batch: Sequence[Request]) -> Iterator[Verdict]:
        """Let every request's protocol ask, answer all their asks together, until each has its outcome."""
        asking: list[tuple[Request, Steps, list[Ask], list[Answer]]] = []
        for request in batch:
            problem = self._asker.cannot_judge(request)
            if problem is not None:
                yield problem
                continue
            steps = self._asker.steps(request)
            try:
                asking.append((request, steps, next(steps), []))
            except StopIteration as done:
                yield self._asker.verdict(request, done.value, [])
            except TooLongError as error:
                yield Verdict.failed(request, str(error))
        while asking:
            given = iter(self._answers([(r, ask) for r, _, asks, _ in asking for ask in asks]))
            still = []
            for request, steps, asks, answers in asking:
                own = list(islice(given, len(asks)))
                answers.extend(own)
                try:
                    still.append((request, steps, steps.send(own), answers))
                except StopIteration as done:
                    outcome: Outcome = done.value
                    yield self._asker.verdict(request, outcome, answers)
            asking = still

    def _answers(self, asks: Sequence[tuple[Request, Ask]]) -> list[Answer]:
        found: list[Answer | None] = [None] * len(asks)
        pictures: dict[int, list[SentPicture]] = {}
        for i, (request, ask) in enumerate(asks):
            try:
                named = self._pictures.of(request.files, ask)
                pictures[i] = [named[name] for part in ask.sent for name in part.images]
                for picture in pictures[i]:
                    _ = picture.pixels
            except PictureError as error:
                found[i] = Answer(status="failed", reason=str(error))
                pictures.pop(i, None)
        for wants_form in (False, True):
            chosen = [i for i in pictures if (asks[i][1].form is not None) == wants_form]
            answer = self._model.filled_in if wants_form else self._model.chosen
            done = self._fitting(answer, [(asks[i][1], pictures[i]) for i in chosen])
            for i, given in zip(chosen, done, strict=True):
                found[i] = given
        return [a for a in found if a is not None]

    def _fitting(self, answer: Any, batch: Sequence[tuple[Ask, list[SentPicture]]]) -> list[Answer]:
        """Answer a batch; where it does not fit into memory or breaks, answer its halves."""
        import torch

        if not batch:
            return []
        started = time.monotonic()
        try:
            answers: list[Answer] = answer(batch)
        except InputError:
            raise
        except (
            RuntimeError,
            ValueError,
            IndexError,
            TypeError,
        ) as error:  # what models raise on what they cannot take
            if isinstance(error, torch.cuda.OutOfMemoryError):
                torch.cuda.empty_cache()
            if len(batch) == 1:
                return [Answer(status="failed", reason=f"{type(error).__name__}: {error}")]
            middle = len(batch) // 2
            return self._fitting(answer, batch[:middle]) + self._fitting(answer, batch[middle:])
        seconds = (time.monotonic() - started) / len(batch)
        return [replace(a, usage=replace(a.usage, seconds=seconds)) for a in answers]

    @cached_property
    def _model(self) -> LocalModel:
        options = self._options
        return LocalModel(
            self._name,
            local_checkpoint(self._name, "hf", revision=options.revision),
            device=pick_device(options.device),
            dtype=options.dtype,
            least_mass=options.least_mass,
            max_tokens=options.max_tokens,
        )


def make(spec: JudgeSpec, context: JudgeContext) -> HfJudge:
    """Return the judge `hf:CHECKPOINT`.

    >>> make(JudgeSpec(name="local", kind="hf", source="study.toml"), JudgeContext())
    Traceback (most recent call last):
        ...
    genspace.errors.InputError: study.toml: judge 'local': which checkpoint? Write hf:CHECKPOINT, a Hub name or a folder
    """
    return HfJudge(spec, context)
