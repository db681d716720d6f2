"""The probe report as a page that opens offline, and its plots."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from genspace.display import View
from genspace.report._files import figure_files, table_texts, written
from genspace.report._page import page
from genspace.report._plots import Plot, _figure, _svg
from genspace.report._styles import INK, MUTED, RULE, judge_styles
from genspace.report._table import share_text
from genspace.report._words import OF_PROBES, Words, of_sub_domains
from genspace.report.probes import NUISANCES, ProbeReport, plain

COLUMNS = (
    "judge",
    "right if clear",
    "answered",
    "right of all",
    "answered",
    "yes when true",
    "yes when false",
    "camera's frame",
)
"""Of the table of judges."""


def _curve_plot(report: ProbeReport, domain: str) -> Plot:
    """Return one sub-domain's psychometric curves, all judges on one axis, as SVG."""
    from matplotlib.markers import MarkerStyle

    styles = judge_styles(report.judges)
    with _figure(4.9, 3.1) as (figure, axes):
        axes.axvline(1.0, color=MUTED, linewidth=1, linestyle=(0, (1, 2)))
        lowest, highest = 0.0, 2.0
        for place, (name, judge) in enumerate(report.judges.items()):
            entry = judge.sub_domains.get(domain)
            if entry is None:
                continue
            style, colour = styles[name], styles[name].colour
            if entry.line:
                line = [*zip(*entry.line, strict=True)]
                axes.plot(*line, color=colour, linestyle=style.dash, linewidth=1.8, label=name)
                lowest, highest = min(lowest, entry.line[0][0]), max(highest, entry.line[-1][0])
            threshold = entry.fit.threshold
            if (
                threshold.low is not None and threshold.high is not None
            ):  # judges below one another, so that none hides another
                height = 0.5 + 0.05 * ((len(report.judges) - 1) / 2 - place)
                ends = [threshold.low, threshold.high]
                axes.plot(ends, [height] * 2, color=colour, linewidth=1.6, alpha=0.8, solid_capstyle="butt")
                axes.plot(threshold.value or 0.0, height, **style.mark, markersize=4)
            sizes = [8 + 2.2 * min(point.n, 30) for point in entry.points]
            axes.scatter(
                [p.error for p in entry.points], [p.yes for p in entry.points], s=sizes, color=colour,
                marker=MarkerStyle(style.marker, style.fill), alpha=0.65, linewidths=0 if style.fill == "full" else 1,
                label=None if entry.line else name,
            )  # fmt: skip
        axes.set(
            xlim=(lowest - 0.05, highest + 0.05),
            ylim=(-0.04, 1.04),
            xlabel="error, in tolerances",
            ylabel='share of "yes"',
        )
        axes.yaxis.label.set_color(MUTED)
        axes.set_title(domain.replace("_", " "), loc="left", fontsize=10, color=INK)
        axes.grid(color=RULE, linewidth=0.6)
        axes.set_axisbelow(True)
        return _svg(figure, f"Share of yes against the true error, {domain}, one curve per judge")


def curve_legend(report: ProbeReport) -> str:
    """Return one line of names in their colours, markers and dashes, for all plots."""
    styles = judge_styles(report.judges)
    columns = min(len(report.judges), 5)
    with _figure(9.4, 0.15 + 0.3 * -(-len(report.judges) // columns)) as (figure, axes):
        axes.set_axis_off()
        for name in report.judges:
            axes.plot([], [], **styles[name].mark, linestyle=styles[name].dash, label=name)
        axes.legend(loc="center", ncols=columns, frameon=False)
        return _svg(figure, "Colours, markers and dashes of the judges")


def probe_page(report: ProbeReport, plots: Mapping[str, str]) -> str:
    """Return the whole page with the plots of `curve_plots`."""
    from genspace.geometry.probes.kinds import HARD  # of no other page

    domains = sub_domains(report)
    return page(
        "probes.html.j2",
        Words({**OF_PROBES, **of_sub_domains()}),
        document=report,
        sentences=plain(report),
        legend=curve_legend(report),
        plots=plots,
        without_curve=[domain for domain in domains if domain not in plots],
        domains=domains,
        has_clear=any(judge.clear.n for judge in report.judges.values()),
        hard=[kind for kind in HARD if any(kind in judge.hard for judge in report.judges.values())],
        nuisances=NUISANCES,
    )


def sub_domains(report: ProbeReport) -> list[str]:
    """Return the sub-domains of all judges, in the order in which they come."""
    return list(dict.fromkeys(d for judge in report.judges.values() for d in judge.sub_domains))


def curve_plots(report: ProbeReport) -> dict[str, Plot]:
    """Return the plot of each sub-domain in which at least one judge's answers give a curve, as SVG."""
    judges = report.judges.values()
    drawn = [
        d for d in sub_domains(report) if any(d in j.sub_domains and j.sub_domains[d].line for j in judges)
    ]
    return {domain: _curve_plot(report, domain) for domain in drawn}


def probe_view(report: ProbeReport) -> View:
    """Return what probes tell about each judge: in words, and a row each."""
    rows = [
        [
            name, share_text(judge.clear.share), f"{judge.clear.answered}/{judge.clear.n}",
            share_text(judge.accuracy), f"{judge.answered}/{judge.n}", share_text(judge.yes_bias.yes_when_true),
            share_text(judge.yes_bias.yes_when_false), share_text(judge.frame.egocentric),
        ]
        for name, judge in report.judges.items()
    ]  # fmt: skip
    return View(f"Probes: {report.study}", plain(report), COLUMNS, rows, words=OF_PROBES)


def write_probe_report(report: ProbeReport, folder: Path) -> Path:
    """Write probes.html, its table as CSV, LaTeX and Markdown, each curve as SVG and PDF; return the page's path."""
    plots = curve_plots(report)
    view = probe_view(report)
    texts = {
        "probes.html": probe_page(report, plots),
        **table_texts("probes", view.head, view.rows, view.title),
    }
    texts |= figure_files({f"probes-{domain.replace(' ', '-')}": plot for domain, plot in plots.items()})
    return written(folder, texts)[0]
