"""How fast the report opens and filters in a browser, and how large it is, by the number of items."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from genspace import compare
from genspace.report import write_report
from genspace.study import open_study

JUDGES, IMAGES, SIDE = 10, 64, 1024
SIZES = (100, 1_000, 10_000)
LIMIT_S = 3.0
RUNS = 5

FILTER = """async () => {
  const select = document.querySelector("[data-filter]");
  const started = performance.now();
  select.selectedIndex = 3;
  select.dispatchEvent(new Event("change", {bubbles: true}));
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  return performance.now() - started;
}"""


def main() -> str:
    """Return the section; raise AssertionError when ten thousand items open too slowly."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        pages = {n: write_page(Path(folder) / str(n), n) for n in SIZES}
        for n, page in pages.items():
            opened, filtered = timed(page)
            rows.append(f"| {n:,} | {page.stat().st_size / 1e6:.2f} MB | {opened:.2f} s | {filtered:.2f} s |")
    assert opened < LIMIT_S, f"{opened:.2f} s until ten thousand items are open"
    return (
        "## The report with many items\n\n"
        f"{JUDGES} judges, three raters, pictures of {SIDE} x {SIDE} pixels, opened from disk in headless Chromium; "
        f"the slowest of {RUNS} fresh visits. Open: until the load event has ended. Filter: from choosing a sub-domain "
        f"until the new items are drawn (`tests/verify/verify_report.py`).\n\n"
        "| items | file | open | filter |\n| ---: | ---: | ---: | ---: |\n" + "\n".join(rows) + "\n"
    )


def write_page(folder: Path, items: int) -> Path:
    """Write a study of pictures and random ratings and scores, and its report; return the page."""
    from PIL import Image

    rng = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    for k in range(IMAGES):
        coarse = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(
            folder / f"images/{k}.jpg"
        )
    quality = rng.normal(size=items)
    rated = np.clip(np.round(3 + quality[:, None] + rng.normal(size=(items, 3))), 1, 5).astype(int)
    scores = {f"judge-{j}": quality + (1 + j) / 3 * rng.normal(size=items) for j in range(JUDGES)}
    heads = {
        "items": "item_id,image,prompt,prompt_id,generator,sub_domain",
        "annotations": "item_id,rater_id,value",
        "metric_scores": "item_id,metric,score",
    }
    lines = {
        "items": [
            f"item-{n:05d},{n % IMAGES}.jpg,a chair to the left of a table in scene {n},p{n % (items // 5)},g{n % 5},d{n % 9}"
            for n in range(items)
        ],
        "annotations": [f"item-{n:05d},r{r},{rated[n, r]}" for n in range(items) for r in range(3)],
        "metric_scores": [f"item-{n:05d},{name},{s[n]:.5f}" for name, s in scores.items() for n in range(items)],
    }  # fmt: skip
    for name, head in heads.items():
        (folder / f"{name}.csv").write_text("\n".join([head, *lines[name], ""]))
    study = open_study(folder)
    document = compare(study, draws=0, permutations=0)
    write_report(document, {"options": {}}, folder / "out", study)
    return folder / "out/report.html"


def timed(page: Path) -> tuple[float, float]:
    """Return the slowest seconds until the page is open, and until its first filter has drawn."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        visits = [visit(browser, page) for _ in range(RUNS)]
        browser.close()
    return max(v[0] for v in visits), max(v[1] for v in visits)


def visit(browser: Any, page: Path) -> tuple[float, float]:
    """Open the page once, in a context that has cached nothing."""
    tab = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
    tab.goto(page.as_uri())
    tab.wait_for_function("performance.getEntriesByType('navigation')[0].loadEventEnd > 0")
    opened = tab.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd") / 1000
    filtered = tab.evaluate(FILTER) / 1000
    tab.context.close()
    return float(opened), float(filtered)


if __name__ == "__main__":
    print(main())
