"""A judge over time: what changed between two runs, and rules that judges must meet, by values known otherwise."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
import pytest
from drifting import DROPPED, KAPPA, Drifting
from sklearn.metrics import cohen_kappa_score

import genspace
from genspace.analysis.gate import Rule, gate
from genspace.analysis.inference.intervals import Passing, Support, on_scale
from genspace.analysis.inference.replicates import StandardError
from genspace.display import view_of
from genspace.errors import InputError
from genspace.evidence import Evidence
from genspace.records import StudySettings

KAPPA_FIRST = StudySettings(primary="cohen_kappa")


def run_of(
    passed: dict[str, list[Any]],
    people: list[Any],
    *,
    each: int = 2,
    reasons: tuple[str, ...] = ("not visible",),
    **more: list[Any],
) -> Evidence:
    """Judges that say yes and no, `each` items a prompt."""
    ids = [f"i{n:03}" for n in range(len(people))]
    rows = [
        {"item_id": i, "judge": judge, "passed": p, "score": p} if p is not None else
        {"item_id": i, "judge": judge, "passed": None, "score": None, "status": "abstained",
         "reason": reasons[k % len(reasons)]}
        for judge, said in passed.items() for k, (i, p) in enumerate(zip(ids, said, strict=True))
    ]  # fmt: skip
    return Evidence.from_frames(
        pd.DataFrame({"item_id": ids, "prompt_id": [f"p{n // each}" for n in range(len(ids))], **more}),
        pd.DataFrame({"item_id": ids, "rater_id": "ann", "value": people}).dropna(),
        pd.DataFrame(rows),
        settings=KAPPA_FIRST,
    )


def drifted(n: int = 120) -> tuple[list[int], list[int], list[int]]:
    """People, a judge that errs on every tenth item, and the same judge that errs on every third besides."""
    people = [(k // 3) % 2 for k in range(n)]
    old = [1 - y if k % 10 == 0 else y for k, y in enumerate(people)]
    return people, old, [1 - v if k % 3 == 1 else v for k, v in enumerate(old)]


def test_a_drop_is_told_with_its_size_and_every_flip() -> None:
    people, old, new = drifted()
    found = genspace.diff(run_of({"vlm": old}, people), run_of({"vlm": new}, people)).document
    (row,) = found.judges
    before, now = (cohen_kappa_score(people, said) for said in (old, new))
    assert (row.old.figure.value, row.new.figure.value) == pytest.approx((before, now))
    assert row.difference.value == pytest.approx(now - before)
    assert row.difference.low < now - before < row.difference.high < 0
    assert (row.standing, row.p_holm) == ("behind", row.p)
    flipped = {f"i{k:03}" for k in range(120) if old[k] != new[k]}
    assert {flip.item_id for flip in row.flips} == flipped
    assert row.n_flipped == len(flipped) == 40
    right = sum(new[k] == people[k] != old[k] for k in range(120))
    assert (row.n_right, row.n_wrong) == (right, 40 - right)
    assert row.repeats.value == pytest.approx(80 / 120)
    assert [f.now for f in row.flips] == ["wrong"] * row.n_wrong + ["right"] * row.n_right


def test_the_other_way_round_everything_is_turned() -> None:
    people, old, new = drifted()
    there = genspace.diff(run_of({"vlm": old}, people), run_of({"vlm": new}, people)).document.judges[0]
    back = genspace.diff(run_of({"vlm": new}, people), run_of({"vlm": old}, people)).document.judges[0]
    assert (there.standing, back.standing) == ("behind", "ahead")
    assert (there.difference.low, there.difference.high) == pytest.approx(
        (-back.difference.high, -back.difference.low)
    )
    assert (there.n_right, there.n_wrong, there.p) == (back.n_wrong, back.n_right, pytest.approx(back.p))


def test_the_same_answers_are_identical_and_raise_no_alarm() -> None:
    people, old, _ = drifted()
    run = run_of({"vlm": old}, people)
    assert genspace.diff(run, run).document.judges[0].standing == "identical"
    assert genspace.gate(run, against=run).passed


def test_peoples_answers_are_held_fixed_and_told_apart() -> None:
    """The judge stays; people turn a fifth of their answers, add some and take some back."""
    people, old, _ = drifted()
    turned = [1 - y if k % 5 == 0 else y for k, y in enumerate(people)]
    before = [None if k >= 116 else y for k, y in enumerate(people)]
    after = [None if k in {1, 2} else y for k, y in enumerate(turned)]
    found = genspace.diff(run_of({"vlm": old}, before), run_of({"vlm": old}, after)).document
    assert (found.answers.came, found.answers.went) == (4, 2)
    assert found.answers.changed == sum(k % 5 == 0 for k in range(116) if k not in {1, 2})
    (row,) = found.judges
    assert (row.standing, row.n_flipped) == ("identical", 0)
    assert row.under_old_answers.value == pytest.approx(cohen_kappa_score(people[:116], old[:116]))
    kept = [k for k in range(120) if k not in {1, 2}]
    assert row.new.figure.value == pytest.approx(
        cohen_kappa_score([turned[k] for k in kept], [old[k] for k in kept])
    )


def test_coverage_and_abstentions_by_kind() -> None:
    people, old, _ = drifted(40)
    silent = [None if k < 6 else v for k, v in enumerate(old)]
    (row,) = genspace.diff(run_of({"vlm": old}, people), run_of({"vlm": silent}, people)).document.judges
    assert (row.old.coverage.value, row.new.coverage.value) == (1.0, 34 / 40)
    assert dict(row.new.reasons) == {"abstained: not visible": 6}
    assert (row.difference.n, row.repeats.n, row.repeats.value) == (34, 34, 1.0)


def test_the_same_kinds_of_abstention_are_told_apart_in_both_runs() -> None:
    """Of many kinds the most frequent in both runs together are named, the rest counted as one."""
    people, old, _ = drifted(80)

    silent = {"vlm": [None if k < 40 else v for k, v in enumerate(old)]}
    runs = [run_of(silent, people, reasons=tuple(f"kind {k}" for k in range(kinds))) for kinds in (20, 40)]
    (row,) = genspace.diff(*runs).document.judges
    assert set(row.old.reasons) - {"other kinds"} >= set(row.new.reasons) - {"other kinds"}
    assert (sum(row.old.reasons.values()), sum(row.new.reasons.values())) == (40, 40)
    assert row.new.reasons["other kinds"] > row.old.reasons["other kinds"]


def test_judges_and_items_that_come_and_go() -> None:
    people, old, new = drifted(40)
    before = run_of({"vlm": old, "clip": old}, people)
    after = run_of({"vlm": new[:36], "scene": new[:36]}, people[:36])
    found = genspace.diff(before, after).document
    assert (found.items.old, found.items.new, found.items.went) == (40, 36, 4)
    rows = {row.judge: row for row in found.judges}
    assert (rows["clip"].new, rows["scene"].old) == (None, None)
    assert rows["clip"].difference.reason.code == "not_in_both_runs"
    assert rows["vlm"].difference.n == 36


def test_several_judges_are_one_family() -> None:
    people, old, new = drifted()
    few = [1 - v if k in {3, 13, 23, 33, 43, 53, 63} else v for k, v in enumerate(old)]
    rows = genspace.diff(
        run_of({"a": old, "b": old}, people), run_of({"a": new, "b": few}, people)
    ).document.judges
    p = {row.judge: row.p for row in rows}
    assert [row.p_holm for row in rows] == pytest.approx([min(1, 2 * p["a"]), max(p["b"], 2 * p["a"])])


def test_preferences_flip_whichever_way_the_pair_is_listed() -> None:
    items = pd.DataFrame(
        {
            "item_id": [f"{p}{s}" for p in range(12) for s in "xy"],
            "prompt_id": [p for p in range(12) for _ in "xy"],
        }
    )
    first, second = items["item_id"][0::2].to_numpy(), items["item_id"][1::2].to_numpy()
    said = pd.DataFrame({"item_id": first, "item_id_b": second, "rater_id": "ann", "value": [1, 0] * 6})

    def run(score: list[float], a: np.ndarray, b: np.ndarray) -> Evidence:
        scores = pd.DataFrame({"item_id": a, "item_id_b": b, "judge": "vlm", "score": score})
        return Evidence.from_frames(items, said, scores)

    old = [1.0, 0] * 6
    new = [1 - v if k < 3 else v for k, v in enumerate(old)]
    (row,) = genspace.diff(run(old, first, second), run([1 - v for v in new], second, first)).document.judges
    assert (row.answers, row.n_flipped, row.n_wrong) == ("preferences", 3, 3)
    assert (row.flips[0].item_id, row.flips[0].item_id_b, row.flips[0].old, row.flips[0].new) == (
        "0x",
        "0y",
        1,
        -1,
    )


def test_scores_move_and_do_not_flip() -> None:
    ids = [f"{n:02}" for n in range(30)]
    items = pd.DataFrame({"item_id": ids, "prompt_id": [n // 3 for n in range(30)]})
    said = pd.DataFrame({"item_id": ids, "rater_id": "ann", "value": [1 + n % 5 for n in range(30)]})

    def run(score: list[float]) -> Evidence:
        return Evidence.from_frames(
            items, said, pd.DataFrame({"item_id": ids, "judge": "clip", "score": score})
        )

    old = [0.1 * (n % 5) + 0.01 * (n % 3) for n in range(30)]
    moved = {7: 0.3, 4: 0.05, 11: 1e-16}  # the last by rounding alone
    new = [v + moved.get(n, 0) for n, v in enumerate(old)]
    assert new[11] != old[11]
    (row,) = genspace.diff(run(old), run(new)).document.judges
    assert (row.answers, [f.item_id for f in row.flips]) == ("scores", ["07", "04"])
    assert row.repeats.value == pytest.approx(28 / 30)


def test_figures_alone_give_no_claim() -> None:
    people, old, new = drifted()
    before, after = (
        genspace.compare(run_of({"vlm": v}, people), draws=0, permutations=0) for v in (old, new)
    )
    read = type(before).from_dict(before.to_dict())
    for old_side, new_side in ((read, after), (read, run_of({"vlm": new}, people))):
        (row,) = genspace.diff(old_side, new_side).document.judges
        assert (row.standing, row.difference.reason.code) == ("not compared", "figures_alone")
        assert row.difference.value == pytest.approx(
            cohen_kappa_score(people, new) - cohen_kappa_score(people, old)
        )


# --- gate ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("scene: cohen_kapa.low >= 0.6", "did you mean 'cohen_kappa'"),
        ("scene: cohen_kappa.high >= 0.6", "a lower bound is"),
        ("scene: cohen_kappa > 0.6", "a lower bound is"),
        ("scene is good", "cannot be read"),
        ("scene not worse than vlm", "takes a margin"),
        ("scene not behind before by 0.1", "takes a margin"),
        ("scene not worse than vlm by -0.1", "takes a margin"),
        ("scene: cohen_kappa.low >= 7", "cohen_kappa lies between -1 and 1"),
        ("scene: roc_auc.low >= 0.6 supposing 1.5", "roc_auc lies between 0 and 1"),
        ("coverage >= 90", "coverage lies between 0 and 1, so never at 90"),
        ("scene not worse than scene by 0.05", "with itself"),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_read_says_why(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        Rule.parse(text)


def test_judges_with_colons_and_spaces() -> None:
    rule = Rule.parse("vlm:gpt-4.1 mini not worse than hf:Qwen/Qwen2 by .05 supposing -0.01")
    assert (rule.judge, rule.other, rule.value, rule.supposing) == (
        "vlm:gpt-4.1 mini",
        "hf:Qwen/Qwen2",
        0.05,
        -0.01,
    )
    assert [Rule.parse(f"{who}not behind before").judge for who in ("", "each ", "every judge ")] == [
        None
    ] * 3
    assert Rule.parse("graded_auc >= .7").of == "pairwise_half_credit"


def test_rules_are_decided_on_the_ends_of_corrected_intervals() -> None:
    people, old, new = drifted()
    run = run_of({"a": old, "b": new}, people)
    rules = [
        "a: cohen_kappa.low >= 0.5",
        "b: cohen_kappa.low >= 0.7",
        "a: accuracy.low >= 0.86",
        "coverage >= 0.9",
    ]
    checks = gate(run, rules).document.checks
    assert [c.outcome for c in checks] == ["met", "not met", "open", "met", "met"]
    assert [c.confidence for c in checks] == [pytest.approx(1 - 0.05 / 3)] * 2 + [0.95, None, None]
    alone = gate(run, rules[:1]).document.checks[0].found
    first = checks[0].found
    quantile = [StandardError(1, 59).beyond(1)]  # the test below needs the same degrees of freedom
    assert quantile[0] > 0
    halves = [math.atanh(e.value) - math.atanh(e.low) for e in (first, alone)]
    from scipy.stats import t

    assert halves[0] / halves[1] == pytest.approx(t.ppf(1 - 0.05 / 6, 59) / t.ppf(0.975, 59), rel=1e-6)


def test_open_is_counted_as_the_user_says() -> None:
    people, old, _ = drifted()
    run = run_of({"a": old}, people)
    assert not gate(run, ["a: accuracy.low >= 0.88"]).passed
    assert gate(run, ["a: accuracy.low >= 0.88"], open_rules="passes").passed


def test_what_a_gate_cannot_ask() -> None:
    people, old, _ = drifted()
    run = run_of({"a": old}, people)
    for rules, told in (
        (["b: accuracy >= 0.5"], "no judge 'b'"),
        (["human: accuracy >= 0.5"], "no judge 'human'"),
        (["a not behind before"], "earlier run"),
        (["pair_agreement.low >= 0.5"], "a figure of pairs: here people rated items"),
        ([], "no rule"),
    ):
        with pytest.raises(InputError, match=told):
            gate(run, rules)
    with pytest.raises(InputError, match="no judge is in both runs"):
        gate(run, ["not behind before"], against=run_of({"c": old, "d": old}, people))


def test_a_figure_is_printed_on_its_side_of_the_threshold() -> None:
    """0.8996 is no 0.900 beside "at least 0.9"; a cost that nothing tells has its reason."""
    people = [k % 2 for k in range(2500)]
    said = [None if k < 251 else v for k, v in enumerate(people)]
    found = gate(run_of({"a": said}, people), ["coverage >= 0.9", "usd <= 1"])
    first, second = view_of(found).rows
    assert (first[2], first[4]) == ("0.8996", "not met")
    assert second[4] == "open, fails (the judge's verdicts do not record it)"


def test_a_drop_fails_the_gate_and_a_gain_does_not() -> None:
    people, old, new = drifted()
    before, after = run_of({"a": old}, people), run_of({"a": new}, people)
    rules = ["a not behind before", "a not worse than before by 0.05", "a ahead of before", "repeats >= 0.9"]
    assert [c.outcome for c in gate(after, rules, against=before).document.checks] == ["not met"] * 4
    assert [c.outcome for c in gate(before, rules, against=after).document.checks] == ["met"] * 3 + [
        "not met"
    ]


def test_a_rule_that_claims_nothing_stays_in_the_list() -> None:
    """What is merely not shown to be behind does not make the others easier."""
    people, old, _ = drifted()
    run = run_of({"a": old, "b": old[::-1]}, people)
    checks = gate(run, ["a not behind before", "a: accuracy.low >= 0.86"], against=run).document.checks
    assert [c.confidence for c in checks] == [0.975, 0.975]


@pytest.mark.parametrize("scale", ["correlation", "share", "raw"])
@pytest.mark.parametrize("at_least", [True, False])
def test_the_chance_to_pass_is_that_of_drawn_studies(scale: Any, at_least: bool) -> None:
    """Estimates are drawn around the true value with the error that the figure has there."""
    value, error, threshold, true = 0.72, StandardError(0.04, 39), 0.65, 0.74
    if not at_least:
        threshold, true = 0.8, 0.7
    support = Support(most=1e9, at_ends=40)
    passing = Passing.of(threshold, scale, value, error, support, at_least=at_least)
    rng = np.random.default_rng(1)

    def at(d: float) -> float:
        ratio = {
            "share": math.sqrt(d * (1 - d) / (value * (1 - value))),
            "correlation": (1 - d * d) / (1 - value**2),
        }
        return 0.04 * ratio.get(scale, 1.0)

    drawn = rng.normal(true, at(true), size=4000)
    ends = [
        on_scale(scale, float(d), StandardError(at(float(d)), 39), support)
        for d in np.clip(drawn, 0.01, 0.99)
    ]
    share = np.mean([low >= threshold if at_least else high <= threshold for low, high in ends])
    assert passing.chance(true) == pytest.approx(share, abs=0.03)
    assert passing.chance(passing.true(0.8)) == pytest.approx(0.8)


def test_a_drop_of_a_tenth_is_found_and_re_runs_raise_no_alarm() -> None:
    """The short form of tests/verify/verify_over_time.py."""
    found, alarms, runs = 0, 0, 32
    for seed in range(runs):
        drift = Drifting(prompts=100, seed=seed)
        old = drift.run(0)
        found += not genspace.gate(drift.run(1, drop=DROPPED), against=old).passed
        alarms += not genspace.gate(drift.run(2), against=old).passed
    sure = NormalDist().inv_cdf(0.999)
    assert found / runs > 0.85 - sure * math.sqrt(0.85 * 0.15 / runs)
    assert alarms / runs < 0.05 + sure * math.sqrt(0.05 * 0.95 / runs)
    assert KAPPA > 0
