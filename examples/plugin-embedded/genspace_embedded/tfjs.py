"""From TensorFlow.js graph models to ONNX: the operations that NanoDet and BlazePose consist of, and no others.

A graph model is a JSON file, nodes in TensorFlow's own terms, and a file of weights, one after the other. TensorFlow
holds images as (N, H, W, C), ONNX's convolutions take (N, C, H, W): each of them stands between two transpositions,
which the runtime removes where they meet.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["to_onnx"]

OPSET = 13
_TO_NCHW, _TO_NHWC = (0, 3, 1, 2), (0, 2, 3, 1)


def to_onnx(model: Path, weights: Path, outputs: Sequence[str], input_shape: Sequence[int]) -> bytes:
    """Return an ONNX model of a graph model, from its only placeholder to the named outputs ("node" or "node:1").

    Errors: `NotImplementedError` for an operation, or a form of one, that is not known.
    """
    from onnx import TensorProto, helper

    document = json.loads(model.read_text(encoding="utf-8"))
    graph = _Graph(document, weights.read_bytes())
    given = []
    for name in outputs:
        graph.node("Identity", [graph.tensor(name)], output=_flat(name))
        given.append(helper.make_tensor_value_info(_flat(name), TensorProto.FLOAT, None))
    [placeholder] = graph.placeholders
    taken = helper.make_tensor_value_info(placeholder, TensorProto.FLOAT, list(input_shape))
    made = helper.make_graph(graph.made, "tfjs", [taken], given, graph.constants)
    whole = helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)])
    whole.ir_version = 8
    content: bytes = whole.SerializeToString()
    return content


def _flat(name: str) -> str:
    return name.replace(":", "_")


def read_weights(manifest: Sequence[dict[str, Any]], content: bytes) -> dict[str, NDArray[Any]]:
    """Return the arrays of a weights file by name; numbers kept as float16 are widened to float32."""
    arrays, start = {}, 0
    for entry in (weight for group in manifest for weight in group["weights"]):
        kept = entry.get("quantization", {}).get("dtype", entry["dtype"])
        if kept not in {"float32", "float16", "int32"}:
            raise NotImplementedError(f"weights of {kept}")
        count = int(np.prod(entry["shape"], dtype=np.int64))
        values = np.frombuffer(content, kept, count, start)
        start += values.nbytes
        arrays[entry["name"]] = values.astype(entry["dtype"]).reshape(entry["shape"])
    return arrays


class _Graph:
    """Nodes of ONNX, made from those of TensorFlow when their tensors are asked for."""

    def __init__(self, document: dict[str, Any], content: bytes) -> None:
        self.nodes = {node["name"]: node for node in document["modelTopology"]["node"]}
        self.weights = read_weights(document["weightsManifest"], content)
        self.made: list[Any] = []
        self.constants: list[Any] = []
        self.placeholders: list[str] = []
        self._tensors: dict[str, tuple[str, ...]] = {}

    def tensor(self, reference: str) -> str:
        """Return the name of a tensor, "node" or "node:1", made with all that it depends on."""
        name, _, index = reference.partition(":")
        if name not in self._tensors:
            node = self.nodes[name]
            if node["op"] not in _OPERATIONS:
                raise NotImplementedError(f"{node['op']} ({name})")
            self._tensors[name] = _OPERATIONS[node["op"]](self, node)
        return self._tensors[name][int(index or 0)]

    def value(self, reference: str) -> NDArray[Any]:
        """Return the value of a constant."""
        return self.weights[reference.partition(":")[0]]

    def node(
        self, operation: str, inputs: Sequence[str], *, output: str | None = None, **attributes: Any
    ) -> str:
        """Add a node with one output, and return that."""
        return self.nodes_of(operation, inputs, 1, output=output, **attributes)[0]

    def nodes_of(
        self,
        operation: str,
        inputs: Sequence[str],
        count: int,
        *,
        output: str | None = None,
        **attributes: Any,
    ) -> tuple[str, ...]:
        """Add a node with several outputs, and return them."""
        from onnx import helper

        names = [output or f"t{len(self.made)}_{i}" for i in range(count)]
        self.made.append(helper.make_node(operation, list(inputs), names, **attributes))
        return tuple(names)

    def constant(self, values: NDArray[Any]) -> str:
        """Add a constant, and return its name."""
        from onnx import numpy_helper

        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def as_nchw(self, operation: str, inputs: Sequence[str], **attributes: Any) -> tuple[str, ...]:
        """Add a node that takes its first input, an image, as (N, C, H, W)."""
        turned = self.node("Transpose", inputs[:1], perm=_TO_NCHW)
        done = self.node(operation, [turned, *inputs[1:]], **attributes)
        return (self.node("Transpose", [done], perm=_TO_NHWC),)


# One function per operation ----------------------------------------------------------------------------------------

Node = dict[str, Any]


def _text(node: Node, key: str) -> str:
    return base64.b64decode(node["attr"][key]["s"]).decode()


def _sides(node: Node, key: str) -> list[int]:
    """Return the height and the width of an attribute that has one number for each of (N, H, W, C)."""
    return [int(value) for value in node["attr"][key]["list"]["i"]][1:3]


def _padding(node: Node) -> dict[str, str]:
    kind = _text(node, "padding")
    if kind not in {"SAME", "VALID"}:
        raise NotImplementedError(f"{node['op']} with padding {kind}")
    # where TensorFlow's SAME is uneven, it adds at the bottom and the right
    return {"auto_pad": "SAME_UPPER" if kind == "SAME" else "VALID"}


def _convolution(graph: _Graph, node: Node) -> tuple[str, ...]:
    kernel = graph.value(node["input"][1])
    depthwise = "Depthwise" in node["op"]
    if depthwise:
        height, width, channels, each = kernel.shape
        kernel, group = kernel.transpose(2, 3, 0, 1).reshape(channels * each, 1, height, width), channels
    else:
        kernel, group = kernel.transpose(3, 2, 0, 1), 1
    fused = [
        base64.b64decode(f).decode() for f in node["attr"].get("fused_ops", {}).get("list", {}).get("s", [])
    ]
    bias = [graph.constant(graph.value(node["input"][2]))] if "BiasAdd" in fused else []
    done = graph.as_nchw(
        "Conv",
        [graph.tensor(node["input"][0]), graph.constant(kernel), *bias],
        strides=_sides(node, "strides"),
        dilations=_sides(node, "dilations"),
        group=group,
        kernel_shape=kernel.shape[2:],
        **_padding(node),
    )
    for after in (f for f in fused if f != "BiasAdd"):
        if after != "Relu6":
            raise NotImplementedError(f"{node['op']} with {after}")
        done = _relu6(graph, done[0])
    return done


def _relu6(graph: _Graph, tensor: str) -> tuple[str, ...]:
    limits = [graph.constant(np.array(limit, np.float32)) for limit in (0, 6)]
    return (graph.node("Clip", [tensor, *limits]),)


def _max_pool(graph: _Graph, node: Node) -> tuple[str, ...]:
    return graph.as_nchw(
        "MaxPool",
        [graph.tensor(node["input"][0])],
        kernel_shape=_sides(node, "ksize"),
        strides=_sides(node, "strides"),
        **_padding(node),
    )


def _pad(graph: _Graph, node: Node) -> tuple[str, ...]:
    pads = graph.value(node["input"][1])
    value = [graph.constant(graph.value(node["input"][2]))] if node["op"] == "PadV2" else []
    amounts = graph.constant(pads.T.reshape(-1).astype(np.int64))
    return (graph.node("Pad", [graph.tensor(node["input"][0]), amounts, *value], mode="constant"),)


def _resize(graph: _Graph, node: Node) -> tuple[str, ...]:
    if node["attr"]["align_corners"].get("b") or not node["attr"]["half_pixel_centers"].get("b"):
        raise NotImplementedError(f"{node['op']} without half-pixel centres")
    turned = graph.node("Transpose", [graph.tensor(node["input"][0])], perm=_TO_NCHW)
    shape = graph.node("Shape", [turned])
    ends = [graph.constant(np.array([i], np.int64)) for i in (0, 2)]
    wanted = graph.constant(graph.value(node["input"][1]).astype(np.int64))
    size = graph.node("Concat", [graph.node("Slice", [shape, *ends]), wanted], axis=0)
    done = graph.node(
        "Resize", [turned, "", "", size], mode="linear", coordinate_transformation_mode="half_pixel"
    )
    return (graph.node("Transpose", [done], perm=_TO_NHWC),)


def _split(graph: _Graph, node: Node) -> tuple[str, ...]:
    tensor, sizes, axis = node["input"]
    parts = graph.value(sizes).astype(np.int64)
    inputs = [graph.tensor(tensor), graph.constant(parts)]
    return graph.nodes_of("Split", inputs, len(parts), axis=int(graph.value(axis)))


def _placeholder(graph: _Graph, node: Node) -> tuple[str, ...]:
    graph.placeholders.append(node["name"])
    return (node["name"],)


def _same(operation: str, **attributes: Any) -> Callable[[_Graph, Node], tuple[str, ...]]:
    """An operation that ONNX has too."""
    return lambda graph, node: (
        graph.node(operation, [graph.tensor(i) for i in node["input"]], **attributes),
    )


_OPERATIONS: dict[str, Callable[[_Graph, Node], tuple[str, ...]]] = {
    "Placeholder": _placeholder,
    "Const": lambda graph, node: (graph.constant(graph.weights[node["name"]]),),
    "Identity": lambda graph, node: (graph.tensor(node["input"][0]),),
    "Conv2D": _convolution,
    "_FusedConv2D": _convolution,
    "FusedDepthwiseConv2dNative": _convolution,
    "MaxPool": _max_pool,
    "Pad": _pad,
    "PadV2": _pad,
    "ResizeBilinear": _resize,
    "Add": _same("Add"),
    "AddV2": _same("Add"),
    "Sigmoid": _same("Sigmoid"),
    "Relu6": lambda graph, node: _relu6(graph, graph.tensor(node["input"][0])),
    "LeakyRelu": lambda graph, node: (
        graph.node("LeakyRelu", [graph.tensor(node["input"][0])], alpha=float(node["attr"]["alpha"]["f"])),
    ),
    "Transpose": lambda graph, node: (
        graph.node(
            "Transpose", [graph.tensor(node["input"][0])], perm=graph.value(node["input"][1]).tolist()
        ),
    ),
    "Reshape": lambda graph, node: (
        graph.node(
            "Reshape",
            [
                graph.tensor(node["input"][0]),
                graph.constant(graph.value(node["input"][1]).astype(np.int64)),
            ],
        ),
    ),
    "ConcatV2": lambda graph, node: (
        graph.node(
            "Concat",
            [graph.tensor(i) for i in node["input"][:-1]],
            axis=int(graph.value(node["input"][-1])),
        ),
    ),
    "SplitV": _split,
}
"""TensorFlow's operations by name: each returns the names of its outputs."""
