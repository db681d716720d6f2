"""Three newcomers: each types the lines that the documentation shows, in the order in which they stand there."""

from __future__ import annotations

import re
import shlex
import shutil
from contextlib import chdir
from pathlib import Path

import newcomer
import pytest

from genspace import Verdict
from genspace.store import JudgeStore

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(bash|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page: str, language: str) -> list[str]:
    return [
        body for kind, body in FENCE.findall((ROOT / page).read_text(encoding="utf-8")) if kind == language
    ]


def typed(genspace, line: str) -> int:
    return genspace(*shlex.split(line)[1:]).code


def test_own_scores_in_one_table(tmp_path: Path, genspace) -> None:
    """The README: a CSV with people's ratings and two metrics becomes a report, tables and figures."""
    (tmp_path / "results.csv").write_text(newcomer.table())
    with chdir(tmp_path):
        (line,) = [line for line in newcomer.commands() if line.startswith("genspace compare")]
        result = genspace(*shlex.split(line)[1:])
    assert (result.code, "agree" in result.out) == (0, True)
    names = {path.name for path in (tmp_path / "report").iterdir()}
    assert names >= {
        "report.html",
        "table.csv",
        "table.tex",
        "table.md",
        "figure-agreement.svg",
        "figure-agreement.pdf",
    }


@pytest.fixture
def team(tmp_path: Path) -> Path:
    """Four judges and five generators, twice; the second time one of the judges errs more."""
    for name, wrong in (("my-study-before", 15), ("my-study", 4)):
        study = tmp_path / name
        study.mkdir()
        ids = [f"p{p:02}-{g}" for p in range(40) for g in "abcde"]
        rows = [f"{i},{i[:3]},{i[4]}" for i in ids]
        (study / "items.csv").write_text("\n".join(["item_id,prompt_id,generator", *rows]) + "\n")
        yes = {i: (k * 7 // 3) % 2 for k, i in enumerate(ids)}
        (study / "annotations.csv").write_text(
            "\n".join(["item_id,rater_id,value", *(f"{i},ann,{v}" for i, v in yes.items())]) + "\n"
        )
        for judge, every in (("scene", wrong), ("text-only", 3), ("boxes", 6), ("clip", 5)):
            with JudgeStore(study, judge).writer() as writer:
                for k, i in enumerate(ids):
                    passed = bool(yes[i]) ^ (k % every == 0)
                    writer.write(
                        Verdict(item_id=i, score=float(passed), passed=passed).stamped(
                            judge=judge, fingerprint="one"
                        )
                    )
        rules = (
            'rules = ["scene: cohen_kappa.low >= 0.5", "coverage >= 0.9", "every judge not behind before"]'
        )
        (study / "study.toml").write_text(f'primary = "cohen_kappa"\n\n[gate]\n{rules}\n')
    return tmp_path


def test_four_judges_and_five_generators_in_continuous_integration(
    team: Path, genspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`examples/ci/judges.yml`: what changed, then the gate, which stops the one judge that drifted."""
    workflow = (ROOT / "examples/ci/judges.yml").read_text()
    lines = [
        line.partition(">>")[0].replace("$STUDY", "my-study")
        for line in re.findall(r"run: (genspace (?:diff|gate) .*)", workflow)
    ]
    monkeypatch.chdir(team)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "summary.md")
    assert [typed(genspace, line) for line in lines] == [0, 3]
    summary = Path("summary.md").read_text()
    assert "every judge not behind before | scene" in summary
    told = genspace(*shlex.split(lines[1])[1:]).out
    failed = [line for line in told.splitlines() if line.startswith("not met") and " · " in line]
    assert failed
    assert all("scene" in line for line in failed)
    shutil.rmtree("my-study")
    shutil.copytree("my-study-before", "my-study")  # the drift is undone
    assert [typed(genspace, line) for line in lines] == [0, 0]


def test_python_with_frames() -> None:
    """The page on agreement: three data frames are compared, and one figure of two vectors is asked for."""
    first, second = blocks("docs/concepts/agreement.md", "python")[:2]
    names: dict[str, object] = {}
    exec(compile(first, "agreement.md", "exec"), names)
    estimate = names["comparison"].document.judges["clip"].item["spearman"]  # type: ignore[attr-defined]
    from scipy.stats import spearmanr

    assert estimate.value == pytest.approx(
        spearmanr([1, 2, 5, 4, 2, 3], [0.1, 0.2, 0.9, 0.8, 0.3, 0.2]).statistic
    )
    exec(compile(second, "agreement.md", "exec"), names)
