"""A layer as ONNX nodes, computed by ONNX Runtime."""

from importlib.util import find_spec

import numpy as np

from mnistnn.analysis.inspection.component.findings import LeftOut, Measured
from mnistnn.analysis.inspection.component.network_of import network_of
from mnistnn.layers.contract import BaseLayer
from mnistnn.types import Shape

_CLOSE = 2e-6  # of the largest number: some units of float32's last place


def as_onnx(layer: BaseLayer, shape: Shape) -> Measured:
    """Compare a layer in use, with random parameters, with its ONNX nodes."""
    from mnistnn.analysis.export.onnx_layers import LAYERS

    if type(layer) not in LAYERS:
        raise LeftOut("mnistnn has no ONNX nodes for it: runs with it cannot be exported to ONNX")
    if find_spec("onnx") is None or find_spec("onnxruntime") is None:
        raise LeftOut("ONNX Runtime is not installed (extra: export)")
    from mnistnn.analysis.export.onnx_check import run_onnx
    from mnistnn.analysis.export.onnx_graph import Graph
    from mnistnn.analysis.export.onnx_layers import add_layers

    rng = np.random.default_rng(3)
    model = network_of({"layer": layer})
    out_shape = model.build(shape)
    model.allocate(np, "float64")
    model.initialize(0)
    model.theta[...] += rng.normal(0.0, 0.1, model.size).astype(np.float32)
    x = rng.normal(size=(5, *shape)).astype(np.float32)
    graph = Graph()
    graph.node("y", "Identity", [add_layers(model, graph, "x", shape)])
    (found,) = run_onnx(graph.encoded({"x": (shape, "")}, {"y": (out_shape, "")}, {}), x)
    expected = model.forward(x.astype(np.float64), train=False)
    error = float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-300))
    return Measured(error <= _CLOSE, f"error {error:.1e}", f"{_CLOSE:.0e}")
