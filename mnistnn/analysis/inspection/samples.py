"""Samples of an energy-based model: chains of Gibbs sampling, free or with some pixels held where they are.

What is shown are the probabilities of the visible units, which are smoother than their samples.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mnistnn.backend.arrays import array_module, to_host
from mnistnn.backend.memory_order import as_rows
from mnistnn.backend.rng import stream
from mnistnn.errors import UsageError
from mnistnn.experiment.trained import Trained
from mnistnn.kernels.activations import sigmoid
from mnistnn.kernels.boltzmann import sample, sweep
from mnistnn.models.boltzmann import Boltzmann
from mnistnn.models.rbm import RBM
from mnistnn.types import Array, show_shape

Start = Literal["valid", "train", "noise"]
Held = Literal["top", "bottom", "left", "right"]
HALVES: tuple[Held, ...] = get_args(Held)

Pictures = NDArray[np.uint8]


@dataclass(frozen=True)
class Chains:
    """How to sample.

    count   chains, side by side
    steps   Gibbs steps of each
    every   steps between two that are shown
    start   where chains begin: images of a split, or noise
    held    the half of the images that is held, the other half being completed; None lets all go
    seed    of what is drawn
    """

    count: int = 20
    steps: int = 1000
    every: int = 100
    start: Start = "valid"
    held: Held | None = None
    seed: int = 0


def rows_of_samples(trained: Trained, chains: Chains) -> Iterator[Pictures]:
    """Yield rows (count, h, w): what the chains begin with, and then what they have come to.

    Raises UsageError for a model that is none of energies, whose inputs are no images, or for a half of noise.
    """
    model = trained.task.energy_model
    shape = image_shape(trained)
    rng = stream(chains.seed, "gibbs", 2)
    like = model.theta
    xp = array_module(like)
    if chains.start == "noise":
        if chains.held is not None:
            raise UsageError("there is nothing to complete in noise: --clamp goes with images")
        v = xp.asarray(rng.random((chains.count, model.n_in)).astype(like.dtype))
    else:
        x, _ = trained.first(chains.start, chains.count)
        v = as_rows(x).copy()
    yield as_pictures(v, shape, model.is_gaussian)
    held = None if chains.held is None else half(chains.held, shape).reshape(-1)
    moving = _CHAINS[type(model)](model, v, held, rng)
    for step in range(1, chains.steps + 1):
        shown = moving.step()
        if step % chains.every == 0 or step == chains.steps:
            yield as_pictures(shown, shape, model.is_gaussian)


def chains_from(trained: Trained, x: Array, steps: Sequence[int], seed: int) -> Iterator[Pictures]:
    """Yield pictures (n, h, w) of chains that begin with inputs x (n, ...), after each of these numbers of steps, which
    ascend. Raises UsageError as `rows_of_samples`.
    """
    model = trained.task.energy_model
    shape = image_shape(trained)
    moving, done = _CHAINS[type(model)](model, as_rows(x).copy(), None, stream(seed, "gibbs", 2)), 0
    for wanted in steps:
        for _ in range(wanted - done):
            shown = moving.step()
        done = wanted
        yield as_pictures(shown, shape, model.is_gaussian)


class RBMChains:
    """Chains of an RBM, whose sides take turns. Pixels that are not held begin in the middle."""

    def __init__(self, model: RBM, v: Array, held: NDArray[np.bool_] | None, rng: np.random.Generator) -> None:
        self.model, self.rng, self.given = model, rng, v
        self.held = None if held is None else array_module(v).asarray(held)
        self.v = self._with_given(0.5 * array_module(v).ones_like(v)) if held is not None else v

    def step(self) -> Array:
        """Move; return the means of visible units (n, n_in) that they were drawn by."""
        h = drawn(self.model.hidden_probabilities(self.v), self.rng)
        mean = self.model.visible_means(h)
        v = noisy(mean, self.rng) if self.model.is_gaussian else drawn(mean, self.rng)
        self.v = self._with_given(v)
        return self._with_given(mean)

    def _with_given(self, v: Array) -> Array:
        return v if self.held is None else array_module(v).where(self.held, self.given, v)


class _BoltzmannChains:
    """Chains of a Boltzmann machine, whose units take turns. Those that are not held begin by the toss of a coin."""

    def __init__(self, model: Boltzmann, v: Array, held: NDArray[np.bool_] | None, rng: np.random.Generator) -> None:
        xp = array_module(v)
        (self.W, self.b), self.rng, self.n_in = model.connections(), rng, model.n_in
        kept = set() if held is None else set(np.flatnonzero(held).tolist())
        self.free = [i for i in range(model.units) if i not in kept]
        self.x = xp.zeros((model.units, len(v)), dtype=v.dtype)
        self.x[: self.n_in] = v.T
        if held is not None:
            self.x[self.free] = xp.asarray(rng.random((len(self.free), len(v))) < 0.5)
        self.a = xp.empty((1, len(v)), dtype=v.dtype)

    def step(self) -> Array:
        """Move; return the probabilities of visible units (n, n_in), each given all other units as they are now."""
        xp = array_module(self.x)
        u = xp.asarray(self.rng.random((len(self.free), self.x.shape[1])).astype(self.x.dtype))
        sweep(self.x, self.W, self.b, self.free, u, self.a)
        p = self.W[: self.n_in] @ self.x + self.b[: self.n_in, None]
        sigmoid(p)
        held = [i for i in range(self.n_in) if i not in self.free]
        p[held] = self.x[held]
        return p.T


_CHAINS: dict[type, Callable[..., RBMChains | _BoltzmannChains]] = {RBM: RBMChains, Boltzmann: _BoltzmannChains}


def image_shape(trained: Trained) -> tuple[int, int]:
    """Return height and width of what a model is given. Raises UsageError if that is no image."""
    shape = trained.plan.preprocessing.out_shape
    if len(shape) != 2:
        raise UsageError(f"the inputs of this model have the shape {show_shape(shape)} and are no images")
    return shape


def half(which: Held, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Return which pixels (h, w) belong to a half of an image."""
    h, w = shape
    mask = np.zeros((h, w), dtype=bool)
    parts = {
        "top": np.s_[: h // 2, :],
        "bottom": np.s_[h // 2 :, :],
        "left": np.s_[:, : w // 2],
        "right": np.s_[:, w // 2 :],
    }
    mask[parts[which]] = True
    return mask


def drawn(p: Array, rng: np.random.Generator) -> Array:
    """Return units that are 1 with probability p, else 0; in a new array."""
    u = array_module(p).asarray(rng.random(p.shape).astype(p.dtype))
    sample(p, u, out=u)
    return u


def noisy(mean: Array, rng: np.random.Generator) -> Array:
    """Return Gaussian units of variance 1 with these means; in a new array."""
    return mean + array_module(mean).asarray(rng.standard_normal(mean.shape).astype(mean.dtype))


def as_pictures(v: Array, shape: tuple[int, ...], is_gaussian: bool) -> Pictures:
    """Return rows as grey images; those of Gaussian units are stretched to the range that they have."""
    values = to_host(v).astype(np.float64).reshape(len(v), *shape)
    if is_gaussian:
        low, high = values.min(), values.max()
        values = (values - low) / max(high - low, 1e-12)
    return np.rint(255.0 * values.clip(0.0, 1.0)).astype(np.uint8)
