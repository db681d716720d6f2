"""What probes tell about judges: psychometric curves, bias, confusions of side and frame, sensitivity to nuisances.

Errors are put on one axis: 0 is exactly what was asked, 1 the tolerance at which the true answer changes from yes to
no, 2 twice the tolerance. A judge whose curve falls at 1 has the benchmark's criterion; steepness is acuity.

The headline comes from clear probes, on which no careful person errs: near the threshold a judge that sees as well as
people do is still wrong on almost half. Curves use both. Probes that are hard to see stand apart: there an abstention
is worth as much as a right answer, and of a thing without a front every answer is wrong.

Longer than 400 lines: half of it is the records of one JSON document.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

from genspace.analysis.frames import find_frames
from genspace.analysis.psychometric import PsychometricCurve, fit_psychometric
from genspace.analysis.reasons import Reason, ReasonCode
from genspace.errors import InputError
from genspace.records import TRUTH_RATER
from genspace.sides import Frame

if TYPE_CHECKING:
    import pandas as pd

    from genspace.evidence import Evidence

__all__ = ["NUISANCES", "Curve", "JudgeOnProbes", "ProbeReport", "holds_probes", "probe_report"]

NEEDED = ("prompt_id", "sub_domain", "variant", "kind", "error", "truth", "true_variant", "egocentric_answer")
NUISANCES = {
    "elevation_deg": "elevation of the camera, degrees",
    "fov_deg": "field of view, degrees",
    "visible_fraction": "visible share of the least visible object",
    "distance_m": "distance of the nearest object, metres",
    "off_axis_deg": "angle off the optical axis, degrees",
    "roll_deg": "roll of the camera, degrees",
}
CURVE_POINTS = 41
BIN = 0.25
"""Width of the parts in which shares of yes are counted, in tolerances."""
FARTHEST = 3.0
"""Errors beyond so many tolerances stand at it: nobody's answer changes any more."""
CURVED = ("graded", "clear")
IN_FRAME: Mapping[Frame | None, str] = {
    "camera": ", so it answers as the camera sees it",
    "object": ", so it answers from the object",
    None: "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """How many of some probes were answered, and the share of right answers with its 95 % interval (Wilson 1927)."""

    n: int
    answered: int
    share: float | None
    low: float | None
    high: float | None
    reason: Reason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class YesBias:
    """How much more often a judge says yes than is true, and its two kinds of mistake."""

    more_yes_than_true: float | None
    yes_when_true: float | None
    yes_when_false: float | None
    n: int
    reason: Reason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """Share of yes in one part of the error's range."""

    error: float
    yes: float
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A psychometric curve over the normalised error of graded and clear probes, the raw shares beside it.

    >>> from genspace.analysis import Estimate
    >>> nothing = Estimate.undefined(Reason("no_answers"))
    >>> fit = PsychometricCurve(nothing, nothing, nothing, nothing, floor=nothing, lapse=nothing, n=0, direction=0)
    >>> clear = Right(n=12, answered=0, share=None, low=None, high=None, reason=Reason("no_answers"))
    >>> Curve(n=40, answered=0, accuracy=None, clear=clear, fit=fit, points=(), line=None).fit.threshold.reason.code
    'no_answers'
    """

    n: int
    answered: int
    accuracy: float | None
    clear: Right
    fit: PsychometricCurve
    points: tuple[CurvePoint, ...]
    line: tuple[tuple[float, float], ...] | None
    """Errors and shares of the fitted curve; None where nothing was fitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SideAnswers:
    """Share of yes over some probes."""

    yes: float | None
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameUse:
    """How often a judge gives the camera's answer where it differs from the object's, and its frame."""

    egocentric: float | None
    n: int
    frame: Frame | None
    """The frame it answers in, as `genspace frames` finds it; None: not known."""
    reason: Reason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensitivity:
    """Accuracy in the lowest and highest third of a nuisance, and its rank correlation with being right."""

    low: float | None = None
    high: float | None = None
    low_up_to: float | None = None
    high_from: float | None = None
    correlation: float | None = None
    n: int
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeOnProbes:
    """What probes tell about one judge.

    >>> clear = Right(n=12, answered=12, share=1.0, low=0.76, high=1.0, reason=None)
    >>> bias = YesBias(more_yes_than_true=0.1, yes_when_true=0.9, yes_when_false=0.3, n=40, reason=None)
    >>> judge = JudgeOnProbes(
    ...     n=40, answered=38, accuracy=0.82, clear=clear, hard={}, share_yes=0.6, yes_bias=bias, sub_domains={},
    ...     variants={}, sides={}, nuisances={},
    ...     frame=FrameUse(egocentric=None, n=0, frame=None, reason=Reason("frames_not_told_apart")),
    ... )
    >>> judge.clear.share, judge.yes_bias.more_yes_than_true
    (1.0, 0.1)
    """

    n: int
    answered: int
    accuracy: float | None
    """Of all probes but those that are hard to see."""
    clear: Right
    hard: Mapping[str, Right]
    """By kind: cut, hidden, frontless."""
    share_yes: float | None
    yes_bias: YesBias
    sub_domains: Mapping[str, Curve]
    variants: Mapping[str, Curve]
    sides: Mapping[str, Mapping[str, Mapping[str, SideAnswers]]]
    """By sub-domain, asked variant and shown variant."""
    frame: FrameUse
    nuisances: Mapping[str, Sensitivity]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeReport:
    """What probes tell about judges.

    >>> ProbeReport(study="probes", probes=400, true_yes=0.5, seed=0, draws=400, judges={}).true_yes
    0.5
    """

    study: str
    probes: int
    true_yes: float
    seed: int
    draws: int
    judges: Mapping[str, JudgeOnProbes]
    """Those of whom the clear probes show most first: by the lower end of the interval of the share right."""


def holds_probes(evidence: Evidence) -> bool:
    """Whether the items are probes: scenes whose truth is known.

    >>> import pandas as pd
    >>> from genspace import Evidence
    >>> said = pd.DataFrame({"item_id": ["a"], "rater_id": ["ann"], "value": [1]})
    >>> holds_probes(Evidence.from_frames(items=pd.DataFrame({"item_id": ["a"]}), annotations=said))
    False
    """
    return set(NEEDED) <= set(evidence.items.columns)


def probe_report(
    evidence: Evidence, *, draws: int = 400, seed: int = 0, variants: bool = True
) -> ProbeReport:
    """Return, per judge, clear probes, curves by sub-domain and by variant, confusions, biases.

    `draws` bootstrap draws of probes give the intervals; without `variants` only sub-domains get curves. People, where
    the study has answers of other raters than the known truth, stand beside the judges.

    Errors: `InputError` for a study that holds no probes or no answers.

    >>> import pandas as pd
    >>> from genspace import Evidence
    >>> said = pd.DataFrame({"item_id": ["a"], "rater_id": ["ann"], "value": [1]})
    >>> try:
    ...     probe_report(Evidence.from_frames(items=pd.DataFrame({"item_id": ["a"]}), annotations=said))
    ... except InputError as error:
    ...     print(str(error).rpartition("; ")[2])
    make some with `genspace probe render`
    """
    items = _probes(evidence)
    answers = _answers(evidence, items)
    name = evidence.settings.name
    if not answers:
        raise InputError(f"{name}: no answers yet; run `genspace judge STUDY --judge …` first")
    return ProbeReport(
        study=name,
        probes=len(items),
        true_yes=float(items["truth"].mean()),
        seed=seed,
        draws=draws,
        judges=_by_evidence(
            {
                judge: _judge(frame, draws=draws, seed=seed, variants=variants)
                for judge, frame in sorted(answers.items())
            }
        ),
    )


def _by_evidence(judges: Mapping[str, JudgeOnProbes]) -> dict[str, JudgeOnProbes]:
    """Sort judges by the lower end of the interval of accuracy on clear probes, then by the number of answers."""

    def shown(name: str) -> tuple[float, float]:
        clear = judges[name].clear
        return -(clear.low if clear.low is not None else -1.0), -judges[name].answered

    return {name: judges[name] for name in sorted(judges, key=shown)}


def _probes(evidence: Evidence) -> pd.DataFrame:
    """Items with their normalised error."""
    import pandas as pd

    from genspace.geometry.probes.plans import PLANS

    name, items = evidence.settings.name, evidence.items
    missing = [column for column in NEEDED if column not in items]
    if missing:
        raise InputError(
            f"{name}: holds no probes (items lack {', '.join(missing)}); make some with `genspace probe render`"
        )
    items = items.set_index("item_id").copy()
    unknown = sorted(set(items["prompt_id"]) - set(PLANS))
    if unknown:
        raise InputError(f"{name}: prompt_id = {unknown[0]!r} is not a probe plan of this version")
    for column in ("error", "truth", "egocentric_answer", *NUISANCES):
        if column in items:
            items[column] = pd.to_numeric(items[column])
    plans = [PLANS[name] for name in items["prompt_id"]]
    items["relative_error"] = items["error"] / [p.width for p in plans] + [p.inner == 0 for p in plans]
    items["task_domain"] = [f"{p.task} {p.sub_domain}" for p in plans]
    return items


def _answers(evidence: Evidence, items: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Per judge the items with a column `yes`: 1, 0, a share for several people, NaN for no answer."""
    import pandas as pd

    given: dict[str, pd.Series[float]] = {}
    for name, frame in evidence.verdicts.groupby("judge"):
        passed = pd.to_numeric(frame["passed"].astype("Float64"))
        score = pd.to_numeric(frame["score"])
        yes = passed.astype(float).where(passed.notna(), (score >= 0.5).astype(float).where(score.notna()))
        given[str(name)] = yes.groupby(frame["item_id"]).mean()
    people = evidence.answers
    people = people[
        (people["rater_id"] != TRUTH_RATER) & (people["role"] == "main") & (people["excluded"] == "")
    ]
    if len(people):
        criterion = evidence.settings.positive_from
        criterion = 0.5 if criterion is None else criterion
        value = pd.to_numeric(people["value"])
        yes = (value >= criterion).astype(float).where(value.notna())
        given["people"] = yes.groupby(people["item_id"]).mean()
    return {name: items.assign(yes=yes.reindex(items.index)) for name, yes in given.items()}


def _judge(every: pd.DataFrame, *, draws: int, seed: int, variants: bool) -> JudgeOnProbes:
    from genspace.geometry.probes.kinds import HARD  # what scenes need is slow to import

    frame = every[~every["kind"].isin(HARD)]
    decided = frame[frame["yes"].notna()]

    def curves(column: str) -> dict[str, Curve]:
        groups = frame.groupby(column, sort=False)
        return {str(name): _curve(group, draws=draws, seed=seed) for name, group in groups}

    return JudgeOnProbes(
        n=len(frame),
        answered=len(decided),
        accuracy=_mean(_agreement(decided)),
        clear=_right(frame[frame["kind"] == "clear"]),
        hard={k: _right(every[every["kind"] == k]) for k in HARD if (every["kind"] == k).any()},
        share_yes=_mean(decided["yes"]),
        yes_bias=_yes_bias(decided),
        sub_domains=curves("task_domain"),
        variants=curves("prompt_id") if variants else {},
        sides=_sides(decided),
        frame=_frame(decided),
        nuisances={column: _sensitivity(decided, column) for column in NUISANCES if column in frame},
    )


def _right(frame: pd.DataFrame) -> Right:
    decided = frame[frame["yes"].notna()]
    known = decided[decided["truth"].notna()]
    share, n = _mean(_agreement(known)), len(known)
    if share is None:
        reason: ReasonCode = "truth_unknown" if len(decided) else "no_answers" if len(frame) else "no_items"
        return Right(
            n=len(frame), answered=len(decided), share=None, low=None, high=None, reason=Reason(reason)
        )
    z = 1.959963984540054  # standard normal quantile at 0.975
    middle, half = share + z**2 / (2 * n), z * sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low, high = ((middle + side * half) / (1 + z**2 / n) for side in (-1, 1))
    return Right(n=len(frame), answered=len(decided), share=share, low=low, high=high, reason=None)


def _agreement(decided: pd.DataFrame) -> pd.Series[float]:
    """Share of the answers to each probe that agree with the truth."""
    return decided["yes"].where(decided["truth"] == 1, 1 - decided["yes"])


def _mean(values: Iterable[float]) -> float | None:
    import numpy as np

    array = np.asarray(list(values), dtype=float)
    return float(array.mean()) if len(array) else None


def _yes_bias(decided: pd.DataFrame) -> YesBias:
    true, false = decided[decided["truth"] == 1], decided[decided["truth"] == 0]
    hit, alarm = _mean(true["yes"]), _mean(false["yes"])
    said, is_true = _mean(decided["yes"]), _mean(decided["truth"])
    return YesBias(
        more_yes_than_true=None if said is None or is_true is None else said - is_true,
        yes_when_true=hit,
        yes_when_false=alarm,
        n=len(decided),
        reason=None if len(decided) else Reason("no_answers"),
    )


def _curve(group: pd.DataFrame, *, draws: int, seed: int) -> Curve:
    import numpy as np

    graded = group[group["kind"].isin(CURVED)]
    graded = graded.assign(relative_error=graded["relative_error"].clip(-1.0, FARTHEST))
    decided = graded[graded["yes"].notna()]
    fitted = fit_psychometric(
        decided["relative_error"], decided["yes"], criterion=1.0, draws=draws, seed=seed
    )
    x = np.linspace(*_axis(graded), CURVE_POINTS)
    shares = fitted.predict(x)
    every = group[group["yes"].notna()]
    return Curve(
        n=len(graded),
        answered=len(decided),
        accuracy=_mean(_agreement(every)),
        clear=_right(group[group["kind"] == "clear"]),
        fit=fitted,
        points=_points(decided),
        line=None if shares is None else tuple((float(a), float(b)) for a, b in zip(x, shares, strict=True)),
    )


def _axis(curved: pd.DataFrame) -> tuple[float, float]:
    """Least and largest error of a curve, in tolerances."""
    return (
        -1.0 if (curved["relative_error"] < 0).any() else 0.0,
        FARTHEST if (curved["kind"] == "clear").any() else 2.0,
    )


def _points(decided: pd.DataFrame) -> tuple[CurvePoint, ...]:
    """Return the share of yes in equal parts of the error's range."""
    import numpy as np

    if not len(decided):
        return ()
    x = decided["relative_error"].to_numpy()
    low, high = _axis(decided)
    edges = np.linspace(low, high, round((high - low) / BIN) + 1)
    part = np.clip(np.digitize(x, edges) - 1, 0, len(edges) - 2)
    return tuple(
        CurvePoint(
            error=float(x[part == k].mean()),
            yes=float(decided["yes"][part == k].mean()),
            n=int((part == k).sum()),
        )
        for k in np.unique(part)
    )


def _sides(decided: pd.DataFrame) -> dict[str, dict[str, dict[str, SideAnswers]]]:
    """Per sub-domain: asked variant, shown variant, share of yes. Probes near their target only."""
    near = decided[(decided["kind"] == "contrast") | decided["relative_error"].between(0, 1)]
    with_sides = near[near["task_domain"].isin(decided[decided["kind"] == "contrast"]["task_domain"])]
    table: dict[str, dict[str, dict[str, SideAnswers]]] = {}
    for (domain, asked, shown), group in with_sides.groupby(
        ["task_domain", "variant", "true_variant"], sort=False
    ):
        cell = SideAnswers(yes=_mean(group["yes"]), n=len(group))
        table.setdefault(str(domain), {}).setdefault(str(asked), {})[str(shown)] = cell
    return table


def _frame(decided: pd.DataFrame) -> FrameUse:
    differ = decided[
        decided["egocentric_answer"].notna() & (decided["egocentric_answer"] != decided["truth"])
    ]
    if not len(differ):
        return FrameUse(egocentric=None, n=0, frame=None, reason=Reason("frames_not_told_apart"))
    camera, own, said = (differ[name].to_numpy(dtype=float) for name in ("egocentric_answer", "truth", "yes"))
    items = [str(number) for number in range(len(differ))]
    (found,) = find_frames(said[:, None], camera, own, raters=["judge"], items=items).raters
    return FrameUse(egocentric=float((said == camera).mean()), n=len(differ), frame=found.frame, reason=None)


def _sensitivity(decided: pd.DataFrame, column: str) -> Sensitivity:
    import numpy as np

    values = decided[column].abs() if column == "roll_deg" else decided[column]
    agree = _agreement(decided)
    if len(values) < 12 or values.nunique() < 3 or agree.nunique() < 2:
        return Sensitivity(n=len(values), reason=Reason("too_few_levels"))
    cut_low, cut_high = np.quantile(values, [1 / 3, 2 / 3])
    return Sensitivity(
        low=_mean(agree[values <= cut_low]),
        high=_mean(agree[values >= cut_high]),
        low_up_to=float(cut_low),
        high_from=float(cut_high),
        correlation=float(values.rank().corr(agree.rank())),  # scipy.stats takes a second to import
        n=len(values),
    )


def plain(report: ProbeReport) -> list[str]:
    """Return the findings in sentences, a judge each."""
    from genspace.report._table import share_text

    lines = []
    for name, judge in report.judges.items():
        if judge.accuracy is None:
            lines.append(f"{name}: no answered probe.")
            continue
        bias, frame, clear = judge.yes_bias, judge.frame, judge.clear
        everything = f"right on {share_text(judge.accuracy)} of {judge.answered} answered probes"
        parts = [f"{name}: {everything}"]
        if clear.share is not None:
            right = (
                f"right on {share_text(clear.share)} of {clear.answered} answered clear probes "
                f"(95% interval {share_text(clear.low)} to {share_text(clear.high)})"
            )
            parts = [f"{name}: {right}", f"with those near the threshold {everything}"]
        if bias.yes_when_false is not None and bias.yes_when_true is not None:
            parts.append(
                f"says yes to {share_text(bias.yes_when_true)} of the true and {share_text(bias.yes_when_false)} of "
                "the false"
            )
        if frame.egocentric is not None:
            parts.append(
                f"gives the camera's answer instead of the object's in {share_text(frame.egocentric)} of {frame.n} "
                f"probes that tell them apart{IN_FRAME[frame.frame]}"
            )
        frontless = judge.hard.get("frontless")
        if frontless and frontless.answered:
            parts.append(
                f"takes sides for things without a front in {frontless.answered} of {frontless.n} probes"
            )
        lines.append("; ".join(parts) + ".")
    return lines
