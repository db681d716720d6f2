"""How all results are displayed in a notebook: as HTML, or as Markdown where HTML is not possible."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cached_property
from html import escape
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import deprecated

from genspace.documents import to_dict

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Displayed", "Drawing", "Result", "View", "view_of"]

WRITERS: Mapping[str, str] = {
    "genspace.analysis.compare.Comparison": "genspace.report._write:write_comparison",
    "genspace.analysis.diff.Diff": "genspace.report._diff:write_diff",
    "genspace.analysis.gate.Gate": "genspace.report._gate:write_gate",
    "genspace.analysis.inference.studies.Studies": "genspace.report._write:write_result",
    "genspace.analysis.ranking.Ranking": "genspace.report._write:write_result",
    "genspace.analysis.validation.Validation": "genspace.report._write:write_result",
    "genspace.certificate._certify.Certificate": "genspace.report._write:write_certificate",
    "genspace.framing.Framing": "genspace.report._write:write_result",
    "genspace.parts.Parts": "genspace.report._write:write_result",
    "genspace.tuning.Tuning": "genspace.report._write:write_tuning",
}
"""Results that write themselves into a folder: class, and the function that does."""
OWN_VIEWS: Mapping[str, str] = {
    "genspace.analysis._estimate.Estimate": "genspace.report._displays:estimate",
    "genspace.analysis.compare.Comparison": "genspace.report._displays:comparison",
    "genspace.analysis.diff.Diff": "genspace.report._diff:diff_view",
    "genspace.analysis.gate.Gate": "genspace.report._gate:gate_view",
    "genspace.analysis.inference.studies.Studies": "genspace.report._displays:studies",
    "genspace.analysis.ranking.Ranking": "genspace.report._displays:ranking",
    "genspace.analysis.reasons.Reason": "genspace.report._displays:reason",
    "genspace.analysis.validation.Validation": "genspace.report._displays:validation",
    "genspace.certificate._certify.Certificate": "genspace.report._certificate:certificate",
    "genspace.framing.Framing": "genspace.report._frames:framing",
    "genspace.geometry.scene.Scene": "genspace.report._displays:scene",
    "genspace.geometry.scene.Pair": "genspace.report._displays:pair",
    "genspace.parts.Parts": "genspace.report._parts:parts",
    "genspace.report._item.ItemView": "genspace.report._displays:item",
    "genspace.report._table.AgreementTable": "genspace.report._displays:judge_table",
    "genspace.tuning.Tuning": "genspace.report._tuning:tuning",
    "genspace.study._study.Study": "genspace.report._displays:study",
}
"""Results that are more than a table of their fields: class, and the function that returns its view."""

LONGEST_LIST = 6
LONGEST_TEXT = 300
LONGEST_REPR = 240


@dataclass(frozen=True)
class View:
    """A result as a reader sees it.

    >>> print(View("Two judges", head=("judge", "figure"), rows=[("clip", "0.42")]).markdown())
    **Two judges**
    <BLANKLINE>
    | judge | figure |
    | --- | --- |
    | clip | 0.42 |
    <BLANKLINE>
    """

    title: str
    sentences: Sequence[str] = ()
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    """Cells of the table; the first column names the row."""
    draw: Callable[[], Iterable[str | None]] = tuple
    """Returns its plots as SVG, None where there is nothing to draw; Markdown and terminal leave them out."""
    caption: str = ""
    """Below the table: what its columns hold."""
    words: Mapping[str, str] = field(default_factory=dict)
    """Words that only this view uses, each with its meaning; all other words are explained wherever they stand."""
    short: str = ""
    """The same in a few words, for the cell of a table."""

    @cached_property
    def pictures(self) -> list[str]:
        """Its plots as SVG, drawn when they are first needed."""
        return [picture for picture in self.draw() if picture]

    def html(self) -> str:
        """Return a piece of HTML."""
        parts = [f"<p><strong>{escape(self.title)}</strong></p>"]
        parts += [f"<p>{escape(sentence)}</p>" for sentence in self.sentences]
        parts += self.pictures
        if self.rows:
            head = "".join(f"<th>{escape(cell)}</th>" for cell in self.head)
            body = "".join(
                "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in self.rows
            )
            parts.append(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")
        parts += [f"<p>{escape(self.caption)}</p>"] if self.caption else []
        return f"<div>{''.join(parts)}</div>"

    def markdown(self) -> str:
        """Return the same as Markdown."""
        lines = [f"**{self.title}**", ""]
        for sentence in self.sentences:
            lines += [sentence, ""]
        if self.rows:
            for cells in (self.head, ["---"] * len(self.head), *self.rows):
                lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        lines += ["", self.caption] if self.caption else []
        return "\n".join(lines).rstrip() + "\n"


class Displayed:
    """Shows itself in Jupyter; a plain dataclass shows its fields, other results have a view in `OWN_VIEWS`.

    A record that may hold very much is a dataclass with `repr=False`, and uses the short `repr` of this class.

    >>> @dataclass(frozen=True, repr=False)
    ... class Size(Displayed):
    ...     height: float
    >>> Size(1.5)
    <Size: height 1.5>
    """

    __slots__ = ()

    def __repr__(self) -> str:
        told = ", ".join(f"{name} {text}" for name, text in _field_rows(self) if text not in ("–", ""))
        return _cut(f"<{type(self).__name__}: {told}", LONGEST_REPR - 1) + ">"

    def _repr_html_(self) -> str:
        return view_of(self).html()

    def _repr_markdown_(self) -> str:
        return view_of(self).markdown()


@dataclass(frozen=True, repr=False)
class Drawing:
    """A plot: shows itself in Jupyter, and saves itself as SVG.

    >>> Drawing("<svg/>")
    <Drawing of 6 characters of SVG>
    """

    svg: str

    def __repr__(self) -> str:
        return f"<Drawing of {len(self.svg):,} characters of SVG>"

    def _repr_svg_(self) -> str:
        return self.svg

    def save(self, path: Path | str) -> None:
        """Write the SVG."""
        Path(path).write_text(self.svg, encoding="utf-8")


@dataclass(frozen=True, eq=False, repr=False)
class Result(Displayed, ABC):
    """A finished result: it displays itself, has sentences, a main plot, a table and JSON, and writes them to files.

    >>> from genspace.framing import Framing, FramingDocument
    >>> found = FramingDocument(study="own", source="scene files", telling=0, people=None, judges=(), unread={})
    >>> isinstance(Framing(found), Result), Framing(found).plot() is None
    (True, True)
    """

    document: Any
    """Everything that was found, as records."""

    def to_dict(self) -> dict[str, Any]:
        """Return the document as JSON holds it (`genspace/schemas/`)."""
        return to_dict(self.document)

    @abstractmethod
    def to_frame(self) -> pd.DataFrame:
        """Return its table; each result says which columns."""

    @property
    def sentences(self) -> list[str]:
        """What it shows, as sentences."""
        return list(view_of(self).sentences)

    @property
    @deprecated("Result.summary is now Result.sentences")
    def summary(self) -> list[str]:
        """The former name of `sentences`."""
        return self.sentences

    def plot(self) -> Drawing | None:
        """Return the main plot; None where there is nothing to draw."""
        pictures = view_of(self).pictures
        return Drawing(pictures[0]) if pictures else None

    def write(self, folder: Path | str) -> list[Path]:
        """Write everything into a folder: page, tables and JSON; return the paths.

        Errors: `InputError` when the folder cannot be written.
        """
        write: Callable[[Result, Path], list[Path]] = _loaded(WRITERS[_class_name(self)])
        return write(self, Path(folder))


def _class_name(result: object) -> str:
    return f"{type(result).__module__}.{type(result).__qualname__}"


def _loaded(place: str) -> Callable[..., Any]:
    module, _, name = place.partition(":")
    found: Callable[..., Any] = getattr(import_module(module), name)
    return found


def view_of(result: object) -> View:
    """Return the view of a result object.

    >>> from genspace.records import Measurement
    >>> print(view_of(Measurement(quantity="distance", value=0.8, unit="m")).markdown().splitlines()[4])
    | quantity | distance |
    """
    own = OWN_VIEWS.get(_class_name(result))
    if own is not None:
        view: View = _loaded(own)(result)
        return view
    return View(_spoken(type(result).__name__), head=("", ""), rows=_field_rows(result))


def _field_rows(result: object) -> list[tuple[str, str]]:
    names = (
        [f.name for f in fields(result)]
        if is_dataclass(result)
        else list(getattr(type(result), "model_fields", {}))
    )
    cells = ((name, getattr(result, name)) for name in names if not name.startswith("_"))
    return [(name.replace("_", " "), _text(value)) for name, value in cells]


def _spoken(name: str) -> str:
    """Return a class's name as words.

    >>> _spoken("PsychometricCurve")
    'Psychometric curve'
    """
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()
    return words[:1].upper() + words[1:]


def _text(value: Any) -> str:
    """Format a value for reading: short figures, intervals in brackets, a missing value with its reason."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return "–" if math.isnan(value) else f"{value:.4g}"
    if isinstance(value, int):
        return f"{value:,}"
    if _class_name(value) in OWN_VIEWS and (told := view_of(value)).short:
        return told.short
    if hasattr(value, "shape"):
        return f"array {tuple(value.shape)}"
    return _collected(value)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def _collected(value: Any) -> str:
    if isinstance(value, Mapping):
        found = [f"{key}: {_text(v)}" for key, v in value.items()]
    elif isinstance(value, Sequence | AbstractSet) and not isinstance(value, str | bytes):
        found = [_text(v) for v in value]
    else:
        return _cut(str(value), LONGEST_TEXT)
    more = f" and {len(found) - LONGEST_LIST:,} more" if len(found) > LONGEST_LIST else ""
    return ", ".join(found[:LONGEST_LIST]) + more
