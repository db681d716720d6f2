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
from genspace.judges.asking._shots import Shots
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
    shots = Shots.of(4, study_context(study), where="")
    for n in (8, 9):
        found = list(shots.candidates(item(study, n)))[:4]
        assert {bool(e.request.item.image_before) for e in found} == {n % 2 == 1}


def test_no_example_is_ever_held_out_together_with_the_item(study: Study) -> None:
    """In each outer fold of a tuning with the same seed, an item that is held out sees training prompts alone."""
    held = outer_folds(np.arange(PROMPTS), seed=0)
    shots = Shots.of(4, study_context(study), where="")
    for n in range(PROMPTS * EACH):
        found = list(shots.candidates(item(study, n)))
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


@pytest.mark.parametrize("protocol", ["reason", "choice", "questions", "pairwise"])
def test_protocols_that_a_yes_does_not_solve_are_refused(study: Study, protocol: str) -> None:
    with pytest.raises(
        InputError, match=rf"does not solve '{protocol}'; use contrast, rating, vqascore, yes-no"
    ):
        judge(study, protocol=protocol)


@pytest.mark.parametrize("protocol", ["contrast", "rating", "vqascore"])
def test_other_protocols_show_their_own_answers(study: Study, protocol: str) -> None:
    text = sent(study, 0, protocol=protocol)
    said = '\\"rating\\": 100' if protocol == "rating" else '"content": "yes"'
    assert said in text
    if protocol == "contrast":
        assert "words of p" not in text


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
        f'figure = "accuracy"\n[grid.v]\nkind = "vlm"\nmodel = "learner"\nbase_url = "{server.url()}"\nshots = [0, 2]\n'
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
