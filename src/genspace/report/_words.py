"""What the words of a report's main table mean, for a reader who meets them first here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genspace.report._table import JudgeTable

__all__ = ["words"]

FIGURES: Mapping[str, str] = {
    "pearson": "do scores rise in proportion to {people}'s answers? 1 perfectly, 0 not at all, below 0 the other way",
    "spearman": "does the judge put the items in {people}'s order? 1 the same order, 0 no relation, −1 reversed",
    "kendall_tau_b": "the same question asked of every two items; ties of either side lower it",
    "kendall_tau_c": "as τ-b, for scales with different numbers of steps",
    "roc_auc": "how often the judge scores a yes above a no: 1 always, 0.5 as a coin would",
    "graded_auc": "how often the judge scores the better of two items higher, a tie counting half: 0.5 as a coin would",
    "average_precision": "how clean the top of the judge's order is: 1 when every yes stands above every no",
    "cohen_kappa": "how far yes and no agree beyond chance: 1 always, 0 as often as by chance",
    "accuracy": "share of the judge's decisions that are {people}'s; high without skill where one answer prevails",
    "balanced_accuracy": "accuracy on yes and on no, averaged: 0.5 as a coin would, whichever answer prevails",
    "pairwise_half_credit": "of two items that {people} separate, how often the judge puts the better one higher; "
    "a tie counts half",
    "pairwise_accuracy": "share of pairs of generators in {people}'s order",
    "soft_pairwise_accuracy": "as pairwise, with credit for being as sure of each pair as {people}",
    "half_credit": "of pairs on which {people} prefer one, how often the judge prefers the same; a tie counts half",
    "with_ties": "how often judge and {people} say the same of a pair: the first, the second, or a tie",
    "tie_calibrated": "the same, where scores that lie close enough together count as a tie",
    "all_raters": "the first figure with the raters in that a rule left out",
    "mean_score": "mean of the judge's scores",
}
"""A figure by its key, in one sentence; `{people}` is whoever the judges are compared with."""

SECTIONS: Mapping[str, str] = {
    "within_prompt": "; between images of one prompt only",
    "within_generator": "; between images of one generator only",
    "system": "; between generators",
}
ROWS: Mapping[str, tuple[str, str]] = {
    "people": (
        "people (each against the rest)",
        "one rater as if a judge of the others, averaged: what a judge needs to pass for a rater",
    ),
    "constant": ("baseline: constant", "the same score for every item: what knowing nothing gives"),
    "prompt mean": (
        "baseline: prompt mean",
        "the mean answer to the other images of the prompt: what is gained without looking, once answers are known",
    ),
    "derived": (
        "derived from the ratings",
        "computed from the answers themselves, so shown and never ranked",
    ),
}


def words(table: JudgeTable, document: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return every word that the table and the plot above it use, with its meaning."""
    reference = document["study"]["reference"]
    found = [
        (column.label, FIGURES[column.figure].format(people=reference) + SECTIONS.get(column.section, ""))
        for column in table.columns
        if column.figure in FIGURES
    ]
    found.append(("[low, high]", "interval: where the figure could lie had other prompts been taken"))
    kinds = {row.kind for row in table.rows} | {
        row.name.removeprefix("baseline: ") for row in table.rows if row.kind == "baseline"
    }
    found += [entry for kind, entry in ROWS.items() if kind in kinds]
    if (document["human"].get("ceiling") or {}).get("value") is not None:
        meaning = "what a perfect judge would reach against ratings as noisy as these (the root of ICC(1,k))"
        found.append(("noise ceiling", meaning))
    found.append(("n", "items behind the first figure"))
    found.append(
        ("coverage", "share of the rated items that the judge scores; on the rest it abstained or failed")
    )
    found.append(("ties", "share of the pairs of items that the judge scores the same"))
    return found
