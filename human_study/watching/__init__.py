"""How a study stands, which of its rules can never fire, and how it was done in a paper's words."""
