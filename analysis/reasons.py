"""Why a figure is missing, or only its interval: codes with fields. Their sentences are the report's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from genspace.display import Displayed

__all__ = ["Reason", "ReasonCode"]

ReasonCode = Literal[
    # of the people
    "no_people", "one_rater", "too_few_raters", "too_few_contests", "raters_not_identified", "no_decisions",
    "no_decided_item", "undefined_against_rest", "not_crossed", "no_two_ratings", "no_more_agreement_than_chance",
    "chance_without_a_prompt", "no_model_of_raters", "continuous_ratings", "binary_ratings",
    # of the judge
    "no_scores", "no_score", "no_labels", "no_confidence", "no_confident_decision", "tells_nothing_apart",
    "equal_errors", "no_penalised_form", "scores_fixed", "scores_unbounded",
    # of what both share
    "no_common_item", "no_common_pair", "no_common_decisions", "too_few_items", "all_equal", "undefined",
    "undefined_on_common_items", "no_pair_separated", "no_prompt_separated",
    "no_generator_separated", "empty_bin", "no_items", "empty_cell", "published_alone",
    # of the interval
    "no_draws", "few_defined_draws", "single_prompt", "nothing_to_resample", "in_sample", "already_resampled",
    "not_computed", "open_interval", "few_prompts", "undefined_without_a_prompt", "few_of_a_class", "at_its_end",
    "constant_in_prompts",
    # of the difference of two judges
    "identical", "few_contributions", "equal_in_every_prompt",
    # of the generators
    "no_generators", "single_generator", "too_few_generators", "equal_generators", "no_shared_prompt",
    "few_generators", "too_few_scored_generators", "no_shares", "not_compared", "never_compared", "never_losing",
    "not_converged",
    # of scores corrected by a judge
    "sampling_unknown", "sampling_not_random", "people_compared_pairs", "everything_rated",
    "too_few_prompts_rated", "judge_scored_no_rated_item", "judge_scored_no_unrated_item", "no_item_rated",
    "too_few_labels", "too_few_disagreements", "stratum_unlabelled",
    # of the specifications
    "too_few_judges", "primary_undefined",
    # of psychometric curves
    "flat", "step", "fixed_at_0", "no_criterion", "extrapolated", "no_answers", "every_answer", "too_few_levels",
    "frames_not_told_apart", "truth_unknown",
    # of repeats
    "no_two_repeats",
    # of two runs
    "not_in_both_runs", "figures_alone", "not_recorded",
    # of comparisons written before there were codes
    "in_words",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reason(Displayed):
    """Why something is missing.

    >>> Reason("too_few_items", n=1)
    Reason(code='too_few_items', n=1, needed=None, name=None)
    """

    code: ReasonCode
    n: int | float | None = None
    """How many there are, where the reason is a number."""
    needed: int | float | None = None
    """How many are needed."""
    name: str | None = None
    """What it is about: ratings, scores, the name of a figure."""
