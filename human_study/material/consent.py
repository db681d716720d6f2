"""The consent form: the one of the texts files, or a study's own in Markdown with the ticks it requires."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from genspace.errors import InvalidFilesError, Problem
from genspace.human_study._study_files import study_text
from genspace.human_study.design import Design
from genspace.human_study.texts import Texts

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

__all__ = ["ConsentForm", "consent_forms", "render_markdown"]

_TICK = re.compile(r"^\s{0,3}[-*+] \[ ?\] (?P<text>.+?)\s*$")


@dataclass(frozen=True, slots=True)
class ConsentForm:
    """What a rater agrees to, in one language."""

    body: str
    """The study's own form as safe HTML; "" for the form of the texts files."""
    ticks: tuple[str, ...]
    """What must be ticked, as safe HTML without block elements; at least one."""
    source: str
    """What the wording is made from, for the registration."""


def consent_forms(root: Path, design: Design, texts: Mapping[str, Texts]) -> dict[str, ConsentForm]:
    """Return the form in each language of the study; a form of one file serves them all.

    Errors: `InvalidFilesError` for a file that is absent, outside the study, or without anything to tick.
    """
    form = design.consent.form
    if form is None:
        return {code: _from_texts(design, t) for code, t in texts.items()}
    named = {code: form if isinstance(form, str) else form.get(code) for code in texts}
    missing = [code for code, name in named.items() if name is None]
    if missing:
        message = f"has no form for {', '.join(missing)}, a language of the study"
        raise InvalidFilesError([Problem("annotate.toml", message, field="consent.form")])
    return {code: _from_file(root, name or "") for code, name in named.items()}


def _from_texts(design: Design, texts: Texts) -> ConsentForm:
    said = design.consent.model_dump_json(exclude={"form", "version"})
    wording = "\n".join(texts.section("consent").values())
    return ConsentForm("", (escape(texts["consent.agree"]),), f"{said}\n{wording}")


def _from_file(root: Path, name: str) -> ConsentForm:
    source = study_text(root, name)
    ticks: list[str] = []
    body: list[str] = []
    for line in source.splitlines():
        found = _TICK.match(line)
        (ticks if found else body).append(found["text"] if found else line)
    if not ticks:
        message = 'has nothing to tick; write at least one line such as "- [ ] I am 18 or older and want to take part"'
        raise InvalidFilesError([Problem(name, message)])
    return ConsentForm(render_markdown("\n".join(body)), tuple(map(_inline, ticks)), source)


def render_markdown(source: str) -> str:
    """Return CommonMark with tables as HTML; raw HTML in it is escaped, pictures and unsafe links are left as text.

    >>> render_markdown("**Bold** <script>").strip()
    '<p><strong>Bold</strong> &lt;script&gt;</p>'
    """
    return str(_markdown().render(source))


def _inline(source: str) -> str:
    return str(_markdown().renderInline(source))


def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
