"""What raters meet beyond a plain yes and no: undo inside a picture, every protocol, languages, surveys, a path of its own.

Longer than 400 lines: its cases share one server and one browser.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browsing import SIZES, assert_accessible, consent, place, press, ready, shown_id
from served import served
from small_studies import write_study

from genspace.human_study.answers.orders import load_tiers
from genspace.human_study.reading import answers, read_recorded
from genspace.human_study.texts import load_texts

pytestmark = pytest.mark.needs_debian("chromium")
NO_REPEATS = "[repeats]\nevery = 0\n"
TWO = (
    f'{NO_REPEATS}[[questions]]\nname = "objects"\ntext = "Are both there?"\n'
    '[[questions]]\nname = "well"\ntext = "How well?"\nkind = "likert"\n'
)
PROTOCOLS = {
    "binary": "", "likert": 'protocol = "likert"\n', "slider": 'protocol = "slider"\n',
    "pairwise": 'protocol = "pairwise"\n', "good_bad": 'protocol = "pairwise"\nties = "good_bad"\n',
    "best_worst": 'protocol = "best_worst"\n', "ranking": 'protocol = "ranking"\n[groups]\nsize = 3\n',
    "why": 'why_not = { options = ["The chair is missing"] }\nconfidence = true\n',
}  # fmt: skip


def study(root: Path, name: str, items: int = 3) -> Path:
    generators = {"pairwise": 2, "good_bad": 2, "best_worst": 4, "ranking": 3}.get(name, 1)
    return write_study(root, items, generators=generators, design=PROTOCOLS[name] + NO_REPEATS)


def heading(page: Any) -> str:
    return str(page.locator("#question").inner_text())


def wait_for_heading(page: Any, text: str) -> None:
    page.wait_for_function("text => document.getElementById('question').textContent === text", arg=text)
    page.wait_for_timeout(180)


def test_backspace_undoes_inside_the_picture_and_keeps_what_was_said(
    tmp_path: Path, open_page: Callable[..., Any]
) -> None:
    root = write_study(tmp_path / "s", 2, design=TWO)
    with served(root) as site:
        page = open_page()
        consent(page, site)
        first = shown_id(page)
        assert page.locator("#back").is_disabled()
        page.keyboard.press("1")
        wait_for_heading(page, "How well?")
        assert page.locator("#back").inner_text() == "Back one question"
        page.keyboard.press("Backspace")
        wait_for_heading(page, "Are both there?")
        assert shown_id(page) == first, "Backspace stays in the picture"
        assert page.locator("[data-choice=yes][aria-pressed=true]").count() == 1, (
            "what was said is still there"
        )
        page.keyboard.press("2")
        wait_for_heading(page, "How well?")
        press(page, "4")
        page.keyboard.press("Backspace")
        page.wait_for_function("id => history.state.id === id", arg=first)
        assert heading(page) == "Are both there?"
        assert page.locator("[data-choice=no][aria-pressed=true]").count() == 1
        assert answers(root).set_index("question")["value"].to_dict() == {"objects": 0.0, "well": 4.0}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_answer_is_in_sight_with_the_drawing_and_nothing_overflows(
    tmp_path: Path, open_page: Callable[..., Any], name: str
) -> None:
    with served(study(tmp_path / "s", name)) as site:
        page = open_page("phone")
        consent(page, site)
        page.wait_for_load_state("networkidle")
        for size in SIZES.values():
            page.set_viewport_size(size)
            page.evaluate("scrollTo(0, 0)")
            boxes = [b.bounding_box() for b in page.locator("#choices button").all()]
            assert len(boxes) >= 2
            assert max(b["y"] + b["height"] for b in boxes) <= size["height"], (
                "no answer hides below the fold"
            )
            drawing = page.locator("#drawing").bounding_box()
            top = page.locator("#choices").bounding_box()["y"]
            assert drawing["y"] + drawing["height"] <= top + 1, "nor does the drawing hide behind the answers"
            wide = "all => all.filter(n => n.scrollWidth > n.clientWidth + 1).map(n => n.textContent)"
            assert page.locator("#choices button").evaluate_all(wide) == []
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
            assert_accessible(page)


@pytest.mark.parametrize(("name", "language"), [("likert", "de"), ("likert", "ar"), ("best_worst", "en")])
def test_no_word_of_a_long_question_hides_behind_the_answers(
    tmp_path: Path, open_page: Callable[..., Any], name: str, language: str
) -> None:
    root = study(tmp_path / "s", name)
    design = root / "annotate.toml"
    design.write_text(f'languages = ["{language}"]\n{design.read_text()}')
    with served(root) as site:
        page = open_page("phone")
        page.goto(site.links.rater)
        page.locator("input[name=agreed]").check()
        page.locator("button.main").click()
        page.locator("a.main").click()
        page.locator("#task:not([hidden]) #choices button").first.wait_for()
        page.wait_for_load_state("networkidle")
        assert "30" in page.locator("#question-more").inner_text(), "what the words mean stands below"
        assert "30" not in heading(page)
        asked = page.locator(".question-line").bounding_box()
        assert asked["y"] + asked["height"] <= page.locator("#choices").bounding_box()["y"] + 1
        assert_accessible(page)


def test_best_and_worst_of_four(tmp_path: Path, open_page: Callable[..., Any]) -> None:
    root = study(tmp_path / "s", "best_worst", items=2)
    with served(root) as site:
        page = open_page()
        consent(page, site)
        assert heading(page) == "Which picture fits best?"
        assert page.locator("#pictures .picture").count() == 4
        page.keyboard.press("b")
        wait_for_heading(page, "Which picture fits worst?")
        assert page.locator("[data-choice='1']").is_disabled(), "the best is not the worst"
        assert page.locator(".picture[data-place='1']").count() == 1
        page.keyboard.press("Backspace")
        wait_for_heading(page, "Which picture fits best?")
        page.keyboard.press("1")
        wait_for_heading(page, "Which picture fits worst?")
        press(page, "4")
        (screen,) = read_recorded(root).screens
        best, between, worst = load_tiers(screen.details[""].choice)
        assert (best, worst) == ((screen.shown[0],), (screen.shown[3],))
        assert set(between) == set(screen.shown[1:3])
        assert len(answers(root)) == 5, "of six pairs all but the middle one are decided"
        # Going back shows both choices as they were made.
        page.keyboard.press("Backspace")
        page.locator("[data-choice='0'][aria-pressed=true]").wait_for()
        ready(page)
        page.keyboard.press("0")
        page.wait_for_function("() => document.getElementById('keep').hidden")
        assert read_recorded(root).screens[0].details == {}, "can't tell is an answer, too"


def test_a_ranking_asks_for_all_but_the_last(tmp_path: Path, open_page: Callable[..., Any]) -> None:
    root = study(tmp_path / "s", "ranking", items=1)
    with served(root) as site:
        page = open_page("phone")
        consent(page, site)
        page.locator("[data-choice='2']").tap()
        wait_for_heading(page, "Which of the others fits best?")
        page.locator("[data-choice='0']").tap()
        page.wait_for_url("**/done")
        (screen,) = read_recorded(root).screens
        order = [tier[0] for tier in load_tiers(screen.details[""].choice)]
        assert order == [screen.shown[n] for n in (2, 0, 1)]


def test_the_slider_waits_to_be_moved(tmp_path: Path, open_page: Callable[..., Any]) -> None:
    root = study(tmp_path / "s", "slider", items=2)
    with served(root) as site:
        page = open_page()
        consent(page, site)
        send = page.get_by_role("button", name="Give this answer")
        assert send.is_disabled(), "the mark's first place is no answer"
        page.locator("#slider").focus()
        page.keyboard.press("End")
        page.keyboard.press("ArrowLeft")
        assert page.locator("output").inner_text() == "99"
        press(page, "Enter")
        press(page, "0")
        assert answers(root)["value"].fillna(-1).tolist() == [99.0, -1.0]


def test_confidence_and_why_not(tmp_path: Path, open_page: Callable[..., Any]) -> None:
    root = study(tmp_path / "s", "why", items=3)
    with served(root) as site:
        page = open_page()
        consent(page, site)
        page.keyboard.press("2")
        wait_for_heading(page, "How sure are you?")
        assert page.locator("#question-more").inner_text().endswith("?"), "what was asked, without its note"
        page.keyboard.press("3")
        wait_for_heading(page, "Why not?")
        assert page.get_by_role("button", name="Go on").is_disabled(), "a no needs its reason"
        page.locator("#why").fill("The cow is a horse 12")
        before = shown_id(page)
        page.get_by_role("button", name="Go on").click()
        page.wait_for_function("id => history.state.id !== id", arg=before)
        ready(page)
        page.keyboard.press("2")
        wait_for_heading(page, "How sure are you?")
        page.keyboard.press("1")
        wait_for_heading(page, "Why not?")
        press(page, "1")
        press(page, "0")
        page.wait_for_url("**/done")
        frame = answers(root)
        assert frame["why"].tolist() == ["The cow is a horse 12", "The chair is missing", ""]
        assert frame["confidence"].fillna(-1).tolist() == [1.0, 0.0, -1.0]


def test_good_and_bad_ties_are_told_apart(tmp_path: Path, open_page: Callable[..., Any]) -> None:
    root = study(tmp_path / "s", "good_bad", items=2)
    with served(root) as site:
        page = open_page("phone")
        consent(page, site)
        before = shown_id(page)
        page.get_by_role("button", name="Both equally bad").tap()
        page.wait_for_function("id => history.state.id !== id", arg=before)
        ready(page)
        press(page, "3")
        screens = read_recorded(root).screens
        assert [s.details[""].choice for s in screens] == ["both_bad", "both_good"]
        assert answers(root)["value"].tolist() == [0.5, 0.5]


def test_counts_are_right_with_gold_repeats_and_the_way_back(
    tmp_path: Path, open_page: Callable[..., Any]
) -> None:
    design = '[gold]\nfile = "gold.csv"\nevery = 3\n[repeats]\nevery = 3\ngap = 2\n'
    root = write_study(tmp_path / "s", 8, design=design)
    (root / "gold.csv").write_text("item_id,value\ni0,yes\ni1,no\n")
    with served(root) as site:
        page = open_page()
        consent(page, site)
        number, total = 0, place(page).partition(" of ")[2]
        while not page.url.endswith("/done"):
            number += 1
            assert place(page) == f"Picture {number} of {total}"
            if number == 3:
                page.keyboard.press("Backspace")
                page.get_by_text("You are looking at a picture you have answered").wait_for()
                assert place(page) == f"Picture 2 of {total}"
                ready(page)
                page.get_by_role("button", name="Keep my answer").click()
                page.wait_for_function("() => document.getElementById('keep').hidden")
                ready(page)
                assert place(page) == f"Picture 3 of {total}"
            press(page, "1")
        assert str(number) == total
        assert page.get_by_text(f"Pictures answered: {number}.").is_visible()


@pytest.mark.parametrize("size", SIZES)
def test_a_right_to_left_language_turns_the_page_and_no_picture(
    tmp_path: Path, open_page: Callable[..., Any], size: str
) -> None:
    design = f'languages = ["ar", "en"]\nprotocol = "pairwise"\n{NO_REPEATS}'
    root = write_study(tmp_path / "s", 2, generators=2, design=design)
    texts = load_texts(("ar",), {}, Path())["ar"]
    with served(root) as site:
        page = open_page(size, locale="ar")
        page.goto(site.links.rater)
        assert page.locator("html").get_attribute("dir") == "rtl"
        assert_accessible(page)
        page.locator("input[name=agreed]").check()
        page.get_by_role("button", name=texts["consent.start"]).click()
        page.locator("a.main").click()
        ready(page)
        left, right = (page.locator(".picture").nth(n).bounding_box() for n in (0, 1))
        assert left["x"] < right["x"], "the left picture is on the left in every language"
        buttons = {
            c: page.locator(f"[data-choice={c}]").bounding_box()["x"] for c in ("left", "tie", "right")
        }
        assert buttons["left"] < buttons["tie"] < buttons["right"]
        code = page.locator(".foot bdi").inner_text()
        assert re.fullmatch(r"r-\w{8}", code), "the code stands by itself, whichever way the sentence runs"
        if size == "desktop":
            panel, pictures = (page.locator(s).bounding_box() for s in ("#panel", "#pictures"))
            assert panel["x"] < pictures["x"], "the page runs from right to left"
        assert_accessible(page)


def test_the_drawing_of_the_instructions_speaks_of_the_cow(
    tmp_path: Path, open_page: Callable[..., Any]
) -> None:
    with served(write_study(tmp_path / "s", 2)) as site:
        page = open_page()
        page.goto(site.links.rater)
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name="Take part").click()
        drawn = page.request.get(f"{site.base}/drawing/example.svg").text()
        assert "the cow's left" in drawn.replace("&#x27;", "'").replace("&apos;", "'")
        assert "A's own left" not in drawn
        assert page.get_by_text("A is the cow, seen from above.").is_visible()


CONSENT = """\
# What this study is about

We study **pictures**. <script>alert(1)</script> See [the plan](https://example.org/plan).

- [ ] I am 18 or older
- [ ] I have read this, and **I take part**
"""
SURVEY = """\
intro = "Just four questions."
[[questions]]
name = "age"
kind = "choice"
text = "How old are you?"
options = ["18 to 29", "30 or older"]
[[questions]]
name = "eyes"
kind = "choice"
text = "Do you"
options = ["wear glasses", "see colours"]
several = true
required = false
[[questions]]
name = "years"
kind = "number"
text = "Years of drawing"
low = 0
high = 80
[[questions]]
name = "tongue"
kind = "text"
text = "First language"
required = false
"""


@pytest.mark.parametrize("size", SIZES)
def test_own_consent_form_surveys_and_rendered_practice(
    tmp_path: Path, open_page: Callable[..., Any], size: str
) -> None:
    design = (
        f'{NO_REPEATS}[training]\nexamples = true\npass_mark = 0.5\n[consent]\nform = "consent.md"\nversion = "2"\n'
        '[surveys]\nbefore = "before.toml"\nafter = "after.toml"\n'
    )
    root = write_study(tmp_path / "s", 1, design=design)
    (root / "consent.md").write_text(CONSENT)
    (root / "before.toml").write_text(SURVEY)
    (root / "after.toml").write_text(
        '[[questions]]\nname = "hard"\nkind = "scale"\ntext = "How hard was it?"\nlow_label = "easy"\nhigh_label = "hard"\n'
    )
    with served(root) as site:
        page = open_page(size)
        page.goto(site.links.rater)
        assert page.get_by_role("heading", name="What this study is about").is_visible()
        assert page.get_by_text("<script>alert(1)</script>").is_visible(), "raw HTML is text"
        assert page.get_by_text("Version 2 of this form").is_visible()
        assert_accessible(page)
        page.get_by_role("checkbox").first.check()
        page.get_by_role("button", name="Take part").click()
        assert page.url.endswith("/welcome"), "every tick is required"
        page.get_by_role("checkbox").last.check()
        page.get_by_role("button", name="Take part").click()
        page.wait_for_url("**/before")
        assert_accessible(page)
        page.get_by_label("30 or older").check()
        page.get_by_label("see colours").check()
        page.get_by_label("wear glasses").check()
        page.get_by_label("Years of drawing").fill("12.5")
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url("**/instructions")
        assert page.get_by_text("at least 50 % of your first answers should be right").is_visible()
        page.get_by_role("link", name="Start").click()
        for truth in (True, False, False, True, True, False):
            ready(page)
            assert page.locator("#stage-name").is_visible()
            page.keyboard.press("1" if truth else "2")
            page.get_by_text("That is right.").wait_for()
            assert page.locator("#message-text").inner_text()
            page.keyboard.press("Enter")
        ready(page)
        page.keyboard.press("1")
        page.wait_for_url("**/after")
        assert_accessible(page)
        page.get_by_role("radio", name="4").check()
        page.get_by_role("button", name="Continue").click()
        page.wait_for_url("**/done")
        from genspace.human_study.exchange.exporting import export_text

        header, row = export_text(site.site.store, site.site.material, "survey.csv").splitlines()
        assert header == "rater_id,age,eyes,years,tongue,hard"
        assert row.partition(",")[2] == "30 or older,wear glasses | see colours,12.5,,4"


def test_a_study_lives_under_a_path(tmp_path: Path, open_page: Callable[..., Any]) -> None:
    """Behind a proxy that leaves the path in the address, and as if one had taken it away."""
    root = write_study(tmp_path / "s", 2, design=f'languages = ["en", "de"]\n{NO_REPEATS}')
    with served(root, prefix="/lab/cows") as site:
        page = open_page()
        page.goto(site.links.rater.replace(site.base, f"{site.base}/lab/cows"))
        assert page.url == f"{site.base}/lab/cows/welcome"
        page.get_by_role("button", name="Deutsch").click()
        page.get_by_role("button", name="English").click()
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name="Take part").click()
        page.get_by_role("link", name="Start").click()
        ready(page)
        assert page.url == f"{site.base}/lab/cows/work"
        assert page.locator(".picture img").evaluate_all("all => all.every(i => i.naturalWidth === 320)")
        (cookie,) = [c for c in page.context.cookies() if "rater" in c["name"]]
        assert cookie["path"] == "/lab/cows/"
        press(page, "1")
        press(page, "1")
        assert page.url == f"{site.base}/lab/cows/done"
        researcher = open_page()
        researcher.goto(site.links.researcher.replace(site.base, f"{site.base}/lab/cows"))
        assert researcher.url == f"{site.base}/lab/cows/researcher"
        researcher.get_by_text("2 of 6").wait_for()
        shown = researcher.locator("#join").input_value()
        assert shown == site.links.rater.replace(site.base, f"{site.base}/lab/cows")
        lost = open_page()
        lost.goto(f"{site.base}/lab/cows/no/such/page")
        assert lost.locator(".brand").evaluate("n => getComputedStyle(n).fontWeight") == "650", (
            "styled at any depth"
        )


@pytest.mark.parametrize("size", SIZES)
def test_the_researchers_page_shows_registration_outcomes_and_silent_rules(
    tmp_path: Path, open_page: Callable[..., Any], size: str
) -> None:
    design = f'{NO_REPEATS}[crowd]\ncurrency = "EUR"\n[outcomes.complete]\npay = 2.5\n'
    root = write_study(tmp_path / "s", 1, design=design)
    with served(root) as site:
        rater = open_page()
        consent(rater, site)
        rater.keyboard.press("1")
        rater.wait_for_url("**/done")
        page = open_page(size)
        page.goto(site.links.researcher)
        page.get_by_text("What raters see and what the rules use is registered as").wait_for()
        assert page.get_by_text("exclusion.max_identical_run can never fire").is_visible()
        row = page.locator("#outcomes tbody tr").first
        assert row.inner_text().split() == ["complete", "1", "–", "2.50", "EUR", "–", "2.50", "EUR"]
        assert_accessible(page)
