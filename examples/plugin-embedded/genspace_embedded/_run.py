"""Running networks on the CPU, and looking at a square of an image."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Square", "overlap", "run_onnx", "run_tflite", "sigmoid", "suppressed"]

THREADS = 2


@cache
def _session(model: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def run_onnx(model: Path, x: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Return the outputs of an ONNX model with one input, in their order."""
    session = _session(model)
    outputs: list[NDArray[np.float32]] = session.run(None, {session.get_inputs()[0].name: x})
    return outputs


@cache
def _interpreter(model: Path | bytes) -> Any:
    from ai_edge_litert.interpreter import Interpreter

    source = {"model_content": model} if isinstance(model, bytes) else {"model_path": str(model)}
    interpreter = Interpreter(num_threads=THREADS, **source)
    interpreter.allocate_tensors()
    return interpreter


def run_tflite(model: Path | bytes, x: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    """Return the outputs of a TFLite model with one input, by the last word of their names."""
    interpreter = _interpreter(model)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    details = interpreter.get_output_details()
    return {d["name"].split("/")[-1]: interpreter.get_tensor(d["index"]) for d in details}


class Square:
    """A square of an image around a box, resampled to a side of its own."""

    def __init__(self, box: NDArray[np.float64], *, margin: float, side: int) -> None:
        self.side = side
        self.size = float(max(box[2] - box[0], box[3] - box[1])) * margin
        self.corner = (box[:2] + box[2:]) / 2 - self.size / 2

    def of(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return its pixels in [0, 1], (side, side, 3); black outside the image."""
        from PIL import Image

        scale = self.size / self.side
        corner = (scale, 0.0, float(self.corner[0]), 0.0, scale, float(self.corner[1]))
        image = Image.fromarray(pixels)
        seen = image.transform(
            (self.side, self.side), Image.Transform.AFFINE, corner, Image.Resampling.BILINEAR
        )
        return np.asarray(seen, np.float32) / np.float32(255)

    def to_image(self, uv: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return places in the image, (N, 2), of places in the square."""
        moved: NDArray[np.float64] = uv * (self.size / self.side) + self.corner
        return moved

    def spread(self, values: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
        """Return values of the square's pixels, (side, side), at the pixels of an image (height, width); 0 outside."""
        from PIL import Image

        scale = self.side / self.size
        origin = -self.corner * scale
        back = (scale, 0.0, float(origin[0]), 0.0, scale, float(origin[1]))
        image = Image.fromarray(values)
        whole = image.transform(size[::-1], Image.Transform.AFFINE, back, Image.Resampling.BILINEAR)
        return np.asarray(whole, np.float32)


def sigmoid(x: NDArray[Any]) -> NDArray[Any]:
    """Return the logistic function."""
    y: NDArray[Any] = 1 / (1 + np.exp(-x))
    return y


def overlap(box: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the intersection over union, (N,), of a box with others (N, 4)."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = np.clip(high - low, 0, None).prod(axis=1)
    areas = (others[:, 2:] - others[:, :2]).prod(axis=1) + (box[2:] - box[:2]).prod()
    share: NDArray[np.float64] = shared / (areas - shared)
    return share


def suppressed(boxes: NDArray[np.float64], scores: NDArray[np.float64], most: float = 0.5) -> list[int]:
    """Return which boxes to keep, best first: those that overlap no better one by more than a share."""
    left = np.argsort(-scores, kind="stable")
    kept = []
    while len(left):
        best, left = left[0], left[1:]
        kept.append(int(best))
        left = left[overlap(boxes[best], boxes[left]) <= most]
    return kept
