"""Pictures that a machine makes: chains of Gibbs sampling, free or with some pixels held where they are.

What is shown are the probabilities of the visible units, which are smoother than their samples.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mnistnn.analysis.answers import first_of
from mnistnn.backend import Array, array_module, to_host
from mnistnn.errors import UsageError
from mnistnn.layout import as_rows
from mnistnn.shapes import show_shape
from mnistnn.streams import stream
from mnistnn.trained import Trained

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
    model = trained.plan.machine
    shape = trained.plan.preprocessing.out_shape
    if len(shape) != 2:
        raise UsageError(f"the inputs of this model have the shape {show_shape(shape)} and are no images")
    rng = stream(chains.seed, "gibbs", 2)
    like = model.theta
    xp = array_module(like)
    if chains.start == "noise":
        if chains.held is not None:
            raise UsageError("there is nothing to complete in noise: --clamp goes with images")
        v = xp.asarray(rng.random((chains.count, model.n_in)).astype(like.dtype))
    else:
        x, _ = first_of(trained, chains.start, chains.count)
        v = as_rows(x).copy()
    held = None if chains.held is None else xp.asarray(half(chains.held, shape).reshape(-1))
    given = v.copy()
    yield _as_pictures(v, shape, model.is_gaussian)
    if held is not None:
        v = xp.where(held, given, 0.5 * xp.full_like(v, 1.0))
    for step in range(1, chains.steps + 1):
        h = _drawn(model.hidden_probabilities(v), rng)
        mean = model.visible_means(h)
        shown = mean if held is None else xp.where(held, given, mean)
        if step % chains.every == 0 or step == chains.steps:
            yield _as_pictures(shown, shape, model.is_gaussian)
        v = _noisy(mean, rng) if model.is_gaussian else _drawn(mean, rng)
        v = v if held is None else xp.where(held, given, v)


def reconstructions(trained: Trained, count: int) -> tuple[Pictures, Pictures]:
    """Return the first images of the validation split (n, h, w), and what their features give back."""
    model, shape = trained.plan.machine, trained.plan.preprocessing.out_shape
    x, _ = first_of(trained, "valid", count)
    back = model.visible_means(model.hidden_probabilities(x))
    return _as_pictures(as_rows(x), shape, model.is_gaussian), _as_pictures(back, shape, model.is_gaussian)


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


def _drawn(p: Array, rng: np.random.Generator) -> Array:
    xp = array_module(p)
    return xp.less(xp.asarray(rng.random(p.shape).astype(p.dtype)), p).astype(p.dtype)


def _noisy(mean: Array, rng: np.random.Generator) -> Array:
    return mean + array_module(mean).asarray(rng.standard_normal(mean.shape).astype(mean.dtype))


def _as_pictures(v: Array, shape: tuple[int, ...], is_gaussian: bool) -> Pictures:
    """Return rows as grey images; those of Gaussian units are stretched to the range that they have."""
    values = to_host(v).astype(np.float64).reshape(len(v), *shape)
    if is_gaussian:
        low, high = values.min(), values.max()
        values = (values - low) / max(high - low, 1e-12)
    return np.rint(255.0 * values.clip(0.0, 1.0)).astype(np.uint8)
