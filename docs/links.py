"""Check the built site's links: internal ones by file and anchor, external ones by form (nothing is fetched).

Run: python docs/links.py docs/_build. Prints every external address, and exits with 1 when a link is broken.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

__all__ = ["check"]

GENERATED = ("_static/", "_sources/", "genindex.html", "py-modindex.html", "search.html")
HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)


class Page(HTMLParser):
    """A page's anchors and the links that leave from it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.anchors: set[str] = set()
        self.links: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note ids, and what `a`, `img` and their like point to."""
        found = dict(attrs)
        self.anchors.update(filter(None, (found.get("id"), found.get("name") if tag == "a" else None)))
        if tag in {"a", "img", "source", "iframe"}:
            self.links += filter(None, (found.get("href"), found.get("src")))


class Site:
    """Every page of a built site, read when first asked for."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()

    @cached_property
    def pages(self) -> Mapping[Path, Page]:
        """The pages by their place."""
        return {path: Page(path) for path in sorted(self.root.rglob("*.html"))}

    def problem(self, page: Page, link: str) -> str | None:
        """Return what is wrong with an internal link, if anything is."""
        parts = urlsplit(link)
        target = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
        if not target.is_file():
            return "there is no such file"
        if (
            parts.fragment
            and target in self.pages
            and unquote(parts.fragment) not in self.pages[target].anchors
        ):
            return "there is no such anchor"
        return None


def check(root: Path) -> tuple[list[str], list[str]]:
    """Return the broken links, as "page: link: what is wrong", and all external addresses."""
    site = Site(root)
    problems: list[str] = []
    external: set[str] = set()
    for path, page in site.pages.items():
        name = path.relative_to(site.root).as_posix()
        if name.startswith(GENERATED):
            continue
        for link in dict.fromkeys(page.links):
            parts = urlsplit(link)
            if parts.scheme == "data":
                continue
            if parts.scheme or parts.netloc:
                external.add(link)
                here = parts.scheme == "http" and parts.hostname == "localhost"
                there = parts.scheme == "https" and HOST.fullmatch(parts.netloc)
                sound = (here or there) and not re.search(r"\s", link)
                found = None if sound else "not a sound https address"
            else:
                found = site.problem(page, link)
            if found:
                problems.append(f"{name}: {link}: {found}")
    return problems, sorted(external)


def main(root: str) -> int:
    """Print external addresses and broken links; return the exit code."""
    problems, external = check(Path(root))
    print(f"{len(external)} external addresses, not fetched:", *external, sep="\n  ")
    for problem in problems:
        print(f"broken: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
