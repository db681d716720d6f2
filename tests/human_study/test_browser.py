"""Raters and the researcher in a real browser: mouse, keyboard, phone, reload, back, two tabs, lost connection."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browsing import SIZES, assert_accessible, consent, place, press, ready, shown_id
from served import served
from small_studies import write_study

from genspace.human_study.reading import answers

pytestmark = pytest.mark.needs_debian("chromium")
NO_REPEATS = "[repeats]\nevery = 0\n"


@pytest.mark.parametrize("size", SIZES)
def test_a_rater_with_the_mouse_from_consent_to_completion(
    tmp_path: Path, open_page: Callable[..., Any], size: str
) -> None:
    design = (
        'languages = ["en", "de"]\n[gold]\nfile = "gold.csv"\n[crowd]\nparameter = "PROLIFIC_PID"\n'
        f'completion_code = "C0DE"\ncompletion_url = "https://example.org/done?cc={{code}}"\n{NO_REPEATS}'
    )
    root = write_study(tmp_path / "s", 4, design=design)
    (root / "gold.csv").write_text("item_id,value,use,explanation\ni0,no,training,Look at its nose\n")
    with served(root) as site:
        page = open_page(size)
        page.goto(site.links.rater.partition("?")[0] + "?PROLIFIC_PID=abc123")
        assert page.url.endswith("/welcome"), "neither the secret nor the identifier stays in the address"
        assert_accessible(page)
        page.get_by_role("button", name="Take part").click()
        assert page.url.endswith("/welcome"), "no consent, no study"
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name="Take part").click()
        page.wait_for_url("**/instructions")
        assert_accessible(page)
        page.get_by_role("link", name="Start").click()
        ready(page)
        assert_accessible(page)
        page.get_by_role("button", name="Yes").click()
        page.get_by_role("heading", name="Not quite. The answer is: No").wait_for()
        assert page.get_by_text("Look at its nose").is_visible()
        assert_accessible(page)
        page.get_by_role("button", name="Continue").click()
        for number, answer in enumerate(("Yes", "No", "Can't tell"), start=1):
            ready(page)
            assert place(page) == f"Picture {number} of 3"
            if number == 2:
                page.get_by_label("Comment (optional)").fill("<b>odd</b> legs")
            page.get_by_role("button", name=answer).click()
        page.wait_for_url("**/done")
        assert page.get_by_text("C0DE").is_visible()
        link = page.get_by_role("link", name="Return to the platform")
        assert link.get_attribute("href") == "https://example.org/done?cc=C0DE"
        assert_accessible(page)
        frame = answers(root)
        assert sorted(frame.query("role == 'main'")["value"].fillna(-1)) == [-1, 0, 1]
        assert frame.query("role == 'training'")["value"].tolist() == [1.0]
        assert (frame["seconds"] > 0).all()


def test_a_rater_with_the_keyboard_only(tmp_path: Path, open_page: Callable[..., Any]) -> None:
    root = write_study(tmp_path / "s", 4, design=NO_REPEATS)
    with served(root) as site:
        page = open_page()
        page.goto(site.links.rater)

        def tab_to(role: str, name: str) -> None:
            for _ in range(30):
                page.keyboard.press("Tab")
                if page.evaluate("document.activeElement.matches(':focus-visible')"):
                    wanted = page.get_by_role(role, name=name)
                    if wanted.evaluate("node => node === document.activeElement"):
                        return
            raise AssertionError(f"{name} cannot be reached with the Tab key")

        tab_to("checkbox", "I have read this")
        page.keyboard.press("Space")
        tab_to("button", "Take part")
        page.keyboard.press("Enter")
        page.wait_for_url("**/instructions")
        tab_to("link", "Start")
        page.keyboard.press("Enter")
        ready(page)
        press(page, "1")
        press(page, "n")
        # Without single keys: Tab to the answer and press Enter.
        page.keyboard.press("?")
        page.get_by_role("dialog").wait_for()
        assert_accessible(page)
        tab_to("checkbox", "Answer with single keys")
        page.keyboard.press("Space")
        tab_to("button", "Close")
        page.keyboard.press("Enter")
        before = shown_id(page)
        page.keyboard.press("1")
        page.wait_for_timeout(200)
        assert shown_id(page) == before, "single keys are switched off"
        page.get_by_role("heading", level=1).focus()
        tab_to("button", "Can't tell")
        page.keyboard.press("Enter")
        page.wait_for_function("id => history.state.id !== id", arg=before)
        ready(page)
        tab_to("button", "Yes")
        page.keyboard.press("Enter")
        page.wait_for_url("**/done")
        assert sorted(answers(root)["value"].fillna(-1)) == [-1, 0, 1, 1]


def test_reload_back_button_and_undo(tmp_path: Path, open_page: Callable[..., Any]) -> None:
    root = write_study(tmp_path / "s", 4, design=NO_REPEATS)
    with served(root) as site:
        page = open_page()
        consent(page, site)
        first = shown_id(page)
        page.reload()
        ready(page)
        assert shown_id(page) == first, "a reload shows the same picture"
        press(page, "1")
        second = shown_id(page)
        press(page, "1")
        third = shown_id(page)
        page.go_back()
        # The address changes before the picture does; the answer given then tells the picture.
        page.locator("#choices [data-choice=yes][aria-pressed=true]").wait_for()
        assert shown_id(page) == second
        ready(page)
        press(page, "2")  # changes the second answer, then goes on where the rater was
        assert shown_id(page) == third
        page.keyboard.press("Backspace")
        page.wait_for_function("id => history.state.id === id", arg=second)
        ready(page)
        page.get_by_role("button", name="Keep my answer").click()
        page.wait_for_function("id => history.state.id === id", arg=third)
        ready(page)
        assert answers(root)["value"].tolist() == [1.0, 0.0]


def test_two_tabs_never_answer_one_picture_twice(tmp_path: Path, open_page: Callable[..., Any]) -> None:
    root = write_study(tmp_path / "s", 4, design=NO_REPEATS)
    with served(root) as site:
        page = open_page()
        consent(page, site)
        other = page.context.new_page()
        other.goto(f"{site.base}/work")
        ready(other)
        assert shown_id(page) == shown_id(other)
        press(page, "1")
        press(other, "2")
        other.get_by_text("answered in another window").wait_for()
        assert shown_id(other) == shown_id(page)
        assert answers(root)["value"].tolist() == [1.0]


def test_a_lost_connection_loses_no_answer(tmp_path: Path, open_page: Callable[..., Any]) -> None:
    root = write_study(tmp_path / "s", 4, design=NO_REPEATS)
    with served(root) as site:
        page = open_page()
        consent(page, site)
        first = shown_id(page)
        page.context.set_offline(True)
        page.keyboard.press("1")
        page.get_by_text("The connection is lost").wait_for()
        page.context.set_offline(False)
        page.wait_for_function("id => history.state.id !== id", arg=first)
        ready(page)
        # A reply that is lost after the answer was stored: the retry does not store it again.
        dropped = []

        def drop_first(route: Any) -> None:
            if not dropped:
                dropped.append(route.fetch().status)
                route.abort()
            else:
                route.continue_()

        page.route("**/answer", drop_first)
        press(page, "2")
        assert dropped == [200]
        # The browser is closed while offline: the answer is sent when the page is opened again.
        page.context.set_offline(True)
        page.keyboard.press("0")
        page.get_by_text("The connection is lost").wait_for()
        page.close()
        later = page.context.new_page()
        page.context.set_offline(False)
        later.goto(f"{site.base}/work")
        ready(later)
        assert place(later) == "Picture 4 of 4"
        assert answers(root)["value"].fillna(-1).tolist() == [1, 0, -1]


def test_an_edit_pair_shows_before_and_after(tmp_path: Path, open_page: Callable[..., Any]) -> None:
    root = write_study(tmp_path / "s", 2, edit=True, design='protocol = "likert"\n' + NO_REPEATS)
    with served(root) as site:
        page = open_page()
        consent(page, site)
        assert [p.inner_text() for p in page.locator(".picture .label").all()] == ["Before", "After"]
        assert page.locator(".picture img").evaluate_all("all => all.every(i => i.naturalWidth === 320)")
        page.keyboard.press("z")
        page.locator("#zoom-image").wait_for()
        after = page.locator("#zoom-image").get_attribute("src")
        page.get_by_role("button", name="Before", exact=True).click()
        assert page.locator("#zoom-image").get_attribute("src") != after
        page.wait_for_function("document.getElementById('zoom-image').naturalWidth > 0")
        width = page.locator("#zoom-image").evaluate("i => i.clientWidth")
        page.keyboard.press("+")
        page.wait_for_function("was => document.getElementById('zoom-image').clientWidth > was", arg=width)
        assert_accessible(page)
        page.keyboard.press("Escape")
        page.locator("#zoom:not([open])").wait_for(state="attached")
        press(page, "5")
        press(page, "3")
        assert sorted(answers(root)["value"]) == [3.0, 5.0]


@pytest.mark.parametrize("size", SIZES)
def test_pairwise_sides_are_mixed_and_values_are_about_the_first_item(
    tmp_path: Path, open_page: Callable[..., Any], size: str
) -> None:
    root = write_study(tmp_path / "s", 6, generators=2, design='protocol = "pairwise"\n' + NO_REPEATS)
    with served(root) as site:
        page = open_page(size)
        consent(page, site)
        assert_accessible(page)
        flips = []
        for _ in range(6):
            with site.site.store.reading() as connection:
                query = "SELECT flipped FROM assignments WHERE assignment_id = ?"
                flips.append(bool(connection.exec_driver_sql(query, (shown_id(page),)).scalar()))
            press(page, "1")  # always the left one
        page.wait_for_url("**/done")
        frame = answers(root)
        assert frame["value"].tolist() == [0.0 if flipped else 1.0 for flipped in flips]
        assert [first != second for first, second in zip(flips[::2], flips[1::2], strict=True)] == [True] * 3
        assert (frame["item_id"] < frame["item_id_b"]).all()


def test_questions_per_constraint_are_asked_one_after_the_other(
    tmp_path: Path, open_page: Callable[..., Any]
) -> None:
    design = (
        f'{NO_REPEATS}[[questions]]\nname = "objects"\ntext = "Are both there: {{prompt}}"\n'
        '[[questions]]\nname = "place"\ntext = "Is the place right?"\n'
    )
    root = write_study(tmp_path / "s", 1, design=design)
    with served(root) as site:
        page = open_page()
        consent(page, site)
        assert (
            page.get_by_role("heading", level=1).inner_text()
            == "Are both there: A cow on the left of a chair"
        )
        assert page.get_by_text("Question 1 of 2").is_visible()
        page.keyboard.press("1")
        page.get_by_text("Question 2 of 2").wait_for()
        page.wait_for_timeout(180)
        press(page, "2")
        found = answers(root).set_index("question")["value"].to_dict()
        assert found == {"objects": 1.0, "place": 0.0}


def test_language_break_and_pause(tmp_path: Path, open_page: Callable[..., Any]) -> None:
    root = write_study(tmp_path / "s", 3, design='languages = ["en", "de"]\nblock = 1\n' + NO_REPEATS)
    with served(root) as site:
        page = open_page(locale="de-DE")
        page.goto(site.links.rater)
        page.get_by_role("heading", name="Willkommen").wait_for()
        page.get_by_role("button", name="English").click()
        page.get_by_role("heading", name="Welcome").wait_for()
        page.get_by_role("checkbox").check()
        page.get_by_role("button", name="Take part").click()
        page.get_by_role("link", name="Start").click()
        ready(page)
        page.keyboard.press("1")
        page.get_by_role("heading", name="Time for a short break?").wait_for()
        page.keyboard.press("Enter")
        ready(page)
        site.site.store.set_state("paused")
        page.keyboard.press("1")
        page.get_by_role("heading", name="The study is paused").wait_for()
        assert len(answers(root)) == 2, "the answer to a picture handed out before the pause counts"


def test_a_picture_causes_no_shift_and_a_broken_one_is_told(
    tmp_path: Path, open_page: Callable[..., Any]
) -> None:
    root = write_study(tmp_path / "s", 2, design=NO_REPEATS)
    with served(root) as site:
        page = open_page("phone")
        page.add_init_script(
            "window.shift = 0; new PerformanceObserver(list => { for (const e of list.getEntries()) "
            "if (!e.hadRecentInput) window.shift += e.value; }).observe({type: 'layout-shift', buffered: true});"
        )
        consent(page, site)
        assert page.evaluate("window.shift") < 0.1  # the bound that browsers call good
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (
            "no sideways scrolling"
        )
        for name in ("i0.png", "i1.png"):
            (root / "images" / name).unlink()
        page.keyboard.press("1")
        page.get_by_text("The picture could not be loaded.").wait_for()
        ready(page)
        press(page, "0")
        assert answers(root)["value"].isna().sum() == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_researchers_page(tmp_path: Path, open_page: Callable[..., Any], scheme: str) -> None:
    root = write_study(tmp_path / "s", 3, design=NO_REPEATS)
    with served(root) as site:
        rater = open_page(color_scheme=scheme)
        consent(rater, site)
        assert_accessible(rater)
        rater.get_by_label("Comment").fill("<img src=x onerror=alert(1)> looks odd")
        rater.get_by_role("button", name="Yes").click()
        rater.wait_for_function("() => history.state.id > 1")
        page = open_page(color_scheme=scheme)
        page.goto(site.links.researcher)
        assert page.url == f"{site.base}/researcher", "the secret leaves the address"
        page.get_by_text("1 of 9").wait_for()
        assert page.get_by_text("<img src=x onerror=alert(1)> looks odd").is_visible()
        assert page.locator("#comments img").count() == 0
        assert_accessible(page)
        page.locator("summary").click()
        page.locator("#items tbody tr").nth(2).wait_for()
        assert page.locator("#items tbody tr").last.inner_text().split()[1:] == ["1", "3", "0"]
        assert_accessible(page)
        page.get_by_role("button", name="Pause").click()
        page.locator(".pill.paused").wait_for()
        assert site.site.store.state() == "paused"
        with page.expect_download() as download:
            page.get_by_role("link", name="Answers", exact=True).click()
        lines = Path(download.value.path()).read_text().splitlines()
        assert lines[0].startswith("item_id,question,rater_id,repeat,role,value,choice")
        assert ",yes," in lines[1]
        page.get_by_role("button", name="Resume").click()
        page.locator(".pill.open").wait_for()
