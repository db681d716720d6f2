"""`genspace models`: perception parts and their checkpoints; fetch them for work without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from genspace.cli._app import app
from genspace.cli._options import JsonFlag
from genspace.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from genspace.geometry.perception import Checkpoint, PartKind

__all__ = ["fetch", "list_models", "rows"]

LOCAL_JUDGES = ("hf", "clip", "siglip")
"""Kinds of judges that run a checkpoint of the Hugging Face hub on this machine."""

models_app = typer.Typer(help="Perception parts: models, licences, downloads.", no_args_is_help=True)
app.add_typer(models_app, name="models")


def rows() -> list[dict[str, Any]]:
    """Return one row per checkpoint of every perception part; parts without a model have one row each."""
    from genspace.geometry.perception import DEFAULTS, kinds

    found = []
    for kind in kinds():
        for checkpoint in kind.checkpoints or (None,):
            first = checkpoint is None or checkpoint is kind.checkpoints[0]
            found.append(
                {
                    "part": kind.key,
                    "checkpoint": checkpoint.name if checkpoint else None,
                    "default": first and DEFAULTS[kind.stage] == kind.name,
                    "gives": kind.gives,
                    "licence": checkpoint.licence if checkpoint else None,
                    "megabytes": checkpoint.megabytes if checkpoint else None,
                    "here": _is_here(kind, checkpoint),
                    "note": checkpoint.note if checkpoint else "",
                }
            )
    return found


def _is_here(kind: PartKind, checkpoint: Checkpoint | None) -> bool:
    """Whether the part could run now."""
    from genspace.geometry.perception import make_part

    spec = kind.name if checkpoint is None else f"{kind.name}:{checkpoint.name}"
    return make_part(kind.stage, spec).problem() is None


@models_app.command("list", epilog="Examples: genspace models list · genspace models list depth --json")
def list_models(
    stage: Annotated[
        str | None,
        typer.Argument(help="detector, segmenter, depth, intrinsics, gravity, orientation (default: all)"),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List parts and checkpoints: what they give, licence, size, and which are on this machine."""
    from genspace.cli._console import out, print_json
    from genspace.geometry.perception import STAGES

    if stage is not None and stage not in STAGES:
        raise InputError(f"models list {stage}: no such stage{did_you_mean(stage, STAGES)}")
    chosen = [row for row in rows() if stage in {None, row["part"].partition(".")[0]}]
    if as_json:
        print_json(chosen)
        return
    out().print("\n".join(_lines(chosen)), markup=False)
    out().print(
        "\nFetch one with: genspace models fetch PART[:CHECKPOINT]; all defaults: genspace models fetch",
        markup=False,
    )


def _lines(chosen: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a heading per stage and part, and a line per checkpoint: an asterisk marks what is on this machine."""
    from itertools import groupby

    from genspace.geometry.perception import STAGES

    width = max(len(row["checkpoint"] or "") for row in chosen)
    for stage, of_stage in groupby(chosen, key=lambda row: row["part"].partition(".")[0]):
        yield f"{stage}: {STAGES[stage].does}"
        for part, group in groupby(of_stage, key=lambda row: row["part"]):
            checkpoints = list(group)
            default = " (default)" if checkpoints[0]["default"] else ""
            yield f"  {part}{default}: {checkpoints[0]['gives']}"
            for row in checkpoints:
                if row["checkpoint"]:
                    here = "*" if row["here"] else " "
                    note = f"; {row['note']}" if row["note"] else ""
                    yield f"  {here} {row['checkpoint']:{width}} {_size(row['megabytes']):>7}  {row['licence']}{note}"


def _size(megabytes: int | None) -> str:
    if not megabytes:
        return ""
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes} MB"


@models_app.command(
    epilog="Examples: genspace models fetch · genspace models fetch depth.zoedepth · "
    "genspace models fetch detector.owlv2:google/owlv2-large-patch14-ensemble · "
    "genspace models fetch hf:Qwen/Qwen2.5-VL-7B-Instruct"
)
def fetch(
    specs: Annotated[
        list[str] | None,
        typer.Argument(
            help="PART[:CHECKPOINT], such as depth.zoedepth, or a judge's checkpoint, such as "
            "hf:OWNER/NAME\\[@REVISION] (default: the default part of every stage)"
        ),
    ] = None,
) -> None:
    """Download checkpoints; whole files that have arrived are kept. Afterwards no network is needed."""
    from genspace.cli._console import messages, out

    for download in [_download(spec) for spec in specs or _default_specs()]:
        messages().print(f"fetching {download.label}{download.size}", markup=False)
        download.fetch()
        out().print(f"{download.label}: here", markup=False)


def _default_specs() -> list[str]:
    from genspace.geometry.perception import DEFAULTS

    return [f"{stage}.{name}" for stage, name in DEFAULTS.items()]


class _Download(NamedTuple):
    label: str
    size: str
    fetch: Callable[[], object]


def _download(spec: str) -> _Download:
    """Return what a SPEC names: a judge's checkpoint, or a perception part's."""
    from genspace.checkpoints import fetch_from_hub
    from genspace.geometry.perception import REGISTRY, part_kind
    from genspace.geometry.perception.catalogue import find_checkpoint

    key, _, name = spec.partition(":")
    if key in LOCAL_JUDGES:
        repo, _, revision = name.partition("@")
        if not repo:
            raise InputError(f"models fetch {spec}: which checkpoint? Write {key}:OWNER/NAME[@REVISION]")
        return _Download(spec, "", lambda: fetch_from_hub(repo, revision or None))
    stage, dot, part = key.partition(".")
    if not dot:
        known = [*REGISTRY.names(), *LOCAL_JUDGES]
        raise InputError(
            f"models fetch {spec}: expected STAGE.PART[:CHECKPOINT] or hf:CHECKPOINT{did_you_mean(key, known)}"
        )
    kind = part_kind(stage, part)
    if not kind.checkpoints:
        raise InputError(f"models fetch {spec}: {kind.key} has no model, so there is nothing to fetch")
    checkpoint = find_checkpoint(kind, name or kind.checkpoints[0].name)
    size = f" ({_size(checkpoint.megabytes)}, {checkpoint.licence})" if checkpoint.megabytes else ""
    return _Download(f"{kind.key}:{checkpoint.name}", size, lambda: kind.fetch_checkpoint(checkpoint))
