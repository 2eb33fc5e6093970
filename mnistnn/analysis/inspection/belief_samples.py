"""Samples of a deep belief net: a chain in the RBM at the top, and from there down through the layers to pixels.

The upper two layers are a restricted Boltzmann machine; the layers below them are read downwards. The visible units of
one RBM are the hidden units of the RBM below it. So each layer is drawn given the one above it, P(vᵢ = 1 | h) =
σ(b_v + hWᵀ)ᵢ with the RBM that learned that layer. Hinton, Osindero & Teh (2006).

These are the RBMs of the phases of pretraining. Fine-tuning changes the weights upwards, and has none that lead down.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from mnistnn.analysis.inspection.samples import (
    Chains,
    Pictures,
    RBMChains,
    as_pictures,
    drawn,
    image_shape,
    noisy,
    rows_of_samples,
)
from mnistnn.backend.arrays import array_module
from mnistnn.backend.memory_order import as_rows
from mnistnn.backend.rng import stream
from mnistnn.config.schema import AnyExperiment
from mnistnn.errors import RunError, UsageError
from mnistnn.experiment.pretraining import phases_of
from mnistnn.experiment.trained import Trained, load_trained
from mnistnn.models.rbm import RBM
from mnistnn.run.directory import RunDirectory, as_argument
from mnistnn.types import Array


def rbms_of(run: RunDirectory, experiment: AnyExperiment, which: str = "best") -> list[Trained]:
    """Return the RBMs that the layers of a run learned as, from the images up, with their best or last parameters.

    Raises UsageError for phases that are no restricted Boltzmann machines, RunError if one has not learned yet.
    """
    if which not in ("best", "last"):
        raise UsageError("--checkpoint: RBMs of several phases are sampled, each with its best or last parameters")
    rbms = []
    for phase in phases_of(experiment):
        own, kind = phase.run_in(run), experiment.pretrain[phase.number].loss.type
        if kind != "contrastive_divergence":
            raise UsageError(
                f"pretrain.{phase.number} ({phase.layer}) learned by {kind}: an autoencoder reconstructs images, and "
                f"is no distribution to sample. See mnistnn sample --reconstruct {as_argument(own.path)}"
            )
        if not phase.features_in(run).exists():
            raise RunError(f"{run.path}: {phase.layer} has not learned to its end; mnistnn resume goes on with it")
        rbms.append(load_trained(own, which))
    return rbms


def rows_of_belief_net(rbms: Sequence[Trained], chains: Chains) -> Iterator[Pictures]:
    """Yield rows (count, h, w), as `rows_of_samples`: what the chains begin with, and then the probabilities of pixels
    given a sample of the layer above them. Of a single RBM these are its own samples.

    Raises UsageError for inputs that are no images, and for a half that is to be held.
    """
    bottom, top = rbms[0], rbms[-1]
    if len(rbms) == 1:
        yield from rows_of_samples(bottom, chains)
        return
    if chains.held is not None:
        raise UsageError("--clamp holds pixels, and the chain of a deep belief net is in its upper two layers")
    shape, models = image_shape(bottom), [each.task.rbm for each in rbms]
    rng, downwards = stream(chains.seed, "gibbs", 2), stream(chains.seed, "gibbs", 3)

    def pictures(pixels: Array) -> Pictures:
        return as_pictures(pixels, shape, models[0].is_gaussian)

    if chains.start == "noise":
        theta = models[-1].theta
        v = array_module(theta).asarray(rng.random((chains.count, models[-1].n_in)).astype(theta.dtype))
        yield pictures(downward(models[:-1], v, downwards))
    else:
        yield pictures(as_rows(bottom.first(chains.start, chains.count)[0]))
        v = as_rows(top.first(chains.start, chains.count)[0]).copy()
    moving = RBMChains(models[-1], v, None, rng)
    for step in range(1, chains.steps + 1):
        moving.step()
        if step % chains.every == 0 or step == chains.steps:
            yield pictures(downward(models[:-1], moving.v, downwards))


def downward(models: Sequence[RBM], h: Array, rng: np.random.Generator) -> Array:
    """Return the means of the lowest visible units (n, n_in), given the hidden units h (n, units) of the last model;
    those between are drawn. Lent until the next call.
    """
    for model in reversed(models[1:]):
        mean = model.visible_means(h)
        h = noisy(mean, rng) if model.is_gaussian else drawn(mean, rng)
    return models[0].visible_means(h)
