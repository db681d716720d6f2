"""Prediction-powered means: the published formula, coverage by simulation, and when there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
from frames import told

from genspace.analysis.prediction_powered import corrected_mean, corrected_strata, undrawn_reason


def study(seed, *, n=60, unlabelled=600, quality=0.8, per_prompt=1, bias=1.0):
    """Items of one generator; the judge is biased and of a scale of its own."""
    rng = np.random.default_rng(seed)
    total = n + unlabelled
    prompt = np.arange(total) // per_prompt
    shared = rng.normal(size=prompt.max() + 1)[prompt] if per_prompt > 1 else 0.0
    truth = 3 + (rng.normal(size=total) + shared) / (math.sqrt(2) if per_prompt > 1 else 1)
    score = bias + 10 * (quality * (truth - 3) + math.sqrt(1 - quality**2) * rng.normal(size=total))
    rated = np.isin(prompt, rng.permutation(prompt.max() + 1)[: n // per_prompt])
    return np.where(rated, truth, np.nan), score, prompt


def test_the_published_formula() -> None:
    # PPI++ (section 6): theta = mean(y - w f) + w mean(F); w = cov(y, f) / ((1 + n / N) var f);
    # variance = var(y - w f) / n + w^2 var(F) / N, independent items.
    y, f, prompt = study(0)
    rated = np.isfinite(y)
    n, rest = rated.sum(), (~rated).sum()
    w = np.cov(y[rated], f[rated])[0, 1] / f[rated].var(ddof=1) / (1 + n / rest)
    residual = y[rated] - w * f[rated]
    expected = residual.mean() + w * f[~rated].mean()
    variance = residual.var(ddof=1) / n + w**2 * f[~rated].var(ddof=1) / rest
    found = corrected_mean(y, f, prompt)
    assert found.weight == pytest.approx(w)
    assert found.corrected.value == pytest.approx(expected)
    assert found.corrected.high - expected == pytest.approx(1.959964 * math.sqrt(variance), rel=2e-3)
    assert found.sample.value == pytest.approx(y[rated].mean())
    half = 1.959964 * y[rated].std(ddof=1) / math.sqrt(n)
    assert found.sample.high - found.sample.value == pytest.approx(half, rel=1e-6)
    assert (found.labelled, found.unlabelled) == (60, 600)


@pytest.mark.parametrize("per_prompt", [1, 4])
def test_intervals_hold_the_truth_and_are_shorter(per_prompt) -> None:
    # 400 studies: 95 % of the coverages of a true 95 % interval lie within .0214 of .95; the normal interval of
    # 15 prompts is a little short, so the lower bound allows for it.
    hits, width = np.zeros(2), np.zeros(2)
    for seed in range(400):
        found = corrected_mean(*study(seed, per_prompt=per_prompt, n=160, unlabelled=800))
        pair = (found.sample, found.corrected)
        hits += [e.low <= 3 <= e.high for e in pair]
        width += [e.high - e.low for e in pair]
    assert np.all((hits / 400 >= 0.92) & (hits / 400 <= 0.975))
    assert width[1] < 0.85 * width[0]


def test_a_judge_that_knows_nothing_does_no_harm() -> None:
    widths = np.array(
        [
            [e.high - e.low for e in (found.sample, found.corrected)]
            for found in (corrected_mean(*study(seed, quality=0.0)) for seed in range(50))
        ]
    )
    assert widths[:, 1].mean() == pytest.approx(widths[:, 0].mean(), rel=0.03)


def test_any_scale_of_the_judge_gives_the_same_answer() -> None:
    y, f, prompt = study(1)
    plain, scaled = corrected_mean(y, f, prompt), corrected_mean(y, -7 * f + 100, prompt)
    assert scaled.corrected.value == pytest.approx(plain.corrected.value)
    assert scaled.corrected.low == pytest.approx(plain.corrected.low)


def test_abstentions_are_allowed() -> None:
    y, f, prompt = study(2)
    f[::3] = np.nan
    found = corrected_mean(y, f, prompt)
    assert found.corrected.low < 3 < found.corrected.high


def test_reasons() -> None:
    y, f, prompt = study(3)
    rated = np.isfinite(y)
    nan = np.full(len(y), np.nan)
    assert told(corrected_mean(nan, f, prompt).sample.reason) == "no item is rated"
    assert "nothing to correct" in told(corrected_mean(y[rated], f[rated], prompt[rated]).corrected.reason)
    assert told(corrected_mean(y, nan, prompt).corrected.reason) == "the judge scored no rated item"
    assert "no unrated" in told(corrected_mean(y, np.where(rated, f, np.nan), prompt).corrected.reason)
    assert corrected_mean(y, np.ones(len(y)), prompt).weight == 0.0
    few = np.where(np.cumsum(rated) <= 5, y, np.nan)
    assert told(corrected_mean(few, f, prompt).corrected.reason) == "only 5 prompts rated; 10 are needed"
    assert corrected_mean(few, f, prompt).sample.n == 5
    with pytest.raises(ValueError, match="alike"):
        corrected_mean(y, f[1:], prompt)


def test_only_random_samples_correct_the_rest() -> None:
    assert undrawn_reason("random") is None
    assert 'sampling = "random"' in told(undrawn_reason(None))
    assert "stratified" in told(undrawn_reason("stratified"))


# Strata


def strata_study(rng, *, each=8, size=100, strata=9, agreement=0.85, ease=(0.2, 0.9)):
    """A generator's row: nine sub-domains of unlike ease, a judge that is right by chance, a few labels in each."""
    ease = rng.uniform(*ease, size=strata)
    stratum = np.repeat(np.arange(strata), size)
    truth = (rng.random(strata * size) < ease[stratum]).astype(float)
    judge = np.where(rng.random(len(truth)) < agreement, truth, 1 - truth)
    rated = np.full(len(truth), np.nan)
    for h in range(strata):
        chosen = rng.choice(np.flatnonzero(stratum == h), size=each, replace=False)
        rated[chosen] = truth[chosen]
    return ease.mean(), rated, judge, np.arange(len(truth)), stratum


def test_corrected_strata_cover_and_are_narrower_than_the_sample_alone():
    covered, narrower, runs = 0, 0, 0
    for seed in range(400):
        truth, *data = strata_study(np.random.default_rng(seed))
        found = corrected_strata(*data)
        if found.corrected.value is None:
            continue
        runs += 1
        covered += found.corrected.low <= truth <= found.corrected.high
        narrower += found.corrected.high - found.corrected.low < found.sample.high - found.sample.low
    assert 0.92 <= covered / runs <= 0.985
    assert narrower / runs > 0.9
    assert runs > 380  # the rest has fewer than five disagreements


def test_rows_near_perfection_are_covered_and_stay_shares():
    found = []
    for seed in range(200):
        truth, *data = strata_study(np.random.default_rng(seed), each=10, size=200, ease=(0.95, 1.0))
        row = corrected_strata(*data)
        for mean in (row.sample, row.corrected) if row.corrected.value is not None else ():
            assert 0 <= mean.low <= mean.value <= mean.high <= 1
        if row.corrected.value is not None:
            found.append(row.corrected.low <= truth <= row.corrected.high)
    # by value ± t s it would be 85 %
    assert np.mean(found) > 0.92
    assert len(found) > 190


def test_a_biased_judge_is_corrected_whatever_the_sample_sizes_of_the_strata():
    # the judge passes everything; the first stratum, all wrong, is rated ten times as often as the others
    rng = np.random.default_rng(0)
    stratum = np.repeat(np.arange(3), 200)
    truth = (stratum > 0).astype(float)
    rated = np.full(600, np.nan)
    for h, n in enumerate((100, 10, 10)):
        rated[rng.choice(np.flatnonzero(stratum == h), n, replace=False)] = float(h > 0)
    found = corrected_strata(rated, np.ones(600), np.arange(600), stratum)
    assert found.corrected.value == pytest.approx(truth.mean())
    assert found.sample.value == pytest.approx(2 / 3)
    assert found.weight == 0.0


def test_what_a_row_needs_before_people_may_correct_it():
    _, rated, judge, prompts, stratum = strata_study(np.random.default_rng(1), each=6)
    assert corrected_strata(rated, judge, prompts, stratum).corrected.reason.code == "too_few_labels"
    _, rated, judge, prompts, stratum = strata_study(np.random.default_rng(1), agreement=1.0)
    assert corrected_strata(rated, judge, prompts, stratum).corrected.reason.code == "too_few_disagreements"
    _, rated, judge, prompts, stratum = strata_study(np.random.default_rng(1), each=10)
    rated[np.flatnonzero(stratum == 0)] = np.nan
    assert corrected_strata(rated, judge, prompts, stratum).corrected.reason.code == "stratum_unlabelled"
