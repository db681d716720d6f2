"""How many items and raters it takes: `plan`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from genspace.cli._console import print_json, results, say
from genspace.cli.annotate._shared import JsonOption, annotate
from genspace.errors import InputError

if TYPE_CHECKING:
    from rich.console import Group

    from genspace.human_study.planning import StudyPlan


def _shares(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"--shares {text!r}: give the share of each answer with commas between them, such as 0.4,0.6"
        ) from None


def _numbers(text: str, option: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise InputError(
            f"{option} {text!r}: give whole numbers with commas between them, such as 50,100,200"
        ) from None


@annotate.command(
    epilog="Examples: genspace annotate plan --reliability 0.5 --agreement 0.75 0.65 --wage 12 --plot plan.svg; "
    "yes or no: genspace annotate plan --reliability 0.5 --agreement 0.7 0.6 --shares 0.4,0.6 --answers yes-no; "
    "from a pilot: genspace annotate plan --study my-study --judges vqa,clip"
)
def plan(
    study: Annotated[Path | None, typer.Option(help="A study whose answers serve as the pilot.")] = None,
    judges: Annotated[
        str | None, typer.Option(help="Two judges of the pilot to tell apart, separated by a comma.")
    ] = None,
    reliability: Annotated[
        float | None,
        typer.Option(help="Correlation of two raters' ratings of an item (default: the pilot's)."),
    ] = None,
    agreement: Annotated[
        tuple[float, float] | None,
        typer.Option(
            help="Each judge's correlation with the mean of very many people; of pairs the share on which it "
            "prefers what they prefer."
        ),
    ] = None,
    shares: Annotated[
        str | None,
        typer.Option(
            help="Share of each answer on people's scale, lowest first; two: no and yes (default: a continuum)."
        ),
    ] = None,
    answers: Annotated[
        Literal["graded", "yes-no"] | None, typer.Option(help="Whether judges give scores or yes and no.")
    ] = None,
    pairs: Annotated[bool, typer.Option(help="People say which of two items is better.")] = False,
    prompts: Annotated[
        str | None,
        typer.Option(help="Numbers of prompts to try (default: search for the smallest sufficient number)."),
    ] = None,
    raters: Annotated[str, typer.Option(help="Numbers of raters per item to try.")] = "1,2,3,5",
    per_prompt: Annotated[int | None, typer.Option(min=1, help="Items (generators) per prompt.")] = None,
    power: Annotated[
        float,
        typer.Option(
            min=0.01, max=0.99, help="Statistical power: the wanted chance to tell the judges apart."
        ),
    ] = 0.8,
    seconds: Annotated[
        float | None, typer.Option(min=0.1, help="Seconds per answer (default: the pilot's).")
    ] = None,
    wage: Annotated[float | None, typer.Option(min=0, help="Pay per hour, in any currency.")] = None,
    fee: Annotated[float, typer.Option(min=0, help="The platform's fee, as a share of the pay.")] = 0.0,
    simulations: Annotated[int, typer.Option(min=20, help="Simulated studies per size.")] = 400,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    plot: Annotated[Path | None, typer.Option(help="Also draw the curve (.svg, .png, .pdf).")] = None,
    json_: JsonOption = False,
) -> None:
    """Estimate how many items and raters are needed to tell two judges apart, and the cost."""
    from genspace.documents import to_dict
    from genspace.gather import evidence_of
    from genspace.human_study.planning import Costs, Stated, draw_plan, make_plan, plan_assumptions
    from genspace.study import open_study

    assumptions, pilot_seconds = plan_assumptions(
        None if study is None else evidence_of(open_study(study)),
        [j.strip() for j in judges.split(",")] if judges else None,
        Stated(
            reliability=reliability,
            agreement=agreement,
            per_prompt=per_prompt,
            shares=_shares(shares) if shares else None,
            judges=answers,
            pairs=pairs,
        ),
    )
    costs = Costs(seconds_per_answer=seconds or pilot_seconds, wage_per_hour=wage, fee_share=fee)
    made = make_plan(
        assumptions,
        costs,
        prompts=_numbers(prompts, "--prompts") if prompts else None,
        raters=_numbers(raters, "--raters"),
        power=power,
        studies=simulations,
        seed=seed,
    )
    if plot is not None:
        draw_plan(made, plot)
        say(f"Wrote {plot}")
    if json_:
        print_json(to_dict(made))
        return
    results().print(_plan_table(made))


def _plan_table(plan: StudyPlan) -> Group:
    from rich.console import Group
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in (
        "Prompts",
        "Items",
        "Raters",
        "Answers",
        "Power",
        "95 % interval",
        "± figure",
        "Hours",
        "Cost",
    ):
        table.add_column(name, justify="right")
    for row in plan.sizes:
        power = row.power
        interval = "–" if power.low is None else f"{power.low:.2f} to {power.high:.2f}"
        table.add_row(
            str(row.prompts), str(row.items), str(row.raters), str(row.ratings),
            f"{power.value:.2f}", interval, f"{row.half_width:.3f}",
            "–" if row.hours is None else f"{row.hours:.1f}",
            "–" if row.cost is None else f"{row.cost:.0f}",
        )  # fmt: skip
    return Group(table, "", plan.sentence)
