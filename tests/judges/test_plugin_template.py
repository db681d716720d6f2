"""The template of a judge plugin installs, is listed, and judges."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


def test_the_template_installs_and_judges(tmp_path: Path) -> None:
    site = tmp_path / "site"
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--target",
        str(site),
    ]
    source = tmp_path / "plugin"
    subprocess.run(["cp", "-r", str(ROOT / "examples" / "plugin-judge"), str(source)], check=True)
    subprocess.run([*install, str(source)], check=True, capture_output=True)
    study = tmp_path / "study"
    (study / "images").mkdir(parents=True)
    (study / "items.csv").write_text("item_id\nlight\ndark\nnone\n")
    Image.new("L", (8, 8), 204).save(study / "images" / "light.png")
    Image.new("RGB", (8, 8), "black").save(study / "images" / "dark.png")
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"PYTHONPATH": path}

    def genspace(*arguments: str) -> str:
        command = [sys.executable, "-m", "genspace", *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout

    listed = json.loads(genspace("ls", "judges", "--json"))
    assert {"name": "brightness", "for": "see its package", "from": "plugin"} in listed
    genspace("judge", str(study), "--judge", "brightness", "-o", "threshold=0.9")
    lines = [json.loads(x) for x in (study / "verdicts/brightness/000001.jsonl").read_text().splitlines()]
    verdicts = {v["item_id"]: v for v in lines}
    assert verdicts["light"]["score"] == 204 / 255
    assert (verdicts["light"]["passed"], verdicts["dark"]["passed"]) == (False, False)
    assert verdicts["none"]["reason"] == "the item has no image"
