"""Pages of the package: one style, the same names of figures, linked terms, readable offline."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from functools import cache
from html import unescape
from importlib.resources import files
from typing import TYPE_CHECKING

from genspace.analysis.reliability import COEFFICIENTS
from genspace.checkpoints import cache_dir
from genspace.report._sentences import METHODS, reason_text, remarks_of
from genspace.report._styles import INK, MUTED, RULE
from genspace.report._table import counts, figure_text, number, percent, share_text
from genspace.report._words import Words

if TYPE_CHECKING:
    from jinja2 import BytecodeCache, Environment
    from jinja2.runtime import Context

ROLES = {INK: "--ink", MUTED: "--muted", RULE: "--rule"}
"""The stylesheet's name of each colour that is not a judge's: plots follow the page, dark or light."""
EXPLAINED = re.compile(
    r'<script.*?</script>|(<(?:th(?! scope="row")|figcaption|p class="caption")(?=[ >])[^>]*>)'
    r"(.*?)(?=</(?:th|figcaption|p)>)", re.DOTALL,
)  # fmt: skip
"""Headings of columns and what stands below plots and tables: words of the package, never of a study."""


@cache
def templates(name: str) -> str:
    """Return a file that lies beside the templates."""
    return (files("genspace.report") / "templates" / name).read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context

    environment = Environment(
        loader=PackageLoader("genspace.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True, bytecode_cache=_compiled(),
    )  # fmt: skip
    environment.filters.update(
        number=number, figure=figure_text, label=lambda key: COEFFICIENTS[key].label, percent=percent,
        share=share_text, counted=counts, reason=reason_text, remarks=remarks_of, method=METHODS.get,
        explained=pass_context(_explained),
    )  # fmt: skip
    return environment


def _compiled() -> BytecodeCache | None:
    """Return where compiled templates are kept from run to run; None where they cannot be."""
    from jinja2 import FileSystemBytecodeCache

    folder = cache_dir() / "templates"
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
    return FileSystemBytecodeCache(str(folder)) if os.access(folder, os.W_OK) else None


def _explained(context: Context, html: str) -> str:
    """Return a part of a page, each term of its headings of columns and captions linked to what it means."""
    terms: Words = context["terms"]

    def linked(found: re.Match[str]) -> str:
        if found[1] is None:
            return found[0]
        parts = re.split(r"(<a .*?</a>|<code>.*?</code>|<[^>]*>)", found[2], flags=re.DOTALL)
        return found[1] + "".join(
            part if n % 2 else str(terms.linked(unescape(part))) for n, part in enumerate(parts)
        )

    return EXPLAINED.sub(linked, html)


def page(template: str, terms: Words | None = None, **data: object) -> str:
    """Return a page made from a template that extends `base.html.j2`, which explains headings and captions.

    `terms.linked` explains the words of a sentence that is made elsewhere.
    """
    data |= {"css": templates("report.css"), "terms": terms or Words()}
    made = _environment().get_template(template).render(data)
    for colour, role in ROLES.items():
        made = made.replace(f": {colour}", f": var({role})")
    return made
