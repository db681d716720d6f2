"""The steps of docs/contributing/adding.md, done in a clean copy: what they add works, and no other file is touched."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = """
import json
from genspace import open_study
from genspace.analysis.figures import FIGURES
from genspace.geometry.predicates import bind, built_in
from genspace.judges import JudgeSpec, make_judge, study_context
from genspace.records import Request

study = open_study("examples/quickstart")
judge = make_judge(JudgeSpec(name="brightness", kind="brightness"), study_context(study))
item = next(study.iter_items())
(verdict,) = judge.judge([Request(item=item, files=study.files)])
bound = bind("between(lamp, sofa, chair)")
print(json.dumps({
    "figure": FIGURES["youden_j"].label,
    "score": verdict.score,
    "between": "between" in built_in(),
    "asked": bound.names,
}))
"""


def copied(folder: Path) -> Path:
    """A clean clone of what stands in the working tree, committed."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "src", "analysis", "geometry", "human_study", "judges",
         "examples/quickstart", "examples/plugin-judge", "examples/plugin-predicate"],
        cwd=ROOT, capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, names.split("\0")):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target, follow_symlinks=False)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "as it is")
    return folder


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=True, text=True).stdout


def test_a_figure_a_predicate_and_a_judge_touch_the_files_that_the_page_names(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    page = (ROOT / "docs" / "contributing" / "adding.md").read_text(encoding="utf-8")
    told = {row[0].strip(): re.findall(r"`([\w./]+\.(?:py|toml))`", row[1]) for row in re.findall(r"^\|([^|]+)\|([^|]+)\|", page, re.MULTILINE)}  # fmt: skip
    copy = copied(tmp_path)

    figure = re.search(r"```python\n(.*?)```", (ROOT / "docs/how-to/own-figure.md").read_text(), re.DOTALL)[1]
    function, row = re.search(r"(def youden.*?)YOUDEN = (Figure\(.*\))", figure, re.DOTALL).groups()
    (figures,) = told["a figure of agreement"]
    text = (copy / figures).read_text()
    assert "\n_ROWS = (\n" in text
    (copy / figures).write_text(text.replace("\n_ROWS = (\n", f"\n{function}\n_ROWS = (\n{row},\n", 1))

    plugin = copy / "examples" / "plugin-predicate" / "genspace_between"
    for named in told["a predicate"]:
        kind = Path(named).suffix
        source = plugin / ("__init__.py" if kind == ".py" else "between.toml")
        text = source.read_text().replace("BETWEEN = Predicate(", "PREDICATE = Predicate(")
        text = text.replace("package=__name__", 'package="genspace.geometry.predicates"')
        (copy / named.replace("NAME", "between")).write_text(text)

    module, registry = told["a judge"]
    written = copy / module.replace("NAME", "brightness")
    shutil.copy(copy / "examples/plugin-judge/src/genspace_brightness.py", written)
    text = (copy / registry).read_text()
    line = '        "brightness": "genspace.judges.brightness:make",\n'
    (copy / registry).write_text(text.replace("    builtin={\n", "    builtin={\n" + line, 1))

    environment = os.environ | {"PYTHONPATH": str(copy / "src"), "NO_COLOR": "1"}
    done = subprocess.run(
        [sys.executable, "-B", "-c", PROGRAM],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["figure"] == "Youden's J"
    assert 0 <= found["score"] <= 1
    assert found["between"]
    assert found["asked"] == ["lamp", "sofa", "chair"]
    changed = {line[3:] for line in git(copy, "status", "--porcelain").splitlines()}
    assert changed == {
        "analysis/figures.py", "geometry/predicates/between.py", "geometry/predicates/between.toml",
        "judges/_registry.py", "judges/brightness.py",
    }  # fmt: skip
