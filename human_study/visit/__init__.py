"""One rater's visit: where they come from, what they get next, taking answers, how it ends and what that earns."""
