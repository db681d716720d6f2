"""Standard errors, intervals, tests, words and ceilings: what every claim of the package rests on."""
