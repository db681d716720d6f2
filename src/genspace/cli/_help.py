"""What `genspace --help` says, without the commands themselves: which there are, and which module has each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

HELP = "Which judge of spatial faithfulness in generated images should you believe?"
EPILOG = "Example: genspace compare my-study --by category"
OPTIONS: Sequence[tuple[str, str, str]] = (
    ("--version", "", "Print the version."),
    ("--quiet", "-q", "Print only results and errors."),
    ("--verbose", "-v", "Print more details."),
    ("--log-file TEXT", "", "Also write a structured log."),
    ("--help", "-h", "Show this message and exit."),
)
"""Options before a command: name, short name, what it does."""
COMMANDS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "check": (
        ("check",),
        "Validate every file of a study; report what was read and inferred, and all problems at once.",
    ),
    "compare": (
        ("compare",),
        "Compare every judge and metric with people: how well each agrees, with intervals and tests.",
    ),
    "validate": (
        ("validate",),
        "Validate a new metric against people and the existing metrics: ahead, not worse, behind or open.",
    ),
    "rank": (
        ("rank",),
        "Rank the generators by people and by each judge, with the uncertainty of each order.",
    ),
    "diff": (
        ("over_time",),
        "Compare two runs: flipped items, agreement, coverage, cost, people's answers.",
    ),
    "gate": (
        ("over_time",),
        "Check whether judges meet rules; exit code 3 if one does not. For continuous integration.",
    ),
    "judge": (("judge",), "Score the items with one or more judges; an interrupted run resumes."),
    "certify": (
        ("certify",),
        "Ask judges equivalent questions and count contradictions: errors found without labels.",
    ),
    "frames": (
        ("frames",),
        "Find which frame of reference people and judges use: the camera's or the object's own.",
    ),
    "tune": (
        ("tune",),
        "Choose among variants of a judge, and estimate the result on held-out prompts.",
    ),
    "show": (
        ("show",),
        "Show one item: the image with its scene, the measurements, people's answers, every verdict.",
    ),
    "prompts": (
        ("prompts",),
        "Write the benchmark's 1,800 prompts of a task, each with its predicate.",
    ),
    "fetch": (("fetch",), "Download a published human study (fixed version, verified) as a study folder."),
    "export": (("verdicts",), "Write items, people's answers and verdicts as flat tables for other tools."),
    "ls": (("info",), "List judges, data sets and other names that commands accept."),
    "doctor": (("info",), "Show what is installed, what is missing, and how to install it."),
    "benchmark": (
        ("benchmark",),
        "Evaluate a generator on the GenSpace benchmark: prompts out, images in, a table row.",
    ),
    "verdicts": (("verdicts",), "List, remove, rename, compact and merge verdict files."),
    "annotate": (("annotate",), "Run a human study in a browser: design, serve, monitor, export."),
    "probe": (("probe",), "Render scenes with known truth and analyse each judge's errors on them."),
    "scene": (
        ("scene", "scene_convert", "scene_build"),
        "Make, check and judge scene files (one image in 3D).",
    ),
    "models": (("models",), "List and download perception models, with their licences."),
}
"""Commands in the order of `genspace --help`: modules of this package that have them, and what they do."""


def print_help() -> None:
    """Print what Typer would print, which first makes every command and imports four times as much."""
    from rich.console import Console
    from rich.padding import Padding

    console = Console(highlight=False)
    console.print(Padding("[bold][yellow]Usage:[/] genspace \\[OPTIONS] COMMAND \\[ARGS]...[/]", 1))
    console.print(Padding(HELP, (0, 1, 1, 1)))
    console.print(_panel("Options", OPTIONS))
    console.print(_panel("Commands", ((name, line) for name, (_, line) in COMMANDS.items())))
    console.print(Padding(EPILOG, 1))


def _panel(title: str, rows: Iterable[Sequence[str]]) -> object:
    from rich.panel import Panel
    from rich.table import Table

    table = Table(show_header=False, expand=True, box=None, pad_edge=False)
    told = list(rows)
    for style in ("bold cyan", "bold green")[: len(told[0]) - 1]:
        table.add_column(style=style, no_wrap=True)
    table.add_column(ratio=10)
    for row in told:
        table.add_row(*row)
    return Panel(table, title=title, title_align="left", border_style="dim")
