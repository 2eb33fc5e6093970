"""The experiment: the one record that a YAML file becomes. Every key is a field here or of a component named here."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mnistnn.augment.augment import Augment
from mnistnn.component import component
from mnistnn.data.batches import Batches
from mnistnn.data.spec import Data
from mnistnn.losses import AnyLoss, UnsupervisedLoss
from mnistnn.losses.contrastive_divergence import ContrastiveDivergence
from mnistnn.losses.penalties import Penalties
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.models import AnyFittedModel, AnyModel
from mnistnn.optim import Optimizer
from mnistnn.optim.averaging import WeightAverage
from mnistnn.preprocess import Preprocess
from mnistnn.stopping import Stopping
from mnistnn.stopping.contract import Monitor

Fraction = Annotated[float, Field(ge=0, le=1)]


@component
class Evaluation:
    """Measurements after every epoch besides the validation split."""

    batch_size: Annotated[int, Field(ge=1)] = 1000
    """Examples per forward pass when a whole split is evaluated; changes speed and memory only."""
    every_updates: Annotated[int, Field(ge=1)] | None = None
    """Evaluate after every so many updates too, not only after each epoch. Of a model that is fitted: after every so
    many rounds, and the last one; without it, as often as is worth it for its type."""
    train_error: bool = False
    """Also measure the error on the whole training split: the course's training curve, for one more forward pass."""


@component
class Checkpoint:
    """When training is saved, and which epoch counts as the best."""

    monitor: Monitor | Literal["last"] = "valid.error"
    """The metric whose lowest value marks the best epoch, whose parameters the run ends with; last takes the last
    evaluation for the best, and is the only choice where there are no validation examples."""
    every_epochs: Annotated[int, Field(ge=1)] = 1
    """Save after every so many epochs."""
    every_s: Annotated[float, Field(gt=0)] = 300.0
    """Also save inside an epoch when so many seconds have passed since the last save."""
    keep_last: Annotated[int, Field(ge=1)] = 2
    """How many of the newest checkpoints stay; the best parameters are part of each."""
    keep_every_epochs: Annotated[int, Field(ge=1)] | None = None
    """Keep the checkpoint of every so many epochs for good, to look at the model's history later."""


@component
class Backend:
    """Where and how the arithmetic is done."""

    device: Literal["cpu", "cuda"] = "cpu"
    """cpu computes with NumPy, cuda with CuPy."""
    dtype: Literal["float32", "float64"] = "float32"
    """Of parameters, gradients and inputs."""
    threads: Annotated[int, Field(ge=1, le=1024)] | Literal["auto"] = "auto"
    """The most threads that may compute; auto is one for each core that the process may use. How many do follows, while
    the model is trained, from what is faster; results have the same bits with any number."""


@component
class Expect:
    """The claim that an experiment file makes, held against a run by `mnistnn eval --expect`."""

    test_error: Annotated[list[Fraction], Field(min_length=2, max_length=2)] | None = None
    """Lowest and highest test error, as fractions, that count as reproduced."""
    valid_error: Annotated[list[Fraction], Field(min_length=2, max_length=2)] | None = None
    """The same for the best validation error."""
    test_balanced_error: Annotated[list[Fraction], Field(min_length=2, max_length=2)] | None = None
    """Lowest and highest balanced error on the test split, the mean over classes of the error of each."""
    test_log_likelihood: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    """Lowest and highest mean log-likelihood of the test images, in nats, that count as reproduced, for an energy-based
    model."""
    test_reconstruction: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    """Lowest and highest loss of an autoencoder on the test images, in nats, that count as reproduced."""
    test_loss: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    """Lowest and highest mean squared error on the test split of a model that predicts numbers."""
    test_variance: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    """Lowest and highest variance of the outputs on the test split, summed over them, that count as reproduced, for a
    network that learns by `hebbian`."""
    train_pseudo_likelihood: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    """Lowest and highest pseudo-likelihood of the training images in the last epoch, in nats, that count as reproduced,
    for an RBM that learns with persistent chains. `mnistnn reproduce` holds it, by the metrics of the run."""
    source: str = ""
    """Where the value was published."""
    note: str = ""
    """A note for readers of the results, such as a mistake in the source."""
    not_run: str = ""
    """Why an experiment of the project has no record of its results, such as that it takes days."""


@component
class Pretraining:
    """A layer begins with the weights and biases into the hidden units of a model that learned from images alone.

    By `contrastive_divergence` that is a restricted Boltzmann machine, by `reconstruction` an autoencoder. It has as
    many hidden units as the layer, whose activation is sigmoid, and learns from what the layers below make of the
    training images: RBMs on top of each other are a deep belief net, autoencoders a stacked (denoising) one. Data,
    preprocessing, seed and backend are those of the experiment. Hinton, Osindero & Teh (2006); Bengio et al. (2007);
    Vincent et al. (2010).
    """

    layer: str
    """The layer that is prepared. The first of these is the model's first, each further one the next."""
    visible: Literal["binary", "gaussian"] = "binary"
    """The kind of the visible units, as in a model of type rbm or autoencoder."""
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


@component
class Experiment:
    """One experiment on MNIST-like data."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
    """Names the folder of its runs."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """All randomness (initial weights, orders of batches, …) is derived from it."""
    data: Data = Field(default_factory=Data)
    """Which digits, and how they are split."""
    preprocess: list[Preprocess] = Field(default_factory=list)
    """Transforms of the images, in order; fitted on the training split, applied to all, and kept with the run."""
    augment: Augment | None = None
    """Distortions of the training images, drawn anew for every update."""
    model: AnyModel
    """What maps images to outputs, or says how probable they are."""
    pretrain: list[Pretraining] = Field(default_factory=list)
    """Layers that learn before the whole model does, from the first one on, each from what those below it make of the
    images. `train --no-pretrain` leaves this out."""
    loss: AnyLoss = Field(default_factory=SoftmaxNLL)
    """The loss, as a mean over examples; or how an energy-based model learns."""
    penalties: Penalties = Field(default_factory=Penalties)
    """Terms added to the loss that keep parameters small."""
    batches: Batches = Field(default_factory=Batches)
    """How the training split is cut into mini-batches."""
    optimizer: Optimizer
    """How parameters are moved."""
    averaging: WeightAverage | None = None
    """Exponential moving average (EMA) of the parameters: it is what is evaluated, and kept as the best."""
    stopping: Annotated[list[Stopping], Field(min_length=1)]
    """Any of these ends the run."""
    evaluation: Evaluation = Field(default_factory=Evaluation)
    """Measurements after every epoch."""
    checkpoint: Checkpoint = Field(default_factory=Checkpoint)
    """When training is saved, and what counts as best."""
    backend: Backend = Field(default_factory=Backend)
    """Where the arithmetic is done."""
    expect: Expect = Field(default_factory=Expect)
    """The claim this file makes."""


@component
class FittedExperiment:
    """One experiment on MNIST-like data whose model is fitted in rounds, and not trained by steps."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=100)]
    """Names the folder of its runs."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """All randomness is derived from it."""
    data: Data = Field(default_factory=Data)
    """Which digits, and how they are split."""
    preprocess: list[Preprocess] = Field(default_factory=list)
    """Transforms of the images, in order; fitted on the training split, applied to all, and kept with the run."""
    model: AnyFittedModel
    """What is fitted."""
    stopping: list[Stopping] = Field(default_factory=list)
    """Any of these ends the run before the model's last round. An epoch, and an update, is a round."""
    evaluation: Evaluation = Field(default_factory=Evaluation)
    """Measurements after rounds: after every one, or as often as its type is worth it."""
    checkpoint: Checkpoint = Field(default_factory=Checkpoint)
    """When the rounds so far are saved, and what counts as best."""
    backend: Backend = Field(default_factory=Backend)
    """Where the arithmetic is done."""
    expect: Expect = Field(default_factory=Expect)
    """The claim this file makes."""

    # What belongs to training by steps, for who reads any experiment.
    loss: ClassVar[None] = None
    optimizer: ClassVar[None] = None
    averaging: ClassVar[None] = None
    augment: ClassVar[None] = None
    pretrain: ClassVar[tuple[Pretraining, ...]] = ()
    penalties: ClassVar[Penalties] = Penalties()
    batches: ClassVar[Batches] = Batches(size="full")


AnyExperiment = Experiment | FittedExperiment
