"""Sentences and table of which part of a judge moved a score."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genspace.display import View
from genspace.readings import counted
from genspace.report._table import figure_text, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genspace.analysis import Estimate
    from genspace.parts import Parts


def parts(result: Parts) -> View:
    """The whole change, then every part's share of it."""
    document = result.document
    texts = {part.part: (part.was, part.now) for part in document.changed}
    rows = [
        (row.part, *texts[row.part], figure_text(row.moved), f"{row.prompts_moved:,}")
        for row in document.result.parts
    ]
    head = ("part", "was", "is", "moved the score by", "prompts it changes")
    return View(f"What moved the score of {document.judge}", list(_sentences(result)), head, rows)


def _sentences(result: Parts) -> Iterator[str]:
    document, found = result.document, result.document.result
    yield (
        f"The {document.measure} over {counted(found.prompts, 'prompt')} went from {figure_text(found.was)} in "
        f"{document.old} to {figure_text(found.now)} in {document.new}: a change of {figure_text(found.change)}."
    )
    moved = [row.part for row in found.parts if _apart_from_zero(row.moved)]
    never = [row.part for row in found.parts if not row.prompts_moved]
    unsure = [row.part for row in found.parts if row.part not in {*moved, *never}]
    if moved:
        yield f"It was moved by {_listed(moved)}; intervals are corrected over the {len(found.parts)} parts."
    if unsure:
        yield f"Not shown to move it: {_listed(unsure)}."
    if never:
        yield f"Changes no verdict in any mixture: {_listed(never)}."
    how = "all" if found.exact else "drawn"
    yield (
        f"Each part's share is its mean over {found.orders:,} orders of exchanging them ({how}), so that the shares "
        "add up to the change."
    )
    if document.left_out:
        share = document.items / (document.items + document.left_out)
        yield (
            f"It rests on {document.items:,} pictures ({percent(share)}); {document.left_out:,} were not decided in "
            "every mixture, or their prompt is in one study only."
        )


def _apart_from_zero(moved: Estimate) -> bool:
    return moved.low is not None and moved.high is not None and (moved.low > 0 or moved.high < 0)


def _listed(names: list[str]) -> str:
    return ", ".join(names)
