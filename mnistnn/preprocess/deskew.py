"""Slanted digits set upright."""

from typing import Literal

from mnistnn.backend.arrays import array_module
from mnistnn.component import component
from mnistnn.kernels.row_sampling import sample_rows
from mnistnn.preprocess.image_transform import ImageTransform
from mnistnn.types import Array


@component
class Deskew(ImageTransform):
    """Shift each row sideways so that the digit's principal axis stands vertical: a shear by its second moments.

    With m the pixels as masses, (x̄, ȳ) their centre, μ₁₁ = Σ m (x − x̄)(y − ȳ) and μ₀₂ = Σ m (y − ȳ)²,
    x' = x − (μ₁₁/μ₀₂) (y − ȳ); after it, μ₁₁ is zero.

    As in LeCun et al. (1998), but for the masses: they count a pixel as ink or not, here grey counts as it is
    (below zero as nothing). The centre of mass stays where it is. Interpolation is bilinear; what is shifted out of the
    image is lost. An image without ink, or with ink in one row only, stays as it is.
    """

    type: Literal["deskew"] = "deskew"

    def redrawn(self, images: Array) -> Array:
        xp = array_module(images)
        slope, centre = _slant(images)
        y = xp.arange(images.shape[-2]) - centre[:, None]  # (n, h)
        at = xp.arange(images.shape[-1]) + (slope[:, None] * y)[:, :, None]  # (n, h, w) where to read for each pixel
        return sample_rows(images, at[:, None])


def _slant(images: Array) -> tuple[Array, Array]:
    """Return μ₁₁/μ₀₂ and ȳ of each of the images (n, channels, h, w): two arrays (n,), float64."""
    xp = array_module(images)
    m = xp.maximum(images, 0).sum(axis=1, dtype="float64")  # (n, h, w)
    x, y = (xp.arange(side, dtype="float64") for side in (m.shape[2], m.shape[1]))
    of_rows = m.sum(axis=2)  # (n, h)
    mass = of_rows.sum(axis=1)
    mass[mass == 0] = 1
    centre_x, centre_y = m.sum(axis=1) @ x / mass, of_rows @ y / mass
    from_centre = y - centre_y[:, None]  # (n, h)
    mu11 = (from_centre * (m @ x - centre_x[:, None] * of_rows)).sum(axis=1)
    mu02 = (from_centre**2 * of_rows).sum(axis=1)
    return mu11 / xp.where(mu02 > 0, mu02, 1), centre_y
