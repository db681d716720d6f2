"""`genspace ls` and `genspace doctor`: what there is, and what is missing."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from genspace.cli._app import app
from genspace.cli._console import print_json, results
from genspace.cli._options import JsonFlag
from genspace.errors import InputError, did_you_mean

__all__ = ["doctor", "ls"]

EXTRAS: Mapping[str, tuple[str, ...]] = {
    "models": ("torch", "transformers", "safetensors", "accelerate"),
    "vision": ("torchvision", "cv2", "kornia", "num2words"),
    "web": ("fastapi", "uvicorn", "sqlalchemy", "multipart", "psycopg"),
    "render": ("mitsuba", "trimesh", "embreex", "plotly"),
    "ray": ("ray",),
    "excel": ("python_calamine",),
}
"""Packages by the extra that installs them."""
Row = Mapping[str, str | int | bool | None]
"""What is listed, by column; all rows of a list have the same columns."""


def _judges() -> list[Row]:
    from genspace.judges._registry import PURPOSES, REGISTRY

    return [
        {
            "name": n,
            "for": PURPOSES.get(n, "see its package"),
            "from": "genspace" if n in REGISTRY.builtin else "plugin",
        }
        for n in REGISTRY.names()
    ]


def _aids() -> list[Row]:
    from genspace.judges.asking import AIDS

    return [{"name": name, "shows": aid.what} for name, aid in AIDS.items()]


def _predicates() -> list[Row]:
    from genspace.geometry.predicates import REGISTRY, Predicate, every_predicate

    def call(predicate: Predicate) -> str:
        words = [f"{predicate.key}={'|'.join(predicate.variants)}"] if predicate.key else []
        numbers = dict.fromkeys(n for v in predicate.variants.values() for n in v.values)
        return f"{predicate.name}({', '.join([*predicate.roles, *words, *(f'{n}=…' for n in numbers)])})"

    return [
        {"name": p.name, "call": call(p), "from": "genspace" if p.name in REGISTRY.builtin else "plugin"}
        for p in every_predicate()
    ]


def _datasets() -> list[Row]:
    from genspace.datasets import CATALOGUE

    return [{"name": n, "title": d.title, "licence": d.licence} for n, d in CATALOGUE.items()]


def _perception() -> list[Row]:
    from genspace.cli.models import rows

    columns = ("part", "checkpoint", "licence", "megabytes", "here")
    return [{column: getattr(row, column) for column in columns} for row in rows()]


def _stacks() -> list[Row]:
    from genspace.cli.models import stack_rows

    return [asdict(row) for row in stack_rows()]


LISTS: dict[str, Callable[[], list[Row]]] = {
    "judges": _judges,
    "aids": _aids,
    "predicates": _predicates,
    "datasets": _datasets,
    "perception": _perception,
    "stacks": _stacks,
}
"""What `genspace ls` can list."""


@app.command(epilog="Examples: genspace ls · genspace ls judges --json")
def ls(
    what: Annotated[str | None, typer.Argument(help="judges, predicates, datasets, … (default: all)")] = None,
    as_json: JsonFlag = False,
) -> None:
    """List judges, data sets and other names that commands accept."""
    from genspace.report import print_table

    if what is not None and what not in LISTS:
        raise InputError(f"ls {what}: nothing of that name{did_you_mean(what, LISTS)}")
    chosen = {name: LISTS[name]() for name in LISTS if what in {None, name}}
    if as_json:
        print_json(chosen if what is None else chosen[what])
        return
    for name, rows in chosen.items():
        print_table(list(rows[0]), [list(map(_shown, row.values())) for row in rows], results(), title=name)


def _shown(cell: object) -> str:
    """Return a cell in words."""
    words: dict[object, str] = {True: "yes", False: "no", None: "–"}
    return words[cell] if cell is None or isinstance(cell, bool) else str(cell)


@app.command(epilog="Example: genspace doctor --json")
def doctor(as_json: JsonFlag = False) -> None:
    """Show what is installed, what is missing, and how to install it."""
    from genspace._version import __version__
    from genspace.checkpoints import cache_dir

    extras = {
        extra: [p for p in packages if importlib.util.find_spec(p) is None]
        for extra, packages in EXTRAS.items()
    }
    found = {
        "genspace": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cache": str(cache_dir()),
        "disk": _free_disk(cache_dir()),
        "accelerator": _accelerator(missing=extras["models"]),
        "browser": shutil.which("chromium") or shutil.which("google-chrome") or None,
        "extras": {
            extra: {
                "complete": not missing,
                "missing": missing,
                "install": f"pip install 'genspace[{extra}]'",
            }
            for extra, missing in extras.items()
        },
    }
    if as_json:
        print_json(found)
        return
    for key in ("genspace", "python", "platform", "cache", "disk", "accelerator", "browser"):
        results().print(f"{key:12} {found[key] or 'none'}")
    for extra, missing in extras.items():
        state = (
            "complete" if not missing else f"missing {', '.join(missing)}: pip install 'genspace\\[{extra}]'"
        )
        results().print(f"{'extra ' + extra:12} {state}")


def _free_disk(folder: Path) -> str:
    """Return how much room there is for caches and checkpoints."""
    existing = next(f for f in (folder, *folder.parents) if f.is_dir())
    return f"{shutil.disk_usage(existing).free / 1e9:.0f} GB free at the cache"


def _accelerator(*, missing: list[str]) -> str | None:
    """Return the accelerator that torch sees; None without one, or without torch."""
    if missing:
        return None
    import torch

    if torch.cuda.is_available():
        return str(torch.cuda.get_device_name(0))
    return "mps" if torch.backends.mps.is_available() and sys.platform == "darwin" else None
