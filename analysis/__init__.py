"""Agreement of verdicts with people: statistics only, on data frames."""

from genspace.analysis._estimate import Estimate
from genspace.analysis._options import CompareOptions
from genspace.analysis.compare import Comparison, compare
from genspace.analysis.diff import Diff, diff
from genspace.analysis.gate import Gate, gate
from genspace.analysis.ranking import Ranking, rank, rank_generators
from genspace.analysis.validation import Validation, validate

__all__ = [
    "CompareOptions",
    "Comparison",
    "Diff",
    "Estimate",
    "Gate",
    "Ranking",
    "Validation",
    "compare",
    "diff",
    "gate",
    "rank",
    "rank_generators",
    "validate",
]
