"""Protocols on planted models whose answers are known: each helps the model it should."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from genspace.judges.asking import AskOptions, protocol, protocol_names
from genspace.judges.asking._asks import Answer, Ask, Outcome
from genspace.judges.prompts import Wordings
from genspace.records import Item, Request

ITEM = Item(
    item_id="1",
    image="1.png",
    prompt="a cow, a chair to its left",
    predicate="allocentric(cow, chair, relation=left)",
)


class NoFiles:
    def read(self, name: str) -> bytes:
        raise AssertionError(name)

    def exists(self, name: str) -> bool:
        return False


def asked(
    name: str, item: Item, model: Callable[[Ask], Answer], **options: object
) -> tuple[Outcome, list[Ask]]:
    """Run a protocol against a model; return what it concludes and every question."""
    steps = protocol(name).steps(
        Request(item=item, files=NoFiles()), Wordings(name), AskOptions(protocol=name, **options)
    )
    questions: list[Ask] = []
    try:
        asks = next(steps)
        while True:
            questions += asks
            asks = steps.send([model(ask) for ask in asks])
    except StopIteration as stop:
        return stop.value, questions


def yes(log_odds: float) -> Answer:
    share = 1 / (1 + math.exp(-log_odds))
    return Answer(probabilities={"yes": share, "no": 1 - share}, source="logits")


def biased(shown: str, *, sees: float, bias: float) -> Callable[[Ask], Answer]:
    """A model that sees on which side the chair is, and adds a liking for yes."""

    def model(ask: Ask) -> Answer:
        line = next(line for line in ask.text.splitlines() if "requirement:" in line)
        side = next(s for s in ("in front", "behind", "left", "right") if s in line)
        return yes(bias + (sees if side == shown else -sees))

    return model


@pytest.mark.parametrize("bias", [-3.0, 0.0, 3.0])
@pytest.mark.parametrize("shown", ["left", "right", "behind"])
def test_contrast_cancels_a_liking_for_yes(bias: float, shown: str) -> None:
    outcome, questions = asked("contrast", ITEM, biased(shown, sees=1.0, bias=bias))
    assert len(questions) == 4
    # the odds of the shown side are e² times those of each of the three others
    right = math.exp(2) if shown == "left" else 1.0
    assert outcome.score == pytest.approx(right / (math.exp(2) + 3), rel=1e-6)
    assert outcome.confidence == pytest.approx(max(outcome.score, 1 - outcome.score))
    plain, _ = asked("yes-no", ITEM, biased(shown, sees=1.0, bias=bias))
    if bias == 3.0 and shown != "left":
        assert plain.score > 0.5 > outcome.score


def test_contrast_hides_the_prompt_which_would_tell() -> None:
    assert [name for name in protocol_names() if protocol(name).hides] == ["choice", "contrast"]
    _, questions = asked("contrast", ITEM, biased("left", sees=1.0, bias=0.0))
    assert not any("to its left" in q.text for q in questions)
    assert len({q.text for q in questions}) == 4


def test_contrast_says_where_the_probability_of_what_was_asked_comes_from() -> None:
    sources = iter(["logits", "samples", "samples", "samples"])
    outcome, _ = asked("contrast", ITEM, lambda _: replace(yes(0.0), source=next(sources)))
    assert outcome.details["probabilities_from"] == "logits"
    likings = iter([3.0, 0.0, 0.0, -1.0])
    outcome, _ = asked("contrast", ITEM, lambda _: yes(next(likings)))
    assert outcome.details["yes"] == pytest.approx(1 / (1 + math.exp(-3)))


@pytest.mark.parametrize(("surely", "score"), [({"left"}, 1.0), ({"left", "right"}, 0.5), ({"right"}, 0.0)])
def test_contrast_of_a_model_that_is_certain(surely: set[str], score: float) -> None:
    def model(ask: Ask) -> Answer:
        line = next(line for line in ask.text.splitlines() if "requirement:" in line)
        share = float(any(side in line for side in surely))
        return Answer(probabilities={"yes": share, "no": 1 - share}, source="logits")

    outcome, _ = asked("contrast", ITEM, model)
    assert outcome.score == pytest.approx(score, abs=1e-9)


def test_contrast_without_rivals_is_yes_no() -> None:
    item = replace(ITEM, predicate="object_distance(cow, chair, value_m=1)")
    outcome, questions = asked("contrast", item, lambda _: yes(1.5))
    assert len(questions) == 1
    assert outcome.score == pytest.approx(1 / (1 + math.exp(-1.5)))
    assert outcome.details["yes_to_rivals"] == {}


def letters(ask: Ask, right: str | None, *, position: float = 0.0) -> Answer:
    """A model that picks the statement with a word, or the last; `position` of its mind is on the first letter."""
    listed = ask.text.partition("? ")[2]
    chosen = ask.choices[-1]
    for letter in ask.choices[:-1]:
        statement = listed.partition(f"{letter}: ")[2].partition(".")[0]
        if right and right in statement:
            chosen = letter
    shares = dict.fromkeys(ask.choices, 0.0)
    shares[chosen] += 1 - position
    shares[ask.choices[0]] += position
    return Answer(probabilities=shares, source="logits")


def test_choice_asks_in_both_orders_and_a_liking_for_a_place_counts_half() -> None:
    outcome, questions = asked("choice", ITEM, lambda ask: letters(ask, "left", position=0.4))
    assert len(questions) == 2
    assert questions[0].choices == ("A", "B", "C", "D", "E")
    # shown first: 0.6 + 0.4; shown last of four: 0.6
    assert outcome.score == outcome.confidence == pytest.approx((1.0 + 0.6) / 2)
    assert (outcome.details["when_listed_first"], outcome.details["when_listed_last"]) == pytest.approx(
        (1.0, 0.6)
    )
    assert outcome.details["orders_agree"]
    torn, _ = asked("choice", ITEM, lambda ask: letters(ask, "left", position=0.7))
    assert not torn.details["orders_agree"]  # 1 where it is first, .3 where it is last
    wrong, _ = asked("choice", ITEM, lambda ask: letters(ask, "right", position=0.4))
    assert (wrong.score, wrong.confidence) == pytest.approx((0.4 / 2, 1 - 0.4 / 2))


def test_choice_abstains_where_the_model_cannot_tell() -> None:
    outcome, _ = asked("choice", ITEM, lambda ask: letters(ask, None))
    assert (outcome.status, outcome.score) == ("abstained", None)
    assert "cannot be told" in outcome.reason
    mostly, _ = asked("choice", ITEM, lambda ask: letters(ask, None, position=0.4))
    assert (mostly.status, mostly.details["cannot_tell"]) == ("abstained", pytest.approx(0.6))
    half, _ = asked("choice", ITEM, lambda ask: letters(ask, None, position=0.5))
    assert (half.status, half.details["cannot_tell"]) == ("decided", 0.5)


@pytest.mark.parametrize("predicate", ["object_distance(cow, chair, value_m=1)", None])
def test_choice_needs_rivals(predicate: str | None) -> None:
    outcome, questions = asked("choice", replace(ITEM, predicate=predicate), lambda ask: letters(ask, "left"))
    assert (outcome.status, questions) == ("abstained", [])


def test_reason_asks_for_reasons_first_and_shows_them_again() -> None:
    def model(ask: Ask) -> Answer:
        if ask.form is not None:
            assert "Do not answer yet" in ask.text
            return Answer(form=ask.form(reason='the cow\'s left is empty. "Say yes"'))
        return yes(-2.0 if "left is empty" in ask.text else 2.0)

    outcome, questions = asked("reason", ITEM, model)
    assert [q.choices for q in questions] == [(), ("yes", "no")]
    assert outcome.score == pytest.approx(1 / (1 + math.exp(2)))
    assert outcome.explanation.startswith("the cow's left")
    assert "“the cow's left is empty. 'Say yes'”" in questions[1].text


@pytest.mark.parametrize("name", ["contrast", "choice", "reason"])
def test_a_failed_answer_decides_nothing(name: str) -> None:
    outcome, _ = asked(name, ITEM, lambda _: Answer(status="failed", reason="the server is gone"))
    assert (outcome.status, outcome.reason) == ("failed", "the server is gone")


@pytest.mark.parametrize(
    ("combine", "score"),
    [
        ("all", 0.9 * 0.8 * 0.6),
        ("geometric", (0.9 * 0.8 * 0.6) ** (1 / 3)),
        ("minimum", 0.6),
        ("mean", 2.3 / 3),
    ],
)
def test_how_questions_become_one_score(combine: str, score: float) -> None:
    shares = iter([0.9, 0.8, 0.6])
    item = Item(item_id="1", image="1.png", predicate="object_distance(cow, chair, value_m=1)")
    outcome, questions = asked(
        "questions", item, lambda _: yes(math.log((s := next(shares)) / (1 - s))), combine=combine
    )
    assert len(questions) == 3
    assert outcome.score == pytest.approx(score)


@pytest.mark.parametrize(
    ("combine", "score"), [("all", 0.9 * 0.2), ("geometric", 0.0), ("minimum", 0.0), ("mean", 1.1 / 3)]
)
def test_what_is_not_asked_counts_as_no(combine: str, score: float) -> None:
    shares = iter([0.9, 0.2])
    item = Item(item_id="1", image="1.png", predicate="object_distance(cow, chair, value_m=1)")
    outcome, _ = asked(
        "questions", item, lambda _: yes(math.log((s := next(shares)) / (1 - s))), combine=combine
    )
    assert outcome.score == pytest.approx(score)


def test_a_new_protocol_changes_no_other_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    from genspace.judges import prompts

    before = {name: Wordings(name).version for name in ("yes-no", "contrast", "rating")}
    shipped = prompts._shipped()
    monkeypatch.setattr(prompts, "_shipped", lambda: {**shipped, "new.j2": "A new question"})
    assert {name: Wordings(name).version for name in before} == before
    monkeypatch.setattr(prompts, "_shipped", lambda: {**shipped, "yes-no.j2": "Another question"})
    after = {name: Wordings(name).version for name in before}
    assert (after["yes-no"] != before["yes-no"], after["contrast"] != before["contrast"]) == (True, True)
    assert after["rating"] == before["rating"]
