"""Agreement of verdicts with people: statistics only, on data frames."""

from genspace.analysis._estimate import Estimate
from genspace.analysis.compare import CompareOptions, Comparison, compare

__all__ = ["CompareOptions", "Comparison", "Estimate", "compare"]
