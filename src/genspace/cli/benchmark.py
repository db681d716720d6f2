"""`genspace benchmark`: the GenSpace table of a generator.

Longer than 400 lines: it is a list of commands, each by itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from genspace.cli._app import app
from genspace.cli._console import messages, print_json, put, results, say
from genspace.cli._options import JsonFlag, SeedOption
from genspace.cli.judge import AllowHosts, Overrides, common_context, made_judge, print_summary, run_judge
from genspace.cli.prompts import Task, Version
from genspace.errors import InputError

if TYPE_CHECKING:
    from genspace.benchmark import Benchmark, Gap, Row, State
    from genspace.records import JsonValue

__all__ = ["benchmark"]

SHOWN = 3

benchmark = typer.Typer(
    help="Evaluate a generator on the GenSpace benchmark: prompts out, images in, a table row.",
    no_args_is_help=True,
)
app.add_typer(benchmark, name="benchmark")

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The benchmark's folder.")]
Tasks = Annotated[list[Task] | None, typer.Option("--task", help="t2i or edit; repeat the option for both.")]


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
    generator: Annotated[list[str], typer.Option(help="Name of a generator; repeatable.")],
    paraphrase: Annotated[int, typer.Option(min=0, help="Which paraphrase of each prompt, from 0.")] = 0,
    seed: Annotated[
        int, typer.Option(min=0, help="Seed for drawing the object categories and their pairs.")
    ] = 0,
    version: Version = None,
    released: Annotated[
        Path | None,
        typer.Option(help="Images of custom prompts in the released code's layout: t2i/0/0.png …"),
    ] = None,
) -> None:
    """Make a benchmark's folder, with the prompts and a folder for each generator's images."""
    from genspace.benchmark import (
        BEFORE,
        TASKS,
        PromptList,
        TaskPrompt,
        create,
        open_benchmark,
        read_released,
        take,
    )
    from genspace.geometry.benchmark import LATEST, prompts

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
    version = version or LATEST
    lists = [
        PromptList.of(t, map(TaskPrompt.of, prompts(t, paraphrase=paraphrase, seed=seed, version=version)))
        for t in TASKS
        if Task(t) in task
    ]
    made = create(folder, lists, generator, prompts=f"version {version}, seed {seed}, wording {paraphrase}")
    for name, asked in made.lists.items():
        before = f", and those of {len(asked.sources):,} pictures before them" if asked.sources else ""
        put(f"{folder / 'prompts' / name}.csv: {len(asked.asked):,} prompts{before}")
    put(
        f"Put pictures into {made.images / made.generators[0]} under any name that tells the prompt (0001.png, an id, "
        f"the text), or bring them: genspace benchmark add {folder} PICTURES --generator {made.generators[0]}"
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
    generator: Annotated[str | None, typer.Option(help="The generator of the images.")] = None,
    before: Annotated[bool, typer.Option("--before", help="The images are those before editing.")] = False,
    task: Annotated[
        Task | None,
        typer.Option(help="The task of the images, if the folder has both and file names do not tell."),
    ] = None,
    prompt_column: Annotated[str | None, typer.Option(help="The data set's column of prompts.")] = None,
) -> None:
    """Import images into the folder, matched by id, index, prompt, or the released code's layout."""
    from genspace.benchmark import BEFORE, open_benchmark, take

    made = open_benchmark(folder)
    owner = BEFORE if before else generator or (made.generators[0] if len(made.generators) == 1 else None)
    if owner is None:
        raise InputError(f"--generator: say whose pictures they are: {', '.join(made.generators)}")
    came = take(made, source, generator=owner, task=task.value if task else None, prompt_column=prompt_column)
    made = open_benchmark(folder)
    made.write_items()
    put(f"{came:,} files came from {source}")
    _print_state(made.state)


@benchmark.command(epilog="Example: genspace benchmark status bench")
def status(folder: Folder, as_json: JsonFlag = False) -> None:
    """Show which images are present and missing; exit code 1 while any is missing."""
    from genspace.benchmark import open_benchmark
    from genspace.documents import to_dict

    made = open_benchmark(folder)
    made.write_items()
    if as_json:
        print_json(to_dict(made.state))
    else:
        _print_state(made.state)
    if not made.state.complete:
        raise typer.Exit(1)


Judges = Annotated[
    list[str] | None, typer.Option("--judge", help="KIND[:MODEL], or a table \\[judges.NAME]; repeatable.")
]
Profile = Annotated[
    str | None,
    typer.Option(help="Geometric rules: corrected, reference, or a TOML file of tolerances."),
]
Out = Annotated[
    Path | None, typer.Option(help="Folder for the page and its CSV, LaTeX, Markdown and JSON files.")
]


@benchmark.command(
    epilog="Examples:\n\n"
    "genspace benchmark run bench --judge geometry\n\n"
    "genspace benchmark run bench --judge scene --judge vlm:gpt-4.1 --limit 200 --out table\n\n"
    "genspace benchmark run bench --judge scene --profile reference"
)
def run(
    folder: Folder,
    *,
    judge: Judges = None,
    profile: Profile = None,
    option: Overrides = None,
    limit: Annotated[int | None, typer.Option(help="Ask about at most this many items.")] = None,
    retry: Annotated[str, typer.Option(help="Ask again about: none, errors, abstentions, all.")] = "none",
    max_usd: Annotated[
        float | None, typer.Option(help="Stop when all judges together have spent this amount.")
    ] = None,
    allow_host: AllowHosts = None,
    seed: SeedOption = 0,
    out: Out = None,
    as_json: JsonFlag = False,
) -> None:
    """Judge new images and print the table; an interrupted run resumes."""
    from dataclasses import replace

    from genspace.benchmark import open_benchmark
    from genspace.judges import resolve, study_context
    from genspace.runner import RunOptions

    found = open_benchmark(folder)
    found.write_items()
    there, lacking = found.there(), sum(len(gap.missing) for gap in found.gaps)
    if not there:
        raise InputError(
            f"{folder}: no picture of a prompt has come yet (genspace benchmark status {folder})"
        )
    made = replace(found)  # which no longer knows every image's name
    del found
    opened = made.study
    names = _named(judge or ["geometry"], profile)
    options = RunOptions(limit=limit, retry=retry, items=there)
    context = study_context(opened, option or [], common_context(seed, max_usd, allow_host))
    incomplete = False
    for spec in resolve(names, opened.declared.judges, option or []):
        with made_judge(spec, context) as asked:
            summary = run_judge(asked, spec, opened, options)
        incomplete |= bool(summary.status["failed"] or summary.stopped)
        if not as_json:
            print_summary(summary)
    if lacking:
        messages().print(
            f"{lacking:,} pictures are missing and count as such: genspace benchmark status {folder}"
        )
    _show([made], names, out=out, as_json=as_json, profile=profile)
    if incomplete:
        raise typer.Exit(1)


def _named(judges: list[str], profile: str | None) -> list[str]:
    """Return the judges under a profile: variants of their own, so that their verdicts stand beside the others'."""
    if profile is None:
        return judges
    return [
        f"{name.removesuffix(']')},profile={profile}]" if name.endswith("]") else f"{name}[profile={profile}]"
        for name in judges
    ]


@benchmark.command(
    epilog="Examples:\n\ngenspace benchmark table bench\n\n"
    "genspace benchmark table bench-t2i bench-edit theirs.row.json --judge geometry --out table"
)
def table(
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="DIR…", help="Folders, rows as JSON, or published rows as CSV."),
    ],
    *,
    judge: Judges = None,
    profile: Profile = None,
    people: Annotated[
        Path | None,
        typer.Option(help="A rated study made by `benchmark sample`: corrects rows, not cells."),
    ] = None,
    out: Out = None,
    as_json: JsonFlag = False,
) -> None:
    """Print a row per generator and judge, from existing verdicts and other rows."""
    from genspace.benchmark import open_benchmark, read_published, read_rows

    made = [open_benchmark(path) for path in folders if path.is_dir()]
    theirs = [
        row
        for path in folders
        if not path.is_dir()
        for row in (read_rows(path) if path.suffix == ".json" else read_published(path))
    ]
    judges = None if judge is None else _named(judge, profile)
    _show(made, judges, theirs, out=out, as_json=as_json, profile=profile, people=people)


@benchmark.command(
    epilog="Examples:\n\ngenspace benchmark compare bench\n\ngenspace benchmark compare bench --judge geometry --json"
)
def compare(folder: Folder, *, judge: Judges = None, as_json: JsonFlag = False) -> None:
    """Compare the generators pairwise on the same prompts, and list judges that disagree on their order."""
    from genspace.benchmark import compare_generators, open_benchmark, ordered_otherwise, rows_of
    from genspace.documents import to_dict
    from genspace.report.generator_table import print_generator_pairs

    made = open_benchmark(folder)
    found, contrary = compare_generators(made, judge), ordered_otherwise(rows_of(made))
    if as_json:
        print_json({"comparisons": [to_dict(c) for c in found], "otherwise": [to_dict(o) for o in contrary]})
    else:
        print_generator_pairs(found, contrary, results())


@benchmark.command(
    epilog="Examples:\n\ngenspace benchmark sample bench people --per-sub-domain 10\n\n"
    "genspace annotate serve people && genspace benchmark table bench --people people"
)
def sample(
    folder: Folder,
    out: Annotated[Path, typer.Argument(help="Folder of the human study to make.")],
    *,
    per_sub_domain: Annotated[int, typer.Option(min=2, help="Prompts to draw in each sub-domain.")] = 10,
    generator: Annotated[
        list[str] | None, typer.Option(help="Which generators (default: all); repeatable.")
    ] = None,
    raters: Annotated[int, typer.Option(min=1, help="Raters per image.")] = 3,
    seed: SeedOption = 0,
) -> None:
    """Make a human study of randomly drawn prompts, the same for all generators."""
    from genspace.benchmark import draw_sample, open_benchmark

    made = open_benchmark(folder)
    n = draw_sample(
        made, out, per_sub_domain=per_sub_domain, generators=generator, seed=seed, raters_per_item=raters
    )
    put(
        f"{out}: {n:,} pictures, {raters} answers each. Ask people with genspace annotate serve {out}; then genspace "
        f"benchmark table {folder} --people {out}"
    )


@benchmark.command(epilog="Example: genspace benchmark verify mine--geometry.row.json bench")
def verify(
    row: Annotated[Path, typer.Argument(help="A row, or a table, as JSON.")],
    folders: Annotated[
        list[Path], typer.Argument(metavar="DIR…", help="The folders with its verdict files.")
    ],
) -> None:
    """Recompute rows from verdict files and print every difference; exit code 1 if there is one."""
    from genspace.benchmark import differences, in_one, open_benchmark, read_rows, rows_of

    again = in_one([r for folder in folders for r in rows_of(open_benchmark(folder))])
    theirs = read_rows(row)
    told = [line for one in theirs for line in differences(one, again)]
    for line in told:
        put(line)
    if told:
        raise typer.Exit(1)
    put(f"{row}: {len(theirs)} rows are what the verdict files give")


def _show(
    made: list[Benchmark],
    judges: list[str] | None,
    theirs: list[Row] | None = None,
    *,
    out: Path | None,
    as_json: bool,
    profile: str | None = None,
    people: Path | None = None,
) -> None:
    from genspace.benchmark import PUBLISHED, corrected_rows, in_one, rows_of
    from genspace.documents import to_dict
    from genspace.report.generator_table import (
        examples_of,
        print_corrected,
        print_released,
        print_rows,
        write_rows,
    )

    rows = in_one([*(row for folder in made for row in rows_of(folder, judges)), *(theirs or [])])
    if profile is not None:
        rows = [row for row in rows if f"profile={profile}" in row.judge or row.judge == PUBLISHED]
    if not rows:
        raise InputError("there are no such verdicts yet: genspace benchmark run")
    if people is not None and len(made) != 1:
        raise InputError("--people: its sample was drawn from one folder; name that one alone")
    own = [judge for judge in dict.fromkeys(row.judge for row in rows) if judge != PUBLISHED]
    corrected = {} if people is None else dict(corrected_rows(made[0], people, own))
    if as_json:
        document: dict[str, JsonValue] = {
            "schema": "genspace-benchmark/1",
            "rows": [to_dict(row) for row in rows],
        }
        if people is not None:
            keys = ("generator", "judge", "task")
            document["by_people"] = [
                {**dict(zip(keys, key, strict=True)), **to_dict(mean)} for key, mean in corrected.items()
            ]
        print_json(document)
    else:
        print_rows(rows, results())
        if people is not None:
            print_corrected(corrected, results())
        if profile == "reference":
            print_released(rows, results())
    if out is not None:
        shown = sorted({row.judge for row in rows})
        examples = [e for folder in made for e in examples_of(folder, shown)]
        paths = write_rows(rows, out, examples)
        say(f"page: {paths[0]}")


def _print_state(state: State) -> None:

    for gap in state.gaps:
        put(_gap_line(gap))
        if gap.twice:
            pairs = tuple(f"{second} beside {first}" for first, second in gap.twice)
            put(f"  {len(pairs):,} files do not count: {_shown(pairs)} of the same prompt")
    if state.broken:
        put(f"{len(state.broken):,} pictures are empty, cut off or no picture: {_shown(state.broken)}")
    if state.strangers:
        put(
            f"{len(state.strangers):,} files belong to no prompt: {_shown(state.strangers)}. A name tells the prompt "
            "by its index (0001.png), its id or its text (prompts/*.csv)"
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
