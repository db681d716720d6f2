"""`genspace models`: perception parts and their checkpoints; fetch them for work without a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from genspace.cli._app import app
from genspace.cli._console import print_json, put, say
from genspace.cli._options import JsonFlag
from genspace.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from genspace.archives import Archive
    from genspace.geometry.perception import Checkpoint, PartKind

__all__ = ["fetch", "list_models", "rows", "stack_rows"]

LOCAL_JUDGES = ("hf", "clip", "siglip")
"""Kinds of judges that run a checkpoint of the Hugging Face hub on this machine."""

models_app = typer.Typer(
    help="List and download perception models, with their licences.", no_args_is_help=True
)
app.add_typer(models_app, name="models")


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """A checkpoint of a perception part, or a part without a model."""

    part: str
    checkpoint: str | None
    default: bool
    gives: str
    licence: str | None
    megabytes: int | None
    here: bool
    note: str


@dataclass(frozen=True, slots=True)
class StackRow:
    """A named stack: what it downloads, needs and under which licences, and whether it is here."""

    name: str
    does: str
    megabytes: int
    needs: str
    licences: str
    here: bool
    parts: str


def rows() -> list[CheckpointRow]:
    """Return one row per checkpoint of every perception part; parts without a model have one row each."""
    from genspace.geometry.perception import find_stack, kinds

    defaults = find_stack("default").parts
    return [
        CheckpointRow(
            part=kind.key(stage),
            checkpoint=checkpoint.name if checkpoint else None,
            default=checkpoint in (None, *kind.checkpoints[:1]) and defaults.get(stage) == kind.name,
            gives=kind.does,
            licence=checkpoint.licence if checkpoint else None,
            megabytes=checkpoint.megabytes if checkpoint else None,
            here=_is_here(stage, kind, checkpoint),
            note=checkpoint.note if checkpoint else "",
        )
        for stage, kind in kinds()
        for checkpoint in kind.checkpoints or (None,)
    ]


def _is_here(stage: str, kind: PartKind, checkpoint: Checkpoint | None) -> bool:
    """Whether the part could run now."""
    from genspace.geometry.perception import make_part

    spec = kind.name if checkpoint is None else f"{kind.name}:{checkpoint.name}"
    return make_part(stage, spec).problem() is None


def stack_rows() -> list[StackRow]:
    """Return one row per named stack."""
    from genspace.geometry.perception import STACKS, find_stack, stack_parts

    found = []
    for name in STACKS.names():
        stack = find_stack(name)
        parts = stack_parts(stack)
        found.append(
            StackRow(
                name=name,
                does=stack.does,
                megabytes=sum(p.checkpoint.megabytes for p in parts if p.checkpoint),
                needs=", ".join(dict.fromkeys(n for p in parts for n in p.kind.needs.split(", ") if n)),
                licences="; ".join(f"{p.kind.name}: {p.checkpoint.licence}" for p in parts if p.checkpoint),
                here=all(part.make().problem() is None for part in parts),
                parts="; ".join(f"{'+'.join(p.stages)}: {p.spec}" for p in parts),
            )
        )
    return found


@models_app.command("list", epilog="Examples: genspace models list · genspace models list depth --json")
def list_models(
    stage: Annotated[
        str | None,
        typer.Argument(
            help="detector, segmenter, depth, intrinsics, gravity, orientation, boxes3d (default: all)"
        ),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """List parts and checkpoints: outputs, licence, size, and which are on this machine."""
    from genspace.geometry.perception import STAGES

    if stage is not None and stage not in STAGES:
        raise InputError(f"models list {stage}: no such stage{did_you_mean(stage, STAGES)}")
    chosen = [row for row in rows() if stage in {None, row.part.partition(".")[0]}]
    if as_json:
        print_json([asdict(row) for row in chosen])
        return
    put("\n".join(_lines(chosen)))
    put(
        "\nFetch one with: genspace models fetch PART[:CHECKPOINT]; a whole stack: genspace models fetch STACK; "
        "stacks: genspace ls stacks"
    )


def _lines(chosen: list[CheckpointRow]) -> Iterator[str]:
    """Yield a heading per stage and part, and a line per checkpoint: an asterisk marks what is on this machine."""
    from itertools import groupby

    from genspace.geometry.perception import STAGES

    width = max(len(row.checkpoint or "") for row in chosen)
    for stage, of_stage in groupby(chosen, key=lambda row: row.part.partition(".")[0]):
        yield f"{stage}: {STAGES[stage].does}"
        for part, group in groupby(of_stage, key=lambda row: row.part):
            checkpoints = list(group)
            default = " (default)" if checkpoints[0].default else ""
            yield f"  {part}{default}: {checkpoints[0].gives}"
            for row in checkpoints:
                if row.checkpoint:
                    here = "*" if row.here else " "
                    note = f"; {row.note}" if row.note else ""
                    yield f"  {here} {row.checkpoint:{width}} {_size(row.megabytes):>7}  {row.licence}{note}"


def _size(megabytes: int | None) -> str:
    if not megabytes:
        return ""
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes} MB"


@models_app.command(
    epilog="Examples: genspace models fetch · genspace models fetch modern · genspace models fetch depth.zoedepth · "
    "genspace models fetch detector.owlv2:google/owlv2-large-patch14-ensemble · "
    "genspace models fetch hf:Qwen/Qwen2.5-VL-7B-Instruct"
)
def fetch(
    specs: Annotated[
        list[str] | None,
        typer.Argument(
            help="STACK, such as default; PART[:CHECKPOINT], such as depth.zoedepth; or a judge's checkpoint, such as "
            "hf:OWNER/NAME\\[@REVISION] (default: the stack default)"
        ),
    ] = None,
    archives: Annotated[
        list[Path] | None,
        typer.Option("--from", help="An archive with a model that is on no hub; repeatable."),
    ] = None,
) -> None:
    """Download checkpoints for use without a network; completed files are kept."""
    from genspace.archives import how_to_unpack, unpack

    asked = specs or ["default"]
    downloads = list({d.label: d for spec in asked for d in _downloads(spec)}.values())
    wanted = [archive for download in downloads for archive in download.archives]
    if archives and not wanted:
        raise InputError(f"--from {archives[0]}: nothing of what is asked for comes in an archive")
    for file in archives or []:
        unpacked = unpack(wanted, file)
        put(f"{file}: unpacked to {unpacked.folder}")
    if how := how_to_unpack(wanted, " ".join(asked)):
        absent = [d.label for d in downloads if not all(a.here for a in d.archives)]
        raise InputError(f"not here: {', '.join(absent)}. Get it with: {how}")
    for download in downloads:
        if not download.archives:
            say(f"fetching {download.label}{download.size}")
            download.fetch()
        put(f"{download.label}: here")


class _Download(NamedTuple):
    label: str
    size: str
    fetch: Callable[[], object]
    archives: tuple[Archive, ...] = ()
    """What holds its files, for what is on no hub; then nothing is downloaded."""


def _downloads(spec: str) -> list[_Download]:
    """Return what a SPEC names: a judge's checkpoint, a perception part's, or those of a whole stack."""
    from genspace.checkpoints import fetch_from_hub
    from genspace.geometry.perception import REGISTRY, STACKS, find_stack, part_kind, stack_parts
    from genspace.geometry.perception.catalogue import find_checkpoint

    key, _, name = spec.partition(":")
    if key in LOCAL_JUDGES:
        repo, _, revision = name.partition("@")
        if not repo:
            raise InputError(f"models fetch {spec}: which checkpoint? Write {key}:OWNER/NAME[@REVISION]")
        return [_Download(spec, "", lambda: fetch_from_hub(repo, revision or None))]
    if spec in STACKS.names():
        parts = stack_parts(find_stack(spec))
        return [_download(p.kind, p.stages[0], p.checkpoint) for p in parts if p.checkpoint]
    stage, dot, part = key.partition(".")
    if not dot:
        known = [*REGISTRY.names(), *STACKS.names(), *LOCAL_JUDGES]
        raise InputError(
            f"models fetch {spec}: expected STACK, STAGE.PART[:CHECKPOINT] or hf:CHECKPOINT{did_you_mean(key, known)}"
        )
    kind = part_kind(stage, part)
    if not kind.checkpoints:
        raise InputError(f"models fetch {spec}: {kind.key(stage)} has no model, so there is nothing to fetch")
    return [_download(kind, stage, find_checkpoint(kind, name or kind.checkpoints[0].name))]


def _download(kind: PartKind, stage: str, checkpoint: Checkpoint) -> _Download:
    size = f" ({_size(checkpoint.megabytes)}, {checkpoint.licence})" if checkpoint.megabytes else ""
    return _Download(
        f"{kind.key(stage)}:{checkpoint.name}",
        size,
        lambda: kind.fetch_checkpoint(checkpoint),
        checkpoint.archives,
    )
