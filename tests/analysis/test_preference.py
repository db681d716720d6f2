"""Pairs that people compared against scores of single items: the sign of the difference, and ties."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from frames import evidence

from genspace.analysis import CompareOptions, compare
from genspace.gather import evidence_of
from genspace.report._table import judge_table
from genspace.study import open_study

QUICK = CompareOptions(draws=40, permutations=0)

# Five pairs and what two raters say of them, as the first item's share. The means are 1, 0.75, 0.5, 0.25, 0: people
# prefer the first, the first, neither, the second, the second.
PREFERENCES = {"ab": (1, 1), "cd": (1, 0.5), "ef": (0.5, 0.5), "gh": (0, 0.5), "kl": (0, 0)}
# Differences of the scores: 2 (agrees), 0 (judge's tie), 0 (tie of both), -1 (agrees), 3 (disagrees).
SCORES = {"a": 5, "b": 3, "c": 1, "d": 1, "e": 2, "f": 2, "g": 0, "h": 1, "k": 4, "l": 1}


def tables(direction: int = 1) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    said = pd.DataFrame(
        [(p[0], p[1], f"r{n}", v) for p, values in PREFERENCES.items() for n, v in enumerate(values)],
        columns=["item_id", "item_id_b", "rater_id", "value"],
    )
    scored = pd.DataFrame(
        {"item_id": list(SCORES), "judge": "metric", "score": np.array([*SCORES.values()]) * direction}
    )
    prompts = [p for p in PREFERENCES for _ in p]
    return said, scored, pd.DataFrame({"item_id": list(SCORES), "prompt_id": prompts})


def preference(document: dict, judge: str = "metric") -> dict[str, float | None]:
    return {name: found["value"] for name, found in document["judges"][judge]["item"].items()}


def test_the_difference_of_two_scores_is_the_preference() -> None:
    document = compare(evidence(*tables()), QUICK).to_dict()
    found = preference(document)
    # People separate 4 pairs; the judge is right on 2, ties 1, is wrong on 1.
    assert found["pair_agreement_strict"] == pytest.approx(2 / 4)
    assert found["pair_agreement"] == pytest.approx(2.5 / 4)
    assert found["pair_agreement_ties_dropped"] == pytest.approx(2 / 3)
    # Of all 5 pairs both say the same of ab, ef, gh.
    assert found["pair_agreement_with_ties"] == pytest.approx(3 / 5)
    assert document["judges"]["metric"]["coverage"]["value"] == 1
    assert [c.label for c in judge_table(compare(evidence(*tables()), QUICK).document).columns][1:] == [
        "raters who agree", "pairs, with ties", "pairs, ties calibrated",
    ]  # fmt: skip


def test_lower_is_better_turns_the_preference() -> None:
    from genspace.records import StudySettings

    settings = StudySettings(lower_is_better=("metric",))
    document = compare(evidence(*tables(direction=-1), settings=settings), QUICK).to_dict()
    assert preference(document)["pair_agreement_strict"] == pytest.approx(2 / 4)


def test_a_missing_score_leaves_its_pair_out() -> None:
    said, scored, items = tables()
    document = compare(evidence(said, scored[scored["item_id"] != "l"], items), QUICK).to_dict()
    assert preference(document)["pair_agreement_ties_dropped"] == 1
    assert document["judges"]["metric"]["coverage"]["value"] == pytest.approx(4 / 5)


def test_a_judge_of_pairs_gives_shares_and_keeps_them() -> None:
    said, scored, items = tables()
    pairs = pd.DataFrame(
        [(p[0], p[1], "panel", s) for p, s in zip(PREFERENCES, (0.9, 0.8, 0.5, 0.4, 0.2), strict=True)],
        columns=["item_id", "item_id_b", "judge", "score"],
    )
    document = compare(evidence(said, pd.concat([scored, pairs]), items), QUICK).to_dict()
    assert preference(document, "panel")["pair_agreement_with_ties"] == 1
    assert preference(document)["pair_agreement_with_ties"] == pytest.approx(3 / 5)


def test_a_tie_width_is_learned_on_other_prompts() -> None:
    """People tie what differs by less than 1; the judge never ties exactly, so only a width finds the ties."""
    rng = np.random.default_rng(7)
    n = 200
    gap = rng.uniform(-3, 3, n)
    first = rng.normal(size=n)
    said = pd.DataFrame(
        {
            "item_id": [f"a{i}" for i in range(n)], "item_id_b": [f"b{i}" for i in range(n)],
            "value": np.where(np.abs(gap) < 1, 0.5, gap > 0),
        }
    )  # fmt: skip
    scored = pd.DataFrame(
        {
            "item_id": [*said["item_id"], *said["item_id_b"]],
            "judge": "metric",
            "score": [*first, *(first - gap)],
        }
    )
    items = pd.DataFrame({"item_id": scored["item_id"], "prompt_id": [*range(n), *range(n)]})
    found = preference(compare(evidence(said, scored, items), QUICK).to_dict())
    assert found["pair_agreement_with_ties"] == pytest.approx((np.abs(gap) >= 1).mean())
    assert found["pair_agreement_tie_calibrated"] > 0.97


def test_a_study_of_single_items_has_no_preference() -> None:
    items = pd.DataFrame({"item_id": list("abcd")})
    said = pd.DataFrame({"item_id": list("abcd"), "value": [1, 2, 3, 5]})
    scored = pd.DataFrame({"item_id": list("abcd"), "judge": "clip", "score": [0.1, 0.3, 0.2, 0.9]})
    item = compare(evidence(said, scored, items), QUICK).to_dict()["judges"]["clip"]["item"]
    assert not [key for key in item if key.startswith("pair_agreement")]


def test_from_the_files_of_a_study(tmp_path: Path) -> None:
    said, scored, items = tables()
    items.to_csv(tmp_path / "items.csv", index=False)
    said.to_csv(tmp_path / "annotations.csv", index=False)
    (tmp_path / "scores").mkdir()
    scored.drop(columns="judge").to_csv(tmp_path / "scores" / "metric.csv", index=False)
    assert preference(compare(evidence_of(open_study(tmp_path)), QUICK).to_dict())[
        "pair_agreement"
    ] == pytest.approx(2.5 / 4)
