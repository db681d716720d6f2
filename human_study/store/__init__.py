"""What a human study remembers, in SQLite or PostgreSQL: answers, raters, sessions, and what was registered."""
