"""The plugin template in `examples/plugin-perception` installs, is listed, says what it misses, and runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.xdist_group("torch")
ROOT = Path(__file__).resolve().parents[3]

MOGE = '''
import torch


class MoGeModel(torch.nn.Module):
    """What the plugin relies on of MoGe: from_pretrained, infer, and what infer gives."""

    @classmethod
    def from_pretrained(cls, name):
        assert name == "Ruicheng/moge-2-vitl-normal"
        return cls()

    def infer(self, image):
        assert image.shape[0] == 3 and image.max() <= 1
        mask = torch.ones(image.shape[1:], dtype=torch.bool)
        mask[0] = False
        depth = torch.full(image.shape[1:], float("inf"))
        depth[mask] = 3.0
        return {"depth": depth, "mask": mask, "intrinsics": torch.tensor([[0.9, 0, 0.5], [0, 1.2, 0.5], [0, 0, 1]])}
'''

USE = """
import numpy as np
from genspace.geometry.perception import Perception, Picture, Subject, make_part, parse_objects
part = make_part("depth", "moge-2")
parts = {"depth": part, "intrinsics": part}
picture = Picture(pixels=np.zeros((40, 60, 3), np.uint8), width=60, height=40, digest="x")
[seen] = Perception(parts).run([Subject(picture, parse_objects("cow"))])
print(seen.known["depth"][0, 0], seen.known["depth"][1, 0], seen.known["K"][0, 0].round(3))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the plugin installed, as pip installs it."""
    site = tmp_path_factory.mktemp("site")
    source = tmp_path_factory.mktemp("source") / "plugin"
    source.mkdir()
    for file in (ROOT / "examples/plugin-perception").glob("*.*"):
        (source / file.name).write_bytes(file.read_bytes())
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--no-build-isolation",
        "--target",
        site,
        source,
    ]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return site


def run(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    paths = [str(site), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, check=False
    )


def test_the_plugin_is_listed_and_says_what_it_misses(installed: Path) -> None:
    ran = run(installed, "-m", "genspace", "models", "list", "depth", "--json")
    [row] = [r for r in json.loads(ran.stdout) if r["part"] == "depth.moge-2"]
    assert row == {
        "part": "depth.moge-2", "checkpoint": "Ruicheng/moge-2-vitl-normal", "default": False, "gives": "metres and the focal length",
        "licence": "MIT", "megabytes": 1300, "here": False, "note": "",
    }  # fmt: skip


def test_the_plugin_sees(installed: Path) -> None:
    pytest.importorskip("torch", reason="perception models need the extra 'models'")
    (installed / "moge/model").mkdir(parents=True)
    (installed / "moge/model/v2.py").write_text(MOGE)
    ran = run(installed, "-c", USE)
    # the first row has no depth; focal length 0.9 of the width of 60 px
    assert ran.stdout.split() == ["0.0", "3.0", "54.0"], ran.stderr
