"""The reconstruction loss of autoencoders: how well they restore what was hidden of an image."""

from typing import Annotated, Literal

from pydantic import Field

from mnistnn.component import component


@component
class Reconstruction:
    """The mean of −log P(x | y(x̃)) over images: how badly x is reconstructed from what the model has seen of it, x̃.

    x̃ᵢ = xᵢ with probability 1 − corruption, else 0, drawn anew for each update. Of binary pixels this is the
    cross-entropy −Σ xᵢ log zᵢ + (1 − xᵢ) log(1 − zᵢ), summed over pixels; of gaussian ones half the squared error, and
    a constant. Vincent et al. (2008).
    """

    type: Literal["reconstruction"] = "reconstruction"
    corruption: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The share of pixels that the model is not shown; 0 makes a plain autoencoder."""
