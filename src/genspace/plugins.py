"""Lazy registries: names of parts, the modules that make them, and plugins that others install."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from genspace.errors import InputError, did_you_mean

__all__ = ["Registry"]


@dataclass(frozen=True)
class Registry:
    """Names and what makes them: built-ins as "module:object", plugins from an entry-point group.

    Nothing is imported before `load`. A plugin with the name of a built-in does not replace it.
    """

    what: str
    """What is registered, for messages: "judge"."""
    group: str
    """Entry-point group in which third parties register theirs: "genspace.judges"."""
    builtin: Mapping[str, str]
    """The "module:object" of each name."""

    @cached_property
    def plugins(self) -> dict[str, EntryPoint]:
        """Entry points of installed plugins by name."""
        return {e.name: e for e in entry_points(group=self.group) if e.name not in self.builtin}

    def names(self) -> list[str]:
        """All known names, sorted."""
        return sorted({*self.builtin, *self.plugins})

    def load(self, name: str) -> Callable[..., Any]:
        """Import and return the factory registered under `name`.

        Errors: `InputError` with the closest known name. An import that fails raises its own error.
        """
        if name in self.builtin:
            module, _, attribute = self.builtin[name].partition(":")
            factory: Callable[..., Any] = getattr(import_module(module), attribute)
            return factory
        if name in self.plugins:
            loaded: Callable[..., Any] = self.plugins[name].load()
            return loaded
        raise InputError(f"unknown {self.what} {name!r}{did_you_mean(name, self.names())}")
