"""Annealed importance sampling: log Z of a model too large to be enumerated, and how far it may be off.

Chains go from a model whose log Z is known, one without weights whose visible units have the means of the data,
through models between to the one in question. The weights that they gather on the way have Z_B / Z_A as their mean.
Few chains find all modes, so the estimate tends to be too low and likelihoods too high; the reverse way, from samples
of the model down to the known one, errs on the other side. Neal (2001); Salakhutdinov & Murray (2008); Burda,
Grosse & Salakhutdinov (2015).
"""

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mnistnn.kernels.boltzmann import draw, sweep
from mnistnn.tasks.partition import BoltzmannParameters, LogZ, RBMParameters, Vector, logsumexp, softplus

SIGMAS = 3.0  # of the interval

Numbers = NDArray[Any]


def temperatures(count: int) -> Vector:
    """Return β from 0 to 1 (count + 1,): a thirtieth of the way to 0.5, a quarter to 0.9 and the rest from there to 1.

    After Salakhutdinov & Murray (2008), who take 500, 4000 and 10 000.
    """
    first, second = max(1, round(count / 29)), max(1, round(count * 8 / 29))
    third = max(1, count - first - second)
    parts = (np.linspace(0.0, 0.5, first + 1), np.linspace(0.5, 0.9, second + 1), np.linspace(0.9, 1.0, third + 1))
    return np.unique(np.concatenate(parts))


class Path(Protocol):
    """The models between: β of the one in question, 1 − β of one with visible biases b_a and no weights.

    A state is visible units v, or all units, of some chains (chains, …); what goes into others from there is a.
    """

    @property
    def log_z_of_start(self) -> float:
        """Log Z of the model without weights: its hidden units are free."""
        ...

    def start(self, chains: int) -> Numbers:
        """Return states of the model without weights."""
        ...

    def begin_at(self, v: Numbers) -> Numbers:
        """Return states whose visible units are v (chains, n_in)."""
        ...

    def inputs(self, x: Numbers) -> Numbers:
        """Return a."""
        ...

    def step_of_weight(self, x: Numbers, a: Numbers, of: float, to: float) -> Vector:
        """Return log p*_to(x) − log p*_of(x) of each chain (chains,)."""
        ...

    def move(self, x: Numbers, a: Numbers, beta: float) -> Numbers:
        """Return the states after a Gibbs step of the model of β; x may be overwritten."""
        ...


class RBMPath:
    """Of RBMs. States are visible units: the weights of hidden ones are summed over."""

    def __init__(self, parameters: RBMParameters, b_a: Vector, rng: np.random.Generator, dtype: str) -> None:
        self.W, self.b_h, self.b_v, self.b_a = (
            array.astype(dtype) for array in (parameters.W, parameters.b_h, parameters.b_v, b_a)
        )
        self.is_gaussian, self.rng = parameters.is_gaussian, rng

    @property
    def log_z_of_start(self) -> float:
        b_a = self.b_a.astype(np.float64)
        of_visible = 0.5 * len(b_a) * math.log(2 * math.pi) if self.is_gaussian else float(softplus(b_a).sum())
        return of_visible + len(self.b_h) * math.log(2.0)

    def start(self, chains: int) -> Numbers:
        return self._visible(np.tile(self.b_a, (chains, 1)))

    def begin_at(self, v: Numbers) -> Numbers:
        return v

    def inputs(self, x: Numbers) -> Numbers:
        a: Numbers = x @ self.W + self.b_h
        return a

    def step_of_weight(self, x: Numbers, a: Numbers, of: float, to: float) -> Vector:
        if self.is_gaussian:
            linear = 0.5 * (((x - self.b_a) ** 2).sum(axis=1) - ((x - self.b_v) ** 2).sum(axis=1))
        else:
            linear = x @ (self.b_v - self.b_a)
        hidden = softplus(to * a) - softplus(of * a)
        weights: Vector = (to - of) * linear.astype(np.float64) + hidden.sum(axis=1, dtype=np.float64)
        return weights

    def move(self, x: Numbers, a: Numbers, beta: float) -> Numbers:
        h = drawn(beta * a, self.rng)
        return self._visible((1.0 - beta) * self.b_a + beta * (self.b_v + h @ self.W.T))

    def _visible(self, a: Numbers) -> Numbers:
        if self.is_gaussian:
            return a + self.rng.standard_normal(a.shape, dtype=self.W.dtype.type)
        return drawn(a, self.rng)


class BoltzmannPath:
    """Of general Boltzmann machines. States are all units, (chains, units)."""

    def __init__(self, parameters: BoltzmannParameters, b_a: Vector, rng: np.random.Generator, dtype: str) -> None:
        self.n_in, self.rng = parameters.n_in, rng
        self.W, self.b = parameters.W.astype(dtype), parameters.b.astype(dtype)
        self.b_a = np.zeros_like(self.b)  # hidden units are free in the beginning
        self.b_a[: self.n_in] = b_a

    @property
    def log_z_of_start(self) -> float:
        return float(softplus(self.b_a.astype(np.float64)).sum())

    def start(self, chains: int) -> Numbers:
        return drawn(np.tile(self.b_a, (chains, 1)), self.rng)

    def begin_at(self, v: Numbers) -> Numbers:
        x = np.zeros((len(v), len(self.b)), dtype=self.W.dtype)
        x[:, : self.n_in] = v
        return x

    def inputs(self, x: Numbers) -> Numbers:
        a: Numbers = x @ self.W
        return a

    def step_of_weight(self, x: Numbers, a: Numbers, of: float, to: float) -> Vector:
        minus_energy = x @ (self.b - self.b_a) + 0.5 * (a * x).sum(axis=1)
        weights: Vector = (to - of) * minus_energy.astype(np.float64)
        return weights

    def move(self, x: Numbers, a: Numbers, beta: float) -> Numbers:
        states = np.ascontiguousarray(x.T)
        units, chains = states.shape
        u = self.rng.random((units, chains), dtype=x.dtype.type)
        b = (1.0 - beta) * self.b_a + beta * self.b
        sweep(states, beta * self.W, b.astype(x.dtype), range(units), u, np.empty((1, chains), x.dtype))
        return states.T


Watch = Callable[[int, int], None]


def annealed(path: Path, betas: Vector, chains: int, watch: Watch) -> LogZ:
    """Return log Z from chains that go from the model without weights to the one in question."""
    x, weights = path.start(chains), np.zeros(chains)
    for number in range(1, len(betas)):
        of, to = float(betas[number - 1]), float(betas[number])
        a = path.inputs(x)
        weights += path.step_of_weight(x, a, of, to)
        x = path.move(x, a, to)
        watch(number, len(betas) - 1)
    mean, low, high = log_mean_exp(weights)
    start = path.log_z_of_start
    return LogZ("ais", start + mean, start + low, start + high)


def annealed_in_reverse(path: Path, betas: Vector, v: Numbers, burn_in: int, watch: Watch) -> LogZ:
    """Return log Z from chains that go from the model in question to the one without weights.

    They begin at v (chains, n_in), data, and make `burn_in` steps of the model itself to become its samples.
    """
    x = path.begin_at(v)
    for _ in range(burn_in):
        x = path.move(x, path.inputs(x), 1.0)
    weights = np.zeros(len(v))
    for number in range(len(betas) - 1, 0, -1):
        of, to = float(betas[number]), float(betas[number - 1])
        a = path.inputs(x)
        weights += path.step_of_weight(x, a, of, to)
        x = path.move(x, a, to)
        watch(len(betas) - number, len(betas) - 1)
    mean, low, high = log_mean_exp(weights)
    start = path.log_z_of_start
    return LogZ("reverse ais", start - mean, start - high, start - low)


def log_mean_exp(weights: Vector) -> tuple[float, float, float]:
    """Return log of the mean of e^weights, and of what lies three standard errors below and above it."""
    mean = logsumexp(weights) - math.log(len(weights))
    relative = np.exp(weights - mean)
    error = SIGMAS * float(relative.std(ddof=1)) / math.sqrt(len(weights)) if len(weights) > 1 else math.inf
    return mean, mean + math.log(1.0 - error) if error < 1.0 else -math.inf, mean + math.log1p(error)


def drawn(a: Numbers, rng: np.random.Generator) -> Numbers:
    """Return states of binary units, by what goes into them: P(1) = σ(a). a is used up."""
    u: Numbers = rng.random(a.shape, dtype=a.dtype.type)
    draw(a, u, out=u)
    return u


def path_of(
    parameters: RBMParameters | BoltzmannParameters, means: Vector, rng: np.random.Generator, dtype: str
) -> Path:
    """Return the path to a model from one whose visible units have the means (n_in,) of the data."""
    if isinstance(parameters, BoltzmannParameters):
        return BoltzmannPath(parameters, base_biases(means, is_gaussian=False), rng, dtype)
    return RBMPath(parameters, base_biases(means, parameters.is_gaussian), rng, dtype)


def base_biases(means: Vector, is_gaussian: bool) -> Vector:
    """Return visible biases of units with these means (n_in,), those of binary units kept away from 0 and 1."""
    if is_gaussian:
        return means
    p = means.clip(1e-3, 1 - 1e-3)
    return np.log(p / (1.0 - p))
