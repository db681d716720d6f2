"""Judge `hf`: a local vision-language model; P(yes) comes straight from its logits.

Asks what the endpoint judge asks (`genspace.judges.vlm`), in batches, on a GPU where there is one. VQAScore
(Lin et al., 2024) is its protocol `vqascore`.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from genspace.errors import InputError, optional_import
from genspace.judges._protocol import JudgeContext, JudgeSpec, Preview, parse_options
from genspace.judges.prompts import Wordings
from genspace.judges.vlm._answers import UnusableAnswerError, is_refusal, read_form
from genspace.judges.vlm._asks import Answer, Ask, Outcome, Usage
from genspace.judges.vlm._images import Picture, PictureError, Pictures
from genspace.judges.vlm._judge import Asker
from genspace.judges.vlm._options import AskOptions
from genspace.judges.vlm._prices import text_tokens
from genspace.records import Request, Verdict, fingerprint

if TYPE_CHECKING:
    import torch

    from genspace.judges.vlm._protocols import Steps

__all__ = ["HfJudge", "HfOptions", "checkpoint_digest", "load_checkpoint", "make"]

HASHED_BYTES = 1 << 20
"""Of each weights file in a folder so many bytes at either end are hashed; retrained weights differ there."""


class HfOptions(AskOptions):
    """Options of `hf:CHECKPOINT`, a name on the Hugging Face Hub or a folder."""

    revision: str | None = None
    """Branch, tag or commit on the Hub."""
    device: str = "auto"
    """ "auto" (CUDA, else Apple's MPS, else CPU), or a torch device such as "cuda:1"."""
    dtype: str = "auto"
    """ "auto" (the checkpoint's), "bfloat16", "float16" or "float32"."""
    batch_size: int = Field(8, ge=1)
    """Items judged together; halved as often as the memory demands."""
    least_mass: float = Field(0.01, ge=0, le=1)
    """Abstain where less of the probability than this lies on the choices: the model says something else."""
    max_tokens: int = Field(256, ge=1)
    """Longest rating."""


def pick_device(name: str) -> torch.device:
    """Return the device: the named one, else the best there is."""
    import torch

    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def load_checkpoint(auto_class: str, name: str, *, revision: str | None, **options: Any) -> Any:
    """Return `transformers.AUTO_CLASS.from_pretrained(name)`, never running code from the checkpoint.

    Errors: `InputError` for a checkpoint that is neither a folder nor to be had, `MissingExtraError`.
    """
    transformers = optional_import("transformers", extra="models", needed_for=f"checkpoint {name!r}")
    optional_import("torch", extra="models", needed_for=f"checkpoint {name!r}")
    transformers.utils.logging.disable_progress_bar()
    try:
        return getattr(transformers, auto_class).from_pretrained(name, revision=revision, **options)
    except (OSError, ValueError) as error:
        said = " ".join(str(error).split())[:300]
        raise InputError(
            f"checkpoint {name!r} cannot be loaded: {said}. On a machine without network, "
            f"fetch it beforehand with: hf download {name}"
        ) from None


def checkpoint_digest(name: str, revision: str | None) -> str:
    """Return what identifies a checkpoint's content: a folder's digest, or the commit on the Hub if it is known."""
    folder = Path(name)
    if folder.is_dir():
        digest = hashlib.sha256()
        for path in sorted(p for p in folder.iterdir() if p.is_file()):
            size = path.stat().st_size
            digest.update(f"{path.name}:{size}\n".encode())
            with path.open("rb") as file:
                digest.update(file.read(HASHED_BYTES))
                file.seek(max(0, size - HASHED_BYTES))
                digest.update(file.read())
        return digest.hexdigest()
    hub = optional_import("huggingface_hub", extra="models", needed_for=f"checkpoint {name!r}")
    cached = hub.try_to_load_from_cache(name, "config.json", revision=revision)
    return Path(cached).parent.name if isinstance(cached, str) else f"{revision or 'main'}, commit unknown"


class HfJudge:
    """Asks a local model; nothing it computes is random, so repeats say the same."""

    def __init__(self, spec: JudgeSpec, context: JudgeContext) -> None:
        where = f"{spec.source}: judge {spec.name!r}"
        if not spec.model:
            raise InputError(f"{where}: which checkpoint? Write hf:CHECKPOINT, a Hub name or a folder")
        self._options = parse_options(HfOptions, spec)
        self._name = spec.model
        optional_import("transformers", extra="models", needed_for=f"{where} (hf)")
        root = context.study.root if context.study else None
        wordings = Wordings.load(self._options.protocol, self._options.template, root=root, where=where)
        self._asker = Asker(self._options, wordings)
        self._pictures = Pictures(self._options.image_size)

    @property
    def pairwise(self) -> bool:
        """Whether it judges pairs of items."""
        return self._asker.pairwise

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the checkpoint's content, options and wording; not of device and batch size."""
        return fingerprint(
            {
                "kind": "hf",
                "checkpoint": checkpoint_digest(self._name, self._options.revision),
                "dtype": self._options.dtype,
                "least_mass": self._options.least_mass,
                **self._asker.parts(),
            }
        )

    def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
        """Yield verdicts batch by batch. Errors: `InputError` for a checkpoint that cannot be used."""
        iterator = iter(requests)
        while batch := list(islice(iterator, self._options.batch_size)):
            yield from self._judged(batch)

    def preview(self, request: Request) -> Preview:
        """Return every question as it is put to the model."""
        problem = self._asker.cannot_judge(request)
        if problem is not None:
            return Preview(text=f"nothing would be asked: {problem.reason}", cost_usd=0.0)
        asks = self._asker.imagined(request)
        shown = [json.dumps(_conversation(ask, ask.images), ensure_ascii=False, indent=2) for ask in asks]
        return Preview(
            text=f"{self._name}\n" + "\n\n".join(shown),
            calls=len(asks),
            tokens=sum(text_tokens(ask.system + ask.text) for ask in asks),
            cost_usd=0.0,
        )

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
            asking.append((request, steps, next(steps), []))
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
        pictures: dict[int, list[Picture]] = {}
        for i, (request, ask) in enumerate(asks):
            try:
                named = self._pictures.read(request.files, ask.images)
                pictures[i] = [named[name] for name in ask.images]
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

    def _fitting(self, answer: Any, batch: Sequence[tuple[Ask, list[Picture]]]) -> list[Answer]:
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
    def _model(self) -> _Model:
        return _Model(self._name, self._options)


class _Model:
    """A loaded checkpoint."""

    def __init__(self, name: str, options: HfOptions) -> None:
        import torch

        self._name = name
        self._options = options
        self._processor = load_checkpoint("AutoProcessor", name, revision=options.revision)
        self._tokenizer: Any = getattr(self._processor, "tokenizer", None)
        if self._tokenizer is None or not (self._processor.chat_template or self._tokenizer.chat_template):
            raise InputError(
                f"checkpoint {name!r} has no chat template; use an instruction-tuned image-text-to-text model"
            )
        self._tokenizer.padding_side = "left"  # so that every row's next word comes at the end
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        dtype = options.dtype if options.dtype == "auto" else getattr(torch, options.dtype, None)
        if dtype is None:
            raise InputError(
                f"checkpoint {name!r}: dtype = {options.dtype!r}: expected bfloat16, float16 or float32"
            )
        model = load_checkpoint("AutoModelForImageTextToText", name, revision=options.revision, dtype=dtype)
        self._model = model.eval().to(pick_device(options.device))
        accepted = inspect.signature(self._model.forward).parameters
        self._only_last = {"logits_to_keep": 1} if "logits_to_keep" in accepted else {}
        self._markup = sorted(
            (t for t in {*self._tokenizer.all_special_tokens, *self._tokenizer.get_added_vocab()}
             if len(t) > 2 and not t.isalnum()),
            key=len, reverse=True,
        )  # fmt: skip

    def chosen(self, batch: Sequence[tuple[Ask, list[Picture]]]) -> list[Answer]:
        """Return the probability of each choice as the next word, summed over spellings."""
        import torch

        inputs = self._inputs([(ask, pictures, []) for ask, pictures in batch])
        with torch.inference_mode():
            logits = self._model(**inputs, **self._only_last).logits[:, -1].double()
        shares = torch.softmax(logits, dim=-1).cpu()
        answers = []
        for row, (ask, _), length in zip(shares, batch, _lengths(inputs), strict=True):
            ids = self._spellings(ask.choices)
            mass = {choice: float(row[list(ids[choice])].sum()) for choice in ask.choices}
            whole = sum(mass.values())
            usage = Usage(calls=1, input_tokens=length, output_tokens=1)
            raw = (json.dumps({choice: round(m, 6) for choice, m in mass.items()}),)
            if whole <= 0 or whole < self._options.least_mass:
                reason = f"unusable answer: only {whole:.2%} of the probability lies on {' and '.join(ask.choices)}"
                answers.append(Answer(status="abstained", reason=reason, raw=raw, usage=usage))
            else:
                probabilities = {choice: m / whole for choice, m in mass.items()}
                answers.append(Answer(probabilities=probabilities, source="logits", raw=raw, usage=usage))
        return answers

    def filled_in(self, batch: Sequence[tuple[Ask, list[Picture]]]) -> list[Answer]:
        """Return filled-in forms; an unusable text is asked for again once, with what is wrong with it."""
        first, usages = self._written([(ask, pictures, []) for ask, pictures in batch])
        found = [_read(text, ask) for text, (ask, _) in zip(first, batch, strict=True)]
        again = [i for i, (form, _) in enumerate(found) if form is None]
        turns = [(*batch[i], [first[i], found[i][1]]) for i in again]
        second, more = self._written(turns) if again else ([], [])
        raws = [(text,) for text in first]
        answers = []
        for i, text, usage in zip(again, second, more, strict=True):
            found[i] = _read(text, batch[i][0])
            raws[i] = (first[i], text)  # type: ignore[assignment]  # one text or two
            usages[i] += usage
        for (form, problem), raw, usage in zip(found, raws, usages, strict=True):
            if form is not None:
                answers.append(Answer(form=form, raw=raw, usage=usage))
            else:
                reason = f"refused: {raw[-1]}" if is_refusal(raw[-1]) else f"unusable answer: {problem}"
                answers.append(Answer(status="abstained", reason=reason, raw=raw, usage=usage))
        return answers

    def _written(
        self, batch: Sequence[tuple[Ask, list[Picture], list[str]]]
    ) -> tuple[list[str], list[Usage]]:
        import torch

        inputs = self._inputs(batch)
        with torch.inference_mode():
            output = self._model.generate(
                **inputs,
                max_new_tokens=self._options.max_tokens,
                do_sample=False,
                pad_token_id=self._tokenizer.pad_token_id,
            )
        new = output[:, inputs["input_ids"].shape[1] :]
        texts: list[str] = self._tokenizer.batch_decode(new, skip_special_tokens=True)
        written = (new != self._tokenizer.pad_token_id).sum(dim=1).tolist()
        lengths = _lengths(inputs)
        return texts, [
            Usage(calls=1, input_tokens=i, output_tokens=o) for i, o in zip(lengths, written, strict=True)
        ]

    def _inputs(self, batch: Sequence[tuple[Ask, list[Picture], list[str]]]) -> Any:
        conversations = [
            _conversation(
                replace(ask, text=self._harmless(ask.text)), ask.images, [self._harmless(t) for t in turns]
            )
            for ask, _, turns in batch
        ]
        texts = self._processor.apply_chat_template(conversations, add_generation_prompt=True, tokenize=False)
        bos = self._tokenizer.bos_token
        inputs = self._processor(
            text=texts,
            images=[[picture.pixels for picture in pictures] for _, pictures, _ in batch],
            padding=True,
            return_tensors="pt",
            add_special_tokens=not (bos and texts[0].startswith(bos)),  # templates that begin with it have it
        )
        return inputs.to(self._model.device, dtype=self._model.dtype)

    def _harmless(self, text: str) -> str:
        """Return text in which nothing is taken for the checkpoint's control tokens (`<image>`, `[INST]`)."""
        for token in self._markup:
            text = text.replace(token, f"{token[0]} {token[1:]}")
        return text

    def _spellings(self, choices: Sequence[str]) -> Mapping[str, set[int]]:
        """Return the tokens with which each choice can begin: whole words if there are any, else first parts."""
        ids: dict[str, set[int]] = {}
        for choice in choices:
            words = (
                {choice}
                if len(choice) == 1
                else {choice, choice.lower(), choice.capitalize(), choice.upper()}
            )
            pieces = [
                self._tokenizer.encode(form, add_special_tokens=False) for w in words for form in (w, f" {w}")
            ]
            ids[choice] = {p[0] for p in pieces if len(p) == 1} or {p[0] for p in pieces if p}
        shared = set.intersection(*ids.values())
        if shared:
            ids = {choice: own - shared for choice, own in ids.items()}
        if not all(ids.values()):
            raise InputError(
                f"checkpoint {self._name!r} writes {' and '.join(choices)} with the same first token"
            )
        return ids


def _conversation(ask: Ask, images: Sequence[Any], turns: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return chat messages; what else stands in a system message opens the user's, since not all models have one."""
    text = f"{ask.system}\n\n{ask.text}" if ask.system else ask.text
    content = [{"type": "image", "image": image} for image in images] + [{"type": "text", "text": text}]
    messages: list[dict[str, Any]] = [{"role": "user", "content": content}]
    if turns:
        said, problem = turns
        again = f"That answer cannot be used: {problem}. Answer again, only as asked."
        messages.append({"role": "assistant", "content": [{"type": "text", "text": said or "(nothing)"}]})
        messages.append({"role": "user", "content": [{"type": "text", "text": again}]})
    return messages


def _read(text: str, ask: Ask) -> tuple[Any, str]:
    assert ask.form is not None
    try:
        return read_form(text, ask.form), ""
    except UnusableAnswerError as error:
        return None, str(error)


def _lengths(inputs: Mapping[str, Any]) -> list[int]:
    lengths: list[int] = inputs["attention_mask"].sum(dim=1).tolist()
    return lengths


def make(spec: JudgeSpec, context: JudgeContext) -> HfJudge:
    """Return the judge `hf:CHECKPOINT`."""
    return HfJudge(spec, context)
