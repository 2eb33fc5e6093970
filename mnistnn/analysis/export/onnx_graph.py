"""An ONNX graph while it is being put together: nodes, constants, and names for what flows between them.

All is float32. Operators are those of opset 13 (2020), which every runtime in use knows; the file's format is the one
that came with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mnistnn.analysis.export.source import as_text
from mnistnn.types import Shape

OPSET, IR_VERSION = 13, 7
BATCH = "n"
"""The name of the first axis, whose length is open."""


@dataclass
class Graph:
    """Nodes in order, and constants. A value is named by the part of the model and the operator that it comes from,
    such as hidden.Gemm; so is its node.
    """

    nodes: list[Any] = field(default_factory=list)
    constants: dict[str, Any] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    def node(self, name: str, operator: str, inputs: Sequence[str], attributes: Mapping[str, Any] | None = None) -> str:
        """Add a node with one output, which bears its name, and return that."""
        from onnx import helper

        self.nodes.append(helper.make_node(operator, list(inputs), [name], name=name, **(attributes or {})))
        return name

    def unique(self, name: str) -> str:
        """Return the name, with a number if there is such a value already."""
        number, found = 1, name
        while found in self._names:
            number += 1
            found = f"{name}_{number}"
        self._names.add(found)
        return found

    def constant(self, name: str, array: Any) -> str:
        """Add an array, in float32 unless it is of integers, under a name of its own, and return that."""
        from onnx import numpy_helper

        array = np.asarray(array)
        dtype = np.int64 if array.dtype.kind in "iu" else np.float32
        name = self.unique(name)
        self.constants[name] = numpy_helper.from_array(np.ascontiguousarray(array, dtype=dtype), name)
        return name

    def encoded(
        self,
        inputs: Mapping[str, tuple[Shape, str]],
        outputs: Mapping[str, tuple[Shape, str]],
        about: Mapping[str, Any],
    ) -> bytes:
        """Return the content of the file, once ONNX has checked it.

        Inputs and outputs have a shape, without the batch, and a line of documentation.
        """
        import onnx
        from onnx import TensorProto, helper

        from mnistnn import __version__

        given, made = (
            [
                helper.make_tensor_value_info(name, TensorProto.FLOAT, [BATCH, *shape], doc_string=doc)
                for name, (shape, doc) in ends.items()
            ]
            for ends in (inputs, outputs)
        )
        graph = helper.make_graph(self.nodes, "mnistnn", given, made, initializer=list(self.constants.values()))
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="mnistnn",
            producer_version=__version__,
        )
        helper.set_model_props(model, as_text(about))
        onnx.checker.check_model(model, full_check=True)
        content: bytes = model.SerializeToString()
        return content


@dataclass(frozen=True)
class Part:
    """A part of the model on its way into a graph: what it is called, the shape of its input x (n, *in_shape), and the
    arrays that it learned.
    """

    graph: Graph
    name: str
    in_shape: Shape
    arrays: Mapping[str, np.ndarray] = field(default_factory=dict)

    def node(self, operator: str, *inputs: str, attributes: Mapping[str, Any] | None = None) -> str:
        """Add a node of this part and return the name of its output."""
        return self.graph.node(self.graph.unique(f"{self.name}.{operator}"), operator, inputs, attributes)

    def constant(self, name: str, array: Any) -> str:
        """Add an array of this part and return its name."""
        return self.graph.constant(f"{self.name}.{name}", array)

    def learned(self, name: str) -> str:
        """Add an array that was learned, under the name that it has in checkpoints."""
        return self.constant(name, self.arrays[name])

    def reshaped(self, x: str, shape: Sequence[int]) -> str:
        """Return x (n, ...) as (n, *shape)."""
        return self.node("Reshape", x, self.constant("shape", np.array([-1, *shape], np.int64)))

    def rows(self, x: str) -> str:
        """Return x (n, *in_shape) as (n, numbers): channel by channel, row by row, as mnistnn flattens."""
        return x if len(self.in_shape) == 1 else self.node("Flatten", x, attributes={"axis": 1})

    def images(self, x: str) -> str:
        """Return x (n, h, w) or (n, c, h, w) as (n, c, h, w)."""
        return x if len(self.in_shape) == 3 else self.reshaped(x, (1, *self.in_shape))
