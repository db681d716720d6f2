"""MoGe-2 (Wang et al. 2025, arXiv 2507.02546) as a depth part: metric depth and the focal length from one image.

A plugin is one class and one record. The class reads some of what is known about an image and returns the arrays of
its stage (`genspace.geometry.perception.STAGES` lists them); batches, caches, checks and failures are genspace's.
MoGe itself is not on the package index: pip install git+https://github.com/microsoft/MoGe.git
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np

from genspace.geometry.perception import Checkpoint, Part, PartKind, Runtime, View
from genspace.records import fingerprint


class MoGe(Part):
    """Depth in metres at every pixel, and the focal length."""

    stage = "depth"

    def __init__(self, checkpoint: Checkpoint, options: None, runtime: Runtime) -> None:
        del options  # this part has none
        self.checkpoint, self.runtime = checkpoint, runtime
        self._model: Any = None

    @property
    def fingerprint(self) -> str:
        """Everything that can change an answer."""
        return fingerprint({"part": "depth.moge-2", "checkpoint": self.checkpoint.name, "version": 1})

    def problem(self) -> str | None:
        """What is missing, with the command that mends it; asked before any image is read."""
        if find_spec("moge") is None:
            return "depth.moge-2: run: pip install git+https://github.com/microsoft/MoGe.git"
        return None

    def run(self, views: Sequence[View]) -> list[dict[str, Any]]:
        """Return depth z (H, W), 0 where there is none, and the focal length in pixels."""
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
            focal = float(out["intrinsics"][0, 0]) * view.size[1]  # MoGe's are in fractions of the width
            answers.append(
                {"depth": np.where(mask, depth, 0).astype(np.float32), "focal_px": np.array(focal)}
            )
        return answers

    def close(self) -> None:
        """Free the model's memory."""
        self._model = None


MOGE_2 = PartKind(
    stage="depth",
    name="moge-2",
    gives="metres and the focal length",
    make=MoGe,
    checkpoints=(Checkpoint(name="Ruicheng/moge-2-vitl-normal", licence="MIT", megabytes=1300),),
)
