"""Results in a notebook: every public result object shows itself as HTML and as Markdown."""

from __future__ import annotations

import inspect
import pkgutil
import re
import shutil
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from frames import evidence

import genspace
from genspace import analysis
from genspace.analysis import CompareOptions, Estimate, rank
from genspace.analysis.attribution import attribution, orders_of
from genspace.analysis.compare import compare
from genspace.analysis.diff import diff
from genspace.analysis.errors import error_overlap
from genspace.analysis.gate import gate
from genspace.analysis.inference.studies import across_studies
from genspace.analysis.power import Assumptions, simulate_power
from genspace.analysis.psychometric import fit_psychometric
from genspace.analysis.reasons import Reason
from genspace.analysis.significance import delong
from genspace.analysis.validation import validate
from genspace.certificate import certify
from genspace.display import OWN_VIEWS, Displayed, view_of
from genspace.framing import frames
from genspace.judges import JudgeSpec, make_judge, study_context
from genspace.parts import ChangedPart, Parts, PartsDocument
from genspace.records import Item, Measurement, Verdict
from genspace.report import judge_table, view_item
from genspace.runner import RunSummary, run
from genspace.study import JudgeTable, Study, check_study, open_study
from genspace.tuning import Space, Tuning, tune_study

ROOT = Path(__file__).resolve().parents[2]


def tuned(study: Study) -> Tuning:
    """Two variants of the judge of scenes."""
    tables = {n: JudgeTable(kind="scene", model=None, options={"boxes": n}) for n in ("stored", "measured")}
    space = Space(tables, (0.5,), 0.0, None, "tune.toml")

    def ask(judge: Any, spec: JudgeSpec, of: Study, options: Any) -> RunSummary:
        return run(of, judge, spec.name, options)

    return tune_study(study, space, make=lambda spec, of: make_judge(spec, study_context(of)), ask=ask)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """One of each kind, made the way users make them."""
    folder = tmp_path_factory.mktemp("study") / "quick"
    shutil.copytree(ROOT / "examples/quickstart", folder)
    (folder / "metric_scores.csv").write_text("item_id,metric,score\nt2i-camera_pose-front-000,clip,0.4\n")
    study = open_study(folder)
    single = view_item(study, "t2i-camera_pose-front-000")
    edit = view_item(study, "edit-camera_pose-front-000")
    rows = [f"i{n}" for n in range(24)]
    items = pd.DataFrame({"item_id": rows, "prompt_id": [f"p{n // 3}" for n in range(24)]})
    said = pd.DataFrame({"item_id": rows, "value": [n % 5 for n in range(24)]})
    scored = pd.DataFrame(
        [{"item_id": r, "judge": j, "score": (n * k) % 7} for n, r in enumerate(rows) for j, k in (("a|b", 3), ("c", 5))]
    )  # fmt: skip
    options = CompareOptions(draws=50, permutations=0)
    comparison = compare(evidence(said, scored, items), options)
    found = [
        comparison,
        judge_table(comparison.document),
        across_studies({"one": comparison.questions[""], "two": comparison.questions[""]}),
        validate(evidence(said, scored, items), "c", options),
        Estimate(0.5, 0.4, 0.6, n=10),
        fit_psychometric([-2, -1, 0, 0, 1, 2], [0, 0, 1, 0, 1, 1], draws=20),
        simulate_power(Assumptions(reliability=0.5, agreement=(0.7, 0.5)), prompts=8, studies=4)[0],
        rank(evidence(said, scored, items.assign(generator=[f"g{n % 3}" for n in range(24)])), options),
        delong([1, 1, 0, 0], [4, 3, 2, 1], [4, 2, 3, 1]),
        certify(
            study, make_judge(JudgeSpec(name="truth", kind="scene"), study_context(study)), "truth", limit=4
        ),
        diff(evidence(said, scored, items), evidence(said, scored, items), options),
        gate(evidence(said, scored, items), ["coverage >= 0.9"], options),
        frames(study),
        tuned(study),
        Parts(
            PartsDocument(
                judge="g",
                old="May",
                new="June",
                measure="share passed",
                items=6,
                left_out=1,
                changed=(ChangedPart("depth", "a", "b"),),
                result=attribution(
                    {frozenset(): [0, 1, 0], frozenset(["depth"]): [1, 1, 0]}, orders_of(["depth"])
                ),
            )
        ),
        error_overlap([1, 0, 1, 1], [1, 1, 0, 1], [1, 1, 1, 0], prompts=range(4)),
        Item(item_id="a", prompt="<b>a cat</b>"),
        Measurement(quantity="distance", value=0.8, unit="m"),
        Verdict(item_id="a", score=0.25),
        study,
        check_study(folder),
        Reason("no_scores"),
        single,
        single.scene,
        single.evaluation,
        edit.scene,
    ]
    return {type(result).__name__: result for result in found}


class _Balanced(HTMLParser):
    """Fails on a tag that is closed without having been opened."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open, tag
        assert self.open.pop() == tag


def test_every_result_shows_itself_as_html_and_markdown(results: dict[str, Any]) -> None:
    for name, result in results.items():
        assert isinstance(result, Displayed), name
        html, markdown = result._repr_html_(), result._repr_markdown_()
        parser = _Balanced()
        parser.feed(html)
        assert parser.open == [], name
        assert "nan" not in markdown.lower().split(), name
        widths = {
            line.replace("\\|", "").count("|") for line in markdown.splitlines() if line.startswith("|")
        }
        assert len(widths) <= 1, (name, "a row of another width than the table")


def test_every_result_has_a_short_repr(results: dict[str, Any]) -> None:
    long = [name for name, result in results.items() if len(repr(result)) > 450]
    assert long == ["PsychometricCurve"], "records of figures are printed whole, all others in short"
    failed = Verdict(item_id="a", status="failed", reason="the server closed the connection " * 20)
    assert len(repr(RunSummary("vlm", failures=[failed] * 495))) <= 240


STEPS = {
    "ByGroup",
    "Concordance",
    "Figure",
    "JudgeScores",
    "Pairs",
    "PromptDraws",
    "RepeatAgreement",
    "Specification",
    "WithinGroups",
}
"""What analysis functions hand to one another: arrays and frames, no results."""


def test_what_a_public_function_of_the_analysis_returns_shows_itself() -> None:
    modules = [genspace, analysis, *(
        import_module(f"genspace.analysis.{m.name}") for m in pkgutil.iter_modules(analysis.__path__) if m.name[0] != "_"
    )]  # fmt: skip
    public = [getattr(m, name) for m in modules for name in getattr(m, "__all__", ())]
    kinds = {c.__name__: c for c in public if inspect.isclass(c)}
    said = " ".join(str(f.__annotations__.get("return")) for f in public if inspect.isfunction(f))
    results = kinds.keys() & set(re.findall(r"\w+", said)) - STEPS
    assert {"Comparison", "ErrorOverlap", "Estimate", "PlannedStudy", "Ranking", "Validation"} <= results
    assert [name for name in sorted(results) if not issubclass(kinds[name], Displayed)] == []


def test_every_view_of_its_own_is_of_a_class_that_is_there(results: dict[str, Any]) -> None:
    shown = {f"{type(r).__module__}.{type(r).__qualname__}" for r in results.values()}
    assert set(OWN_VIEWS) <= shown


def test_a_comparison_shows_answer_table_and_plots(results: dict[str, Any]) -> None:
    html = results["Comparison"]._repr_html_()
    assert "to agree with people more than chance" in html
    assert html.count("<svg") == 2
    markdown = results["Comparison"]._repr_markdown_()
    assert "a\\|b" in markdown
    assert "<svg" not in markdown


def test_a_ranking_shows_everybodys_ranks_and_the_orders_drawn(results: dict[str, Any]) -> None:
    view = view_of(results["Ranking"])
    assert list(view.head) == ["generator", "people", "a|b", "c"]
    assert [row[0] for row in view.rows] == [*results["Ranking"].order(), "distance"]
    assert len(view.pictures) == 2
    assert "First by people" in view.sentences[0]


def test_missing_figures_say_why_and_text_is_escaped(results: dict[str, Any]) -> None:
    assert (
        "– (all scores are equal)"
        in view_of(_Holder(Estimate.undefined(Reason("all_equal", name="scores")))).markdown()
    )
    assert "0.500 [0.400, 0.600]" in view_of(_Holder(Estimate(0.5, 0.4, 0.6))).markdown()
    assert "<b>" not in results["Item"]._repr_html_()
    assert "array (3, 2)" in view_of(_Holder(np.zeros((3, 2)))).markdown()


class _Holder:
    """Something with one field."""

    model_fields = ("figure",)

    def __init__(self, figure: object) -> None:
        self.figure = figure


def test_a_scene_shows_its_plan_and_objects(results: dict[str, Any]) -> None:
    html = results["Scene"]._repr_html_()
    assert "<svg" in html
    assert "armchair" in html
    assert results["Pair"]._repr_html_().count("<svg") == 2
