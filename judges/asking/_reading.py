"""Reading a model's answer: strict about what counts, tolerant about how it is dressed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

__all__ = [
    "UnusableAnswerError",
    "choice_probabilities",
    "is_refusal",
    "named_choice",
    "read_choice",
    "read_form",
    "without_thoughts",
]

ENOUGH_MASS = 0.5
"""Share of the probability that must lie on the choices for their ratio to mean something."""
DRESSING = " \t\r\n\"'`*_#>:.,;!?()[]“”‘’▁ĠĊ"
"""What may surround a word or a token (▁, Ġ and Ċ are how tokenizers write spaces and line breaks)."""
LETTER = re.compile(r"\b(?:answer|choice|image|option|picture)\b\W*(?:is\W+)?\b([A-Z])\b", re.IGNORECASE)
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


def named_choice(word: str, choices: Sequence[str]) -> str | None:
    """Return the choice that a word is, whatever surrounds it and however it is spelled.

    Single letters are told apart by case, since "a" is a word.

    >>> named_choice(" **YES**", ["yes", "no"]), named_choice("a", ["A", "B"]), named_choice("Yesterday", ["yes", "no"])
    ('yes', None, None)
    """
    bare = word.strip(DRESSING)
    for choice in choices:
        if bare == choice or (len(choice) > 1 and bare.casefold() == choice.casefold()):
            return choice
    return None


def read_choice(text: str, choices: Sequence[str]) -> str:
    """Return which choice an answer names.

    A first word that is a choice decides; otherwise the only choice that occurs anywhere does. A single letter
    must stand alone or after a word such as "answer", since "A" also begins sentences.
    Errors: `UnusableAnswerError`.

    >>> read_choice("**Yes**, the cow is there.", ["yes", "no"])
    'yes'
    >>> read_choice('{"answer": "B"}', ["A", "B"])
    'B'
    """
    answer = without_thoughts(text)
    words = [w for w in re.split(r"[\s,.;:!?(){}\[\]]+", answer) if w.strip(DRESSING)]
    letters = any(len(choice) == 1 for choice in choices)
    if letters and len(words) > 1:
        words = LETTER.findall(answer)
    named = [choice for choice in (named_choice(word, choices) for word in words) if choice]
    if len(set(named)) == 1 or (named and not letters and named_choice(words[0], choices)):
        return named[0]
    found = "both" if named else "neither" if answer else "nothing"
    raise UnusableAnswerError(f"expected one word, {' or '.join(choices)}; found {found}")


def choice_probabilities(
    tokens: Sequence[Mapping[str, Any]], choices: Sequence[str]
) -> dict[str, float] | None:
    """Return each choice's probability, summed over spellings and made to sum to 1; None if there is no telling.

    `tokens` is `logprobs.content` of a chat completion: per generated token its `token`, `logprob` and
    `top_logprobs`. The first token that is more than dressing counts (after a closing </think>); where it is not
    about the choices ("The answer is yes"), the last token that is itself a choice does.

    >>> alternatives = [{"token": t, "logprob": math.log(p)} for t, p in [("Yes", 0.5), (" yes", 0.1), ("No", 0.2)]]
    >>> choice_probabilities([{"token": "Yes", "logprob": math.log(0.5), "top_logprobs": alternatives}], ["yes", "no"])
    {'yes': 0.75, 'no': 0.25}
    """
    ends = [i for i, t in enumerate(tokens) if "</think>" in str(t.get("token"))]
    start = ends[-1] + 1 if ends else 0
    spoken = [i for i in range(start, len(tokens)) if _word(tokens[i]).strip(DRESSING)]
    candidates = spoken[:1] + [i for i in reversed(spoken) if named_choice(_word(tokens[i]), choices)][:1]
    for i in candidates:
        mass = dict.fromkeys(choices, 0.0)
        for word, probability in _alternatives(tokens[i]).items():
            choice = named_choice(word, choices)
            if choice is not None:
                mass[choice] += probability
        whole = sum(mass.values())
        if whole >= ENOUGH_MASS:
            return {choice: round(p / whole, 12) for choice, p in mass.items()}
    return None


def _word(token: Mapping[str, Any]) -> str:
    return str(token.get("token") or "")


def _alternatives(token: Mapping[str, Any]) -> dict[str, float]:
    listed = [token, *(token.get("top_logprobs") or [])]
    return {
        _word(t): math.exp(min(0.0, float(t["logprob"])))
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
