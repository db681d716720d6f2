"""The report's plots: marks and colours, what is written in them, and their fonts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pandas as pd
import pytest

from genspace import compare, diff, rank
from genspace.analysis import Estimate
from genspace.display import view_of
from genspace.evidence import Evidence
from genspace.report import write_report
from genspace.report._fonts import LAYOUT, NAME, fonts_for, plain_font
from genspace.report._manifest import make_manifest
from genspace.report._page import _environment
from genspace.report._plots import differences, forest, specification_map
from genspace.report._styles import OTHERS, judge_styles

SWIFT = {"draws": 0, "permutations": 0}
JUDGES = ("close", "far", "silent")


def evidence_with(scores: Mapping[str, Sequence[int]]) -> Evidence:
    """Six prompts, three generators, and each judge's 18 scores."""
    ids = [f"{prompt}{generator}" for prompt in range(6) for generator in "xyz"]
    return Evidence.from_frames(
        items=pd.DataFrame(
            {"item_id": ids, "prompt_id": [i[0] for i in ids], "generator": [i[1] for i in ids]}
        ),
        annotations=pd.DataFrame({"item_id": ids, "value": [n * 7 % 5 for n in range(18)]}),
        scores=pd.concat(
            [pd.DataFrame({"item_id": ids, "metric": name, "score": s}) for name, s in scores.items()]
        ),
    )


def test_a_judge_has_its_mark_and_colour_whoever_stands_beside_it() -> None:
    """By its name alone; of two that share both, one is hollow."""
    names = [f"judge-{n}" for n in range(60)]
    alone = {name: judge_styles([name])[name] for name in names}
    for start in range(0, 50, 7):
        together = judge_styles(reversed(names[start : start + 10]))
        assert all(found[:3] == alone[name][:3] for name, found in together.items())
        assert len({(s.colour, s.marker, s.fill) for s in together.values()}) == 10
    assert {s[:2] for s in alone.values()}.isdisjoint({s[:2] for s in OTHERS.values()})
    assert len(set(alone.values())) > 25  # of 40; by chance 31


def test_one_judge_is_drawn_alike_on_every_plot() -> None:
    """In the plots of a comparison, a diff and a ranking, which name other judges."""
    scores = [n * 5 % 7 for n in range(54)]
    evidence = evidence_with({name: scores[18 * n : 18 * n + 18] for n, name in enumerate(JUDGES)})
    orders = view_of(rank(evidence, judges=["close"], draws=20)).pictures
    plots = [
        forest(compare(evidence, **SWIFT).document),
        *view_of(diff(evidence, evidence)).pictures,
        *orders,
    ]
    drawn = {
        (line.get_color(), line.get_marker())
        for plot in plots
        for axes in plot.figure.axes
        for line in axes.lines
        if line.get_marker() not in {"None", "D", "|", "x"}
    }
    assert drawn == {style[:2] for style in judge_styles(JUDGES).values()}


@pytest.fixture
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A cache folder that is not there yet."""
    monkeypatch.setenv("GENSPACE_CACHE", str(tmp_path / "cache"))
    for kept in (plain_font, _environment):
        kept.cache_clear()
    yield tmp_path / "cache"
    for kept in (plain_font, _environment):
        kept.cache_clear()


def small_plot() -> bytes:
    plot = differences([("close", Estimate(0.1, -0.2, 0.4, n=9))], "AVATAR", "in words")
    assert plot is not None
    return plot.pdf()


def test_a_pdf_holds_its_font_whose_letters_are_those_of_the_page(cache: Path) -> None:
    import matplotlib as mpl
    from fontTools.ttLib import TTFont
    from matplotlib.ft2font import FT2Font

    first = small_plot()
    (kept,) = (cache / "fonts").iterdir()
    assert fonts_for(["Ω 0.25 – α"], ["A"]) == [NAME, "A"]
    for joined in ("قطة", "e\u0301", "ไทย", "漢"):
        assert fonts_for(["cat", joined], ["A"]) == ["A"]
    assert (b"/FontFile2" in first, b"/Type3" in first, small_plot() == first) == (True, False, True)
    with TTFont(kept) as plain, TTFont(f"{mpl.get_data_path()}/fonts/ttf/DejaVuSans.ttf") as own:
        assert not set(LAYOUT) & set(plain.keys())
        assert plain["head"].modified == own["head"].modified, (
            "a PDF's bytes do not tell when the font was made"
        )
    sizes = []
    for path in (kept, f"{mpl.get_data_path()}/fonts/ttf/DejaVuSans.ttf"):
        font = FT2Font(path)
        font.set_text("AVATAR To Ω 0.25 – α, 95% interval")
        sizes.append(font.get_width_height())
    assert sizes[0] == sizes[1]


def test_a_damaged_font_in_the_cache_is_not_used(cache: Path) -> None:
    small_plot()
    for path in (cache / "fonts").iterdir():
        path.write_bytes(b"")
    plain_font.cache_clear()
    assert plain_font() == ()
    assert b"/FontFile2" in small_plot()


def test_pages_and_plots_are_made_where_nothing_can_be_kept(cache: Path, tmp_path: Path) -> None:
    cache.write_text("a file")
    assert b"/FontFile2" in small_plot()
    assert plain_font() == ()
    comparison = compare(evidence_with({"close": range(18)}), **SWIFT)
    write_report(comparison, make_manifest([], comparison.document.options, {}), tmp_path / "out")
    assert "</html>" in (tmp_path / "out/report.html").read_text()


def test_a_place_is_written_where_it_changes() -> None:
    """From left to right, columns in the order of the places; squares below say which way is which."""
    evidence = evidence_with(
        {name: [n * step % 18 for n in range(18)] for name, step in zip(JUDGES, (1, 11, 5), strict=True)}
    )
    document = compare(evidence, **SWIFT).document
    plot = specification_map(document)
    assert plot is not None
    found = [
        [-9 if score is None else score for score in one.values]  # noqa: PD011 - a field of a record
        for one in document.specification.specifications
    ]
    columns = sorted([1 + sum(other > value for other in row) for value in row] for row in found)
    changes = [
        str(place)
        for before, column in zip([[0, 0, 0], *columns], columns, strict=False)
        for was, place in zip(before, column, strict=True)
        if was != place
    ]
    written = re.findall(r"<text[^>]*>(\d)</text>", plot)
    assert len(columns) > 5
    assert sorted(written) == sorted(changes)
