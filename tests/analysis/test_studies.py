"""Several studies: the mean over studies like these, against another library and by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.meta_analysis import combine_effects

from genspace.analysis.inference.studies import pooled

VALUES, ERRORS = [0.61, 0.72, 0.55, 0.80], [0.04, 0.05, 0.03, 0.06]


@pytest.mark.filterwarnings("ignore:.use_t=True. requires")
def test_the_mean_is_that_of_another_library() -> None:
    told = combine_effects(np.array(VALUES), np.square(ERRORS), method_re="iterated", use_t=True)
    frame = told.summary_frame(use_t=True)
    ours = pooled(VALUES, ERRORS)
    assert ours.value == pytest.approx(frame.loc["random effect wls", "eff"], abs=1e-5)
    assert ours.tau**2 == pytest.approx(told.tau2, abs=1e-5)
    ends = frame.loc["random effect wls", ["ci_low", "ci_upp"]]
    assert [ours.low, ours.high] == pytest.approx(list(ends), abs=1e-4)


def test_equal_studies_are_never_more_certain_than_the_classical_interval() -> None:
    ours = pooled([0.7, 0.7, 0.7], [0.05, 0.05, 0.05])
    assert ours.tau == 0
    assert (ours.high - ours.low) / 2 == pytest.approx(4.3027 * 0.05 / np.sqrt(3), abs=1e-4)  # t with 2 df


def test_the_interval_of_tau_is_where_q_meets_its_quantiles() -> None:
    from scipy.stats import chi2

    ours = pooled(VALUES, ERRORS)

    def q(tau: float) -> float:
        w = 1 / (np.square(ERRORS) + tau**2)
        mean = w @ VALUES / w.sum()
        return float(w @ np.square(np.array(VALUES) - mean))

    assert q(ours.tau_low) == pytest.approx(chi2.ppf(0.975, 3))
    assert q(ours.tau_high) == pytest.approx(chi2.ppf(0.025, 3))


def write(folder: Path, seed: int, *, pairs: bool = False) -> Path:
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    ids = [f"i{k}" for k in range(80)]
    value = rng.integers(1, 6, 80)
    pd.DataFrame({"item_id": ids, "prompt_id": np.repeat(np.arange(20), 4)}).to_csv(
        folder / "items.csv", index=False
    )
    said = {"item_id": ids, "rater_id": "u", "value": value}
    if pairs:
        said = {"item_id": ids[::2], "item_id_b": ids[1::2], "rater_id": "u", "value": rng.integers(0, 2, 40)}
    pd.DataFrame(said).to_csv(folder / "annotations.csv", index=False)
    scores = pd.concat(
        pd.DataFrame({"item_id": ids, "metric": name, "score": value + noise * rng.normal(size=80)})
        for name, noise in (("sharp", 0.5), ("dull", 6.0))
    )
    scores.to_csv(folder / "metric_scores.csv", index=False)
    return folder


def test_three_studies_are_put_together(tmp_path: Path, genspace: Callable[..., Any]) -> None:
    folders = [write(tmp_path / name, seed) for seed, name in enumerate("abc")]
    done = genspace("compare", *folders, "--out", tmp_path / "out")
    assert done.code == 0, done.err
    assert "Ahead over studies like these, Holm-adjusted: sharp of dull." in done.out
    assert "Three studies can rarely show a difference." in done.out
    written = json.loads((tmp_path / "out" / "studies.json").read_text(encoding="utf-8"))
    alone = json.loads((tmp_path / "out" / "a" / "comparison.json").read_text(encoding="utf-8"))
    told = alone["judges"]["sharp"]["item"]["pairwise_half_credit"]
    assert written["judges"]["sharp"]["by_study"]["a"] == told
    assert written["judges"]["sharp"]["pooled"]["studies"] == 3
    page = (tmp_path / "out" / "studies.html").read_text(encoding="utf-8")
    assert page.index("<svg") < page.index("<table")


def test_two_studies_stand_side_by_side_and_pairs_are_left_out(
    tmp_path: Path, genspace: Callable[..., Any]
) -> None:
    folders = [write(tmp_path / "a", 1), write(tmp_path / "b", 2), write(tmp_path / "p", 3, pairs=True)]
    done = genspace("compare", *folders, "--json")
    assert done.code == 0, done.err
    across = json.loads(done.out)["across"]
    assert across["studies"] == ["a", "b"]
    assert across["left_out"]["p"]["code"] == "people_compared_pairs"
    assert across["judges"]["sharp"]["pooled"] is None
    assert {pair["standing"] for pair in across["pairs"]} == {"not compared"}
