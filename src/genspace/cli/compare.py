"""`genspace compare`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from genspace.cli._app import app
from genspace.cli._options import (
    HumanColumns,
    JsonFlag,
    LowerIsBetter,
    MetricColumns,
    Missing,
    PositiveFrom,
    Scale,
    ValueTypeOption,
    columns,
    declared,
)
from genspace.errors import InputError

if TYPE_CHECKING:
    from genspace.analysis import CompareOptions
    from genspace.study import Study

__all__ = ["compare"]

Studies = Annotated[list[Path] | None, typer.Argument(help="Study folders, or one wide table.")]
By = Annotated[list[str] | None, typer.Option("--by", help="Break figures down by this column; repeatable.")]
Level = Annotated[Literal["item", "system"], typer.Option(help="Which table to show.")]
Primary = Annotated[
    str | None,
    typer.Option(help="The figure that sorts, groups and is tested (default: by the ratings' type)."),
]
Out = Annotated[Path | None, typer.Option("--out", help="Folder for report.html, tables, JSON and manifest.")]
Format = Annotated[
    Literal["text", "md"], typer.Option("--format", help="md: a short Markdown summary, for a pull request.")
]
From = Annotated[
    Path | None, typer.Option("--from", help="Replay a manifest.json: same studies, same options.")
]


@app.command(
    epilog="Examples: genspace compare my-study --by category --out report · "
    "genspace compare results.csv --human rating --metrics clip,vqa · "
    "genspace compare my-study --out report --format md >> summary.md"
)
def compare(
    studies: Studies = None,
    human: HumanColumns = None,
    metrics: MetricColumns = None,
    lower_is_better: LowerIsBetter = None,
    scale: Scale = None,
    value_type: ValueTypeOption = None,
    positive_from: PositiveFrom = None,
    missing: Missing = None,
    by: By = None,
    level: Level = "item",
    primary: Primary = None,
    draws: Annotated[int, typer.Option(help="Bootstrap draws behind each interval; 0: none.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of draws and permutations.")] = 0,
    out: Out = None,
    replay: From = None,
    shape: Format = "text",
    as_json: JsonFlag = False,
) -> None:
    """Compare every judge and metric with the people: who agrees, how far, and how sure we are."""
    from genspace.analysis import CompareOptions

    if as_json and shape != "text":
        raise InputError("--json and --format md both say what to print: choose one")
    if replay is not None:
        _replay(replay, out=out, shape=shape, as_json=as_json)
        return
    if not studies:
        raise InputError("compare what? name a study's folder or a table: genspace compare my-study")
    options = CompareOptions(draws=draws, seed=seed, primary=primary, by=tuple(by or ()), level=level)
    said = declared(lower_is_better, scale, value_type, positive_from, missing)
    wide = {"human": columns(human), "metrics": columns(metrics), "declared": said.to_json()}
    _compare([str(s) for s in studies], options, wide, out=out, shape=shape, as_json=as_json)


def _compare(
    paths: list[str],
    options: CompareOptions,
    wide: dict[str, Any],
    *,
    out: Path | None,
    shape: str,
    as_json: bool,
) -> None:
    from genspace.analysis import compare as compare_evidence
    from genspace.cli._console import messages, print_json
    from genspace.cli._console import out as console
    from genspace.gather import evidence_of
    from genspace.report import make_manifest, markdown_summary, print_comparison, write_report

    opened = [(path, _open(path, wide)) for path in paths]
    names = _distinct_names(paths)
    documents: dict[str, dict[str, Any]] = {}
    for name, (path, study) in zip(names, opened, strict=True):
        evidence = evidence_of(study)
        comparison = compare_evidence(evidence, options)
        documents[name] = comparison.to_dict()
        folder = None if out is None else out if len(paths) == 1 else out / name
        if not as_json and shape == "md":
            page = None if folder is None else (folder / "report.html").as_posix()
            console().print(markdown_summary(comparison, report=page, level=options.level), markup=False)
        elif not as_json:
            print_comparison(comparison.document, console(), level=options.level)
        if folder is not None:
            manifest = make_manifest([(path, study)], options.to_json(), wide, evidence=evidence.digest)
            written = write_report(comparison, manifest, folder, study, level=options.level)
            messages().print(f"wrote {written[0]} and {', '.join(p.name for p in written[1:])}")
    if as_json:
        print_json(documents[names[0]] if len(paths) == 1 else {"studies": documents})


def _open(path: str, wide: dict[str, Any]) -> Study:
    """Open a study as the options say, or as a manifest says that they did."""
    from genspace.records import Declared
    from genspace.study import open_study

    said = Declared.from_json(wide.get("declared", {}))
    return open_study(path, human=wide["human"], metrics=wide["metrics"], declared=said)


def _distinct_names(paths: list[str]) -> list[str]:
    """Return a folder name per study, numbered where two would be the same."""
    names: list[str] = []
    for path in paths:
        base = Path(path).resolve().stem
        taken = sum(n == base or n.startswith(f"{base}-") for n in names)
        names.append(f"{base}-{taken + 1}" if taken else base)
    return names


def _replay(path: Path, *, out: Path | None, shape: str, as_json: bool) -> None:
    from genspace.analysis import CompareOptions
    from genspace.cli._console import messages
    from genspace.report import changed_inputs, input_digests, read_manifest

    manifest = read_manifest(path)
    wide = manifest["columns"]
    for entry in manifest["studies"]:
        study = _open(entry["path"], wide)
        for change in changed_inputs(entry["inputs"], input_digests(study, Path(entry["path"]))):
            messages().print(f"[yellow]warning:[/] {entry['path']}: {change} since the manifest was written")
    options = dict(manifest["options"])
    options["by"] = tuple(options["by"])
    _compare(
        [e["path"] for e in manifest["studies"]],
        CompareOptions(**options),
        wide,
        out=out,
        shape=shape,
        as_json=as_json,
    )
