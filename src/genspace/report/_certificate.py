"""Sentences and table of a consistency certificate, and its sentence in a comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from genspace.display import View
from genspace.readings import counted
from genspace.report._sentences import reason_text
from genspace.report._table import figure_text, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genspace.certificate import Certificate
    from genspace.report._part import ReportPart
    from genspace.study import Study

SHOWN_REASONS = 3


def certificate(result: Certificate) -> View:
    """The lower bound on the error rate, and the contradictions by way and by group."""
    document, found = result.document, result.document.result
    rows: list[tuple[str, ...]] = [
        (
            row.way,
            document.ways[row.way],
            row.expects,
            figure_text(row.contradictions),
            f"{row.yes_to_both:,}",
            f"{row.no_to_both:,}",
            f"{row.answered:,} of {row.asked:,}",
        )
        for row in found.ways
        if row.asked
    ]
    for name, bound in found.groups.items():
        if bound.value is not None:
            rows.append((name, "at least so much is wrong", "", percent(bound.value), "", "", f"{bound.n:,}"))
    head = ("", "what was done", "wanted", "contradictions", "yes to both", "no to both", "n")
    title = f"{found.judge} against itself: {document.study}"
    return View(title, list(certificate_sentences(result)), head, rows)


def certificate_sentences(result: Certificate) -> Iterator[str]:
    """Yield what a certificate says."""
    document, found = result.document, result.document.result
    bound, contradicting = found.least_error, found.contradicting
    if bound.value is None:
        yield f"Nothing can be said: {reason_text(bound.reason)}."
    elif not bound.value:
        yield (
            f"{found.judge} contradicts itself on none of {counted(found.answered, 'item')}. "
            "That is no evidence that it is right: whoever is always wrong in the same way is consistent."
        )
    else:
        yield (
            f"Whatever the truth is, at least {percent(bound.value)} of {found.judge}'s answers are wrong: it "
            f"contradicts itself on {percent(contradicting.value)} of {counted(found.answered, 'item')}."
        )
        if bound.low:
            yield f"On other prompts like these it is at least {percent(bound.low)} (confidence 97.5 %)."
        yield (
            "The bound is on the pictures and their other versions together; it holds for the pictures as they are if "
            "these are no easier than the versions. The true error may be higher: errors that agree stay unseen."
        )
    for row in found.ways:
        if row.expects == "not yes to both" and row.yes_to_both:
            yield f"To {row.yes_to_both:,} of {row.answered:,} questions and their contrary it says yes both times."
    if found.answered < found.items:
        once = found.items - found.answered
        yield f"Of {counted(found.items, 'item')}, {once:,} were not decided twice and do not count."
    for way, reasons in document.not_asked.items():
        most = sorted(reasons.items(), key=lambda pair: -pair[1])[:SHOWN_REASONS]
        yield (
            f"Not asked as {way!r}: "
            + "; ".join(f"{counted(count, 'item')}: {reason}" for reason, count in most)
            + "."
        )


def consistency(part: ReportPart) -> list[Certificate]:
    """Return the certificates of the judges of a report."""
    if part.study is None or part.question:
        return []
    return [c for c in _kept(part.study) if c.document.result.judge in part.document.judges]


def _kept(study: Study) -> list[Certificate]:
    if not (study.root / "certify").is_dir():
        return []
    from genspace.certificate import kept

    return kept(study)


def consistency_sentences(study: Study) -> list[str]:
    r"""State for each judge with a certificate how often its answers must be wrong; [] without certificates.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from genspace import open_study
    >>> root = Path(tempfile.mkdtemp())
    >>> _ = (root / "items.csv").write_text("item_id,prompt\na,a cow\n")
    >>> study = open_study(root)
    >>> consistency_sentences(study)
    []
    """
    told = []
    for certificate in _kept(study):
        bound = certificate.document.result.least_error.value
        told.append(f"{certificate.document.result.judge} {'unknown' if bound is None else percent(bound)}")
    return (
        []
        if not told
        else [
            f"Answers that must be wrong whatever the truth is, by contradictions alone: {', '.join(told)}."
        ]
    )
