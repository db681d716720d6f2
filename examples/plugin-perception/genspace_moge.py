"""MoGe-2 (Wang et al. 2025, arXiv 2507.02546) as a part: metric depth and the camera's intrinsics from one image.

A plugin is one class and one record. The class declares what it reads and gives of the stages' arrays
(`genspace.geometry.perception.STAGES` lists them); batches, caches, checks and failures are genspace's.
MoGe itself is not on the package index: pip install git+https://github.com/microsoft/MoGe.git
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from genspace.geometry.perception import Checkpoint, Part, PartKind, Runtime, StageView
from genspace.records import fingerprint


class MoGe(Part):
    """Depth in metres at every pixel, and the focal length."""

    gives = ("depth", "K")

    def __init__(self, checkpoint: Checkpoint, options: None, runtime: Runtime) -> None:
        del options  # this part has none
        self.checkpoint, self.runtime = checkpoint, runtime
        self._model: Any = None

    @property
    def name(self) -> str:
        """What messages and sources call it."""
        return "depth.moge-2"

    @property
    def fingerprint(self) -> str:
        """Everything that can change an answer."""
        return fingerprint({"part": "depth.moge-2", "checkpoint": self.checkpoint.name, "version": 1})

    def problem(self) -> str | None:
        """What is missing, with the command that mends it; asked before any image is read."""
        if find_spec("moge") is None:
            return "depth.moge-2: run: pip install git+https://github.com/microsoft/MoGe.git"
        return None

    def run(self, views: Sequence[StageView]) -> list[dict[str, Any]]:
        """Return depth z (H, W), 0 where there is none, and K, (3, 3), in pixels."""
        import torch

        device = self.runtime.resolved().device
        if self._model is None:
            from moge.model.v2 import MoGeModel

            self._model = MoGeModel.from_pretrained(self.checkpoint.name).to(device).eval()
        answers = []
        for view in views:
            image = torch.from_numpy(view.pixels).to(device).permute(2, 0, 1) / 255
            with torch.inference_mode():
                out = self._model.infer(image)
            depth, mask = (out[key].cpu().numpy() for key in ("depth", "mask"))
            height, width = view.size
            shares = out["intrinsics"].cpu().numpy()  # MoGe's are in shares of the image's sides
            K = np.diag([width, height, 1.0]) @ shares
            answers.append({"depth": np.where(mask, depth, 0).astype(np.float32), "K": K})
        return answers

    def close(self) -> None:
        """Free the model's memory."""
        self._model = None


MOGE_2 = PartKind(
    stages=("depth", "intrinsics"),
    name="moge-2",
    does="metres and the focal length",
    make=MoGe,
    checkpoints=(Checkpoint(name="Ruicheng/moge-2-vitl-normal", licence="MIT", megabytes=1300),),
)
