"""Checkpoints: everything that training needs to go on, in one safetensors file that proves its own integrity.

The tensors are the flat vectors of the run: the model's values (named theta), the best so far, the optimizer's state.
Counters, the layout of the values and the position in metrics.jsonl are JSON in the file's metadata, beside a SHA-256
over every byte of the file but its own digits. Nothing depends on the clock, so equal training gives equal files.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from mnistnn.errors import RunError
from mnistnn.run.state import SavedState
from mnistnn.storage import names
from mnistnn.storage.forcing import sync_folder
from mnistnn.storage.sealed_json import VERSION, seal_json, unseal_json
from mnistnn.storage.sealed_tensors import seal, unseal
from mnistnn.storage.writing import resource_error, write_atomically
from mnistnn.types import BEST, Row

FORMAT = 1
SCHEMA_VERSION = 1  # of best.json

_PREFIX, _SUFFIX = "step-", ".safetensors"
_STATE = TypeAdapter(SavedState)


@dataclass(frozen=True)
class Checkpoint:
    """Flat vectors by name, and the counters that belong to them."""

    tensors: dict[str, np.ndarray]
    state: SavedState


def path_for(folder: Path, updates: int) -> Path:
    """Return the file of a checkpoint taken after so many updates."""
    return folder / f"{_PREFIX}{updates:010d}{_SUFFIX}"


def updates_of(path: Path) -> int:
    """Return the update count in a checkpoint's name."""
    return int(path.name.removeprefix(_PREFIX).removesuffix(_SUFFIX))


def encode(checkpoint: Checkpoint) -> bytes:
    """Return the file's content."""
    return seal(checkpoint.tensors, FORMAT, {"state": asdict(checkpoint.state)})


def write(folder: Path, checkpoint: Checkpoint, updates: int) -> Path:
    """Write a checkpoint; when this returns it is safely on the disk."""
    path = path_for(folder, updates)
    write_atomically(path, encode(checkpoint))
    return path


def read(path: Path, follow: bool = False) -> Checkpoint:
    """Read and verify a checkpoint.

    Raises RunError naming what is wrong: missing, torn, altered, or too new; a link, unless that is to be followed.
    """
    tensors, about = unseal(path, "checkpoint", FORMAT, follow)
    return Checkpoint(tensors, parse_state(about, str(path)))


def parse_state(about: dict[str, Any], place: str) -> SavedState:
    """Return the state in what a checkpoint says about its arrays. Raises RunError, naming `place`."""
    try:
        return _STATE.validate_json(json.dumps(about.get("state")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise RunError(f"{place}: its state is not that of a training ({where}: {first['msg']})") from error


def newest_first(folder: Path) -> list[Path]:
    """Return the checkpoint files of a folder, highest update count first; other files are not looked at."""
    paths = [p for p in folder.glob(f"{_PREFIX}*{_SUFFIX}") if p.stem.removeprefix(_PREFIX).isdecimal()]
    return sorted(paths, key=updates_of, reverse=True)


def read_newest(folder: Path) -> tuple[Path, Checkpoint, list[str]]:
    """Return the newest checkpoint that verifies, and a message for each newer one that does not.

    Raises RunError if there is none.
    """
    refused: list[str] = []
    for path in newest_first(folder):
        try:
            return path, read(path), refused
        except RunError as error:
            refused.append(str(error))
    raise RunError("; ".join([f"{folder}: no usable checkpoint", *refused]))


def best_path(folder: Path) -> Path:
    """Return the file that says where the best parameters are."""
    return folder / "best.json"


def write_best(folder: Path, checkpoint: str, monitor: str, row: Row) -> None:
    """Say which checkpoint has the best parameters so far, as its tensor `best`, and the row of their evaluation."""
    note = {VERSION: SCHEMA_VERSION, "checkpoint": checkpoint, "tensor": BEST, "monitor": monitor, **row}
    write_atomically(best_path(folder), seal_json(note))


def parse_best(text: bytes, place: str) -> dict[str, Any]:
    """Return what the text of a best.json says. Raises RunError, naming `place`."""
    return unseal_json(text, place, "a note of the best checkpoint", SCHEMA_VERSION, unnumbered=1)


def prune(folder: Path, keep_last: int, keep: set[int]) -> None:
    """Remove all but the newest `keep_last` checkpoints and those whose update count is in `keep`."""
    superseded = [p for p in newest_first(folder)[keep_last:] if updates_of(p) not in keep]
    try:
        for path in superseded:
            names.remove(path)
        if superseded:
            sync_folder(folder)
    except OSError as error:
        raise resource_error(folder, error) from error
