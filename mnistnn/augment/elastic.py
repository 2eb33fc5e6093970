"""Elastic distortion: every pixel's source is moved a little, and neighbours almost alike."""

from typing import Annotated

import numpy as np
from pydantic import Field

from mnistnn.backend.scratch import Scratch
from mnistnn.component import component
from mnistnn.kernels.resample import gaussian_matrix, smooth

# A draw of 16 bits: quick, since a word of the generator gives four, and more than enough for what is smoothed next.
_LEVELS = 1 << 16


@component
class Elastic:
    """Displacements drawn from U(−1, 1) for each pixel and direction, convolved with a Gaussian, times alpha.

    Simard, Steinkraus & Platt (2003). Their root mean square is alpha_px / (6.14 · sigma_px) pixels in each direction:
    U(−1, 1) has the variance 1/3, and a Gaussian in two dimensions the norm 1 / (2√π · sigma).
    """

    sigma_px: Annotated[float, Field(ge=0.1, le=100)]
    """Width of the Gaussian: small values crumple an image, large ones shift it."""
    alpha_px: Annotated[float, Field(ge=0, le=10_000)]
    """Strength. Simard et al. take sigma 4 and alpha 34; Cireşan et al. (2010) 5 to 6 and 36 to 38."""
    shared_by: Annotated[int, Field(ge=1, le=1000)] = 1
    """How many neighbours in a batch are bent alike: 16 makes distorting about twice as fast, and less varied."""

    def build(self, h: int, w: int) -> None:
        """Take the size of an image."""
        self._scratch = Scratch()
        self._G_y = gaussian_matrix(h, self.sigma_px) * (self.alpha_px / (_LEVELS // 2))
        self._G_x = gaussian_matrix(w, self.sigma_px)

    def said(self) -> str:
        return f"elastic with sigma {self.sigma_px:g} px, alpha {self.alpha_px:g} px"

    def fields(self, rng: np.random.Generator, count: int, like: np.ndarray) -> np.ndarray:
        """Draw displacements dy, dx (count, 2, h, w), with the dtype of `like`; lent until the next call."""
        shape = (count, 2, len(self._G_y), len(self._G_x))
        noise, rows = self._scratch("noise", shape, like), self._scratch("rows", shape, like)
        fields: np.ndarray = self._scratch("fields", shape, like)
        words = rng.integers(0, 2**64 - 1, size=-(-noise.size // 4), dtype=np.uint64, endpoint=True)
        noise.reshape(-1)[...] = words.view(np.uint16)[: noise.size]
        noise -= (_LEVELS - 1) / 2
        smooth(noise, self._G_y.astype(like.dtype, copy=False), self._G_x.astype(like.dtype, copy=False), rows, fields)
        return fields
