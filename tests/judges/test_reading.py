"""How answers are read: a corpus of answers as models write them, and what must never decide."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genspace.judges.asking import (
    THOUGHT_MARKS,
    CutOffError,
    UnusableAnswerError,
    choice_probabilities,
    is_refusal,
    read_choice,
    read_form,
)
from genspace.judges.asking._reading import THOUGHTS
from genspace.judges.asking.protocols.rating import Rating

CORPUS = tomllib.loads(Path(__file__).with_name("answers.toml").read_text(encoding="utf-8"))["answers"]
ANSWERS = [
    pytest.param(
        group.get("asked", "yes-no"),
        text,
        group.get("finish", "stop"),
        group["reads"],
        id=f"{group['group']}-{i}",
    )
    for group in CORPUS
    for i, text in enumerate(group["texts"])
]
CHOICES = {"yes-no": ("yes", "no"), "A-B": ("A", "B")}


def read(asked: str, text: str, *, cut: bool = False) -> Any:
    """Return what is read, or why nothing is."""
    try:
        if asked == "rating":
            return read_form(text, Rating, cut=cut).rating
        return read_choice(text, CHOICES[asked], cut=cut)
    except CutOffError:
        return "cut-off"
    except UnusableAnswerError:
        return "refused" if is_refusal(text) else "unusable"


@pytest.mark.parametrize(("asked", "text", "finish", "reads"), ANSWERS)
def test_answers_are_read_as_a_person_reads_them(asked: str, text: str, finish: str, reads: Any) -> None:
    assert read(asked, text, cut=finish == "length") == reads


def test_an_object_may_follow_a_bracket_at_once() -> None:
    assert read("rating", '{{"reason": "near", "rating": 4}') == 4


def test_the_corpus_is_large_and_says_nothing_twice() -> None:
    texts = [(group.get("asked"), group.get("finish"), text) for group in CORPUS for text in group["texts"]]
    assert len(texts) == len(set(texts)) >= 200


WORDS = st.lists(
    st.sampled_from(
        [
            "yes",
            "no",
            "Yes.",
            "No!",
            "A",
            "B",
            "answer: yes",
            "<answer>no</answer>",
            "cow",
            "\n",
            "so",
            "is",
            '{"rating": 5, "reason": ""}',
        ]
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=300)
@given(
    before=WORDS,
    inside=WORDS,
    mark=st.sampled_from([m for m, _ in THOUGHTS]),
    asked=st.sampled_from([*CHOICES, "rating"]),
)
def test_no_word_in_an_open_thought_decides(
    before: list[str], inside: list[str], mark: str, asked: str
) -> None:
    assert read(asked, " ".join([*before, mark, *inside])) == "cut-off"


@settings(deadline=None, max_examples=300)
@given(words=WORDS, asked=st.sampled_from([*CHOICES, "rating"]))
def test_no_word_of_an_answer_that_is_cut_off_decides(words: list[str], asked: str) -> None:
    assert read(asked, " ".join(words), cut=True) == "cut-off"


@settings(deadline=None, max_examples=200)
@given(inside=WORDS, marks=st.sampled_from(THOUGHTS), said=st.sampled_from(["yes", "no"]))
def test_no_word_in_a_closed_thought_counts(inside: list[str], marks: list[str], said: str) -> None:
    assert read("yes-no", f"{marks[0]}{' '.join(inside)}{marks[1]}{said}") == said


def test_marks_of_thoughts_are_written_in_small_letters() -> None:
    assert {mark.casefold() for mark in THOUGHT_MARKS} == THOUGHT_MARKS


# ---- where probabilities come from ----


def tokens(*words: str, **last: float) -> list[dict[str, Any]]:
    """Tokens of probability 1, and a last one with its alternatives."""
    import math

    alone = [{"token": w, "logprob": 0.0, "top_logprobs": [{"token": w, "logprob": 0.0}]} for w in words]
    tops = [{"token": w, "logprob": math.log(p)} for w, p in last.items()]
    return [*alone, {**tops[0], "top_logprobs": tops}]


@pytest.mark.parametrize(
    ("share", "tells"), [(0.5, False), (0.9, False), (0.985, False), (0.995, True), (1.0, True)]
)
def test_a_single_token_tells_only_where_it_has_nearly_all_of_the_probability(
    share: float, *, tells: bool
) -> None:
    """With p for yes and nothing else listed, no has between 0 and 1 - p: known to a hundredth from p = 0.99 on."""
    found = choice_probabilities(tokens(Yes=share), ("yes", "no"), "yes")
    assert (found == {"yes": 1.0, "no": 0.0}) if tells else (found is None)


def test_a_choice_below_the_listed_ones_has_at_most_the_least_of_them() -> None:
    # no has at most 0.004 of 0.954: under a hundredth.
    assert choice_probabilities(tokens(Yes=0.95, Yeah=0.004), ("yes", "no"), "yes") == {"yes": 1.0, "no": 0.0}
    # no could have 0.05 of 0.9: more than a hundredth.
    assert choice_probabilities(tokens(Yes=0.85, Yeah=0.05), ("yes", "no"), "yes") is None


def test_the_token_that_the_reading_names_is_weighed() -> None:
    """Not the "no" of "no doubt", nor the "yes" of a thought whose closing mark comes in pieces."""
    answer = tokens("There", " is", " no", " doubt", ".", " Answer", ":", yes=0.9, no=0.1)
    assert choice_probabilities(answer, ("yes", "no"), "yes") == {"yes": 0.9, "no": 0.1}
    thought = tokens("<th", "ink>", "yes", "</", "think", ">", no=0.7, yes=0.3)
    assert choice_probabilities(thought, ("yes", "no"), "no") == {"yes": 0.3, "no": 0.7}


def test_most_of_the_probability_must_lie_on_the_choices() -> None:
    with pytest.raises(UnusableAnswerError, match="nothing before it"):
        choice_probabilities(tokens(yes=0.2, no=0.1, The=0.7), ("yes", "no"), "yes")
