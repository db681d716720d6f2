"""Make the pictures of docs/how-to/human-study.md: served studies of rendered probes, photographed in a real browser.

Run: python docs/screenshots_human_study.py [FOLDER]. Needs Chromium and the extras `web` and `render`. FOLDER keeps the
rendered probes for the next run.
"""

from __future__ import annotations

import csv
import json
import random
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

import genspace.human_study.examples
from genspace.human_study.visit.assignment import Assignment, Turn
from genspace.human_study.visit.platforms import Links
from genspace.human_study.web._site import Site
from genspace.human_study.web.app import create_app, open_site

IMAGES = Path(__file__).resolve().parent / "images" / "human-study"
PROBES = (("t2i-allocentric-left", 1), ("t2i-allocentric-left", 5), ("edit-move_object-closer", 2))
DESIGN = """\
title = "Pictures and words"
raters_per_item = 3
languages = ["en", "de"]
[repeats]
every = 6
gap = 3
[outcomes.complete]
code = "C1A2B3"
pay = 3.0
[consent]
contact = "Ada Example, ada@example.org"
minutes = 15
payment = "You are paid 3.00 GBP."
"""
FORM = """\
## Taking part

You look at pictures and say **whether each shows what its text asks for**. That takes about 15 minutes. You may stop at
any time, and still be paid for what you did.

| what is kept | how long |
| --- | --- |
| your answers, under a random code | for good |
| the platform's identifier, to pay you | 90 days |

Approved by the board of an example university, number 2026-11. Questions: Ada Example, ada@example.org.

- [ ] I am 18 or older.
- [ ] I have read this, and take part of my own will.
"""
SURVEY = """\
[[questions]]
name = "left"
text = "With which hand do you write?"
kind = "choice"
options = ["left", "right", "both"]
[[questions]]
name = "age"
text = "How old are you?"
kind = "number"
low = 18
high = 120
required = false
[[questions]]
name = "screens"
text = "How often do you look at pictures made by computers?"
kind = "scale"
low_label = "never"
high_label = "every day"
"""


def render(folder: Path) -> list[dict[str, str]]:
    """Render the probes, unless the folder holds them; return their rows of items.csv."""
    from genspace.geometry.probes.folder import RenderSettings, write_probe
    from genspace.geometry.probes.sampler import sample_probe

    kept = folder / "rows.json"
    if not kept.is_file():
        (folder / "images").mkdir(parents=True)
        settings = RenderSettings(per_predicate=8)
        rows = [
            write_probe(folder, sample_probe(name, n, 8, seed=0, size=512), settings) for name, n in PROBES
        ]
        columns = ("item_id", "image", "image_before", "prompt", "predicate")
        kept.write_text(json.dumps([{c: str(row[c] or "") for c in columns} for row in rows]))
    loaded: list[dict[str, str]] = json.loads(kept.read_text())
    return loaded


def training_scenes(folder: Path) -> list[dict[str, str]]:
    """Copy the four scenes of the practice round; return them as one prompt's pictures."""
    scenes = sorted(Path(genspace.human_study.examples.__file__).parent.glob("*.webp"))
    (folder / "images").mkdir(parents=True)
    for scene in scenes:
        shutil.copy(scene, folder / "images")
    prompt = "A cow with a dog at its own left side."
    predicate = "allocentric(cow, dog, relation=left)"
    return [{"item_id": s.stem, "image": s.name, "prompt": prompt, "predicate": predicate} for s in scenes]


def write_study(root: Path, pictures: Path, rows: list[dict[str, str]], design: str) -> Path:
    """Write a study in which the rendered pictures stand for several items each."""
    root.mkdir()
    shutil.copytree(pictures / "images", root / "images")
    with (root / "items.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [*rows[0], "prompt_id", "generator"])
        writer.writeheader()
        for n in range(12):
            for row in rows:
                own = {
                    "item_id": f"{n:02}-{row['item_id']}",
                    "prompt_id": f"p{n}",
                    "generator": row["item_id"],
                }
                writer.writerow(row | own)
    (root / "annotate.toml").write_text(design)
    return root


@contextmanager
def served(root: Path) -> Iterator[tuple[Site, Links]]:
    """Serve a study on this machine."""
    with open_site(root) as site:
        server = uvicorn.Server(
            uvicorn.Config(create_app(site), host="127.0.0.1", port=0, log_level="error", ws="none")
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield site, Links(site.store, site.material.design.crowd, f"http://127.0.0.1:{port}")
        server.should_exit = True
        thread.join()


def simulate(site: Site) -> None:
    """Let a few scripted raters answer, one of them carelessly, so that the researcher's page has something to show."""
    chance = random.Random(3)
    now = [time.time() - 2400.0]
    site.store.clock = lambda: now[0]
    for number, error in enumerate((0.06, 0.1, 0.5)):
        rater = site.store.consent(site.store.start_session("rater", f"shot-{number}"), "en")
        for count in range(30):
            with site.store.writing() as connection:
                given = Turn(connection, site.material.design, rater, now[0]).claim()
            if not isinstance(given, Assignment):
                break
            now[0] += chance.uniform(4, 14) if error < 0.5 else chance.uniform(0.4, 1.4)
            right = float(int(given.unit[0][:2]) % 2)
            value = 1 - right if chance.random() < error else right
            comment = {4: "The horse has five legs.", 17: "Hard to see which way it looks."}.get(count, "")
            with site.store.writing() as connection:
                Turn(connection, site.material.design, rater, now[0]).answer(
                    given.assignment_id, submission=f"shot-{number}-{count}", revision=0, values={"": value},
                    seconds=60.0, comment=comment if number == 0 else "",
                )  # fmt: skip
    site.store.clock = time.time


def agree(page: Any, links: Links, *, then: str = "instructions") -> None:
    """Take part: the instructions come next, or the questions before them."""
    page.goto(links.rater)
    for tick in page.locator("input[name=agreed]").all():
        tick.check()
    page.locator("button.main").click()
    page.wait_for_url(f"**/{then}")


def fill(page: Any) -> None:
    """Answer the questions before the pictures."""
    page.get_by_label("right").check()
    page.get_by_role("radio").last.check()
    page.locator("button.main").click()
    page.wait_for_url("**/instructions")


def begin(page: Any) -> None:
    """Leave the instructions."""
    page.locator("a.main").click()
    settle(page)


def enter(page: Any, links: Links) -> None:
    """Agree and begin."""
    agree(page, links)
    begin(page)


def settle(page: Any) -> None:
    """Wait until the picture is there and keys are taken."""
    page.locator("#task:not([hidden]) #choices button:not([disabled])").first.wait_for()
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(300)


def shoot(page: Any, name: str, *, whole: bool = False) -> None:
    """Write a JPEG: the pages hold photographs."""
    IMAGES.mkdir(parents=True, exist_ok=True)
    path = IMAGES / f"{name}.jpg"
    path.write_bytes(page.screenshot(full_page=whole, type="jpeg", quality=82))
    print(f"{path.name}: {path.stat().st_size // 1024} kB")


def main(probes: Path | None = None) -> None:
    """Make all pictures; `probes` keeps the rendered ones."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        here = Path(folder)
        pictures = (probes or here / "pictures").resolve()
        rows = render(pictures)
        single = [r for r in rows if not r["image_before"]]
        edits = [r for r in rows if r["image_before"]]
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])

        def page(width: int, height: int, **options: Any) -> Any:
            return browser.new_context(viewport={"width": width, "height": height}, **options).new_page()

        rules = '[gold]\nfile = "gold.csv"\nevery = 5\n[exclusion]\nmin_gold = 3\nmax_identical_run = 15\n'
        root = write_study(here / "single", pictures, single, DESIGN + rules)
        first = f"00-{single[0]['item_id']}"
        known = "".join(f"{n:02}-{single[0]['item_id']},{n % 2},gold,\n" for n in range(1, 6))
        (root / "gold.csv").write_text(
            f'item_id,value,use,explanation\n{first},1,training,"Think of yourself standing where it stands: its left '
            f'hand points there."\n{known}'
        )
        with served(root) as (site, links):
            visitor = page(1180, 760)
            visitor.goto(links.rater)
            shoot(visitor, "welcome", whole=True)
            agree(visitor, links)
            visitor.wait_for_load_state("networkidle")
            shoot(visitor, "instructions", whole=True)
            begin(visitor)
            visitor.keyboard.press("2")
            visitor.locator("#message:not([hidden])").wait_for()
            shoot(visitor, "practice")
            visitor.keyboard.press("Enter")
            settle(visitor)
            shoot(visitor, "work")
            visitor.keyboard.press("?")
            visitor.locator("#keys[open]").wait_for()
            shoot(visitor, "keys")
            visitor.keyboard.press("Escape")
            phone = page(390, 800, has_touch=True, device_scale_factor=1.5)
            enter(phone, links)
            shoot(phone, "phone")
            simulate(site)
            researcher = page(1180, 900)
            researcher.goto(links.researcher)
            researcher.locator("#raters td").first.wait_for()
            researcher.wait_for_load_state("networkidle")
            shoot(researcher, "researcher", whole=True)
            pocket = page(390, 800, has_touch=True, device_scale_factor=1.5)
            pocket.goto(links.researcher)
            pocket.locator("#raters td").first.wait_for()
            pocket.wait_for_load_state("networkidle")
            shoot(pocket, "researcher-phone")
        short = write_study(here / "short", pictures, single, "items_per_rater = 1\n" + DESIGN)
        with served(short) as (_, links):
            enter(visitor, links)
            visitor.keyboard.press("1")
            visitor.wait_for_url("**/done")
            shoot(visitor, "done")
        scenes = here / "scenes"
        four = training_scenes(scenes)
        pairs = write_study(here / "pairs", scenes, four, 'protocol = "pairwise"\n' + DESIGN)
        with served(pairs) as (_, links):
            visitor = page(1180, 760)
            enter(visitor, links)
            shoot(visitor, "pairwise")
        groups = write_study(here / "groups", scenes, four, 'protocol = "best_worst"\n' + DESIGN)
        with served(groups) as (_, links):
            visitor = page(1180, 760)
            enter(visitor, links)
            shoot(visitor, "best-worst")
        own = DESIGN.replace("[consent]", '[consent]\nform = "consent.md"\nversion = "2"').replace(
            'languages = ["en", "de"]', 'languages = ["en", "ar"]'
        )
        asked = write_study(
            here / "asked",
            pictures,
            single,
            'protocol = "likert"\n' + own + '[surveys]\nbefore = "before.toml"\n',
        )
        (asked / "consent.md").write_text(FORM)
        (asked / "before.toml").write_text(SURVEY)
        with served(asked) as (_, links):
            visitor = page(1180, 760)
            visitor.goto(links.rater)
            shoot(visitor, "consent", whole=True)
            phone = page(390, 800, has_touch=True, device_scale_factor=1.5)
            agree(phone, links, then="before")
            shoot(phone, "survey", whole=True)
            fill(phone)
            begin(phone)
            shoot(phone, "likert-phone")
        edit = write_study(here / "edits", pictures, edits, 'protocol = "likert"\n' + DESIGN)
        with served(edit) as (_, links):
            visitor = page(1180, 760, color_scheme="dark")
            enter(visitor, links)
            shoot(visitor, "edit-dark")
            visitor.keyboard.press("z")
            visitor.wait_for_function("document.getElementById('zoom-image').naturalWidth > 0")
            visitor.wait_for_timeout(300)
            shoot(visitor, "zoom")
        browser.close()

    from genspace.cli import invoke

    invoke(
        ["annotate", "plan", "--reliability", "0.5", "--agreement", "0.75", "0.55", "--prompts", "50,100,200,400",
         "--plot", str(IMAGES / "plan.svg")]
    )  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
