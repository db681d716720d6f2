"""Plan a human study: how many items and raters tell two judges apart, and what that costs.

The simulation is `genspace.analysis.power`; this module adds pilots, wages and the plot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from genspace.analysis.power import (
    Assumptions,
    JudgeAnswers,
    PlannedStudy,
    enough_prompts,
    power_table,
    smallest_sufficient,
)
from genspace.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from genspace.evidence import Evidence

__all__ = ["Costs", "Stated", "StudyPlan", "make_plan", "plan_assumptions"]


@dataclass(frozen=True, slots=True)
class Costs:
    """Time and cost of an answer; None where it is not known."""

    seconds_per_answer: float | None
    wage_per_hour: float | None
    fee_share: float = 0.0
    """The platform's fee, as a share of the pay."""

    def hours(self, answers: int) -> float | None:
        """Return the hours of work.

        >>> Costs(9.0, 12.0, 0.5).hours(400), Costs(9.0, 12.0, 0.5).money(400)
        (1.0, 18.0)
        """
        return None if self.seconds_per_answer is None else answers * self.seconds_per_answer / 3600

    def money(self, answers: int) -> float | None:
        """Return pay and fee, in the currency of the wage."""
        hours = self.hours(answers)
        if hours is None or self.wage_per_hour is None:
            return None
        return hours * self.wage_per_hour * (1 + self.fee_share)


@dataclass(frozen=True, slots=True, kw_only=True)
class PricedStudy(PlannedStudy):
    """A size of study, and what it takes."""

    hours: float | None
    cost: float | None
    """Pay and fee, in the currency of the wage."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyPlan:
    """Sizes of study that were simulated, and the cheapest that suffices.

    >>> from genspace.analysis.power import Assumptions
    >>> assumed = Assumptions(reliability=0.5, agreement=(0.8, 0.1), shares=(0.5, 0.5), judges="yes-no")
    >>> planned = StudyPlan(
    ...     assumptions=assumed, figure="roc_auc", costs=Costs(9.0, 12.0), wanted_power=0.8, sizes=(), smallest=None,
    ...     sentence="No size that was simulated reaches a power of 80 %.",
    ... )
    >>> planned.figure, planned.smallest is None
    ('roc_auc', True)
    """

    assumptions: Assumptions
    figure: str
    """Key of the figure that is tested."""
    costs: Costs
    wanted_power: float
    sizes: tuple[PricedStudy, ...]
    smallest: PricedStudy | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """What is stated about the planned study; None: as in the pilot.

    >>> Stated(reliability=0.5, agreement=(0.8, 0.4)).per_prompt is None  # as in the pilot
    True
    """

    reliability: float | None = None
    """Correlation of two people's single ratings."""
    agreement: tuple[float, float] | None = None
    """Each judge's correlation with the mean of very many people."""
    per_prompt: int | None = None
    """Items, or pairs, of each prompt."""
    shares: tuple[float, ...] | None = None
    """Share of each level of the scale, lowest first."""
    judges: JudgeAnswers | None = None
    """Whether judges give scores, or yes and no."""
    pairs: bool = False
    """Whether people compare two items."""


def plan_assumptions(
    pilot: Evidence | None, judges: Sequence[str] | None, stated: Stated
) -> tuple[Assumptions, float | None]:
    """Return the assumptions, stated or from a pilot, and the pilot's median seconds an answer; stated ones win.

    Errors: `InputError` when the two together are not enough, or the pilot holds no such judge.

    >>> assumed, seconds = plan_assumptions(None, None, Stated(reliability=0.5, agreement=(0.8, 0.4)))
    >>> assumed.agreement, seconds
    ((0.8, 0.4), None)
    """
    if pilot is not None:
        return _from_pilot(pilot, judges, stated)
    if stated.reliability is None or stated.agreement is None:
        raise InputError("state `reliability` and `agreement`, or name a pilot with `study` and `judges`")
    assumed = Assumptions(
        reliability=stated.reliability,
        agreement=stated.agreement,
        per_prompt=stated.per_prompt or 1,
        shares=stated.shares,
        judges=stated.judges or "graded",
        pairs=stated.pairs,
    )
    return assumed, None


def _from_pilot(
    pilot: Evidence, judges: Sequence[str] | None, stated: Stated
) -> tuple[Assumptions, float | None]:
    from genspace.analysis.question import Question

    if not len(pilot.answers):
        raise InputError("the pilot holds no answers")
    units = Question.of(pilot).units
    scores = None
    if judges is not None:
        if len(judges) != 2:
            raise InputError(f"`judges` {','.join(judges)}: name two judges")
        for name in judges:
            if name not in units.judges:
                raise InputError(f"the pilot has no judge {name!r}{did_you_mean(name, units.judges)}")
        read = [units.judges[name] for name in judges]
        scores = np.column_stack([j.preference if units.of_pairs else j.oriented for j in read])
    assumptions = Assumptions.from_pilot(
        units.people.ratings,
        units.prompt,
        scores=scores,
        reliability=stated.reliability,
        agreement=stated.agreement,
        per_prompt=stated.per_prompt,
        pairs=units.of_pairs,
    )
    assumptions = replace(
        assumptions, shares=stated.shares or assumptions.shares, judges=stated.judges or assumptions.judges
    )
    seconds = float(pilot.answers["seconds"].median())
    return assumptions, None if np.isnan(seconds) else seconds


def make_plan(
    assumptions: Assumptions,
    costs: Costs,
    *,
    prompts: Sequence[int] | None = None,
    raters: Sequence[int] = (1, 2, 3, 5),
    power: float = 0.8,
    studies: int = 400,
    seed: int = 0,
) -> StudyPlan:
    """Simulate sizes of study and return them with the cheapest size that suffices.

    Args:
        assumptions: Of people, judges and prompts.
        costs: Of an answer.
        prompts: Numbers of prompts to try; None: search for those that suffice.
        raters: Numbers of raters of each item to try.
        power: Wanted chance to tell the two judges apart.
        studies: Simulated studies for each size.
        seed: Same seed, same figures.

    >>> from genspace.analysis.power import Assumptions
    >>> assumed = Assumptions(reliability=0.5, agreement=(0.8, 0.1), shares=(0.5, 0.5), judges="yes-no")
    >>> planned = make_plan(assumed, Costs(9.0, 12.0), prompts=[50], raters=[2], studies=10)
    >>> planned.sizes[0].ratings, planned.sizes[0].hours  # 9 seconds an answer
    (100, 0.25)
    """
    if prompts is None:
        table = enough_prompts(assumptions, power, raters=raters, studies=studies, seed=seed)
    else:
        table = power_table(assumptions, prompts=prompts, raters=raters, studies=studies, seed=seed)

    def priced(planned: PlannedStudy) -> PricedStudy:
        size = {field.name: getattr(planned, field.name) for field in fields(planned)}
        return PricedStudy(**size, hours=costs.hours(planned.ratings), cost=costs.money(planned.ratings))

    best = smallest_sufficient(table, power)
    smallest = None if best is None else priced(best)
    return StudyPlan(
        assumptions=assumptions,
        figure=assumptions.figure.key,
        costs=costs,
        wanted_power=power,
        sizes=tuple(map(priced, table)),
        smallest=smallest,
        sentence=_sentence(assumptions, power, smallest),
    )


def _sentence(assumptions: Assumptions, power: float, best: PricedStudy | None) -> str:
    """Say which size suffices, and under which assumptions."""
    what = "pairs" if assumptions.pairs else "items"
    if best is None:
        told = f"No size that was tried tells the judges apart with a chance of {power:.0%}"
    else:
        raters = f"{best.raters} rater{'s' if best.raters > 1 else ''}"
        cost = "" if best.cost is None else f", {best.hours:.1f} hours, {best.cost:.0f} in pay and fees"
        told = (
            f"{best.items} {what} of {best.prompts} prompts with {raters} each "
            f"({best.ratings} answers{cost}) tell the judges apart with a chance of {best.power.value:.0%}"
        )
    return f"{told}, assuming that {_assumed(assumptions, what)}."


def _assumed(assumptions: Assumptions, what: str) -> str:
    a, b = assumptions.agreement
    kind = {"graded": "two judges that give scores", "yes-no": "two judges that say yes or no"}[
        assumptions.judges
    ]
    if assumptions.pairs:
        kind, agree = "two judges", f"prefer what very many raters prefer on {a:.0%} and {b:.0%} of the pairs"
    else:
        agree = f"correlate {a:.2f} and {b:.2f} with the mean of very many raters"
    return (
        f"two raters' answers to one of the {what} correlate {assumptions.reliability:.2f}, that {kind} {agree}, that "
        f"{assumptions.prompt_share:.0%} of what differs between {what} is shared within prompts, and that the test is "
        f"of {assumptions.figure.label}"
    )


def draw_plan(plan: StudyPlan, path: Path) -> None:
    """Draw power against answers, one line per number of raters, with Monte Carlo intervals.

    Errors: `InputError` for a file ending that cannot be drawn.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    if path.suffix not in {".svg", ".png", ".pdf"}:
        raise InputError(f"{path}: draw to a file that ends in .svg, .png or .pdf")
    figure = Figure(figsize=(7, 4.2), layout="constrained")
    axes = figure.subplots()
    panels = sorted({s.raters for s in plan.sizes})
    for marker, raters in zip("osD^vP*X" * len(panels), panels, strict=False):
        sizes = [s for s in plan.sizes if s.raters == raters]
        answers = [s.ratings for s in sizes]
        estimates = [(s.power.value, s.power.low, s.power.high) for s in sizes]
        power, low, high = np.array(estimates, dtype=float).T
        line = axes.plot(answers, power, marker=marker, label=f"{raters} per item")[0]
        axes.fill_between(answers, low, high, color=line.get_color(), alpha=0.12, linewidth=0)
    axes.axhline(plan.wanted_power, color="0.35", linewidth=1, linestyle="--")
    axes.annotate(
        "wanted", (0.995, plan.wanted_power), xycoords=("axes fraction", "data"), ha="right", va="bottom"
    )
    axes.set(
        xlabel="answers (items × raters)",
        ylabel="chance to tell the two judges apart",
        ylim=(0, 1.02),
        xscale="log",
    )
    ticks: list[int] = []  # sizes that were tried, with room for their figures
    for tried in sorted({s.ratings for s in plan.sizes}):
        if not ticks or tried >= 1.35 * ticks[-1]:
            ticks.append(tried)
    axes.set_xticks(ticks, [f"{n:,}" for n in ticks])
    axes.set_xticks([], minor=True)
    axes.grid(visible=True, alpha=0.25)
    axes.legend(title="raters", frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    with rc_context({"svg.hashsalt": "genspace"}):  # the same plan gives the same file
        figure.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)
