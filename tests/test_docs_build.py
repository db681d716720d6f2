"""The documentation builds without a warning, its links lead somewhere, and its reference is complete."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import links
import pytest
import reference_pages

pytestmark = pytest.mark.xdist_group("docs")
ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site."""
    pytest.importorskip("furo", reason="the extra docs is not installed")
    folder = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-q",
        "-b",
        "html",
        ROOT / "docs",
        folder,
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return folder


def test_every_internal_link_and_anchor_is_there_and_external_ones_are_well_formed(site: Path) -> None:
    problems, external = links.check(site)
    assert problems == []
    assert "https://arxiv.org/abs/2505.24870" in external


def test_broken_links_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<h1 id="top">x</h1><a href="#top">1</a><a href="b.html#no">2</a><a href="c.html">3</a>'
        '<a href="http://x.org">4</a><a href="https://x.org/ a">5</a><img src="data:image/png;base64,AA">'
    )
    (tmp_path / "b.html").write_text("<p>b</p>")
    problems, external = links.check(tmp_path)
    assert problems == [
        "a.html: b.html#no: there is no such anchor",
        "a.html: c.html: there is no such file",
        "a.html: http://x.org: not a sound https address",
        "a.html: https://x.org/ a: not a sound https address",
    ]
    assert external == ["http://x.org", "https://x.org/ a"]


def test_links_outside_the_site_are_there() -> None:
    """README and CONTRIBUTING are read on the repository's page, not on the site."""
    for name in ("README.md", "CONTRIBUTING.md"):
        text = re.sub(r"^```.*?^```", "", (ROOT / name).read_text(), flags=re.DOTALL | re.MULTILINE)
        targets = re.findall(r"\]\(([^)\s#]+)[^)]*\)", text)
        missing = [t for t in targets if "://" not in t and not (ROOT / t).exists()]
        assert missing == []


def test_the_reference_holds_every_public_name(site: Path) -> None:
    from sphinx.util.inventory import InventoryFile

    with (site / "objects.inv").open("rb") as file:
        inventory = InventoryFile.load(file, "", lambda _base, path: path)
    there = {name for domain, names in inventory.items() if domain.startswith("py:") for name in names}
    missing = [
        f"{module.__name__}.{name}"
        for module in reference_pages.documented()
        if module.__name__ != "genspace"
        for name in reference_pages.public_names(module)
        if f"{module.__name__}.{name}" not in there
    ]
    assert missing == []


def test_the_reference_holds_every_command_and_option(site: Path) -> None:
    from html import unescape

    page = unescape((site / "reference" / "command-line.html").read_text())
    for name, command in reference_pages.commands():
        assert f">{name}<a" in page
        assert (command.epilog or "").startswith("Example"), f"genspace {name}: no example in its help"
        for parameter in command.params:
            for option in parameter.opts if parameter.param_type_name == "option" else ():
                assert option in page, f"{name} {option}"


def test_no_help_text_is_lost_as_markup() -> None:
    for name, command in reference_pages.commands():
        for text in [command.help, command.epilog, *(getattr(p, "help", None) for p in command.params)]:
            lost = re.search(r"(?<!\\)\[[a-z#/@][^\[]*\]", text or "")
            assert lost is None, f"genspace {name}: {lost and lost[0]} would not be printed"
