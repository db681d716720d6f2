"""Documentation: Sphinx with MyST Markdown and Furo."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from genspace import __version__

sys.path.insert(0, str(Path(__file__).parent))  # a script is not told where it stands

project = "genspace"
author = "The genspace developers"
copyright = f"2026, {author}"
version = release = __version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # outputs are stored; tests/test_notebooks.py runs the notebooks again
exclude_patterns = ["_build"]
default_role = "code"
html_theme = "furo"
html_title = f"genspace {version}"
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0072b2", "color-brand-content": "#0072b2"}
}
autodoc_default_options = {"member-order": "bysource"}
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
toc_object_entries = False  # hundreds of names would hide the pages, and cost as much time as all the rest
suppress_warnings = ["ref.python"]


def setup(app: Any) -> None:
    """Let the reference pages be written from commands and docstrings."""
    from reference_pages import fill, public_modules

    list(
        public_modules("genspace")
    )  # else autodoc reloads them with TYPE_CHECKING set, which pydantic cannot bear

    def source_read(_app: Any, _page: str, content: list[str]) -> None:
        content[0] = fill(content[0])

    app.connect("source-read", source_read)
    # Napoleon takes the words before a colon in an attribute's docstring for its type; ours have no sections.
    whole: dict[str, list[str]] = {}

    def keep(_app: Any, what: str, name: str, _value: Any, _options: Any, lines: list[str]) -> None:
        if what in {"attribute", "data", "property"}:
            whole[name] = list(lines)

    def restore(_app: Any, _what: str, name: str, _value: Any, _options: Any, lines: list[str]) -> None:
        lines[:] = whole.pop(name, lines)

    app.connect("autodoc-process-docstring", keep, priority=1)
    app.connect("autodoc-process-docstring", restore, priority=900)
