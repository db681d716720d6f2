"""A human study of a sample in one step, and the row that people correct."""

from __future__ import annotations

import csv
import json
import tomllib

import numpy as np
import pytest
from small_studies import nothing_left_to_chance, open_desk

from genspace import open_study
from genspace.benchmark import (
    PromptList,
    TaskPrompt,
    corrected_rows,
    create,
    draw_sample,
    open_benchmark,
    rows_of,
)
from genspace.cli import invoke
from genspace.errors import InputError
from genspace.geometry.benchmark import prompts
from genspace.human_study.design import load_design
from genspace.human_study.visit.assignment import Assignment

JUDGE = "wrong-now-and-then"


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Two generators with a picture of every t2i prompt; a judge that errs on 15 % of them."""
    made = create(
        tmp_path_factory.mktemp("sampled") / "bench",
        [PromptList.of("t2i", map(TaskPrompt.of, prompts("t2i")))],
        ["good", "poor"],
        prompts="version 1",
    )
    rng = np.random.default_rng(0)
    truth, lines = {}, [["item_id", "metric", "score", "passed"]]
    for generator, chance in (("good", 0.7), ("poor", 0.3)):
        for number, asked in enumerate(made.lists["t2i"].asked, start=1):
            (made.images / generator / f"{number:04d}.png").write_bytes(b"x")
            item = f"{generator}-{asked.prompt_id}"
            truth[item] = float(rng.random() < chance)
            said = truth[item] if rng.random() < 0.85 else 1 - truth[item]
            lines.append([item, JUDGE, said, said])
    made = open_benchmark(made.root)
    made.write_items()
    (made.root / "scores").mkdir()
    with (made.root / "scores" / "scores.csv").open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    return made, truth


@pytest.fixture(scope="module")
def people(judged):
    """The sample, answered through `annotate` by two people who agree with the truth."""
    made, truth = judged
    out = made.root.parent / "people"
    assert (
        invoke(["benchmark", "sample", str(made.root), str(out), "--per-sub-domain", "10", "--raters", "2"])
        == 0
    )
    design = tomllib.loads((out / "annotate.toml").read_text())
    with nothing_left_to_chance():
        desk = open_desk(out, **design)
        for name in ("ann", "bob"):
            rater = desk.join(name)
            while isinstance(task := desk.claim(rater), Assignment):
                desk.answer(rater, task, truth.get(task.unit[0], 1.0))
    return out


def test_the_sample_is_stratified_with_its_weights_and_the_same_for_all(people):
    items = open_study(people).items
    assert len(items) == 2 * 9 * 10
    shown = [set(rows["prompt_id"]) for _, rows in items.groupby("generator")]
    assert shown[0] == shown[1]
    assert set(items.groupby(["generator", "stratum"]).size()) == {10}
    assert set(items["weight"]) == {"20"}  # 200 prompts, 10 drawn
    assert load_design(people).raters_per_item == 2
    assert open_study(people).files.exists(items["image"].iloc[0])


def test_the_same_seed_draws_the_same(judged, tmp_path):
    made, _ = judged
    drawn = []
    for n, seed in enumerate((3, 3, 4)):
        draw_sample(made, tmp_path / str(n), per_sub_domain=2, generators=["good"], seed=seed)
        drawn.append((tmp_path / str(n) / "items.csv").read_text())
    assert drawn[0] == drawn[1] != drawn[2]


def test_people_correct_the_row(judged, people):
    made, truth = judged
    for generator in made.generators:
        actual = np.mean([truth[i] for i in truth if i.startswith(generator)])
        found = corrected_rows(made, people, [JUDGE])[generator, JUDGE, "t2i"]
        row = next(r for r in rows_of(made) if r.generator == generator)
        judge = row.tasks["t2i"].mean.accuracy.as_misses.value
        assert abs(judge - actual) > 0.04  # the judge pulls both towards a half
        assert found.corrected.low <= actual <= found.corrected.high
        assert abs(found.corrected.value - actual) < abs(judge - actual)
        assert (found.labelled, found.unlabelled) == (90, 1710)
        assert found.corrected.high - found.corrected.low < found.sample.high - found.sample.low


def test_the_command_prints_rows_corrected_never_cells(judged, people, capsys):
    made, _ = judged
    assert invoke(["benchmark", "table", str(made.root), "--people", str(people), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {(d["generator"], d["task"]) for d in document["by_people"]} == {("good", "t2i"), ("poor", "t2i")}
    assert invoke(["benchmark", "table", str(made.root), "--people", str(people)]) == 0
    assert "As people would have it" in capsys.readouterr().out


def test_what_cannot_be(judged, people, tmp_path):
    made, _ = judged
    with pytest.raises(InputError, match="is not empty"):
        draw_sample(made, people, per_sub_domain=10)
    with pytest.raises(InputError, match="is not a generator of"):
        draw_sample(made, tmp_path / "x", per_sub_domain=10, generators=["godo"])
    with pytest.raises(InputError, match="not a sample of a benchmark"):
        corrected_rows(made, made.root, [JUDGE])
    draw_sample(made, tmp_path / "unanswered", per_sub_domain=2)
    with pytest.raises(InputError, match="nobody has answered"):
        corrected_rows(made, tmp_path / "unanswered", [JUDGE])
