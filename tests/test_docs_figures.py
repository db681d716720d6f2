"""Figures and drawings in the documentation are those that the code gives."""

from __future__ import annotations

import re
from pathlib import Path

import drawings
import newcomer
import order_of_metrics
import pytest
import reference_pages
import rules
import visit_flow

from genspace.readings import kinds

ROOT = Path(__file__).resolve().parents[1]

NUMBER = re.compile(r"\d+(?:\.\d+)? %|\d\.\d{3}|\d+ of \d+")


def value(found, judge, figure, averaging="none"):
    """The judge's figure against the mean of all raters, as the page writes it."""
    [way] = [
        w for w in found["specifications"]
        if (w["figure"], w["averaging"], w["raters"], w["left_out"], w["abstention"])
        == (figure, averaging, "mean", "none", "excluded")
    ]  # fmt: skip
    return way["values"][found["judges"].index(judge)]


def tied(found, judge, averaging="none"):
    """Share of the separated pairs that a judge ties: a tie is worth 0 in one figure and half in the other."""
    figures = ("pairwise_half_credit", "pairwise_strict")
    half, none = (value(found, judge, figure, averaging) for figure in figures)
    return f"{2 * (half - none):.0%}".replace("%", " %")


def tifa160(found) -> list[str]:
    best = {b["judge"]: b for b in found["best"]}
    mplug, clip = "tifa_mplug-large", "clipscore_vitb32"
    assert found["judges"][0] == mplug
    assert value(found, clip, "pairwise_half_credit", "prompt") == value(
        found, clip, "pairwise_strict", "prompt"
    )

    quoted = prose("how-to/validating-a-metric.md").replace("> ", "").partition("Reversed only when")
    reversal, _, figures = quoted[2].partition(" … ")
    assert found["sentences"][2].startswith(f"Reversed only when{reversal}")
    assert figures.startswith(found["sentences"][3])

    def both(figure):
        return tuple(f"{value(found, judge, figure, 'prompt'):.3f}" for judge in (mplug, clip))

    strict, half, dropped = (
        both("pairwise_strict"),
        both("pairwise_half_credit"),
        both("pairwise_ties_dropped"),
    )
    return [
        f"first in {best[mplug]['first']} of {best[mplug]['of']} ways",
        f"in {best[mplug]['top']} of {best[mplug]['of']} no other metric is ahead of it",
        f"`{clip}` leads by {strict[1]} to {strict[0]}",
        f"Of the pairs that people separate within a prompt, it gives {tied(found, mplug, 'prompt')} the same score",
        f"the two reach {half[0]} and {half[1]}, with ties dropped {dropped[0]} and {dropped[1]}",
    ]


def dsg_tifa160(found) -> list[str]:
    best = {b["judge"]: b for b in found["best"]}
    pali, blip = "pali-17b__dsg", "instruct-blip__vq2a"
    assert found["judges"][0] == pali
    strict = {judge: value(found, judge, "pairwise_strict") for judge in found["judges"]}
    assert min(strict, key=strict.get) == blip
    without_ties = [w["values"] for w in found["specifications"] if w["figure"] == "pairwise_ties_dropped"]
    assert all(found["judges"][v.index(max(v))] == blip for v in without_ties)
    dropped = [f"{value(found, judge, 'pairwise_ties_dropped'):.3f}" for judge in (blip, pali)]
    choices = dict(re.findall(r"^\| ([^|]+) \| \d+ \| (\d+)% ", order_of_metrics.block(found), re.MULTILINE))
    tie, raters = (choices[order_of_metrics.DIMENSIONS[d]] for d in ("figure", "raters"))
    return [
        f"`{blip}` is first in {best[blip]['first']} of {best[blip]['of']} ways",
        f"over all items {dropped[0]} against {dropped[1]}",
        f"at {strict[blip]:.3f} and last",
        f"{tied(found, blip)} of the pairs that people separate",
        f"changes the first place in {tie} % of the pairs of ways that differ in nothing else",
        f"the averaging of ratings changes it in {raters} %",
    ]


@pytest.mark.parametrize("claims", [tifa160, dsg_tifa160], ids=lambda f: f.__name__)
def test_figures_and_sentences_are_what_compare_gives(claims, data: Path) -> None:
    study = claims.__name__
    page = order_of_metrics.PAGE.read_text(encoding="utf-8")
    found = order_of_metrics.specification(data / "human" / study)
    block = re.search(order_of_metrics.BLOCK.format(study=study), page, re.DOTALL)
    assert block["figures"] == order_of_metrics.block(found)
    # The prose of the section: from its heading to the block.
    prose = " ".join(page[page.rindex("\n## ", 0, block.start()) : block.start()].split())
    said = claims(found)
    assert [s for s in said if s not in prose] == []
    unchecked = set(NUMBER.findall(prose)) - set(NUMBER.findall(" ".join(said)))
    assert unchecked == set(), "figures on the page that no claim covers"


def test_the_page_on_ranking_quotes_tifa160_as_it_comes_out(data: Path) -> None:
    from genspace import rank

    judges = rank(data / "human/tifa160").to_dict()["generators"]["judges"]
    mplug, meteor = (judges[name]["distance"] for name in ("tifa_mplug-large", "meteor"))
    page = prose("how-to/rank-generators.md")
    assert f"TIFA-mPLUG, puts {10 * mplug['value']:.0f} of 10 pairs of generators" in page
    assert meteor["value"] == 0
    assert f"puts none (its interval reaches to {10 * meteor['high']:.0f} of 10)" in page


def prose(name: str) -> str:
    """Return a page's text in one line."""
    return " ".join((ROOT / "docs" / name).read_text(encoding="utf-8").split())


def test_a_report_s_sections_are_all_on_the_page_that_reads_it() -> None:
    from genspace.report._sections import SECTIONS

    page = prose("how-to/read-a-report.md")
    missing = [t for s in SECTIONS if f"| **{(t := s.title.format(reference='people'))}** |" not in page]
    assert missing == []


def test_the_newcomer_types_what_the_readme_says() -> None:
    clone, *_, comparison = newcomer.commands()
    assert clone == "git clone REPOSITORY genspace"
    assert comparison.startswith("genspace compare results.csv --human rating --metrics clip,vqa")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert newcomer.table().partition("\n")[0] in readme


def test_the_drawings_are_what_the_code_draws() -> None:
    for name, svg in drawings.drawings():
        assert (drawings.FOLDER / name).read_text(encoding="utf-8") == drawings.sized(svg), (
            "run python docs/drawings.py"
        )
    assert len(list(drawings.FOLDER.glob("*.svg"))) == len(list(drawings.drawings()))


def test_the_page_of_rules_is_what_the_code_decides() -> None:
    assert rules.PAGE.read_text(encoding="utf-8") == rules.page(), "run python docs/rules.py"
    assert rules.page().count("\n| `") == 50, "12 predicates with 4 variants, 2 with 1"


def test_the_page_on_what_was_read_shows_what_check_prints(tmp_path, monkeypatch, genspace) -> None:
    page = (ROOT / "docs/reference/what-was-read.md").read_text(encoding="utf-8")
    table, command, printed = re.findall(r"```(?:text|bash)\n(.*?)```", page, re.DOTALL)
    (tmp_path / "results.csv").write_text(table, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert genspace(*command.split()[1:]).out == printed
    text = reference_pages.fill(page)
    assert all(f"| `{code}` | {kind.level} |" in text for code, kind in kinds().items())
    assert "{" not in reference_pages.readings()


def test_every_predicate_is_drawn() -> None:
    from genspace.geometry.predicates import built_in

    assert {call.partition("(")[0] for call in drawings.PREDICATES} == set(built_in())


def test_the_picture_of_a_visit_holds_every_outcome() -> None:
    from genspace.human_study.design import OUTCOMES

    assert visit_flow.FILE.read_text(encoding="utf-8") == visit_flow.sized(visit_flow.flow()), (
        "run python docs/visit_flow.py"
    )
    assert {outcome for _, _, ends in visit_flow.STEPS for outcome in ends} == set(OUTCOMES)
