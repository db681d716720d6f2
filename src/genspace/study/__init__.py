"""A study: a folder of plain files, or one wide table, with items, people's answers and scores."""

from genspace.readings import Reading
from genspace.study._files import IMAGE_SUFFIXES, FilesOfStudy, StudyFiles
from genspace.study._frames import read_frames, read_score_frame
from genspace.study._ids import common_cause
from genspace.study._readers import Read
from genspace.study._score_readers import read_score_table
from genspace.study._settings import GateTable, JudgeTable, StudyFile
from genspace.study._study import CheckReport, Study, check_study, open_study, verdict_frame
from genspace.study.exports import Export, GivenAnswer, documents_of, read_export

__all__ = [
    "IMAGE_SUFFIXES",
    "CheckReport",
    "Export",
    "FilesOfStudy",
    "GateTable",
    "GivenAnswer",
    "JudgeTable",
    "Read",
    "Reading",
    "Study",
    "StudyFile",
    "StudyFiles",
    "check_study",
    "common_cause",
    "documents_of",
    "open_study",
    "read_export",
    "read_frames",
    "read_score_frame",
    "read_score_table",
    "verdict_frame",
]
