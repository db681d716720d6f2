"""`genspace annotate …`: ask people, in a browser; one module per group of commands."""

from __future__ import annotations

from importlib import import_module

from genspace.cli.annotate._shared import annotate

__all__ = ["annotate"]

for _module in (
    "asking",
    "watching",
    "exchange",
    "running",
    "planning",
):  # the order of `genspace annotate --help`
    import_module(f"genspace.cli.annotate.{_module}")
