"""What a comparison says of the people: agreement in every cell, the ceiling, and each sentence with its condition."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import krippendorff
import numpy as np
import pandas as pd
import pytest
from frames import evidence
from rich.console import Console

from genspace.analysis._options import CompareOptions
from genspace.analysis._people_section import agreement_of
from genspace.analysis._scope import Scope
from genspace.analysis.compare import Comparison, compare
from genspace.analysis.question import Question
from genspace.datasets import CATALOGUE, write_study
from genspace.gather import evidence_of
from genspace.records import StudySettings
from genspace.report import print_comparison
from genspace.report._sentences import people_sentences
from genspace.study import open_study

QUICK = CompareOptions(draws=0, permutations=0, by=("side",))


def crowd(seed: int = 0, *, raters: int = 9, each: int = 3) -> pd.DataFrame:
    """One row an answer: 120 items of 30 prompts, each with its own three of nine raters, who agree less on "left"."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(120):
        true, noise = rng.normal(3, 1), 0.4 if i % 2 else 1.6
        values = np.clip(np.round(true + rng.normal(0, noise, size=each)), 1, 5)
        rows += [
            (f"i{i}", f"r{r}", v)
            for r, v in zip(rng.choice(raters, each, replace=False), values, strict=True)
        ]
    return pd.DataFrame(rows, columns=["item_id", "rater_id", "value"])


ITEMS = pd.DataFrame(
    {
        "item_id": [f"i{i}" for i in range(120)],
        "prompt_id": [f"p{i // 4}" for i in range(120)],
        "side": ["right" if i % 2 else "left" for i in range(120)],
    }
)
PERSONS = StudySettings(raters="person", value_type="ordinal", scale_min=1, scale_max=5)


def compared(
    said: pd.DataFrame, settings: StudySettings = PERSONS, options: CompareOptions = QUICK
) -> Comparison:
    scores = pd.DataFrame({"item_id": ITEMS["item_id"], "judge": "clip", "score": np.arange(120) % 7})
    return compare(evidence(said, scores, ITEMS, settings=settings), options)


def printed(comparison: Comparison) -> str:
    console = Console(file=io.StringIO(), width=140)
    print_comparison(comparison.document, console)
    return console.file.getvalue()


def test_people_of_a_crowd_stand_in_every_cell(tmp_path: Path) -> None:
    said = crowd()
    found = compared(said)
    human, cells = found.document.human, found.document.breakdowns["side"]
    assert human.alpha == "krippendorff_alpha_ordinal"
    for side, cell in cells.items():
        wide = said[said["item_id"].isin(ITEMS.loc[ITEMS["side"] == side, "item_id"])]
        table = wide.pivot_table(index="rater_id", columns="item_id", values="value").to_numpy()
        theirs = krippendorff.alpha(table, level_of_measurement="ordinal")
        assert cell.people.value == pytest.approx(theirs, abs=1e-12)
        assert cell.people.low < theirs < cell.people.high
        assert found.to_dict()["breakdowns"]["side"][side]["people"]["value"] == cell.people.value
    assert cells["left"].people.high < cells["right"].people.low
    told = printed(found)
    assert "people (Krippendorff α, ordinal)" in told
    assert f"{cells['left'].people.value:.3f} [" in told
    html = next(p for p in found.write(tmp_path) if p.name == "report.html").read_text(encoding="utf-8")
    assert html.count("people (Krippendorff α, ordinal)") == 1
    assert f"α = {cells['left'].people.value:.2f}" in html
    assert human.reliability["icc_1_1"].value is not None
    assert human.row["spearman"].value is not None
    assert human.ceiling.estimate.low is not None


def test_where_one_person_rated_nothing_is_said_of_agreement(tmp_path: Path) -> None:
    found = compared(crowd(each=1, raters=1))
    cell = found.document.breakdowns["side"]["left"]
    assert (cell.people.value, cell.people.reason.code) == (None, "one_rater")
    assert "Krippendorff" not in printed(found)
    html = next(p for p in found.write(tmp_path) if p.name == "report.html").read_text(encoding="utf-8")
    assert "people (Krippendorff" not in html
    assert people_sentences(found.document) == []


def test_sentences_of_the_people_follow_from_their_figures() -> None:
    document = compared(crowd()).document
    rest, ceiling = people_sentences(document)
    row = document.human.row["spearman"]
    told = f"{row.value:.3f} ({row.low:.3f} to {row.high:.3f})"
    assert rest == f"One rater reaches Spearman {told} against the rest, averaged over the raters."
    assert ceiling.startswith(
        "Under a model of the raters (latent values, 120 items rated twice or more) the mean of infinitely many would "
        f"reach Spearman {document.human.ceiling.estimate.value:.3f} ("
    )
    assert "allow anything" not in ceiling
    human = document.human
    bounded = replace(human, ceiling=replace(human.ceiling, bounds=(0.7, 0.91)))
    assert people_sentences(replace(document, human=bounded))[1].endswith(
        " here. The votes alone allow anything from 0.700 to 0.910."
    )
    silent = replace(human, ceiling=compared(crowd(each=1)).document.human.ceiling)
    assert people_sentences(replace(document, human=silent)) == [rest]
    alone = replace(human, row={})
    assert people_sentences(replace(document, human=alone)) == [ceiling]


def test_no_figure_is_a_share_of_the_ceiling() -> None:
    document = compared(crowd()).to_dict()
    assert "pearson_of_ceiling" not in document["judges"]["clip"]["item"]
    assert document["human"]["ceiling"]["figure"] == document["primary"]["figure"] == "spearman"


def test_pairs_have_the_ceiling_of_agreement_on_them() -> None:
    rng = np.random.default_rng(1)
    share = rng.beta(0.6, 0.6, 60)
    said = pd.DataFrame(
        [(f"i{2 * i}", f"i{2 * i + 1}", f"r{k}", float(rng.random() < p)) for i, p in enumerate(share) for k in range(3)],
        columns=["item_id", "item_id_b", "rater_id", "value"],
    )  # fmt: skip
    document = compared(said, StudySettings(raters="person"), replace(QUICK, by=())).document
    ceiling = document.human.ceiling
    assert (ceiling.figure, ceiling.model) == ("pair_agreement", "beta distribution")
    assert ceiling.bounds[0] <= ceiling.estimate.value <= ceiling.bounds[1]
    assert "would reach agreement on pairs 0." in people_sentences(document)[-1]


@pytest.mark.data
def test_people_agree_less_on_left_and_right_than_on_contact(data: Path, tmp_path: Path) -> None:
    """VSR: published with the votes, by image: contact .826 (.805-.843), left and right .483 (.451-.513)."""
    if not (data / "raw/vsr").is_dir():
        pytest.skip("raw/vsr is not there")
    write_study(CATALOGUE["vsr"], data / "raw/vsr", tmp_path)
    scope = Scope.of(Question.of(evidence_of(open_study(tmp_path))), CompareOptions(draws=0))
    group = scope.study.column("relation_group")
    # Theirs count every vote, ours each person's first: up to .005 apart.
    for name, published in {
        "contact and containment": (0.826, 0.805, 0.843), "left and right": (0.483, 0.451, 0.513),
    }.items():  # fmt: skip
        found = agreement_of(scope.take(group == name))
        assert (found.value, found.low, found.high) == pytest.approx(published, abs=0.01)
