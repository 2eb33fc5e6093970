"""The scores of an evaluation that is under way, kept so that one that was interrupted goes on where it was.

A distance that deforms images takes minutes for a split. What has been computed so far lies in a file of its own, which
is written now and then, and removed when the result of the evaluation has been written.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import numpy as np

from mnistnn.errors import RunError
from mnistnn.storage import names
from mnistnn.storage.sealed_tensors import seal, unseal
from mnistnn.storage.writing import resource_error, write_atomically

FORMAT = 1
PREFIX, SUFFIX = "partial-", ".safetensors"
EVERY_S = 10.0  # between two writes; an evaluation that takes less than that writes nothing unless it is interrupted


class PartialScores:
    """The scores of a split's examples, block after block in the order of the split.

    path     of the file; None keeps nothing
    key      returns what the scores depend on, in 64 hexadecimal digits: what was kept under another key is forgotten
    counts   whole numbers that are kept beside the scores, by name; what computes scores brings them up to date

    A context: left by an exception it writes what there is. The file stays until somebody calls `forget`, which is
    after what follows from the scores has been written. Scores of test examples lie there unseen: they are shown to
    nobody before the reading of the test split is counted.
    """

    def __init__(self, path: Path | None, key: Callable[[], str]) -> None:
        self._path, self._find_key = path, key
        self._key: str | None = None
        self._blocks: list[np.ndarray] = []
        self._kept, self.counts = self._read()
        self._next, self._is_saved = 0, True
        self._saved_s = time.monotonic()

    def take(self, count: int, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """Return the scores of the next `count` examples, (count, k): as they were kept, or computed."""
        start, self._next = self._next, self._next + count
        if self._next <= len(self._kept):
            return self._kept[start : self._next]
        self._kept = self._kept[:start]
        scores = np.array(compute())
        self._blocks.append(scores)
        self._is_saved = False
        if time.monotonic() - self._saved_s >= EVERY_S:
            self._save()
        return scores

    def __enter__(self) -> "PartialScores":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and not self._is_saved:
            self._save()

    def _read(self) -> tuple[np.ndarray, dict[str, int]]:
        """Return the scores and counts that were kept under the key; none if what is there is not whole."""
        nothing: tuple[np.ndarray, dict[str, int]] = np.empty((0, 0)), {}
        if self._path is None or not self._path.exists():
            return nothing
        try:
            tensors, about = unseal(self._path, "evaluation under way", FORMAT)
        except RunError:
            return nothing
        scores, counts = tensors.get("scores"), about.get("counts")
        if about.get("key") != self._own_key() or scores is None or scores.ndim != 2 or not isinstance(counts, dict):
            return nothing
        return scores, counts

    def _own_key(self) -> str:
        if self._key is None:
            self._key = self._find_key()
        return self._key

    def _save(self) -> None:
        self._saved_s, self._is_saved = time.monotonic(), True
        if self._path is None:
            return
        first = [self._kept] if len(self._kept) else []
        self._blocks = [np.concatenate([*first, *self._blocks])]
        self._kept = self._kept[:0]
        about = {"key": self._own_key(), "counts": self.counts}
        write_atomically(self._path, seal({"scores": self._blocks[0]}, FORMAT, about))


def forget(path: Path) -> None:
    """Remove the file of an evaluation whose result has been written; there need be none."""
    try:
        with suppress(FileNotFoundError):
            names.remove(path)
    except OSError as failure:
        raise resource_error(path, failure) from failure
