"""Files of code for components of one's own, one of each kind, and a place of the test's own for what is trusted."""

from collections.abc import Callable
from pathlib import Path

import pytest

MAXOUT = '''\
from typing import Literal

import numpy as np

from mnistnn.plugins import Array, BaseLayer, Count, FanInOut, Glorot, Initializer, Parameter, Scratch, Shape
from mnistnn.plugins import Field, Zeros, array_module, as_rows, layer, matmul


@layer
class Maxout(BaseLayer):
    """Each unit is the largest of several linear functions of x."""

    type: Literal["maxout"] = "maxout"
    units: Count
    """Number of outputs."""
    pieces: Count = 2
    """How many linear functions a unit is the largest of."""
    init: Initializer = Field(default_factory=Glorot)
    """How W starts."""

    def build(self, in_shape: Shape) -> tuple[Shape, list[Parameter]]:
        self.n_in, self.scratch = int(np.prod(in_shape)), Scratch()
        outputs = self.units * self.pieces
        fan = FanInOut(self.n_in, outputs, "linear")
        W = Parameter("W", (self.n_in, outputs), "weight", self.init, fan)
        return (self.units,), [W, Parameter("b", (outputs,), "bias", Zeros(), fan)]

    def bind(self, values: dict[str, Array], grads: dict[str, Array]) -> None:
        self.W, self.b, self.dW, self.db = values["W"], values["b"], grads["W"], grads["b"]

    def forward(self, x: Array, train: bool) -> Array:
        self.x, self.x_shape = as_rows(x), x.shape
        z = self.scratch("z", (len(x), self.units * self.pieces), x)
        matmul(self.x, self.W, out=z)
        z += self.b
        pieces = z.reshape(len(x), self.units, self.pieces)
        self.is_largest = pieces == pieces.max(axis=2, keepdims=True)
        return pieces.max(axis=2)

    def backward(self, dy: Array, need_dx: bool = True) -> Array | None:
        dz = (self.is_largest * dy[:, :, None]).reshape(len(dy), -1).astype(dy.dtype)
        matmul(self.x.T, dz, out=self.dW)
        self.db[...] = dz.sum(axis=0)
        return (dz @ self.W.T).reshape(self.x_shape) if need_dx else None
'''

RULE = '''\
from typing import ClassVar, Literal

from mnistnn.plugins import Array, Fraction, GradientRule, Scalars, array_module, optimizer


@optimizer
class Lion(GradientRule):
    """Moves by a mean of gradients, all weights about as far."""

    type: Literal["lion"] = "lion"
    beta: Fraction = 0.9
    """How long gradients are remembered."""

    slots: ClassVar[dict[str, float]] = {"mean": 0.0}

    def update(self, theta: Array, grad: Array, state: list[Array], work: list[Array], scalars: Scalars) -> None:
        (mean,), (eta,) = state, scalars
        mean *= self.beta
        mean += (1 - self.beta) * grad
        theta -= eta * mean / (array_module(theta).abs(mean) + 1e-8)
'''

LOSS = '''\
from typing import Literal

from mnistnn.plugins import Array, PerClassLoss, Positive, array_module, loss


@loss
class Hinge(PerClassLoss):
    """The sum over wrong classes of what their output lacks to a margin below that of the label."""

    type: Literal["hinge"] = "hinge"
    margin: Positive = 1.0
    """How far apart outputs are to be."""

    def losses_and_dz(self, z: Array, labels: Array) -> tuple[Array, Array]:
        rows = array_module(z).arange(len(z))
        lack = self.margin + z - z[rows, labels][:, None]
        lack[rows, labels] = 0
        lack[lack < 0] = 0
        dz = (lack > 0).astype(z.dtype) / len(z)
        dz[rows, labels] = -dz.sum(axis=1)
        return lack.sum(axis=1), dz

    def probabilities(self, z: Array) -> Array:
        p = array_module(z).exp(z - z.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)
'''

TRANSFORM = '''\
from typing import ClassVar, Literal

import numpy as np

from mnistnn.plugins import Array, Positive, Transform, transform


@transform
class Centre(Transform):
    """Takes the mean image of the training split away."""

    type: Literal["centre"] = "centre"
    factor: Positive = 1.0
    """How much of it."""

    fitted: ClassVar[tuple[str, ...]] = ("mean",)

    def fit(self, x: Array) -> None:
        self.mean = np.asarray(x.mean(axis=0), np.float64)

    def apply(self, x: Array) -> Array:
        x -= (self.factor * self.mean).astype(x.dtype)
        return x
'''

POLICY = '''\
from typing import Literal

from mnistnn.plugins import Count, History, Policy, policy


@policy
class EveryOther(Policy):
    """Ends a run after an odd number of evaluations."""

    type: Literal["every_other"] = "every_other"
    evaluations: Count = 3
    """How many at least."""

    def reason(self, history: History) -> str | None:
        done = len(history)
        return f"every_other: {done} evaluations" if done >= self.evaluations and done % 2 else None
'''

FITTED = '''\
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np

from mnistnn.plugins import Array, ClosedForm, NonNegative, Shape, SquaredError, Tell, as_rows, fitted_model, to_host


@fitted_model
class NearestMean(ClosedForm):
    """The class whose mean image is nearest."""

    type: Literal["nearest_mean"] = "nearest_mean"
    shrink: NonNegative = 0.0
    """How much means are drawn to zero."""

    def build(self, in_shape: Shape, classes: int) -> None:
        self.n_in, self.classes = int(np.prod(in_shape)), classes
        self.shapes = {"distances": (classes,)}
        self._criterion = SquaredError()
        self._criterion.build((classes,), classes)

    @property
    def criterion(self) -> Any:
        return self._criterion

    @property
    def size(self) -> int:
        return self.n_in * self.classes

    @property
    def multiply_adds(self) -> int:
        return self.n_in * self.classes

    def allocate(self, xp: Any, dtype: str) -> None:
        self.means, self._fitted = xp.zeros((self.classes, self.n_in), dtype=dtype), False

    def fit(self, x: Array, labels: Array, tell: Tell) -> Iterator[int]:
        if self._fitted:
            return
        rows = to_host(as_rows(x))
        for each in range(self.classes):
            self.means[each] = rows[to_host(labels) == each].mean(axis=0) / (1 + self.shrink)
        self._fitted = True
        yield 1

    def scores(self, x: Array) -> Array:
        rows = as_rows(x)
        return 2 * rows @ self.means.T - (self.means**2).sum(axis=1)

    def own(self) -> dict[str, Array]:
        return {"means": self.means}
'''

CODE = {"maxout": MAXOUT, "rule": RULE, "hinge": LOSS, "centre": TRANSFORM, "every_other": POLICY, "nearest": FITTED}
"""Texts of files of code, by their names without the ending."""

# What turns the toy experiment into one that has the component.
OVERRIDES = {
    "maxout": ["model.layers.hidden={type: maxout, units: 6, pieces: 3}"],
    "rule": ["optimizer={type: lion, learning_rate: 0.01}"],
    "hinge": ["loss={type: hinge, margin: 0.5}"],
    "centre": ["preprocess=[{type: centre}]"],
    "every_other": ["stopping=[{type: every_other, evaluations: 2}]"],
    "nearest": [],
}


@pytest.fixture(autouse=True)
def trust_of_its_own(tmp_path_factory, monkeypatch) -> Path:
    """The file of what is trusted, which is that of the test alone."""
    path: Path = tmp_path_factory.mktemp("home") / "trusted.json"
    monkeypatch.setenv("MNISTNN_TRUST", str(path))
    return path


@pytest.fixture
def elsewhere(trust_of_its_own: Path) -> Callable[[], None]:
    """Let nothing be trusted any more, as on another machine."""

    def move() -> None:
        trust_of_its_own.unlink(missing_ok=True)

    return move


NEAREST_EXPERIMENT = """\
name: nearest
data: {dataset: toy, validation_examples: 60}
model: {type: nearest_mean}
"""


@pytest.fixture
def own(toy: Path) -> Callable[[str], list[str]]:
    """Write a file of code of `CODE`; return the arguments of `train` that name it and an experiment with it."""

    def arguments(name: str) -> list[str]:
        toy.with_name(f"{name}.py").write_text(CODE[name])
        toy.with_name("nearest.yaml").write_text(NEAREST_EXPERIMENT)
        experiment = "nearest.yaml" if name == "nearest" else "toy.yaml"
        return [experiment, *OVERRIDES[name], "--code", f"{name}.py"]

    return arguments
