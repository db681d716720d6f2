"""What `genspace --help` says, without the commands themselves: which there are, and which module has each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

__all__ = ["COMMANDS", "EPILOG", "HELP", "OPTIONS", "print_help"]

HELP = "Which judge of spatial faithfulness in generated images should you believe?"
EPILOG = "Example: genspace compare my-study --by category"
OPTIONS: Sequence[tuple[str, str, str]] = (
    ("--version", "", "Print the version."),
    ("--quiet", "-q", "Print results and errors only."),
    ("--verbose", "-v", "Say more about what is done."),
    ("--log-file TEXT", "", "Also write a structured log."),
    ("--help", "-h", "Show this message and exit."),
)
"""Options before a command: name, short name, what it does."""
COMMANDS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "check": (
        ("check",),
        "Validate every file of a study: say what was read and assumed, and name all problems at once.",
    ),
    "compare": (
        ("compare",),
        "Compare every judge and metric with the people: who agrees, how far, and how sure we are.",
    ),
    "validate": (
        ("validate",),
        "Validate one new metric against people and every metric there: ahead, not worse, behind or open.",
    ),
    "rank": (
        ("rank",),
        "Rank the generators by the people and by each judge, and say how sure each order is.",
    ),
    "diff": (
        ("over_time",),
        "Say what changed between two runs: flipped items, agreement, coverage, cost, people's answers.",
    ),
    "gate": (
        ("over_time",),
        "Ask whether judges meet rules; exit code 3 where one does not. For continuous integration.",
    ),
    "judge": (("judge",), "Score the items with one or several judges; resumes where it stopped."),
    "certify": (
        ("certify",),
        "Ask judges the same in other ways, and count what contradicts itself: errors without a single label.",
    ),
    "frames": (
        ("frames",),
        "Find whose left people and judges mean: the camera's, or that of the object itself.",
    ),
    "tune": (
        ("tune",),
        "Choose among variants of a judge, and say what choosing reaches on prompts on which nothing was chosen.",
    ),
    "show": (
        ("show",),
        "Show one item: the picture with its scene, what was measured, people's answers, every verdict.",
    ),
    "prompts": (
        ("prompts",),
        "Write the benchmark's 1,800 prompts of a task, each with the predicate that measures it.",
    ),
    "fetch": (("fetch",), "Fetch a published human study, pinned and verified, as a study folder."),
    "export": (("verdicts",), "Write items, people's answers and verdicts as flat tables for other tools."),
    "ls": (("info",), "List judges, data sets and what else can be named in commands."),
    "doctor": (("info",), "Say what is installed, what is missing, and how to get it."),
    "benchmark": (
        ("benchmark",),
        "The GenSpace table of a generator: prompts out, pictures in, a row of figures.",
    ),
    "verdicts": (("verdicts",), "List, remove, rename, compact and merge verdict files."),
    "annotate": (("annotate",), "Ask people what they see, in a browser: design, serve, watch, export."),
    "probe": (("probe",), "Rendered scenes with known truth; how each judge errs on them."),
    "scene": (("scene", "scene_convert", "scene_build"), "Scene files: one image in 3D."),
    "models": (("models",), "Perception parts: models, licences, downloads."),
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
