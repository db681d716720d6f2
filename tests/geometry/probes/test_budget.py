"""What stated errors of perception cost: by value where it follows from the noise, and never less for more of it."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from math import cos, exp, log, radians, sin
from pathlib import Path

import numpy as np
import pytest
from scene_documents import scene_document
from scipy.stats import norm

from genspace.documents import to_dict
from genspace.gather import evidence_of
from genspace.geometry.noise import TYPICAL, Noise, parse_noise
from genspace.geometry.probes.budget import error_budget
from genspace.records import Item
from genspace.report.probes import probe_report
from genspace.study import open_study

QUICKSTART = Path(__file__).resolve().parents[3] / "examples" / "quickstart"
GRADED = (np.arange(40) + 0.5) / 20 - 1
"""Errors in tolerances, from -1 to 1: 40 scenes; those about a share of objects use a part."""


def thing(name, centre, heading_deg):
    """A cube with a front; `heading_deg` is atan2(front x, front z)."""
    s, c = sin(radians(heading_deg)), cos(radians(heading_deg))
    return {
        "id": name, "centre": [float(v) for v in centre], "extent": [0.3, 0.3, 0.3], "has_front": True,
        "rotation": [[s, 0, c], [0, -1, 0], [c, 0, -s]], "rotation_frame": "camera", "rotation_confidence": 1.0,
    }  # fmt: skip


def turned(error):
    """Seen from its left but for an error of up to twice the tolerance of 30 degrees."""
    return [thing("a", (0, 0, 4), -90 - 60 * error)]


def looked_down_on(error):
    """Seen from its left and from up to 90 degrees above; the tolerance is 45."""
    above = radians(45 + 30 * error)
    return [thing("a", (0, 4 * sin(above), 4 * cos(above)), -90)]


def far(error):
    """At 4 m but for a relative error of up to twice the tolerance of 1/3."""
    return [thing("a", (0, 0, 4 * (1 + 2 / 3 * error)), 0)]


def side_by_side(error):
    """One metre apart across the line of sight, but for the same relative error."""
    half = (1 + 2 / 3 * error) / 2
    return [thing("a", (-half, 0, 3), 0), thing("b", (half, 0, 3), 0)]


def one_behind(error):
    """A nearer than b by up to a fifth, or farther: no tolerance."""
    x, z = sin(0.1), cos(0.1)
    behind = 3 * exp(0.2 * error)
    return [thing("a", (-3 * x, 0, 3 * z), 0), thing("b", (behind * x, 0, behind * z), 0)]


def within(value, low, high, deviation):
    """Probability that a normal value lies between two limits."""
    return norm.cdf((high - value) / deviation) - norm.cdf((low - value) / deviation)


@dataclass
class Case:
    """Scenes by their error, what is asked, and the probability of yes that follows from the noise."""

    scene: object
    predicate: str
    truth: object
    yes: object


LEFT = "camera_pose(a, view=left)"
# Headings turn by N(0, 12°) against 30°. A whole turn of the front makes no of yes and leaves no.
# The elevation gains the pitch's error, N(0, 4°). Distances are multiplied by exp(N(0, 0.2)), those across the line of
# sight divided by the focal length's factor. ln(d_b / d_a) gains the difference of two independent N(0, 0.05).
CASES = {
    "azimuth=12": Case(turned, LEFT, lambda e: abs(e) <= 0.5, lambda e: within(60 * e, -30, 30, 12)),
    "flipped=0.3": Case(turned, LEFT, lambda e: abs(e) <= 0.5, lambda e: 0.7 * (abs(e) <= 0.5)),
    "gravity=4": Case(looked_down_on, LEFT, lambda e: e <= 0, lambda e: within(45 + 30 * e, -45, 45, 4)),
    "depth=0.2": Case(
        far, "camera_distance(a, value_m=4)", lambda e: abs(e) <= 0.5,
        lambda e: within(log(1 + 2 / 3 * e), log(2 / 3), log(4 / 3), 0.2),
    ),
    "focal=0.2": Case(
        side_by_side, "object_distance(a, b, value_m=1)", lambda e: abs(e) <= 0.5,
        lambda e: within(log(1 + 2 / 3 * e), log(2 / 3), log(4 / 3), 0.2),
    ),
    "relative_depth=0.05": Case(
        one_behind, "egocentric(a, b, relation=closer)", lambda e: e >= 0,
        lambda e: norm.cdf(0.2 * e / (0.05 * 2**0.5)),
    ),
}  # fmt: skip


class Written(dict):
    """Files of scenes in memory."""

    read = dict.__getitem__
    exists = dict.__contains__


def probes(case):
    """Rows and files of the case's 40 scenes."""
    rows = [
        Item(
            item_id=f"p{i}", image=f"p{i}.jpg", predicate=case.predicate, extra={"truth": int(case.truth(e))}
        )
        for i, e in enumerate(GRADED)
    ]
    documents = (json.dumps(scene_document(case.scene(e))).encode() for e in GRADED)
    return rows, Written(zip((f"p{i}.scene.json" for i in range(len(GRADED))), documents, strict=True))


@pytest.mark.parametrize("noise", CASES)
def test_what_an_error_costs_follows_from_its_size(noise):
    case, repeats = CASES[noise], 10
    rows, files = probes(case)
    none, alone = error_budget(rows, files, parse_noise(noise), repeats=repeats)
    assert (none.accuracy, none.coverage) == (1, 1)
    right = np.array([case.yes(e) if case.truth(e) else 1 - case.yes(e) for e in GRADED])
    deviation = np.sqrt((right * (1 - right)).sum() / repeats) / len(right)
    assert 0.005 < deviation < 0.02  # the tolerance below is 2 to 8 points
    assert alone.lost == pytest.approx(1 - right.mean(), abs=4 * deviation)
    assert alone.lost > 4 * deviation  # the error is not without effect
    assert alone.coverage == 1


def test_missed_objects_cost_answers_and_no_agreement():
    # a question about one object stays answered with 1 - 0.3 = 0.7, about two with 0.49; 400 draws each: 4 x 2.5 points
    for case, answered in ((CASES["azimuth=12"], 0.7), (CASES["focal=0.2"], 0.49)):
        _, alone = error_budget(*probes(case), Noise(missed=0.3), repeats=10)
        assert alone.coverage == pytest.approx(answered, abs=0.1)
        assert alone.accuracy == 1


def test_errors_together_cost_what_follows_from_each():
    """A turned and perhaps flipped and perhaps missed object: yes needs all three to go well."""
    case = CASES["azimuth=12"]
    *_, together = error_budget(*probes(case), Noise(azimuth=12, flipped=0.3, missed=0.3), repeats=10)
    yes = np.array([0.7 * case.yes(e) for e in GRADED])
    right = np.array([y if case.truth(e) else 1 - y for e, y in zip(GRADED, yes, strict=True)])
    deviation = np.sqrt((right * (1 - right)).sum() / (10 * 0.7)) / len(right)
    assert together.error == "all together"
    assert together.accuracy == pytest.approx(right.mean(), abs=4 * deviation)
    assert together.coverage == pytest.approx(0.7, abs=0.1)


def test_the_budget_of_rendered_probes_falls_with_every_error_and_most_with_all_together():
    study = open_study(QUICKSTART)
    rows = list(study.iter_items())
    tables = [error_budget(rows, study.files, TYPICAL.scaled(f), repeats=2) for f in (0.5, 1.0, 2.0)]
    for half, typical, double in zip(*tables, strict=True):
        for figure in ("accuracy", "coverage"):
            assert getattr(half, figure) >= getattr(typical, figure) >= getattr(double, figure), half.error
    for table in tables:
        none, *alone, together = table
        assert [r.error.partition("=")[0] for r in alone] == list(TYPICAL.alone())
        assert (none.accuracy, none.lost) == (1, 0)
        assert together.accuracy < min(r.accuracy for r in alone)
    for row in tables[2][1:-1]:
        assert (row.coverage if row.error.startswith("missed") else row.accuracy) < 1, row


def test_the_curve_of_the_rules_with_known_noise_is_recovered(tmp_path, genspace):
    """With headings wrong by N(0, 12°) half of the scenes at the tolerance of 30° pass: threshold 1.

    The curve is the normal one of deviation 12/30; the logistic one nearest to it has 1.6 to 1.8 times its inverse as
    slope: -4.0 to -4.5 (1.702 where the largest difference is least: Haley 1952).
    """
    n = 500
    errors = 2 * (np.arange(n) + 0.5) / n
    (tmp_path / "images").mkdir()
    fixed = {"prompt_id": "t2i-camera_pose-left", "sub_domain": "camera_pose", "variant": "left", "kind": "graded",
             "predicate": LEFT, "true_variant": "left", "egocentric_answer": 0}  # fmt: skip
    rows = []
    for i, error in enumerate(errors):
        document = scene_document(turned(error / 2))
        (tmp_path / "images" / f"p{i}.scene.json").write_text(json.dumps(document))
        row = {"item_id": f"p{i}", "image": f"p{i}.jpg", "error": 30 * error, "truth": int(error <= 1)}
        rows.append(row | fixed)
    with (tmp_path / "items.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    (tmp_path / "study.toml").write_text('[judges.noisy]\nkind = "scene"\nnoise = "azimuth=12"\n')
    result = genspace("judge", tmp_path, "--judge", "noisy")
    assert result.code == 0, result.err
    document = to_dict(probe_report(evidence_of(open_study(tmp_path)), draws=100))
    fit = document["judges"]["noisy"]["variants"]["t2i-camera_pose-left"]["fit"]
    assert fit["threshold"]["low"] <= 1 <= fit["threshold"]["high"]
    assert fit["slope"]["low"] <= -4.0
    assert fit["slope"]["high"] >= -4.5
    assert fit["threshold"]["high"] - fit["threshold"]["low"] < 0.2
    assert fit["slope"]["high"] - fit["slope"]["low"] < 2.5
