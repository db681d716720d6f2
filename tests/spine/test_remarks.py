"""Every remark: the code that makes its sentence, a study in which it appears, and one in which it must not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import get_args

import numpy as np
import pandas as pd
import pytest

import genspace
from genspace.analysis import notes as n
from genspace.analysis.result import ComparisonDocument
from genspace.records import StudySettings
from genspace.report._sentences import remark

FORM = n.TieForm("a", 0.4, 0.6, 0.8, 0.3)
SAID: dict[str, tuple[n.Note, str]] = {
    note.code: (note, beginning)
    for note, beginning in (
        (n.StudyOpen(missing=3), "The human study is open and lacks 3 answers."),
        (n.NoPeople(), "There are no ratings:"),
        (n.RatersAreSlots(declared=True), "Raters are slots, not persons:"),
        (n.OneRater(), "One rater: how far people agree with one another is unknown"),
        (n.ConspicuousRaters(a="u", b="v", kappa=0.9, next_best=0.4), "u and v agree far more (kappa 0.90)"),
        (
            n.RaterOnOtherScale(rater="w", other="u", turned=True, kappa=-0.3, aligned=0.6),
            "w seems to answer on a reversed scale: turned round, the answers agree with u's at kappa 0.60",
        ),
        (
            n.RulesLeaveNobody(raters=(n.LeftOutRater("u", "too fast"),)),
            "Every rater breaks a rule written before the data, so all are kept: u (too fast).",
        ),
        (
            n.RatersLeftOut(
                raters=(n.LeftOutRater("u", "too fast"),),
                of_raters=3,
                n_ratings=4,
                of_ratings=12,
                order=None,
                level="note",
            ),
            "Rules written before the data leave out 1 of 3 raters with 4 of 12 ratings:",
        ),
        (n.FewPrompts(n=12), "Only 12 prompts were rated:"),
        (n.PromptsNotShared(), "No two rated items share a prompt,"),
        (n.PairsSeparated(raters=3.0, separated=0.8), "3.0 raters a pair prefer one of the items on 80%"),
        (n.RareAnswer(share=0.12, prompts=40), "The rarer answer is 12% of the decisions in 40 prompts."),
        (n.FewGenerators(n=3), "With three generators no system-level significance is claimed;"),
        (n.NoDecisions(), "No rule turns ratings into yes and no"),
        (n.HumanTies(n=4), "People are evenly split on 4 items:"),
        (n.DerivedMetrics(judges=("a",)), "a: computed from the ratings themselves,"),
        (n.Failures(judge="a", n=2, of=80), "a failed on 2 of 80 items."),
        (n.MissingVerdicts(judge="a", n=2, of=80), "a has no verdict on 2 of 80 annotated items."),
        (n.Abstentions(judge="a", n=2, of=80), "a abstains on 2 of 80 items;"),
        (n.PointsTheOtherWay(judge="a"), "a points the other way: declare it with `lower_is_better` a,"),
        (
            n.TieFormDecides(behind_when_wrong=FORM, ahead_when_wrong=FORM, human_ties=0.1, further=0),
            "Within prompts, whether a or a is more accurate depends on what a judge's tie is worth:",
        ),
        (n.DependsOnChoice(reversed=0, level="note"), "good has the highest figure in "),
        (n.NearTies(judge="a", as_ties=0.4, exact=0.6), "a gives many scores that differ by less than 1e-9"),
        (
            n.TieWidthsSampled(pairs=10**8, drawn=10**7, below=0.001),
            "Tie widths were chosen on 10,000,000 of 100,000,000 pairs,",
        ),
        (n.BelowPromptMean(bar=0.5, judges=("a",)), "Knowing the prompt alone"),
        (
            n.Told(text="Said before there were codes.", was="old", level="note"),
            "Said before there were codes.",
        ),
    )
}
"""By code, and how its sentence begins."""


@dataclass(frozen=True)
class Made:
    """What people and judges said, as frames."""

    items: pd.DataFrame
    annotations: pd.DataFrame
    scores: pd.DataFrame
    settings: StudySettings

    def rate(self, change: Callable[[pd.DataFrame], pd.Series]) -> Made:
        """The same with other values of some raters."""
        return replace(self, annotations=self.annotations.assign(value=change(self.annotations)))

    def score(self, change: Callable[[pd.DataFrame], pd.Series]) -> Made:
        """The same with other scores."""
        return replace(self, scores=self.scores.assign(score=change(self.scores)))

    def declared(self, **changes: object) -> Made:
        return replace(self, settings=replace(self.settings, **changes))  # type: ignore[arg-type]


def study(*, prompts: int = 30, each: int = 5, raters: int = 3, seed: int = 0) -> Made:
    """Eight generators, persons who agree, prompts that do not differ, and two judges that are equally good."""
    rng = np.random.default_rng(seed)
    ids = np.array([f"i{k:03}" for k in range(prompts * each)])
    truth = rng.normal(size=len(ids))
    said = np.clip(np.round(3 + truth[:, None] + 0.5 * rng.normal(size=(len(ids), raters))), 1, 5)
    return Made(
        items=pd.DataFrame(
            {
                "item_id": ids,
                "prompt_id": [f"p{k:02}" for k in np.repeat(np.arange(prompts), each)],
                "generator": np.resize(list("abcdefgh"), len(ids)),
            }
        ),
        annotations=pd.concat(
            [pd.DataFrame({"item_id": ids, "rater_id": f"r{k}", "value": said[:, k]}) for k in range(raters)],
            ignore_index=True,
        ),
        scores=pd.concat(
            [
                pd.DataFrame(
                    {"item_id": ids, "judge": name, "score": truth + 0.7 * rng.normal(size=len(ids))}
                )
                for name in ("good", "twin")
            ],
            ignore_index=True,
        ),
        settings=StudySettings(raters="person", positive_from=3.0),
    )


def compared(made: Made, **options: object) -> ComparisonDocument:
    return genspace.compare(
        items=made.items, annotations=made.annotations, scores=made.scores, settings=made.settings, draws=0,
        permutations=0, **options,
    ).document  # type: ignore[arg-type]  # fmt: skip


def of(frame: pd.DataFrame, name: str) -> pd.Series:
    """Rows of one rater or judge."""
    return frame["rater_id" if "rater_id" in frame else "judge"] == name


def copied(made: Made) -> Made:
    """r1 says what r0 says, r2 what comes to mind."""
    rng = np.random.default_rng(7)
    value = made.annotations.pivot_table(index="item_id", columns="rater_id", values="value")
    value["r1"] = value["r0"]
    value["r2"] = rng.integers(1, 6, len(value)).astype(float)
    return replace(made, annotations=value.reset_index().melt("item_id", var_name="rater_id"))


def yes_no(made: Made, *, above: float = 3.0) -> Made:
    return made.rate(lambda a: (a["value"] > above) * 1.0).declared(positive_from=None)


def pairs(made: Made) -> Made:
    """Every item beside the next one."""
    mean = made.annotations.groupby("item_id")["value"].mean()
    first, second = mean.index[::2], mean.index[1::2]
    better = np.sign(mean[first].to_numpy() - mean[second].to_numpy()) / 2 + 0.5
    said = [
        pd.DataFrame({"item_id": first, "item_id_b": second, "rater_id": r, "value": better}) for r in ("r0", "r1")
    ]  # fmt: skip
    return replace(made.declared(positive_from=None), annotations=pd.concat(said, ignore_index=True))


def by_prompt(made: Made) -> Made:
    """Prompts decide everything, and the judges know nothing of them."""
    prompt = made.items.set_index("item_id")["prompt_id"].str[1:].astype(int)
    changed = made.rate(lambda a: (a["item_id"].map(prompt) % 5 + 1).astype(float))
    return changed.score(lambda s: pd.Series(np.random.default_rng(3).normal(size=len(s))))


def coarse(made: Made) -> Made:
    """One judge that says little but nothing wrong, beside one that always says something."""
    mean = made.annotations.groupby("item_id")["value"].mean()
    sure = np.round(made.scores["item_id"].map(mean) / 4)
    return made.score(lambda s: s["score"].where(~of(s, "good"), sure))


def failed(made: Made) -> Made:
    """Both judges break on one item."""
    broke = made.scores["item_id"] == "i003"
    columns = {"status": np.where(broke, "failed", "decided"), "reason": np.where(broke, "it broke", "")}
    return replace(made, scores=made.scores.assign(score=made.scores["score"].where(~broke), **columns))


APPEARS: dict[str, Callable[[Made], Made]] = {
    "no-people": lambda m: replace(m, annotations=m.annotations.iloc[:0]),
    "raters-are-slots": lambda m: m.declared(raters="slot"),
    "one-rater": lambda m: replace(m, annotations=m.annotations[of(m.annotations, "r0")]),
    "conspicuous-raters": copied,
    "rater-on-other-scale": lambda m: m.rate(lambda a: a["value"].where(~of(a, "r2"), 6 - a["value"])),
    "rules-leave-nobody": lambda m: replace(m, annotations=m.annotations.assign(excluded="too fast")),
    "raters-left-out": lambda m: replace(
        m, annotations=m.annotations.assign(excluded=np.where(of(m.annotations, "r2"), "too fast", ""))
    ),
    "few-prompts": lambda _: study(prompts=12),
    "prompts-not-shared": lambda _: study(prompts=80, each=1),
    "pairs-separated": pairs,
    "rare-answer": lambda m: yes_no(m, above=4.0),
    "few-generators": lambda m: replace(m, items=m.items.assign(generator=np.resize(list("ab"), len(m.items)))),
    "no-decisions": lambda m: m.declared(positive_from=None),
    "human-ties": lambda m: yes_no(replace(m, annotations=m.annotations[~of(m.annotations, "r2")])),
    "derived-metrics": lambda m: m.declared(derived=("twin",)),
    "failures": failed,
    "missing-verdicts": lambda m: replace(m, scores=m.scores[m.scores["item_id"] != "i003"]),
    "abstentions": lambda m: m.score(lambda s: s["score"].where(s["item_id"] != "i003")),
    "points-the-other-way": lambda m: m.score(lambda s: s["score"].where(~of(s, "twin"), -s["score"])),
    "tie-form-decides": coarse,
    "depends-on-choice": lambda m: m.score(
        lambda s: s["score"].where(~of(s, "twin"), np.random.default_rng(5).normal(size=len(s)))
    ),
    "near-ties": lambda m: m.score(
        lambda s: np.round(s["score"]) + 1e-13 * np.random.default_rng(6).normal(size=len(s))
    ),
    "below-prompt-mean": by_prompt,
}  # fmt: skip
"""What makes each remark of a study that is otherwise as `study()`."""
ELSEWHERE = {"study-open", "told", "tie-widths-sampled"}
"""Codes of a study that is being answered, of files of former formats and of very many pairs: tested with these."""


@pytest.fixture(scope="module")
def plain() -> ComparisonDocument:
    return compared(study())


@pytest.fixture(scope="module")
def decided() -> ComparisonDocument:
    return compared(APPEARS["depends-on-choice"](study()))


def test_every_remark_is_listed() -> None:
    codes = {
        get_args(kind.__dataclass_fields__["code"].type and _code_of(kind))[0] for kind in get_args(n.Note)
    }
    assert codes == set(SAID) == set(APPEARS) | ELSEWHERE


def _code_of(kind: type) -> object:
    from typing import get_type_hints

    return get_type_hints(kind, vars(n))["code"]


@pytest.mark.parametrize("code", SAID)
def test_each_code_makes_its_sentence_and_no_other(code: str, decided: ComparisonDocument) -> None:
    told = remark(SAID[code][0], decided)
    assert [other for other, (_, beginning) in SAID.items() if told.startswith(beginning)] == [code]


def test_a_study_without_any_of_their_conditions_gets_no_remark(plain: ComparisonDocument) -> None:
    assert [note.code for note in plain.notes] == []


@pytest.mark.parametrize("code", APPEARS)
def test_a_study_of_which_it_is_true_gets_the_remark(code: str) -> None:
    found = compared(APPEARS[code](study()), **({"primary": "cohen_kappa"} if code == "rare-answer" else {}))
    assert code in {note.code for note in found.notes}


def test_what_is_said_of_items_is_not_said_of_pairs() -> None:
    """No rule for yes and no is missing where people compare two items."""
    assert "no-decisions" not in {note.code for note in compared(pairs(study())).notes}


def test_tie_widths_are_spoken_of_where_there_are_too_many_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("genspace.analysis._notes.MAX_PAIRS", 100)
    assert "tie-widths-sampled" in {note.code for note in compared(study()).notes}


@pytest.mark.parametrize("further", [0, 3])
def test_further_pairs_are_spoken_of_where_there_are_any(further: int, decided: ComparisonDocument) -> None:
    note = n.TieFormDecides(behind_when_wrong=FORM, ahead_when_wrong=FORM, human_ties=0.1, further=further)
    told = remark(note, decided)
    assert ("Further pairs of judges" in told, "is true: 3." in told) == (further > 0, further == 3)
