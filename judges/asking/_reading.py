r"""Read a model's answer: the content must be unambiguous, the formatting may vary. The rules: reading.toml.

An answer is read only when it is whole, and after its thoughts. A choice counts when it is the whole answer, stands
alone on the first line or leads it ("Yes, the cow …"), or is marked as the final answer ("Answer: yes", `<answer>`,
`\boxed{}`, JSON). A "no" that counts things ("no doubt"), a negation ("not yes") and two choices do not count.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from itertools import accumulate
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

RULES: Mapping[str, Mapping[str, Any]] = tomllib.loads(
    files("genspace.judges.asking").joinpath("reading.toml").read_text(encoding="utf-8")
)
ENOUGH_MASS = 0.5
"""Share of the probability that must lie on the choices for their ratio to mean something."""
UNCERTAINTY = 0.01
"""How far a probability may be off where the server did not list all choices."""
EMOJI_STYLE = "\ufe0f"
"""Follows an emoji, and counts as an accent."""
AROUND_WORDS = " \t\r\n\"'`*_#>:.,;!?()[]“”‘’▁ĠĊ"
"""What may surround a word in a token (▁, Ġ and Ċ are how tokenizers write spaces and line breaks)."""


class UnusableAnswerError(Exception):
    """The answer cannot be used. The message tells the model why."""


class CutOffError(Exception):
    """The answer was cut off. The message says how it ends."""


def _any(patterns: Sequence[str]) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


def _words(words: Sequence[str]) -> str:
    return rf"(?:{'|'.join(words)})\b"


THOUGHTS, WRAPPERS, BESIDE = RULES["thoughts"]["marks"], RULES["wrappers"], RULES["beside"]
THOUGHT_MARKS = frozenset(mark for pair in THOUGHTS for mark in pair)
"""What encloses thinking aloud, in small letters: a tokenizer must not drop it."""
OPENING = _any([re.escape(opening) for opening, _ in THOUGHTS])
CLOSING = _any([re.escape(closing) for _, closing in THOUGHTS])
TURN = _any(RULES["turns"]["marks"])
FENCE = re.compile(r"```\w*")
ANNOUNCED = _any(WRAPPERS["announcements"])
GUARDED = _any([rf"\b{_words(WRAPPERS['guards'])}", r"n['’]t\b"])
SENTENCE = re.compile(r"[.!?\n。！？]")
CLAUSE = re.compile(r"[.,;:!?()\n。，；：！？、—–]+|\s-\s")
FILLERS = _any([rf"(?:\W*\b{_words(BESIDE['fillers'])})+"])
CONTINUED = _any([rf"\W+{_words(BESIDE['continuations'])}"])
NOUN = _any([rf"(?:the )?{_words(BESIDE['nouns'])}\W*"])
PREFERRED = _any([rf"\W+{BESIDE['preferred']}"])
REFUSAL = _any([rf"\W*(?:{'|'.join(RULES['refusals']['begins'])})"])


def spoken(text: str, *, cut: bool = False) -> str:
    """Remove the model's reasoning from its answer and return the rest.

    Args:
        text: The model's text.
        cut: Whether the server says that the limit of tokens was reached.

    Errors: `CutOffError` where the text was cut off, does not end its reasoning, or is empty.

    >>> spoken("<think>no cow? no, there it is</think>yes")
    'yes'
    """
    if cut:
        raise CutOffError("it came to the limit of tokens")
    answer = CLOSING.split(text)[-1]
    if OPENING.search(answer):
        raise CutOffError("its thoughts do not end")
    answer = TURN.sub(" ", answer).strip()
    if not answer:
        raise CutOffError("nothing follows its thoughts" if text.strip() else "it is empty")
    return answer


def is_refusal(text: str) -> bool:
    """Whether a text without a usable answer is a refusal.

    >>> is_refusal("I'm sorry, but I can't help with that."), is_refusal("The cow faces left.")
    (True, False)
    """
    try:
        return bool(REFUSAL.match(spoken(text)))
    except CutOffError:
        return False


def read_choice(text: str, choices: Sequence[str], *, cut: bool = False) -> str:
    """Extract the chosen option from the answer text; `cut` as for `spoken`.

    Errors: `CutOffError`; `UnusableAnswerError` when it names none, or several.

    >>> read_choice("**Yes**, the cow is there.", ["yes", "no"])
    'yes'
    >>> read_choice("The cow faces left, so the wanted relation holds. Final answer: B", ["A", "B"])
    'B'
    >>> read_choice("There is no doubt that it does.", ["yes", "no"])
    Traceback (most recent call last):
    ...
    genspace.judges.asking._reading.UnusableAnswerError: expected one word, yes or no; found neither
    """
    answer = FENCE.sub("", spoken(text, cut=cut))
    marked = [_plainly(part, choices) for part in _marked(answer)]
    found = set().union(*marked) or _plainly(answer, choices)
    if len(found) == 1:
        return found.pop()
    raise UnusableAnswerError(
        f"expected one word, {' or '.join(choices)}; found {'both' if found else 'neither'}"
    )


def _marked(answer: str) -> Iterator[str]:
    """Yield each text that is marked as the final answer."""
    for opening, closing in WRAPPERS["marks"]:
        for part in re.split(re.escape(opening), answer, flags=re.IGNORECASE)[1:]:
            yield re.split(re.escape(closing), part, flags=re.IGNORECASE)[0]
    for document in _json_objects(answer):
        for key in WRAPPERS["keys"]:
            value = document.get(key)
            if isinstance(value, bool | str):
                yield value if isinstance(value, str) else "yes" if value else "no"
    for match in ANNOUNCED.finditer(answer):
        if not GUARDED.search(SENTENCE.split(answer[: match.start()])[-1]):
            yield answer[match.end() :].lstrip(" \t\r\n*_:=：\"'“").partition("\n")[0]


def _plainly(text: str, choices: Sequence[str]) -> set[str]:
    """Return the option at the start of a text, and every other option in it that contradicts it."""
    lines = [line for line in text.splitlines() if _bare(line)]
    alone = _named(lines[0], choices) if lines else None
    if alone:
        return {alone} | {c for line in lines if (c := _named(line, choices))}
    clauses = [clause for clause in CLAUSE.split(text) if _bare(clause)]
    leading = _leading(_bare(clauses[0]), choices) if clauses else None
    if leading is None:
        return set()
    return {leading} | {c for clause in clauses[1:] if (c := _named(FILLERS.sub("", clause, 1), choices))}


def _leading(clause: str, choices: Sequence[str]) -> str | None:
    """Return the option that a clause consists of, or that it says is true or better."""
    first = _bare(re.split(r"\s", NOUN.sub("", clause, count=1), maxsplit=1)[0])
    named = _named(first, choices)
    if named is None or _named(clause, choices):
        return _named(clause, choices)
    rest = clause[clause.index(first) + len(first) :]
    if any(_named(word, choices) not in {None, named} for word in rest.split()):
        return None
    said = PREFERRED if len(named) == 1 else CONTINUED
    return named if said.match(rest) else None


def _named(text: str, choices: Sequence[str]) -> str | None:
    """Return the option that a text consists of, punctuation aside; single letters must match in case."""
    bare = _bare(text)
    for choice in choices:
        if len(choice) == 1:
            if _bare(NOUN.sub("", bare, count=1)) == choice:
                return choice
        elif bare.casefold() in {choice.casefold(), *RULES["words"].get(choice, ())}:
            return choice
    return None


def _bare(text: str) -> str:
    """Strip everything before the first and after the last letter or digit."""
    kept = [i for i, c in enumerate(text) if unicodedata.category(c)[0] in "LMN" and c != EMOJI_STYLE]
    return text[kept[0] : kept[-1] + 1] if kept else ""


def choice_probabilities(
    tokens: Sequence[Mapping[str, Any]], choices: Sequence[str], said: str
) -> dict[str, float] | None:
    """Return each option's probability, summed over spellings and scaled to sum to 1; None if it is unknown.

    Args:
        tokens: `logprobs.content` of a chat completion: per token its `token`, `logprob` and `top_logprobs`.
        choices: What was asked for.
        said: The choice that the answer names. The first token after its thoughts counts if it is that choice, else
            the last one that is.

    There is no telling when a choice is missing among the alternatives and could have more than a hundredth.
    Errors: `UnusableAnswerError` when most of the probability lies elsewhere.

    >>> alternatives = [{"token": t, "logprob": math.log(p)} for t, p in [("Yes", 0.5), (" yes", 0.1), ("No", 0.2)]]
    >>> answer = [{"token": "Yes", "logprob": math.log(0.5), "top_logprobs": alternatives}]
    >>> choice_probabilities(answer, ["yes", "no"], "yes")
    {'yes': 0.75, 'no': 0.25}
    >>> choice_probabilities([{"token": "Yes", "logprob": math.log(0.9)}], ["yes", "no"], "yes") is None
    True
    """
    texts = [str(t.get("token") or "") for t in tokens]
    thought = max((m.end() for m in CLOSING.finditer("".join(texts))), default=0)
    starts = [0, *accumulate(map(len, texts))]
    heard = [i for i, t in enumerate(texts) if starts[i] >= thought and t.strip(AROUND_WORDS)]
    naming = [i for i in heard if _named(texts[i].strip(AROUND_WORDS), choices) == said]
    if not naming:
        return None
    listed = _listed(tokens[heard[0] if heard[0] == naming[0] else naming[-1]])
    mass = dict.fromkeys(choices, 0.0)
    for word, probability in listed.items():
        choice = _named(word.strip(AROUND_WORDS), choices)
        if choice is not None:
            mass[choice] += probability
    whole = sum(mass.values())
    unlisted = min([*listed.values(), max(0.0, 1 - sum(listed.values()))])
    if not listed or (0.0 in mass.values() and unlisted > UNCERTAINTY * (whole + unlisted)):
        return None
    if whole < ENOUGH_MASS:
        raise UnusableAnswerError(f"expected one word, {' or '.join(choices)}, and nothing before it")
    return {choice: round(p / whole, 12) for choice, p in mass.items()}


def _listed(token: Mapping[str, Any]) -> dict[str, float]:
    """Return the probabilities of a token and of the alternatives that the server lists."""
    return {
        str(t.get("token") or ""): math.exp(min(0.0, float(t["logprob"])))
        for t in [token, *(token.get("top_logprobs") or [])]
        if isinstance(t.get("logprob"), int | float) and not math.isnan(t["logprob"])
    }


FormT = TypeVar("FormT", bound=BaseModel)


def read_form(text: str, form: type[FormT], *, cut: bool = False) -> FormT:
    r"""Extract the last JSON object that fits the form from the answer text; `cut` as for `spoken`.

    Errors: `CutOffError`; `UnusableAnswerError`, saying what is wrong with the last object, or that there is none.

    >>> class Rating(BaseModel):
    ...     rating: int
    >>> read_form('Here you are:\n```json\n{"rating": 80}\n```', Rating)
    Rating(rating=80)
    """
    problem = "expected a JSON object; found none"
    for document in reversed(list(_json_objects(spoken(text, cut=cut)))):
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
