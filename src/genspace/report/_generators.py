"""The generators in the order of the people and of each judge: plots and table, for page, notebook and terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from genspace.analysis.counted import Place, ThreeFigures
from genspace.analysis.result import GeneratorRow, Order, Orders
from genspace.report._part import ReportPart
from genspace.report._plots import Plot, _panels, _short, _svg, draw_interval, rule_across, styles_of
from genspace.report._sentences import order_sentences
from genspace.report._styles import INK, MUTED, OTHERS, Style
from genspace.report._table import figure_text, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_PLOTS = 2
"""Judges whose order is drawn beside the people's, the best first; the table holds everybody's."""
MOST_GENERATORS = 40
WAYS = (", unmeasured left out", ", as passes")
COUNTED = (
    "What a judge did not measure counts as a miss (a lower bound), is left out (an assumption), or counts as a pass "
    "(an upper bound); a place is sure where the lower bound's interval lies above the other's upper bound's."
)
"""How scores of generators are counted, wherever they stand."""


@dataclass(frozen=True, slots=True)
class OrdersShown:
    """What the section on generators shows."""

    sentences: Sequence[str]
    names: Sequence[str]
    """Generators, in the first order."""
    orders: Mapping[str, Order]
    ranks: Mapping[str, Mapping[str, GeneratorRow]]
    plots: Mapping[str, Plot]
    resampled: str
    corrected: Sequence[tuple[str, GeneratorRow]]
    counted: Mapping[str, ThreeShown]
    """Judges' figures in their three ways, where anything was not measured or the judge decides."""
    counting: str = COUNTED


def generators(part: ReportPart) -> OrdersShown | None:
    """Return all orders, and plots of the first judges beside the people."""
    section = part.document.generators
    judges = {name: order for name, order in section.judges.items() if order.generators}
    people = section.people if section.people is not None and section.people.generators else None
    orders: dict[str, Order] = {**({part.reference: people} if people else {}), **judges}
    if not orders:
        return None
    styles = styles_of(part.document)
    drawn = [*judges.items()][:MOST_PLOTS] if people else []
    plots = {n: order_plot(part.reference, people, n, o, styles[n]) for n, o in drawn if people}
    return OrdersShown(
        sentences=order_sentences(section, part.reference),
        names=[row.generator for row in next(iter(orders.values())).generators],
        orders=orders,
        ranks={who: {row.generator: row for row in order.generators} for who, order in orders.items()},
        plots={name: plot for name, plot in plots.items() if plot},
        resampled=section.resampled,
        counted={name: shown for name, o in judges.items() if (shown := three_table(o)).head},
        corrected=[(name, row) for name, o in judges.items() for row in o.generators if row.corrected],
    )


def order_plot(reference: str, people: Order, name: str, judge: Order, style: Style) -> Plot | None:
    """Draw the people's order on the left, a judge's on the right, and a line per generator."""
    rows = [[r for r in order.generators if r.score.value is not None] for order in (people, judge)]
    both = {r.generator for r in rows[0]} & {r.generator for r in rows[1]}
    if not 2 <= len(both) <= MOST_GENERATORS:
        return None
    rows = [[r for r in side if r.generator in both] for side in rows]
    heights = [{r.generator: -place for place, r in enumerate(side)} for side in rows]
    with _panels(9.4, 1.1 + 0.3 * len(both), 1, 3) as (figure, (left, middle, right)):
        for panel, who, order, side, own in (
            (left, reference, people, rows[0], OTHERS["people"]),
            (right, name, judge, rows[1], style),
        ):
            _scores(panel, side, own)
            panel.set_title(_short(who), fontsize=10, color=INK)
            worse = ", lower is better" if order.direction == "lower is better" else ""
            panel.set_xlabel(order.score + worse)
        names = [[_short(r.generator) for r in side] for side in rows]
        left.set_yticks([-place for place in range(len(both))], names[0])
        right.yaxis.tick_right()
        right.set_yticks([-place for place in range(len(both))], names[1])
        for axes in (left, right):
            axes.tick_params(axis="y", length=0)
        for generator, height in heights[0].items():
            other = heights[1][generator]
            colour, dash = (MUTED, "-") if other == height else (INK, "--")
            middle.plot([0, 1], [height, other], color=colour, linestyle=dash, linewidth=1.6)
        middle.set_ylim(left.get_ylim())
        middle.set_axis_off()
        return _svg(
            figure, f"order of generators by {reference} and by {name}; the table below holds the ranks"
        )


def order_table(reference: str, orders: Orders) -> tuple[list[str], list[list[str]]]:
    """Tabulate each judge's ranks of the generators, in the people's order if there is one; return heading and rows.

    The smaller set, generators or judges, becomes the columns.

    >>> import pandas as pd
    >>> import genspace
    >>> items = pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq"), "generator": list("xyxy")})
    >>> people = pd.DataFrame({"item_id": list("abcd"), "value": [3, 2, 5, 1]})
    >>> scores = pd.DataFrame({"item_id": list("abcd"), "metric": "clip", "score": [0.1, 0.3, 0.2, 0.9]})
    >>> ranking = genspace.rank(items=items, annotations=people, scores=scores, draws=100)
    >>> head, rows = order_table("people", ranking.document.generators)
    >>> head, rows[0]
    (['generator', 'people', 'clip'], ['x', '1 (1–1)', '2 (1–2)'])
    """
    everybody = {**({reference: orders.people} if orders.people else {}), **orders.judges}
    places = {
        who: {row.generator: place_text(row.place) for row in order.generators}
        for who, order in everybody.items()
        if order.reason is None
    }
    if not places:
        return [], []
    names = list(next(iter(places.values())))
    distance = {who: "" if o.distance is None else figure_text(o.distance) for who, o in everybody.items()}
    if len(places) > len(names):
        rows = [[who, *(cells[name] for name in names), distance[who]] for who, cells in places.items()]
        return ["order of", *names, "distance"], rows
    rows = [[name, *(cells[name] for cells in places.values())] for name in names]
    apart = [distance[who] for who in places]
    return ["generator", *places], [*rows, ["distance", *apart]] if any(apart) else rows


def place_text(place: Place) -> str:
    """Format a rank and the ranks that the data allow.

    >>> place_text(Place(2, 1, 3))
    '2 (1–3)'
    """
    if place.rank is None:
        return "–"
    return f"{place.rank}" + ("" if place.low is None else f" ({place.low}–{place.high})")


@dataclass(frozen=True, slots=True)
class ThreeShown:
    """A judge's figures of each generator in their three ways, as a table shows them."""

    head: Sequence[str]
    """None of it where people, or a judge of pairs, give one figure alone."""
    cells: Mapping[str, Sequence[str]]
    """By generator."""


def three_table(order: Order) -> ThreeShown:
    """Tabulate the share of passes (if the judge decides) and the mean score, each in its three ways.

    >>> import pandas as pd
    >>> import genspace
    >>> items = pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq"), "generator": list("xyxy")})
    >>> people = pd.DataFrame({"item_id": list("abcd"), "value": [3, 2, 5, 1]})
    >>> scores = pd.DataFrame({"item_id": list("abcd"), "metric": "clip", "score": [0.1, 0.3, 0.2, 0.9]})
    >>> ranking = genspace.rank(items=items, annotations=people, scores=scores, draws=100)
    >>> three_table(ranking.document.generators.judges["clip"]).head
    ['mean score', 'mean score, unmeasured left out', 'mean score, as passes']
    """
    counted = {row.generator: (row.accuracy, row.counted) for row in order.generators if row.counted}
    if not counted:
        return ThreeShown([], {})
    decides = any(accuracy for accuracy, _ in counted.values())
    worse = ", lower is better" if order.direction == "lower is better" else ""
    heads = [*(["passed"] if decides else []), f"{order.score}{worse}"]
    return ThreeShown(
        [f"{name}{way}" for name in heads for way in ("", *WAYS)],
        {
            generator: [
                text
                for figures in pair[0 if decides else 1 :]
                for text in (three_texts(figures) if figures else ("–",) * 3)
            ]
            for generator, pair in counted.items()
        },
    )


def three_texts(figures: ThreeFigures) -> tuple[str, str, str]:
    """Return a figure with its interval, and what it is with the unmeasured left out and as passes."""
    return (
        figure_text(figures.as_misses),
        number(figures.left_out.value),
        figure_text(figures.as_passes),
    )


def _scores(axes: Axes, rows: list[GeneratorRow], style: Style) -> None:
    """Draw each generator's score with its interval, the best on top."""
    for place, row in enumerate(rows):
        draw_interval(axes, -place, row.score, style)
    axes.set_ylim(0.5 - len(rows), 0.5)
    rule_across(axes)
