"""Identification of the JSON files of mnistnn, by their keys."""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

from mnistnn.analysis.evaluation.results import parse_result
from mnistnn.analysis.identification.identity import About, Identity, attempt
from mnistnn.data.datasets.manifest import parse_manifest
from mnistnn.errors import DataError
from mnistnn.run.checkpoint import parse_best
from mnistnn.run.metrics import parse_rows
from mnistnn.run.provenance import parse_environment
from mnistnn.run.record import parse_record
from mnistnn.storage.reading import data_error, read_file
from mnistnn.storage.strict_json import parse
from mnistnn.tasks.classification import Evaluation
from mnistnn.tasks.registry import RESULTS
from mnistnn.tasks.result import Result

MAX_ROWS_BYTES = 1 << 24
"""A row of metrics takes some 250 bytes, so this is more than any run has."""

MAX_OBJECT_BYTES = 1 << 20


def identify_json(path: Path) -> Identity:
    """Return what a file that begins with a brace is. Raises DataError if it is no JSON, or that of somebody else."""
    content = read_file(path, MAX_ROWS_BYTES, data_error)
    keys = _keys(content.partition(b"\n")[0])
    for kind, marks in _ROWS.items():
        if keys is not None and marks <= keys:
            return attempt(kind, path, lambda kind=kind: Identity(kind, _rows(content, path)))  # type: ignore[misc]
    if len(content) > MAX_OBJECT_BYTES:
        raise DataError(f"{path}: larger than the {MAX_OBJECT_BYTES} bytes that a JSON object of mnistnn may have")
    keys = _keys(content)
    if keys is None:
        raise DataError(f"{path}: not readable as one JSON object, nor as a row of metrics")
    for kind, (marks, look) in _OBJECTS.items():
        if marks <= keys:
            return attempt(kind, path, lambda kind=kind, look=look: Identity(kind, look(content, str(path))))  # type: ignore[misc]
    raise DataError(f"{path}: JSON, but of no kind that is known here")


def _keys(text: bytes) -> set[str] | None:
    try:
        content = parse(text)
    except (ValueError, RecursionError):
        return None
    return set(content) if isinstance(content, dict) else None


def _rows(content: bytes, path: Path) -> About:
    rows = parse_rows(content, path)
    if not content.endswith(b"\n"):
        raise DataError(f"{path}: the last line has no end")
    return {"rows": len(rows), "last": rows[-1]}


def _record(text: bytes, place: str) -> About:
    return asdict(parse_record(text, place))


def _result(kind: type[Result], text: bytes, place: str) -> About:
    """Return the fields of a result that are numbers or words."""
    found = asdict(parse_result(kind, text, place))
    return {key: value for key, value in found.items() if isinstance(value, int | float | str) and key not in _LEFT_OUT}


def _manifest(text: bytes, place: str) -> About:
    return parse_manifest(text, place).model_dump(exclude={"files"})


_LEFT_OUT = ("schema_version", "checkpoint_file", "test_readings")
_ROWS = {"metrics": {"epoch", "updates", "train.loss"}, "timing": {"epoch", "seconds", "examples"}}
_OBJECTS: dict[str, tuple[set[str], Callable[[bytes, str], About]]] = {
    "run": ({"config_hash", "status", "threads"}, _record),
    "evaluation": ({Evaluation.mark, "split"}, partial(_result, Evaluation)),
    "environment": ({"python", "packages", "blas"}, parse_environment),
    "best": ({"checkpoint", "tensor", "monitor"}, parse_best),
    "manifest": ({"image_shape", "train_examples", "files"}, _manifest),
    **{
        kind.prefix.removesuffix("-"): ({kind.mark, "split", "examples"}, partial(_result, kind))
        for kind in RESULTS
        if kind is not Evaluation
    },
}
