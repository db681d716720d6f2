"""Choosing among variants: unbiased where nothing differs, never by what is held out, within the budget.

Longer than 400 lines: its cases share one planted study.
"""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from genspace import open_study
from genspace.analysis.figures import FIGURES
from genspace.analysis.folds import FOLDS, REPEATS, outer_folds
from genspace.analysis.question import Question
from genspace.analysis.tuning import Candidate, Tuned, promising, tune
from genspace.display import view_of
from genspace.errors import InputError, InvalidFilesError
from genspace.gather import evidence_of
from genspace.judges import Budget, BudgetReachedError, JudgeSpec, make_judge, study_context
from genspace.records import Request, Verdict
from genspace.report._plots import money_curve
from genspace.runner import RunOptions, RunSummary, run
from genspace.study import JudgeTable, Study
from genspace.tuning import Space, _first_part, _winner, read_space, tune_study


def simulated(
    seed: int, *, variants: int = 40, better: float = 0.0, prompts: int = 40, each: int = 4
) -> Tuned:
    """Yes/no judges that are wrong on 30 % of the items; the last is better by so much."""
    rng = np.random.default_rng([seed, 5])
    n, labels = prompts * each, np.repeat(np.arange(prompts), each)
    y = (0.5 * rng.normal(size=prompts)[labels] + rng.normal(size=n) > 0).astype(float)
    wrong = [0.3 - (better if i == variants - 1 else 0.0) for i in range(variants)]
    made = [Candidate(f"v{i}", np.where(rng.random(n) < rate, 1 - y, y)) for i, rate in enumerate(wrong)]
    return tune(y, labels, made, FIGURES["accuracy"], seed=seed)


def test_among_equals_the_figure_is_unbiased_and_the_best_is_optimistic() -> None:
    found = [simulated(seed) for seed in range(60)]
    reached = np.array([run.reaches.value for run in found])
    spread = reached.std() / len(found) ** 0.5
    assert abs(reached.mean() - 0.7) <= max(0.01, 2.5 * spread)
    assert np.mean([run.says in {"open", "identical"} for run in found]) >= 0.93
    # the largest of 40 shares of 160 items at 0.7 lies about 2.16 standard errors above it
    expected = 2.16 * (0.7 * 0.3 / 160) ** 0.5
    assert np.mean([run.optimism for run in found]) == pytest.approx(expected, abs=0.015)


def test_one_that_is_truly_better_is_found() -> None:
    found = [simulated(seed, variants=8, better=0.2, prompts=100) for seed in range(12)]
    assert [run.winner for run in found] == ["v7"] * 12
    assert sum(run.says == "ahead" for run in found) >= 11
    assert np.mean([run.reaches.value for run in found]) == pytest.approx(0.9, abs=0.02)
    assert all(run.prompts_needed < 100 for run in found if run.says == "ahead")


def test_each_prompt_is_held_out_once_in_each_repeat() -> None:
    labels = np.repeat(np.arange(13), 3)
    held = outer_folds(labels)
    assert held.shape == (39, REPEATS * FOLDS)
    for repeat in range(REPEATS):
        part = held[:, repeat * FOLDS : (repeat + 1) * FOLDS]
        assert (part.sum(axis=1) == 1).all()
        assert all(len(set(labels[fold]) & set(labels[~fold])) == 0 for fold in part.T)


def test_what_is_held_out_has_no_part_in_the_choice() -> None:
    """A variant that is right exactly on one fold's held-out items is not chosen there for it."""
    labels = np.repeat(np.arange(20), 4)
    y = np.tile([0.0, 1.0], 40)
    held = outer_folds(labels, seed=3)[:, 0]
    plain = Candidate("plain", np.where(np.arange(80) % 4 == 0, 1 - y, y))
    poisoned = Candidate("poisoned", np.where(held, y, 1 - y))
    found = tune(y, labels, [plain, poisoned], FIGURES["accuracy"], seed=3)
    assert {row.name: row.chosen for row in found.candidates} == {"plain": 1.0, "poisoned": 0.0}
    assert found.says == "identical"


def test_what_is_held_out_has_no_part_in_the_choice_of_a_threshold() -> None:
    """One judge, cut at two thresholds: the one that is right exactly on what one fold holds out is not chosen for it."""
    labels = np.repeat(np.arange(20), 4)
    y = np.tile([0.0, 1.0], 40)
    held = outer_folds(labels, seed=3)[:, 0]
    usual = Candidate("judge", np.where(np.arange(80) % 4 == 0, 1 - y, y), threshold=0.5)
    poisoned = Candidate("judge", np.where(held, y, 1 - y), threshold=0.1)
    found = tune(y, labels, [usual, poisoned], FIGURES["accuracy"], seed=3)
    assert [(row.threshold, row.chosen) for row in found.candidates] == [(0.5, 1.0), (0.1, 0.0)]


def test_what_is_fitted_in_a_fold_is_read_there() -> None:
    rng = np.random.default_rng(3)
    labels, y = np.repeat(np.arange(20), 4), np.tile([0.0, 1.0], 40)
    held = outer_folds(labels)
    said = np.where(rng.random(held.shape) < np.linspace(0, 0.9, held.shape[1]), 1 - y[:, None], y[:, None])
    fitted = Candidate("fitted", np.where(np.arange(80) < 8, 1 - y, y), by_fold=said)
    always = Candidate("always yes", np.ones(80))
    found = tune(y, labels, [fitted, always], FIGURES["accuracy"])
    by_hand = [(said[out, k] == y[out]).mean() for k, out in enumerate(held.T)]
    assert found.default_reaches.value == pytest.approx(np.mean(by_hand))
    assert found.candidates[0].in_sample == pytest.approx(0.9)
    better = [(said[~out, k] == y[~out]).mean() >= 0.5 for k, out in enumerate(held.T)]
    assert 0 < found.candidates[0].chosen == np.mean(better) < 1


def test_a_price_decides_between_equals() -> None:
    labels, y = np.repeat(np.arange(20), 4), np.tile([0.0, 1.0], 40)
    rng = np.random.default_rng(1)
    dear = Candidate("dear", np.where(rng.random(80) < 0.1, 1 - y, y), cost_usd=0.02)
    cheap = Candidate("cheap", np.where(rng.random(80) < 0.15, 1 - y, y), cost_usd=0.001)
    free = tune(y, labels, [dear, cheap], FIGURES["accuracy"])
    priced = tune(y, labels, [dear, cheap], FIGURES["accuracy"], price=10.0)
    assert (free.winner, priced.winner) == ("dear", "cheap")
    assert [round(point.at_most_usd, 3) for point in free.money] == [0.001, 0.02]
    worse = Candidate("worse", np.where(np.arange(80) % 2, 1 - y, y), cost_usd=0.02)
    first, second = tune(y, labels, [cheap, worse], FIGURES["accuracy"]).money
    assert second.reaches == first.reaches, "more money buys nothing better"


def test_the_curve_of_money_holds_each_point_with_its_interval() -> None:
    labels, y = np.repeat(np.arange(20), 4), np.tile([0.0, 1.0], 40)
    rng = np.random.default_rng(1)
    made = [
        Candidate(f"v{usd}", np.where(rng.random(80) < wrong, 1 - y, y), cost_usd=usd)
        for usd, wrong in ((0.001, 0.3), (0.01, 0.2), (0.1, 0.1))
    ]
    found = tune(y, labels, made, FIGURES["accuracy"])
    assert [point.at_most_usd for point in found.money] == [0.001, 0.01, 0.1]
    assert found.money[0].reaches.value == found.default_reaches.value
    assert found.money[-1].reaches == found.reaches
    drawn = money_curve(found)
    (axes,) = drawn.figure.axes
    assert axes.lines[0].get_xydata().tolist() == [[p.at_most_usd, p.reaches.value] for p in found.money]
    ends = [line.get_segments()[0][:, 1].tolist() for line in axes.collections]
    assert ends == [[p.reaches.low, p.reaches.high] for p in found.money]
    assert "Agreement" in drawn or "accuracy" in drawn.lower()


def test_who_decides_too_little_is_never_chosen() -> None:
    labels, y = np.repeat(np.arange(20), 4), np.tile([0.0, 1.0], 40)
    seldom = Candidate("seldom", np.where(np.arange(80) < 60, y, np.nan))
    usual = Candidate("usual", np.where(np.arange(80) % 5 == 0, 1 - y, y))
    found = tune(y, labels, [usual, seldom], FIGURES["accuracy"])
    assert found.winner == "usual"
    with pytest.raises(ValueError, match="no candidate decides 90%"):
        tune(y, labels, [seldom, seldom], FIGURES["accuracy"])
    with pytest.raises(ValueError, match="9 prompts are too few"):
        tune(y[:36], labels[:36], [usual, usual], FIGURES["accuracy"])


def in_two_parts(seed: int, wrong: list[float], prompts: int = 60, each: int = 4) -> tuple[Tuned, np.ndarray]:
    """What is found where hopeless judges are dropped after 30 % of the prompts, and which were promising."""
    rng = np.random.default_rng([seed, 6])
    n, labels = prompts * each, np.repeat(np.arange(prompts), each)
    y = rng.integers(0, 2, n).astype(float)
    said = [np.where(rng.random(n) < rate, 1 - y, y) for rate in wrong]
    first, held = labels < 0.3 * prompts, outer_folds(labels, seed=seed)
    tried = [Candidate(f"v{i}", x[first]) for i, x in enumerate(said)]
    alive = promising(y[first], labels[first], tried, FIGURES["accuracy"], held[first], seed=seed)
    made = [
        Candidate(f"v{i}", np.where(first | row.any(), x, np.nan))
        for i, (x, row) in enumerate(zip(said, alive, strict=True))
    ]
    return tune(y, labels, made, FIGURES["accuracy"], held=held, alive=alive, seed=seed), alive


def test_hopeless_ones_are_dropped_early_and_equals_are_not() -> None:
    found = [in_two_parts(seed, [0.3] * 8 + [0.75] * 8) for seed in range(12)]
    alive = np.mean([kept.any(axis=1) for _, kept in found], axis=0)
    assert alive[0] == 1.0
    assert (alive[1:8] > 0.9).all()
    assert alive[8:].mean() < 0.4
    reached = np.array([run.reaches.value for run, _ in found])
    assert abs(reached.mean() - 0.7) <= max(0.01, 2.5 * reached.std() / 12**0.5)
    assert sum(run.says in {"open", "identical"} for run, _ in found) >= 11
    for tuned, kept in found:
        rows = {row.name: row for row in tuned.candidates}
        for i, row in enumerate(kept):
            assert rows[f"v{i}"].dropped == pytest.approx(1 - row[:-1].mean())
            assert row[:-1].any() or rows[f"v{i}"].chosen == 0


def test_what_is_held_out_drops_nobody() -> None:
    """Whatever people say of a fold's held-out prompts, the same candidates are dropped in it."""
    rng = np.random.default_rng(4)
    labels = np.repeat(np.arange(24), 4)
    y = rng.integers(0, 2, 96).astype(float)
    tried = [
        Candidate(f"v{i}", np.where(rng.random(96) < rate, 1 - y, y))
        for i, rate in enumerate([0.1, 0.25, 0.8])
    ]
    held = outer_folds(labels)
    usual = promising(y, labels, tried, FIGURES["accuracy"], held)
    assert usual[0].all()
    assert 0 < usual[1:].mean() < 1
    for fold in range(held.shape[1]):
        poisoned = promising(np.where(held[:, fold], 1 - y, y), labels, tried, FIGURES["accuracy"], held)
        assert (poisoned[:, fold] == usual[:, fold]).all()


# From a study ---------------------------------------------------------------------------------------------------


@pytest.fixture
def study(tmp_path: Path) -> Study:
    rows = [
        {"item_id": f"i{n}", "prompt_id": f"p{n // 4}", "image": "x.png", "prompt": "a cat"}
        for n in range(60)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "items.csv", index=False)
    said = [{"item_id": f"i{n}", "rater_id": "ann", "value": n % 2} for n in range(56)]
    pd.DataFrame(said).to_csv(tmp_path / "annotations.csv", index=False)
    return open_study(tmp_path)


class Wrong:
    """Is wrong on every so-manieth item, and costs a cent an answer."""

    def __init__(self, every: int, budget: Budget | None = None, *, replayed: bool = False) -> None:
        self.every, self.budget, self.asked, self.fingerprint = every, budget, [], f"wrong on every {every}th"
        self.details = {"calls": 1, "replayed": 1} if replayed else {"calls": 1}

    def judge(self, requests: Iterable[Request]) -> Iterator[Verdict]:
        for request in requests:
            if self.budget:
                self.budget.check()
                self.budget.spend(0.01)
            n = int(request.item.item_id[1:])
            self.asked.append(n)
            right = bool(n % 2) ^ (n % self.every == 0)
            yield Verdict.decided(
                request, score=0.8 if right else 0.2, passed=right, cost_usd=0.01, details=self.details
            )


def space(*names: str, drop_after: float = 0.0) -> Space:
    tables = {name: JudgeTable(kind="scene", model=None, options={}) for name in names}
    return Space(tables, (0.5,), 0.0, "accuracy", "tune.toml", drop_after)


def ask(judge: Wrong, spec: JudgeSpec, of: Study, options: RunOptions) -> RunSummary:
    try:
        return run(of, judge, spec.name, options)
    except BudgetReachedError:
        raise AssertionError from None


def test_a_variant_that_cannot_be_made_costs_nothing(study: Study) -> None:
    judges = {"plain": Wrong(3)}

    def make(spec: JudgeSpec, of: Study) -> Wrong:
        if spec.name not in judges:
            raise InputError("option 'boxes' = 'measurd'")
        return judges[spec.name]

    with pytest.raises(InputError, match="measurd"):
        tune_study(study, space("plain", "misspelt"), make=make, ask=ask)
    assert judges["plain"].asked == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ([1] * 56, "people say the same about every item"),
        ([0, 1] * 18, "9 of the 10 prompts"),
        ([], "nothing to tune on"),
    ],
)
def test_what_nothing_can_be_chosen_on_is_said_before_anybody_is_asked(
    study: Study, said: list[int], told: str
) -> None:
    rows = [{"item_id": f"i{n}", "rater_id": "ann", "value": value} for n, value in enumerate(said)]
    pd.DataFrame(rows, columns=["item_id", "rater_id", "value"]).to_csv(
        study.root / "annotations.csv", index=False
    )
    judges = {"plain": Wrong(3), "good": Wrong(29)}
    among = replace(space("plain", "good"), figure=None)
    with pytest.raises(InputError, match=told):
        tune_study(open_study(study.root), among, make=lambda spec, _: judges[spec.name], ask=ask)
    assert [judge.asked for judge in judges.values()] == [[], []]


def test_each_variant_is_asked_once_about_each_rated_item(study: Study) -> None:
    judges = {"plain": Wrong(3), "good": Wrong(29)}
    found = tune_study(study, space("plain", "good"), make=lambda spec, _: judges[spec.name], ask=ask)
    assert [sorted(j.asked) for j in judges.values()] == [list(range(56))] * 2
    assert (found.document.items, found.document.prompts, found.document.result.winner) == (56, 14, "good")
    assert tomllib.loads(found.document.winner_table) == {"judges": {"good": {"kind": "scene"}}}
    again = {"plain": Wrong(3), "good": Wrong(29)}
    tune_study(study, space("plain", "good"), make=lambda spec, _: again[spec.name], ask=ask)
    assert [j.asked for j in again.values()] == [[], []]
    assert not (study.root / "verdicts").exists()


def test_a_budget_is_kept_and_the_next_run_goes_on(study: Study) -> None:
    budget = Budget(0.8)
    judges = {"plain": Wrong(3, budget), "good": Wrong(29, budget)}
    with pytest.raises(InputError, match="good: not asked about every item"):
        tune_study(study, space("plain", "good"), make=lambda spec, _: judges[spec.name], ask=ask)
    assert budget.spent_usd <= 0.8 + 1e-9
    again = Budget(0.8)
    judges = {name: Wrong(every, again) for name, every in (("plain", 3), ("good", 29))}
    with pytest.raises(InputError, match="with a larger one"):
        tune_study(
            study, space("plain", "good"), make=lambda spec, _: judges[spec.name], ask=ask, budget=again
        )
    assert [judge.asked for judge in judges.values()] == [[], []]
    rest = {"plain": Wrong(3), "good": Wrong(29)}
    found = tune_study(study, space("plain", "good"), make=lambda spec, _: rest[spec.name], ask=ask)
    assert [len(j.asked) for j in rest.values()] == [0, 32]
    assert found.document.unfinished == ()


def test_the_default_is_taken_as_it_is_whatever_else_is_tried(study: Study) -> None:
    """Its scores are 0.8 and 0.2: above 0.1 all are a yes, half of them right; as it is one in three is wrong."""
    judges = {"plain": Wrong(3), "good": Wrong(29)}
    among = replace(space("plain", "good"), thresholds=(0.1, 0.5))
    found = tune_study(study, among, make=lambda spec, _: judges[spec.name], ask=ask).document.result
    assert [(row.name, row.threshold) for row in found.candidates] == [
        ("plain", 0.5), ("plain", 0.1), ("good", 0.1), ("good", 0.5),
    ]  # fmt: skip
    assert found.default_reaches.value == pytest.approx(found.candidates[0].in_sample, abs=0.01)
    assert found.default_reaches.value == pytest.approx(37 / 56, abs=0.01)
    asked = JudgeTable(kind="vlm", model="m", options={"pass_above": 0.7})
    among = replace(among, variants={"plain": asked, "good": among.variants["good"]})
    found = tune_study(study, among, make=lambda spec, _: judges[spec.name], ask=ask).document.result
    assert found.candidates[0].threshold == 0.7


def test_what_was_paid_before_any_tuning_does_not_count(study: Study) -> None:
    judges = {"plain": Wrong(3, replayed=True), "good": Wrong(29)}
    tune_study(study, space("plain", "good"), make=lambda spec, _: judges[spec.name], ask=ask)
    budget = Budget(1.0)
    tune_study(study, space("plain", "good"), make=lambda spec, _: judges[spec.name], ask=ask, budget=budget)
    assert budget.spent_usd == pytest.approx(0.56)


def test_where_the_data_cannot_tell_it_is_said_how_many_labels_would(study: Study) -> None:
    """z for 5 % two-sided and for 80 % power are 1.960 and 0.842; the interval is a t interval over 14 prompts."""
    judges = {"plain": Wrong(7), "good": Wrong(9)}
    found = tune_study(study, space("plain", "good"), make=lambda spec, _: judges[spec.name], ask=ask)
    result, gain = found.document.result, found.document.result.gain
    assert result.says == "open"
    error = (gain.high - gain.low) / 2 / t.ppf(0.975, 13)
    prompts = math.ceil(14 * ((1.95996 + 0.84162) * error / 0.1) ** 2)
    assert result.prompts_for_tenth == pytest.approx(prompts, abs=1)
    told = f"one of 0.100 with about {result.prompts_for_tenth:,} prompts like these ({4 * result.prompts_for_tenth:,} labelled items)"
    assert told in " ".join(view_of(found).sentences)


@pytest.mark.parametrize(("prompts", "share", "first"), [(60, 0.3, 18), (12, 0.3, 10), (60, 0.0, 60)])
def test_the_first_part_is_of_whole_prompts(prompts: int, share: float, first: int) -> None:
    labels = np.repeat(np.arange(prompts), 4)
    asked = _first_part(labels, share, seed=1)
    assert asked.sum() == 4 * first
    assert len(np.unique(labels[asked])) == first


def test_a_hopeless_variant_is_asked_about_the_first_part_alone(study: Study) -> None:
    judges = {"plain": Wrong(29), "good": Wrong(31), "bad": Wrong(1)}
    found = tune_study(study, space(*judges, drop_after=0.3), make=lambda spec, _: judges[spec.name], ask=ask)
    assert [len(judge.asked) for judge in judges.values()] == [56, 56, 40]  # ten prompts of four
    rows = {row.name: row for row in found.document.result.candidates}
    assert (rows["bad"].dropped, rows["bad"].chosen, rows["good"].dropped) == (1.0, 0.0, 0.0)
    assert rows["bad"].coverage == pytest.approx(40 / 56)
    again = {"plain": Wrong(29), "good": Wrong(31), "bad": Wrong(1)}
    twice = tune_study(study, space(*again, drop_after=0.3), make=lambda spec, _: again[spec.name], ask=ask)
    assert [judge.asked for judge in again.values()] == [[], [], []]
    assert twice.document == found.document


def test_an_ensemble_among_the_variants_is_fitted_inside_each_fold(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever people say of the prompts that a fold holds out, an ensemble says the same in it."""
    rng = np.random.default_rng(2)
    right = np.arange(60) % 2
    scores = {name: np.round(np.clip(0.3 * right + 0.7 * rng.random(60), 0, 1), 3) for name in "ab"}
    pd.DataFrame({"item_id": [f"i{n}" for n in range(60)], **scores}).to_csv(
        study.root / "elsewhere.csv", index=False
    )
    file = {"path": "elsewhere.csv"}
    tables = {name: JudgeTable(kind="table", model=None, options=file | {"metric": name}) for name in "ab"}
    tables["both"] = JudgeTable(kind="ensemble", model=None, options={"members": ["a", "b"]})
    among = Space(tables, (0.5,), 0.0, "roc_auc", "tune.toml", 0.0)
    seen: list[Candidate] = []

    def chosen(
        y: np.ndarray, prompts: np.ndarray, candidates: list[Candidate], *rest: object, **more: object
    ) -> Tuned:
        seen.append(candidates[-1])
        return tune(y, prompts, candidates, *rest, **more)

    monkeypatch.setattr("genspace.tuning.tune", chosen)
    usual = tune_study(study, among, make=lambda spec, of: make_judge(spec, study_context(of)), ask=ask)
    rows = {row.name: row for row in usual.document.result.candidates}
    assert rows["both"].in_sample > rows["a"].in_sample
    assert usual.document.result.winner == "both"
    assert list(tomllib.loads(usual.document.winner_table)["judges"]) == ["both", "b", "a"]
    held = outer_folds(Question.of(evidence_of(study)).singles.prompt)
    for fold in (7,):
        said = [
            {"item_id": f"i{n}", "rater_id": "ann", "value": n % 2 ^ int(held[n, fold])} for n in range(56)
        ]
        pd.DataFrame(said).to_csv(study.root / "annotations.csv", index=False)
        tune_study(
            open_study(study.root), among, make=lambda spec, of: make_judge(spec, study_context(of)), ask=ask
        )
        assert (seen[-1].by_fold[:, fold] == seen[0].by_fold[:, fold]).all()
        assert (seen[-1].by_fold != seen[0].by_fold).any()


def test_the_command(study: Study, tmp_path: Path, genspace: Callable[..., object]) -> None:
    rows = [f"i{n},{0.9 if bool(n % 2) ^ (n % 9 == 0) else 0.1},{n % 7}" for n in range(60)]
    (study.root / "elsewhere.csv").write_text("item_id,good,bad\n" + "\n".join(rows) + "\n")
    variant = '[variants.{0}]\nkind = "table"\npath = "elsewhere.csv"\nmetric = "{0}"\n'
    (tmp_path / "tune.toml").write_text('default = "bad"\n' + variant.format("good") + variant.format("bad"))
    told = genspace("tune", study.root, "--space", tmp_path / "tune.toml", "--out", tmp_path / "out")
    assert told.code == 0, told.err
    document = json.loads((tmp_path / "out" / "tuning.json").read_text())
    assert (document["result"]["default"], document["result"]["winner"]) == ("bad", "good")
    text = " ".join(told.out.split())
    assert "on prompts on which nothing was chosen (56 items, 14 prompts)" in text
    assert "Choosing is ahead of bad." in text
    assert not (tmp_path / "out" / "money.svg").exists(), "both cost nothing"
    winner = tomllib.loads((tmp_path / "out" / "winner.toml").read_text())["judges"]["good"]
    assert winner == {"kind": "table", "path": "elsewhere.csv", "metric": "good"}
    in_sample = max(row["in_sample"] for row in document["result"]["candidates"])
    assert f"{in_sample:.3f}" not in text or document["result"]["optimism"] < 0.0005
    assert (
        json.loads(genspace("tune", study.root, "--space", tmp_path / "tune.toml", "--json").out) == document
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[variants.a]\nkind = 1\n[variants.b]\nkind = 'scene'\n", "a variant needs kind"),
        ("[variants.a]\nkind = 'scene'\n", "two variants at least"),
        ("default = 'c'\n[variants.a]\nkind = 'scene'\n[variants.b]\nkind = 'scene'\n", "default = 'c'"),
        ("thresholds = [1]\n[variants.a]\nkind = 'scene'\n", "thresholds.0"),
        ("thresholds = []\n[variants.a]\nkind = 'scene'\n[variants.b]\nkind = 'scene'\n", "thresholds"),
        ("colour = 'red'\n", "colour"),
        ("default = \n", "not valid TOML"),
    ],
)
def test_a_wrong_space_is_refused_by_name(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "tune.toml").write_text(text)
    with pytest.raises((InputError, InvalidFilesError), match=told):
        read_space(tmp_path / "tune.toml")


def test_a_space_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no\.toml: cannot be read \(No such file or directory\)"):
        read_space(tmp_path / "no.toml")


def test_hopeless_variants_are_dropped_after_three_tenths_unless_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "tune.toml").write_text("[variants.a]\nkind = 'scene'\n[variants.b]\nkind = 'scene'\n")
    space = read_space(tmp_path / "tune.toml")
    assert (space.drop_after, space.price) == (0.3, 0.0)


@pytest.mark.parametrize(
    ("kind", "threshold", "told"),
    [("vlm", 0.7, True), ("hf", 0.7, True), ("vlm", None, False), ("scene", 0.7, False)],
)
def test_the_winners_table_says_from_which_score_a_model_says_yes(
    kind: str, threshold: float | None, told: bool
) -> None:
    text = _winner({"a": JudgeTable(kind=kind, model=None, options={})}, "a", threshold)
    assert tomllib.loads(text)["judges"]["a"] == {"kind": kind, **({"pass_above": 0.7} if told else {})}


def test_the_winners_table_holds_what_it_rests_on() -> None:
    member = JudgeTable(kind="scene", model=None, options={})
    both = JudgeTable(kind="ensemble", model=None, options={"members": ["a", "clip"]})
    found = tomllib.loads(_winner({"both": both, "a": member, "b": member}, "both", None))["judges"]
    assert found == {"both": {"kind": "ensemble", "members": ["a", "clip"]}, "a": {"kind": "scene"}}


def test_a_grid_is_every_combination(tmp_path: Path) -> None:
    (tmp_path / "tune.toml").write_text(
        'default = "v-b-2"\nthresholds = [0.3, 0.99]\n[grid.v]\nkind = "vlm"\nmodel = ["a", "b"]\nsamples = [1, 2]\nseed = 3\n'
    )
    space = read_space(tmp_path / "tune.toml")
    assert space.thresholds == (0.3, 0.99)
    found = space.variants
    assert next(iter(found)) == "v-b-2"
    assert sorted(found) == ["v-a-1", "v-a-2", "v-b-1", "v-b-2"]
    assert (found["v-b-2"].model, dict(found["v-b-2"].options)) == ("b", {"samples": 2, "seed": 3})


def test_options_of_a_space_are_not_the_users_own(tmp_path: Path) -> None:
    """A space may lie in somebody else's study: a key is sent to no host that it names, unless the user allows it."""
    (tmp_path / "tune.toml").write_text(
        '[variants.a]\nkind = "vlm"\nmodel = "m"\nbase_url = "https://elsewhere.example/v1"\n[variants.b]\nkind = "scene"\n'
    )
    first, second = read_space(tmp_path / "tune.toml").specs()
    assert (first.from_study, second.from_study) == ({"base_url"}, frozenset())
    assert first.source == "tune.toml: a"


def test_what_choosing_reaches_has_the_interval_of_its_figure() -> None:
    """A share's interval stays in [0, 1] and is Wilson's; a gain's is symmetric."""
    found = simulated(1, variants=3, better=0.25, prompts=20)
    reaches, gain = found.reaches, found.gain
    assert reaches.high <= 1
    assert reaches.high - reaches.value < reaches.value - reaches.low
    assert gain.high - gain.value == pytest.approx(gain.value - gain.low)
