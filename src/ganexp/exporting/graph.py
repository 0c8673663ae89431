"""An ONNX graph in the form that the page's interpreter reads, and the operators that it knows."""

import base64
from typing import Any

import numpy as np
import onnx  # type: ignore[import-not-found]
from onnx import helper, numpy_helper  # type: ignore[import-not-found]

from ganexp.errors import UserError

OPERATORS: dict[str, dict[str, Any]] = {
    "Add": {},
    "BatchNormalization": {"training_mode": 0},
    "Concat": {},
    "Conv": {"auto_pad": "NOTSET", "group": 1, "dilations": [1, 1]},
    "ConvTranspose": {"auto_pad": "NOTSET", "group": 1, "dilations": [1, 1], "output_padding": [0, 0]},
    "Gather": {"axis": 0},
    "Gemm": {"alpha": 1.0, "beta": 1.0, "transA": 0, "transB": 1},
    "LeakyRelu": {},
    "Mul": {},
    "Relu": {},
    "Reshape": {},
    "Resize": {"coordinate_transformation_mode": "asymmetric", "mode": "nearest", "nearest_mode": "floor"},
    "Tanh": {},
    "Unsqueeze": {},
}
"""The operators of `interpreter.js`, and the attributes for which it supports one value only."""


def plain(graph: onnx.ModelProto, half: bool = False) -> dict[str, Any]:
    """The graph as values for JSON: nodes in order, and tensors by name.

    Tensors of whole numbers are lists. Tensors of float32 are the base64 of their bytes (little-endian), after
    rounding to float16 if `half`. UserError if the interpreter does not know an operator or one of its attributes.
    """
    versions = {opset.domain: opset.version for opset in graph.opset_import}
    return {
        "nodes": [_node(node, versions) for node in graph.graph.node],
        "tensors": {t.name: _tensor(numpy_helper.to_array(t), half) for t in graph.graph.initializer},
    }


def _node(node: onnx.NodeProto, versions: dict[str, int]) -> dict[str, Any]:
    operator = node.op_type if not node.domain else f"{node.domain}.{node.op_type}"
    if operator not in OPERATORS:
        raise _refusal(operator)
    schema = onnx.defs.get_schema(node.op_type, versions[node.domain], node.domain)
    defaults = {name: a.default_value for name, a in schema.attributes.items() if a.default_value.name}
    attributes = {name: _value(a) for name, a in (defaults | {a.name: a for a in node.attribute}).items()}
    for name, value in OPERATORS[operator].items():
        if attributes.get(name, value) != value:
            raise _refusal(f"{operator} with {name}={attributes[name]}")
    # The interpreter computes Gather as a mixture of rows by the shares of the classes, so the index must be the label.
    if operator == "Gather" and node.input[1] != "label":
        raise _refusal("Gather by anything but the labels")
    return {"operator": operator, "inputs": list(node.input), "output": node.output[0], "attributes": attributes}


def _value(attribute: onnx.AttributeProto) -> Any:
    value = helper.get_attribute_value(attribute)
    return value.decode() if isinstance(value, bytes) else list(value) if isinstance(value, list | tuple) else value


def _refusal(what: str) -> UserError:
    return UserError(f"the network uses {what}, which the page cannot run; it knows {', '.join(OPERATORS)}")


def _tensor(array: np.ndarray, half: bool) -> dict[str, Any]:
    if array.dtype == np.int64:
        return {"shape": array.shape, "values": array.ravel().tolist()}
    # Vectors, such as BatchNorm's statistics, are small, and their values may be too large for float16.
    stored = array.astype("<f2" if half and array.ndim > 1 else "<f4")
    return {"shape": array.shape, "base64": base64.b64encode(stored.tobytes()).decode()}
