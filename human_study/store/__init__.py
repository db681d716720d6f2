"""What a human study remembers, in SQLite or PostgreSQL: answers, raters, sessions, and what was registered."""

from genspace.human_study.store._store import AnswerStore, Snapshot, StudyState

__all__ = ["AnswerStore", "Snapshot", "StudyState"]
