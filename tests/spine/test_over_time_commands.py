"""`genspace diff` and `genspace gate` as they are typed, and the workflow that runs them."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema
import pandas as pd
import pytest

import genspace as package
from genspace.records import Verdict
from genspace.store import JudgeStore

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "src/genspace/schemas"


def judged(folder: Path, judge: str, wrong: int, *, fingerprint: str = "first", silent: int = 0) -> None:
    """A judge that errs on every `wrong`-th item, and is silent on the first few."""
    items = pd.read_csv(folder / "items.csv")["item_id"]
    people = pd.read_csv(folder / "annotations.csv").groupby("item_id")["value"].mean()
    with JudgeStore(folder, judge).writer() as writer:
        for n, item in enumerate(items):
            yes = bool(people.get(item, 0) >= 0.5) ^ (n % wrong == 0)
            verdict = Verdict(item_id=item, score=float(yes), passed=yes, seconds=0.5)
            if n < silent:
                verdict = Verdict(item_id=item, status="abstained", reason="nothing to see")
            writer.write(verdict.stamped(judge=judge, fingerprint=fingerprint))


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """The demo, judged twice; the second time the judge errs far more often, and abstains."""
    old, new = tmp_path / "old", tmp_path / "new"
    for folder, wrong, mark, silent in ((old, 12, "first", 0), (new, 3, "second", 5)):
        shutil.copytree(ROOT / "examples/demo", folder)
        judged(folder, "scene", wrong, fingerprint=mark, silent=silent)
    return old, new


def test_diff_tells_all_that_changed(runs: tuple[Path, Path], tmp_path: Path, genspace) -> None:
    old, new = runs
    result = genspace("diff", old, new, "--out", tmp_path / "out")
    assert result.code == 0
    for told in (
        "scene is behind what it was", "coverage 100.0% before", "abstained: nothing to see (0 before, 5 now)",
        "another fingerprint, first before and second now", "of its own answers repeat",
        "sim_reconstruction: the same answers on",
    ):  # fmt: skip
        assert told in result.out, told
    page = (tmp_path / "out/diff.html").read_text()
    assert "answers that flipped" in page
    assert "now wrong" in page
    written = {p.suffix for p in (tmp_path / "out").iterdir()}
    assert written == {".html", ".json", ".csv", ".tex", ".md", ".svg", ".pdf"}
    document = json.loads(genspace("diff", old, new, "--json").out)
    jsonschema.validate(document, json.loads((SCHEMAS / "diff.schema.json").read_text()))
    assert (
        document == json.loads((tmp_path / "out/diff.json").read_text()) == package.diff(old, new).to_dict()
    )
    assert "| scene |" in genspace("diff", old, new, "--format", "md").out


def test_diff_shows_pictures_of_what_flipped(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for folder, wrong in ((old, 12), (new, 3)):
        shutil.copytree(ROOT / "examples/quickstart", folder)
        judged(folder, "scene", wrong)
    package.diff(old, new).write(tmp_path / "out")
    page = (tmp_path / "out/diff.html").read_text()
    assert page.count("data:image/jpeg") > 5


def test_folders_of_verdicts_and_earlier_fingerprints(
    runs: tuple[Path, Path], tmp_path: Path, genspace
) -> None:
    old, new = runs
    by_study = package.diff(old, new).document.judges
    judged(old, "scene", 3, fingerprint="second", silent=5)  # in the same study, after an option changed
    within = package.diff(old / "verdicts/scene@fir", old / "verdicts/scene").document
    (row,) = within.judges
    alone = next(r for r in by_study if r.judge == "scene")
    assert (row.difference, row.flips, row.repeats) == (alone.difference, alone.flips, alone.repeats)
    assert (row.old.fingerprint, row.new.fingerprint) == ("first", "second")
    shutil.copytree(new / "verdicts", tmp_path / "bare/verdicts")  # verdicts without their study
    moved = package.diff(old / "verdicts/scene@first", tmp_path / "bare/verdicts/scene").document.judges[0]
    assert moved.difference == alone.difference
    shutil.copytree(new / "verdicts/scene", new / "verdicts/again")
    (renamed,) = package.diff(new / "verdicts/scene", new / "verdicts/again").document.judges
    assert (renamed.judge, renamed.standing) == ("scene → again", "identical")
    for wrong, told in (
        (old / "verdicts/scene@zzz", "no single fingerprint begins with 'zzz'"),
        (tmp_path / "nothing", "there is no such folder"),
        (tmp_path / "bare", "no study, no comparison.json"),
        (new, "are the same; name two"),
    ):
        result = genspace("diff", wrong, new)
        assert (result.code, told in result.err) == (2, True), result.err


def test_a_comparison_read_from_a_file_has_figures_alone(
    runs: tuple[Path, Path], tmp_path: Path, genspace
) -> None:
    old, new = runs
    assert genspace("compare", old, "--out", tmp_path, "--draws", "0").code == 0
    result = genspace("diff", tmp_path / "comparison.json", new)
    assert (result.code, "figures, not the answers" in result.out) == (0, True)
    assert genspace("gate", new, "--against", tmp_path / "comparison.json").code == 2


def test_gate_exits_with_3_and_writes_what_ci_reads(
    runs: tuple[Path, Path], tmp_path: Path, genspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = runs
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    rules = [
        "--rule",
        "scene: cohen_kappa.low >= 0.5",
        "--rule",
        "scene: coverage >= 0.9",
        "--rule",
        "scene not behind before",
    ]
    junit = tmp_path / "ci/gate.xml"
    passed, failed = (genspace("gate", run, "--against", old, *rules, "--junit", junit) for run in (old, new))
    assert (passed.code, failed.code) == (0, 3)
    lines = [line for line in failed.out.splitlines() if "·" in line]
    assert [line.partition(":")[0] for line in lines] == ["not met", "met", "not met"]
    assert "at a true" in lines[0]
    suite = ET.parse(junit).getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("3", "2")
    assert [case.find("failure") is None for case in suite] == [False, True, False]
    assert (tmp_path / "summary.md").read_text().count("| rule |") == 2
    document = json.loads(genspace("gate", new, "--against", old, *rules, "--json").out)
    jsonschema.validate(document, json.loads((SCHEMAS / "gate.schema.json").read_text()))


def test_rules_of_study_toml(runs: tuple[Path, Path], genspace) -> None:
    _, new = runs
    with (new / "study.toml").open("a") as file:
        file.write('\n[gate]\nrules = ["scene not behind before"]\nagainst = "../old"\nopen = "passes"\n')
    assert genspace("gate", new).code == 3
    found = package.gate(new, ["scene: cohen_kappa.low >= 0.3"])
    assert [check.rule for check in found.document.checks] == [
        "scene not behind before",
        "scene: cohen_kappa.low >= 0.3",
    ]
    assert found.document.open == "passes"
    text = (new / "study.toml").read_text().replace("open =", "opened =")
    (new / "study.toml").write_text(text)
    result = genspace("gate", new)
    assert (result.code, "did you mean 'open'" in result.err) == (2, True)


def test_mistakes_in_rules_are_the_users(runs: tuple[Path, Path], genspace) -> None:
    for rules, told in ((["--rule", "scen: accuracy >= 0.5"], "did you mean 'scene'"), ([], "no rule")):
        result = genspace("gate", runs[0], *rules)
        assert (result.code, told in result.err) == (2, True), result.err


def test_mistakes_name_the_study_in_which_they_stand(
    runs: tuple[Path, Path], tmp_path: Path, genspace
) -> None:
    """Of two studies with files of the same names."""
    wrong = shutil.copytree(runs[0], tmp_path / "wrong")
    (wrong / "annotations.csv").write_text("item_id,rater_id,value\nnobody,r,1\n")
    told = f"{wrong / 'annotations.csv'}, line 2: item_id = 'nobody'"
    for arguments in (("diff", runs[1], wrong), ("diff", wrong, runs[1]), ("compare", runs[1], wrong),
                      ("gate", runs[1], "--against", wrong, "--rule", "coverage >= 0.5")):  # fmt: skip
        found = genspace(*arguments)
        assert (found.code, told in found.err) == (2, True), found.err


def test_the_workflow_runs(
    runs: tuple[Path, Path], tmp_path: Path, genspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The `genspace` lines of the workflow, in their order, where the last run lies beside the study."""
    old, new = runs
    (tmp_path / "my-study-before").symlink_to(old)
    (tmp_path / "my-study").symlink_to(new)
    text = (ROOT / "examples/ci/judges.yml").read_text()
    steps = re.findall(r"run: genspace (diff|gate) (.*)", text)
    monkeypatch.chdir(tmp_path)
    codes = []
    for command, arguments in steps:
        words = arguments.partition(">>")[0].replace('"', "").replace("$STUDY", "my-study").split()
        codes.append(genspace(command, *words).code)
    assert codes == [0, 3]
    assert Path("changes/gate.xml").is_file()
