"""Solved examples: of other prompts, clear, of the same predicate, and the same for every fold of a tuning."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from vlm_support import VlmServer, png

from genspace import open_study
from genspace.analysis.folds import outer_folds
from genspace.errors import InputError
from genspace.judges import Judge, JudgeSpec, make_judge, study_context
from genspace.judges.asking._shots import Shots, SolvedExample
from genspace.records import Item, Request
from genspace.study import Study

PROMPTS, EACH = 16, 4
CALLS = ("allocentric(cow, chair, relation=left)", "object_distance(cow, chair, value_m=1)")


def says(n: int) -> int:
    """What most raters say of an item."""
    return int((n // 2) % 2 == 1 or n % 16 == 1)


def rows() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Items of two predicates; three raters agree on every second item, two of three on the others."""
    items, answers = [], []
    for n in range(PROMPTS * EACH):
        prompt = n // EACH
        items.append({"item_id": f"i{n:02d}", "image": f"i{n:02d}.png", "prompt_id": f"p{prompt:02d}",
                      "prompt": f"words of p{prompt:02d}", "predicate": CALLS[prompt % 2]})  # fmt: skip
        yes = says(n)
        values = [yes, yes, yes if n % 2 else 1 - yes]
        answers += [{"item_id": f"i{n:02d}", "rater_id": f"r{k}", "value": v} for k, v in enumerate(values)]
    return pd.DataFrame(items), pd.DataFrame(answers)


def written(folder: Path, items: pd.DataFrame, answers: pd.DataFrame) -> Study:
    (folder / "images").mkdir(parents=True, exist_ok=True)
    items.to_csv(folder / "items.csv", index=False)
    answers.to_csv(folder / "annotations.csv", index=False)
    for n in range(len(items)):
        (folder / "images" / f"i{n:02d}.png").write_bytes(png(255 * says(n), green=n))
    return open_study(folder)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return written(tmp_path_factory.mktemp("study"), *rows())


def judge(study: Study, url: str = "http://localhost:1/v1", **options: Any) -> Judge:
    spec = JudgeSpec(name="v", kind="vlm", model="copy", options={"base_url": url, "shots": 4, **options})
    return make_judge(spec, study_context(study))


def chosen(study: Study, n: int, count: int = 4, **options: bool) -> list[SolvedExample]:
    """The examples of an item, each taken as solved."""
    shots = Shots.of(count, study_context(study), where="", **{"pairwise": False, "hides": False} | options)
    found = shots.chosen(Request(item=item(study, n), files=study.files), lambda example, _: example)
    return [example for example, _ in found]


def item(study: Study, n: int) -> Item:
    return next(i for i in study.iter_items() if i.item_id == f"i{n:02d}")


def sent(study: Study, n: int, **options: Any) -> str:
    return judge(study, **options).preview(Request(item=item(study, n), files=study.files)).text


def test_a_model_sees_the_question_solved_before_it_is_asked(study: Study) -> None:
    body = json.loads(sent(study, 0).partition("\n")[2].partition("\nimages:")[0])
    said = [m["role"] for m in body["messages"]]
    assert said == ["system", *["user", "assistant"] * 4, "user"]
    answers = [m["content"] for m in body["messages"] if m["role"] == "assistant"]
    assert sorted(answers) == ["no", "no", "yes", "yes"]
    assert answers[0] != answers[1]
    for question, answer in zip(body["messages"][1:-1:2], answers, strict=True):
        number = int(question["content"][0]["image_url"]["url"].removeprefix("image:i").removesuffix(".png"))
        assert answer == ("yes" if says(number) else "no"), "as people say"
        assert number % 2 == 1, "all three raters agree on it"
        assert (number // EACH) % 2 == 0, "of the same predicate"
        assert "directly to the left" in question["content"][1]["text"]


def test_examples_of_an_edit_are_edits_where_there_are_enough(tmp_path: Path) -> None:
    items, answers = rows()
    edits = items["item_id"].str[1:].astype(int) % 2 == 1
    items["image_before"] = items["image"].where(edits, "")
    study = written(tmp_path, items, answers)
    for n in (8, 9):
        assert {bool(e.request.item.image_before) for e in chosen(study, n)} == {n % 2 == 1}


def test_no_example_is_ever_held_out_together_with_the_item(study: Study) -> None:
    """In each outer fold of a tuning with the same seed, an item that is held out sees training prompts alone."""
    held = outer_folds(np.arange(PROMPTS), seed=0)
    shots = Shots.of(PROMPTS * EACH, study_context(study), pairwise=False, hides=False, where="")
    for n in range(PROMPTS * EACH):
        request = Request(item=item(study, n), files=study.files)
        found = [example for example, _ in shots.chosen(request, lambda example, _: example)]
        assert len(found) >= 4
        for example in found:
            assert not (held[n // EACH] & held[example.prompt]).any()
            assert example.prompt == int(example.request.item.item_id[1:]) // EACH


def test_poisoned_prompts_change_nothing_that_is_asked_about_them(study: Study, tmp_path: Path) -> None:
    """Whatever people say of the prompts held out with an item's own, and whatever these hold, is not sent for it."""
    held = outer_folds(np.arange(PROMPTS), seed=0)
    tested = 5
    together = {q for q in range(PROMPTS) if (held[tested] & held[q]).any()}
    assert tested in together
    assert 3 < len(together) < PROMPTS - 2
    items, answers = rows()
    of = answers["item_id"].str[1:].astype(int) // EACH
    answers.loc[of.isin(together), "value"] = 1 - answers.loc[of.isin(together), "value"]
    other = items["item_id"].str[1:].astype(int) // EACH
    items.loc[other.isin(together - {tested}), "prompt"] = "POISON"
    poisoned = written(tmp_path, items, answers)
    for n in range(tested * EACH, (tested + 1) * EACH):
        assert sent(poisoned, n) == sent(study, n)
    fair = min(set(range(PROMPTS)) - together)
    answers.loc[of.isin(set(range(PROMPTS)) - together), "value"] = 1
    assert sent(written(tmp_path, items, answers), tested * EACH) != sent(study, tested * EACH), fair


def test_people_and_number_of_examples_are_in_the_fingerprint(study: Study, tmp_path: Path) -> None:
    items, answers = rows()
    same = written(tmp_path, items, answers)
    assert judge(same).fingerprint == judge(study).fingerprint
    answers.loc[0, "value"] = 1 - answers.loc[0, "value"]
    assert judge(written(tmp_path, items, answers)).fingerprint != judge(study).fingerprint
    marks = {judge(study, shots=k).fingerprint for k in (0, 2, 4)}
    assert len(marks) == 3
    seeded = make_judge(
        JudgeSpec(
            name="v", kind="vlm", model="copy", options={"base_url": "http://localhost:1/v1", "shots": 4}
        ),
        study_context(study, seed=1),
    )
    assert seeded.fingerprint != judge(study).fingerprint


def test_more_examples_than_there_are(study: Study, tmp_path: Path) -> None:
    items, answers = rows()
    few = written(tmp_path, items, answers[answers["item_id"] < "i06"])
    with pytest.raises(InputError, match="shots = 7: people have decided 6 items"):
        judge(few, shots=7)
    text = sent(few, 0, shots=5)
    assert text.startswith("nothing would be sent: not asked without help: it is to see 5 solved examples")
    assert "there are 2" in text or "there are 0" in text
    scale = answers[answers["item_id"] < "i06"].assign(value=lambda table: 1 + 4 * table["value"])
    scale.loc[scale["item_id"] == "i00", "value"] = 3  # the middle: neither yes nor no
    with pytest.raises(InputError, match="shots = 7: people have decided 5 items"):
        judge(written(tmp_path / "scale", items, scale), shots=7)


def turns(study: Study, n: int, other: int | None = None, **options: Any) -> list[list[tuple[str, str]]]:
    """Of each call: the questions, below the names of their pictures, with their answers, "" for the last one's."""
    request = Request(
        item=item(study, n), other=None if other is None else item(study, other), files=study.files
    )
    calls = judge(study, **options).preview(request).text.split("POST ")[1:]
    found = []
    for call in calls:
        messages = json.loads(call.partition("\n")[2].partition("\nimages:")[0])["messages"][1:]
        said = [
            content if isinstance(content := m["content"], str)
            else "\n".join(p["image_url"]["url"] if "image_url" in p else p["text"] for p in content)
            for m in messages
        ]  # fmt: skip
        found.append(list(zip(said[::2], [*said[1::2], ""], strict=True)))
    return found


def test_reasons_are_asked_for_without_examples_and_the_answer_with_them(study: Study) -> None:
    first, second = turns(study, 0, protocol="reason")
    assert [len(first), len(second)] == [1, 5]
    assert sorted(answer for _, answer in second) == ["", "no", "no", "yes", "yes"]
    assert all(
        "What was seen: “…”" in question and "Do not answer yet" not in question for question, _ in second
    )


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Every prompt asks for another side in turn."""
    items, answers = rows()
    words = ["left", "right", "front", "back"]
    items["predicate"] = [
        f"allocentric(cow, chair, relation={words[n // EACH % 4]})" for n in range(len(items))
    ]
    return written(tmp_path_factory.mktemp("sides"), items, answers)


def test_a_choice_is_solved_where_people_say_yes_in_every_place_of_the_list(sides: Study) -> None:
    """Where they say no of one side, it does not follow which it is; the right letter is a different one each time."""
    asked = ["to the left of", "to the right of", "in front of", "behind"]
    held = outer_folds(np.arange(PROMPTS), seed=0)
    for prompt in (0, 5, 6):
        fair = {asked[q % 4] for q in range(PROMPTS) if not (held[prompt] & held[q]).any()}
        for call in turns(sides, prompt * EACH, protocol="choice"):
            solved, (_, last) = call[:-1], call[-1]
            assert (sorted(answer for _, answer in solved), last) == (["A", "B", "C", "D"], "")
            right = [question.partition(f"{answer}: ")[2].partition(".")[0] for question, answer in solved]
            assert {side for side in asked if any(side in text for text in right)} == fair


@pytest.mark.parametrize("protocol", ["choice", "contrast"])
def test_examples_do_not_tell_which_side_is_asked_for(sides: Study, tmp_path: Path, protocol: str) -> None:
    items, answers = rows()
    items["predicate"] = [i.predicate for i in sides.iter_items()]
    before = turns(sides, 0, protocol=protocol)
    items.loc[items["item_id"] < "i04", "predicate"] = "allocentric(cow, chair, relation=back)"
    after = turns(written(tmp_path, items, answers), 0, protocol=protocol)
    assert [call[:-1] for call in after] == [call[:-1] for call in before]


def test_of_several_questions_those_are_solved_that_peoples_answer_decides(
    study: Study, tmp_path: Path
) -> None:
    """A relation that people deny does not hold; of two denied together it is not known which does not."""
    cow, chair, relation = turns(study, 0, protocol="questions")
    assert [len(cow), len(chair), len(relation)] == [1, 1, 5]
    assert sorted(answer for _, answer in relation) == ["", "no", "no", "yes", "yes"]
    assert {question.splitlines()[-2] for question, _ in relation} == {relation[-1][0].splitlines()[-2]}
    items, answers = rows()
    items.loc[items.index // EACH % 2 == 0, "predicate"] = "intrinsic(cow, chair, relation=face_to_face)"
    *_, facing, standing = turns(written(tmp_path, items, answers), 0, protocol="questions")
    for call in (facing, standing):
        solved = {answer: question for question, answer in call[:-1]}
        assert sorted(answer for _, answer in call[:-1]) == ["no", "no", "yes", "yes"]
        assert "face" in solved["yes"]
        assert "distance" in solved["no"]


def test_a_pair_is_solved_by_pairs_of_other_prompts(study: Study, tmp_path: Path) -> None:
    """Without people's comparisons a pair is one that they say yes to and one that they say no to."""
    forward, backward = turns(study, 0, 1, protocol="pairwise")
    assert forward[:-1] == backward[:-1]
    assert sorted(answer for _, answer in forward) == ["", "A", "A", "B", "B"]
    for question, answer in forward[:-1]:
        better, worse = question.splitlines()[:2] if answer == "A" else question.splitlines()[1::-1]
        assert [says(int(name[7:9])) for name in (better, worse)] == [1, 0], "image:iNN.png"
    shots = Shots.of(8, study_context(study), pairwise=True, hides=False, where="")
    for e in shots.examples:
        assert e.request.other is not None
        assert e.request.item.prompt_id == e.request.other.prompt_id
        assert (says(int(e.request.item.item_id[1:])), says(int(e.request.other.item_id[1:]))) == (
            e.yes,
            not e.yes,
        )
    items, _ = rows()
    said = [{"item_id": f"i{n:02d}", "item_id_b": f"i{n + 1:02d}", "rater_id": r, "value": int(n % 8 == 0 or r == "b")}
            for n in range(0, 64, 2) for r in "ac"]  # fmt: skip
    compared = written(tmp_path, items, pd.DataFrame(said))
    shots = Shots.of(8, study_context(compared), pairwise=True, hides=False, where="")
    assert len(shots.examples) == 32
    margins = [e.margin for e in shots.examples]
    assert margins == sorted(margins, reverse=True)
    for e in shots.examples:
        first = min(e.request.item.item_id, e.request.other.item_id)
        assert e.yes == ((int(first[1:]) % 8 == 0) == (first == e.request.item.item_id))
    assert {e.yes for e in shots.examples} == {True, False}
    strangers = [{**said[0], "item_id": a, "item_id_b": b} for a, b in (("i07", "i08"), ("i13", "i11"))]
    few = written(tmp_path, items, pd.DataFrame([*said[:6], *strangers]))  # these are of two prompts
    with pytest.raises(InputError, match="shots = 4: people have decided 3 pairs"):
        judge(few, protocol="pairwise")


@pytest.mark.parametrize("protocol", ["contrast", "rating", "vqascore"])
def test_other_protocols_show_their_own_answers(study: Study, protocol: str) -> None:
    text = sent(study, 0, protocol=protocol)
    said = '\\"rating\\": 100' if protocol == "rating" else '"content": "yes"'
    assert said in text
    if protocol == "contrast":
        assert "words of p" not in text


def test_what_helps_with_an_example_is_drawn_once(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    from genspace.judges.asking._aids import Aids

    drawn: list[str] = []
    help_with = Aids.help_with

    def counted(self: Aids, request: Request) -> Any:
        drawn.append(request.item.item_id)
        return help_with(self, request)

    monkeypatch.setattr(Aids, "help_with", counted)
    helped = judge(study, aids="tolerance")
    asked = [Request(item=item(study, n), files=study.files) for n in range(0, 64, 8)]
    texts = [helped.preview(request).text for request in asked]
    assert {text.count("It still counts as met") for text in texts} == {5}
    shown = [e.request.item.item_id for n in range(0, 64, 8) for e in chosen(study, n)]
    assert len(drawn) == len(asked) + len(set(shown)) < len(asked) + len(shown)


def test_outside_a_study_there_are_none() -> None:
    from genspace.judges import JudgeContext

    with pytest.raises(InputError, match="examples need a study with people's answers"):
        make_judge(JudgeSpec(name="v", kind="vlm", model="m", options={"shots": 2}), JudgeContext())


def test_an_endpoint_is_sent_them_and_the_verdict_says_which(study: Study, server: VlmServer) -> None:
    request = Request(item=item(study, 2), files=study.files)
    (verdict,) = judge(study, server.url()).judge([request])
    assert verdict.score == pytest.approx(1.0, abs=0.01), "the answer is read from the last picture"
    (line,) = verdict.details["aids"]
    assert line.startswith("Solved before it: i")
    assert line.count("(yes)") == line.count("(no)") == 2
    (body,) = server.log()["bodies"]
    assert sum(m["role"] == "assistant" for m in body["messages"]) == 4


def test_tuning_asks_once_and_its_winner_asks_nothing_new(
    study: Study, server: VlmServer, tmp_path: Path, genspace: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model that needs an example wins with examples; the winner as a judge of the study is answered from the cache."""
    monkeypatch.setenv("GENSPACE_CACHE", str(tmp_path / "cache"))
    space = tmp_path / "tune.toml"
    space.write_text(
        f'figure = "accuracy"\ndefault = "v-0"\n[grid.v]\nkind = "vlm"\nmodel = "learner"\nbase_url = "{server.url()}"\nshots = [2, 0]\n'
        "price_input_usd = 0\nprice_output_usd = 0\n"
    )
    told = genspace("tune", study.root, "--space", space, "--json")
    assert told.code == 0, told.err
    found = json.loads(told.out)
    assert (found["result"]["winner"], found["result"]["says"]) == ("v-2", "ahead")
    assert found["result"]["reaches"]["value"] == 1.0
    assert server.log()["calls"] == 2 * PROMPTS * EACH
    with (study.root / "study.toml").open("a") as file:
        file.write(found["winner_table"])
    assert genspace("judge", study.root, "--judge", "v-2").code == 0
    assert server.log()["calls"] == 2 * PROMPTS * EACH
