"""The report's page in a real browser: filters, accessibility, no script, print; and its size with many items."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from genspace import Verdict, compare, diff, gate, rank
from genspace.analysis.figures import FIGURES, SYSTEMS
from genspace.gather import evidence_of
from genspace.report import view_item, write_report
from genspace.report._manifest import make_manifest
from genspace.report._probe_page import write_probe_report
from genspace.report._table import EXTRA
from genspace.report._words import terms_in
from genspace.report.probes import probe_report
from genspace.store import JudgeStore
from genspace.study import open_study

SWIFT = {"draws": 0, "permutations": 0}
JUDGES = ("close", "far", "silent")
WORDS = ("left of", "behind", "above")


def write_study(folder: Path, items: int, *, image: bool = True) -> Path:
    """People rate 0 to 4. "close" is right up to a little noise, "far" knows nothing, "silent" scores even items."""
    (folder / "images").mkdir(parents=True)
    if image:
        from PIL import Image

        Image.radial_gradient("L").convert("RGB").resize((512, 512)).save(folder / "images/one.png")
    items_rows, ratings, scores = [], [], []
    for n in range(items):
        truth = n * 7919 % 5
        items_rows.append(
            f'i{n},one.png,"a cat {WORDS[n % 3]} dog {n}",p{n % max(items // 4, 1)},g{n % 4},{WORDS[n % 3]}'
        )
        ratings += [f"i{n},r{r},{min(4, max(0, truth + (n + r) % 3 - 1))}" for r in range(3)]
        scores += [f"i{n},close,{truth + n % 7 / 10}", f"i{n},far,{n * 2654435761 % 997 / 997:.4f}"]
        scores.append(f"i{n},silent,{truth if n % 2 == 0 else ''}")
    (folder / "study.toml").write_text(
        'name = "cats"\nquestion = "Where is the cat?"\nbreakdowns = ["sub_domain"]\n'
    )
    head = "item_id,image,prompt,prompt_id,generator,sub_domain\n"
    (folder / "items.csv").write_text(head + "\n".join(items_rows))
    (folder / "annotations.csv").write_text("item_id,rater_id,value\n" + "\n".join(ratings))
    (folder / "metric_scores.csv").write_text("item_id,metric,score\n" + "\n".join(scores))
    return folder


def write_page(study: Path, out: Path, **options: Any) -> Path:
    comparison = compare(study, **SWIFT | options)
    manifest = make_manifest([], comparison.document.options, {})
    write_report(comparison, manifest, out, open_study(study))
    return out / "report.html"


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    options = {"draws": 20, "permutations": 100}
    return write_page(write_study(folder / "study", 120), folder / "out", **options)


@pytest.fixture(scope="module")
def pages(page_file: Path) -> dict[str, Path]:
    """Every kind of page: the report, a judge over time, a gate, a ranking, and probes."""
    folder = page_file.parents[1]
    old, out = shutil.copytree(folder / "study", folder / "old"), folder / "others"
    scores = (old / "metric_scores.csv").read_text()
    (old / "metric_scores.csv").write_text(re.sub(r"(?m)^(i\d*[13],close),.*$", r"\1,2", scores))
    found = diff(old, folder / "study"), gate(folder / "study", ["close not behind before"], against=old)
    for result in (*found, rank(folder / "study", draws=20)):
        result.write(out)
    probes = shutil.copytree(Path(__file__).parents[2] / "examples/quickstart", folder / "probes")
    truth = pd.read_csv(probes / "annotations.csv").groupby("item_id")["value"].first()
    with JudgeStore(probes, "planted").writer() as writer:
        for n, (item, yes) in enumerate(truth.items()):
            passed = bool(yes) ^ (n % 5 == 0)
            verdict = Verdict(item_id=str(item), score=float(passed), passed=passed)
            writer.write(verdict.stamped(judge="planted", fingerprint="one"))
    write_probe_report(probe_report(evidence_of(open_study(probes)), draws=20), out)
    (out / "item.html").write_text(view_item(open_study(probes), "t2i-egocentric-left-000").html())
    return {"report": page_file} | {
        name: out / f"{name}.html" for name in ("diff", "gate", "ranking", "probes", "item")
    }


@pytest.fixture
def open_page(browser: Any, page_file: Path) -> Iterator[Callable[..., Any]]:
    """Open the report from disk, offline; a script error or a request for anything but files fails the test."""
    complaints: list[str] = []
    contexts = []

    def new(file: Path = page_file, **options: Any) -> Any:
        context = browser.new_context(offline=True, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda r: None if r.url.startswith(("file:", "data:")) else complaints.append(r.url),
        )
        page.goto(file.as_uri())
        return page

    yield new
    for context in contexts:
        context.close()
    assert complaints == []


def ids(page: Any) -> list[str]:
    return [text.split(" · ")[0] for text in page.locator(".card .id").all_inner_texts()]


@pytest.mark.needs_debian("chromium")
def test_filters_choose_items_by_column_judge_and_text(open_page: Callable[..., Any]) -> None:
    page = open_page()
    assert len(ids(page)) == 12, "the first cards alone; the rest on demand"
    page.locator("label", has_text="sub domain").locator("select").select_option(label="behind")
    assert page.locator(".filters output").inner_text() == "40 of 120 items"
    assert all(int(i[1:]) % 3 == 1 for i in ids(page))
    page.locator("label", has_text="generator").locator("select").select_option(label="g1")
    # behind: n % 3 = 1; g1: n % 4 = 1; both: n % 12 = 1, so ten of 120.
    assert page.locator(".filters output").inner_text() == "10 of 120 items"
    assert sorted(int(i[1:]) for i in ids(page)) == list(range(1, 120, 12))
    page.locator("[data-judge]").select_option(label="silent")
    assert page.locator(".filters output").inner_text() == "0 of 120 items"  # these numbers are odd: no score
    page.get_by_role("button", name="Clear").click()
    page.wait_for_function("document.querySelector('.filters output').textContent.startsWith('120 of')")
    page.get_by_role("searchbox").fill("dog 117")
    assert ids(page) == ["i117"]
    assert page.locator(".items tbody tr").count() == 1


@pytest.mark.needs_debian("chromium")
def test_a_chosen_judge_sorts_by_its_disagreement(open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.locator("[data-judge]").select_option(label="far")
    page.get_by_text("All items, one a line").click()
    points = page.locator(".items .points").all_inner_texts()
    sizes = [int(re.sub(r"\D", "", p)) for p in points]
    assert len(sizes) == 120
    assert sizes == sorted(sizes, reverse=True)
    assert set(page.locator(".items tbody td:nth-child(6)").all_inner_texts()) == {"far"}
    # A judge that knows nothing is as far from the people as chance puts it: a third of all places.
    distances = page.locator(".distances tr").all_inner_texts()
    far = next(row for row in distances if row.startswith("far"))
    assert 25 < float(far.split()[1]) < 42


@pytest.mark.needs_debian("chromium")
def test_a_card_made_by_the_script_equals_the_one_in_the_page(open_page: Callable[..., Any]) -> None:
    """Cards exist twice, drawn by the template and by the script: their words must not drift apart."""
    still = open_page(java_script_enabled=False).locator(".card").first
    page = open_page()
    name = still.locator(".id").inner_text().split(" · ")[0]
    page.evaluate(
        """() => { // forget the cards of the page and run its script again: it must make them all itself
             for (const card of document.querySelectorAll('.card')) card.remove();
             const script = document.scripts[document.scripts.length - 1];
             new Function(script.textContent)();
           }"""
    )
    page.get_by_role("searchbox").fill(name)
    made = page.locator(".card").first
    assert made.inner_text().split() == still.inner_text().split()


@pytest.mark.needs_debian("chromium")
@pytest.mark.parametrize(("width", "colours"), [(1280, "dark"), (390, "light")])
@pytest.mark.parametrize("kind", ["report", "diff", "gate", "ranking", "probes", "item"])
def test_pages_are_accessible_and_as_wide_as_the_screen(
    open_page: Callable[..., Any], pages: dict[str, Path], kind: str, width: int, colours: str
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = open_page(pages[kind], viewport={"width": width, "height": 800}, color_scheme=colours)
    found = [
        (v["id"], v["help"], [(n["target"], n["html"][:90]) for n in v["nodes"]])
        for v in Axe().run(page).response["violations"]
    ]
    assert found == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("kind", ["report", "diff", "gate", "ranking", "probes", "item"])
def test_every_term_is_linked_to_one_sentence(pages: dict[str, Path], kind: str) -> None:
    """Each word that has a meaning of its own leads to it, wherever sentences, headings and cells have it."""
    html = pages[kind].read_text()
    explained = dict(re.findall(r'<dt id="word-([\w-]+)">(.*?)</dt><dd>.+?</dd>', html))
    assert set(re.findall(r'href="#word-([\w-]+)"', html)) == set(explained)
    expected = {
        "report": {"interval", "ahead", "coverage", "Spearman"}, "diff": {"repeats itself", "coverage", "Spearman"},
        "gate": {"met", "interval"}, "ranking": {"draws", "distance"},
        "probes": {"clear probes", "threshold", "bias", "slope", "known truth", "more yes than true"},
        "item": {"egocentric", "says", "score", "answer"},
    }[kind]  # fmt: skip
    assert expected <= set(explained.values())
    paragraphs = re.findall(
        r"<p(?: class=.headline.)?>(.*?)</p>", html.partition('class="words">')[2].partition("</section>")[0]
    )
    for paragraph in paragraphs:
        said = unescape(re.sub(r"<.*?>", "", paragraph))
        linked = {term.lower() for term in re.findall(r'<a class="term".*?>(.*?)</a>', paragraph)}
        assert {term.lower() for term in terms_in([said])} <= linked, said


@pytest.mark.needs_debian("chromium")
def test_numbers_in_maps_keep_their_colour_on_a_dark_page(open_page: Callable[..., Any]) -> None:
    """A cell is as light on a dark page as on a light one: only text outside cells may follow the page."""
    colours = {}
    for scheme in ("light", "dark"):
        texts = open_page(color_scheme=scheme).locator(
            "#q0-breakdowns svg text", has_text=re.compile(r"^-?0\.\d\d$")
        )
        colours[scheme] = texts.evaluate_all("found => found.map((t) => getComputedStyle(t).fill)")
    assert colours["light"]
    assert colours["dark"] == colours["light"]


@pytest.mark.needs_debian("chromium")
def test_without_a_script_everything_is_still_readable(open_page: Callable[..., Any]) -> None:
    page = open_page(java_script_enabled=False)
    assert not page.locator(".filters").is_visible()
    assert page.locator(".card").count() > 12
    assert page.locator(".card img").first.is_visible()
    assert "items.csv beside this page" in page.locator("noscript").first.inner_text()


@pytest.mark.needs_debian("chromium")
def test_paper_shows_the_answer_and_the_folded_tables_but_no_controls(open_page: Callable[..., Any]) -> None:
    page = open_page()
    page.emulate_media(media="print")
    assert page.locator(".headline").is_visible()
    assert not page.locator(".filters").is_visible()
    assert not page.locator("nav").is_visible()
    assert page.locator("#q0-breakdowns details table").first.is_visible()
    everything = page_count(page.pdf(prefer_css_page_size=True))
    page.add_style_tag(content="#q0-judges ~ *, #q0-judges > details {display: none !important}")
    assert page_count(page.pdf(prefer_css_page_size=True)) <= 2 < everything, (
        "a summary of two pages comes first"
    )


def page_count(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def test_ten_thousand_items_keep_the_page_small(tmp_path: Path) -> None:
    """Pictures of the shown gallery alone are inlined, full images linked; the rest of the items is compact data."""
    study = write_study(tmp_path / "study", 10_000)
    html = write_page(study, tmp_path / "out").read_text()
    assert html.count("data:image/jpeg") <= 36
    assert html.count("<article") <= 36
    assert html.count("<tr") < 1_000
    assert len(html.encode()) < 4_000_000
    data = json.loads(re.search(r'class="data">(.*?)</script>', html)[1])
    assert len(data["ids"]) == len(data["links"]) == 10_000
    assert set(data["links"]) == {"../study/images/one.png"}
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out/items.csv").read_text())))
    assert len(rows) == 10_000
    assert rows[0]["far.gap"] == str(data["gaps"][data["judges"].index("far")][0])


def test_every_word_of_the_table_is_explained(tmp_path: Path) -> None:
    html = write_page(write_study(tmp_path / "study", 60), tmp_path / "out").read_text()
    table, meanings = (
        re.search(pattern, html, re.DOTALL)[0]
        for pattern in (r'<table class="judges">.*?</table>', r'<details class="meanings">.*?</details>')
    )
    heads = [re.sub("<.*?>", "", head) for head in re.findall(r'<th class="n[^"]*">(.*?)</th>', table)]
    rows = re.findall(r'<tr class="(?:people|baseline)[^"]*">\s*<td[^>]*></td>\s*<td>(.*?)</td>', table)
    assert len(heads) > 4
    assert len(rows) == 3, "people and two baselines"
    explained = re.findall(r"<dt>(.*?)</dt>", meanings)
    assert [word for word in (*heads, *rows, "ceiling") if word not in explained] == []
    named = [*FIGURES.values(), *SYSTEMS.values(), *EXTRA.values()]
    assert all(row.meaning and row.short and row.label for row in named)


def test_the_gallery_shows_every_answer_most_disputed_first(tmp_path: Path) -> None:
    html = write_page(write_study(tmp_path / "study", 60), tmp_path / "out").read_text()
    cards = re.findall(r"<article.*?</article>", html, re.DOTALL)
    largest = [max(int(p) for p in re.findall(r'class="points">[−+](\d+)', card)) for card in cards]
    assert largest == sorted(largest, reverse=True)
    assert all(name in card for card in cards for name in JUDGES)
    odd = next(c for c in cards if int(re.search(r"\bi(\d+)", c)[1]) % 2)
    assert "<i>abstained</i>" in odd
    assert 'href="../study/images/one.png"' in odd


def test_a_pair_shows_the_picture_of_either_item(tmp_path: Path) -> None:
    study = write_study(tmp_path / "study", 1)
    (study / "study.toml").unlink()
    (study / "items.csv").write_text("item_id,prompt,prompt_id,image\na,x,p,\nb,x,p,one.png\nc,x,p,\n")
    (study / "annotations.csv").write_text("item_id,item_id_b,rater_id,value\na,b,r,1\nb,c,r,0\na,c,r,1\n")
    (study / "metric_scores.csv").write_text("item_id,metric,score\na,close,1\nb,close,2\nc,close,3\n")
    html = write_page(study, tmp_path / "out").read_text()
    cards = {re.search(r'class="id">(\w / \w)', c)[1]: c.count("<img") for c in html.split("<article")[1:]}
    assert cards == {"a / b": 1, "b / c": 1, "a / c": 0}


SUMMARY = """\
### cats: agreement with people

**close has the highest agreement with people: Spearman 0.980 [0.980, 0.980] (95% interval, 60 items, coverage 100%).**

- A higher figure that cannot be called best: silent (30 items, coverage 50%, no interval).
- It is ahead of far for these generators (each prompt left out in turn, Holm-adjusted).
- These data cannot tell it apart from silent (each prompt left out in turn, Holm-adjusted).
- One rater reaches Spearman 0.694 (0.533 to 0.806) against the rest, averaged over the raters.
- Under a model of the raters (latent values, 60 items rated twice or more) the mean of infinitely many would reach \
Spearman 0.938 (0.837 to 0.977) here.
- But mind: Only 15 prompts were rated: intervals and tests over prompts are weak.

|  | judge | Spearman | Kendall τ-b | Pearson | within prompt: pairwise, ties half | n | coverage |
| --- | --- | --- | --- | --- | --- | --- | --- |
| 1 | close | 0.980 [0.980, 0.980] | 0.908 [0.907, 0.910] | 0.987 [0.976, 0.993] | – | 60 | 100.0% |
| 2 | far | 0.042 [-0.137, 0.218] | 0.023 [-0.111, 0.155] | 0.044 [-0.133, 0.218] | – | 60 | 100.0% |
| 3 | silent | 1.000 | 1.000 | 0.997 [0.994, 0.999] | – | 30 | 50.0% |
|  | people (each against the rest) | 0.694 [0.533, 0.806] | 0.535 [0.413, 0.638] | 0.701 [0.477, 0.839] | – | 60 | – |

60 of 60 items rated; 15 prompts, 4 generators, 3 raters, 180 ratings. Intervals: 95%, from leaving out each prompt in turn, for these generators.

[Full report](REPORT)
"""


def test_a_summary_for_a_pull_request(tmp_path: Path, genspace: Callable[..., Any]) -> None:
    study = write_study(tmp_path / "study", 60, image=False)
    out = tmp_path / "out"
    done = genspace("compare", study, "--format", "md", "--draws", "0", "--out", out)
    assert done.code == 0, done.err
    assert done.out.rstrip() == SUMMARY.replace("REPORT", (out / "report.html").as_posix()).rstrip()
    assert genspace("compare", study, "--format", "pdf").code == 2
    both = genspace("compare", study, "--format", "md", "--json")
    assert (both.code, both.out) == (2, "")
    assert "choose one" in both.err
