"""What a server sends back: a reply that can be read, or signs of an error, also inside an HTTP 200."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from genspace.judges.vlm._errors import Signs, rules, signs_of
from genspace.judges.vlm._prices import Charge
from genspace.judges.vlm._secrets import Redactor

LIMITS = {"length", "max_tokens", "max_output_tokens", "model_length"}
"""Finish reasons of an answer that came to the limit of tokens: OpenAI's, Anthropic's and Google's, Mistral's."""
THOUGHTS = ("reasoning_content", "reasoning", "thinking")
"""Where a message holds what was thought, apart from the answer."""


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The part of a chat completion that matters; also what the cache keeps."""

    text: str
    refusal: str | None = None
    declined: str | None = None
    """How the server answered that it will not answer."""
    cut: bool
    """Whether it came to the limit of tokens."""
    logprobs: list[dict[str, Any]]
    charge: Charge
    seconds: float

    @classmethod
    def withheld(cls, words: str, charge: Charge | None) -> Self:
        """Return what stands for an answer that the server withholds."""
        nothing = Charge(input_tokens=0, output_tokens=0)
        return cls(text="", declined=words, cut=False, logprobs=[], charge=charge or nothing, seconds=0.0)

    def to_json(self) -> str:
        """Return what the cache keeps."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        document = json.loads(text)
        return cls(**{**document, "charge": Charge(**document["charge"])})


def read_completion(document: Any, charge: Charge, *, seconds: float, redact: Redactor) -> Reply | Signs:
    """Return the first choice of a chat completion, or what shows that it holds no answer."""
    choices = document.get("choices") if isinstance(document, Mapping) else None
    if not isinstance(document, Mapping) or not (choices is None or isinstance(choices, list)):
        return Signs(status=200, finish="(no completion)")
    if not choices:
        failed = "error" in document or "choices" not in document
        words = signs_of(200, json.dumps(document), "error" if failed else "(no choices)")
        return words if "choices" in document or words.words else Signs(status=200, finish="(no completion)")
    choice = choices[0]
    if not isinstance(choice, Mapping):
        return Signs(status=200, finish="(no completion)")
    finish = str(choice.get("finish_reason") or "")
    if choice.get("error") or document.get("error"):
        return signs_of(200, json.dumps([document.get("error"), choice.get("error")]), "error")
    if any(rule.finish and rule.finish.fullmatch(finish) for rule in rules()):
        return signs_of(200, json.dumps(choice), finish)
    message = choice.get("message")
    if not isinstance(message, Mapping):
        return signs_of(200, json.dumps(choice), "(no message)" if message is None else "(no completion)")
    text = _text_of(message.get("content"))
    refusal = message.get("refusal") or None
    cut = finish.casefold() in LIMITS
    if text is None:
        if not (refusal or cut or any(message.get(name) for name in THOUGHTS)):
            return signs_of(200, json.dumps(choice), "(null content)")
        text = ""
    told = redact(text)
    return Reply(
        text=told,
        refusal=refusal and redact(str(refusal)),
        cut=cut,
        logprobs=_slim_logprobs(choice.get("logprobs")) if told == text else [],
        charge=charge,
        seconds=seconds,
    )


def first_text(document: Any) -> str:
    """Return the text of the first choice; "" where there is none."""
    try:
        return _text_of(document["choices"][0]["message"]["content"]) or ""
    except (LookupError, TypeError):
        return ""


def _text_of(content: Any) -> str | None:
    """Return the text of a message's content, which may come in parts."""
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, Mapping))
    return None if content is None else str(content)


def _slim_logprobs(logprobs: Any) -> list[dict[str, Any]]:
    """Return token, logprob and alternatives alone, which keeps the cache small; [] where they have another form."""
    tokens = (logprobs.get("content") if isinstance(logprobs, Mapping) else None) or []
    try:
        return [
            {
                "token": t["token"],
                "logprob": t["logprob"],
                "top_logprobs": [
                    {"token": a["token"], "logprob": a["logprob"]} for a in t.get("top_logprobs") or []
                ],
            }
            for t in tokens
        ]
    except (TypeError, KeyError, AttributeError):
        return []
