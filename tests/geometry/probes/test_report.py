"""The probe report: planted judges are recovered, and every part of the page says what it should."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import dataclass

import numpy as np
import pytest

from genspace.analysis.reasons import Reason
from genspace.documents import to_dict
from genspace.errors import InputError
from genspace.gather import evidence_of
from genspace.geometry.probes.plans import PLANS
from genspace.records import Verdict
from genspace.report._probe_page import write_probe_report
from genspace.report.probes import plain, probe_report
from genspace.store import JudgeStore
from genspace.study import open_study

PLAN = PLANS["t2i-camera_pose-left"]
COLUMNS = ["item_id", "prompt_id", "sub_domain", "variant", "kind", "error", "truth", "true_variant", "egocentric_answer", "elevation_deg"]  # fmt: skip


@dataclass
class Case:
    """What a planted judge sees of a probe."""

    rng: np.random.Generator
    error: float
    """In tolerances; infinite for contrast probes."""
    elevation: float
    shown: str


def study(tmp_path, answer, *, n=600, contrast=30, seed=0):
    """A study of one variant without pictures, judged by `answer(case)`."""
    rng = np.random.default_rng(seed)
    rows = []
    with JudgeStore(tmp_path, "planted").writer() as writer:
        for i in range(n + contrast):
            error = None if i >= n else 2 * PLAN.inner * (i + 0.5) / n
            elevation = float(rng.uniform(0, 40))
            truth = int(error is not None and error <= PLAN.inner)
            shown = "left" if error is not None else ("right", "front", "back")[i % 3]
            # whoever takes the object's left for the viewer's sees the left when the right is shown
            egocentric = int(shown == "right") if error is None else 0
            kind = "contrast" if error is None else "graded"
            rows.append([f"p{i}", PLAN.name, PLAN.sub_domain, PLAN.variant, kind, error, truth, shown, egocentric, elevation])  # fmt: skip
            yes = answer(Case(rng, np.inf if error is None else error / PLAN.inner, elevation, shown))
            writer.write(Verdict(item_id=f"p{i}", passed=bool(yes), score=float(yes)))
    with (tmp_path / "items.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        table.writerows(rows)
    return open_study(tmp_path)


def logistic(threshold, slope):
    """A judge whose criterion lies at `threshold` tolerances, with logistic noise; contrast probes get no."""
    return lambda case: case.rng.logistic() < -slope * (case.error - threshold)


def exact(case):
    return case.error <= 1


def as_json(judged, *, draws):
    return to_dict(probe_report(evidence_of(judged), draws=draws))


def test_the_curve_of_a_judge_with_known_noise_is_recovered_within_its_interval(tmp_path):
    """Threshold 1.2 and slope -6 lie in at least 6 of 8 intervals of 95 % (fewer: 6 in 1,000 runs of a right fit)."""
    held = {"threshold": 0, "slope": 0}
    for seed in range(8):
        folder = tmp_path / str(seed)
        folder.mkdir()
        document = as_json(study(folder, logistic(1.2, 6.0), n=200, seed=seed), draws=100)
        fit = document["judges"]["planted"]["variants"][PLAN.name]["fit"]
        held["threshold"] += fit["threshold"]["low"] <= 1.2 <= fit["threshold"]["high"]
        held["slope"] += fit["slope"]["low"] <= -6.0 <= fit["slope"]["high"]
        assert fit["bias"]["value"] == pytest.approx(fit["threshold"]["value"] - 1)
        # 200 answers over [0, 2]: the threshold is known to a tenth of the tolerance
        assert fit["threshold"]["high"] - fit["threshold"]["low"] < 0.3
    assert held["threshold"] >= 6
    assert held["slope"] >= 6


def test_an_exact_judge_has_its_step_at_the_tolerance(tmp_path):
    document = as_json(study(tmp_path, exact), draws=20)
    judge = document["judges"]["planted"]
    assert judge["accuracy"] == 1
    # between the errors 299.5/300 and 300.5/300 the answer turns
    assert judge["variants"][PLAN.name]["fit"]["threshold"]["value"] == pytest.approx(1, abs=1 / 300)
    assert judge["variants"][PLAN.name]["fit"]["slope"]["value"] is None
    assert judge["yes_bias"]["more_yes_than_true"] == 0
    assert judge["frame"] == {"egocentric": 0.0, "n": judge["frame"]["n"], "frame": "object", "reason": None}


def test_yes_bias_of_one_who_always_says_yes(tmp_path):
    judge = as_json(study(tmp_path, lambda _: True), draws=0)["judges"]["planted"]
    # true: 300 of 630
    assert judge["yes_bias"]["more_yes_than_true"] == pytest.approx(1 - 300 / 630)
    fit = judge["variants"][PLAN.name]["fit"]
    assert fit["threshold"]["value"] is None
    assert fit["threshold"]["reason"] == {"code": "every_answer", "name": "yes", "n": None, "needed": None}


def test_taking_the_viewers_left_shows_as_frame_confusion_and_in_the_sides(tmp_path):
    """The judge answers yes whenever the right is shown, and no otherwise."""
    built = study(tmp_path, lambda case: case.shown == "right")
    judge = as_json(built, draws=0)["judges"]["planted"]
    sides = judge["sides"]["t2i camera_pose"]["left"]
    assert (sides["right"]["yes"], sides["front"]["yes"], sides["left"]["yes"]) == (1, 0, 0)
    assert (judge["frame"]["egocentric"], judge["frame"]["frame"]) == (1, "camera")
    (line,) = plain(probe_report(evidence_of(built), draws=0))
    assert "so it answers as the camera sees it" in line


def test_a_nuisance_that_matters_is_found_and_one_that_does_not_is_not(tmp_path):
    """Right up to 20 degrees of elevation, guessing above."""

    def answer(case):
        return exact(case) if case.elevation < 20 else case.rng.uniform() < 0.5

    entry = as_json(study(tmp_path, answer), draws=0)["judges"]["planted"]["nuisances"]["elevation_deg"]
    assert entry["low"] == 1
    assert entry["high"] == pytest.approx(0.5, abs=0.12)
    assert entry["correlation"] < -0.4


def test_people_stand_on_the_same_axis(tmp_path):
    built = study(tmp_path, logistic(1, 5))
    rows = [
        f"{item},{rater},{int(error <= PLAN.inner)}"
        for item, error in zip(built.items["item_id"], built.items["error"].astype(float), strict=True)
        for rater in ("ann", "truth")
    ]
    (tmp_path / "annotations.csv").write_text("item_id,rater_id,value\n" + "\n".join(rows) + "\n")
    document = as_json(open_study(tmp_path), draws=0)
    assert sorted(document["judges"]) == ["people", "planted"]
    assert document["judges"]["people"]["accuracy"] == 1


def study_of_kinds(tmp_path, rows):
    """A study of probes given as (kind, error in tolerances, what the judge says)."""
    with JudgeStore(tmp_path, "planted").writer() as writer:
        for i, (_, _, says) in enumerate(rows):
            said = (
                {"status": "abstained", "reason": "?"}
                if says is None
                else {"passed": says, "score": float(says)}
            )
            writer.write(Verdict(item_id=f"p{i}", **said))
    with (tmp_path / "items.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for i, (kind, error, _) in enumerate(rows):
            truth = "" if error is None else int(error <= 1)
            off = "" if error is None else error * PLAN.inner
            table.writerow([f"p{i}", PLAN.name, PLAN.sub_domain, PLAN.variant, kind, off, truth, "left", "", 10])  # fmt: skip
    return evidence_of(open_study(tmp_path))


KINDS = [
    *(("graded", 0.1 + 0.2 * i, i % 2 == 0) for i in range(10)),  # right by chance: 0.1 … 1.9
    *(("clear", 0.1, True) for _ in range(5)),
    *(("clear", 3.5, False) for _ in range(4)),
    ("clear", 3.5, True),
    ("clear", 3.5, None),
    ("cut", 0.2, None),
    ("cut", 0.2, True),
    ("hidden", 4.0, None),
    ("frontless", None, True),
    ("frontless", None, None),
]


def test_the_headline_comes_from_clear_probes(tmp_path):
    """9 of the 10 that are answered; Wilson's interval of 9 of 10 is (0.596, 0.982), as tables of it say."""
    found = probe_report(study_of_kinds(tmp_path, KINDS), draws=0)
    judge = found.judges["planted"]
    clear = judge.clear
    assert (clear.n, clear.answered, clear.share) == (11, 10, 0.9)
    assert (clear.low, clear.high) == (pytest.approx(0.596, abs=5e-4), pytest.approx(0.982, abs=5e-4))
    assert judge.sub_domains["t2i camera_pose"].clear == clear
    # of the graded ones yes at 0.1, 0.5, 0.9 and no at 1.1, 1.5, 1.9 are right, the four others are not
    assert (judge.n, judge.answered, judge.accuracy) == (21, 20, (9 + 6) / 20)
    assert plain(found)[0].startswith(
        "planted: right on 90% of 10 answered clear probes (95% interval 60% to 98%); with those near the threshold "
        "right on 75% of 20 answered probes"
    )


def test_what_is_hard_to_see_stands_apart(tmp_path):
    """Two of them are answered, one for a thing without a front; nothing else counts them."""
    found = probe_report(study_of_kinds(tmp_path, KINDS), draws=0)
    hard = found.judges["planted"].hard
    assert [(kind, right.answered, right.n) for kind, right in hard.items()] == [
        ("cut", 1, 2),
        ("hidden", 0, 1),
        ("frontless", 1, 2),
    ]
    assert (hard["cut"].share, hard["hidden"].share) == (1, None)
    assert (hard["hidden"].reason, hard["frontless"].reason) == (
        Reason("no_answers"),
        Reason("truth_unknown"),
    )
    assert "takes sides for things without a front in 1 of 2 probes" in plain(found)[0]
    page = write_probe_report(found, tmp_path / "out").read_text()
    assert "Clear probes, by sub-domain" in page
    assert "Hard to see" in page


def test_errors_far_beyond_the_threshold_stand_at_three_tolerances(tmp_path):
    rows = [("graded", 0.05 + 0.1 * i, i < 10) for i in range(20)] + [("clear", 5.9, False)] * 4
    found = probe_report(study_of_kinds(tmp_path, rows), draws=0)
    entry = found.judges["planted"].sub_domains["t2i camera_pose"]
    assert entry.n == 24
    assert entry.line[-1][0] == 3
    assert (entry.points[-1].error, entry.points[-1].yes, entry.points[-1].n) == (3.0, 0.0, 4)


def test_a_study_of_something_else_is_refused(tmp_path):
    (tmp_path / "items.csv").write_text("item_id\na\n")
    with pytest.raises(InputError, match="holds no probes"):
        probe_report(evidence_of(open_study(tmp_path)))


def test_a_sub_domain_without_a_curve_gets_no_empty_plot(tmp_path):
    page = write_probe_report(
        probe_report(evidence_of(study(tmp_path, exact, n=1, contrast=0)), draws=0), tmp_path / "out"
    )
    text = page.read_text()
    assert text.count("<svg") == 1  # the legend
    told = re.sub("<[^>]+>", "", text)  # words are links
    assert "No curve can be fitted to the answers on t2i camera pose" in told
    assert not list(page.parent.glob("*.svg"))


def test_the_command_writes_page_and_plots(tmp_path, genspace):
    study(tmp_path, logistic(1, 5), n=60)
    result = genspace("probe", "report", tmp_path, "--draws", 20)
    assert result.code == 0, result.err
    assert "planted: right on" in result.out
    page = (tmp_path / "reports" / "probes.html").read_text()
    assert "known truth</a>, not people" in page
    assert page.count("<svg") == 2  # the legend and one sub-domain
    assert (tmp_path / "reports" / "probes-t2i-camera_pose.svg").is_file()
    document = json.loads(genspace("probe", "report", tmp_path, "--draws", 0, "--json").out)
    assert document["probes"] == 90
