"""Agreement of verdicts with people: statistics only, on data frames."""

from genspace.analysis._estimate import Estimate
from genspace.analysis.compare import CompareOptions, Comparison, compare
from genspace.analysis.ranking import Ranking, rank_generators

__all__ = ["CompareOptions", "Comparison", "Estimate", "Ranking", "compare", "rank_generators"]
