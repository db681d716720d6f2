"""A study: a folder of plain files, or one wide table, with items, people's answers and scores."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genspace.records import Files, StudySettings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Study"]


@dataclass(frozen=True)
class Study:
    """Everything that is known about a study, read and checked."""

    root: Path
    settings: StudySettings
    items: pd.DataFrame
    annotations: pd.DataFrame
    verdicts: pd.DataFrame
    files: Files
