"""The fitted transforms of a run's inputs: <run>/preprocess/<number>-<type>.safetensors, one file each.

They are written when the run begins. Resuming and evaluating read them and never fit again, so a model always gets the
inputs that it was trained on. `mnistnn whiten` writes a file of the same form, outside of any run.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mnistnn.errors import RunError
from mnistnn.run.directory import RunDirectory
from mnistnn.storage.forcing import sync_folder
from mnistnn.storage.inside import file_in, folder_in
from mnistnn.storage.sealed_tensors import seal, unseal
from mnistnn.storage.writing import remove_leftovers, resource_error, write_atomically

FORMAT = 1
_WHAT = "fitted transform"


def path_in(run: RunDirectory, number: int, kind: str) -> Path:
    """Return the file of a run's transform; `number` counts from 0, `kind` is its `type` in YAML."""
    return file_in(folder_in(run.path, "preprocess"), f"{number}-{kind}.safetensors")


def write(path: Path, kind: str, tensors: dict[str, np.ndarray]) -> None:
    """Write what a transform was fitted to."""
    write_atomically(path, encode(kind, tensors))


def encode(kind: str, tensors: dict[str, np.ndarray]) -> bytes:
    """Return the content of the file."""
    return seal(tensors, FORMAT, {"type": kind})


def read(path: Path, kind: str, follow: bool = False) -> dict[str, np.ndarray]:
    """Read what a transform of this type was fitted to. Raises RunError: missing, altered, newer, another type."""
    tensors, about = unseal(path, _WHAT, FORMAT, follow)
    if about.get("type") != kind:
        raise RunError(f"{path}: holds a transform of type {about.get('type')!r}, not {kind}")
    return tensors


def keep(run: RunDirectory, transforms: Sequence[tuple[str, dict[str, np.ndarray]]]) -> None:
    """Write all transforms of a new run: type and fitted arrays of each, in order. For who holds the run's lock."""
    if not transforms:
        return
    furnish(path_in(run, 0, "any").parent)
    for number, (kind, tensors) in enumerate(transforms):
        write(path_in(run, number, kind), kind, tensors)


def furnish(folder: Path) -> None:
    """Make a folder for files of transforms, and remove what a killed process was writing there."""
    try:
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)
    except OSError as error:
        raise resource_error(folder, error) from error
    remove_leftovers(folder)
