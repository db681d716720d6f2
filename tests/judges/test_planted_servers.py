"""Servers whose agreement with people follows from how they answer, through `genspace judge` and `compare`."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from vlm_support import VlmServer, png

from genspace.gather import evidence_of
from genspace.study import open_study

PEOPLE = [1, 1, 1, 0, 1, 1, 0, 0] * 10
"""50 of 80 items are "yes" to the majority; eight items a prompt."""


@pytest.fixture
def study(tmp_path: Path, server: VlmServer, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two of three raters say what the image's first pixel says; the third says the opposite."""
    monkeypatch.setenv("GENSPACE_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "study"
    (folder / "images").mkdir(parents=True)
    items, answers = ["item_id,prompt_id,prompt,generator"], ["item_id,rater_id,value"]
    for i, yes in enumerate(PEOPLE):
        items.append(f"i{i:02d},p{i // 8},a cow beside a chair,g{i % 2}")
        answers += [f"i{i:02d},{rater},{value}" for rater, value in (("a", yes), ("b", yes), ("c", 1 - yes))]
        (folder / "images" / f"i{i:02d}.png").write_bytes(png(255 * yes))
    (folder / "items.csv").write_text("\n".join(items), encoding="utf-8")
    (folder / "annotations.csv").write_text("\n".join(answers), encoding="utf-8")
    judges = {"yes": ("yes", "good"), "coin": ("coin", "mute"), "copy": ("copy", "good")}
    tables = [
        f'[judges.{name}]\nkind = "vlm"\nmodel = "{model}"\nbase_url = "{server.url(way)}"\n'
        + ('probabilities = "samples"\nsamples = 1\n' if way == "mute" else "")
        for name, (model, way) in judges.items()
    ]
    (folder / "study.toml").write_text("\n".join(tables), encoding="utf-8")
    return folder


def test_planted_servers_get_the_figures_of_theory(
    study: Path, server: VlmServer, genspace: Callable[..., Any]
) -> None:
    result = genspace("judge", study, "--judge", "yes", "--judge", "coin", "--judge", "copy", "--json")
    assert result.code == 0, result.err
    assert server.log()["calls"] == 80 * 3
    verdicts = evidence_of(open_study(study)).verdicts
    people = {f"i{i:02d}": yes for i, yes in enumerate(PEOPLE)}

    def agreement(judge: str) -> float:
        own = verdicts[verdicts["judge"] == judge]
        return float((own["passed"].astype(int) == own["item_id"].map(people)).mean())

    # Always yes: right on every human yes, so accuracy is the base rate 50/80; its kappa is 0 by definition.
    assert agreement("yes") == 50 / 80
    # Copies the majority: right everywhere.
    assert agreement("copy") == 1.0
    # A coin: 80 throws, standard deviation sqrt(0.25 / 80) = 0.056; within four of them of one half.
    assert abs(agreement("coin") - 0.5) < 4 * math.sqrt(0.25 / 80)
    compared = genspace("compare", study, "--json", "--draws", "0")
    assert compared.code == 0, compared.err
    told = {name: judge["item"] for name, judge in json.loads(compared.out)["judges"].items()}
    expected = {"yes": (50 / 80, 0.0), "copy": (1.0, 1.0), "coin": (agreement("coin"), None)}
    for judge, (accuracy, kappa) in expected.items():
        assert told[judge]["accuracy"]["value"] == pytest.approx(accuracy)
        if kappa is not None:
            assert told[judge]["cohen_kappa"]["value"] == pytest.approx(kappa)
    # A repeated run asks nothing, neither the judge nor the server.
    again = genspace("judge", study, "--judge", "copy", "--json")
    assert json.loads(again.out)[0]["already_done"] == 80
    assert server.log()["calls"] == 80 * 3


def test_a_position_biased_server_prefers_nothing(
    study: Path, server: VlmServer, genspace: Callable[..., Any]
) -> None:
    """80 items in 10 prompts: 10 x 28 pairs, each in both orders; the first place wins each time, so every pair ties."""
    with (study / "study.toml").open("a", encoding="utf-8") as file:
        file.write(
            f'[judges.first]\nkind = "vlm"\nmodel = "first"\nbase_url = "{server.url()}"\nprotocol = "pairwise"\n'
        )
    result = genspace("judge", study, "--judge", "first", "--limit", "30", "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)[0]["decided"] == 30
    assert server.log()["calls"] == 60
    verdicts = evidence_of(open_study(study)).verdicts
    own = verdicts[verdicts["judge"] == "first"]
    assert own["score"].to_list() == pytest.approx([0.5] * 30)
    assert own["passed"].isna().all()


@pytest.mark.parametrize("limit", [1, 20, 40, 100])
def test_a_thinker_that_is_cut_off_covers_what_it_thinks_to_the_end(
    study: Path, server: VlmServer, genspace: Callable[..., Any], limit: int
) -> None:
    """Item i takes i tokens of thought, in which the wrong answer stands i times: right where i < limit, else silent."""
    for i, yes in enumerate(PEOPLE):
        (study / "images" / f"i{i:02d}.png").write_bytes(png(255 * yes, green=i))
    with (study / "study.toml").open("a", encoding="utf-8") as file:
        file.write(
            f'[judges.thinker]\nkind = "vlm"\nmodel = "thinker"\nbase_url = "{server.url()}"\nsamples = 1\n'
            f"max_tokens = {limit}\nprice_input_usd = 0.0\nprice_output_usd = 1.0\n"
        )
    result = genspace("judge", study, "--judge", "thinker", "--json")
    assert result.code == 0, result.err
    done = min(limit, len(PEOPLE))
    (told,) = json.loads(result.out)
    assert (told["decided"], told["abstained"]) == (done, len(PEOPLE) - done)
    verdicts = evidence_of(open_study(study)).verdicts.set_index("item_id")
    for i, yes in enumerate(PEOPLE):
        own = verdicts.loc[f"i{i:02d}"]
        assert own["status"] == ("decided" if i < limit else "abstained")
        assert i >= limit or own["passed"] == bool(yes)
    if done == len(PEOPLE):
        compared = json.loads(genspace("compare", study, "--json", "--draws", "0").out)["judges"]["thinker"]
        assert compared["item"]["accuracy"]["value"] == 1.0


def test_faults_are_named_and_asked_again_on_request(
    study: Path, server: VlmServer, genspace: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from genspace.judges.vlm import _server

    monkeypatch.setattr(_server, "FIRST_DELAY_S", 0.01)
    options = [
        "-o",
        f"copy.base_url={server.url('faulty')}",
        "-o",
        "copy.request_timeout_s=1",
        "-o",
        "copy.tries=1",
    ]
    first = genspace("judge", study, "--judge", "copy", *options, "--json")
    assert first.code == 1
    (summary,) = json.loads(first.out)
    assert summary["decided"] + summary["abstained"] + summary["failed"] == 80
    assert summary["failed"] == len(summary["failures"]) > 0
    assert all(f["reason"] for f in summary["failures"])
    before = server.log()["answered"]
    options[-1] = "copy.tries=30"
    second = genspace("judge", study, "--judge", "copy", *options, "--retry", "errors", "--json")
    assert second.code == 0, second.err
    (again,) = json.loads(second.out)
    assert again["asked"] == summary["failed"]
    assert server.log()["answered"] - before <= 2 * summary["failed"]
    verdicts = evidence_of(open_study(study)).verdicts
    own = verdicts[verdicts["judge"] == "copy"]
    assert len(own) == 80
    people = own["item_id"].map({f"i{i:02d}": float(yes) for i, yes in enumerate(PEOPLE)})
    decided = own["status"] == "decided"
    assert own.loc[decided, "score"].to_list() == pytest.approx(people[decided].to_list(), abs=1e-6)


def test_a_dry_run_shows_everything_and_sends_nothing(
    study: Path, server: VlmServer, genspace: Callable[..., Any]
) -> None:
    shown = genspace(
        "judge", study, "--judge", "copy", "--dry-run", "--show",
        "-o", "copy.price_input_usd=2", "-o", "copy.price_output_usd=8",
    )  # fmt: skip
    assert shown.code == 0, shown.err
    assert "80 calls" in shown.out
    assert "$" in shown.out
    assert "“a cow beside a chair”" in shown.out
    assert server.log()["calls"] == 0


def test_the_budget_of_the_command_line_is_kept(
    study: Path, server: VlmServer, genspace: Callable[..., Any]
) -> None:
    # 0.10 USD a call (100 input tokens at 1,000 USD a million), at most 4 in flight.
    options = ["-o", "copy.price_input_usd=1000", "-o", "copy.price_output_usd=0", "-o", "copy.concurrency=4"]
    result = genspace("judge", study, "--judge", "copy", *options, "--max-usd", "1")
    assert (result.code, result.err.count("failed")) == (1, 0)
    calls = server.log()["calls"]
    assert 10 <= calls <= 13
    assert f"copy: {calls} judged: {calls} decided" in result.out
    assert "the budget of 1 USD is spent (1." in result.out
    assert len(evidence_of(open_study(study)).verdicts) == calls, (
        "every answer that was paid for is kept, and nothing else"
    )
    rest = genspace("judge", study, "--judge", "copy", *options, "--json")
    assert json.loads(rest.out)[0]["already_done"] == calls
    assert server.log()["calls"] == 80
