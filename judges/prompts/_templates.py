"""Templates of a study, which may be somebody else's: read from the study's folder alone, bounded in time and size.

A template may hold text, variables, conditions, a few filters and the shipped templates. It has neither loops nor
calls, so that it is rendered in a time that grows with its length, and only its variables can make the text long.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from genspace.errors import InputError, did_you_mean

LONGEST_SOURCE = 65_536
"""Bytes of a template."""
LONGEST_TEXT = 100_000
"""Characters of a question."""
NODES = {
    "Template", "Output", "TemplateData", "Name", "Const", "If", "CondExpr", "Not", "And", "Or", "Compare", "Operand",
    "Concat", "Filter", "Include",
}  # fmt: skip
"""What a template may consist of, by the names of Jinja's nodes."""
FILTERS = {"capitalize", "lower", "title", "trim", "upper"}


class TooLongError(Exception):
    """A question has become too long to be put; the message says how long it may be."""


def read_template(template: str, root: Path | None, *, where: str) -> str:
    """Return the source of a template: a `.j2` file inside `root`, or without one inside the working directory.

    A study from somebody else must not be able to send any other file to a server. Errors: `InputError`.
    """
    folder = (root or Path.cwd()).resolve()
    path = (folder / template).resolve()  # a link leads to where it points
    place = f"{where}: template = {template!r}"
    if not path.is_relative_to(folder) or not path.is_file():
        raise InputError(f"{place}: there is no such file in {folder}")
    if path.suffix != ".j2":
        raise InputError(f"{place}: a template is a file that ends in .j2")
    data = path.read_bytes()
    if len(data) > LONGEST_SOURCE:
        raise InputError(
            f"{place}: {len(data):,} bytes are too many for a question; at most {LONGEST_SOURCE:,}"
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{place}: is no text in UTF-8") from None


def check_source(
    source: str, *, name: str, shipped: Collection[str], variables: Collection[str], where: str
) -> None:
    """Refuse a template that could run for long, or call anything.

    Args:
        source: The template.
        name: Under which it is rendered; it must not include itself.
        shipped: Templates that it may include.
        variables: What it may name.
        where: Its place, for messages.

    Errors: `InputError`.
    """
    from jinja2 import Environment, TemplateSyntaxError, nodes

    try:
        tree = Environment(autoescape=True).parse(source)  # never rendered here
    except TemplateSyntaxError as error:
        raise InputError(f"{where}: line {error.lineno}: {error.message}") from None
    for node in [tree, *tree.find_all(nodes.Node)]:
        kind, line = type(node).__name__, f"{where}: line {node.lineno}"
        if kind not in NODES:
            raise InputError(
                f"{line}: a template of a study has no {kind.lower()}; it may hold text, variables and ifs"
            )
        if isinstance(node, nodes.Name) and node.name not in variables:
            raise InputError(f"{line}: unknown variable {node.name!r}{did_you_mean(node.name, variables)}")
        if isinstance(node, nodes.Filter) and node.name not in FILTERS:
            raise InputError(f"{line}: unknown filter {node.name!r}; there are {', '.join(sorted(FILTERS))}")
        if isinstance(node, nodes.Include):
            included = node.template.value if isinstance(node.template, nodes.Const) else None
            if included not in set(shipped) - {name}:
                raise InputError(f"{line}: only the shipped templates can be included, each by its name")


def bounded(parts: Iterator[str]) -> str:
    """Return the parts of a rendered template as one text. Errors: `TooLongError`."""
    texts, length = [], 0
    for part in parts:
        length += len(part)
        if length > LONGEST_TEXT:
            raise TooLongError(f"the question would have more than {LONGEST_TEXT:,} characters")
        texts.append(part)
    return "".join(texts)
