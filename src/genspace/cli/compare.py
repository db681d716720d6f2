"""`genspace compare`."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genspace.cli._app import app
from genspace.cli._console import messages, print_json, put, readings_follow, results
from genspace.cli._options import AS_FOUND, JsonFlag, Memory, Tables, bytes_of, reads_tables
from genspace.errors import InputError, read_from

if TYPE_CHECKING:
    from collections.abc import Mapping

    from genspace.analysis import CompareOptions, Comparison
    from genspace.analysis.inference.studies import Studies
    from genspace.evidence import Evidence

__all__ = ["compare"]

A_SCORE_S, APPENDIX_S, READ_S = 1.3e-4, 2e-5, 1e-5
"""Seconds for each score of an item that people rated, for its part of the appendix, and for reading any score."""
SPECIFICATIONS = 8
"""Ways to compute agreement that are computed side by side, about."""

StudyPaths = Annotated[list[Path] | None, typer.Argument(help="Study folders, or one wide table.")]
By = Annotated[list[str] | None, typer.Option("--by", help="Break figures down by this column; repeatable.")]
Level = Annotated[Literal["item", "system"], typer.Option(help="Which table to show.")]
Primary = Annotated[
    str | None,
    typer.Option(help="The figure that sorts, groups and is tested (default: by the type of ratings)."),
]
Out = Annotated[Path | None, typer.Option("--out", help="Folder for report.html, tables, JSON and manifest.")]
Format = Annotated[
    Literal["text", "md"], typer.Option("--format", help="md: a short Markdown summary for a pull request.")
]
From = Annotated[
    Path | None,
    typer.Option("--from", help="Repeat a comparison from its manifest.json: same studies, same options."),
]


@app.command(
    epilog="Examples: genspace compare my-study --by category --out report · "
    "genspace compare results.csv --human rating --metrics clip,vqa · "
    "genspace compare my-study --out report --format md >> summary.md"
)
@reads_tables
def compare(
    studies: StudyPaths = None,
    tables: Tables = AS_FOUND,
    by: By = None,
    level: Level = "item",
    primary: Primary = None,
    draws: Annotated[
        int, typer.Option(help="Bootstrap draws for the order of the generators; 0: no intervals.")
    ] = 1000,
    tests: Annotated[
        bool, typer.Option("--tests/--no-tests", help="Test judges against one another.")
    ] = True,
    appendix: Annotated[
        bool,
        typer.Option("--appendix/--no-appendix", help="Add the classical tests that other papers report."),
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of draws and permutations.")] = 0,
    memory: Memory = None,
    out: Out = None,
    replay: From = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="With --from: treat changed inputs as an error, not a warning.")
    ] = False,
    shape: Format = "text",
    as_json: JsonFlag = False,
) -> None:
    """Compare every judge and metric with people: how well each agrees, with intervals and tests."""
    from genspace.analysis import CompareOptions
    from genspace.analysis._options import PERMUTATIONS

    if as_json and shape != "text":
        raise InputError("--json and --format md both say what to print: choose one")
    budget = None if memory is None else bytes_of(memory)
    if replay is not None:
        _replay(replay, budget, out=out, shape=shape, as_json=as_json, strict=strict)
        return
    if strict:
        raise InputError(
            "--strict belongs to --from MANIFEST: it asks for the inputs that the manifest names"
        )
    if not studies:
        raise InputError("compare what? name a study's folder or a table: genspace compare my-study")
    options = CompareOptions(
        draws=draws,
        tests=tests,
        permutations=PERMUTATIONS if appendix else 0,
        seed=seed,
        primary=primary,
        by=tuple(by or ()),
        level=level,
    )
    _compare([str(s) for s in studies], options, tables, budget, out=out, shape=shape, as_json=as_json)


def _compare(
    paths: list[str],
    options: CompareOptions,
    tables: Tables,
    budget: int | None,
    *,
    out: Path | None,
    shape: str,
    as_json: bool,
) -> None:
    from genspace.gather import evidence_of
    from genspace.report import (
        consistency_sentences,
        make_manifest,
        markdown_summary,
        print_comparison,
        write_report,
    )

    if shape == "text" and not as_json:
        readings_follow()
    opened = []
    for path in paths:
        with read_from(path) if len(paths) > 1 else nullcontext():
            study = tables.open(path, whole=True)
            evidence = evidence_of(study)
            _ = evidence.answers, evidence.every_verdict
        opened.append((path, study, evidence))
    names = _distinct_names(paths)
    titles = [study.settings.name for _, study, _ in opened]
    comparisons: dict[str, Comparison] = {}
    for name, (path, study, evidence) in zip(names, opened, strict=True):
        comparison = _compared(name, evidence, options, budget, silent=as_json)
        if titles.count(study.settings.name) > 1:
            comparison = _titled(comparison, f"{study.settings.name} ({name})")
        comparisons[name] = comparison
        folder = None if out is None else out if len(paths) == 1 else out / name
        if not as_json and shape == "md":
            page = None if folder is None else (folder / "report.html").as_posix()
            put(markdown_summary(comparison, report=page, level=options.level))
        elif not as_json:
            print_comparison(comparison.document, results(), level=options.level)
            for sentence in consistency_sentences(study):
                put(sentence)
        if folder is not None:
            manifest = make_manifest(
                [(path, study)],
                options,
                {"human": tables.human, "metrics": tables.metrics},
                declared=tables.declared,
                evidence=evidence.digest,
                readings=evidence.readings,
                folder=folder,
            )
            written = write_report(comparison, manifest, folder, study, level=options.level)
            messages().print(f"wrote {written[0]} and {', '.join(p.name for p in written[1:])}")
    across = _across(comparisons, options, out, shape="json" if as_json else shape)
    if as_json:
        documents = {name: comparison.to_dict() for name, comparison in comparisons.items()}
        several = None if across is None else {"studies": documents, "across": across.to_dict()}
        print_json(several or documents[names[0]])


def _compared(
    name: str, evidence: Evidence, options: CompareOptions, budget: int | None, *, silent: bool
) -> Comparison:
    """Compare within the budget of memory, showing how it gets on where it takes long.

    Errors: `InputError` where a budget that was asked for is too small.
    """
    from genspace.analysis import compare as compare_evidence
    from genspace.analysis._memory import machine_memory, memory_needed, within_memory
    from genspace.cli._progress import course

    items, judges, said = len(evidence.items), len(evidence.judges), evidence.answers["item_id"].nunique()
    needed = memory_needed(items, judges, rated=said, draws=options.draws)
    if budget is not None and needed > budget:
        raise InputError(
            f"--memory {budget / 1e9:.3g}GB: comparing {items:,} items × {judges} needs about {needed / 1e9:.2g}GB; "
            "give more, or compare a part of the items"
        )
    appendix = APPENDIX_S if options.permutations and options.tests else 0.0
    seconds = said * (judges + 2) * (A_SCORE_S + appendix) + items * judges * READ_S
    pieces = (judges + 2) + judges * (judges - 1) // 2 + 2 * judges + (judges + 1) + SPECIFICATIONS
    with (
        within_memory(budget or machine_memory() // 4),
        course(f"comparing {name}", seconds, pieces, silent=silent),
    ):
        return compare_evidence(evidence, options)


def _titled(comparison: Comparison, name: str) -> Comparison:
    """Return a comparison whose study is called so, for where another study has the same name."""
    document = comparison.document
    called = replace(document.study, name=name)
    questions = {
        key: replace(part, study=replace(part.study, name=name)) for key, part in document.questions.items()
    }
    return replace(comparison, document=replace(document, study=called, questions=questions))


def _across(
    comparisons: Mapping[str, Comparison], options: CompareOptions, out: Path | None, *, shape: str
) -> Studies | None:
    """Print and write what several studies show together; None for a single one."""
    if len(comparisons) < 2:
        return None
    from genspace.analysis.inference.studies import across_studies
    from genspace.display import view_of
    from genspace.report import print_view

    across = across_studies(
        {name: next(iter(c.questions.values())) for name, c in comparisons.items()}, options
    )
    if out is not None:
        messages().print(f"wrote {', '.join(map(str, across.write(out)))}")
    if shape == "md":
        put(view_of(across).markdown())
    elif shape == "text":
        print_view(view_of(across), results())
    return across


def _distinct_names(paths: list[str]) -> list[str]:
    """Return a folder name per study, numbered where two would be the same."""
    names: list[str] = []
    for path in paths:
        base = Path(path).resolve().stem
        taken = sum(n == base or n.startswith(f"{base}-") for n in names)
        names.append(f"{base}-{taken + 1}" if taken else base)
    return names


def _replay(
    path: Path, budget: int | None, *, out: Path | None, shape: str, as_json: bool, strict: bool
) -> None:
    from genspace.report import changed_inputs, input_digests, place_of, read_manifest

    manifest = read_manifest(path)
    tables = Tables(**manifest.columns, declared=manifest.declared)
    paths = [place_of(entry, path) for entry in manifest.studies]
    changes = [
        f"{place}: {change} since the manifest was written"
        for place, entry in zip(paths, manifest.studies, strict=True)
        for change in changed_inputs(entry.inputs, input_digests(tables.open(place, whole=True), Path(place)))
    ]
    if strict and changes:
        raise InputError("\n".join(changes))
    for change in changes:
        messages().print(f"[yellow]warning:[/] {change}")
    _compare(paths, manifest.options, tables, budget, out=out, shape=shape, as_json=as_json)
