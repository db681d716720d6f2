"""Plots of a comparison as SVG text: readable in greyscale and by the colour-blind, text kept as text.

Longer than 400 lines: it is a collection of plots, each by itself.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from genspace.analysis import Estimate
from genspace.analysis.calibration import CalibrationBin
from genspace.analysis.figures import FIGURES
from genspace.analysis.inference.studies import StudiesDocument
from genspace.analysis.result import Cell, QuestionResult
from genspace.report._fonts import fonts_for
from genspace.report._sentences import option_words
from genspace.report._styles import INK, MUTED, ON_LIGHT, OTHERS, RULE, Style, judge_styles
from genspace.report._table import judge_table, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from genspace.analysis.tuning import Tuned

LONGEST_NAME = 34
MOST_JUDGES = 15
MOST_COLUMNS = 8
LEAST_IN_BIN = 5
MOST_PANELS = 8
"""Judges, best first, whose scores are drawn one by one."""


STYLE: Any = {  # matplotlib types its keys one by one
    "svg.fonttype": "none", "svg.hashsalt": "genspace", "pdf.fonttype": 42, "font.family": "sans-serif",
    "font.size": 10,
    "font.sans-serif": ["DejaVu Sans", "Helvetica", "Arial", "sans-serif"],
    "axes.edgecolor": RULE, "axes.labelcolor": MUTED, "text.color": INK, "xtick.color": MUTED,
    "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False,
}  # fmt: skip
"""How plots look, in pages and in files of their own."""


class Plot(str):
    """A plot as SVG text, which also gives itself as PDF: both are drawn from one description."""

    __slots__ = ("figure",)
    figure: Figure

    def pdf(self) -> bytes:
        """Return the plot as PDF, its fonts in it; the same plot gives the same bytes."""
        import matplotlib as mpl
        from matplotlib.backends.backend_pdf import FigureCanvasPdf
        from matplotlib.text import Text

        buffer = io.BytesIO()
        texts = (text.get_text() for text in self.figure.findobj(Text))
        fonts = fonts_for(texts, STYLE["font.sans-serif"])
        with mpl.rc_context({**STYLE, "font.sans-serif": fonts}):
            canvas: Any = FigureCanvasPdf(self.figure)  # matplotlib leaves its method untyped
            canvas.print_pdf(buffer, metadata={"CreationDate": None, "Creator": None, "Producer": None})
        return buffer.getvalue()


@contextmanager
def _panels(width: float, height: float, rows: int, columns: int) -> Iterator[tuple[Figure, list[Axes]]]:
    """Yield a figure of several panels in the report's style; the same input gives the same bytes."""
    import matplotlib as mpl
    from matplotlib.figure import Figure as NewFigure

    with mpl.rc_context(STYLE):
        figure = NewFigure(figsize=(width, height), layout="tight")
        yield figure, list(figure.subplots(rows, columns, squeeze=False).flat)


@contextmanager
def _figure(width: float, height: float) -> Iterator[tuple[Figure, Axes]]:
    """Yield a figure of one panel."""
    with _panels(width, height, 1, 1) as (figure, (axes,)):
        yield figure, axes


def _svg(figure: Figure, description: str) -> Plot:
    from html import escape

    from matplotlib.backends.backend_svg import FigureCanvasSVG

    buffer = io.StringIO()
    for patch in (figure.patch, *(axes.patch for axes in figure.axes)):
        patch.set_facecolor("none")
    canvas: Any = FigureCanvasSVG(figure)  # matplotlib leaves its method untyped
    # `savefig` would draw everything twice.
    canvas.print_svg(buffer, metadata={"Date": None, "Creator": None})
    figure.set_layout_engine("none")  # everything has its place now, in a PDF too
    text = buffer.getvalue()
    body = text[text.index("<svg") :]
    label = f'<svg role="img" aria-label="{escape(description, quote=True)}"'
    plot = Plot(body.replace("<svg", label, 1))
    plot.figure = figure
    return plot


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def styles_of(document: QuestionResult) -> dict[str, Style]:
    """Return every judge's style in the order of the main table; other rows by their kind."""
    rows = judge_table(document).rows
    ranked = judge_styles(row.name for row in rows if row.kind not in OTHERS)
    return {row.name: ranked.get(row.name) or OTHERS[row.kind] for row in rows}


def forest(document: QuestionResult) -> Plot | None:
    """Return each judge's primary figure with its interval, the people's own row and the ceiling."""
    table = judge_table(document)
    rows = [r for r in table.rows if r.estimates[0].value is not None]
    if not rows:
        return None
    styles = styles_of(document)
    with _figure(6.6, 0.9 + 0.28 * len(rows)) as (figure, axes):
        for height, row in enumerate(reversed(rows)):
            estimate = row.estimates[0]
            draw_interval(axes, height, estimate, styles[row.name], edge=1.5)
            axes.annotate(
                number(estimate.value, 2), (1, height), xycoords=("axes fraction", "data"), xytext=(4, 0),
                textcoords="offset points", va="center", fontsize=9, color=INK,
            )  # fmt: skip
        _name_rows(axes, [_short(row.name) for row in rows])
        axes.set_ylim(-0.7, len(rows) - 0.3)
        ceiling = document.human.ceiling.estimate.value
        if ceiling is not None and document.human.ceiling.figure == document.primary.figure:
            axes.axvline(ceiling, color=INK, linewidth=1, linestyle=(0, (4, 3)))
            axes.annotate(
                f"ceiling {number(ceiling, 2)}, by a model", (ceiling, len(rows) - 0.35), xytext=(-4, 0),
                textcoords="offset points", ha="right", va="top", fontsize=8, color=MUTED,
            )  # fmt: skip
        level = f"{document.options.confidence:.0%}"
        axes.set_xlabel(
            f"{table.columns[0].label} with {document.study.reference}, {level} interval over prompts"
        )
        return _svg(
            figure, f"{table.columns[0].label} of each judge with its interval; the table holds the values"
        )


def studies_forest(document: StudiesDocument) -> Plot | None:
    """Return each judge's figure in each study with its interval, and below them its mean over studies like these."""
    styles = judge_styles(document.judges)
    lines: list[tuple[str, Estimate, Style, bool]] = []
    for name, judge in [*document.judges.items()][:MOST_JUDGES]:
        known = [(study, e, False) for study, e in judge.by_study.items() if e.value is not None]
        if (mean := judge.pooled) is not None:
            known.append(("mean", Estimate(mean.value, mean.low, mean.high), True))
        lines += [(f"{_short(name)} · {what}", e, styles[name], over_all) for what, e, over_all in known]
    if not lines:
        return None
    with _figure(6.6, 0.9 + 0.24 * len(lines)) as (figure, axes):
        for height, (_, found, style, over_all) in enumerate(reversed(lines)):
            width, size = (3.4, 9) if over_all else (1.6, 7)
            draw_interval(axes, height, found, style, width=width, size=size, ends="projecting")
        _name_rows(axes, [line[0] for line in lines])
        axes.set_xlabel(f"{FIGURES[document.figure].label}, {document.confidence:.0%} intervals")
        return _svg(
            figure, "each judge's agreement in each study with its interval; the table holds the values"
        )


def differences(
    found: Sequence[tuple[str, Estimate]],
    label: str,
    description: str,
    *,
    margin: float | None = None,
) -> Plot | None:
    """Return differences by judge with their intervals, and the margin that one of them may lose.

    Args:
        found: Judges and differences.
        label: What the axis shows.
        description: The whole in words, for who cannot see it.
        margin: Above 0; None: there is none.
    """
    rows = [(name, estimate) for name, estimate in found if estimate.value is not None]
    if not rows:
        return None
    with _figure(6.6, 0.9 + 0.28 * len(rows)) as (figure, axes):
        styles = judge_styles(name for name, _ in found)
        for height, (name, estimate) in enumerate(reversed(rows)):
            draw_interval(axes, height, estimate, styles[name])
        axes.set_ylim(-0.7, len(rows) - 0.3)
        _name_rows(axes, [_short(name) for name, _ in rows])
        for place, dash in ((0.0, "-"), *(() if margin is None else ((-margin, "--"),))):
            axes.axvline(place, color=MUTED, linewidth=1, linestyle=dash)
        axes.set_xlabel(label)
        return _svg(figure, description)


def draw_interval(
    axes: Axes,
    height: float,
    found: Estimate,
    style: Style,
    *,
    width: float = 2.2,
    size: float = 7,
    edge: float = 1.0,
    ends: Literal["butt", "projecting"] = "butt",
) -> None:
    """Draw a figure as a mark, its interval as a line behind it."""
    if found.low is not None and found.high is not None:
        axes.plot(
            [found.low, found.high], [height] * 2, color=style.colour, linewidth=width, solid_capstyle=ends
        )
    axes.plot([found.value or 0.0], [height], **style.mark, markersize=size, markeredgewidth=edge)


def _name_rows(axes: Axes, names: Sequence[str]) -> None:
    """Write names beside rows of intervals, the first on top, and draw a grid."""
    axes.set_yticks(range(len(names)), [*reversed(names)])
    axes.tick_params(axis="y", length=0)
    rule_across(axes)


def rule_across(axes: Axes) -> None:
    """Draw a grid behind rows of intervals."""
    axes.grid(axis="x", color=RULE, linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)


def breakdown_map(document: QuestionResult, column: str) -> Plot | None:
    """Return a map of judges against the values of one breakdown column, each cell with its figure."""
    import numpy as np

    cells = {v: c for v, c in document.breakdowns[column].items() if _has_figure(c)}
    known = {name for cell in cells.values() for name in cell.judges}
    names = [r.name for r in judge_table(document).rows if r.name in known]
    if not names or not cells:
        return None
    values = np.array([[_value(cell.judges.get(n)) for cell in cells.values()] for n in names], dtype=float)
    alphas = ["" if c.people.value is None else f"\nα = {number(c.people.value, 2)}" for c in cells.values()]
    heads = [f"{_short(v)}\nn = {cell.n}{a}" for (v, cell), a in zip(cells.items(), alphas, strict=True)]
    rows, columns = [_short(n) for n in names], heads
    if len(cells) > MOST_COLUMNS:  # many values stand in rows
        values, rows, columns = values.T, [h.replace("\n", ", ") for h in heads], rows
    with _figure(2.6 + 0.95 * len(columns), 1.1 + 0.32 * len(rows)) as (figure, axes):
        low, high = min(0.0, float(np.nanmin(values))), max(float(np.nanmax(values)), 1e-9)
        axes.imshow(values, cmap="cividis", vmin=low, vmax=high, aspect="auto")
        for (i, j), value in np.ndenumerate(values):
            dark = (value - low) / (high - low) < 0.55
            colour = INK if np.isnan(value) else "white" if dark else ON_LIGHT
            text = "–" if np.isnan(value) else number(float(value), 2)
            axes.text(j, i, text, ha="center", va="center", fontsize=9, color=colour)
        axes.set_xticks(range(len(columns)), columns, fontsize=8)
        axes.set_yticks(range(len(rows)), rows)
        axes.tick_params(length=0)
        axes.xaxis.tick_top()
        if columns is not heads:
            axes.tick_params(axis="x", rotation=20)
        axes.spines[:].set_visible(False)
        return _svg(figure, f"{judge_table(document).columns[0].label} of each judge by {column}")


def _has_figure(cell: Cell) -> bool:
    return any(estimate.value is not None for estimate in cell.judges.values())


def _value(estimate: Estimate | None) -> float:
    return float("nan") if estimate is None or estimate.value is None else estimate.value


def ratings(document: QuestionResult) -> Plot | None:
    """Return how often each rating was given."""
    counts = {k: v for k, v in document.human.distribution.items() if v}
    if not counts or len(counts) > 30:
        return None
    with _figure(4.2, 2.3) as (figure, axes):
        bars = axes.bar(list(counts), list(counts.values()), color="#56b4e9", edgecolor=INK, linewidth=0.6)
        axes.bar_label(bars, fmt="{:,.0f}", fontsize=8, color=MUTED)
        axes.set_xlabel("rating")
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        return _svg(figure, "how often each rating was given")


def risk_coverage(document: QuestionResult) -> Plot | None:
    """Return, for judges that may abstain, the error among what they decide against the share they decide."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for name, judge in document.judges.items():
        points = judge.risk_coverage.points if judge.risk_coverage else ()
        drawn = [(p.coverage, p.risk) for p in points if p.risk is not None]
        if len(drawn) > 1:
            curves[name] = drawn
    if not curves:
        return None
    styles = styles_of(document)
    with _figure(7.2, 3.4) as (figure, axes):
        ends = []
        for name, drawn in curves.items():
            style = styles[name]
            xs, ys = ([point[axis] for point in drawn] for axis in (0, 1))
            axes.plot(xs, ys, color=style.colour, linestyle=style.dash, drawstyle="steps-post")
            axes.plot(xs[-1:], ys[-1:], **style.mark)
            ends.append((ys[-1], name))
        axes.set_xlabel("coverage: share of items decided")
        axes.set_ylabel(f"risk: share of decisions against {document.study.reference}")
        axes.set_ylim(bottom=0)
        axes.grid(color=RULE, linewidth=0.6)
        _label_ends(axes, ends, styles)
        return _svg(figure, "risk against coverage of each judge that may abstain")


def money_curve(found: Tuned) -> Plot | None:
    """Return what choosing among variants reaches, by what an item may cost."""
    points = [(p.at_most_usd, p.reaches) for p in found.money if p.reaches.value is not None]
    if len(points) < 2:
        return None
    with _figure(7.2, 3.0) as (figure, axes):
        usd, reached = [point[0] for point in points], [point[1] for point in points]
        axes.plot(usd, [_value(one) for one in reached], color=INK, marker="o", drawstyle="steps-post")
        for x, one in points:
            if one.low is not None and one.high is not None:
                axes.vlines(x, one.low, one.high, color=INK, linewidth=1)
        axes.set_xlabel("USD an item, at most")
        axes.set_ylabel(f"{FIGURES[found.figure].label} reached")
        axes.grid(color=RULE, linewidth=0.6)
        return _svg(
            figure, "what choosing among variants reaches, with its interval, by what an item may cost"
        )


def _label_ends(axes: Axes, ends: Sequence[tuple[float, str]], styles: Mapping[str, Style]) -> None:
    """Name curves at the right edge, at the height where each ends, moved apart where they would overlap."""
    top = axes.get_ylim()[1]
    step = 0.075 * top
    height = -step
    for y, name in sorted(ends):
        height = max(y, height + step)
        axes.annotate(
            _short(name), (1.02, height), xycoords=("axes fraction", "data"), va="center", fontsize=8,
            color=INK, annotation_clip=False,
        )  # fmt: skip
        axes.plot(
            [1.008], [height], **styles[name].mark, markersize=4, transform=axes.get_yaxis_transform(),
            clip_on=False,
        )  # fmt: skip


def specification_map(document: QuestionResult) -> Plot | None:
    """Return each judge's place under every reasonable way to compute agreement, with the choices below.

    A column is one specification; bright cells are first places. Columns are sorted by how often they change the order,
    and a number stands where a judge's place differs from that in the column before.
    """
    import numpy as np

    specifications = document.specification.specifications
    judges = document.specification.judges[:MOST_JUDGES]
    if len(specifications) < 2 or len(judges) < 2:
        return None
    values = np.array([[np.nan if v is None else v for v in s.values] for s in specifications], dtype=float)
    known = np.nan_to_num(values, nan=-np.inf)
    places = 1 + (known[:, None, :] > known[:, : len(judges), None]).sum(axis=2)
    order = np.lexsort([*places.T[::-1]])
    choices = [
        (key, option, [getattr(s, key) == option for s in specifications])
        for key in ("figure", "averaging", "raters", "abstention", "left_out")
        for option in dict.fromkeys(getattr(s, key) for s in specifications)
        if len({getattr(s, key) for s in specifications}) > 1
    ]
    rows, shown = len(judges) + len(choices), places[order].T
    with _figure(9.4, 0.8 + 0.25 * rows) as (figure, axes):
        box = (-0.5, len(order) - 0.5, len(judges) - 0.5, -0.5)
        axes.imshow(shown, cmap="cividis_r", aspect="auto", extent=box)
        changes = np.diff(shown, axis=1, prepend=0) != 0
        for j, i in zip(*np.nonzero(changes), strict=True):
            place = shown[j, i]
            colour = ON_LIGHT if place <= (1 + len(judges)) / 2 else "white"
            axes.text(
                i, j, f"{place:.0f}", ha="center", va="center", fontsize=7, color=colour, in_layout=False
            )
        for row, (_, _, chosen) in enumerate(choices, start=len(judges)):
            where = np.flatnonzero(np.array(chosen)[order])
            axes.plot(where, np.full(len(where), row), marker="s", linestyle="", color=INK, markersize=4)
        labels = [option_words(option) for _, option, _ in choices]
        axes.set_yticks(range(rows), [*map(_short, judges), *labels], fontsize=8)
        axes.set_ylim(rows - 0.5, -0.5)
        axes.set_xticks([])
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
        return _svg(figure, "place of each judge under every reasonable way to compute agreement")


def calibration(document: QuestionResult) -> Plot | None:
    """Return reliability diagrams, a panel a judge: what scores promise against how often the answer is yes."""
    curves: dict[str, list[CalibrationBin]] = {}
    for name, judge in document.judges.items():
        diagram = judge.calibration.as_given if judge.calibration else None
        points = [b for b in diagram.bins if b.observed.n >= LEAST_IN_BIN] if diagram else []
        if len(points) > 1:
            curves[name] = points
    if not curves:
        return None
    styles = styles_of(document)
    ordered = [name for name in styles if name in curves][:MOST_PANELS]
    columns = min(len(ordered), 4)
    rows = -(-len(ordered) // columns)
    with _panels(2.45 * columns, 2.6 * rows, rows, columns) as (figure, panels):
        for panel, name in zip(panels, ordered, strict=False):
            _reliability(panel, curves[name], styles[name])
            panel.set_title(_short(name), loc="left", fontsize=9, color=INK)
        for panel in panels[len(ordered) :]:
            panel.set_axis_off()
        figure.supxlabel("score, or calibrated score where it is no probability", fontsize=9, color=MUTED)
        figure.supylabel("share of items whose answer is yes", fontsize=9, color=MUTED)
        return _svg(figure, "reliability diagram of each judge")


def _reliability(axes: Axes, bins: Sequence[CalibrationBin], style: Style) -> None:
    """Draw one judge's bins with the interval of each share; on the diagonal a score is worth what it says."""
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    for found in bins:
        low, high = found.observed.low, found.observed.high
        if low is not None and high is not None:
            axes.plot([found.predicted or 0.0] * 2, [low, high], color=style.colour, linewidth=1.4, alpha=0.7)
    xs = [b.predicted or 0.0 for b in bins]
    ys = [b.observed.value or 0.0 for b in bins]
    axes.plot(xs, ys, **style.mark, linestyle=style.dash, markersize=4.5)
    axes.set(xlim=(-0.04, 1.04), ylim=(-0.04, 1.04), xticks=(0, 0.5, 1), yticks=(0, 0.5, 1))
    axes.tick_params(labelsize=8)


def plots_of(document: QuestionResult) -> Iterator[tuple[str, Plot]]:
    """Yield the plots of one question by name, those that there are."""
    found = [
        ("agreement", forest(document)),
        ("specification", specification_map(document)),
        ("ratings", ratings(document)),
    ]
    found += [("risk", risk_coverage(document)), ("calibration", calibration(document))]
    found += [(f"by-{c}", breakdown_map(document, c)) for c in document.breakdowns]
    yield from ((name, plot) for name, plot in found if plot is not None)
