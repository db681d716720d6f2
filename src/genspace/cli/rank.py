"""`genspace rank`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genspace.cli._app import app
from genspace.cli._console import print_json, put, readings_follow, results
from genspace.cli._options import AS_FOUND, JsonFlag, OutOption, SeedOption, Tables, reads_tables, write_out

if TYPE_CHECKING:
    from genspace.analysis.result import Order, Orders

__all__ = ["rank"]

Over = Literal["prompts", "items", "raters"]
A_SCORE_S = 1e-5
"""Seconds for each score of an item."""


@app.command(
    epilog="Examples: genspace rank my-study · genspace rank my-study --judge clip --by sub_domain · "
    "genspace rank my-pairs --over raters · genspace rank results.csv --human rating --metrics clip,vqa"
)
@reads_tables
def rank(
    study: Annotated[Path, typer.Argument(help="A study's folder, or one wide table.")],
    judge: Annotated[
        list[str] | None, typer.Option("--judge", help="A judge or metric; repeatable (default: all).")
    ] = None,
    by: Annotated[
        list[str] | None, typer.Option("--by", help="Rank within each value of this column; repeatable.")
    ] = None,
    over: Annotated[
        Over, typer.Option(help="What to resample; items are pairs if people compared pairs.")
    ] = "prompts",
    question: Annotated[
        str | None, typer.Option(help="Which question people answered (default: the main one).")
    ] = None,
    draws: Annotated[int, typer.Option(help="Bootstrap draws; 0: ranks without intervals.")] = 1000,
    seed: SeedOption = 0,
    tables: Tables = AS_FOUND,
    out_: OutOption = None,
    as_json: JsonFlag = False,
) -> None:
    """Rank the generators by people and by each judge, with the uncertainty of each order."""
    from genspace.api import rank as rank_study
    from genspace.cli._progress import course
    from genspace.display import view_of
    from genspace.gather import evidence_of
    from genspace.report import COUNTED, print_readings, print_words

    if not as_json:
        readings_follow()
    evidence = evidence_of(tables.open(study, whole=True))
    judges = len(evidence.judges)
    with course("ranking", len(evidence.items) * judges * A_SCORE_S, judges + 1, silent=as_json):
        ranking = rank_study(
            evidence, judges=judge, over=over, question=question, draws=draws, seed=seed, by=by or ()
        )
    write_out(ranking, out_)
    if as_json:
        print_json(ranking.to_dict())
        return
    print_readings(ranking.document.readings, results())
    found, reference = ranking.document.generators, ranking.document.study.reference
    view = view_of(ranking)
    for sentence in view.sentences:
        put(sentence)
    if found.people is None:
        return
    _print_order(reference, found.people)
    for name in judge or ():
        _print_order(name, found.judges[name])
    _print_orders(reference, found, title="everybody's order")
    for column, values in found.by.items():
        for value, cell in values.items():
            _print_orders(reference, cell, title=f"{column}: {value} ({cell.n:,} items)")
    confidence = ranking.document.options.confidence
    results().print(
        f"[dim]In brackets {confidence:.0%} intervals, and the ranks that the {over} allow at {confidence:.0%}. "
        f"{COUNTED} {draws:,} draws of {over}, seed {seed}.[/]"
    )
    print_words(view, results())


def _print_order(who: str, order: Order) -> None:
    """Print one order in full: scores, ranks, how often first and above the next."""
    from genspace.report import (
        figure_text,
        percent,
        place_text,
        print_table,
        reason_text,
        share_text,
        three_table,
    )

    if order.reason is not None:
        put(f"{who}: {reason_text(order.reason)}")
        return
    label = order.score + (", lower is better" if order.direction == "lower is better" else "")
    ways = three_table(order)
    head = ["generator", "rank", *(ways.head or [label]), "first", "above the next", "n", "coverage"]
    rows = [
        [
            row.generator, place_text(row.place),
            *(ways.cells[row.generator] if ways.head else [figure_text(row.score)]),
            share_text(row.first), share_text(row.above_next), f"{row.score.n:,}", percent(row.score.coverage),
        ]
        for row in order.generators
    ]  # fmt: skip
    print_table(head, rows, results(), title=who)


def _print_orders(reference: str, orders: Orders, *, title: str) -> None:
    """Print the ranks of each generator by everybody."""
    from genspace.report import order_table, print_table

    head, rows = order_table(reference, orders)
    if rows:
        print_table(head, rows, results(), title=title)
