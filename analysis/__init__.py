"""Agreement of verdicts with people: statistics only, on data frames."""
