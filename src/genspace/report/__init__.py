"""Reports: a comparison's document as terminal table, HTML page, CSV, LaTeX, Markdown and manifest."""

from typing import TYPE_CHECKING, Any

from genspace.report._answer import Conclusion, conclude
from genspace.report._certificate import consistency_sentences
from genspace.report._gate import junit_xml
from genspace.report._generators import COUNTED, order_table, place_text, three_table
from genspace.report._html import html_report
from genspace.report._manifest import (
    Manifest,
    changed_inputs,
    input_digests,
    make_manifest,
    place_of,
    read_manifest,
)
from genspace.report._markdown import markdown_summary
from genspace.report._part import ReportPart, Section, parts_of
from genspace.report._readings import print_readings
from genspace.report._sentences import (
    order_sentences,
    reason_text,
    remark,
    remarks_of,
    specification_sentences,
    validation_sentences,
)
from genspace.report._table import (
    AgreementTable,
    csv_table,
    figure_text,
    figure_words,
    judge_table,
    latex_table,
    markdown_table,
    percent,
    share_text,
)
from genspace.report._terminal import print_comparison, print_table, print_view, print_words
from genspace.report._write import write_report

if TYPE_CHECKING:
    from genspace.report._item import ItemView, view_item

__all__ = [
    "COUNTED",
    "AgreementTable",
    "Conclusion",
    "ItemView",
    "Manifest",
    "ReportPart",
    "Section",
    "changed_inputs",
    "conclude",
    "consistency_sentences",
    "csv_table",
    "figure_text",
    "figure_words",
    "html_report",
    "input_digests",
    "judge_table",
    "junit_xml",
    "latex_table",
    "make_manifest",
    "markdown_summary",
    "markdown_table",
    "order_sentences",
    "order_table",
    "parts_of",
    "percent",
    "place_of",
    "place_text",
    "print_comparison",
    "print_readings",
    "print_table",
    "print_view",
    "print_words",
    "read_manifest",
    "reason_text",
    "remark",
    "remarks_of",
    "share_text",
    "specification_sentences",
    "three_table",
    "validation_sentences",
    "view_item",
    "write_report",
]


def __getattr__(name: str) -> Any:
    """Import the view of one item when it is asked for: scenes are slow to import."""
    if name in ("ItemView", "view_item"):
        from genspace.report import _item

        return getattr(_item, name)
    raise AttributeError(f"module 'genspace.report' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
