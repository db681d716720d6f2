"""The alternative annotator test: its figures by hand and by SciPy, and planted judges judged rightly."""

from __future__ import annotations

import numpy as np
import pytest
from frames import told
from scipy import stats

from genspace.analysis.alternative_annotator import alternative_annotator_test, as_ratings

EPS = {"epsilon": 0.1, "identified": True}


def panel(seed=0, *, items=400, raters=4, noise=0.6, per_prompt=1):
    """Ratings 1..5 of raters who see the same truth with noise; the truth; the prompts."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(3, 1.2, size=items)
    ratings = np.clip(np.round(truth[:, None] + rng.normal(0, noise, size=(items, raters))), 1, 5)
    return ratings, truth, np.arange(items) // per_prompt, rng


def test_one_contest_by_definition() -> None:
    ratings, truth, prompts, _ = panel()
    judge = np.clip(np.round(truth), 1, 5)
    result = alternative_annotator_test(judge, ratings, prompts, names=("a", "b", "c", "d"), **EPS)
    contest = result.raters[1]
    others = ratings[:, [0, 2, 3]]
    judge_rmse = np.sqrt(((others - judge[:, None]) ** 2).mean(axis=1))
    rater_rmse = np.sqrt(((others - ratings[:, [1]]) ** 2).mean(axis=1))
    judge_wins, rater_wins = judge_rmse <= rater_rmse, rater_rmse <= judge_rmse
    assert contest.rater == "b"
    assert contest.judge_at_least_as_good == judge_wins.mean()
    assert contest.rater_at_least_as_good == rater_wins.mean()
    # With one item a prompt, the clustered test is the paper's t-test of the differences against epsilon.
    d = rater_wins.astype(float) - judge_wins
    assert contest.p == pytest.approx(stats.ttest_1samp(d, 0.1, alternative="less").pvalue)
    assert result.passed
    assert result.winning_rate == 1.0
    assert result.raters[1].rater == "b"


def test_planted_judges() -> None:
    ratings, truth, prompts, rng = panel(items=800, per_prompt=4)
    another = np.clip(np.round(truth + rng.normal(0, 0.6, size=800)), 1, 5)
    random = rng.integers(1, 6, size=800).astype(float)
    constant = np.full(800, 3.0)
    outcome = {
        name: alternative_annotator_test(judge, ratings, prompts, **EPS)
        for name, judge in (("another", another), ("random", random), ("constant", constant))
    }
    assert outcome["another"].passed
    assert outcome["another"].advantage == pytest.approx(0.7, abs=0.1)
    assert not outcome["random"].passed
    assert not outcome["constant"].passed
    assert outcome["random"].winning_rate == 0.0


def test_clustering_makes_copies_worth_nothing() -> None:
    ratings, truth, prompts, _ = panel(items=60)
    judge = np.clip(np.round(truth + 0.5), 1, 5)
    once = alternative_annotator_test(judge, ratings, prompts, **EPS)
    copied = alternative_annotator_test(
        np.repeat(judge, 5), np.repeat(ratings, 5, 0), np.repeat(prompts, 5), **EPS
    )
    assert [c.p for c in copied.raters] == pytest.approx([c.p for c in once.raters])


def test_false_discovery_rate_is_benjamini_yekutieli() -> None:
    from statsmodels.stats.multitest import multipletests

    ratings, truth, prompts, rng = panel(items=90, noise=0.8)
    ratings[:, 0] = rng.permutation(ratings[:, 0])  # one rater who answers at random
    judge = np.clip(np.round(truth + rng.normal(0, 1.0, size=90)), 1, 5)
    result = alternative_annotator_test(judge, ratings, prompts, **EPS)
    rejected = multipletests([c.p for c in result.raters], alpha=0.05, method="fdr_by")[0]
    assert [c.won for c in result.raters] == rejected.tolist()
    assert len({c.won for c in result.raters}) == 2  # the case tells the two kinds apart


def test_accuracy_alignment_by_hand() -> None:
    # The judge always says 1; raters a and b say 1, c says 0: against c the judge agrees with both others and c
    # with none; against a, both agree with b alone.
    ratings = np.tile([1.0, 1.0, 0.0], (40, 1))
    result = alternative_annotator_test(np.ones(40), ratings, np.arange(40), alignment="accuracy", **EPS)
    shares = [(c.judge_at_least_as_good, c.rater_at_least_as_good) for c in result.raters]
    assert shares == [(1.0, 1.0), (1.0, 1.0), (1.0, 0.0)]
    assert result.winning_rate == 1.0  # differences of 0, 0 and -1 without scatter, all below epsilon


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"identified": False}, "slots"),
        ({"ratings": slice(0, 2)}, "there are 2"),
        ({"items": 20}, "needs at least 3 raters"),
    ],
)
def test_what_cannot_be_tested_is_null_with_a_reason(change, reason) -> None:
    ratings, truth, prompts, _ = panel()
    n = change.get("items", 400)
    columns = change.get("ratings", slice(None))
    result = alternative_annotator_test(
        truth[:n], ratings[:n, columns], prompts[:n], identified=change.get("identified", True)
    )
    assert reason in told(result.reason)
    assert (result.passed, result.winning_rate, result.advantage, result.raters) == (None, None, None, ())


def test_single_prompt_and_bad_shapes() -> None:
    ratings, truth, _, _ = panel(items=60)
    assert not alternative_annotator_test(truth, ratings, np.zeros(60), **EPS).passed
    with pytest.raises(ValueError, match="do not fit"):
        alternative_annotator_test(truth[:5], ratings, np.arange(60), **EPS)


def test_scores_are_said_as_ratings_without_hedging() -> None:
    ratings, truth, prompts, rng = panel(items=1000, per_prompt=2)
    scores = np.exp(truth + rng.normal(0, 3.0, size=1000))  # a poor judge on a scale of its own
    said = as_ratings(scores, ratings, prompts)
    assert set(said) <= set(ratings.ravel())
    # It uses the scale as the raters do, poor as it is.
    mine, theirs = (np.array([(v == level).mean() for level in range(1, 6)]) for v in (said, ratings))
    assert mine == pytest.approx(theirs, abs=0.03)
    order = np.argsort(scores)
    assert np.corrcoef(np.arange(1000), said[order])[0, 1] > 0.9
    own = prompts == 3
    changed = np.where(own[:, None], 6 - ratings, ratings)
    assert as_ratings(scores, changed, prompts)[own].tolist() == said[own].tolist()


def test_scores_without_anything_to_fit_on() -> None:
    assert np.isnan(as_ratings([1.0, 2.0], [[1.0], [2.0]], [0, 0])).all()
    assert np.isnan(as_ratings([1.0, np.nan], [[1.0], [2.0]], [0, 1])).tolist() == [True, True]
