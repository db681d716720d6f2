"""A study: a folder of plain files, or one wide table, with items, people's answers and scores."""

from genspace.study._files import StudyFiles
from genspace.study._readers import Read, read_score_table
from genspace.study._settings import JudgeTable, StudyFile
from genspace.study._study import CheckReport, Study, check_study, open_study

__all__ = [
    "CheckReport",
    "JudgeTable",
    "Read",
    "Study",
    "StudyFile",
    "StudyFiles",
    "check_study",
    "open_study",
    "read_score_table",
]
