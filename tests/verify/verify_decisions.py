"""Claims of a validation, psychometric and corrected intervals, each against planted truth."""

from __future__ import annotations

import math

import numpy as np

from genspace.analysis.figures import FIGURES
from genspace.analysis.inference.comparisons import JudgeOnUnits, difference, not_worse, standing
from genspace.analysis.inference.left_out import LeftOut
from genspace.analysis.inference.replicates import Replicates
from genspace.analysis.prediction_powered import corrected_mean
from genspace.analysis.psychometric import fit_psychometric
from genspace.analysis.validation import ONE_SIDED

PROMPTS, GENERATORS = 160, 5
PROMPT = np.repeat(np.arange(PROMPTS), GENERATORS)


def main() -> str:
    """Return the section with all tables; raise AssertionError when one does not hold."""
    rows = [*claim_rows(), *psychometric_rows(), *corrected_rows()]
    lines = ["| what | planted | found | studies |", "| --- | --- | --- | ---: |"]
    return (
        "## Claims and corrected intervals\n\n"
        f"Simulated studies of {PROMPTS} prompts x {GENERATORS} generators unless said otherwise; half of each "
        "score's variance is shared within prompts (`tests/verify/verify_decisions.py`).\n\n"
        + "\n".join(lines + rows)
        + "\n"
    )


def scattered(rng: np.random.Generator, columns: int) -> np.ndarray:
    """(n, columns) normal values of variance 1, half of it shared within prompts."""
    shared = rng.normal(size=(PROMPTS, columns))[PROMPT]
    return np.sqrt(0.5) * (shared + rng.normal(size=(len(PROMPT), columns)))


def claim_rows() -> list[str]:
    """How often a validation wrongly says ahead (equal metrics) or not worse (loss = margin), over 160 prompts."""
    studies, rows, figure = 400, [], FIGURES["pearson"]
    clusters = Replicates.of(PROMPT)
    for name, loss, margin in (("ahead", 0.0, None), ("not worse", 0.05, 0.05)):
        mistaken = 0
        for seed in range(studies):
            rng = np.random.default_rng([2, seed])
            truth, error_a, error_b = scattered(rng, 3).T
            scores = [
                r * truth + math.sqrt(1 - r * r) * e for r, e in ((0.6 - loss, error_a), (0.6, error_b))
            ]
            first, second = (JudgeOnUnits.of(figure, LeftOut(truth, clusters), x) for x in scores)
            found = difference(figure, truth, first, second, clusters)
            if margin is None:
                mistaken += standing(found, found.p) == "ahead"
            else:
                p = not_worse(
                    found,
                    margin,
                    figure=figure,
                    y=truth,
                    a=first.answers,
                    b=second.answers,
                    block=clusters.of_item,
                )
                mistaken += p is not None and p <= ONE_SIDED
        share = mistaken / studies
        assert share < 0.05, (name, share)
        rows.append(f'| wrong claims of "{name}" at the border | 2.5 % | {share:.1%} | {studies} |')
    return rows


def psychometric_rows() -> list[str]:
    """How often the bootstrap intervals hold a known curve's threshold and slope, answers clustered in scenes."""
    studies, rows = 300, []
    for lapses, floor, lapse in ((False, 0.0, 0.0), (True, 0.1, 0.05)):
        hits, given = np.zeros(2), np.zeros(2)
        for seed in range(studies):
            rng = np.random.default_rng([3, seed])
            x = np.repeat(np.arange(-60.0, 61.0, 10.0), 40)
            share = floor + (1 - floor - lapse) / (1 + np.exp(-0.1 * (x - 8)))
            curve = fit_psychometric(x, rng.random(len(x)) < share, lapses=lapses, draws=200, seed=seed)
            for k, (estimate, truth) in enumerate(((curve.threshold, 8.0), (curve.slope, 0.1))):
                if estimate.low is not None and estimate.high is not None:  # else open: many draws are steps
                    given[k] += 1
                    hits[k] += estimate.low <= truth <= estimate.high
        cover = hits / given
        assert np.all((cover > 0.9) & (cover < 0.99)), cover
        assert np.all(given > 0.9 * studies), given
        what = "with lapses" if lapses else "without lapses"
        rows.append(
            f"| psychometric intervals {what}: threshold, slope | 95 % | {cover[0]:.1%}, {cover[1]:.1%} | {studies} |"
        )
    return rows


def corrected_rows() -> list[str]:
    """How often prediction-powered intervals hold the mean, with a good judge and one that knows nothing."""
    studies, rows = 1000, []
    for quality in (0.8, 0.0):
        hits, widths = 0, np.zeros(2)
        for seed in range(studies):
            rng = np.random.default_rng([4, seed])
            truth, error = scattered(rng, 2).T
            score = 50 + 7 * (quality * truth + math.sqrt(1 - quality**2) * error)
            rated = np.isin(PROMPT, rng.permutation(PROMPTS)[: PROMPTS // 4])
            found = corrected_mean(np.where(rated, 3 + truth, np.nan), score, PROMPT)
            corrected, sample = found.corrected, found.sample
            assert None not in (corrected.low, corrected.high, sample.low, sample.high)
            hits += corrected.low <= 3 <= corrected.high
            widths += (corrected.high - corrected.low, sample.high - sample.low)
        cover = hits / studies
        assert 0.93 < cover < 0.97, cover
        rows.append(
            f"| corrected generator mean, judge of quality {quality:g} | 95 % | {cover:.1%}, "
            f"{widths[0] / widths[1]:.0%} of the sample's width | {studies} |"
        )
    return rows


if __name__ == "__main__":
    print(main())
