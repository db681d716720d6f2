"""Every sentence about the best judge, about people and of a validation: what makes it, and that nothing else does."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import numpy as np
import pandas as pd
import pytest

import genspace
from genspace.analysis import Estimate
from genspace.analysis.alternative_annotator import AlternativeAnnotatorTest
from genspace.analysis.inference.comparisons import OtherGenerators
from genspace.analysis.inference.words import Headline, HeadlineCode
from genspace.analysis.reasons import Reason
from genspace.analysis.result import Claim, ComparisonDocument, ValidationCell, ValidationDocument
from genspace.report import validation_sentences
from genspace.report._answer import conclude
from genspace.report._sentences import _widest, people_sentences

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
    "identical": ({"identical": ("worst",)}, "The same answers on every common item: worst (coverage 100%)."),
    "higher": ({"higher": ("worst",)}, "A higher figure that cannot be called best: worst ("),
    "elsewhere": ({"other_generators": "ahead of all"}, "That holds for other generators too ("),
    "elsewhere open": ({"other_generators": "open"}, "For other generators it is open ("),
}
"""What makes each sentence beside the first, and how it begins."""


@pytest.fixture(scope="module")
def document() -> ComparisonDocument:
    return made({"best": 0.3, "worst": 20.0})


def frames(
    noise: dict[str, float], *, prompts: int = 20, sign: int = 1, generators: str = "wxyz"
) -> dict[str, pd.DataFrame]:
    """Judges whose scores are people's answers and so much noise."""
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
    annotations = pd.DataFrame({"item_id": ids, "rater_id": "u", "value": value})
    return {"items": items, "annotations": annotations, "scores": scores}


def made(noise: dict[str, float], **how: object) -> ComparisonDocument:
    return genspace.compare(**frames(noise, **how), draws=0, permutations=0).document  # type: ignore[arg-type]


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


@pytest.mark.parametrize(("others", "code"), [((), "highest"), (("worst",), "highest")])
def test_nobody_is_ahead_of_who_says_the_same(others: tuple[str, ...], code: HeadlineCode) -> None:
    """The best judge abstains a little; a twin that always answers says the same wherever both do."""
    study = frames({"best": 0.3, **dict.fromkeys(others, 20.0)})
    twin = study["scores"][study["scores"]["judge"] == "best"].assign(judge="twin")
    study["scores"] = pd.concat([study["scores"].iloc[5:], twin])
    found = genspace.compare(**study, draws=0).document.headline
    assert found.code == code
    assert {*found.identical} | {found.judge} == {"best", "twin"}
    assert found.ahead_of == others


def test_other_generators_are_spoken_of_only_from_five_on() -> None:
    assert made({"best": 0.3, "worst": 20.0}).headline.other_generators is None
    five = made({"best": 0.3, "worst": 20.0}, generators="vwxyz")
    assert five.headline.other_generators in {"ahead of all", "open"}
    assert made({"best": 0.3, "worst": 20.0}, generators="").headline.other_generators is None


# --- what validate says ---------------------------------------------------------------------------------------------

CLAIMS: dict[Claim, str] = {
    "ahead": "It is ahead of 1 of 1 other: worst.",
    "not worse": "It is not worse, by 0.02 or more, than 1 of 1 other: worst.",
    "behind": "It is behind 1 of 1 other: worst.",
    "open": "It cannot be told from these data to be better or worse than 1 of 1 other: worst.",
    "open before correction": "It is open against (different only before the correction for all pairs of the study) 1 of",
    "identical": "It gives the same answers as 1 of 1 other: worst.",
}
"""By claim, how the sentence begins that is made of nothing else."""
AGREES: dict[str, tuple[tuple[float, float | None, float | None], str]] = {
    "above chance": ((0.5, 0.3, 0.7), "best agrees with people: Spearman 0.500"),
    "at chance": ((0.1, -0.1, 0.3), "best is not shown to agree with people more than chance (0.0): Spearman 0.100"),
    "below chance": ((-0.5, -0.7, -0.3), "best disagrees with people, below chance (0.0): Spearman -0.500"),
    "no interval": ((0.5, None, None), "best reaches Spearman 0.500 on 80 items. It has no interval: a single prompt."),
}  # fmt: skip
STAND_IN: dict[str, tuple[dict[str, object], str]] = {
    "own": ({"passed": True}, "By its own answers it could stand in for a rater:"),
    "own, not": ({"passed": False}, "By its own answers it could not stand in for a rater:"),
    "mapped": (
        {"passed": True, "mapped": True},
        "With its scores mapped onto the distribution of the raters' own values on other prompts, it could stand in",
    ),
    "mapped, not": (
        {"passed": False, "mapped": True},
        "With its scores mapped onto the distribution of the raters' own values on other prompts, it could not stand in",
    ),
    "cut": (
        {"passed": True, "mapped": True, "alignment": "accuracy"},
        "With its scores cut into yes and no where it fits the answers to other prompts, it could stand in",
    ),
    "cut, not": (
        {"passed": False, "mapped": True, "alignment": "accuracy"},
        "With its scores cut into yes and no where it fits the answers to other prompts, it could not stand in",
    ),
    "untested": ({"passed": None}, "Whether it could stand in for a rater cannot be tested:"),
}
"""By what the test found, and how the sentence begins."""


def test_the_widest_reversal_is_the_least_lead_under_any_form() -> None:
    assert _widest(("items", {"x": (0.9, 0.2), "y": (0.5, 0.1)})) == pytest.approx(0.4)


@pytest.fixture(scope="module")
def validated() -> ValidationDocument:
    """No breakdown, everything scored, nothing known of other generators; one metric beside it, ahead of it in truth."""
    tables = frames({"best": 0.3, "worst": 20.0}, generators="")
    found = genspace.validate("best", **tables).document
    assert len(validation_sentences(found)) == 3
    return found


def said(document: ValidationDocument, **row: object) -> list[str]:
    """What is said of the one other metric."""
    changed = replace(document, against=tuple(replace(r, **row) for r in document.against))
    return validation_sentences(changed)[1:-1]


@pytest.mark.parametrize("claim", get_args(get_args(Claim)[0]) + get_args(get_args(Claim)[1]))
def test_each_claim_makes_its_sentence_and_no_other(claim: Claim, validated: ValidationDocument) -> None:
    if claim == "not compared":
        (told,) = said(validated, claim=None)
        assert told.startswith("It cannot be compared with worst:")
        return
    (told,) = said(validated, claim=claim, not_worse=False)
    assert [c for c, sentence in CLAIMS.items() if told.startswith(sentence)] == [claim]


def test_what_is_said_beside_a_claim_needs_its_condition(validated: ValidationDocument) -> None:
    behind = said(validated, claim="behind", not_worse=True)
    assert behind[1:] == ["It is behind, but by less than 0.02: worst."]
    assert len(said(validated, claim="ahead", not_worse=True)) == 1
    for p, sentence in (
        (0.01, "The lead holds for other generators too against worst"),
        (0.2, "For other generators the lead is open against worst"),
    ):
        other = OtherGenerators(generators=6, low=0.1, high=0.4, p=p)
        told = said(validated, claim="ahead", other_generators=other)
        assert told[1:] == [
            "All of this holds for these generators.", f"{sentence} (each generator left out in turn)."
        ]  # fmt: skip
        assert said(validated, claim="behind", not_worse=False, other_generators=other)[1:] == told[1:2]
        assert len(said(validated, claim="open", other_generators=other)) == 1
    few = OtherGenerators(generators=3, low=0.1, high=0.4, p=None)
    assert len(said(validated, claim="ahead", other_generators=few)) == 2
    against = Estimate(-0.1, -0.2, 0.0, n=99)
    assert said(validated, claim="ahead", penalised=against)[1].startswith(
        "Against worst that depends on the abstentions:"
    )
    far = Estimate(-0.1, -0.2, -0.05, n=99)
    assert len(said(validated, claim="behind", not_worse=False, penalised=far)) == 1


@pytest.mark.parametrize("which", AGREES)
def test_no_metric_agrees_at_chance_or_below(which: str, validated: ValidationDocument) -> None:
    (value, low, high), _ = AGREES[which]
    reason = Reason("single_prompt") if low is None else None
    figure = Estimate(value, low, high, n=80, reason=reason)
    told = validation_sentences(replace(validated, figure=figure))[0]
    assert [name for name, (_, sentence) in AGREES.items() if told.startswith(sentence)] == [which]
    nothing = replace(validated, figure=Estimate.undefined(Reason("no_people"), n=0))
    assert validation_sentences(nothing)[0] == "best has no Spearman with people: no people."


@pytest.mark.parametrize("which", STAND_IN)
def test_the_stand_in_is_named_after_what_was_tested(which: str, validated: ValidationDocument) -> None:
    found, _ = STAND_IN[which]
    plain = AlternativeAnnotatorTest(
        passed=None, winning_rate=None, advantage=None, epsilon=0.1, alignment="rmse", reason=Reason("one_rater")
    )  # fmt: skip
    told = validation_sentences(replace(validated, stand_in=replace(plain, **found)))[-1]
    assert [name for name, (_, sentence) in STAND_IN.items() if told.startswith(sentence)] == [which]


def test_coverage_and_parts_are_spoken_of_only_where_they_say_something(
    validated: ValidationDocument,
) -> None:
    silent = replace(validated, coverage=replace(validated.coverage, coverage=0.5))
    assert validation_sentences(silent)[2].startswith("It scores 50.0% of the 80 annotated items")
    decided = replace(silent.coverage, coverage_of_decided=0.25)
    assert (
        "of those that"
        not in validation_sentences(replace(silent, coverage=replace(decided, coverage_of_decided=None)))[2]
    )
    told = validation_sentences(replace(silent, coverage=decided))[2]
    assert told.endswith(f"and 25.0% of those that {silent.reference} decided.")
    figure = Estimate(0.5, 0.4, 0.6, n=40)
    for claim, more in (("behind", 2), ("ahead", 0), ("open", 0)):
        cell = ValidationCell(figure=figure, against={"worst": figure}, claims={"worst": claim})
        told = validation_sentences(replace(validated, breakdowns={"part": {"x": cell}}))
        assert len(told) == 3 + more
        assert ("Where part is x it is behind worst." in told) == (claim == "behind")
    assert "There is no other metric" in validation_sentences(replace(validated, against=()))[1]


# --- what is said of people -----------------------------------------------------------------------------------------


def test_people_are_spoken_of_where_there_is_a_figure_and_a_model(document: ComparisonDocument) -> None:
    """One rater: neither a row nor a ceiling. Each of the two makes its sentence, the bounds of votes a third."""
    assert people_sentences(document) == []
    row = {document.primary.figure: Estimate(0.6, 0.5, 0.7, n=80)}
    human = replace(document.human, row=row)
    assert people_sentences(replace(document, human=human)) == [
        "One rater reaches Spearman 0.600 (0.500 to 0.700) against the rest, averaged over the raters."
    ]
    found = replace(document.human.ceiling, model="votes", estimate=Estimate(0.8, 0.7, 0.9, n=80))
    (told,) = people_sentences(replace(document, human=replace(document.human, ceiling=found)))
    assert told.startswith(
        "Under a model of the raters (votes, 80 items rated twice or more) the mean of infinitely"
    )
    assert "The votes alone allow" not in told
    bounded = replace(document.human, ceiling=replace(found, bounds=(0.6, 0.9)))
    assert people_sentences(replace(document, human=bounded))[0].endswith(
        " The votes alone allow anything from 0.600 to 0.900."
    )
