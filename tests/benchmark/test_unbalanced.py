"""Sub-domains of different sizes, and several images a prompt, of which some are missing: by hand."""

from __future__ import annotations

import csv
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t as student

from genspace.benchmark import (
    Otherwise,
    PromptList,
    TaskPrompt,
    compare_generators,
    create,
    open_benchmark,
    ordered_otherwise,
    read_rows,
    rows_of,
)
from genspace.cli import invoke

SIZES = {"camera_pose": 4, "intrinsic": 9, "egocentric": 25}
SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """One generator with three images a prompt and gaps, one with one image a prompt; scores 0 and 1 from a table."""
    asked = [
        TaskPrompt(
            task="t2i", prompt_id=f"{domain}-{n}", prompt=f"A cow, {domain} {n}.", predicate="camera_pose(cow, view=front)",
            sub_domain=domain, variant="front", objects="cow",
        )
        for domain, size in SIZES.items() for n in range(size)
    ]  # fmt: skip
    root = tmp_path_factory.mktemp("unbalanced") / "bench"
    made = create(root, [PromptList("t2i", tuple(asked))], ["many", "one"], prompts="own")
    rng = np.random.default_rng(7)
    lines = [["item_id", "metric", "score", "passed"]]
    said = {"many": {}, "one": {}}
    for number, one in enumerate(asked):
        for seed in SEEDS:
            if number % 5 == 0 and seed == 3:
                said["many"][one.prompt_id, seed] = np.nan  # a picture that never came
                continue
            (made.images / "many" / "t2i" / f"{one.prompt_id}-{seed}.png").write_bytes(b"x")
            said["many"][one.prompt_id, seed] = float(rng.random() < 0.4 + 0.4 * (number % 2))
            if number % 7 == 3 and seed == 1:
                said["many"][one.prompt_id, seed] = np.nan  # there, but never judged
                continue
            score = said["many"][one.prompt_id, seed]
            lines.append([f"many-{one.prompt_id}-s{seed}", "judge", score, score])
        (made.images / "one" / "t2i" / f"{one.prompt_id}.png").write_bytes(b"x")
        score = said["one"][one.prompt_id, 0] = float(rng.random() < 0.5)
        lines.append([f"one-{one.prompt_id}", "judge", score, score])
    made = open_benchmark(root)
    made.write_items()
    (root / "scores").mkdir()
    with (root / "scores" / "scores.csv").open("w", newline="") as file:
        csv.writer(file).writerows(lines)
    return made, said


def filled(said, way):
    """The images that count in a way, by prompt."""
    found = {}
    for (prompt, _), score in said.items():
        if np.isnan(score) and way == "left_out":
            continue
        value = score if not np.isnan(score) else float(way == "as_passes")
        found.setdefault(prompt, []).append(value)
    return found


def of_cell(images, domain):
    return {p: values for p, values in images.items() if p.rpartition("-")[0] == domain}


def images_mean(images):
    """Every image counts alike."""
    return np.mean([v for values in images.values() for v in values])


def interval(value, without_each, prompts, images):
    """Wilson's, worth d (1 - d) / s² observations, s from leaving out each prompt, with Student's t."""
    b = len(without_each)
    error = np.sqrt((b - 1) / b * np.sum((without_each - np.mean(without_each)) ** 2))
    n = prompts if value in (0, 1) else min(value * (1 - value) / error**2, images)
    square = student.ppf(0.975, prompts - 1) ** 2
    centre = (value + square / (2 * n)) / (1 + square / n)
    half = np.sqrt(square * (value * (1 - value) / n + square / (4 * n * n))) / (1 + square / n)
    return centre - half, centre + half


@pytest.mark.parametrize("generator", ["many", "one"])
@pytest.mark.parametrize("way", ["as_misses", "left_out", "as_passes"])
def test_cells_means_and_intervals_by_hand(judged, generator, way):
    made, said = judged
    figures = next(r for r in rows_of(made) if r.generator == generator).tasks["t2i"]
    images = filled(said[generator], way)
    for domain, size in SIZES.items():
        own = of_cell(images, domain)
        found = getattr(figures.cells[domain].accuracy, way)
        assert found.value == pytest.approx(images_mean(own))
        assert found.n == sum(map(len, own.values()))
        without = np.array([images_mean({q: v for q, v in own.items() if q != p}) for p in own])
        assert (found.low, found.high) == pytest.approx(interval(found.value, without, size, found.n))
    # the mean is that of the sub-domains, however many prompts and images each has
    mean = getattr(figures.mean.accuracy, way)
    cells = [images_mean(of_cell(images, domain)) for domain in SIZES]
    assert mean.value == pytest.approx(np.mean(cells))
    # a prompt that is left out takes its images' weights, 1 / images of its sub-domain, with it
    weight = {d: 1 / sum(map(len, of_cell(images, d).values())) for d in SIZES}
    rows = [(p, weight[p.rpartition("-")[0]], v) for p, values in images.items() for v in values]
    without = np.array(
        [
            np.average([v for q, _, v in rows if q != p], weights=[w for q, w, _ in rows if q != p])
            for p in images
        ]
    )
    assert (mean.low, mean.high) == pytest.approx(
        interval(mean.value, without, sum(SIZES.values()), len(rows))
    )


def test_all_that_was_asked_for_is_counted(judged):
    made, said = judged
    figures = next(r for r in rows_of(made) if r.generator == "many").tasks["t2i"]
    for domain, size in SIZES.items():
        own = [s for (p, _), s in said["many"].items() if p.rpartition("-")[0] == domain]
        three = figures.cells[domain].accuracy
        assert three.n == 3 * size == len(own)
        assert three.coverage == pytest.approx(np.mean(~np.isnan(own)))
    assert figures.mean.accuracy.n == 3 * sum(SIZES.values())


def test_generators_differ_by_what_their_rows_say(judged):
    """In each sub-domain, and in the mean of the sub-domains, however many prompts each has."""
    made, _ = judged
    many, one = (row.tasks["t2i"] for row in rows_of(made))
    pairs = {pair.cell: pair for pair in compare_generators(made)[0].pairs}
    assert pairs.keys() == {*SIZES, "mean"}
    for name, pair in pairs.items():
        scores = [figures.cells.get(name, figures.mean).score.as_misses.value for figures in (many, one)]
        assert pair.difference.value == pytest.approx(scores[0] - scores[1]), name
    # each prompt that is left out takes its weight, 1 / prompts of its sub-domain, with it
    found = pairs["mean"].difference
    assert found.low < found.value < found.high


def test_judges_that_order_the_generators_otherwise_are_named(judged):
    made, _ = judged
    many, one = rows_of(made)
    turned = [replace(many, judge="b", generator="one"), replace(one, judge="b", generator="many")]
    scores = [row.tasks["t2i"].mean.score.as_misses.value for row in (many, one)]
    assert scores[0] != scores[1]
    first, second = ("many", "one") if scores[0] > scores[1] else ("one", "many")
    assert ordered_otherwise([many, one, *turned]) == [Otherwise("t2i", first, second, "judge", "b")]
    assert ordered_otherwise([many, one, replace(many, judge="b"), replace(one, judge="b")]) == []


def test_rows_typed_from_a_paper_stand_beside(judged, tmp_path, capsys):
    made, _ = judged
    paper = tmp_path / "paper.csv"
    paper.write_text("generator,task,camera_pose,intrinsic,egocentric\nTheirs,t2i,59.5,25,\n")
    assert invoke(["benchmark", "table", str(made.root), str(paper), "--out", str(tmp_path / "out")]) == 0
    told = capsys.readouterr().out
    assert "Theirs, published" in told
    assert "0.595, –" in told
    assert "place –" in told
    (row,) = [r for r in read_rows(tmp_path / "out" / "table.json") if r.judge == "published"]
    cell = row.tasks["t2i"].cells["camera_pose"].score
    assert (cell.left_out.value, cell.as_misses.value, cell.as_passes.value) == (0.595, None, None)
    assert row.tasks["t2i"].mean.score.left_out.value is None  # of nine sub-domains two are known
    for text in ("table.html", "table.md", "table.tex"):
        assert "0.595" in (tmp_path / "out" / text).read_text(encoding="utf-8")
    paper.write_text("generator,task,camera_pose\nA,t2i,595\nB,video,1\nC,edit,\n")
    assert invoke(["benchmark", "table", str(made.root), str(paper)]) == 2
    told = capsys.readouterr().err
    for wrong in (
        "camera_pose",
        "595",
        "expected per cent",
        "expected t2i or edit",
        "no column holds a figure",
    ):
        assert wrong in told
