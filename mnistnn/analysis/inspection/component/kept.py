"""Arrays that are saved in a file as those of a run are, and read again."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mnistnn.storage.sealed_tensors import seal, unseal

_FORMAT = 1


def through_a_file(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return what is read of arrays that were written as a checkpoint writes them."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "arrays.safetensors")
        path.write_bytes(seal(dict(arrays), _FORMAT, {}))
        return unseal(path, "a checkpoint", _FORMAT)[0]
