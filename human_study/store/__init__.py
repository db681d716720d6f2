"""The store of a human study, in SQLite or PostgreSQL: answers, raters, sessions, and what was registered."""
