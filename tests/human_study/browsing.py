"""Pages in a real browser: fresh visitors, and the few steps every visit begins with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from served import Served

SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 780}}


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Open a page of a fresh visitor; a script error, a refused resource or a blocked inline style fails the test."""
    contexts, complaints = [], []

    def new(size: str = "desktop", **options: Any) -> Any:
        context = browser.new_context(viewport=SIZES[size], has_touch=size == "phone", **options)
        context.set_default_timeout(60_000)  # passing takes a second; a busy machine may take many
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda m: complaints.append(m.text) if "Content Security" in m.text else None)
        return page

    yield new
    for context in contexts:
        context.close()
    assert complaints == []


def consent(page: Any, site: Served) -> None:
    page.goto(site.links.rater)
    page.get_by_role("checkbox").check()
    page.get_by_role("button", name="Take part").click()
    page.get_by_role("link", name="Start").click()
    ready(page)


def ready(page: Any) -> None:
    page.locator("#task:not([hidden]) #choices button:not([disabled])").first.wait_for()
    page.wait_for_timeout(180)  # a page that has just appeared takes no key yet


def place(page: Any) -> str:
    return str(page.locator("#progress-text").inner_text())


def shown_id(page: Any) -> int:
    return int(page.evaluate("history.state.id"))


def press(page: Any, key: str) -> None:
    """Answer with a key and wait for the next picture or the end."""
    before = shown_id(page)
    page.keyboard.press(key)
    page.wait_for_function(
        "id => location.pathname.endsWith('/done') || (history.state && history.state.id !== id)", arg=before
    )
    if not page.url.endswith("/done"):
        ready(page)


def assert_accessible(page: Any) -> None:
    from axe_playwright_python.sync_playwright import Axe

    serious = [
        (v["id"], v["help"], [n["target"] for n in v["nodes"]])
        for v in Axe().run(page).response["violations"]
        if v["impact"] in {"serious", "critical"}
    ]
    assert serious == []
