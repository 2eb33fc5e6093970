"""The common base of layers for images: sizes in YAML, channels, and the memory order of their arrays."""

from typing import Annotated

from pydantic import Field

from mnistnn.backend.memory_order import images_last
from mnistnn.backend.scratch import Scratch
from mnistnn.types import Array, Shape, ShapeError, show_shape

_Pixels = Annotated[int, Field(ge=1, le=10_000)]
_Padding = Annotated[int, Field(ge=0, le=10_000)]

# One number for both directions, or [vertical, horizontal].
Size = _Pixels | Annotated[list[_Pixels], Field(min_length=2, max_length=2)]
Padding = _Padding | Annotated[list[_Padding], Field(min_length=2, max_length=2)]


def pair(size: int | list[int]) -> tuple[int, int]:
    """Return (vertical, horizontal)."""
    return (size, size) if isinstance(size, int) else (size[0], size[1])


def image_shape(in_shape: Shape) -> tuple[int, int, int]:
    """Return (channels, height, width) of images, which have one channel if they do not say. Raises ShapeError."""
    if len(in_shape) == 2:
        return (1, *in_shape)
    if len(in_shape) == 3:
        return in_shape
    raise ShapeError(
        f"needs images, height×width or channels×height×width, and its input is {show_shape(in_shape)}: flat"
    )


def images_of(x: Array) -> Array:
    """Return x (n, h, w) or (n, c, h, w) as (c, h, w, n), a view."""
    return images_last(x if x.ndim == 4 else x[:, None])


def contiguous(x: Array, scratch: Scratch, role: str) -> Array:
    """Return x itself if it is contiguous, else a copy in the scratch of a role."""
    if x.flags.c_contiguous:
        return x
    copy = scratch(role, x.shape, x)
    copy[...] = x
    return copy
