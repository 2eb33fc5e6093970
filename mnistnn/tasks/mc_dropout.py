"""Predictions averaged over sampled masks: the exact use of a model that was trained with masks.

Scaled weights stand for all masks at once, which is right for one linear layer before a softmax (up to normalising) and
an approximation for anything deeper. Averaging the class probabilities of sampled networks converges to what was
trained (Gal & Ghahramani 2016 read the result as a Bayesian average).
"""

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


def refuse_unless_random(model: Sequential, loss: Loss) -> None:
    """Raise UsageError for a model without masks, and for a loss whose outputs are no probabilities."""
    if not any(layer.is_random for layer in model.layers.values()):
        raise UsageError("--mc-samples averages over random masks, and this model has no dropout or dropconnect layer")
    if not loss.has_probabilities:
        raise UsageError(f"--mc-samples averages probabilities, and {loss.type} gives scores that are none")


def mean_probabilities(model: Sequential, loss: Loss, x: Array, samples: int) -> Array:
    """Return the class probabilities of x, averaged over sampled masks: (n, classes), float64.

    p = 1/N Σₛ p(class | x, maskₛ); sample s draws alike for every batch, so that it is one network throughout where a
    layer has one mask for all examples. Cost: N forward passes.
    """
    total: Array = 0.0
    for sample in range(samples):
        model.begin_update(_FIRST_SAMPLE + sample)
        total = total + loss.probabilities(model.sample(x)).astype("float64")
    return total / samples


def summed_nll(p: Array, labels: Array) -> float:
    """Return −Σᵢ log pᵢ[labelᵢ] of probabilities p (n, classes) and labels (n,)."""
    xp = array_module(p)
    of_labels = p[xp.arange(len(p)), labels]
    return -float(xp.log(of_labels.clip(min=_LEAST)).sum())
