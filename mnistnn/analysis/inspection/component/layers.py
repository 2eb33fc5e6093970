"""What is claimed of a layer: shapes, gradients, what it may write to, and that it goes on alike when it is resumed."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from math import ceil, prod
from typing import Any

import numpy as np

from mnistnn.analysis.inspection.component import allocation, second_order
from mnistnn.analysis.inspection.component.findings import (
    Claim,
    LeftOut,
    Measured,
    of_dtypes,
    of_gradient,
    same_bits,
)
from mnistnn.analysis.inspection.component.in_onnx import as_onnx
from mnistnn.analysis.inspection.component.resumed import layer_resumed
from mnistnn.analysis.inspection.component.shapes import claim_of_shapes, refusal
from mnistnn.errors import CheckFailedError
from mnistnn.layers.contract import BaseLayer
from mnistnn.objectives.gradient_check import INPUT, GradientRow
from mnistnn.objectives.layer_gradients import BoundLayer, bound_layer, check_layer
from mnistnn.types import Shape, ShapeError, show_shape

SHAPES: tuple[Shape, ...] = ((6,), (2, 3), (6, 6), (2, 6, 6), (9, 8, 8))
"""Of examples, that are tried where nobody says which: units, small and larger images or sequences, several maps."""

_SEVERAL = 4
_SHAPED = 3
_COORDINATES = 10

Make = Callable[[], BaseLayer]


def claims(make: Make, shapes: Sequence[Shape] = SHAPES) -> Iterator[Claim]:
    """Yield what is claimed of the layers that `make` makes, for inputs of these shapes that they take."""
    taken = [shape for shape in shapes if refusal(make, shape) is None]
    yield claim_of_shapes(make, shapes, partial(_tried, make), _SHAPED, "three examples")
    if not taken:
        return
    tests = _Tests(make, taken)
    for name in tests.learned:
        sentence = f"The backward pass finds the derivative by parameter `{name}`"
        yield Claim(sentence, partial(tests.gradient, name))
    yield Claim("The backward pass finds the derivative by the input", partial(tests.gradient, INPUT))
    yield Claim("The backward pass overwrites the last gradient, and adds nothing to it", tests.overwrites)
    yield Claim("Without need for the input's derivative, none is given, and the others are the same", tests.need_no_dx)
    yield Claim("What is computed in float32 stays float32", lambda: tests.keeps("float32"))
    yield Claim("What is computed in float64 stays float64", lambda: tests.keeps("float64"))
    yield Claim("It only reads its input", tests.reads)
    yield Claim("Two layers of this kind share no memory", tests.shares_nothing)
    yield Claim("A batch leaves no trace in the next one, which may be smaller", tests.forgets)
    yield Claim("The same update draws the same random numbers", tests.draws_the_same)
    yield Claim("Another update draws other random numbers", tests.draws_others)
    yield Claim("In use it is the same function each time, whatever is trained between", tests.is_a_function)
    yield Claim("After the first steps it takes no memory that grows with the batch", tests.allocates_nothing)
    yield Claim("After the first steps it takes no memory that grows with an example", tests.allocates_nothing_large)
    yield Claim("It keeps as many numbers as it says", tests.memory)
    yield Claim("Stopped after two updates and resumed, it goes on with the same bits", tests.resumed)
    yield Claim("Its tangents are the change of its output (for second-order methods)", tests.tangents)
    yield Claim("The gradients of single examples add up to that of the batch (for second-order methods)", tests.singly)
    yield Claim("Its diagonal is that of the squared derivatives (for second-order methods)", tests.diagonal)
    yield Claim("ONNX Runtime computes the same", tests.onnx)


def _tried(make: Make, shape: Shape) -> tuple[Shape, Shape]:
    """Return the shape that a layer promises for one example, and the one that it gives of several."""
    layer = make()
    promised, _ = layer.build(shape)
    bound = bound_layer(layer, shape, np.random.default_rng(0))
    found = layer.forward(_inputs(shape, _SHAPED), train=True).shape
    _refuse_other_shapes(bound)
    return promised, found


def _refuse_other_shapes(bound: BoundLayer) -> None:
    """Raise ShapeError for a parameter that was bound to an array of another shape than is declared."""
    for parameter in bound.parameters:
        if bound.values[parameter.name].shape != tuple(parameter.shape):
            raise ShapeError(f"the initializer of {parameter.name} gives another shape than {parameter.shape}")


def _inputs(shape: Shape, n: int, dtype: str = "float64", seed: int = 6) -> np.ndarray:
    x: np.ndarray = np.random.default_rng(seed).normal(size=(n, *shape)).astype(dtype)
    return x


class _Tests:
    """The tests of one layer. Where one shape is enough, it is the first that the layer takes."""

    def __init__(self, make: Make, shapes: Sequence[Shape]) -> None:
        self.make, self.shapes, self.shape = make, shapes, shapes[0]
        self.learned = self._bound(self.shape).learned
        self._rows: list[GradientRow] | None = None

    def _bound(self, shape: Shape | None = None, dtype: str = "float64") -> BoundLayer:
        return bound_layer(self.make(), shape or self.shape, np.random.default_rng(4), dtype)

    def _passed(self, bound: BoundLayer, x: np.ndarray) -> dict[str, np.ndarray]:
        """Return copies of what both passes give, for a dy of ones."""
        bound.begin()
        y = bound.layer.forward(x, train=True).copy()
        dx = bound.layer.backward(np.ones_like(y))
        if dx is None:
            raise CheckFailedError("the backward pass returns no derivative by the input")
        return {"y": y, "dx": dx.copy(), **{f"d{name}": bound.grads[name].copy() for name in bound.learned}}

    def gradient(self, name: str) -> Measured:
        if self._bound().layer.is_truncated:
            raise LeftOut("it says that it leaves out a part of the gradient (is_truncated)")
        return of_gradient(row for row in self._gradients() if row.name == name)

    def _gradients(self) -> list[GradientRow]:
        """Return the checks for each shape, with batches of one and of several examples, and a smaller last one."""
        if self._rows is None:
            self._rows = []
            for shape in self.shapes:
                bound, rng = self._bound(shape), np.random.default_rng(1)
                least = 2 if bound.layer.needs_several_examples else 1
                for n in (least, _SEVERAL, _SEVERAL - 1):
                    self._rows += check_layer(bound, _inputs(shape, n), rng, _COORDINATES)
        return self._rows

    def overwrites(self) -> Measured:
        bound, x = self._bound(), _inputs(self.shape, _SEVERAL)
        first, second = self._passed(bound, x), self._passed(bound, x)
        for name, gradient in first.items():
            if not np.isfinite(gradient).all():
                return Measured(False, f"{name} is no number where the memory held none before", "finite numbers")
        return same_bits((second[name], first[name]) for name in first)

    def need_no_dx(self) -> Measured:
        bound, x = self._bound(), _inputs(self.shape, _SEVERAL)
        expected = self._passed(bound, x)
        bound.begin()
        y = bound.layer.forward(x, train=True)
        given = bound.layer.backward(np.ones_like(y), need_dx=False)
        if given is not None:
            return Measured(False, "a derivative is returned", "None")
        if not bound.learned:
            return Measured(True, "None is returned", "None")
        return same_bits((bound.grads[name], expected[f"d{name}"]) for name in bound.learned)

    def keeps(self, dtype: str) -> Measured:
        bound, x = self._bound(dtype=dtype), _inputs(self.shape, _SEVERAL, dtype)
        arrays = self._passed(bound, x)
        arrays["y in use"] = bound.layer.forward(x, train=False)
        other = "float64" if dtype == "float32" else "float32"
        kept = {
            f"self.{name}": value
            for name, value in vars(bound.layer).items()
            if isinstance(value, np.ndarray) and value.dtype == other and value.ndim
        }
        return of_dtypes(arrays | kept, dtype)

    def reads(self) -> Measured:
        bound, x = self._bound(), _inputs(self.shape, _SEVERAL)
        before = x.copy()
        x.setflags(write=False)
        try:
            self._passed(bound, x)
            bound.layer.forward(x, train=False)
        except ValueError as error:
            if "read-only" not in str(error):
                raise
            return Measured(False, "it writes to its input", "reading")
        return same_bits([(x, before)], "inputs")

    def shares_nothing(self) -> Measured:
        one, other = self._bound(), self._bound()
        one.begin()
        lent = one.layer.forward(_inputs(self.shape, _SEVERAL), train=True)
        before = lent.copy()
        self._passed(other, _inputs(self.shape, _SEVERAL, seed=7))
        return same_bits([(lent, before)], "numbers lent by one layer")

    def forgets(self) -> Measured:
        fresh, used, x = self._bound(), self._bound(), _inputs(self.shape, _SEVERAL - 1)
        self._passed(used, np.full((_SEVERAL, *self.shape), np.nan))
        for name, value in fresh.values.items():  # statistics, which a forward pass collects
            used.values[name][...] = value
        found, expected = self._passed(used, x), self._passed(fresh, x)
        return same_bits((found[name], expected[name]) for name in expected)

    def draws_the_same(self) -> Measured:
        x = _inputs(self.shape, _SEVERAL)
        bound = self._bound()
        first = self._passed(bound, x)
        bound.begin(1)
        bound.layer.forward(x, train=True)
        bound.layer.backward(np.ones_like(first["y"]))
        again = self._passed(self._bound(), x), self._passed(bound, x)
        return same_bits((other[name], first[name]) for other in again for name in first)

    def draws_others(self) -> Measured:
        bound, x = self._bound(), np.ones((64, *self.shape))
        if not bound.layer.is_random:
            raise LeftOut("it does not say that it is random (is_random)")
        made = []
        for update in range(2):
            bound.begin(update)
            made.append(bound.layer.forward(x, train=True).copy())
        different = int((made[0] != made[1]).sum())
        return Measured(different > 0, f"{different} of {made[0].size} outputs differ", "more than 0")

    def is_a_function(self) -> Measured:
        bound, x = self._bound(), _inputs(self.shape, _SEVERAL - 1)
        before = bound.layer.forward(x, train=False).copy()
        values = {name: value.copy() for name, value in bound.values.items()}
        bound.begin(1)
        y = bound.layer.forward(x, train=True)
        bound.layer.backward(np.ones_like(y))
        for name, value in values.items():
            bound.values[name][...] = value
        return same_bits([(bound.layer.forward(x, train=False), before)], "outputs")

    def allocates_nothing(self) -> Measured:
        n = -(-allocation.LARGE // prod(self.shape))
        many, more = n, allocation.TIMES * n
        return allocation.of_growth(self._risen(self.shape, many), self._risen(self.shape, more), more - many)

    def allocates_nothing_large(self) -> Measured:
        numbers = allocation.LARGE // allocation.FEW
        large, larger = (self._scaled_to(count) for count in (numbers, allocation.TIMES * numbers))
        for shape in (large, larger):
            if refusal(self.make, shape) is not None:
                raise LeftOut(f"it does not take inputs of {show_shape(shape)}")
        less, more = (self._risen(shape, allocation.FEW) for shape in (large, larger))
        return allocation.of_growth(less, more, prod(larger) - prod(large), allocation.OF_VECTORS)

    def _scaled_to(self, numbers: int) -> Shape:
        """Return the shape with each axis so many times longer that an example has about so many numbers."""
        factor = ceil((numbers / prod(self.shape)) ** (1 / len(self.shape)))
        return tuple(size * factor for size in self.shape)

    def _risen(self, shape: Shape, n: int) -> int:
        bound = self._bound(shape, "float32")
        layer, x = bound.layer, _inputs(shape, n, "float32")
        ones: list[Any] = [None, None]

        def step() -> None:
            bound.begin()
            y = layer.forward(x, train=True)
            if ones[0] is None:
                ones[:] = np.ones_like(y), np.empty_like(y)
            ones[1][...] = ones[0]
            layer.backward(ones[1])

        return allocation.risen_bytes(step)

    def memory(self) -> Measured:
        bound, x = self._bound(), _inputs(self.shape, _SEVERAL)
        if type(bound.layer).memory is BaseLayer.memory:
            raise LeftOut("it does not say how many (memory)")
        scratch = getattr(bound.layer, "scratch", None)
        if scratch is None:
            raise LeftOut("its memory is counted where it comes from a Scratch called self.scratch, and there is none")
        self._passed(bound, x)
        bound.layer.project()
        kept, said = scratch.nbytes // x.itemsize, bound.layer.memory(_SEVERAL, train=True)
        return Measured(kept == said, f"{kept} for a batch of {_SEVERAL}", str(said))

    def resumed(self) -> Measured:
        return layer_resumed(self.make, self.shape)

    def tangents(self) -> Measured:
        return second_order.tangents(self._bound(), _inputs(self.shape, _SEVERAL))

    def singly(self) -> Measured:
        return second_order.single_examples(self._bound(), _inputs(self.shape, _SEVERAL))

    def diagonal(self) -> Measured:
        return second_order.diagonal(self._bound(), _inputs(self.shape, _SEVERAL))

    def onnx(self) -> Measured:
        return as_onnx(self.make(), self.shape)
