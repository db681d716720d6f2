"""Standard errors, intervals, tests and words: what every claim of the package rests on."""
