"""Make the pictures in README and documentation from real output.

Run: python docs/screenshots.py [NAME …], names as in PICTURES below; without a name all. Needs Chromium, the extras
`web` and `render`, and for `report` the TIFA160 study (GENSPACE_TEST_DATA, or ../shared/data).
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from PIL import Image

DOCS = Path(__file__).resolve().parent
IMAGES = DOCS / "images"
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync"]  # fmt: skip


def data_folder() -> Path:
    """Return the folder of the published studies."""
    return Path(os.environ.get("GENSPACE_TEST_DATA", DOCS.parents[1] / "shared" / "data"))


LOOKS = (("1440", 1440, {}), ("dark", 1440, {"color_scheme": "dark"}), ("768", 768, {}), ("390", 390, {}),
         ("print", 688, {"media": "print"}), ("grey", 1440, {}))  # fmt: skip
"""A page in a window, dark, on a tablet and a phone, on paper (the width that A4 leaves), and without colour."""
TALL = {390: 2.0, 688: 1.42}
"""Height of a picture by its width, as a multiple; others are 1.2 times as high as wide."""
SHEET = 900
"""Height of a sheet of looks, pixels."""


def photograph(
    url: str, *, width: int = 1180, height: int | None = None, part: str = "", **media: str
) -> Image.Image:
    """Return a picture of a page, or of the part that a CSS selector names; without a height, of the whole page."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=CHROMIUM)
        page = browser.new_page(
            viewport={"width": width, "height": height or (6000 if part else 900)}, color_scheme="light"
        )
        page.emulate_media(**media)
        page.goto(url)
        page.wait_for_load_state("networkidle")
        whole = height is None
        picture = page.locator(part).first.screenshot() if part else page.screenshot(full_page=whole)
        browser.close()
    return Image.open(io.BytesIO(picture)).convert("RGB")


def looks(url: str, name: str) -> None:
    """Save the first screens of a page in each of its looks side by side, equally high."""
    pictures = []
    for look, width, media in LOOKS:
        picture = photograph(url, width=width, height=round(width * TALL.get(width, 1.2)), **media)
        picture = picture.convert("L").convert("RGB") if look == "grey" else picture
        pictures.append(picture.resize((picture.width * SHEET // picture.height, SHEET)))
    sheet = Image.new("RGB", (sum(p.width + 16 for p in pictures) - 16, SHEET), "#888")
    left = 0
    for picture in pictures:
        sheet.paste(picture, (left, 0))
        left += picture.width + 16
    save(sheet, f"looks-{name}", photographs=True)


def save(picture: Image.Image, name: str, *, photographs: bool = False) -> None:
    """Write a small file: PNG of few colours, of which the rare ones, marks of plots, matter; WebP of photographs."""
    IMAGES.mkdir(exist_ok=True)
    path = IMAGES / f"{name}.{'webp' if photographs else 'png'}"
    if photographs:
        picture.save(path, quality=80, method=6)
    else:
        few = picture.quantize(192, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(path, optimize=True)
    print(f"{IMAGES.name}/{path.name}: {path.stat().st_size // 1024} kB")


def report() -> None:
    """The report on TIFA160: the first screen, and the map of ways to compute agreement."""
    from genspace.cli import invoke

    with tempfile.TemporaryDirectory() as folder:
        invoke(["compare", str(data_folder() / "human/tifa160"), "--by", "category", "--out", folder])
        url = f"file://{folder}/report.html"
        save(photograph(url, height=960), "report")
        save(photograph(url, part="#q0-specification figure"), "report-specification")
        looks(url, "report")


def gallery() -> None:
    """The items on which judges of rendered scenes err most."""
    from genspace.cli import invoke

    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "probes"
        shutil.copytree(DOCS.parent / "examples" / "quickstart", study)
        invoke(["judge", str(study), "--judge", "depth-and-masks", "--judge", "noisy-perception"])
        invoke(["compare", str(study), "--out", folder])
        picture = photograph(f"file://{folder}/report.html", part="#q0-gallery")
    save(picture.crop((0, 0, picture.width, 1150)), "report-gallery", photographs=True)


def show() -> None:
    """One item in full."""
    from genspace.cli import invoke

    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "scenes"
        shutil.copytree(DOCS.parent / "examples" / "scenes", study)
        invoke(["judge", str(study), "--judge", "scene", "--judge", "box2d"])
        invoke(["show", str(study), "own-left", "--out", f"{folder}/item.html"])
        save(photograph(f"file://{folder}/item.html"), "show", photographs=True)
        looks(f"file://{folder}/item.html", "item")


def probes() -> None:
    """Contact sheet and objects, and the report on judges whose errors are known."""
    import probe_images

    from genspace.cli import invoke

    probe_images.main()
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "probes"
        shutil.copytree(DOCS.parent / "examples" / "quickstart", study)
        invoke(["judge", str(study), "--judge", "depth-and-masks", "--judge", "noisy-perception"])
        invoke(["probe", "report", str(study), "--out", folder])
        [page] = Path(folder).glob("*.html")
        looks(f"file://{page}", "probes")


def diff() -> None:
    """What changed when a judge's perception got twice as noisy."""
    from genspace.cli import invoke

    with tempfile.TemporaryDirectory() as folder:
        runs = [Path(folder) / name for name in ("last-month", "this-month")]
        for run in runs:
            shutil.copytree(DOCS.parent / "examples" / "quickstart", run)
        settings = runs[1] / "study.toml"
        settings.write_text(settings.read_text().replace('noise = "typical"', 'noise = "double"'))
        for run in runs:
            invoke(["judge", str(run), "--judge", "noisy-perception", "--judge", "depth-and-masks"])
        invoke(["diff", *map(str, runs), "--out", folder])
        save(photograph(f"file://{folder}/diff.html", height=1150), "diff", photographs=True)
        looks(f"file://{folder}/diff.html", "diff")


def benchmark() -> None:
    """The GenSpace table of two generators: rendered pictures, and every third of them left out."""
    from genspace import open_study
    from genspace.benchmark import PromptList, TaskPrompt, create
    from genspace.cli import invoke

    study = open_study(DOCS.parent / "examples" / "quickstart")
    asked = [
        TaskPrompt(
            prompt_id=item.item_id, prompt=item.prompt or "", predicate=item.predicate or "",
            **{key: item.extra[key] for key in ("task", "sub_domain", "variant", "objects")},
        )
        for item in study.iter_items() if item.extra["task"] == "t2i"
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        made = create(
            Path(folder) / "bench", [PromptList("t2i", tuple(asked))], ["all", "two-thirds"], prompts=""
        )
        for number, one in enumerate(asked):
            for generator in made.generators[: 1 if number % 3 == 0 else 2]:
                for file in (study.root / "images").glob(f"{one.prompt_id}.*"):
                    shutil.copy(file, made.images / generator / "t2i")
        judges = [f"--judge=scene[{name}]" for name in ("boxes=measured", "noise=typical")]
        invoke(["-q", "benchmark", "run", str(made.root), *judges, "--out", f"{folder}/table"])
        url = f"file://{folder}/table/table.html"
        for width, end in ((1280, ""), (820, "-820"), (390, "-390")):
            save(photograph(url, width=width, height=900), f"genspace-table{end}")
        looks(url, "genspace-table")


def human_study() -> None:
    """The pages of raters and researcher."""
    import screenshots_human_study

    screenshots_human_study.main()


def drawings() -> None:
    """The drawings of frames and predicates."""
    import drawings as concepts

    concepts.main()


PICTURES: Mapping[str, Callable[[], None]] = {
    "report": report,
    "gallery": gallery,
    "show": show,
    "diff": diff,
    "probes": probes,
    "benchmark": benchmark,
    "human-study": human_study,
    "drawings": drawings,
}


def main(names: list[str]) -> None:
    """Make the named pictures, or all."""
    for name in names or PICTURES:
        PICTURES[name]()


if __name__ == "__main__":
    main(sys.argv[1:])
