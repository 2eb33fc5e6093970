"""Predictions averaged over sampled masks, instead of those of scaled weights, which stand for all masks at once.

There are two means. The geometric one, normalised, is what the slides name, and what scaled weights approximate: for a
linear layer before a softmax they are exactly that of all masks (Hinton et al. 2012). The arithmetic one is the mean of
what the sampled networks say, which Gal & Ghahramani (2016) read as a Bayesian average. With more samples each
converges to its own limit.
"""

from typing import Literal, get_args

from mnistnn.backend.arrays import array_module
from mnistnn.errors import UsageError
from mnistnn.losses import Loss
from mnistnn.models.sequential import Sequential
from mnistnn.types import Array

# Masks are drawn from the streams of updates that no training reaches, so they are never those of training. (Not from
# 2⁶³ on: NumPy takes a counter of such integers for floats, and neighbours become one.)
_FIRST_SAMPLE = 2**62
# The least probability that counts: the least normal number of float32. A sampled mean of 0 would cost infinitely much.
_LEAST = 1.2e-38

McMean = Literal["arithmetic", "geometric"]


def mean_in(samples: int | None, mean: str | None) -> McMean | None:
    """Return by which mean so many samples are averaged; None without any. Raises UsageError for another mean, and for
    one of nothing.
    """
    if mean is not None and mean not in get_args(McMean):
        raise UsageError(f"--mc-mean: {' or '.join(get_args(McMean))}, got {mean}")
    if samples is None and mean is not None:
        raise UsageError("--mc-mean: says how samples are averaged, and --mc-samples how many there are: give both")
    if samples is None:
        return None
    return "geometric" if mean == "geometric" else "arithmetic"


def refuse_unless_random(model: Sequential, loss: Loss) -> None:
    """Raise UsageError for a model without masks, and for a loss whose outputs are no probabilities."""
    if not any(layer.is_random for layer in model.layers.values()):
        raise UsageError("--mc-samples averages over random masks, and this model has no dropout or dropconnect layer")
    if not loss.has_probabilities:
        raise UsageError(f"--mc-samples averages probabilities, and {loss.type} gives scores that are none")


def mean_probabilities(model: Sequential, loss: Loss, x: Array, samples: int, mean: McMean = "arithmetic") -> Array:
    """Return the class probabilities of x, averaged over sampled masks: (n, classes), float64.

    arithmetic  p = 1/N Σₛ p(class | x, maskₛ)
    geometric   p ∝ (Πₛ p(class | x, maskₛ))^(1/N), normalised over the classes

    Sample s draws alike for every batch, so that it is one network throughout where a layer has one mask for all
    examples. Cost: N forward passes.
    """
    xp = array_module(x)
    total: Array = 0.0
    for sample in range(samples):
        model.begin_update(_FIRST_SAMPLE + sample)
        p = loss.probabilities(model.sample(x)).astype("float64")
        total = total + (xp.log(p.clip(min=_LEAST)) if mean == "geometric" else p)
    if mean == "arithmetic":
        return total / samples
    logs = total / samples
    p = xp.exp(logs - logs.max(axis=1, keepdims=True))
    return p / p.sum(axis=1, keepdims=True)


def summed_nll(p: Array, labels: Array) -> float:
    """Return −Σᵢ log pᵢ[labelᵢ] of probabilities p (n, classes) and labels (n,)."""
    xp = array_module(p)
    of_labels = p[xp.arange(len(p)), labels]
    return -float(xp.log(of_labels.clip(min=_LEAST)).sum())
