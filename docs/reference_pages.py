"""What Sphinx writes into the reference pages: every command from its help, every public name from its docstring.

A page holds a line `<!-- commands: -->`, `<!-- readings: -->` or `<!-- modules: PACKAGE … -PACKAGE_LEFT_OUT … -->`;
`fill` puts the text in its place, so that the reference cannot lag behind the code.
"""

from __future__ import annotations

import inspect
import pkgutil
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

__all__ = ["commands", "documented", "fill", "public_modules", "public_names", "readings"]

MARK = re.compile(r"^<!-- (commands|modules|readings|glossary):\s?(.*?)\s-->$", re.MULTILINE | re.DOTALL)


def fill(text: str) -> str:
    """Return a page with its marks replaced."""
    written = {
        "commands": lambda _: _commands(),
        "readings": lambda _: readings(),
        "glossary": lambda _: glossary(),
        "modules": _modules,
    }
    return MARK.sub(lambda m: written[m[1]](m[2].split()), text)


def glossary() -> str:
    """Every word of the report, and every figure, with its meaning."""
    from genspace.analysis.figures import FIGURES
    from genspace.report._words import (
        OF_CELLS,
        OF_GATES,
        OF_ITEMS,
        OF_ORDERS,
        OF_PROBES,
        OF_RUNS,
        TERMS,
        of_sub_domains,
    )

    figures = {row.short: row.meaning.format(people="people") for row in FIGURES.values() if row.meaning}
    parts = [
        ("Words", TERMS),
        ("Words of two runs", OF_RUNS),
        ("Words of gates", OF_GATES),
        ("Words of orders", OF_ORDERS),
        ("Words of probes", OF_PROBES),
        ("Words of one item", OF_ITEMS),
        ("Words of the GenSpace table", OF_CELLS),
        ("Sub-domains", of_sub_domains()),
        ("Figures", figures),
    ]
    return "\n\n".join(
        f"## {title}\n\n" + "\n".join(f"- **{term}**: {meaning}." for term, meaning in entries.items())
        for title, entries in parts
    )


# Commands ------------------------------------------------------------------------------------------------------


def commands() -> Iterator[tuple[str, Any]]:
    """Yield every command with its whole name ("annotate init"), in the order of `--help`."""
    from genspace.cli import command_line

    yield from _leaves("", command_line())


def _leaves(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield name, command
        return
    for child, inner in children.items():
        yield from _leaves(f"{name} {child}".strip(), inner)


def _commands() -> str:
    return "\n".join(_command(name, command) for name, command in commands())


def _command(name: str, command: Any) -> str:
    arguments = [p for p in command.params if p.param_type_name == "argument" and not p.hidden]
    options = [p for p in command.params if p.param_type_name == "option" and not p.hidden]
    usage = " ".join(["genspace", name, *map(_argument, arguments), *(["[OPTIONS]"] if options else [])])
    rows = [f"| `{_argument(p)}` | {_words(p.help)} | |" for p in arguments]
    rows += [
        f"| `{', '.join((*p.opts, *p.secondary_opts))}` | {_words(p.help)} | {_default(p)} |" for p in options
    ]
    table = ["| | | default |", "| --- | --- | --- |", *rows, ""] if rows else []
    examples = [f"`{e.strip()}`" for e in re.sub(r"^Examples?:", "", _words(command.epilog)).split(" · ")]
    return "\n".join(
        [f"## {name}", "", _words(command.help), "", "```text", usage, "```", "", *table]
        + (["Examples: " + " · ".join(examples), ""] if command.epilog else [])
    )


def _argument(parameter: Any) -> str:
    name = parameter.name.upper() + ("…" if parameter.nargs == -1 else "")
    return name if parameter.required else f"[{name}]"


def _words(text: str | None) -> str:
    return " ".join((text or "").replace("\\[", "[").split()).replace("|", "\\|")


def _default(option: Any) -> str:
    value = option.default
    if value is None or value is False or callable(value) or value in ([], ()):
        return ""
    return f"`{value.value if hasattr(value, 'value') else value}`"


# Readings ------------------------------------------------------------------------------------------------------


def readings() -> str:
    """Return a table per topic of everything that can be said about an input, the warnings in a table of their own."""
    from genspace.readings import TOPICS, counted, kinds

    def named(field: re.Match[str]) -> str:
        name, _, thing = field[1].partition(":")
        if name in ("count", "total"):
            return f"*n* {counted(2, thing).partition(' ')[2]}" if thing else "*n*"
        return "" if thing else f"*{name.removesuffix('!r')}*"

    lines = []
    for heading in (*TOPICS, "warnings"):
        lines += [f"## {heading.capitalize()}", "", "| code | | sentence |", "| --- | --- | --- |"]
        lines += [
            f"| `{code}` | {kind.level} | {re.sub(r'{([^}]+)}', named, kind.sentence)} |"
            for code, kind in kinds().items()
            if heading == ("warnings" if kind.level == "warning" else kind.topic)
        ]
        lines.append("")
    return "\n".join(lines)


# Modules -------------------------------------------------------------------------------------------------------


def public_modules(package: str) -> Iterator[ModuleType]:
    """Yield a package and every module below it whose name does not start with an underscore."""
    module = import_module(package)
    yield module
    for info in pkgutil.iter_modules(getattr(module, "__path__", ()), f"{package}."):
        if not info.name.rpartition(".")[2].startswith("_"):
            yield from public_modules(info.name)


def public_names(module: ModuleType) -> list[str]:
    """Return the names of `__all__` that are at home in a module: not those that another public module documents."""
    below = [m for m in public_modules(module.__name__) if m is not module]
    return [
        name
        for name in getattr(module, "__all__", ())
        if _is_home(module, value := getattr(module, name))
        and not any(name in getattr(m, "__all__", ()) and getattr(m, name) is value for m in below)
    ]


def _without_docstring(module: ModuleType, names: list[str]) -> list[str]:
    """Return the constants among names that have no docstring of their own below them in the module."""
    from sphinx.pycode import ModuleAnalyzer

    documented = {name for _, name in ModuleAnalyzer.for_module(module.__name__).find_attr_docs()}
    values = {name: inspect.unwrap(getattr(module, name)) for name in names}
    code = {name for name, value in values.items() if inspect.isclass(value) or inspect.isfunction(value)}
    return [name for name in names if name not in code | documented]


def _is_home(module: ModuleType, value: object) -> bool:
    if isinstance(value, ModuleType):
        return False
    home = value.__module__ if isinstance(value, type | FunctionType) else module.__name__
    return (
        home == module.__name__
        or not home.startswith("genspace")
        or any(part.startswith("_") for part in home.split("."))
    )


def documented() -> Iterator[ModuleType]:
    """Yield the modules that the reference pages name: they and the packages' `__all__` are the public API."""
    for page in sorted((Path(__file__).parent / "reference").glob("python*.md")):
        for kind, packages in MARK.findall(page.read_text(encoding="utf-8")):
            if kind == "modules":
                yield from _named(packages.split())


def _named(packages: list[str]) -> Iterator[ModuleType]:
    left_out = tuple(p.removeprefix("-") for p in packages if p.startswith("-"))
    for package in (p for p in packages if not p.startswith("-")):
        for module in public_modules(package):
            if not module.__name__.startswith(left_out):
                yield module


def _modules(packages: list[str]) -> str:
    lines = ["```{eval-rst}"]
    for module in _named(packages):
        title = module.__name__
        names = public_names(module)
        bare = _without_docstring(module, names)
        shown = [n for n in names if n not in bare]
        lines += [title, "-" * len(title), "", f".. automodule:: {title}"]
        lines += [f"   :members: {', '.join(shown)}" if shown else "   :no-members:", ""]
        for name in bare:  # constants and types that automodule would leave out
            lines += [f".. py:data:: {name}", f"   :module: {title}", ""]
    return "\n".join([*lines, "```"])
