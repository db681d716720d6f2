"""Judges `clip` and `siglip`: similarity of image and text, the baseline that every study should show.

CLIPScore (Hessel et al., 2021, section 3) is 2.5 max(cos, 0); the score here is max(cos, 0), which orders images
alike and stays within [0, 1]. SigLIP (Zhai et al., 2023) gives the probability that image and text belong together.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from importlib.util import find_spec
from itertools import chain, islice
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from genspace.checkpoints import checkpoint_digest, load_model, load_pretrained, local_checkpoint, pick_device
from genspace.errors import InputError, optional_import
from genspace.geometry.predicates import Untold
from genspace.judges._protocol import JudgeContext, JudgeSpec, Preview, parse_options
from genspace.judges.asking import PictureError, Pictures, SentPicture, text_tokens
from genspace.judges.prompts import caption_of
from genspace.records import Item, Request, Verdict, fingerprint

__all__ = ["ClipJudge", "ClipOptions", "make"]

LONGEST_IMAGE = 2048
"""Far above what these models look at; keeps a batch of huge images out of memory."""


class ClipOptions(BaseModel):
    """Options of `clip:CHECKPOINT` and `siglip:CHECKPOINT`, a name on the Hugging Face Hub or a folder.

    >>> ClipOptions(text="predicate").batch_size
    32
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    revision: str | None = None
    """Branch, tag or commit on the Hub."""
    device: str = "auto"
    """ "auto" (CUDA, else Apple's MPS, else CPU), or a torch device such as "cuda:1"."""
    batch_size: int = Field(32, ge=1)
    text: Literal["prompt", "predicate"] = "prompt"
    """Which text the image is compared with: the prompt, or what the predicate says. Edits have only the latter,
    since an instruction is not a caption."""


class ClipJudge:
    """Compares each image with its prompt; gives a score and no decision, since no threshold is known.

    >>> ClipJudge(JudgeSpec(name="sim", kind="clip", source="study.toml"), JudgeContext())
    Traceback (most recent call last):
        ...
    genspace.errors.InputError: study.toml: judge 'sim': which checkpoint? Write clip:CHECKPOINT, a Hub name or a folder
    """

    def __init__(self, spec: JudgeSpec, context: JudgeContext) -> None:
        del context  # it neither asks, nor spends, nor draws at random
        where = f"{spec.source}: judge {spec.name!r}"
        if not spec.model:
            raise InputError(
                f"{where}: which checkpoint? Write {spec.kind}:CHECKPOINT, a Hub name or a folder"
            )
        self._options = parse_options(ClipOptions, spec)
        self._name = spec.model
        self._kind = spec.kind
        optional_import("transformers", extra="models", needed_for=f"{where} ({spec.kind})")
        self._pictures = Pictures(LONGEST_IMAGE)

    @cached_property
    def fingerprint(self) -> str:
        """Digest of the checkpoint's content and of the text it is compared with."""
        return fingerprint(
            {
                "kind": self._kind,
                "version": 1,
                "checkpoint": checkpoint_digest(self._name, revision=self._options.revision),
                "images_by": "torchvision" if find_spec("torchvision") else "pillow",
                "text": self._options.text,
            }
        )

    def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
        """Yield scores batch by batch. Errors: `InputError` for a checkpoint that cannot be used."""
        iterator = iter(requests)
        for first in islice(iterator, 1):
            _ = self._loaded
            iterator = chain([first], iterator)
        while batch := list(islice(iterator, self._options.batch_size)):
            ready: list[tuple[Request, SentPicture, str]] = []
            for request in batch:
                prepared = self._prepared(request)
                if isinstance(prepared, Verdict):
                    yield prepared
                else:
                    ready.append((request, *prepared))
            if ready:
                yield from self._scored(ready)

    def preview(self, request: Request) -> Preview:
        """Return the text that the image is compared with."""
        text = self._text(request.item)
        if text is None:
            return Preview.free("nothing would be compared: no text")
        return Preview.free(
            f"{self._name}: {request.item.image} with {text!r}", calls=1, tokens=text_tokens(text)
        )

    def _text(self, item: Item) -> str | None:
        if self._options.text == "prompt" and item.image_before is None:
            return item.prompt
        return caption_of(item)

    def _prepared(self, request: Request) -> tuple[SentPicture, str] | Verdict:
        if request.other is not None:
            raise InputError(f"{self._kind} judges one item at a time, not pairs")
        item = request.item
        try:
            text = self._text(item)
        except Untold as reason:
            return Verdict.abstained(request, str(reason))
        except InputError as error:
            return Verdict.failed(request, str(error))
        if text is None:
            return Verdict.abstained(
                request, "no text to compare with: no prompt, and no predicate with known words"
            )
        if item.image is None:
            return Verdict.failed(request, f"item {item.item_id!r} has no image")
        try:
            picture = self._pictures.read(request.files, [item.image])[item.image]
            _ = picture.size
        except PictureError as error:
            return Verdict.failed(request, str(error))
        return picture, text

    def _scored(self, ready: Sequence[tuple[Request, SentPicture, str]]) -> Iterator[Verdict]:
        import torch

        started = time.monotonic()
        loaded: list[tuple[Request, Any, str]] = []
        for request, picture, text in ready:
            try:
                loaded.append((request, picture.pixels, text))
            except PictureError as error:
                yield Verdict.failed(request, str(error))
        if not loaded:
            return
        processor, model = self._loaded
        padding = "max_length" if self._kind == "siglip" else True  # SigLIP was trained on full-length texts
        texts = [text for _, _, text in loaded]
        inputs = processor(
            text=texts,
            images=[image for _, image, _ in loaded],
            padding=padding,
            truncation=True,
            return_tensors="pt",
        ).to(model.device)
        with torch.inference_mode():
            output = model(**inputs)
            image, words = output.image_embeds.double(), output.text_embeds.double()
            cosine = torch.nn.functional.cosine_similarity(image, words, dim=-1).cpu()
        longest = int(getattr(processor.tokenizer, "model_max_length", 0))
        seconds = round((time.monotonic() - started) / len(loaded), 4)
        for (request, _, text), value in zip(loaded, cosine.tolist(), strict=True):
            cut = len(processor.tokenizer(text)["input_ids"]) > longest
            details = {"cosine": value} | ({"text_cut_at_tokens": longest} if cut else {})
            score = max(value, 0.0) if self._kind == "clip" else _sigmoid(model, value)
            yield Verdict.decided(
                request, score=min(score, 1.0), seconds=seconds, cost_usd=0.0, details=details
            )

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        folder = local_checkpoint(self._name, self._kind, revision=self._options.revision)
        processor = load_pretrained("AutoProcessor", folder)
        model = load_model("AutoModel", folder, device=pick_device(self._options.device), dtype="auto")
        if not hasattr(model, "logit_scale") or (self._kind == "siglip") != hasattr(model, "logit_bias"):
            raise InputError(f"checkpoint {self._name!r} is not a {self._kind} model")
        return processor, model


def _sigmoid(model: Any, cosine: float) -> float:
    """Return SigLIP's probability; in double precision, so that unlikely pairs keep their order."""
    logit = cosine * math.exp(float(model.logit_scale)) + float(model.logit_bias)
    return 1 / (1 + math.exp(-logit))


def make(spec: JudgeSpec, context: JudgeContext) -> ClipJudge:
    """Return the judge `clip:CHECKPOINT` or `siglip:CHECKPOINT`.

    >>> make(JudgeSpec(name="sim", kind="clip", source="study.toml"), JudgeContext())
    Traceback (most recent call last):
        ...
    genspace.errors.InputError: study.toml: judge 'sim': which checkpoint? Write clip:CHECKPOINT, a Hub name or a folder
    """
    return ClipJudge(spec, context)
