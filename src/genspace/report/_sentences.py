"""Sentences of results: what codes and figures say in plain words. No other module words a reason or a remark.

Longer than 400 lines: all words of results stand together, so that one thing is said in one way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from genspace.analysis import notes as n
from genspace.analysis.alternative_annotator import EPSILON, Annotators
from genspace.analysis.figures import FIGURES, TIE_FORMS
from genspace.analysis.inference.ceiling import Ceiling
from genspace.analysis.inference.studies import LEAST_STUDIES, StudiesDocument
from genspace.analysis.inference.words import BesideChance, beside_chance, holds_elsewhere
from genspace.analysis.reasons import Reason, ReasonCode
from genspace.analysis.result import (
    Claim,
    Generators,
    Order,
    QuestionResult,
    Specification,
    SpecificationPair,
    SpecificationRow,
    ValidationDocument,
    ValidationPair,
)
from genspace.readings import counted
from genspace.records import Reference
from genspace.report._table import SURE, figure_words, number, share_text, units_of

REASONS: Mapping[ReasonCode, str] = {
    "no_people": "no people",
    "one_rater": "one rater: agreement among raters cannot be measured",
    "too_few_raters": "needs at least {needed} identified raters; there are {n}",
    "too_few_contests": "needs at least {needed} raters with enough items that another rater and the judge also rated; "
    "there are {n}",
    "raters_not_identified": "raters are slots or unknown, not identified persons",
    "no_decisions": "no rule turns these ratings into yes and no: declare positive_from",
    "no_decided_item": "no item has an answer that decides",
    "undefined_against_rest": "not defined for any rater against the rest",
    "not_crossed": "needs the same raters on all items: all of them rated {n} of the {needed} items rated twice",
    "no_two_ratings": "no item has two ratings",
    "no_more_agreement_than_chance": "the ratings hold no more agreement than chance: ICC(1,1) is not positive",
    "chance_without_a_prompt": "without one of the prompts the ratings hold no more agreement than chance",
    "no_model_of_raters": "no model of the raters says what {name} they allow",
    "continuous_ratings": "continuous ratings: {n} distinct values",
    "binary_ratings": "binary ratings",
    "no_scores": "no scores",
    "published_alone": "published without counts",
    "no_score": "no score",
    "no_labels": "the judge says neither yes nor no, and no threshold could be chosen for its scores",
    "no_confidence": "the judge states no confidence, and none could be fitted to its scores",
    "no_confident_decision": "no item has a decision with a confidence and an answer that decides",
    "tells_nothing_apart": "the judge tells no two items apart",
    "equal_errors": "a judge's errors are all equal",
    "no_penalised_form": "{name} has no form in which an abstention ties with everything",
    "scores_fixed": "only raters are resampled: a judge's scores stay as they are",
    "no_common_item": "no item has both a score and a target",
    "no_common_pair": "no pair has both an answer and a score",
    "no_common_decisions": "fewer than two items are decided by both judges and have an answer",
    "too_few_items": "too few items: {n}",
    "all_equal": "all {name} are equal",
    "undefined": "not defined on these items",
    "undefined_on_common_items": "the figure of one of the two is undefined on their common items",
    "no_pair_separated": "no pair that both or either separate",
    "no_prompt_separated": "in no prompt do both answers and judge separate two items",
    "no_generator_separated": "in no generator do both answers and judge separate two items",
    "empty_bin": "no probability in this bin",
    "no_items": "no items",
    "no_draws": "no bootstrap draws",
    "few_defined_draws": "undefined in more than a tenth of the bootstrap draws",
    "scores_unbounded": "the metric has no fixed range: what it did not score counts as the worst, or the best, score "
    "that it gave",
    "empty_cell": "{n} of the groups that are averaged hold nothing",
    "too_few_labels": "{labels}; a correction by people needs {needed}",
    "too_few_disagreements": "people and judge differ on {labels}; a correction needs {needed}",
    "stratum_unlabelled": "fewer than two labels in {n} of the strata",
    "single_prompt": "a single prompt",
    "nothing_to_resample": "nothing to resample: a single prompt, item or rater",
    "few_prompts": "{prompts}: {needed} are needed for an interval",
    "undefined_without_a_prompt": "without one of the prompts the figure is undefined, so its error is unknown",
    "few_of_a_class": "the rarer answer stands in {prompts} only: {needed} are needed for a standard error",
    "at_its_end": "the figure is at the end of its range, where no error can be measured",
    "constant_in_prompts": "it gives every item of a prompt the same score",
    "identical": "the two give the same answers on all {n} common items",
    "few_contributions": "the two are told apart in {prompts} only: {needed} are needed for a claim",
    "equal_in_every_prompt": "the difference is the same without any prompt, so its error is unknown",
    "in_sample": "WMT convention: the tie width is fitted in-sample",
    "already_resampled": "its p-values are resampled already",
    "not_computed": "not computed",
    "not_in_both_runs": "the judge is in one of the two runs only",
    "not_recorded": "the judge's verdicts do not record it",
    "figures_alone": "a comparison read from a file holds figures, not the answers that a paired interval needs: name "
    "the studies",
    "open_interval": "the interval is open: a step separates many bootstrap draws",
    "no_generators": "no generators are named",
    "single_generator": "a single generator",
    "too_few_generators": "too few generators: {n}",
    "equal_generators": "the generators' means are equal",
    "no_shared_prompt": "no prompt is shared by two generators",
    "few_generators": "few generators",
    "too_few_scored_generators": "generators scored by both: {n}",
    "no_shares": "answers about pairs are no shares of a win between 0 and 1",
    "not_compared": "no two generators were compared",
    "never_compared": "groups that were never compared with one another: {name}",
    "never_losing": "a group of generators never loses to the rest: maximum likelihood puts its lead at infinity",
    "not_converged": "the strengths did not converge",
    "sampling_unknown": 'it is not declared how the rated items were drawn: needs sampling = "random" in study.toml',
    "sampling_not_random": 'sampling is {name}: needs sampling = "random" in study.toml',
    "people_compared_pairs": "people compared pairs: there are no mean ratings to correct",
    "everything_rated": "every item is rated: there is nothing to correct",
    "too_few_prompts_rated": "only {prompts} rated; {needed} are needed",
    "judge_scored_no_rated_item": "the judge scored no rated item",
    "judge_scored_no_unrated_item": "the judge scored no unrated item",
    "no_item_rated": "no item is rated",
    "too_few_judges": "fewer than two judges are ranked",
    "primary_undefined": "{name} is not defined for two judges",
    "flat": "the share of yes does not change with the quantity",
    "step": "a step separates the answers: the slope is too steep to measure",
    "fixed_at_0": "fixed at 0: lapses were not fitted",
    "no_criterion": "no true criterion was given",
    "extrapolated": "extrapolated: only quantities from {n:.3g} to {needed:.3g} were asked",
    "no_answers": "no answers",
    "truth_unknown": "nobody can know the answer",
    "every_answer": "every answer is {name}",
    "too_few_levels": "too few or all alike",
    "frames_not_told_apart": "no answered probe tells the two frames apart",
    "no_two_repeats": "no item has two decided repeats",
    "in_words": "{name}",
}
"""Every reason in words."""
METHODS: Mapping[str, str] = {
    "delete-one-prompt": "The difference on the items that both judges answered, with a standard error from leaving "
    "out each prompt in turn and Student's t. Intervals are for one pair by itself; adjusted p-values are corrected by "
    "Holm for all pairs that could be compared, and they alone decide what is ahead. A new group starts where a member "
    "is ahead of the next judge. All of it holds for these generators.",
    "swap by prompt": "PERM-INPUT: two-sided permutation test, the standardised scores of whole prompts change sides; "
    "Holm's correction over all pairs; a group ends where a member beats the next judge at 5 %",
}
"""How a comparison tests differences."""
OPTIONS: Mapping[str, str] = {
    "none": "over all items",
    "prompt": "within prompts",
    "generator": "within generators",
    "mean": "the mean of the raters",
    "median": "the median of the raters",
    "majority": "the raters' most frequent answer",
    "centred": "ratings centred by rater",
    "excluded": "abstentions are left out",
    "penalised": "an abstention ties with everything (a decision: is wrong)",
}
"""What can be chosen otherwise in a specification; figures have words of their own, raters left out their names."""
NUMBERS = {2: "two", 3: "three", 4: "four", 5: "five", 6: "six", 7: "seven"}
NAMED_RATERS = 8
"""More raters left out than this are counted, not named."""
LISTED_PAIRS = 4
"""Pairs named in one sentence."""
FEW_STUDIES = 5
"""With so many studies a difference over studies like these is rarely found."""
MOST_TOLD = 4
"""Judges that a sentence names."""
RATERS: Mapping[Annotators, str] = {"crowd": "a crowd", "skilled": "skilled raters", "experts": "experts"}


def reason_text(reason: Reason | None) -> str:
    """Explain in words why a figure is missing; "" if it is not.

    >>> reason_text(Reason("too_few_items", n=1)), reason_text(Reason("too_few_prompts_rated", n=1, needed=2))
    ('too few items: 1', 'only 1 prompt rated; 2 are needed')
    """
    if reason is None:
        return ""
    name = reason.name
    if reason.code in ("no_penalised_form", "primary_undefined", "no_model_of_raters") and name is not None:
        name = FIGURES[name].label
    prompts, labels = (counted(int(reason.n or 0), thing) for thing in ("prompt", "label"))
    return REASONS[reason.code].format(
        n=reason.n, needed=reason.needed, name=name, prompts=prompts, labels=labels
    )


def remarks_of(result: QuestionResult) -> list[tuple[str, str]]:
    """Return level and sentence of every remark, warnings first.

    >>> import pandas as pd
    >>> import genspace
    >>> ids = {"item_id": list("abcd")}
    >>> people = pd.DataFrame(ids | {"value": [1, 2, 3, 5]})
    >>> scores = pd.DataFrame(ids | {"metric": "clip", "score": [0.1, 0.3, 0.2, 0.9]})
    >>> comparison = genspace.compare(items=pd.DataFrame(ids), annotations=people, scores=scores, draws=0)
    >>> [level for level, _ in remarks_of(comparison.document)]
    ['warning', 'warning', 'note']
    """
    told = [(note.level, remark(note, result)) for note in result.notes]
    return sorted(told, key=lambda entry: entry[0] != "warning")


def remark(note: n.Note, result: QuestionResult) -> str:
    """Write a remark as a sentence.

    >>> import pandas as pd
    >>> import genspace
    >>> ids = {"item_id": list("abcd")}
    >>> people = pd.DataFrame(ids | {"value": [1, 2, 3, 5]})
    >>> scores = pd.DataFrame(ids | {"metric": "clip", "score": [0.1, 0.3, 0.2, 0.9]})
    >>> comparison = genspace.compare(items=pd.DataFrame(ids), annotations=people, scores=scores, draws=0)
    >>> remark(comparison.document.notes[1], comparison.document)
    'Only 4 prompts were rated: intervals and tests over prompts are weak.'
    """
    match note:
        case n.StudyOpen():
            return (
                f"The human study is open and lacks {note.missing} answers. Do not stop it because of these figures; "
                "once there are enough, end it with: genspace annotate close"
            )
        case n.NoPeople():
            return "There are no ratings: only the judges' mean scores are given."
        case n.RatersAreSlots():
            what = (
                "Raters are slots, not persons"
                if note.declared
                else "It is not declared whether a rater is one person throughout, so raters are taken as slots"
            )
            return f"{what}: Cohen's kappa, ICC(2,·) and ICC(3,·), which need to know who rated what, are not given."
        case n.OneRater():
            return "One rater: how far people agree with one another is unknown, and so is how well a judge could do."
        case n.ConspicuousRaters():
            return (
                f"{note.a} and {note.b} agree far more (kappa {note.kappa:.2f}) than any other pair of raters (at most "
                f"{note.next_best:.2f}): they may not be independent."
            )
        case n.RaterOnOtherScale():
            scale = "turned round" if note.turned else "brought onto the same scale by their quantiles"
            return (
                f"{note.rater} seems to answer on {'a reversed' if note.turned else 'another'} scale: {scale}, the "
                f"answers agree with {note.other}'s at kappa {note.aligned:.2f} instead of {note.kappa:.2f}. Find out "
                "what the answers mean before you trust any figure."
            )
        case n.RulesLeaveNobody():
            return f"Every rater breaks a rule written before the data, so all are kept: {_left_out(note.raters)}."
        case n.RatersLeftOut():
            changed = "stays the same." if note.order is None else f"changes: {', '.join(note.order)}."
            return (
                f"Rules written before the data leave out {len(note.raters)} of {note.of_raters} raters with "
                f"{note.n_ratings:,} of {note.of_ratings:,} ratings: {_left_out(note.raters)}. With all raters (shown "
                f"beside) the order of the judges {changed}"
            )
        case n.FewPrompts():
            prompts = "prompt was" if note.n == 1 else "prompts were"
            return f"Only {note.n} {prompts} rated: intervals and tests over prompts are weak."
        case n.PromptsNotShared():
            return (
                "No two rated items share a prompt, so every item is resampled on its own; if they do share prompts, "
                "give a prompt_id column."
            )
        case n.FewGenerators():
            return (
                f"With {NUMBERS[note.n]} generators no system-level significance is claimed; system-level intervals "
                "hold for these generators only."
            )
        case n.NoDecisions():
            return (
                "No rule turns ratings into yes and no (positive_from is not declared): decision figures are not "
                "given, graded AUC is."
            )
        case n.HumanTies():
            return f"People are evenly split on {note.n} items: no decision, left out."
        case n.TieWidthsSampled():
            return (
                f"Tie widths were chosen on {note.drawn:,} of {note.pairs:,} pairs, drawn by the seed; the share of "
                f"pairs that is right at such a width is counted over all pairs, and is at most {note.below:g} below "
                "that of the best width, with 95 % probability."
            )
        case n.PairsSeparated():
            return (
                f"{note.raters:.1f} raters a pair prefer one of the items on {note.separated:.0%} of the pairs. "
                "Agreement on these pairs grows with the number of raters; between studies compare the share of raters "
                "who agree."
            )
        case n.RareAnswer():
            return (
                f"The rarer answer is {note.share:.0%} of the decisions in {note.prompts} prompts. With so few, a "
                "test of this figure finds a difference where there is none in about 7 % of cases, not 5 %."
            )
        case n.DerivedMetrics():
            named = ", ".join(note.judges)
            return f"{named}: computed from the ratings themselves, shown but neither ranked nor tested."
        case n.Failures():
            return f"{note.judge} failed on {note.n} of {note.of} {units_of(result)}."
        case n.MissingVerdicts():
            return f"{note.judge} has no verdict on {note.n} of {note.of} annotated items."
        case n.Abstentions():
            return f"{note.judge} abstains on {note.n} of {note.of} {units_of(result)}; its figures hold for the rest."
        case n.PointsTheOtherWay():
            return (
                f"{note.judge} points the other way: declare it with `lower_is_better` {note.judge}, or "
                f"[metrics.{note.judge}] lower_is_better = true."
            )
        case n.TieFormDecides():
            return _tie_form_decides(note)
        case n.DependsOnChoice():
            told = specification_sentences(result.specification, result.primary.label)
            return " ".join([*told[:2], *(s for s in told[2:] if s.startswith("Reversed only when"))])
        case n.NearTies():
            return (
                f"{note.judge} gives many scores that differ by less than 1e-9 of its range. They count as ties in "
                f"pairwise accuracy: {note.as_ties:.3f} with ties wrong, {note.exact:.3f} if only equal numbers were "
                "ties."
            )
        case n.BelowPromptMean():
            return (
                f"Knowing the prompt alone (the mean rating of its other images) reaches {note.bar:.2f}; below it: "
                f"{', '.join(note.judges)}."
            )
        case n.Told():
            return note.text


def _left_out(raters: Sequence[n.LeftOutRater]) -> str:
    listed = [f"{r.rater_id} ({r.rules})" for r in raters]
    further = f" and {len(listed) - NAMED_RATERS} more" if len(listed) > NAMED_RATERS else ""
    return "; ".join(listed[:NAMED_RATERS]) + further


def _tie_form_decides(note: n.TieFormDecides) -> str:
    a, b = note.behind_when_wrong, note.ahead_when_wrong
    others = f" Further pairs of judges of which this is true: {note.further}." if note.further else ""
    return (
        f"Within prompts, whether {a.judge} or {b.judge} is more accurate depends on what a judge's tie is worth: "
        f"{a.judge} is behind when its ties count as wrong ({a.strict:.3f} / {b.strict:.3f}), at {a.half_credit:.3f} / "
        f"{b.half_credit:.3f} when they count half, and ahead when ties of both are dropped ({a.dropped:.3f} / "
        f"{b.dropped:.3f}). {note.human_ties:.2%} of these pairs are ties in the ratings; of the pairs that they "
        f"separate, {a.judge} ties {a.ties:.0%} and {b.judge} {b.ties:.0%}.{others}"
    )


def option_words(option: str) -> str:
    """Return an option of a specification in words: a figure's tie form or label, else the option's own."""
    figure = FIGURES.get(option)
    return OPTIONS.get(option, option) if figure is None else figure.tie_form or figure.label


def people_sentences(result: QuestionResult) -> list[str]:
    """Say how one rater does against the rest, and what a model of the raters leaves for a judge."""
    said = []
    row, found = result.human.row.get(result.primary.figure), result.human.ceiling
    if row is not None and row.value is not None:
        label = FIGURES[result.primary.figure].short
        said.append(
            f"One rater reaches {label} {figure_words(row)} against the rest, averaged over the raters."
        )
    if found.model is not None:
        possible = (
            ""
            if found.bounds is None
            else f" The votes alone allow anything from {found.bounds[0]:.3f} to {found.bounds[1]:.3f}."
        )
        said.append(
            f"Under a model of the raters ({found.model}, {found.estimate.n:,} {units_of(result)} rated twice or more) "
            f"the mean of infinitely many would reach {ceiling_label(found)} {figure_words(found.estimate)} "
            f"here.{possible}"
        )
    return said


def ceiling_label(found: Ceiling) -> str:
    """Return the name of the figure that a ceiling stands beside."""
    return FIGURES[found.figure].short


def specification_sentences(curve: Specification, label: str) -> list[str]:
    """Describe how the ranking depends on the way of computing agreement: who leads how often, and what reverses it.

    Args:
        curve: Every specification.
        label: The primary figure's label.

    >>> curve = Specification(
    ...     reason=Reason("too_few_judges", n=1, needed=2),
    ...     judges=("clip",), headline=(), specifications=(), best=(), pairs=(),
    ... )
    >>> specification_sentences(curve, "Spearman")
    []
    """
    if not curve.specifications:
        return []
    leader = curve.best[0]
    first = (
        f"{leader.judge} has the highest figure in {leader.first} of {len(curve.specifications)} reasonable ways to "
        f"compute agreement, and no other judge is ahead of it in {leader.top}."
    )
    as_often = [
        f"{other.judge} ({other.first})" for other in curve.best[1:] if other.first >= leader.first > 0
    ]
    if as_often:
        first += f" As often or more often, alone or together with it: {', '.join(as_often)}."
    if not curve.pairs:
        return [first]
    by_condition: dict[str, list[SpecificationPair]] = {}
    for pair in curve.pairs:
        if pair.reversed_only_when is not None:
            when = _when(pair.reversed_only_when, label)
            by_condition.setdefault(when, []).append(pair)
    reversals = [_reversal(curve, when, those) for when, those in by_condition.items()]
    return [first, _held(label, curve.pairs), *(s for part in reversals for s in part)]


def _held(label: str, pairs: Sequence[SpecificationPair]) -> str:
    """Say how many of the headline's conclusions every specification shares."""
    held = sum(pair.reversed == pair.open == 0 for pair in pairs)
    reversed_in_some = sum(pair.reversed > 0 for pair in pairs)
    if len(pairs) > 1:
        return (
            f"By {label} a judge is ahead in {len(pairs)} pairs; {held} of them stay so in all of these ways, and "
            f"{reversed_in_some} are reversed in some."
        )
    pair = pairs[0]
    outcome = (
        "is reversed in some" if reversed_in_some else "holds in all of them" if held else "is open in some"
    )
    return f"By {label} one judge is ahead of another, {pair.better} of {pair.worse}; that {outcome}."


def _reversal(curve: Specification, when: str, pairs: Sequence[SpecificationPair]) -> list[str]:
    """Say which pairs are reversed under one condition, the highest judge's widest reversal first, and its figures."""
    leader = min((pair.better for pair in pairs), key=curve.judges.index)
    examples = {
        pair.worse: example
        for pair in pairs
        if pair.better == leader and (example := _tie_forms(curve, pair)) is not None
    }
    shown = min(examples, key=lambda worse: _widest(examples[worse]), default=None)
    order = sorted(pairs, key=lambda pair: (pair.better, pair.worse) != (leader, shown))
    listed = ", ".join(f"{pair.better} over {pair.worse}" for pair in order[:LISTED_PAIRS])
    further = f" and {len(pairs) - LISTED_PAIRS} further pairs" if len(pairs) > LISTED_PAIRS else ""
    sentence = f"Reversed only when {when}: {listed}{further}."
    if shown is None:
        return [sentence]
    averaging, forms = examples[shown]
    figures = ", ".join(f"{a:.3f} / {b:.3f} when {option_words(form)}" for form, (a, b) in forms.items())
    return [sentence, f"{leader} / {shown} {option_words(averaging)}: {figures}."]


def _widest(example: tuple[str, Mapping[str, tuple[float, float]]]) -> float:
    """Return the lowest lead of the first judge over the second under any tie form."""
    return min(a - b for a, b in example[1].values())


def _when(condition: Mapping[str, tuple[str, ...]], primary: str) -> str:
    """Say in words what the figure and its averaging must be, else what else must be chosen."""
    main = {name: options for name, options in condition.items() if name in ("figure", "averaging")}
    parts = []
    for name, options in (main or condition).items():
        if name == "left_out":
            words = ["all raters count" if o == "none" else f"{o} is left out" for o in options]
        elif name == "averaging":
            words = [f"agreement is taken {option_words(o)}" for o in options]
        elif name == "figure":
            words = [FIGURES[o].tie_form or f"the figure is {primary}" for o in options]
        else:
            words = [option_words(o) for o in options]
        parts.append(" or ".join(words))
    return " and ".join(parts) or "several choices are made otherwise at once"


def _tie_forms(
    curve: Specification, pair: SpecificationPair
) -> tuple[str, dict[str, tuple[float, float]]] | None:
    """Return averaging and both judges' shares of pairs by tie form, where a tie form is what reverses them."""
    condition = pair.reversed_only_when or {}
    of_pairs = FIGURES[curve.headline[0]].target == "preference"
    forms = [key for key in TIE_FORMS if (FIGURES[key].target == "preference") == of_pairs]
    if not set(condition.get("figure", ())) & set(forms):
        return None
    places = [curve.judges.index(name) for name in (pair.better, pair.worse)]
    averaging = condition.get("averaging", ("none",))[0]
    wanted = (averaging, *curve.headline[2:])
    found: dict[str, tuple[float, float]] = {}
    for row in curve.specifications:
        values = [row.values[place] for place in places]
        if row.figure in forms and _how(row) == wanted and values[0] is not None and values[1] is not None:
            found[row.figure] = (values[0], values[1])
    return (averaging, {form: found[form] for form in forms}) if len(found) == len(forms) else None


def _how(row: SpecificationRow) -> tuple[str, ...]:
    return (row.averaging, row.raters, row.left_out, row.abstention)


def order_sentences(generators: Generators, reference: Reference) -> list[str]:
    """Describe how certain the people's order is, and how far each judge's order is from it.

    >>> import pandas as pd
    >>> import genspace
    >>> items = pd.DataFrame({"item_id": list("abcd"), "prompt_id": list("ppqq"), "generator": list("xyxy")})
    >>> people = pd.DataFrame({"item_id": list("abcd"), "value": [3, 2, 5, 1]})
    >>> scores = pd.DataFrame({"item_id": list("abcd"), "metric": "clip", "score": [0.1, 0.3, 0.2, 0.9]})
    >>> ranking = genspace.rank(items=items, annotations=people, scores=scores, draws=100)
    >>> order_sentences(ranking.document.generators, "people")[-1]
    'Pairs of generators that a judge puts the other way round than people: clip 1 of 1.'
    """
    said = []
    people = generators.people
    if people is not None and people.generators and people.generators[0].first is not None:
        steps = [row.above_next for row in people.generators if row.above_next is not None]
        sure = sum(step >= SURE for step in steps)
        best = people.generators[0]
        said.append(
            f"First by {reference}: {best.generator} ({share_text(best.first)} of draws). "
            f"{sure} of the {len(steps)} steps down that order {'holds' if sure == 1 else 'hold'} in at least "
            f"{SURE:.0%} of draws."
        )
    if people is not None and people.triads is not None and people.triads.of:
        said.append(
            f"{people.triads.cyclic} of {people.triads.of} triads of generators go in a circle, each preferred to the "
            "next: so far their answers fit no single order."
            if people.triads.cyclic
            else f"None of {people.triads.of} triads of generators go in a circle."
        )
    if people is not None and people.prior_ties:
        said.append(
            "A group of generators never loses to the rest: each compared pair was given "
            f"{people.prior_ties:g} further tie, so that its lead stays finite."
        )
    return [*said, *_distances(generators.judges, reference)]


def _distances(orders: Mapping[str, Order], reference: Reference) -> Iterator[str]:
    known = {
        name: (order.distance.value, order.distance.n)
        for name, order in orders.items()
        if order.distance is not None and order.distance.value is not None
    }
    if known:
        ordered = sorted(known, key=lambda name: known[name][0])
        told = [f"{name} {known[name][0] * known[name][1]:g} of {known[name][1]}" for name in ordered]
        yield (
            f"Pairs of generators that a judge puts the other way round than {reference}: "
            + ", ".join(told if len(told) <= MOST_TOLD else [*told[: MOST_TOLD - 1], "…", told[-1]])
            + "."
        )


def studies_sentences(document: StudiesDocument) -> list[str]:
    """Say what several studies show together, never more than so few studies can."""
    k = len(document.studies)
    said = [f"{name} is left out: {reason_text(reason)}." for name, reason in document.left_out.items()]
    if k < LEAST_STUDIES:
        return [
            *said,
            "Two studies are shown side by side; with three or more, a mean over studies like these is given.",
        ]
    ahead = [
        f"{pair.a} of {pair.b}" if pair.standing == "ahead" else f"{pair.b} of {pair.a}"
        for pair in document.pairs
        if pair.standing in ("ahead", "behind")
    ]
    if ahead:
        said.append(f"Ahead over studies like these, Holm-adjusted: {', '.join(ahead)}.")
    elif document.pairs:
        said.append("Over studies like these no judge is ahead of another.")
    spread = [j.pooled.tau for j in document.judges.values() if j.pooled is not None]
    if spread:
        said.append(
            f"A judge's agreement varies between the studies, beyond chance, with a standard deviation of "
            f"{min(spread):.3f} to {max(spread):.3f}."
        )
    if k <= FEW_STUDIES:
        said.append(f"{NUMBERS[k].capitalize()} studies can rarely show a difference.")
    return said


def validation_sentences(document: ValidationDocument) -> list[str]:
    """State a validation's findings, claiming no more than they support.

    >>> import pandas as pd
    >>> import genspace
    >>> ids = {"item_id": list("abcd")}
    >>> people = pd.DataFrame(ids | {"value": [1, 2, 3, 5]})
    >>> new = pd.DataFrame(ids | {"metric": "mine", "score": [0.1, 0.3, 0.2, 0.9]})
    >>> old = pd.DataFrame(ids | {"metric": "clip", "score": [0.4, 0.3, 0.2, 0.9]})
    >>> found = genspace.validate(new, items=pd.DataFrame(ids), annotations=people, scores=old)
    >>> validation_sentences(found.document)[0]
    'mine is not shown to agree with people more than chance (0.0): Spearman 0.800 (-0.992 to 1.000) on 4 items.'
    """
    return [
        _figure_sentence(document),
        *_claim_sentences(document),
        *_coverage_sentences(document),
        *_breakdown_sentences(document),
        _stand_in_sentence(document),
    ]


def _figure_sentence(document: ValidationDocument) -> str:
    figure, label, name = document.figure, document.primary.label, document.metric
    if figure.value is None:
        return f"{name} has no {label} with {document.reference}: {reason_text(figure.reason)}."
    told = f"{label} {figure_words(figure)} on {figure.n:,} {units_of(document)}"
    if figure.low is None:
        return f"{name} reaches {told}. It has no interval: {reason_text(figure.reason)}."
    row = FIGURES[document.primary.figure]
    chance = number(row.chance, 1)
    sentences: Mapping[BesideChance, str] = {
        "above chance": f"{name} agrees with {document.reference}: {told}.",
        "at chance": f"{name} is not shown to agree with {document.reference} more than chance ({chance}): {told}.",
        "below chance": f"{name} disagrees with {document.reference}, below chance ({chance}): {told}. Its scores "
        f"point the other way: if low scores are good, declare it with `lower_is_better` {name}.",
    }
    return sentences[beside_chance(row, figure)]


def _claim_sentences(document: ValidationDocument) -> list[str]:
    rows, margin = document.against, document.margin
    if not rows:
        return ["There is no other metric in this study to compare it with."]
    words: Mapping[Claim, str] = {
        "ahead": "is ahead of",
        "not worse": f"is not worse, by {margin:g} or more, than",
        "behind": "is behind",
        "open": "cannot be told from these data to be better or worse than",
        "open before correction": "is open against (told apart only before the correction for all pairs of the study)",
        "identical": "gives the same answers as",
    }
    sentences = []
    for kind, phrase in words.items():
        those = [row for row in rows if row.claim == kind]
        if those:
            sentences.append(
                f"It {phrase} {len(those)} of {counted(len(rows), 'other')}: {', '.join(r.judge for r in those)}."
            )
    near = [row.judge for row in rows if row.claim == "behind" and row.not_worse]
    if near:
        sentences.append(f"It is behind, but by less than {margin:g}: {', '.join(near)}.")
    sentences += _elsewhere_sentences(rows)
    sentences += [
        f"It cannot be compared with {row.judge}: {reason_text(row.difference.reason)}."
        for row in rows
        if row.claim is None
    ]
    sentences += [
        f"Against {row.judge} that depends on the abstentions: with each of them tied with everything, the difference "
        f"is {figure_words(row.penalised, signed=True)}."
        for row in rows
        if _depends_on_abstentions(row, margin)
    ]
    return sentences


def _elsewhere_sentences(rows: Sequence[ValidationPair]) -> list[str]:
    """Say for which generators the claims hold, and which leads hold for others too."""
    if not any(row.other_generators and row.claim in ("ahead", "not worse", "behind") for row in rows):
        return []
    ahead = [row for row in rows if row.claim == "ahead"]
    held = holds_elsewhere([row.other_generators for row in ahead])
    told = {
        "The lead holds for other generators too against": [
            r.judge for r, h in zip(ahead, held, strict=True) if h
        ],
        "For other generators the lead is open against": [
            r.judge for r, h in zip(ahead, held, strict=True) if h is False
        ],
    }
    return [
        "All of this holds for these generators.",
        *(
            f"{words} {', '.join(names)} (each generator left out in turn)."
            for words, names in told.items()
            if names
        ),
    ]


def _depends_on_abstentions(row: ValidationPair, margin: float) -> bool:
    """Return whether an interval with each abstention tied with everything speaks against the claim."""
    low, high = row.penalised.low, row.penalised.high
    if low is None or high is None or row.penalised.n == row.difference.n:
        return False
    against: Mapping[Claim, bool] = {
        "ahead": low <= 0,
        "behind": high >= 0,
        "not worse": low <= -margin,
        "open": low > 0 or high < 0,
        "open before correction": low > 0 or high < 0,
    }
    return row.claim is not None and against.get(row.claim, False)


def _coverage_sentences(document: ValidationDocument) -> list[str]:
    table = document.coverage
    if table.coverage is None or table.coverage == 1:
        return []
    of_decided = table.coverage_of_decided
    decided = (
        "" if of_decided is None else f" and {of_decided:.1%} of those that {document.reference} decided"
    )
    return [f"It scores {table.coverage:.1%} of the {table.annotated:,} annotated items{decided}."]


def _breakdown_sentences(document: ValidationDocument) -> list[str]:
    sentences = []
    for column, cells in document.breakdowns.items():
        for value, cell in cells.items():
            worse = [other for other, claim in cell.claims.items() if claim == "behind"]
            if worse:
                sentences.append(f"Where {column} is {value} it is behind {', '.join(worse)}.")
    if sentences:
        sentences.append("These are corrected for the number of parts (Benjamini-Hochberg).")
    return sentences


def _stand_in_sentence(document: ValidationDocument) -> str:
    test = document.stand_in
    if test.passed is None:
        return f"Whether it could stand in for a rater cannot be tested: {reason_text(test.reason)}."
    won = sum(rater.won for rater in test.raters)
    how = "By its own answers it"
    if test.mapped and test.alignment == "accuracy":
        how = "With its scores cut into yes and no where it fits the answers to other prompts, it"
    elif test.mapped:
        how = "With its scores mapped onto the distribution of the raters' own values on other prompts, it"
    kinds: dict[float, Annotators] = {head_start: kind for kind, head_start in EPSILON.items()}
    source = f", the authors' for {RATERS[kinds[test.epsilon]]}," if test.epsilon in kinds else ""
    return (
        f"{how} could {'' if test.passed else 'not '}stand in for a rater: given a head start of "
        f"{test.epsilon:g}{source} it agrees with the other raters as well as {won} of {len(test.raters)} raters do "
        "(alternative annotator test)."
    )
