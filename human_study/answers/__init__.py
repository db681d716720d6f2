"""What raters may answer, what they answered on each screen, how carefully, and what groups of choices add up to."""
