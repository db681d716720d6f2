"""Judges of spatial faithfulness in generated images, and how far each agrees with people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genspace._version import __version__
from genspace.errors import GenspaceError, InputError
from genspace.records import Item, Measurement, Request, StudySettings, Verdict

if TYPE_CHECKING:
    from genspace.comparison import compare as compare
    from genspace.ranking import rank as rank
    from genspace.runner import run as run
    from genspace.study import Study as Study
    from genspace.study import open_study as open_study
    from genspace.validation import validate as validate

__all__ = [
    "GenspaceError",
    "InputError",
    "Item",
    "Measurement",
    "Request",
    "Study",
    "StudySettings",
    "Verdict",
    "__version__",
    "compare",
    "open_study",
    "rank",
    "run",
    "validate",
]

_LAZY = {
    "compare": "genspace.comparison",
    "rank": "genspace.ranking",
    "run": "genspace.runner",
    "Study": "genspace.study",
    "open_study": "genspace.study",
    "validate": "genspace.validation",
}


def __getattr__(name: str) -> Any:
    """Import the public functions on first use, so that `import genspace` stays light."""
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'genspace' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
