"""Judges of spatial faithfulness in generated images, and how far each agrees with people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from genspace._version import __version__

if TYPE_CHECKING:
    from genspace.analysis import Comparison as Comparison
    from genspace.analysis import Diff as Diff
    from genspace.analysis import Gate as Gate
    from genspace.analysis import Ranking as Ranking
    from genspace.analysis import Validation as Validation
    from genspace.analysis.correlation import agreement as agreement
    from genspace.api import compare as compare
    from genspace.api import diff as diff
    from genspace.api import gate as gate
    from genspace.api import rank as rank
    from genspace.api import read_comparison as read_comparison
    from genspace.api import validate as validate
    from genspace.errors import GenspaceError as GenspaceError
    from genspace.errors import InputError as InputError
    from genspace.evidence import Evidence as Evidence
    from genspace.gather import evidence_of as evidence_of
    from genspace.records import Item as Item
    from genspace.records import Measurement as Measurement
    from genspace.records import Request as Request
    from genspace.records import StudySettings as StudySettings
    from genspace.records import Verdict as Verdict
    from genspace.runner import run as run
    from genspace.study import Study as Study
    from genspace.study import open_study as open_study

__all__ = [
    "Comparison",
    "Diff",
    "Evidence",
    "Gate",
    "GenspaceError",
    "InputError",
    "Item",
    "Measurement",
    "Ranking",
    "Request",
    "Study",
    "StudySettings",
    "Validation",
    "Verdict",
    "__version__",
    "agreement",
    "compare",
    "diff",
    "evidence_of",
    "gate",
    "open_study",
    "rank",
    "read_comparison",
    "run",
    "validate",
]

_LAZY = {
    **dict.fromkeys(("GenspaceError", "InputError"), "genspace.errors"),
    **dict.fromkeys(("Item", "Measurement", "Request", "StudySettings", "Verdict"), "genspace.records"),
    **dict.fromkeys(("Comparison", "Diff", "Gate"), "genspace.analysis"),
    "Ranking": "genspace.analysis",
    "Validation": "genspace.analysis",
    "Evidence": "genspace.evidence",
    "agreement": "genspace.analysis.correlation",
    **dict.fromkeys(("compare", "diff", "gate"), "genspace.api"),
    "read_comparison": "genspace.api",
    "evidence_of": "genspace.gather",
    "rank": "genspace.api",
    "run": "genspace.runner",
    "Study": "genspace.study",
    "open_study": "genspace.study",
    "validate": "genspace.api",
}


def __getattr__(name: str) -> Any:
    """Import public names on first use, so that `import genspace` stays light."""
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'genspace' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
