"""Sentences and table of a tuning: the held-out figure of the procedure, never the winner's in-sample figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genspace.analysis.figures import FIGURES
from genspace.analysis.tuning import WORTH_FINDING
from genspace.display import View
from genspace.report._table import figure_text, number, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genspace.analysis.tuning import Tuned
    from genspace.tuning import Tuning

SAYS = {
    "ahead": "Choosing is ahead of {default}.",
    "behind": "Choosing is behind {default}: keep that.",
    "open": "The data cannot tell choosing from {default}: open.",
    "identical": "Every fold chose what says the same as {default}.",
}


def tuning(result: Tuning) -> View:
    """The procedure's figure first, then every candidate with how often it was chosen."""
    document, found = result.document, result.document.result
    rows = [
        (
            row.name,
            "–" if row.threshold is None else number(row.threshold),
            f"{row.cost_usd:.4g}",
            percent(row.coverage),
            percent(row.chosen),
            percent(row.dropped),
        )
        for row in sorted(found.candidates, key=lambda row: -row.chosen)
    ]
    head = ("variant", "yes above", "USD an item", "coverage", "chosen in folds", "dropped in folds")
    return View(f"Tuning on {document.study}", list(_sentences(result, found)), head, rows)


def _sentences(result: Tuning, found: Tuned) -> Iterator[str]:
    document, label = result.document, FIGURES[found.figure].label
    yield (
        f"Choosing among {len(found.candidates)} candidates by {label} reaches {figure_text(found.reaches)} on prompts "
        f"on which nothing was chosen ({document.items:,} items, {document.prompts:,} prompts); {found.default}, "
        f"declared beforehand, reaches {figure_text(found.default_reaches)} on the same."
    )
    yield SAYS[found.says].format(default=found.default) + (
        "" if found.says == "identical" else f" Gain {figure_text(found.gain)}" + _chance(found.p) + "."
    )
    if found.says == "open":
        each = document.items / document.prompts
        gains = [(WORTH_FINDING, found.prompts_for_tenth), (found.gain.value, found.prompts_needed)]
        told = [
            f"one of {number(gain)} with about {n:,} prompts like these ({round(n * each):,} labelled items)"
            for gain, n in gains
            if n is not None
        ]
        if told:
            yield f"Of a gain, four of five studies would show {'; '.join(told)}."
    if found.optimism is not None:
        yield (
            f"{found.winner} is chosen on all items. What it shows on them is by {number(found.optimism)} above what "
            "choosing reaches, so it is not to be quoted."
        )
    if len(found.money) > 1:
        by_money = "; ".join(
            f"{figure_text(p.reaches)} at no more than {p.at_most_usd:.4g} USD an item" for p in found.money
        )
        yield f"By money: {by_money}."
    if document.unfinished:
        yield f"Not asked about every item, so left out: {', '.join(document.unfinished)}."


def _chance(p: float | None) -> str:
    return "" if p is None else f", p = {p:.3f}" if p >= 0.001 else ", p < 0.001"
