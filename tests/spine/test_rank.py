"""`genspace rank` and `genspace.rank`: generators in everybody's order."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import genspace as package
from genspace.errors import InputError


def graded_study(folder: Path, *, prompts: int = 30) -> Path:
    """Three generators, better from a to c; "echo" follows the people, "inverse" says the opposite."""
    items, said, scored = (
        ["item_id,prompt_id,generator,half"],
        ["item_id,rater_id,value"],
        ["item_id,metric,score"],
    )
    for p in range(prompts):
        for k, name in enumerate("abc"):
            item = f"{p}-{name}"
            value = 1 + k + (p + k) % 3
            items.append(f"{item},{p},{name},{'xy'[p % 2]}")
            said += [f"{item},r1,{value}", f"{item},r2,{min(5, value + p % 2)}"]
            scored += [f"{item},echo,{value + (p % 5) / 10}", f"{item},inverse,{-value + (p % 7) / 10}"]
    for name, lines in (("items", items), ("annotations", said), ("metric_scores", scored)):
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_everybodys_order(tmp_path: Path, genspace) -> None:
    result = genspace("rank", graded_study(tmp_path), "--draws", "200")
    assert result.code == 0
    assert "First by people: c (100% of draws). 2 of the 2 steps" in result.out
    assert "echo 0 of 3, inverse 3 of 3" in result.out
    table = result.out[result.out.index("everybody's order") :]
    rows = {line.split()[0]: line.split()[1:] for line in table.splitlines() if line.strip()}
    assert rows["c"] == ["1", "(1–1)", "1", "(1–1)", "3", "(3–3)"]
    assert rows["distance"][:1] == ["0.000"]


def test_judges_and_parts_in_full(tmp_path: Path, genspace) -> None:
    folder = graded_study(tmp_path)
    result = genspace("rank", folder, "--judge", "inverse", "--by", "half", "--draws", "100")
    assert "half: x (45 items)" in result.out
    assert "echo" not in result.out.partition("First by people")[2]
    document = json.loads(genspace("rank", folder, "--judge", "inverse", "--by", "half", "--json").out)
    assert document == package.rank(folder, judges=["inverse"], by=["half"]).to_dict()
    assert list(document["generators"]["judges"]) == ["inverse"]
    assert document["generators"]["by"]["half"]["y"]["n"] == 45
    assert document["study"]["n_ratings"] == 180


def test_the_same_seed_gives_the_same_ranking_and_the_comparison_holds_it(tmp_path: Path, genspace) -> None:
    folder = graded_study(tmp_path)
    first, again = (genspace("rank", folder, "--seed", "3", "--draws", "50", "--json").out for _ in range(2))
    assert first == again
    compared = json.loads(genspace("compare", folder, "--seed", "3", "--draws", "50", "--json").out)
    ours = json.loads(first)["generators"]
    assert compared["generators"]["people"] == ours["people"]
    assert compared["generators"]["judges"]["echo"] == ours["judges"]["echo"]


def test_the_report_draws_the_orders_side_by_side(tmp_path: Path, genspace) -> None:
    assert genspace("compare", graded_study(tmp_path), "--draws", "50", "--out", tmp_path / "out").code == 0
    page = (tmp_path / "out" / "report.html").read_text()
    section = page[page.index('id="q0-generators"') :].partition("</section>")[0]
    assert "order of generators by people and by echo" in section
    assert section.count("<svg") == section.count("<figure ") == 2
    ranks = [
        re.findall(r"<b>(\d)</b>", row)[:3] for row in section.partition("<tbody>")[2].split("</tr>")[:3]
    ]
    assert ranks == [["1", "2", "3"], ["1", "2", "3"], ["3", "2", "1"]]  # people, echo, inverse; best first
    assert "[0.000, 0.000]" in section
    (tmp_path / "annotations.csv").unlink()
    assert genspace("compare", tmp_path, "--draws", "50", "--out", tmp_path / "out").code == 0
    page = (tmp_path / "out" / "report.html").read_text()
    section = page[page.index('id="q0-generators"') :].partition("</section>")[0]
    assert "<svg" not in section
    assert "echo" in section


def test_mistakes_are_told(tmp_path: Path, genspace) -> None:
    folder = graded_study(tmp_path)
    wrong = genspace("rank", folder, "--judge", "eco")
    assert (wrong.code, "did you mean 'echo'" in wrong.err) == (2, True)
    assert genspace("rank", folder, "--by", "colour").code == 2
    assert genspace("rank", folder, "--over", "weather").code == 2
    with pytest.raises(InputError, match="no question"):
        package.rank(folder, question="why")
    (folder / "items.csv").write_text((folder / "items.csv").read_text().replace("generator", "made_by"))
    assert "Nothing to rank: no generators are named." in genspace("rank", folder).out


def test_a_wide_table_is_ranked(tmp_path: Path, genspace) -> None:
    rows = [f"{n},{n // 2},{'uv'[n % 2]},{1 + n % 2 + n // 8},{n % 2}" for n in range(24)]
    table = tmp_path / "results.csv"
    table.write_text("\n".join(["item_id,prompt_id,generator,human,clip", *rows]) + "\n")
    result = genspace("rank", table, "--human", "human", "--draws", "50", "--json")
    assert [r["generator"] for r in json.loads(result.out)["generators"]["people"]["generators"]] == [
        "v",
        "u",
    ]


def test_help_tells_defaults_that_are_no_values(genspace) -> None:
    for command, default in (
        ("rank", "default: all"),
        ("compare", "default: by the type of ratings"),
        ("validate", "default: by"),
    ):
        assert default in " ".join(genspace(command, "--help").out.split()).replace("│ ", "")
