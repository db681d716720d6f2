"""`genspace diff` and `genspace gate`: a judge over time."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genspace.cli._app import app
from genspace.cli._console import print_json, put, results
from genspace.cli._options import JsonFlag, OutOption, SeedOption, write_out
from genspace.cli.judge import AllowHosts, MaxUsd, asking, common_context
from genspace.errors import InputError, read_from

if TYPE_CHECKING:
    from genspace.analysis.diff import Diff
    from genspace.analysis.gate import Gate
    from genspace.parts import Parts

__all__ = ["diff", "gate"]

Primary = Annotated[str | None, typer.Option(help="The figure to compare (default: by the type of ratings).")]
Confidence = Annotated[
    float, typer.Option(help="Level of the intervals (of a gate: over all rules together).")
]


@app.command(
    epilog="Examples: genspace diff last-month this-month --out changes · "
    "genspace diff my-study/verdicts/vlm my-study/verdicts/vlm-rerun · genspace diff old/comparison.json my-study · "
    "genspace diff last-month this-month --parts geometry"
)
def diff(
    old: Annotated[
        str, typer.Argument(help="The earlier run: a study, a comparison.json, or verdicts/JUDGE.")
    ],
    new: Annotated[str, typer.Argument(help="The later run, in the same form.")],
    primary: Primary = None,
    confidence: Confidence = 0.95,
    parts: Annotated[
        str | None,
        typer.Option(
            help="Name of a judge of both studies: how far each changed option, and the pictures, moved its score. It "
            "is asked with mixtures of old and new options."
        ),
    ] = None,
    generator: Annotated[str | None, typer.Option(help="With --parts: only this generator's images.")] = None,
    max_usd: MaxUsd = None,
    allow_host: AllowHosts = None,
    seed: SeedOption = 0,
    out: OutOption = None,
    shape: Annotated[
        Literal["text", "md"], typer.Option("--format", help="md: Markdown for a pull request.")
    ] = "text",
    as_json: JsonFlag = False,
) -> None:
    """Compare two runs: flipped items, agreement, coverage, cost, people's answers.

    People's answers are held fixed: both runs are compared with the later ones, and what people changed is shown
    apart. An earlier fingerprint of a judge is written verdicts/JUDGE@FINGERPRINT (genspace verdicts list).
    """
    from genspace.api import diff as diff_runs
    from genspace.display import view_of
    from genspace.report import print_view

    found: Diff | Parts
    if parts is None:
        if generator is not None:
            raise InputError("--generator belongs to --parts JUDGE; without it a diff is of every generator")
        found = diff_runs(old, new, primary=primary, seed=seed, confidence=confidence)
    else:
        from genspace.parts import which_moved
        from genspace.study import open_study

        opened = []
        for run in (old, new):
            with read_from(run):
                opened.append(open_study(run))
        base = common_context(seed, max_usd, allow_host)
        with asking(base, quiet=as_json) as (make, ask):
            found = which_moved(
                opened[0],
                opened[1],
                parts,
                make=make,
                ask=ask,
                generator=generator,
                seed=seed,
                confidence=confidence,
            )
    if as_json:
        print_json(found.to_dict())
    elif shape == "md":
        put(view_of(found).markdown())
    else:
        print_view(view_of(found), results())
    write_out(found, out)


@app.command(
    epilog='Examples: genspace gate my-study --rule "scene: cohen_kappa.low >= 0.6" --rule "coverage >= 0.9" · '
    'genspace gate my-study --rule "scene not worse than vlm by 0.05" --junit gate.xml · '
    "genspace gate this-month --against last-month"
)
def gate(
    study: Annotated[str, typer.Argument(help="The study.")],
    rule: Annotated[
        list[str] | None,
        typer.Option("--rule", help="A rule, in addition to those of study.toml; repeatable."),
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="An earlier run, whose judges are called `before`.")
    ] = None,
    open_rules: Annotated[
        Literal["fails", "passes"] | None,
        typer.Option("--open", help="Whether an undecided rule fails or passes (default: fails)."),
    ] = None,
    primary: Primary = None,
    confidence: Confidence = 0.95,
    seed: SeedOption = 0,
    out: OutOption = None,
    junit: Annotated[Path | None, typer.Option(help="File for JUnit XML.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Check whether judges meet rules; exit code 3 if one does not. For continuous integration.

    JUDGE: FIGURE.low >= NUMBER, JUDGE not worse than OTHER by MARGIN, JUDGE ahead of OTHER, JUDGE not behind before,
    coverage >= NUMBER; without a judge a rule is about each. " supposing 0.75" at the end of a rule asks how often a
    judge of that true value passes. Rules can also stand in study.toml. With GITHUB_STEP_SUMMARY set, the outcome is
    added there.
    """
    from genspace.api import gate as gate_study

    found = gate_study(
        study,
        rule or (),
        against=against,
        open_rules=open_rules,
        primary=primary,
        seed=seed,
        confidence=confidence,
    )
    if as_json:
        print_json(found.to_dict())
    else:
        from genspace.display import view_of
        from genspace.report import print_words

        view = view_of(found)
        for sentence in (view.title, *view.sentences):
            put(sentence)
        for passed, (asked, judge, *cells) in zip(
            (c.passed for c in found.document.checks), view.rows, strict=True
        ):
            figure, level, outcome, chance = cells
            told = f"{outcome}: {asked} · {judge} {figure} ({level}{', ' + chance if chance else ''})"
            results().print(told, markup=False, style="green" if passed else "red")
        print_words(view, results())
    _write(found, junit, os.environ.get("GITHUB_STEP_SUMMARY"))
    write_out(found, out)
    if not found.passed:
        raise typer.Exit(3)


def _write(found: Gate, junit: Path | None, summary: str | None) -> None:
    """Write what continuous integration reads. Errors: `InputError` for a file that cannot be written."""
    from genspace.display import view_of
    from genspace.report import junit_xml

    try:
        if junit is not None:
            junit.parent.mkdir(parents=True, exist_ok=True)
            junit.write_text(junit_xml(found), encoding="utf-8")
        if summary:
            with Path(summary).open("a", encoding="utf-8") as file:
                file.write(view_of(found).markdown() + "\n")
    except OSError as error:
        raise InputError(f"cannot write {error.filename}: {error.strerror}") from None
