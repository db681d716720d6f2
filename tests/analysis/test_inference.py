"""Standard errors, intervals, tests and words against values from other routes, and the rules that claims obey.

Longer than 400 lines: it has a case for every rule that a claim obeys.
"""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from frames import evidence
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from genspace.analysis import CompareOptions, compare, validate
from genspace.analysis.figures import FIGURES
from genspace.analysis.inference.comparisons import (
    Difference,
    JudgeOnUnits,
    contributions,
    difference,
    not_worse,
    other_generators,
)
from genspace.analysis.inference.intervals import Support, fisher, from_replicates, wilson
from genspace.analysis.inference.left_out import LeftOut
from genspace.analysis.inference.replicates import (
    BLOCKS,
    MOST_SINGLE,
    Replicates,
    StandardError,
    standard_error,
)
from genspace.analysis.resampling import Weighted
from genspace.gather import evidence_of
from genspace.study import open_study

QUICK = CompareOptions(draws=0, permutations=0)


def values(
    figure: str, y: np.ndarray, x: np.ndarray, prompts: np.ndarray
) -> tuple[float, np.ndarray, Replicates]:
    clusters = Replicates.of(prompts)

    def statistic(w: np.ndarray) -> np.ndarray:
        return FIGURES[figure].statistic(Weighted(y, w), x, 0.0)

    return float(statistic(np.ones((len(y), 1)))[0]), clusters.map(statistic), clusters


def said(figure: str, y: np.ndarray, x: np.ndarray, prompts: np.ndarray) -> JudgeOnUnits:
    value, replicated, _ = values(figure, y, x, prompts)
    return JudgeOnUnits(x, value, replicated)


def test_replicates_are_the_figure_computed_again_without_each_prompt() -> None:
    rng = np.random.default_rng(1)
    prompts = rng.integers(9, size=60)
    y, x = rng.integers(1, 6, 60).astype(float), rng.normal(size=60)
    _, replicated, clusters = values("spearman", y, x, prompts)
    by_hand = [stats.spearmanr(y[prompts != p], x[prompts != p]).statistic for p in np.unique(prompts)]
    assert replicated == pytest.approx(by_hand)
    g = len(by_hand)
    by_hand_error = np.sqrt((g - 1) * np.var(by_hand))
    assert standard_error(replicated, clusters.present) == StandardError(pytest.approx(by_hand_error), g - 1)


def test_the_error_of_a_mean_of_one_item_a_prompt_is_the_textbook_one() -> None:
    x = np.random.default_rng(2).normal(size=30)
    clusters = Replicates.of(np.arange(30))
    replicated = clusters.map(lambda w: x @ w / w.sum(axis=0))
    found = from_replicates(x.mean(), replicated, clusters, n=30)
    low, high = stats.t.interval(0.95, 29, x.mean(), stats.sem(x))
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))


def test_many_prompts_are_left_out_in_blocks_and_the_error_stays() -> None:
    x = np.random.default_rng(3).normal(size=MOST_SINGLE + 1000)
    clusters = Replicates.of(np.arange(len(x)))
    assert clusters.draws == BLOCKS
    assert clusters.present.all()
    error = standard_error(clusters.map(lambda w: x @ w / w.sum(axis=0)))
    assert error is not None
    assert error.value == pytest.approx(stats.sem(x), rel=0.1)


def test_an_undefined_replicate_makes_the_error_unknown_and_is_not_dropped() -> None:
    assert standard_error(np.array([0.5, np.nan, 0.7, 0.6])) is None
    clusters = Replicates.of(np.arange(4))
    found = from_replicates(0.6, np.array([0.5, np.nan, 0.7, 0.6]), clusters, n=4, scale="correlation")
    assert found.low is None
    assert found.reason.code == "undefined_without_a_prompt"
    share = from_replicates(0.6, np.array([0.5, np.nan, 0.7, 0.6]), clusters, n=4, scale="share")
    assert share.low is not None
    assert share.reason.code == "undefined_without_a_prompt"


def test_wilson_is_the_library_s_where_items_are_independent() -> None:
    # With very many degrees of freedom t is z, and an error of sqrt(d (1 - d) / n) is worth n observations.
    n, hits = 50, 45
    d = hits / n
    ends = wilson(d, StandardError(np.sqrt(d * (1 - d) / n), 10**6), Support(most=n, at_ends=n))
    told = stats.binomtest(hits, n).proportion_ci(method="wilson")
    assert ends == (pytest.approx(told.low, abs=1e-5), pytest.approx(told.high, abs=1e-5))


def test_wilson_never_counts_more_observations_than_there_are() -> None:
    tiny = StandardError(1e-6, 39)
    assert wilson(0.9, tiny, Support(most=40, at_ends=40)) == wilson(
        0.9, StandardError(0.0, 39), Support(40, 40)
    )


def test_fisher_has_no_interval_at_its_end() -> None:
    assert fisher(1.0, StandardError(0.0, 9)) is None
    low, high = fisher(0.5, StandardError(0.1, 30))
    assert np.arctanh([low, high]).mean() == pytest.approx(np.arctanh(0.5))


CELLS = {"111": 34, "110": 28, "101": 18, "100": 20, "011": 20, "010": 18, "001": 28, "000": 34}


def test_a_larger_difference_of_yes_and_no_is_no_weaker_evidence() -> None:
    """The swap of standardised scores gave .049, and .09 once the second judge made one more error."""
    found = []
    for cells in (CELLS, {**CELLS, "000": 33, "001": 29}):
        y, a, b = np.array(
            [[int(c) for c in cell] for cell, n in cells.items() for _ in range(n)], dtype=float
        ).T
        prompts = np.arange(200)
        d = difference(
            FIGURES["accuracy"],
            y,
            said("accuracy", y, a, prompts),
            said("accuracy", y, b, prompts),
            Replicates.of(prompts),
        )
        found.append((d.value, d.p))
    (small, p_small), (large, p_large) = found
    assert (small, large) == (pytest.approx(0.100), pytest.approx(0.105))
    assert p_large < p_small
    # The paired t test on being right, by SciPy.
    y, a, b = np.array([[int(c) for c in cell] for cell, n in CELLS.items() for _ in range(n)], dtype=float).T
    assert p_small == pytest.approx(stats.ttest_rel((a == y) * 1.0, (b == y) * 1.0).pvalue)


def test_few_prompts_that_tell_two_judges_apart_give_no_claim() -> None:
    y = np.tile([0.0, 1.0], 20)
    prompts = np.repeat(np.arange(10), 4)
    b = y.copy()
    b[[0, 5, 8, 12, 17]] = 1 - b[[0, 5, 8, 12, 17]]  # five prompts with one error each
    a = said("accuracy", y, y, prompts)
    d = difference(FIGURES["accuracy"], y, a, said("accuracy", y, b, prompts), Replicates.of(prompts))
    assert d.value == pytest.approx(5 / 40)
    assert not d.testable
    assert d.p == pytest.approx(2 * 0.5**5)
    assert d.reason.code == "few_contributions"
    b[21] = 1 - b[21]
    assert difference(
        FIGURES["accuracy"], y, a, said("accuracy", y, b, prompts), Replicates.of(prompts)
    ).testable


def test_not_worse_from_few_prompts_is_the_exact_bound_on_those_that_got_worse() -> None:
    y = np.tile([0.0, 1.0], 40)
    prompts, block = np.repeat(np.arange(20), 4), np.repeat(np.arange(20), 4)
    a = y.copy()
    a[0] = 1 - a[0]
    d = difference(
        FIGURES["accuracy"],
        y,
        said("accuracy", y, a, prompts),
        said("accuracy", y, y, prompts),
        Replicates.of(prompts),
    )
    bound = (
        stats.binomtest(1, 20, alternative="less").proportion_ci(confidence_level=0.975, method="exact").high
    )
    for margin in (bound - 0.01, bound + 0.01):
        p = not_worse(d, margin, figure=FIGURES["accuracy"], y=y, a=a, b=y, block=block)
        assert (p < 0.025) == (margin > bound)
    assert not_worse(d, 0.3, figure=FIGURES["roc_auc"], y=y, a=a, b=y, block=block) is None


def test_without_an_error_nothing_is_claimed_of_other_generators() -> None:
    exact = Difference(value=0.1, error=StandardError(0.0, 39), method="t", p=0.0)
    assert other_generators(exact, np.full(8, 0.1), 8) is None


def test_identical_answers_are_called_that() -> None:
    y, prompts = np.tile([0.0, 1.0], 20), np.repeat(np.arange(10), 4)
    same = said("accuracy", y, 1 - y, prompts)
    assert difference(FIGURES["accuracy"], y, same, same, Replicates.of(prompts)).reason.code == "identical"


def test_orders_are_told_apart_by_pairs_that_share_no_prompt() -> None:
    figure, y = FIGURES["spearman"], np.arange(20.0)
    b = y.copy()
    b[[3, 4]] = b[[4, 3]]  # one pair of units, in two prompts of one item each
    assert contributions(figure, y, y, b, np.arange(20)) == [1]
    b[[3, 4, 5]] = [5, 4, 3]  # each of three pairs tells, and any two of them share a prompt
    assert contributions(figure, y, y, b, np.arange(20)) == [1]
    assert contributions(figure, y, y, -y, np.arange(20)) == [1] * 6


def test_a_judge_that_calls_a_pair_equal_is_worse_than_one_that_is_right() -> None:
    """People prefer the first item of both pairs; one judge says so of the second alone, the other of both."""
    y, ties, right = np.array([1.0, 1.0]), np.array([0.0, 2.0]), np.array([3.0, 1.0])
    assert contributions(FIGURES["pair_agreement"], y, ties, right, np.arange(2)) == [-1]


# --- a whole study -----------------------------------------------------------------------------------------------


def pairs_study(seed: int, *, ties: bool, n: int = 60) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=2 * n)
    ids = [f"i{k}" for k in range(2 * n)]
    rows = []
    for k in range(n):
        a, b = ids[2 * k], ids[2 * k + 1]
        for rater in "uvw":
            lean = quality[2 * k] - quality[2 * k + 1] + rng.normal()
            rows.append((a, b, rater, 0.5 if ties and abs(lean) < 0.4 else float(lean > 0)))
    annotations = pd.DataFrame(rows, columns=["item_id", "item_id_b", "rater_id", "value"])
    scores = pd.concat(
        pd.DataFrame(
            {"item_id": ids, "judge": name, "score": np.round(quality + noise * rng.normal(size=2 * n), 1)}
        )
        for name, noise in (("sharp", 0.5), ("dull", 1.5), ("blind", 20.0))
    )
    items = pd.DataFrame({"item_id": ids, "prompt_id": np.repeat(np.arange(n), 2).astype(str)})
    return items, annotations, scores


def turned(annotations: pd.DataFrame, which: np.ndarray) -> pd.DataFrame:
    """The same answers with the items of some pairs the other way round."""
    found = annotations.copy()
    swap = (
        found["item_id"]
        .map(dict(zip(annotations["item_id"].unique(), which, strict=True)))
        .to_numpy(dtype=bool)
    )
    found.loc[swap, ["item_id", "item_id_b"]] = found.loc[swap, ["item_id_b", "item_id"]].to_numpy()
    found.loc[swap, "value"] = 1 - found.loc[swap, "value"]
    return found


@pytest.mark.parametrize("ties", [True, False])
def test_which_item_of_a_pair_stands_first_changes_nothing(ties: bool) -> None:
    items, annotations, scores = pairs_study(5, ties=ties)
    rng = np.random.default_rng(6)
    mean = annotations.groupby("item_id", sort=False)["value"].mean().to_numpy()
    documents = []
    for which in (np.zeros(60, dtype=bool), rng.random(60) < 0.5, mean < 0.5):  # the last: the winner first
        settled = evidence(turned(annotations, which), scores, items)
        documents.append(compare(settled, QUICK).document)
    first = documents[0]
    assert first.primary.figure == "pair_agreement"
    assert first.ranked[0] == "sharp"
    assert first.headline.judge == "sharp"
    for other in documents[1:]:
        assert other.ranked == first.ranked
        assert other.headline == first.headline
        for a, b in zip(first.tests.pairs, other.tests.pairs, strict=True):
            assert dataclasses.astuple(a)[3:8] == pytest.approx(dataclasses.astuple(b)[3:8])
        for name in first.ranked:
            for key, figure in first.judges[name].item.items():
                same = other.judges[name].item[key]
                assert (figure.value, figure.low) == (pytest.approx(same.value), pytest.approx(same.low))
        for key, figure in first.human.row.items():
            assert figure.value == pytest.approx(other.human.row[key].value)


def test_agreement_on_pairs_is_counted_by_hand_and_tested() -> None:
    items, annotations, scores = pairs_study(7, ties=True)
    document = compare(evidence(annotations, scores, items), QUICK).document
    mean = annotations.groupby(["item_id", "item_id_b"], sort=False)["value"].mean()
    right = []
    table = scores[scores["judge"] == "dull"].set_index("item_id")["score"]
    for (a, b), lean in mean.items():
        if abs(lean - 0.5) > 1e-12:
            gap = table[a] - table[b]
            right.append(0.5 if abs(gap) < 1e-9 else float((gap > 0) == (lean > 0.5)))
    assert document.judges["dull"].item["pair_agreement"].value == pytest.approx(np.mean(right))
    assert {row.standing for row in document.tests.pairs} >= {"ahead"}
    with pytest.raises(Exception, match="compare two items"):
        compare(evidence(annotations, scores, items), dataclasses.replace(QUICK, primary="spearman"))


def study(
    seed: int, *, judges: int = 3, binary: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    prompts, each = 20, 4
    n = prompts * each
    ids = [f"i{k}" for k in range(n)]
    quality = np.repeat(rng.normal(size=prompts), each) + rng.normal(size=n)
    said = pd.DataFrame(
        [
            (item, rater, value)
            for rater in "uvw"
            for item, value in zip(
                ids,
                (quality + rng.normal(size=n) > 0) if binary else np.clip(np.round(quality + 3), 1, 5),
                strict=True,
            )
        ],
        columns=["item_id", "rater_id", "value"],
    )
    said["value"] = said["value"].astype(float)
    scores = pd.concat(
        pd.DataFrame({"item_id": ids, "judge": f"j{k}", "score": quality + (0.4 + k) * rng.normal(size=n)})
        for k in range(judges)
    )
    scores = scores[rng.random(len(scores)) > 0.1]
    generators = np.tile(list("wxyz"), prompts)
    items = pd.DataFrame(
        {
            "item_id": ids,
            "prompt_id": np.repeat(np.arange(prompts), each).astype(str),
            "generator": generators,
        }
    )
    return items, said, scores


def test_a_further_judge_changes_no_other_judge_s_figure_interval_or_p() -> None:
    items, annotations, scores = study(11)
    whole = compare(evidence(annotations, scores, items), QUICK).document
    fewer = compare(evidence(annotations, scores[scores["judge"] != "j2"], items), QUICK).document
    for name in ("j0", "j1"):
        assert whole.judges[name].item == fewer.judges[name].item
        assert whole.judges[name].within_prompt == fewer.judges[name].within_prompt
    tested = {frozenset((row.a, row.b)): row for row in whole.tests.pairs}
    alone = fewer.tests.pairs[0]
    same = tested[frozenset(("j0", "j1"))]
    assert (same.p, same.low, same.high, same.n) == (alone.p, alone.low, alone.high, alone.n)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_compare_and_validate_agree_on_every_pair(seed: int, binary: bool) -> None:
    items, annotations, scores = study(seed, binary=binary)
    found = evidence(annotations, scores, items)
    tested = {(row.a, row.b): row for row in compare(found, QUICK).document.tests.pairs}
    tested |= {(b, a): row.turned() for (a, b), row in tested.items()}
    for name in ("j0", "j2"):
        for row in validate(found, name, QUICK).document.against:
            same = tested[name, row.judge]
            assert (row.difference.value, row.p, row.p_holm) == (same.difference, same.p, same.p_holm)
            assert (row.claim == "ahead") == (same.standing == "ahead")
            assert (row.claim == "behind") == (same.standing == "behind")


MOST_VALIDATED = 10
"""Of a study with more judges every seventh is validated; validating all takes a minute."""


@pytest.mark.data
@pytest.mark.parametrize("name", ["tifa160", "dsg_tifa160", "viescore_t2i", "viescore_ie"])
def test_compare_and_validate_agree_on_published_studies(name: str, data: Path) -> None:
    if not (data / "human" / name).is_dir():
        pytest.skip(f"{name} is not there")
    found = evidence_of(open_study(data / "human" / name))
    document = compare(found, dataclasses.replace(QUICK, by=())).document
    tested = {(row.a, row.b): row for row in document.tests.pairs}
    tested |= {(b, a): row.turned() for (a, b), row in tested.items()}
    for judge in document.ranked[:: 1 if len(document.ranked) <= MOST_VALIDATED else 7]:
        against = validate(found, judge, QUICK).document.against
        assert len(against) == len(document.ranked) - 1
        for row in against:
            same = tested[judge, row.judge]
            assert (row.difference.value, row.p, row.p_holm) == (same.difference, same.p, same.p_holm)
            assert row.claim in {same.standing, "not worse"}


def test_the_baseline_that_knows_the_prompt_is_not_pushed_the_other_way() -> None:
    """A leave-one-out mean correlates -1 with the answers inside each prompt; without prompt effects, below 0 overall."""
    rng = np.random.default_rng(13)
    ids = [f"i{k}" for k in range(400)]
    items = pd.DataFrame({"item_id": ids, "prompt_id": np.repeat(np.arange(100), 4).astype(str)})
    said_all = pd.DataFrame({"item_id": ids, "rater_id": "u", "value": rng.integers(1, 6, 400)})
    scores = pd.DataFrame({"item_id": ids, "judge": "j", "score": rng.normal(size=400)})
    document = compare(evidence(said_all, scores, items), QUICK).document
    blind = document.judges["baseline: prompt mean"]
    assert blind.item["spearman"].low < 0 < blind.item["spearman"].high
    assert blind.within_prompt["spearman"].reason.code == "constant_in_prompts"
    # A study in which the prompt is all there is.
    said_prompt = pd.DataFrame(
        {"item_id": ids, "rater_id": "u", "value": np.repeat(rng.integers(1, 6, 100), 4)}
    )
    document = compare(evidence(said_prompt, scores, items), QUICK).document
    assert document.judges["baseline: prompt mean"].item["spearman"].value == pytest.approx(1)


def test_a_judge_on_few_items_is_in_no_first_place() -> None:
    items, annotations, scores = study(17)
    lucky = (
        annotations.groupby("item_id")["value"]
        .mean()
        .iloc[:8]
        .rename("score")
        .reset_index()
        .assign(judge="lucky")
    )
    document = compare(evidence(annotations, pd.concat([scores, lucky]), items), QUICK).document
    assert document.judges["lucky"].item["spearman"].value == pytest.approx(1)
    assert document.ranked[-1] == "lucky"
    assert document.headline.judge != "lucky"
    assert "lucky" in document.headline.higher
    assert all("lucky" not in group for group in document.tests.groups)
    assert "lucky" not in document.specification.judges
    vacuous = [row for row in document.tests.pairs if "lucky" in (row.a, row.b)]
    assert all(row.p_holm is None and row.standing != "ahead" for row in vacuous)


def test_difference_for_other_generators_leaves_each_generator_out() -> None:
    items, annotations, scores = study(19)
    document = compare(evidence(annotations, scores, items), QUICK).document
    row = document.tests.pairs[0]
    assert row.other_generators.generators == 4
    assert row.other_generators.p is None
    low, high = row.other_generators.low, row.other_generators.high
    wide = scores.pivot_table(index="item_id", columns="judge", values="score").reindex(items["item_id"])
    mean = annotations.groupby("item_id")["value"].mean().reindex(items["item_id"]).to_numpy()
    kept = wide[[row.a, row.b]].notna().all(axis=1).to_numpy()
    by_hand = []
    for g in "wxyz":
        rows = kept & (items["generator"] != g).to_numpy()
        a, b = (stats.spearmanr(mean[rows], wide.loc[rows, name]).statistic for name in (row.a, row.b))
        by_hand.append(a - b)
    assert (low, high) == (pytest.approx(min(by_hand)), pytest.approx(max(by_hand)))


def test_a_pair_goes_with_either_of_its_generators() -> None:
    items, annotations, scores = pairs_study(3, ties=False)
    generator = dict(zip(items["item_id"], np.random.default_rng(5).permutation(len(items)) % 6, strict=True))
    named = items.assign(generator=items["item_id"].map(generator).astype(str))
    without = compare(evidence(annotations, scores, items), QUICK).document.tests.pairs[0]
    row = compare(evidence(annotations, scores, named), QUICK).document.tests.pairs[0]
    assert without.other_generators is None
    assert row.other_generators.generators == 6
    lean = annotations.groupby(["item_id", "item_id_b"])["value"].mean().sub(0.5).reset_index()
    score = scores.pivot_table(index="item_id", columns="judge", values="score")

    def agreement(judge: str, g: int) -> float:
        kept = lean[(lean["item_id"].map(generator) != g) & (lean["item_id_b"].map(generator) != g)]
        said = np.sign(score[judge][kept["item_id"]].to_numpy() - score[judge][kept["item_id_b"]].to_numpy())
        right = said * np.sign(kept["value"].to_numpy())
        return float((right[kept["value"].to_numpy() != 0] + 1).mean() / 2)

    left = np.array([agreement(row.a, g) - agreement(row.b, g) for g in range(6)])
    own = np.sqrt(5 / 6 * ((left - left.mean()) ** 2).sum())
    prompts = (row.high - row.low) / 2 / stats.t.ppf(0.975, row.prompts - 1)
    half = stats.t.ppf(0.975, 5) * max(own, prompts)
    assert row.other_generators.high - row.other_generators.low == pytest.approx(2 * half, rel=0.02)


def test_one_family_of_all_pairs_that_could_be_compared() -> None:
    items, annotations, scores = study(23, judges=4)
    twin = scores[scores["judge"] == "j1"].assign(judge="twin")
    document = compare(evidence(annotations, pd.concat([scores, twin]), items), QUICK).document
    p = sorted(row.p for row in document.tests.pairs if row.p_holm is not None)
    assert len(p) == 9  # ten pairs, one of them identical
    by_hand = [min(1.0, value * (9 - k)) for k, value in enumerate(p)]
    assert sorted(row.p_holm for row in document.tests.pairs if row.p_holm is not None) == pytest.approx(
        list(itertools.accumulate(by_hand, max))
    )
    assert [row.standing for row in document.tests.pairs if {row.a, row.b} == {"j1", "twin"}] == ["identical"]


# --- replicates from what each block takes away ---------------------------------------------------------------------


@pytest.mark.parametrize("levels", [(1, 3), (2, 2), (2, 10**6), (5, 4), (9, 10**6), (10**6, 10**6)])
@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10**6), n=st.integers(0, 60), blocks=st.integers(1, 12))
def test_what_a_block_takes_away_gives_the_figures_computed_again(
    levels: tuple[int, int], seed: int, n: int, blocks: int
) -> None:
    rng = np.random.default_rng(seed)
    y, x = (rng.integers(size, size=n).astype(float) for size in levels)
    clusters = Replicates(rng.integers(blocks, size=n), blocks + 1)  # one block holds nothing
    weights = np.hstack([np.ones((n, 1)), clusters.weights()])
    decided = (y > y.mean()) * 1.0 if n else y
    of = {"rating": y, "decision": decided, "preference": decided - 0.5 * rng.integers(3, size=n)}
    targets = {kind: (Weighted(values, weights), LeftOut(values, clusters)) for kind, values in of.items()}
    for row in FIGURES.values():
        said = (x > 1) * 1.0 if row.of_labels else x
        forms = {row.statistic: said, row.penalised: np.where(rng.random(n) < 0.2, np.nan, said)}
        for form, answers in forms.items():
            if form is not None:
                again, ours = (form(target, answers, 0.0) for target in targets[row.target])
                np.testing.assert_allclose(ours, again, rtol=0, atol=1e-12, err_msg=row.key)


def test_judges_beside_one_another_have_the_figures_that_each_has_alone() -> None:
    rng = np.random.default_rng(0)
    y, first, second = rng.integers(4, size=(3, 60)).astype(float)
    clusters = Replicates.of(np.arange(60) // 4)
    shared = LeftOut(y, clusters)
    beside = {"first": shared.beside(), "second": shared.beside()}
    for key in ("spearman", "kendall_tau_b", "spearman", "pairwise_with_ties"):  # in turn, as threads would
        for name, x in (("first", first), ("second", second)):
            alone = FIGURES[key].statistic(LeftOut(y, clusters), x, 0.0)
            np.testing.assert_array_equal(FIGURES[key].statistic(beside[name], x, 0.0), alone)


def test_a_judge_that_differs_in_one_prompt_alone_has_no_correlation_without_it() -> None:
    y = np.arange(40.0)
    prompts = np.repeat(np.arange(10), 4)
    x = np.where(prompts == 3, y * 0.1, 0.7)
    assert np.isnan(LeftOut(y, Replicates.of(prompts)).pearson(x)[4])
    assert np.isfinite(LeftOut(y, Replicates.of(prompts)).pearson(x)[[0, 1, 2, 3, 5]]).all()
