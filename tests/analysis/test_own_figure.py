"""The how-to's figure, installed as the page says, stands everywhere a figure stands."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "how-to" / "own-figure.md"


def installed(folder: Path) -> dict[str, str]:
    """Install the page's package into a folder; return the environment that finds it."""
    page = PAGE.read_text(encoding="utf-8")
    (folder / "my_package.py").write_text(re.search(r"```python\n(.*?)```", page, re.DOTALL)[1])
    info = folder / "my_package-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: my_package\nVersion: 1\n")
    entry = re.search(r"```toml\n\[project.entry-points.\"(.*?)\"\]\n(\w+) = \"(.*?)\"", page)
    (info / "entry_points.txt").write_text(f"[{entry[1]}]\n{entry[2]} = {entry[3]}\n")
    return {**os.environ, "PYTHONPATH": str(folder), "NO_COLOR": "1", "COLUMNS": "200"}


def test_one_row_is_table_words_report_specification_and_json(tmp_path: Path) -> None:
    """People say yes to a, b, c and no to d, e; the judge to a, b, d: J = 2/3 + 1/2 - 1 = 1/6."""
    study = tmp_path / "study"
    (study / "scores").mkdir(parents=True)
    people, judge = [1, 1, 1, 0, 0], [1, 1, 0, 1, 0]
    ids = [f"{name}{copy}" for copy in range(8) for name in "abcde"]
    (study / "items.csv").write_text("item_id,prompt_id\n" + "".join(f"{i},p{i[1:]}\n" for i in ids))
    said = "".join(f"{i},{people['abcde'.index(i[0])]}\n" for i in ids)
    scored = "".join(f"{i},{judge['abcde'.index(i[0])]},{judge['abcde'.index(i[0])]}\n" for i in ids)
    (study / "annotations.csv").write_text(f"item_id,value\n{said}")
    (study / "scores" / "mine.csv").write_text(f"item_id,score,passed\n{scored}")
    environment = installed(tmp_path)
    out = tmp_path / "report"
    command = [
        sys.executable,
        "-m",
        "genspace",
        "compare",
        str(study),
        "--primary",
        "youden_j",
        "--out",
        str(out),
    ]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "Youden J" in ran.stdout
    document = json.loads((out / "comparison.json").read_text())
    figure = document["judges"]["mine"]["item"]["youden_j"]
    assert figure["value"] == pytest.approx(1 / 6, abs=1e-12)
    assert document["primary"]["figure"] == "youden_j"
    page = (out / "report.html").read_text()
    assert "as a coin would, below 0 the other way (Youden 1950)" in page
    wrong = subprocess.run(
        [*command[:5], "--primary", "youden"], env=environment, capture_output=True, text=True, check=False
    )
    assert wrong.returncode == 2
    assert "did you mean 'youden_j'?" in wrong.stderr
