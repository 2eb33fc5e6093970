"""What an experiment says about a layer that learns before the whole does."""

from typing import Annotated, Literal

from pydantic import Field

from mnistnn.component import component
from mnistnn.data.batches import Batches
from mnistnn.losses import UnsupervisedLoss
from mnistnn.losses.contrastive_divergence import ContrastiveDivergence
from mnistnn.optim import Optimizer
from mnistnn.penalties import Penalties
from mnistnn.stopping import Stopping


@component
class Pretraining:
    """A layer begins with the weights and biases into the hidden units of a model that learned from images alone.

    By `contrastive_divergence` that is a restricted Boltzmann machine, by `reconstruction` an autoencoder. It has as
    many hidden units as the layer, whose activation is sigmoid, and learns from what the layers below make of the
    training images: machines upon each other are a deep belief net, autoencoders a stacked (denoising) one. Data,
    preprocessing, seed and backend are those of the experiment. Hinton, Osindero & Teh (2006); Bengio et al. (2007);
    Vincent et al. (2010).
    """

    layer: str
    """The layer that is prepared. The first of these is the model's first, each further one the next."""
    visible: Literal["binary", "gaussian"] = "binary"
    """What the visible units are, as in a model of type rbm or autoencoder."""
    visible_bias: Literal["zeros", "data"] = "zeros"
    """Where their biases start, as there."""
    centred: bool = False
    """Follow the gradient of centred units, as in a model of type rbm."""
    loss: Annotated[UnsupervisedLoss, Field(discriminator="type")] = Field(default_factory=ContrastiveDivergence)
    """How it learns, and so what it is."""
    penalties: Penalties = Field(default_factory=Penalties)
    """Terms that keep its parameters small."""
    batches: Batches = Field(default_factory=Batches)
    """How the training split is cut into mini-batches for it."""
    optimizer: Optimizer
    """How its parameters are moved."""
    stopping: Annotated[list[Stopping], Field(min_length=1)]
    """Any of these ends its training."""
