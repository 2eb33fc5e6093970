"""Initializers: each draws one array on the host, in float64, from the stream it is given.

The streams of NumPy's new and legacy generators share the two methods used here, so a model can also start from the
exact numbers of a published program.
"""

import math
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

import numpy as np
from pydantic import Field

from mnistnn.component import component
from mnistnn.layers.activations import ActivationName


class RandomGenerator(Protocol):
    """The part of numpy.random.Generator and RandomState that initializers use."""

    def normal(self, loc: float, scale: float, size: tuple[int, ...]) -> np.ndarray: ...

    def uniform(self, low: float, high: float, size: tuple[int, ...]) -> np.ndarray: ...


class InitializerProtocol(Protocol):
    """The protocol of initializers: draws the initial values of an array."""

    def draw(self, rng: RandomGenerator, shape: tuple[int, ...], fan: "FanInOut") -> np.ndarray: ...


@dataclass(frozen=True)
class FanInOut:
    """Fan-in and fan-out of the array being drawn, and the activation that follows."""

    n_in: int
    n_out: int
    activation: ActivationName


@component
class Zeros:
    """All zeros. Right for biases and for the last layer; in a hidden layer the units could never become different."""

    type: Literal["zeros"] = "zeros"

    def draw(self, rng: RandomGenerator, shape: tuple[int, ...], fan: FanInOut) -> np.ndarray:
        return np.zeros(shape)


@component
class Constant:
    """The same number everywhere."""

    type: Literal["constant"] = "constant"
    value: float
    """The number."""

    def draw(self, rng: RandomGenerator, shape: tuple[int, ...], fan: FanInOut) -> np.ndarray:
        return np.full(shape, self.value)


@component
class Normal:
    """Independent normal draws with mean 0."""

    type: Literal["normal"] = "normal"
    std: Annotated[float, Field(gt=0)] = 0.01
    """Standard deviation. The slides use 0.01."""

    def draw(self, rng: RandomGenerator, shape: tuple[int, ...], fan: FanInOut) -> np.ndarray:
        return rng.normal(0.0, self.std, shape)


@component
class Uniform:
    """Independent draws from U(-limit, limit)."""

    type: Literal["uniform"] = "uniform"
    limit: Annotated[float, Field(gt=0)]
    """Largest magnitude."""

    def draw(self, rng: RandomGenerator, shape: tuple[int, ...], fan: FanInOut) -> np.ndarray:
        return rng.uniform(-self.limit, self.limit, shape)


@component
class Glorot:
    """U(-a, a) with a = gain · sqrt(6 / (n_in + n_out)), after Glorot & Bengio (2010), equation 16.

    Keeps the spread of activations and of gradients alike from layer to layer.
    """

    type: Literal["glorot"] = "glorot"
    gain: Annotated[float, Field(gt=0)] | Literal["auto"] = "auto"
    """Factor on the limit; auto is 4 before a sigmoid and 1 before anything else, as the course has it."""

    def draw(self, rng: RandomGenerator, shape: tuple[int, ...], fan: FanInOut) -> np.ndarray:
        gain = self.gain
        if gain == "auto":
            gain = 4.0 if fan.activation == "sigmoid" else 1.0
        limit = gain * math.sqrt(6.0 / (fan.n_in + fan.n_out))
        return rng.uniform(-limit, limit, shape)


@component
class He:
    """Normal draws with standard deviation sqrt(2 / n_in), for rectified units. He et al. (2015), equation 10."""

    type: Literal["he"] = "he"

    def draw(self, rng: RandomGenerator, shape: tuple[int, ...], fan: FanInOut) -> np.ndarray:
        return rng.normal(0.0, math.sqrt(2.0 / fan.n_in), shape)


@component
class TruncatedNormal:
    """Normal draws with mean 0, drawn again where they are further than two standard deviations away."""

    type: Literal["truncated_normal"] = "truncated_normal"
    std: Annotated[float, Field(gt=0)] = 0.01
    """Standard deviation before truncation."""

    def draw(self, rng: RandomGenerator, shape: tuple[int, ...], fan: FanInOut) -> np.ndarray:
        values = rng.normal(0.0, self.std, shape)
        while (far := abs(values) > 2.0 * self.std).any():
            values[far] = rng.normal(0.0, self.std, (int(far.sum()),))
        return values


@component
class Orthogonal:
    """A random matrix with orthonormal columns (or rows, if those are fewer), times gain. Saxe et al. (2014).

    Of kernels (maps, channels, kh, kw), the matrix is (maps, channels·kh·kw).
    """

    type: Literal["orthogonal"] = "orthogonal"
    gain: Annotated[float, Field(gt=0)] = 1.0
    """Factor on the matrix: each of its singular values."""

    def draw(self, rng: RandomGenerator, shape: tuple[int, ...], fan: FanInOut) -> np.ndarray:
        rows = shape[0]
        columns = math.prod(shape[1:])
        q, r = np.linalg.qr(rng.normal(0.0, 1.0, (max(rows, columns), min(rows, columns))))
        q *= np.sign(np.diag(r))  # without this the draw would not be uniform over orthogonal matrices
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


@component
class Identity:
    """The identity matrix, times gain: what comes in goes on as it is. One that is not square has zeros besides. For
    recurrent weights of rectified units: Le, Jaitly & Hinton (2015).
    """

    type: Literal["identity"] = "identity"
    gain: Annotated[float, Field(gt=0)] = 1.0
    """Factor on the matrix."""

    def draw(self, rng: RandomGenerator, shape: tuple[int, ...], fan: FanInOut) -> np.ndarray:
        return self.gain * np.eye(shape[0], math.prod(shape[1:])).reshape(shape)


Initializer = Annotated[
    Zeros | Constant | Normal | TruncatedNormal | Uniform | Glorot | He | Orthogonal | Identity,
    Field(discriminator="type"),
]
