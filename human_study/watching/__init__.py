"""How a study stands, which of its rules can never fire, and how a paper would describe it."""
