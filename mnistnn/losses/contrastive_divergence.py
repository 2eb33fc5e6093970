"""Contrastive divergence, by which energy-based models learn: data against samples of the model itself."""

from typing import Annotated, Literal

from pydantic import Field

from mnistnn.component import component


@component
class Sparsity:
    """Pull each hidden unit's mean activity towards a target: strength · (mean − target) is added to the gradient of
    its bias. Lee, Ekanadham & Ng (2008).
    """

    target: Annotated[float, Field(gt=0, lt=1)] = 0.1
    """The activity wanted."""
    strength: Annotated[float, Field(gt=0)]
    """Factor of the term."""


@component
class GrowingSteps:
    """From start to end in even stages over so many epochs: chains need to be longer the further learning has come."""

    start: Annotated[int, Field(ge=1)] = 1
    """Steps in the first stage."""
    end: Annotated[int, Field(ge=1)] = 5
    """Steps in the last stage, and from then on."""
    epochs: Annotated[int, Field(ge=1)]
    """Epochs until the last stage begins."""

    def at(self, epoch: int) -> int:
        """Return the steps in an epoch, the first being 0."""
        if epoch >= self.epochs:
            return self.end
        return self.start + (self.end - self.start) * epoch // self.epochs


@component
class ContrastiveDivergence:
    """Follow ⟨v h'⟩ of the model minus ⟨v h'⟩ of the data, the model's mean being that of chains of Gibbs sampling.

    The chains begin at the data (contrastive divergence), or go on from update to update (persistent, stochastic
    maximum likelihood). Means are taken with probabilities of h, chains run with samples of v and h; the end of a chain
    counts as a constant. No function falls along this direction, so line searches are refused. What is reported as the
    loss while training: how badly data is reconstructed, or for persistent chains minus the pseudo-likelihood, from one
    pixel of each example. Hinton (2002); Tieleman (2008).
    """

    type: Literal["contrastive_divergence"] = "contrastive_divergence"
    steps: Annotated[int, Field(ge=1, le=100_000)] | GrowingSteps = 1
    """Gibbs steps of a chain in an update: k of CD-k; may grow."""
    particles: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    """How many persistent chains there are, beginning with all hidden units off; null begins at the data each time."""
    sample_pixels: bool = False
    """Take pixels for probabilities and draw binary data from them for each update, instead of using them as they
    are."""
    sparsity: Sparsity | None = None
    """Keep hidden units quiet."""

    def steps_in(self, epoch: int) -> int:
        """Return the Gibbs steps of an update in an epoch, the first being 0."""
        return self.steps if isinstance(self.steps, int) else self.steps.at(epoch)
