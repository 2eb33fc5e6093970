"""Working memory with an owner: one array per role, reused by every call."""

from mnistnn.backend import Array, array_module


class Scratch:
    """Hands out uninitialised arrays by role; each grows to the largest batch and lives as long as its owner.

    A smaller batch gets a leading slice of the same memory, so a steady state allocates nothing. What was handed out
    for a role is overwritten when the same role is asked for again.
    """

    def __init__(self) -> None:
        self._whole: dict[str, Array] = {}
        self._latest: dict[str, Array] = {}

    def __call__(self, role: str, shape: tuple[int, ...], like: Array) -> Array:
        """Return an array of `shape` (first axis: examples) with the dtype and on the device of `like`."""
        latest = self._latest.get(role)
        if latest is not None and latest.shape == shape and _are_akin(latest, like):
            return latest
        whole = self._whole.get(role)
        if whole is None or len(whole) < shape[0] or whole.shape[1:] != shape[1:] or not _are_akin(whole, like):
            whole = array_module(like).empty(shape, dtype=like.dtype)
            self._whole[role] = whole
        view = whole[: shape[0]]
        self._latest[role] = view
        return view

    @property
    def nbytes(self) -> int:
        """Bytes held at the moment."""
        return sum(whole.nbytes for whole in self._whole.values())


def _are_akin(mine: Array, like: Array) -> bool:
    """Tell whether two arrays have the same dtype and belong to the same library."""
    return mine.dtype == like.dtype and isinstance(like, type(mine))
