"""Every sentence about the best judge, the code that makes it, and that no other code does."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pandas as pd
import pytest

import genspace
from genspace.analysis.inference.words import Headline, HeadlineCode
from genspace.analysis.result import ComparisonDocument
from genspace.report._answer import conclude

SAID: dict[HeadlineCode, str] = {
    "ahead of all": "best agrees with people more than every other judge: Spearman",
    "highest": "best has the highest agreement with people: Spearman",
    "alone": "best agrees with people more than chance would: Spearman",
    "at chance": "No judge is shown to agree with people more than chance (0.0): the highest is best",
    "below chance": "Every judge disagrees with people: even the highest, best, lies below chance (0.0)",
    "too little": "No judge covers enough of the rated items, with an interval, to be called best: few",
    "no judge": "No judge has a figure to rank: see the reasons in the table.",
    "not stated": "The first by rank is best; this file does not say how sure that is.",
}
"""By code."""
BESIDE: dict[str, tuple[dict[str, object], str]] = {
    "ahead_of": ({"ahead_of": ("worst",)}, "It is ahead of worst for these generators ("),
    "all": (
        {"code": "ahead of all", "ahead_of": ("worst",)},
        "It is ahead of all of them for these generators (",
    ),
    "open": ({"open": ("worst",)}, "These data cannot tell it apart from worst ("),
    "uncorrected": (
        {"open_before_correction": ("worst",)},
        "Before that correction it would differ from worst: that is open, not a finding.",
    ),
    "behind": ({"behind": ("worst",)}, "Ahead of it on the items that both scored: worst."),
    "identical": ({"identical": ("worst",)}, "The same answers on every common item: worst."),
    "higher": ({"higher": ("worst",)}, "A higher figure that cannot be called best: worst ("),
    "elsewhere": ({"other_generators": "ahead of all"}, "That holds for other generators too ("),
    "elsewhere open": ({"other_generators": "open"}, "For other generators it is open ("),
}
"""What makes each sentence beside the first, and how it begins."""


@pytest.fixture(scope="module")
def document() -> ComparisonDocument:
    return made({"best": 0.3, "worst": 20.0})


def made(
    noise: dict[str, float], *, prompts: int = 20, sign: int = 1, generators: str = "wxyz"
) -> ComparisonDocument:
    """A comparison of judges whose scores are people's answers and so much noise."""
    rng = np.random.default_rng(0)
    n = 4 * prompts
    ids = [f"i{k}" for k in range(n)]
    value = rng.integers(1, 6, n)
    items = pd.DataFrame({"item_id": ids, "prompt_id": np.repeat(np.arange(prompts), 4).astype(str)})
    if generators:
        items["generator"] = [*generators] * (n // len(generators))
    scores = pd.concat(
        pd.DataFrame({"item_id": ids, "judge": name, "score": sign * value + size * rng.normal(size=n)})
        for name, size in noise.items()
    )
    said = pd.DataFrame({"item_id": ids, "rater_id": "u", "value": value})
    return genspace.compare(items=items, annotations=said, scores=scores, draws=0, permutations=0).document


@pytest.mark.parametrize("code", get_args(HeadlineCode))
def test_each_code_makes_its_sentence_and_no_other(code: HeadlineCode, document: ComparisonDocument) -> None:
    judge = None if code in ("too little", "no judge", "not stated") else "best"
    found = replace(
        document, headline=Headline(code=code, judge=judge, higher=("few",) if code == "too little" else ())
    )
    told = conclude(found).believe
    assert [c for c, sentence in SAID.items() if told.startswith(sentence)] == [code]


@pytest.mark.parametrize("which", BESIDE)
def test_each_condition_adds_its_sentence_and_no_other(which: str, document: ComparisonDocument) -> None:
    more, beginning = BESIDE[which]
    bare = Headline(code="highest", judge="best")
    assert conclude(replace(document, headline=bare)).sure == []
    told = conclude(replace(document, headline=replace(bare, **more))).sure
    assert told[-1].startswith(beginning)
    assert len(told) == 1


@pytest.mark.parametrize(
    ("code", "study"),
    [
        ("ahead of all", {"noise": {"best": 0.3, "worst": 20.0}}),
        ("highest", {"noise": {"best": 0.5, "worst": 0.5}}),
        ("alone", {"noise": {"best": 0.3}}),
        ("at chance", {"noise": {"best": 100.0, "worst": 100.0}}),
        ("below chance", {"noise": {"best": 0.3, "worst": 0.5}, "sign": -1}),
        ("too little", {"noise": {"best": 0.3}, "prompts": 1}),
    ],
)
def test_a_study_gets_the_code_that_is_true_of_it(code: HeadlineCode, study: dict[str, object]) -> None:
    assert made(**study).headline.code == code  # type: ignore[arg-type]


def test_nobody_with_scores_is_no_judge(document: ComparisonDocument) -> None:
    # A figure of exactly 1 has no interval: over few prompts it is not called best, over many it is.
    assert made({"best": 0.0}, prompts=10).headline.code == "too little"
    assert made({"best": 0.0, "worst": 20.0}, prompts=20).headline.code == "ahead of all"
    said = pd.DataFrame({"item_id": list("abcd"), "value": [1, 2, 3, 4]})
    constant = pd.DataFrame({"item_id": list("abcd"), "judge": "flat", "score": 1.0})
    items = pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq")})
    found = genspace.compare(items=items, annotations=said, scores=constant, draws=0).document
    assert found.headline == Headline(code="no judge")


def test_other_generators_are_spoken_of_only_from_five_on() -> None:
    assert made({"best": 0.3, "worst": 20.0}).headline.other_generators is None
    five = made({"best": 0.3, "worst": 20.0}, generators="vwxyz")
    assert five.headline.other_generators in {"ahead of all", "open"}
    assert made({"best": 0.3, "worst": 20.0}, generators="").headline.other_generators is None
