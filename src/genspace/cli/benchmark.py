"""`genspace benchmark`: the GenSpace table of a generator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genspace.cli._app import app
from genspace.cli._options import JsonFlag
from genspace.cli.prompts import Task
from genspace.errors import InputError

if TYPE_CHECKING:
    from genspace.benchmark import Gap, State

__all__ = ["benchmark"]

SHOWN = 3

benchmark = typer.Typer(
    help="The GenSpace table of a generator: prompts out, pictures in, a row of figures.",
    no_args_is_help=True,
)
app.add_typer(benchmark, name="benchmark")

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The benchmark's folder.")]
Tasks = Annotated[list[Task] | None, typer.Option("--task", help="t2i, edit, or both: give it twice.")]


@benchmark.command(
    epilog="Examples:\n\n"
    "genspace benchmark init bench --task t2i --generator mine\n\n"
    "genspace benchmark init bench --task t2i --task edit --generator sdxl --generator flux\n\n"
    "genspace benchmark init bench --released data --generator mine"
)
def init(
    folder: Folder,
    *,
    task: Tasks = None,
    generator: Annotated[list[str], typer.Option(help="Whose pictures are judged; repeatable.")],
    paraphrase: Annotated[int, typer.Option(min=0, help="Which wording of each prompt, from 0.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Draws the object categories and their pairs.")] = 0,
    released: Annotated[
        Path | None,
        typer.Option(help="Pictures in the released code's layout, on prompts of one's own: t2i/0/0.png …"),
    ] = None,
) -> None:
    """Make a benchmark's folder: the prompts, and a place for each generator's pictures."""
    from genspace.benchmark import (
        BEFORE,
        TASKS,
        Asked,
        PromptList,
        create,
        open_benchmark,
        read_released,
        take,
    )
    from genspace.cli._console import out
    from genspace.geometry.benchmark import prompts

    if released is not None:
        if task or len(generator) > 1:
            raise InputError("--released: its folders tell the task, and its pictures are one generator's")
        made = create(folder, read_released(released), generator, prompts="one's own, in the released layout")
        take(made, str(released), generator=generator[0], folders=["t2i", "imageedit", "imageedit_CR"])
        take(made, str(released), generator=BEFORE, folders=["imageedit_unedit", "imageedit_CR_unedit"])
        made = open_benchmark(folder)
        made.write_items()
        _print_state(made.state)
        return
    if not task:
        raise InputError("--task: say t2i, edit, or both (--task t2i --task edit)")
    lists = [
        PromptList.of(t, map(Asked.of, prompts(t, paraphrase=paraphrase, seed=seed)))
        for t in TASKS
        if Task(t) in task
    ]
    made = create(folder, lists, generator, prompts=f"version 1, seed {seed}, wording {paraphrase}")
    for name, asked in made.lists.items():
        before = f" and of {len(asked.sources):,} pictures before them" if asked.sources else ""
        out().print(f"{folder / 'prompts' / name}.csv: {len(asked.asked):,} prompts{before}", markup=False)
    out().print(
        f"Put pictures into {made.images / made.generators[0]} under any name that tells the prompt (0001.png, an id, "
        f"the text), or bring them: genspace benchmark add {folder} PICTURES --generator {made.generators[0]}",
        markup=False,
    )


@benchmark.command(
    epilog="Examples:\n\n"
    "genspace benchmark add bench pictures --generator mine\n\n"
    "genspace benchmark add bench sources --before\n\n"
    "genspace benchmark add bench hf://datasets/OWNER/NAME --generator mine --task t2i"
)
def add(
    folder: Folder,
    source: Annotated[str, typer.Argument(help="Folder, Parquet file, or hf://datasets/OWNER/NAME.")],
    *,
    generator: Annotated[str | None, typer.Option(help="Whose pictures they are.")] = None,
    before: Annotated[bool, typer.Option("--before", help="They are the pictures before the edits.")] = False,
    task: Annotated[
        Task | None, typer.Option(help="Where the folder asks for both and files do not tell.")
    ] = None,
    prompt_column: Annotated[
        str | None, typer.Option(help="Column of a data set that holds the prompts.")
    ] = None,
) -> None:
    """Bring pictures into the folder, by id, index, prompt, or in the released code's layout."""
    from genspace.benchmark import BEFORE, open_benchmark, take
    from genspace.cli._console import out

    made = open_benchmark(folder)
    owner = BEFORE if before else generator or (made.generators[0] if len(made.generators) == 1 else None)
    if owner is None:
        raise InputError(f"--generator: say whose pictures they are: {', '.join(made.generators)}")
    came = take(made, source, generator=owner, task=task.value if task else None, prompt_column=prompt_column)
    made = open_benchmark(folder)
    made.write_items()
    out().print(f"{came:,} files came from {source}", markup=False)
    _print_state(made.state)


@benchmark.command(epilog="Example: genspace benchmark status bench")
def status(folder: Folder, as_json: JsonFlag = False) -> None:
    """Say what is there and what is missing; exit code 1 while something is."""
    from genspace.benchmark import open_benchmark
    from genspace.cli._console import print_json
    from genspace.documents import to_dict

    made = open_benchmark(folder)
    made.write_items()
    if as_json:
        print_json(to_dict(made.state))
    else:
        _print_state(made.state)
    if not made.state.complete:
        raise typer.Exit(1)


def _print_state(state: State) -> None:
    from genspace.cli._console import out

    for gap in state.gaps:
        out().print(_gap_line(gap), markup=False)
        for first, second in gap.twice[:SHOWN]:
            out().print(f"  {first} and {second} claim one prompt; the first counts", markup=False)
    if state.strangers:
        out().print(
            f"{len(state.strangers):,} files belong to no prompt: {_shown(state.strangers)}. A name tells the prompt "
            "by its id, its index or its text (prompts/*.csv)",
            markup=False,
        )


def _gap_line(gap: Gap) -> str:
    line = f"{gap.generator}, {gap.task}: {gap.there:,} of {gap.prompts:,} prompts have a picture"
    if gap.seeds > 1:
        line += f", {gap.seeds} seeds"
        line += f" ({gap.incomplete:,} prompts have fewer)" if gap.incomplete else ""
    line += ", counted from 0" if gap.from_zero else ""
    return line + (f"; {len(gap.missing):,} missing: {_shown(gap.missing)}" if gap.missing else "")


def _shown(names: tuple[str, ...]) -> str:
    return ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
