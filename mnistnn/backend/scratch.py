"""Working memory with an owner: one array per role, reused by every call."""

from math import prod

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.backend.memory_order import images_first, images_last, is_images_last
from mnistnn.types import Array


class Scratch:
    """Hands out uninitialised arrays by role; each grows to the largest that was asked for and lives as long as its
    owner.

    A smaller batch gets the start of the same memory, so a steady state allocates nothing. What was handed out for a
    role is overwritten when the same role is asked for again.
    """

    def __init__(self) -> None:
        self._whole: dict[str, Array] = {}  # flat
        self._latest: dict[str, Array] = {}
        self._outgrown: list[Array] = []

    def __call__(self, role: str, shape: tuple[int, ...], like: Array) -> Array:
        """Return a contiguous array of `shape` with the dtype and on the device of `like`."""
        latest = self._latest.get(role)
        if latest is not None and latest.shape == shape and _are_akin(latest, like):
            return latest
        size = prod(shape)
        whole = self._whole.get(role)
        if whole is None or whole.size < size or not _are_akin(whole, like):
            xp = array_module(like)
            if whole is not None and xp is not np:
                self._outgrown.append(whole)  # a recorded launch may still use it
            whole = xp.empty(size, dtype=like.dtype)
            self._whole[role] = whole
        view = whole[:size].reshape(shape)
        self._latest[role] = view
        return view

    def as_laid_out(self, role: str, like: Array) -> Array:
        """Return an array with shape, dtype, device and, if `like` is images-last, the memory order of `like`."""
        if is_images_last(like):
            return images_first(self(role, images_last(like).shape, like))
        return self(role, like.shape, like)

    @property
    def nbytes(self) -> int:
        """Bytes held at the moment."""
        return sum(whole.nbytes for whole in self._whole.values())


def _are_akin(mine: Array, like: Array) -> bool:
    """Tell whether two arrays have the same dtype and belong to the same library."""
    return mine.dtype == like.dtype and isinstance(like, type(mine))
