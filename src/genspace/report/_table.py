"""The table of judges: one model of rows and columns that every format renders."""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from genspace.analysis import Estimate
from genspace.analysis.figures import FIGURES, SYSTEMS, TIE_CALIBRATED_PAIRS, Named
from genspace.analysis.reasons import Reason
from genspace.analysis.result import Figures, JudgeKind, JudgeResult, QuestionResult, ValidationDocument
from genspace.display import Displayed
from genspace.tables import neutralised, rows_text

EXTRA: Mapping[str, Named] = {
    row.key: row
    for row in (
        TIE_CALIBRATED_PAIRS,
        Named(key="mean_score", short="mean score", label="mean score", meaning="mean of the judge's scores"),
        Named(
            key="all_raters", short="all raters", label="all raters",
            meaning="the first figure with the raters in that a rule left out",
        ),
        Named(
            key="pairwise_tie_calibrated", short="pairwise, ties calibrated",
            label="pairwise accuracy, ties calibrated",
            meaning="pairwise accuracy with ties, where scores that lie close enough together count as a tie",
        ),
    )
}  # fmt: skip
"""What a table shows beside the figures of `genspace.analysis.figures`."""
NAMES: Mapping[str, Mapping[str, Named]] = {"system": SYSTEMS}
"""Sections whose figures are not those over items."""
PREFIXES = {"within_prompt": "within prompt: ", "within_generator": "within generator: "}
SHOWN_OF_PAIRS = ("pair_raters_who_agree", "pair_agreement_with_ties", TIE_CALIBRATED_PAIRS.key)
WITHIN = "pairwise_half_credit"
"""The figure within prompts that the main table shows for graded ratings."""

COUNTS: Mapping[str, str] = {
    "n_items": "items", "n_annotated": "rated", "n_prompts": "prompts", "n_generators": "generators",
    "n_raters": "raters", "n_ratings": "ratings",
}  # fmt: skip
"""Sizes of a study, by their keys."""

SURE = 0.95
"""Neighbours whose order is kept in at least so many draws are called sure."""

NOT_COMPUTED = Estimate.undefined(Reason("not_computed"))


@dataclass(frozen=True, slots=True)
class FigureColumn:
    """One figure of the table."""

    section: Literal["", "item", "within_prompt", "within_generator", "system"]
    """Part of a judge's result; "" for the judge itself."""
    figure: str

    @property
    def named(self) -> Named:
        """The figure's names and meaning."""
        known = EXTRA.get(self.figure) or NAMES.get(self.section, FIGURES).get(self.figure)
        return known or Named(key=self.figure, short=self.figure, label=self.figure, meaning="")

    @property
    def label(self) -> str:
        """Heading."""
        return PREFIXES.get(self.section, "") + self.named.short

    def of(self, judge: JudgeResult) -> Estimate:
        """Return the judge's estimate; a null one where there is none."""
        if not self.section:
            return judge.mean_score
        found: Figures | None = getattr(judge, self.section)
        return (found or {}).get(self.figure, NOT_COMPUTED)


@dataclass(frozen=True, slots=True)
class AgreementRow:
    """One judge, metric, baseline, or the people."""

    name: str
    kind: JudgeKind | Literal["people"]
    rank: int | None
    group: int | None
    estimates: tuple[Estimate, ...]
    """One per column."""
    n: int
    coverage: float | None
    ties: float | None

    @property
    def is_judge(self) -> bool:
        """Whether the row is a judge or a metric, not a baseline and not derived from the ratings."""
        return self.kind in ("judge", "metric")


@dataclass(frozen=True, slots=True, repr=False)
class AgreementTable(Displayed):
    """The main table: judges by rank (or by the first column), then people, baselines and derived metrics.

    >>> import pandas as pd
    >>> import genspace
    >>> ids = {"item_id": list("abcd")}
    >>> people = pd.DataFrame(ids | {"value": [1, 2, 3, 5]})
    >>> scores = pd.DataFrame(ids | {"metric": "clip", "score": [0.1, 0.3, 0.2, 0.9]})
    >>> comparison = genspace.compare(items=pd.DataFrame(ids), annotations=people, scores=scores, draws=0)
    >>> [row.name for row in judge_table(comparison.document).rows]
    ['clip', 'baseline: constant', 'baseline: prompt mean']
    """

    columns: tuple[FigureColumn, ...]
    rows: tuple[AgreementRow, ...]


def judge_table(result: QuestionResult, *, level: str = "item") -> AgreementTable:
    """Make the main table of one question.

    >>> import pandas as pd
    >>> import genspace
    >>> ids = {"item_id": list("abcd")}
    >>> people = pd.DataFrame(ids | {"value": [1, 2, 3, 5]})
    >>> scores = pd.DataFrame(ids | {"metric": "clip", "score": [0.1, 0.3, 0.2, 0.9]})
    >>> comparison = genspace.compare(items=pd.DataFrame(ids), annotations=people, scores=scores, draws=0)
    >>> [column.label for column in judge_table(comparison.document).columns][:2]
    ['Spearman', 'Kendall τ-b']
    """
    columns = _columns(result, level)
    order = {"judge": 0, "metric": 0, "baseline": 2, "derived": 3}
    by_rank = level == "item" and result.study.n_annotated > 0
    rows = {name: _row(name, judge, columns, result) for name, judge in result.judges.items()}

    def place(name: str) -> tuple[int, float, float, str]:
        row = rows[name]
        rank = row.rank or math.inf if by_rank else 0
        first = row.estimates[0].value
        return order[row.kind], rank, math.inf if first is None else -first, name

    names = sorted(rows, key=place)
    ordered = [rows[name] for name in names]
    people = _people_row(result, columns)
    if people is not None:
        ordered.insert(sum(row.is_judge for row in ordered), people)
    return AgreementTable(columns, tuple(ordered))


def _columns(result: QuestionResult, level: str) -> tuple[FigureColumn, ...]:
    if not result.study.n_annotated:
        return (FigureColumn("", "mean_score"),)
    if level == "system":
        return tuple(FigureColumn("system", key) for key in SYSTEMS)
    primary = FigureColumn("item", result.primary.figure)
    if FIGURES[result.primary.figure].target == "preference":
        chosen = [FigureColumn("item", key) for key in SHOWN_OF_PAIRS]
    else:
        kind = result.study.value_type
        chosen = [FigureColumn("item", key) for key, row in FIGURES.items() if kind in row.shown_for]
        chosen += [] if kind == "binary" else [FigureColumn("within_prompt", WITHIN)]
    beside = [FigureColumn("item", "all_raters")] if result.exclusion and result.exclusion.applied else []
    return (primary, *beside, *(c for c in chosen if c != primary))


def _row(
    name: str, judge: JudgeResult, columns: Sequence[FigureColumn], result: QuestionResult
) -> AgreementRow:
    everybody = (
        result.exclusion.all_raters.judges.get(name, NOT_COMPUTED) if result.exclusion else NOT_COMPUTED
    )
    estimates = tuple(everybody if c.figure == "all_raters" else c.of(judge) for c in columns)
    return AgreementRow(
        name=name,
        kind=judge.kind,
        rank=judge.rank,
        group=judge.group,
        estimates=estimates,
        n=estimates[0].n,
        coverage=judge.coverage.value,
        ties=judge.ties.metric,
    )


def _people_row(result: QuestionResult, columns: Sequence[FigureColumn]) -> AgreementRow | None:
    """Return each rater against the rest, in the columns where that is defined."""
    row = dict(result.human.row)
    if result.exclusion:
        row["all_raters"] = result.exclusion.all_raters.row
    estimates = tuple(
        row.get(c.figure, NOT_COMPUTED) if c.section == "item" else NOT_COMPUTED for c in columns
    )
    if all(e.value is None for e in estimates):
        return None
    return AgreementRow(
        name="people (each against the rest)", kind="people", rank=None, group=None, estimates=estimates,
        n=estimates[0].n, coverage=None, ties=None,
    )  # fmt: skip


def counts(result: QuestionResult, *, but: Container[str] = ()) -> list[tuple[str, str]]:
    """Return a study's sizes with their nouns, such as ("1", "generator") and ("1,200", "ratings")."""
    nouns = {**COUNTS, "n_items": units_of(result)}
    sizes = {key: int(getattr(result.study, key)) for key in nouns if key not in but}
    return [
        (f"{size:,}", nouns[key].removesuffix("s") if size == 1 else nouns[key])
        for key, size in sizes.items()
    ]


def units_of(result: QuestionResult | ValidationDocument) -> str:
    """Return what people answered about: "items", or "pairs" where they compared two."""
    return "pairs" if FIGURES[result.primary.figure].target == "preference" else "items"


def number(value: float | None, digits: int = 3) -> str:
    """Return a number as people read it, "–" for none.

    >>> number(0.12345), number(31.46), number(None)
    ('0.123', '31.5', '–')
    """
    if value is None:
        return "–"
    return f"{value:.{digits}f}" if abs(value) < 10 else f"{value:.{max(digits - 2, 0)}f}"


def figure_text(estimate: Estimate, digits: int = 3) -> str:
    """Format a figure with its interval for a table.

    >>> figure_text(Estimate(0.592, 0.521, 0.651))
    '0.592 [0.521, 0.651]'
    """
    if estimate.value is None:
        return "–"
    if estimate.low is None:
        return number(estimate.value, digits)
    return (
        f"{number(estimate.value, digits)} [{number(estimate.low, digits)}, {number(estimate.high, digits)}]"
    )


def figure_words(estimate: Estimate, *, signed: bool = False) -> str:
    """Format a figure with its interval for a sentence.

    >>> figure_words(Estimate(0.1, -0.02, 0.2), signed=True)
    '+0.100 (-0.020 to +0.200)'
    """
    form = "+z.3f" if signed else "z.3f"
    if estimate.low is None or estimate.high is None:
        return "–" if estimate.value is None else f"{estimate.value:{form}}"
    return f"{estimate.value:{form}} ({estimate.low:{form}} to {estimate.high:{form}})"


def percent(share: float | None) -> str:
    """Format a share in percent; "–" for None.

    >>> percent(0.455)
    '45.5%'
    """
    return "–" if share is None else f"{share:.1%}"


def share_text(share: float | None) -> str:
    """Format a share of draws; it is never rounded to all, to none, or up to what counts as sure.

    >>> [share_text(s) for s in (None, 0.999, 1 - 1e-16, 0.418, 0.9495)]
    ['–', '> 99%', '100%', '42%', '94.9%']
    """
    if share is None:
        return "–"
    if 0 < share < 0.01:
        return "< 1%"
    if share < SURE <= round(share, 2):
        return f"{int(share * 1000) / 10}%"
    return "> 99%" if 0.99 < share < 1 - 1e-12 else f"{share:.0%}"


def csv_table(table: AgreementTable) -> str:
    """Write the table as CSV: one row per judge; value, low, high, n and reason of each figure.

    >>> import pandas as pd
    >>> import genspace
    >>> ids = {"item_id": list("abcd")}
    >>> people = pd.DataFrame(ids | {"value": [1, 2, 3, 5]})
    >>> scores = pd.DataFrame(ids | {"metric": "clip", "score": [0.1, 0.3, 0.2, 0.9]})
    >>> comparison = genspace.compare(items=pd.DataFrame(ids), annotations=people, scores=scores, draws=0)
    >>> csv_table(judge_table(comparison.document)).splitlines()[1].split(",")[:5]
    ['clip', 'metric', '1', '', '0.8']
    """
    heads = [f"{c.section}.{c.figure}".lstrip(".") for c in table.columns]
    parts = ("value", "low", "high", "n", "reason")
    rows: list[list[object]] = [
        ["name", "kind", "rank", "group", *(f"{h}.{p}" for h in heads for p in parts), "coverage", "ties"]
    ]
    for row in table.rows:
        cells = [
            cell for e in row.estimates for cell in (e.value, e.low, e.high, e.n, e.reason and e.reason.code)
        ]
        rows.append([neutralised(row.name), row.kind, row.rank, row.group, *cells, row.coverage, row.ties])
    return rows_text(rows)


def markdown_table(table: AgreementTable) -> str:
    """Write the table as Markdown.

    >>> import pandas as pd
    >>> import genspace
    >>> ids = {"item_id": list("abcd")}
    >>> people = pd.DataFrame(ids | {"value": [1, 2, 3, 5]})
    >>> scores = pd.DataFrame(ids | {"metric": "clip", "score": [0.1, 0.3, 0.2, 0.9]})
    >>> comparison = genspace.compare(items=pd.DataFrame(ids), annotations=people, scores=scores, draws=0)
    >>> print(markdown_table(judge_table(comparison.document)).splitlines()[2][:34])
    | 1 | clip | 0.800 [-0.992, 1.000]
    """
    head = ["", "judge", *(c.label for c in table.columns), "n", "coverage"]
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join(["---"] * len(head)) + " |"]
    for row in table.rows:
        name = row.name.replace("|", "\\|")
        cells = [
            str(row.rank or ""),
            name,
            *map(figure_text, row.estimates),
            str(row.n or "–"),
            percent(row.coverage),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


LATEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
    | {"→": r"$\to$", "×": r"$\times$", "τ": r"$\tau$", "κ": r"$\kappa$", "α": r"$\alpha$", "–": "--"}
)


def latex_of(head: Sequence[str], rows: Sequence[Sequence[str]], caption: str) -> str:
    r"""Write a table of text cells in LaTeX (booktabs).

    >>> print(latex_of(["judge", "n"], [["a_b", "5"]], "5 %").splitlines()[2])
    \caption{5 \%}
    """
    cells = [" & ".join(cell.translate(LATEX) for cell in row) + " \\\\" for row in (head, *rows)]
    return latex_frame(f"l{'r' * (len(head) - 1)}", cells[0], cells[1:], caption)


def latex_frame(
    columns: str, head: str, body: Sequence[str], caption: str, *, as_wide_as_text: bool = False
) -> str:
    """Make a LaTeX table (booktabs) of lines that are LaTeX already; `as_wide_as_text` needs graphicx."""
    opened, closed = ("\\resizebox{\\textwidth}{!}{%\n", "}") if as_wide_as_text else ("", "")
    return "\n".join(
        [
            "\\begin{table}", "\\centering", f"\\caption{{{caption.translate(LATEX)}}}",
            f"{opened}\\begin{{tabular}}{{{columns}}}", "\\toprule", head, "\\midrule", *body,
            "\\bottomrule", f"\\end{{tabular}}{closed}", "\\end{table}",
        ]
    ) + "\n"  # fmt: skip


def latex_table(table: AgreementTable, *, caption: str) -> str:
    r"""Write the table in LaTeX (booktabs) with intervals in small type.

    >>> import pandas as pd
    >>> import genspace
    >>> ids = {"item_id": list("abcd")}
    >>> people = pd.DataFrame(ids | {"value": [1, 2, 3, 5]})
    >>> scores = pd.DataFrame(ids | {"metric": "clip", "score": [0.1, 0.3, 0.2, 0.9]})
    >>> comparison = genspace.compare(items=pd.DataFrame(ids), annotations=people, scores=scores, draws=0)
    >>> print(latex_table(judge_table(comparison.document), caption="Ours").splitlines()[2])
    \caption{Ours}
    """
    head = ["Judge", *(c.label for c in table.columns), "$n$", "Coverage"]
    lines = []
    previous = None
    for row in table.rows:
        standing = "ranked" if row.is_judge else row.kind
        if previous not in {None, standing}:
            lines.append("\\midrule")
        previous = standing
        cells = [row.name.translate(LATEX), *map(_latex_cell, row.estimates), str(row.n or "--")]
        lines.append(" & ".join([*cells, percent(row.coverage).translate(LATEX)]) + " \\\\")
    names = " & ".join(h if h == "$n$" else h.translate(LATEX) for h in head) + " \\\\"
    return latex_frame(f"l{'r' * (len(head) - 1)}", names, lines, caption)


def _latex_cell(estimate: Estimate) -> str:
    if estimate.value is None:
        return "--"
    value = number(estimate.value)
    if estimate.low is None:
        return value
    return f"{value} {{\\scriptsize [{number(estimate.low)}, {number(estimate.high)}]}}"
