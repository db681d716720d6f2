"""The changes between two runs in words, as a table, and as a page with the flipped items' pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from genspace.analysis.diff import OTHER_KINDS, JudgeChange, JudgeSide
from genspace.analysis.figures import FIGURES
from genspace.display import View
from genspace.readings import counted
from genspace.report._files import written
from genspace.report._gallery import thumbnail
from genspace.report._plots import differences
from genspace.report._sentences import reason_text
from genspace.report._table import figure_text, figure_words, number, percent
from genspace.report._words import OF_RUNS
from genspace.report._write import result_texts

if TYPE_CHECKING:
    from genspace.analysis import Diff
    from genspace.analysis.diff import Changed, DiffDocument, Flip, Moved

HEAD = ("judge", "before", "now", "difference", "it is", "repeats itself", "flipped", "coverage")
PICTURED = 24
"""Flipped items of a judge that are shown with their pictures."""
MOST_KINDS = 3
"""Kinds of abstention and failure that a sentence names."""
UNITS = {"seconds": "seconds", "tokens": "tokens", "usd": "USD"}


def diff_view(result: Diff) -> View:
    """What changed in words, each judge in a row, and the differences drawn."""
    document = result.document

    def drawn() -> Iterator[str | None]:
        yield differences(
            [(row.judge, row.difference) for row in document.judges],
            f"now minus before, {document.primary.label}",
            "difference of each judge from what it was, with its interval",
        )

    caption = (
        f"{document.primary.label} with {document.reference}, whose answers of one run both are held to. Before and "
        "now: on everything that the judge answered. Difference: on what both runs answered, with its "
        f"{document.options.confidence:.0%} interval from leaving out each prompt in turn."
    )
    return View(
        f"{document.new} beside {document.old}",
        list(sentences(document)),
        HEAD,
        [_cells(row) for row in document.judges],
        drawn,
        caption=caption,
        words=OF_RUNS,
    )


def sentences(document: DiffDocument) -> Iterator[str]:
    """Yield what changed: the judges first, those that are behind before the others, then people, then settings."""
    if not document.judges:
        yield "Neither run holds a judge."
    if document.items.went == document.items.old:
        yield "No item is in both runs, so that nothing can be compared: are they runs of one study?"
    order = {"behind": 0, "ahead": 1, "identical": 3}
    told = [(order.get(row.standing, 2), list(_judge(row, document))) for row in document.judges]
    for _, about in sorted(told, key=lambda t: (t[0], -len(t[1]))):
        yield from about
    for what, moved in (("items", document.items), (f"answers of {document.reference}", document.answers)):
        if changes := _moved(moved):
            yield f"{what.capitalize()}: {changes}."
    if _moved(document.answers):
        yield "Both runs are compared against the present answers, so these changes are no part of the differences."
    if document.answers.old and not document.answers.new:
        reference = document.reference
        yield f"{document.new} holds no answers of {reference}: both runs are compared against the earlier ones."
    for change in document.settings:
        yield f"study.toml: {_setting(change)}."


def _judge(row: JudgeChange, document: DiffDocument) -> Iterator[str]:
    label, name = (
        FIGURES[document.primary.figure].short if document.primary.figure in FIGURES else "",
        row.judge,
    )
    unit = "pair" if row.answers == "preferences" else "item"
    about = f" (question “{row.question}”)" if row.question else ""
    if row.old is None or row.new is None:
        yield f"{name}{about}: {'new, not in' if row.old is None else 'gone, only in'} {document.old}."
        return
    values = f"{label} {number(row.old.figure.value)} before, {number(row.new.figure.value)} now"
    basis = (
        f"{figure_words(row.difference, signed=True)} on {counted(row.difference.n, unit)} that both answered"
    )
    told = {
        "behind": f"{name}{about} is behind what it was: {values}; {basis}.",
        "ahead": f"{name}{about} is ahead of what it was: {values}; {basis}.",
        "open": f"{name}{about}: open whether its agreement has changed: {values}; {basis}.",
        "open before correction": f"{name}{about}: open once corrected for the number of judges: {values}; {basis}.",
        "identical": f"{name}{about}: the same answers on {counted(row.difference.n, f'common {unit}')}.",
        "not compared": f"{name}{about}: {values}; {reason_text(row.difference.reason)}.",
    }[row.standing]
    yield told
    if row.repeats.value is not None and row.standing != "identical":
        same = f"{share_of(row.repeats.value)} of its own answers repeat"
        flips = (
            f"{counted(row.n_flipped, 'answer')} flipped"
            if row.answers != "scores"
            else f"{counted(row.n_flipped, 'score')} moved"
        )
        side = f", {row.n_right:,} to the side of {document.reference} and {row.n_wrong:,} away from it"
        yield f"{name}: {same}; {flips}{side if row.n_right or row.n_wrong else ''}."
    yield from (f"{name}: {text}." for text in _beside(row.old, row.new, row))


def share_of(value: float) -> str:
    """Format a share in percent, rounded down.

    >>> share_of(0.9996), share_of(1.0)
    ('99.9%', '100%')
    """
    return "100%" if value == 1 else f"{int(value * 1000) / 10:.1f}%"


def _beside(old: JudgeSide, new: JudgeSide, row: JudgeChange) -> Iterator[str]:
    """Yield what else is different: coverage, abstentions, cost, settings, fingerprint, the people's share."""
    if old.coverage.value != new.coverage.value:
        yield f"coverage {percent(old.coverage.value)} before, {percent(new.coverage.value)} now"
    kinds = {k: (old.reasons.get(k, 0), new.reasons.get(k, 0)) for k in {**old.reasons, **new.reasons}}
    moved = sorted(
        (k for k, (then, now) in kinds.items() if then != now),
        key=lambda k: (k == OTHER_KINDS, -abs(kinds[k][0] - kinds[k][1])),
    )
    if moved:
        told = (f"{kind} ({kinds[kind][0]:,} before, {kinds[kind][1]:,} now)" for kind in moved[:MOST_KINDS])
        rest = f" and {len(moved) - MOST_KINDS} more kinds" if len(moved) > MOST_KINDS else ""
        yield "; ".join(told) + rest
    for what, unit in UNITS.items():
        before_cost, now_cost = getattr(old.cost, what), getattr(new.cost, what)
        if before_cost != now_cost:
            values = (f"{v:.3g}" if v is not None else "unknown" for v in (before_cost, now_cost))
            yield f"{unit} an item: {' before, '.join(values)} now"
    yield from map(_setting, row.settings)
    if row.same_fingerprint is False:
        yield f"another fingerprint, {old.fingerprint} before and {new.fingerprint} now: its options are others"
    if row.same_fingerprint and row.n_flipped:
        yield "the same fingerprint: a model behind an endpoint has changed, or chance has"
    if row.under_old_answers is not None:
        yield f"against the earlier answers of people it would stand at {number(row.under_old_answers.value)}"


def _setting(change: Changed) -> str:
    return f"{change.name} = {change.old or 'not set'} before, {change.new or 'not set'} now"


def _moved(moved: Moved) -> str:
    parts = {"came": moved.came, "went": moved.went, "changed": moved.changed}
    return ", ".join(f"{n:,} {what}" for what, n in parts.items() if n)


def _cells(row: JudgeChange) -> tuple[str, ...]:
    old, new = row.old, row.new
    covered = [percent(side.coverage.value) for side in (old, new) if side is not None]
    return (
        row.judge if not row.question else f"{row.judge} ({row.question})",
        *("–" if side is None else figure_text(side.figure) for side in (old, new)),
        figure_words(row.difference, signed=True),
        row.standing if old is not None and new is not None else ("new" if old is None else "gone"),
        "–" if row.repeats.value is None else share_of(row.repeats.value),
        f"{row.n_flipped:,}" if row.repeats.value is not None else "–",
        " → ".join(dict.fromkeys(covered)),
    )


@dataclass(frozen=True)
class Card:
    """A flipped item with its picture."""

    flip: Flip
    prompt: str
    pictures: Sequence[str]
    """Thumbnails as data URLs."""


def write_diff(result: Diff, folder: Path) -> list[Path]:
    """Write diff.html with the pictures of what flipped, diff.json, diff.csv, diff.md and the plot."""
    document, view = result.document, diff_view(result)
    cards = {row.judge: _cards(result, row) for row in document.judges}
    return written(folder, result_texts(result, view, "diff.html.j2", document=document, cards=cards))


def _cards(result: Diff, row: JudgeChange) -> list[Card]:
    items = {} if result.study is None else {i.item_id: i for i in result.study.iter_items()}
    cards = []
    for flip in row.flips[:PICTURED]:
        named = [items[i] for i in (flip.item_id, flip.item_id_b) if i in items]
        found = [] if result.study is None else [thumbnail(item.image, result.study) for item in named]
        prompt = next((item.prompt for item in named if item.prompt), "")
        cards.append(Card(flip, prompt or "", [p for p in found if p]))
    return cards
