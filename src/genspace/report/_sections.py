"""The report's evidence, section by section, in the order of the page: a new section is one line here, one template."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from genspace.analysis import Estimate
from genspace.analysis.reliability import COEFFICIENTS
from genspace.analysis.result import Abstention, Cell, Figures, Matched
from genspace.errors import InputError
from genspace.report._certificate import consistency
from genspace.report._gallery import gallery
from genspace.report._generators import generators
from genspace.report._part import ReportPart, Section
from genspace.report._plots import MOST_COLUMNS
from genspace.report._sentences import people_sentences, reason_text, specification_sentences
from genspace.report._words import words
from genspace.report.probes import holds_probes, probe_report

PROBE_DRAWS = 100
"""Enough to draw the interval of a threshold; `genspace probe report` takes more and prints it."""


def _judges(part: ReportPart) -> list[tuple[str, str]] | None:
    return words(part.table, part.document) if part.table.rows else None


@dataclass(frozen=True, slots=True)
class BreakdownShown:
    """One column that figures are broken down by."""

    column: str
    plot: str
    cells: Mapping[str, Cell]
    silent: Sequence[str]
    """Values for which no judge has a figure."""
    judges: Sequence[str]
    people: str
    """Which coefficient says how far people agree; "" where none does."""
    values_down: bool


def _breakdowns(part: ReportPart) -> list[BreakdownShown]:
    alpha = f"people ({COEFFICIENTS[part.document.human.alpha].label})"
    return [
        BreakdownShown(
            column=column,
            plot=plot,
            cells=cells,
            silent=[v for v, cell in cells.items() if all(e.value is None for e in cell.judges.values())],
            judges=[row.name for row in part.table.rows if row.is_judge],
            people=alpha if any(cell.people.value is not None for cell in cells.values()) else "",
            values_down=len(cells) > MOST_COLUMNS,
        )
        for column, cells in part.document.breakdowns.items()
        if (plot := part.plots.get(f"by-{column}"))
    ]


@dataclass(frozen=True, slots=True)
class ReliabilityShown:
    """How far people agree."""

    figures: Figures
    reason: str
    """Why nothing is known; "" where something is."""
    plot: str | None
    sentences: Sequence[str]


def _reliability(part: ReportPart) -> ReliabilityShown | None:
    figures = part.document.human.reliability
    known = any(e.value is not None for e in figures.values())
    reason = "" if known else reason_text(next(iter(figures.values())).reason)
    if reason and part.reference != "people":
        return None
    return ReliabilityShown(figures, reason, part.plots.get("ratings"), people_sentences(part.document))


def _footing(part: ReportPart) -> list[tuple[str, Matched]]:
    """Judges that can be put on one person's footing."""
    found = ((r.name, part.document.judges[r.name].matched) for r in part.table.rows if r.rank)
    return [(name, m) for name, m in found if m is not None and m.judge.value is not None]


@dataclass(frozen=True, slots=True)
class CurvesShown:
    """Psychometric curves by sub-domain."""

    legend: str
    plots: Sequence[str]
    left_out: Sequence[str]


def _psychometric(part: ReportPart) -> CurvesShown | None:
    """Curves of a study of probes; the main question only, which is the one that has a known truth."""
    if part.evidence is None or part.question or not holds_probes(part.evidence):
        return None
    from genspace.report._probe_page import curve_legend, curve_plots, sub_domains

    try:
        report = probe_report(part.evidence, draws=PROBE_DRAWS, variants=False)
    except InputError:  # no answers yet, or probes of another version: the rest of the report stands
        return None
    plots = curve_plots(report)
    if not plots:
        return None
    left_out = [d.replace("_", " ") for d in sub_domains(report) if d not in plots]
    return CurvesShown(curve_legend(report), list(plots.values()), left_out)


def _abstaining(part: ReportPart) -> list[tuple[str, Abstention, Estimate]]:
    judges = part.document.judges
    figure = part.document.primary.figure
    return [
        (r.name, found, judges[r.name].item[figure])
        for r in part.table.rows
        if r.is_judge and (r.coverage or 0) < 1 and (found := judges[r.name].abstention) is not None
    ]


@dataclass(frozen=True, slots=True)
class SpecificationShown:
    """Places under every specification."""

    plot: str
    sentences: Sequence[str]


def _specification(part: ReportPart) -> SpecificationShown | None:
    plot = part.plots.get("specification")
    document = part.document
    told = specification_sentences(document.specification, document.primary.label)
    return SpecificationShown(plot, told) if plot else None


SECTIONS: tuple[Section, ...] = (
    Section("judges", "Judges and metrics", _judges),
    Section("breakdowns", "Where each judge is good", _breakdowns),
    Section("psychometric", "How finely each judge sees", _psychometric),
    Section("generators", "In which order each judge puts the generators", generators),
    Section("specification", "Does the conclusion depend on how it is computed?", _specification),
    Section("gallery", "Where judges and {reference} differ most", gallery),
    Section("reliability", "How far people agree with one another", _reliability),
    Section("footing", "A judge and one rater against the same others", _footing),
    Section("tests", "Which differences are more than chance", lambda part: part.document.tests.pairs),
    Section("overlap", "Do judges err on the same items?", lambda part: part.document.overlap.pairs),
    Section("consistency", "How often each judge contradicts itself", consistency),
    Section("abstaining", "Who abstains, and on what", _abstaining),
    Section("risk", "What abstaining buys", lambda part: part.plots.get("risk")),
    Section("calibration", "What a score is worth", lambda part: part.plots.get("calibration")),
    Section("cost", "Cost", lambda part: part.document.cost_fronts),
    Section("classical", "Appendix: classical tests", lambda part: part.document.tests.classical),
)
"""Evidence, after the answer and the notes."""
