"""Identification of a file by its content alone: one of the kinds that mnistnn reads or writes, or unknown.

The file may be anything that anybody made. It is read by the readers that training trusts, which check every size
before they believe it; what they refuse becomes a line of text.
"""

import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from mnistnn.analysis.export import as_safetensors
from mnistnn.analysis.identification.identify_json import identify_json
from mnistnn.analysis.identification.identity import UNKNOWN, About, Identity, attempt
from mnistnn.config.load import load_experiment
from mnistnn.data.formats.course_pickle import PICKLE_STARTS, decode_course_pickle
from mnistnn.data.formats.found import FoundImages
from mnistnn.data.formats.idx import IDX_MAGIC, decode_idx
from mnistnn.data.formats.image_set import ImageSet
from mnistnn.data.formats.npz import ZIP_MAGIC, decode_npz
from mnistnn.data.formats.png import PNG_MAGIC, check_png
from mnistnn.data.limits import MAX_SET_BYTES
from mnistnn.errors import DataError
from mnistnn.experiment.cost import parts
from mnistnn.experiment.plan import Plan
from mnistnn.run import checkpoint, transforms
from mnistnn.run.config import load_kept
from mnistnn.run.directory import RunDirectory
from mnistnn.storage.compressed import GZIP_MAGIC, gunzip_start
from mnistnn.storage.reading import data_error, open_file, read_file
from mnistnn.storage.sealed_tensors import survey

_MAX_PNG_BYTES = 1 << 24
_HEAD_BYTES = 4096
# Begins a line of an experiment file, and hardly of any other text.
_EXPERIMENT = re.compile(rb"^(extends|model|optimizer|stopping):", re.MULTILINE)
# What a sealed file of arrays says under this key makes it one of this kind, in a format of this number.
_SEALED = (
    ("state", "checkpoint", checkpoint.FORMAT),
    ("export", "model", as_safetensors.FORMAT),
    (None, "transform", transforms.FORMAT),
)
_YAML_ENDINGS = (".yaml", ".yml")


def identify(path: Path) -> Identity:
    """Return what the file at `path` is. Raises nothing that a file can be the cause of."""
    return attempt(UNKNOWN, path, lambda: _identify(path))


def _identify(path: Path) -> Identity:
    with open_file(path, data_error) as file:
        head = file.read(_HEAD_BYTES)
    if not head:
        raise DataError(f"{path}: the file is empty")
    start = gunzip_start(head, 8, str(path)) if head.startswith(GZIP_MAGIC) else head
    if head.startswith(PNG_MAGIC):
        return _described("png", path, _png)
    if start.startswith(IDX_MAGIC):
        return _described("idx", path, _idx)
    if head.startswith(ZIP_MAGIC):
        return _described("npz", path, lambda path: _set(decode_npz(_content(path), str(path))))
    if head[8:9] == b"{" and b"\0" in head[:8]:  # the length of a header, then the header
        return attempt("safetensors", path, lambda: _safetensors(path))
    if start.startswith(PICKLE_STARTS) and (start[:1] == b"\x80" or b"\0" in head):
        return _described("pickle", path, lambda path: _set(decode_course_pickle(_content(path), str(path))))
    if path.suffix in _YAML_ENDINGS or (not head.startswith(b"{") and _EXPERIMENT.search(head)):
        return _described("experiment", path, _experiment)
    if head.startswith(b"{"):
        return attempt("json", path, lambda: identify_json(path))
    raise DataError(f"{path}: nothing that mnistnn reads or writes begins like this")


def _described(kind: str, path: Path, look: Callable[[Path], About]) -> Identity:
    return attempt(kind, path, lambda: Identity(kind, look(path)))


def _content(path: Path) -> bytes:
    return read_file(path, MAX_SET_BYTES, data_error)


def _png(path: Path) -> About:
    return asdict(check_png(read_file(path, _MAX_PNG_BYTES, data_error), str(path)))


def _idx(path: Path) -> About:
    array = decode_idx(_content(path), str(path))
    if array.ndim == 1:
        return {"holds": "labels", **_form(array), "class_counts": np.bincount(array).tolist()}
    return {"holds": "images", **_form(array)}


def _set(found: ImageSet | FoundImages) -> About:
    named = {"train": found.train, "test": found.test}
    halves = {name: half for name, half in named.items() if half is not None}
    forms = {name: {"images": _form(half.images), "labels": _form(half.labels)} for name, half in halves.items()}
    return {**forms, "classes": found.classes}


def _form(array: np.ndarray) -> About:
    return {"shape": list(array.shape), "dtype": str(array.dtype)}


def _experiment(path: Path) -> About:
    is_of_run = path.name == "config.yaml" and (path.parent / "run.json").is_file()
    plan = Plan(load_kept(RunDirectory(path.parent)) if is_of_run else load_experiment(path))
    kinds = {part.name: part.type for part in parts(plan)}
    return {"mistakes": 0, "name": plan.experiment.name, "layers": kinds}


def _safetensors(path: Path) -> Identity:
    """Tell a checkpoint, an exported model, a fitted transform and a file of another program apart."""
    found = survey(path)
    about: About = {
        "tensors": {name: {"dtype": dtype, "shape": shape} for name, (dtype, shape) in found.tensors.items()}
    }
    if found.about is None:
        return Identity("safetensors", about)
    kind, known = next((kind, known) for key, kind, known in _SEALED if key in found.about or key is None)
    version = found.about.get("format")
    about = {"format": version, "digest_ok": found.digest_ok, **about}
    if version != known:
        return Identity(kind, about, f"{kind} format {str(version)[:80]}; this mnistnn reads format {known}")
    if not found.digest_ok:
        return Identity(kind, about, "altered or damaged (its SHA-256 does not match its content)")
    if kind == "transform":
        return Identity(kind, {**about, "type": found.about.get("type")})
    if kind == "model":
        return Identity(kind, {**about, "export": found.about["export"]})
    state = asdict(checkpoint.parse_state(found.about, str(path)))
    return Identity(kind, {**about, **state.pop("progress"), **state})
