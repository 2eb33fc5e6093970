"""Components of your own: layers, optimizers, losses, transforms, stopping policies and fitted models, in one file.

    from typing import Annotated, Literal
    from mnistnn.plugins import Array, BaseLayer, Parameter, Positive, Shape, layer

    @layer
    class Scaled(BaseLayer):
        \"\"\"y = factor · x.\"\"\"

        type: Literal["scaled"] = "scaled"
        factor: Positive = 2.0
        \"\"\"What inputs are multiplied by.\"\"\"

        def build(self, in_shape: Shape) -> tuple[Shape, list[Parameter]]:
            return in_shape, []

        def forward(self, x: Array, train: bool) -> Array:
            return self.factor * x

        def backward(self, dy: Array, need_dx: bool = True) -> Array | None:
            return self.factor * dy if need_dx else None

`mnistnn train mine.yaml --code scaled.py` lets an experiment have `{type: scaled, factor: 3}`. The annotated fields of
the class are its keys: Literal, int, float, bool, str, lists of these, and the constrained types exported here.

What a class extends says what it must do, and what it may rely on:

layer         BaseLayer: build, forward, backward; bind, if it has parameters
optimizer     GradientRule: update, which moves a part of theta in place; FullBatchOptimizer: move
loss          PerClassLoss: losses_and_dz, probabilities; PerExampleLoss: build and predict too
transform     Transform or ImageTransform: apply or redrawn; fit, if it is fitted
policy        Policy: reason, deadline or time_limit_s, pure functions of the history
fitted_model  ClosedForm: own, allocate, fit, scores …; or Fitted, where a model is fitted in several rounds

On `--device cuda` arrays are CuPy's: what is computed with `array_module(x)` and the operators of arrays runs there
too, and needs no code for the device. A loop in Numba does not; such a component is for the CPU. Updates with layers,
losses or rules of your own are not recorded, but done operation by operation, unless a layer or a loss says in
`repeats_itself` that it does the same each time.

A file stands alone: what it imports must be installed. All of this is loaded when it is first used.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mnistnn.backend.arrays import array_module, mean, to_host
    from mnistnn.backend.memory_order import as_examples, as_rows
    from mnistnn.backend.rng import UpdateStreams, stream
    from mnistnn.backend.scratch import Scratch
    from mnistnn.backend.threads import matmul
    from mnistnn.layers.activations import ACTIVATIONS, ActivationName
    from mnistnn.layers.contract import BaseLayer, Parameter
    from mnistnn.layers.initializers import FanInOut, Glorot, Initializer, Zeros
    from mnistnn.losses.contract import PerClassLoss, PerExampleLoss, Score
    from mnistnn.losses.squared_error import SquaredError
    from mnistnn.models.contract import Fitted, Tell
    from mnistnn.models.fitted.closed_form import ClosedForm
    from mnistnn.optim.contract import ObjectiveContract, Progress, Requirements
    from mnistnn.optim.full_batch import FullBatchOptimizer
    from mnistnn.optim.rule import GradientRule, Scalars
    from mnistnn.optim.schedules import RateSchedule
    from mnistnn.plugins.constraints import Count, Field, Fraction, NonNegative, Positive
    from mnistnn.plugins.decorators import fitted_model, layer, loss, optimizer, policy, transform
    from mnistnn.preprocess.contract import Transform, row_blocks
    from mnistnn.preprocess.image_transform import ImageTransform
    from mnistnn.stopping.contract import Deadline, Policy
    from mnistnn.types import Array, History, SecondOrder, Shape, ShapeError, show_shape

__all__ = [
    "ACTIVATIONS",
    "ActivationName",
    "Array",
    "BaseLayer",
    "ClosedForm",
    "Count",
    "Deadline",
    "FanInOut",
    "Field",
    "Fitted",
    "Fraction",
    "FullBatchOptimizer",
    "Glorot",
    "GradientRule",
    "History",
    "ImageTransform",
    "Initializer",
    "NonNegative",
    "ObjectiveContract",
    "Parameter",
    "PerClassLoss",
    "PerExampleLoss",
    "Policy",
    "Positive",
    "Progress",
    "RateSchedule",
    "Requirements",
    "Scalars",
    "Score",
    "Scratch",
    "SecondOrder",
    "Shape",
    "ShapeError",
    "SquaredError",
    "Tell",
    "Transform",
    "UpdateStreams",
    "Zeros",
    "array_module",
    "as_examples",
    "as_rows",
    "fitted_model",
    "layer",
    "loss",
    "matmul",
    "mean",
    "optimizer",
    "policy",
    "row_blocks",
    "show_shape",
    "stream",
    "to_host",
    "transform",
]

if not TYPE_CHECKING:
    _NAMES = {
        "plugins": "Array BaseLayer Parameter Positive Shape layer",
        "backend.arrays": "array_module mean to_host",
        "backend.memory_order": "as_examples as_rows",
        "backend.rng": "UpdateStreams stream",
        "backend.scratch": "Scratch",
        "backend.threads": "matmul",
        "layers.activations": "ACTIVATIONS ActivationName",
        "layers.contract": "BaseLayer Parameter",
        "layers.initializers": "FanInOut Glorot Initializer Zeros",
        "losses.contract": "PerClassLoss PerExampleLoss Score",
        "losses.squared_error": "SquaredError",
        "models.contract": "Fitted Tell",
        "models.fitted.closed_form": "ClosedForm",
        "optim.contract": "ObjectiveContract Progress Requirements",
        "optim.full_batch": "FullBatchOptimizer",
        "optim.rule": "GradientRule Scalars",
        "optim.schedules": "RateSchedule",
        "plugins.constraints": "Count Field Fraction NonNegative Positive",
        "plugins.decorators": "fitted_model layer loss optimizer policy transform",
        "preprocess.contract": "Transform row_blocks",
        "preprocess.image_transform": "ImageTransform",
        "stopping.contract": "Deadline Policy",
        "types": "Array History SecondOrder Shape ShapeError show_shape",
    }
    _HOMES = {name: home for home, names in _NAMES.items() for name in names.split()}

    def __getattr__(name):
        """Load what is asked for, once."""
        from importlib import import_module

        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(f"mnistnn.{_HOMES[name]}"), name)
        return found

    def __dir__():
        return sorted({*globals(), *__all__})
