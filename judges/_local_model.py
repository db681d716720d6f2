"""A local vision-language model: the probability of each choice from its logits, or a text it writes."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from genspace.checkpoints import load_model, load_pretrained
from genspace.errors import InputError
from genspace.judges.asking import (
    THOUGHT_MARKS,
    Answer,
    Ask,
    CutOffError,
    Kind,
    SentPicture,
    UnusableAnswerError,
    Usage,
    is_refusal,
    read_form,
    total,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A text that the model wrote."""

    text: str
    cut: bool
    """Whether it came to the limit of tokens before its end."""
    usage: Usage


class LocalModel:
    """A loaded image-text-to-text checkpoint. Errors: `InputError` for one that cannot be used."""

    def __init__(
        self, name: str, folder: Path, *, device: str, dtype: str, least_mass: float, max_tokens: int
    ) -> None:
        self._name = name
        self._least_mass = least_mass
        self._max_tokens = max_tokens
        self._processor = load_pretrained("AutoProcessor", folder)
        self._tokenizer: Any = getattr(self._processor, "tokenizer", None)
        if self._tokenizer is None or not (self._processor.chat_template or self._tokenizer.chat_template):
            raise InputError(
                f"checkpoint {name!r} has no chat template; use an instruction-tuned image-text-to-text model"
            )
        self._tokenizer.padding_side = "left"  # so that every row's next word comes at the end
        if self._tokenizer.pad_token is None:
            self._tokenizer.pad_token = self._tokenizer.eos_token
        self._model = load_model("AutoModelForImageTextToText", folder, device=device, dtype=dtype)
        ends = self._model.generation_config.eos_token_id
        self._ends = (
            ends if isinstance(ends, list) else [self._tokenizer.eos_token_id if ends is None else ends]
        )
        self._silent = [t for t in self._tokenizer.all_special_tokens if t.casefold() not in THOUGHT_MARKS]
        accepted = inspect.signature(self._model.forward).parameters
        self._only_last = {"logits_to_keep": 1} if "logits_to_keep" in accepted else {}
        self._markup = sorted(
            (t for t in {*self._tokenizer.all_special_tokens, *self._tokenizer.get_added_vocab()}
             if len(t) > 2 and not t.isalnum()),
            key=len, reverse=True,
        )  # fmt: skip

    def chosen(self, batch: Sequence[tuple[Ask, list[SentPicture]]]) -> list[Answer]:
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
            if whole <= 0 or whole < self._least_mass:
                reason = f"unusable answer: only {whole:.2%} of the probability lies on {' and '.join(ask.choices)}"
                answers.append(
                    Answer(status="abstained", kind="unusable", reason=reason, raw=raw, usage=usage)
                )
            else:
                probabilities = {choice: m / whole for choice, m in mass.items()}
                answers.append(Answer(probabilities=probabilities, source="logits", raw=raw, usage=usage))
        return answers

    def filled_in(self, batch: Sequence[tuple[Ask, list[SentPicture]]]) -> list[Answer]:
        """Return filled-in forms; an unusable text is asked for again once, with what is wrong with it."""
        written = [[text] for text in self._written([(ask, pictures, []) for ask, pictures in batch])]
        found = [_read(texts[0], ask) for texts, (ask, _) in zip(written, batch, strict=True)]
        again = [i for i, (_, problem) in enumerate(found) if problem]
        turns = [(*batch[i], [written[i][0].text, found[i][1]]) for i in again]
        for i, text in zip(again, self._written(turns) if again else [], strict=True):
            written[i].append(text)
            found[i] = _read(text, batch[i][0])
        return [
            replace(answer, raw=tuple(t.text for t in texts), usage=total([t.usage for t in texts]))
            for (answer, _), texts in zip(found, written, strict=True)
        ]

    def _written(self, batch: Sequence[tuple[Ask, list[SentPicture], list[str]]]) -> list[Written]:
        import torch

        inputs = self._inputs(batch)
        with torch.inference_mode():
            output = self._model.generate(
                **inputs,
                max_new_tokens=self._max_tokens,
                do_sample=False,
                pad_token_id=self._tokenizer.pad_token_id,
            )
        new = output[:, inputs["input_ids"].shape[1] :]
        ends = torch.tensor(self._ends, device=new.device)
        ended = torch.isin(new, ends).any(dim=1).tolist()
        lengths = (new != self._tokenizer.pad_token_id).sum(dim=1).tolist()
        return [
            Written(
                text=_without(text, self._silent),
                cut=not whole,
                usage=Usage(calls=1, input_tokens=input_tokens, output_tokens=output_tokens),
            )
            for text, whole, input_tokens, output_tokens in zip(
                self._tokenizer.batch_decode(new), ended, _lengths(inputs), lengths, strict=True
            )
        ]

    def _inputs(self, batch: Sequence[tuple[Ask, list[SentPicture], list[str]]]) -> Any:
        conversations = [
            conversation(ask, [self._harmless(t) for t in turns], clean=self._harmless)
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


def conversation(
    ask: Ask, turns: Sequence[str] = (), *, clean: Callable[[str], str] = str
) -> list[dict[str, Any]]:
    """Return chat messages; what else stands in a system message opens the user's, since not all models have one."""
    messages: list[dict[str, Any]] = []
    for part, answer in (*ask.solved, (ask, None)):
        text = f"{ask.system}\n\n{part.text}" if ask.system and not messages else part.text
        images = [{"type": "image", "image": image} for image in part.images]
        messages.append({"role": "user", "content": [*images, {"type": "text", "text": clean(text)}]})
        if answer is not None:
            messages.append({"role": "assistant", "content": [{"type": "text", "text": answer}]})
    if turns:
        said, problem = turns
        again = f"That answer cannot be used: {problem}. Answer again, only as asked."
        messages.append({"role": "assistant", "content": [{"type": "text", "text": said or "(nothing)"}]})
        messages.append({"role": "user", "content": [{"type": "text", "text": again}]})
    return messages


def _read(written: Written, ask: Ask) -> tuple[Answer, str]:
    """Return what was written as an answer, and what is wrong with it where asking again may help."""
    assert ask.form is not None
    try:
        return Answer(form=read_form(written.text, ask.form, cut=written.cut)), ""
    except CutOffError as error:
        return Answer(status="abstained", kind="cut-off", reason=f"the answer is cut off: {error}"), ""
    except UnusableAnswerError as error:
        kind: Kind = "refused" if is_refusal(written.text) else "unusable"
        reason = f"refused: {written.text}" if kind == "refused" else f"unusable answer: {error}"
        return Answer(status="abstained", kind=kind, reason=reason), str(error)


def _without(text: str, parts: Sequence[str]) -> str:
    for part in parts:
        text = text.replace(part, "")
    return text


def _lengths(inputs: Mapping[str, Any]) -> list[int]:
    lengths: list[int] = inputs["attention_mask"].sum(dim=1).tolist()
    return lengths
