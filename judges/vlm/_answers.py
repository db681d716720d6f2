"""Reading a model's answer: strict about what counts, tolerant about how it is dressed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

__all__ = ["UnusableAnswerError", "choice_probabilities", "is_refusal", "read_choice", "read_form"]

ENOUGH_MASS = 0.5
"""Share of the probability that must lie on the choices for their ratio to mean something."""
DRESSING = " \t\r\n\"'`*_#>:.,;!?()[]“”‘’▁ĠĊ"
"""What may surround a word or a token (▁, Ġ and Ċ are how tokenizers write spaces and line breaks)."""
REFUSAL = re.compile(
    r"^\W*(unfortunately,? i|as an ai|sorry|i apologi[sz]e|i['’]?m (really |very |so )?sorry"
    r"|i (can ?not|can['’]?t|am unable|won['’]?t)|i['’]?m unable)\b",
    re.IGNORECASE,
)


class UnusableAnswerError(Exception):
    """The answer is not what was asked for; the message is meant for the model."""


def without_thoughts(text: str) -> str:
    """Return what follows a model's thinking aloud.

    >>> without_thoughts("<think>no cow? no, there it is</think>yes")
    'yes'
    """
    return text.rpartition("</think>")[2].strip()


def is_refusal(text: str) -> bool:
    """Whether a text that holds no usable answer declines to give one.

    >>> is_refusal("I'm sorry, but I can't help with that."), is_refusal("The cow faces left.")
    (True, False)
    """
    return bool(REFUSAL.match(without_thoughts(text)))


def read_choice(text: str, choices: Sequence[str]) -> str:
    """Return which choice an answer names.

    A first word that is a choice decides; otherwise the only choice that occurs anywhere does.
    Errors: `UnusableAnswerError`.

    >>> read_choice("**Yes**, the cow is there.", ["yes", "no"])
    'yes'
    >>> read_choice('{"answer": "no"}', ["yes", "no"])
    'no'
    """
    words = [w.strip(DRESSING).casefold() for w in re.split(r"[\s,.;:!?(){}\[\]]+", without_thoughts(text))]
    words = [w for w in words if w]
    by_name = {choice.casefold(): choice for choice in choices}
    if words and words[0] in by_name:
        return by_name[words[0]]
    named = {by_name[w] for w in words if w in by_name}
    if len(named) == 1:
        return named.pop()
    expected = " or ".join(choices)
    found = "nothing" if not words else "both" if named else "neither"
    raise UnusableAnswerError(f"expected one word, {expected}; found {found}")


def choice_probabilities(
    tokens: Sequence[Mapping[str, Any]], choices: Sequence[str], *, enough: float = ENOUGH_MASS
) -> dict[str, float] | None:
    """Return each choice's probability, summed over spellings and made to sum to 1; None if there is no telling.

    `tokens` is `logprobs.content` of a chat completion: per generated token its `token`, `logprob` and
    `top_logprobs`. The first token that is more than dressing counts (after a closing </think>); where it is not
    about the choices ("The answer is yes"), the last token that is itself a choice does.

    >>> alternatives = [{"token": t, "logprob": math.log(p)} for t, p in [("Yes", 0.5), (" yes", 0.1), ("No", 0.2)]]
    >>> choice_probabilities([{"token": "Yes", "logprob": math.log(0.5), "top_logprobs": alternatives}], ["yes", "no"])
    {'yes': 0.75, 'no': 0.25}
    """
    names = {choice.casefold(): choice for choice in choices}
    bare = [_bare(t) for t in tokens]
    ends = [i for i, t in enumerate(tokens) if "</think>" in str(t.get("token"))]
    start = ends[-1] + 1 if ends else 0
    spoken = [i for i in range(start, len(tokens)) if bare[i]]
    candidates = spoken[:1] + [i for i in reversed(spoken) if bare[i] in names][:1]
    for i in candidates:
        mass = dict.fromkeys(choices, 0.0)
        for token, probability in _alternatives(tokens[i]).items():
            word = _bare({"token": token})
            if word in names:
                mass[names[word]] += probability
        whole = sum(mass.values())
        if whole >= enough:
            return {choice: round(p / whole, 12) for choice, p in mass.items()}
    return None


def _bare(token: Mapping[str, Any]) -> str:
    return str(token.get("token") or "").strip(DRESSING).casefold()


def _alternatives(token: Mapping[str, Any]) -> dict[str, float]:
    listed = [token, *(token.get("top_logprobs") or [])]
    return {
        str(t.get("token")): math.exp(min(0.0, float(t["logprob"])))
        for t in listed
        if isinstance(t.get("logprob"), int | float) and not math.isnan(t["logprob"])
    }


FormT = TypeVar("FormT", bound=BaseModel)


def read_form(text: str, form: type[FormT]) -> FormT:
    r"""Return the last JSON object in the text that is a filled-in form.

    Errors: `UnusableAnswerError`, saying what is wrong with the last object, or that there is none.

    >>> class Rating(BaseModel):
    ...     rating: int
    >>> read_form('Here you are:\n```json\n{"rating": 80}\n```', Rating)
    Rating(rating=80)
    """
    problem = "expected a JSON object; found none"
    for document in reversed(list(_json_objects(without_thoughts(text)))):
        try:
            return form.model_validate(document)
        except ValidationError as error:
            problem = "; ".join(
                f"{'.'.join(map(str, e['loc'])) or 'object'}: {e['msg']}" for e in error.errors()
            )
    raise UnusableAnswerError(problem)


def _json_objects(text: str) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder()
    position = text.find("{")
    while position >= 0:
        try:
            document, end = decoder.raw_decode(text, position)
        except ValueError:
            end = position + 1
        else:
            if isinstance(document, dict):
                yield document
        position = text.find("{", end)
