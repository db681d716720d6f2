"""The table of judges: one model of rows and columns that every format renders."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from genspace.display import Displayed

__all__ = [
    "LABELS",
    "Column",
    "JudgeTable",
    "Row",
    "counts",
    "csv_table",
    "figure_text",
    "judge_table",
    "latex_table",
    "markdown_table",
    "number",
    "safe_cell",
]

LABELS: Mapping[str, str] = {
    "pearson": "Pearson", "spearman": "Spearman", "kendall_tau_b": "Kendall τ-b", "kendall_tau_c": "Kendall τ-c",
    "roc_auc": "ROC AUC", "graded_auc": "graded AUC", "average_precision": "avg. precision",
    "cohen_kappa": "Cohen κ", "accuracy": "accuracy", "balanced_accuracy": "balanced acc.", "f1": "F1", "mcc": "MCC",
    "pairwise_strict": "pairwise, ties wrong", "pairwise_half_credit": "pairwise, ties half",
    "pairwise_ties_dropped": "pairwise, ties dropped", "pairwise_with_ties": "pairwise, with ties",
    "pairwise_tie_calibrated": "pairwise, ties calibrated", "pairwise_accuracy": "pairwise",
    "soft_pairwise_accuracy": "soft pairwise",
    "krippendorff_alpha_nominal": "Krippendorff α, nominal", "krippendorff_alpha_ordinal": "Krippendorff α, ordinal",
    "krippendorff_alpha_interval": "Krippendorff α, interval", "fleiss_kappa": "Fleiss κ",
    "cohen_kappa_mean": "Cohen κ, mean of pairs", "icc_1_1": "ICC(1,1)", "icc_1_k": "ICC(1,k)",
    "icc_2_1": "ICC(2,1)", "icc_2_k": "ICC(2,k)", "gwet_ac1": "Gwet AC1", "gwet_ac2": "Gwet AC2",
    "raw_agreement": "raw agreement", "within_one": "within one point", "all_raters": "all raters",
    "half_credit": "prefers alike, ties half", "with_ties": "prefers alike, with ties",
    "tie_calibrated": "prefers alike, ties calibrated",
}  # fmt: skip
"""What people call a figure; keys without an entry are shown as they are."""

SHOWN: Mapping[str, Sequence[tuple[str, str]]] = {
    "binary": [("item", "roc_auc"), ("item", "cohen_kappa"), ("item", "accuracy"), ("item", "balanced_accuracy")],
    "ordinal": [("item", "spearman"), ("item", "kendall_tau_b"), ("item", "pearson"),
                ("within_prompt", "pairwise_half_credit")],
    "continuous": [("item", "pearson"), ("item", "spearman"), ("item", "kendall_tau_b"),
                   ("within_prompt", "pairwise_half_credit")],
    "pairs": [("preference", "half_credit"), ("preference", "with_ties"), ("preference", "tie_calibrated")],
    "system": [("system", "pearson"), ("system", "spearman"), ("system", "kendall_tau_b"),
               ("system", "pairwise_accuracy"), ("system", "soft_pairwise_accuracy")],
    "no people": [("", "mean_score")],
}  # fmt: skip
"""Figures of the main table by value type; the primary figure always comes first."""

COUNTS: Mapping[str, str] = {
    "n_items": "items", "n_annotated": "rated", "n_prompts": "prompts", "n_generators": "generators",
    "n_raters": "raters", "n_ratings": "ratings",
}  # fmt: skip
"""Sizes of a study, by their keys."""

Estimate = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Column:
    """One figure of the table."""

    section: str
    """Key of a judge's section: item, within_prompt, system; "" for the judge itself."""
    figure: str

    @property
    def label(self) -> str:
        """Heading."""
        name = "mean score" if self.figure == "mean_score" else LABELS.get(self.figure, self.figure)
        prefix = {"within_prompt": "within prompt: ", "within_generator": "within generator: "}
        return prefix.get(self.section, "") + name

    def of(self, judge: Mapping[str, Any]) -> Estimate:
        """Return the judge's estimate; a null one where the document has none."""
        section = judge.get(self.section) or {} if self.section else judge
        missing = {
            "value": None,
            "low": None,
            "high": None,
            "n": 0,
            "coverage": None,
            "reason": "not computed",
        }
        return section.get(self.figure) or missing


@dataclass(frozen=True, slots=True)
class Row:
    """One judge, metric, baseline, or the people."""

    name: str
    kind: str
    """judge, metric, derived, baseline or people."""
    rank: int | None
    group: int | None
    estimates: tuple[Estimate, ...]
    """One per column."""
    n: int | None
    coverage: float | None
    ties: float | None


@dataclass(frozen=True, slots=True)
class JudgeTable(Displayed):
    """Judges by rank or by the first column, then the people, baselines and derived metrics."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


def judge_table(document: Mapping[str, Any], *, level: str = "item") -> JudgeTable:
    """Return the main table of a comparison's document (see schemas/comparison.schema.json)."""
    document = _with_all_raters(document)
    columns = _columns(document, level)
    judges = document["judges"]
    order = {"judge": 0, "metric": 0, "baseline": 2, "derived": 3}
    by_rank = level == "item" and document["study"]["n_annotated"] > 0

    def place(name: str) -> tuple[int, float, float, str]:
        judge = judges[name]
        rank = judge["rank"] or math.inf if by_rank else 0
        return order[judge["kind"]], rank, _sort_value(columns[0].of(judge)), name

    names = sorted(judges, key=place)
    rows = [_row(name, judges[name], columns) for name in names]
    people = _people_row(document, columns)
    if people is not None:
        last = sum(order[r.kind] == 0 for r in rows)
        rows.insert(last, people)
    return JudgeTable(columns, tuple(rows))


def _with_all_raters(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the document with the primary figure over all raters among the figures of each row."""
    exclusion = document.get("exclusion")
    if not exclusion or not exclusion["applied"]:
        return document
    beside = exclusion["all_raters"]
    judges = {
        name: {**judge, "item": {**judge["item"], "all_raters": beside["judges"][name]}}
        for name, judge in document["judges"].items()
    }
    row = {**document["human"]["row"], "all_raters": beside["row"]}
    return {**document, "judges": judges, "human": {**document["human"], "row": row}}


def _columns(document: Mapping[str, Any], level: str) -> tuple[Column, ...]:
    if not document["study"]["n_annotated"]:
        return tuple(Column(*c) for c in SHOWN["no people"])
    if level == "system":
        return tuple(Column(*c) for c in SHOWN["system"])
    primary = Column("item", document["primary"]["figure"])
    of_pairs = any(judge.get("preference") for judge in document["judges"].values())
    chosen = [
        Column(*c) for c in SHOWN["pairs" if of_pairs else document["study"]["value_type"] or "continuous"]
    ]
    beside = [Column("item", "all_raters")] if "all_raters" in document["human"]["row"] else []
    return (primary, *beside, *(c for c in chosen if c != primary))


def _sort_value(estimate: Estimate) -> float:
    return float("inf") if estimate["value"] is None else -float(estimate["value"])


def _row(name: str, judge: Mapping[str, Any], columns: Sequence[Column]) -> Row:
    estimates = tuple(c.of(judge) for c in columns)
    return Row(
        name=name,
        kind=judge["kind"],
        rank=judge["rank"],
        group=judge.get("group"),
        estimates=estimates,
        n=estimates[0]["n"],
        coverage=judge["coverage"]["value"],
        ties=(judge.get("ties") or {}).get("metric"),
    )


def _people_row(document: Mapping[str, Any], columns: Sequence[Column]) -> Row | None:
    """Return each rater against the rest, in the columns where that is defined."""
    row = document["human"].get("row") or {}
    if not row:
        return None
    reason = "not defined for people"
    missing: Estimate = {"value": None, "low": None, "high": None, "n": 0, "coverage": None, "reason": reason}
    estimates = tuple(row.get(c.figure, missing) if c.section == "item" else missing for c in columns)
    if all(e["value"] is None for e in estimates):
        return None
    return Row(
        name="people (each against the rest)", kind="people", rank=None, group=None, estimates=estimates,
        n=estimates[0]["n"], coverage=None, ties=None,
    )  # fmt: skip


def counts(study: Mapping[str, Any], *, but: Container[str] = ()) -> list[tuple[str, str]]:
    """Return a study's sizes with their nouns.

    >>> counts(dict.fromkeys(COUNTS, 1) | {"n_ratings": 1200}, but={"n_items", "n_annotated", "n_prompts"})
    [('1', 'generator'), ('1', 'rater'), ('1,200', 'ratings')]
    """
    return [
        (f"{study[key]:,}", noun.removesuffix("s") if study[key] == 1 else noun)
        for key, noun in COUNTS.items()
        if key not in but
    ]


def number(value: float | None, digits: int = 3) -> str:
    """Return a number as people read it, "–" for none.

    >>> number(0.12345), number(31.46), number(None)
    ('0.123', '31.5', '–')
    """
    if value is None:
        return "–"
    return f"{value:.{digits}f}" if abs(value) < 10 else f"{value:.{max(digits - 2, 0)}f}"


def figure_text(estimate: Estimate) -> str:
    """Return a figure with its interval: "0.592 [0.521, 0.651]"."""
    if estimate["value"] is None:
        return "–"
    if estimate["low"] is None:
        return number(estimate["value"])
    return f"{number(estimate['value'])} [{number(estimate['low'])}, {number(estimate['high'])}]"


def csv_table(table: JudgeTable) -> str:
    """Return the table as CSV: a row per judge, value, low, high and reason of every figure in columns."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    heads = [f"{c.section}.{c.figure}".lstrip(".") for c in table.columns]
    parts = ("value", "low", "high", "n", "reason")
    writer.writerow(
        ["name", "kind", "rank", "group", *(f"{h}.{p}" for h in heads for p in parts), "coverage", "ties"]
    )
    for row in table.rows:
        cells = [e[part] for e in row.estimates for part in parts]
        writer.writerow([safe_cell(row.name), row.kind, row.rank, row.group, *cells, row.coverage, row.ties])
    return buffer.getvalue()


def safe_cell(cell: str) -> str:
    """Return a text that no spreadsheet takes for a formula."""
    return "'" + cell if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell


def markdown_table(table: JudgeTable) -> str:
    """Return the table as Markdown, for a pull request."""
    head = ["", "judge", *(c.label for c in table.columns), "n", "coverage"]
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join(["---"] * len(head)) + " |"]
    for row in table.rows:
        name = row.name.replace("|", "\\|")
        cells = [
            str(row.rank or ""),
            name,
            *map(figure_text, row.estimates),
            str(row.n or "–"),
            _percent(row.coverage),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{share:.1%}"


_LATEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\\": r"\textbackslash{}"}
    | {"τ": r"$\tau$", "κ": r"$\kappa$", "α": r"$\alpha$", "–": "--"}
)


def latex_table(table: JudgeTable, *, caption: str) -> str:
    """Return the table in LaTeX (booktabs): interval under each figure in small type."""
    head = ["Judge", *(c.label for c in table.columns), "$n$", "Coverage"]
    lines = [
        "\\begin{table}", "\\centering", f"\\caption{{{caption.translate(_LATEX)}}}",
        f"\\begin{{tabular}}{{l{'r' * (len(head) - 1)}}}", "\\toprule",
        " & ".join(h if h == "$n$" else h.translate(_LATEX) for h in head) + " \\\\", "\\midrule",
    ]  # fmt: skip
    previous = None
    for row in table.rows:
        standing = "ranked" if row.kind in {"judge", "metric"} else row.kind
        if previous not in {None, standing}:
            lines.append("\\midrule")
        previous = standing
        cells = [row.name.translate(_LATEX), *map(_latex_cell, row.estimates), str(row.n or "--")]
        lines.append(" & ".join([*cells, _percent(row.coverage).translate(_LATEX)]) + " \\\\")
    return "\n".join([*lines, "\\bottomrule", "\\end{tabular}", "\\end{table}"]) + "\n"


def _latex_cell(estimate: Estimate) -> str:
    if estimate["value"] is None:
        return "--"
    value = number(estimate["value"])
    if estimate["low"] is None:
        return value
    return f"{value} {{\\scriptsize [{number(estimate['low'])}, {number(estimate['high'])}]}}"
