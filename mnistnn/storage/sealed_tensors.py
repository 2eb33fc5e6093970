"""safetensors files that prove their own integrity.

The file's metadata has one entry (safetensors writes several in no fixed order): JSON with a format number, a SHA-256
over every byte of the file but the digest's own digits, and whatever belongs to the arrays. Nothing depends on the
clock, so equal contents give equal files.
"""

import hashlib
import json
import os
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from mnistnn.errors import RunError
from mnistnn.storage.reading import open_file, read_file
from mnistnn.storage.strict_json import parse

_KEY = "mnistnn"
# Stands where the digest will stand while the digest is computed.
_NO_DIGEST = b"0" * 64

_MAX_HEADER_BYTES = 1 << 22
_MAX_DIMENSIONS = 8
_CHUNK_BYTES = 1 << 20
_BITS = {
    **dict.fromkeys(("BOOL", "U8", "I8", "F8_E5M2", "F8_E4M3"), 8),
    **dict.fromkeys(("U16", "I16", "F16", "BF16"), 16),
    **dict.fromkeys(("U32", "I32", "F32"), 32),
    **dict.fromkeys(("U64", "I64", "F64"), 64),
}


def seal(tensors: dict[str, np.ndarray], format_number: int, about: dict[str, Any]) -> bytes:
    """Return the content of a file that holds arrays by name, and plain data about them."""
    header = {"sha256": _NO_DIGEST.decode(), "format": format_number, **about}
    blank: bytes = save(tensors, metadata={_KEY: json.dumps(header, allow_nan=False)})
    return blank.replace(_NO_DIGEST, hashlib.sha256(blank).hexdigest().encode(), 1)


def unseal(
    path: Path, what: str, format_number: int, follow: bool = False
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read and verify such a file; return its arrays and what is said about them.

    Raises RunError naming what is wrong with it as a `what`: missing, torn, of another format, or altered; or a link,
    unless that is to be followed, as to a file outside of any run.
    """
    content = read_file(path, follow=follow)
    try:
        tensors: dict[str, np.ndarray] = load(content)
        length = int.from_bytes(content[:8], "little")
        header: dict[str, Any] = json.loads(json.loads(content[8 : 8 + length])["__metadata__"][_KEY])
        version, sha256 = header.pop("format"), header.pop("sha256").encode()
    except (SafetensorError, ValueError, KeyError, TypeError, AttributeError, RecursionError, MemoryError) as error:
        raise RunError(f"{path}: not a whole mnistnn {what} ({type(error).__name__})") from error
    if version != format_number:
        raise RunError(f"{path}: {what} format {version!r}; this mnistnn reads format {format_number}")
    if hashlib.sha256(content.replace(sha256, _NO_DIGEST, 1)).hexdigest().encode() != sha256:
        raise RunError(f"{path}: altered or damaged (its SHA-256 does not match its content)")
    return tensors, header


@dataclass(frozen=True)
class Survey:
    """The head of a safetensors file, once its sizes agree with each other and with the file's.

    tensors    data type and shape of each array, by name, in the order of the file
    about      what is said about the arrays by mnistnn; None in a file of another program
    digest_ok  whether the digest in a file of mnistnn is that of its content
    """

    tensors: dict[str, tuple[str, list[int]]]
    about: dict[str, Any] | None
    digest_ok: bool


def survey(path: Path) -> Survey:
    """Look at a safetensors file of any size, in little memory. Raises RunError: torn, or no such file."""
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        head = file.read(8)
        length = int.from_bytes(head, "little")
        if len(head) < 8 or not 2 <= length <= min(size - 8, _MAX_HEADER_BYTES):
            raise RunError(f"{path}: not a whole safetensors file")
        head += file.read(length)
        try:
            header = parse(head[8:])
            metadata = header.pop("__metadata__", None) or {}
            tensors = {name: _described(entry) for name, entry in header.items()}
            about = parse(metadata[_KEY]) if _KEY in metadata else None
            sha256 = None if about is None else about.pop("sha256").encode()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise RunError(f"{path}: not a whole safetensors file ({type(error).__name__})") from error
        ends = sorted(tuple(entry["data_offsets"]) for entry in header.values())
        if [0, *(end for _, end in ends)] != [*(start for start, _ in ends), size - len(head)]:
            raise RunError(f"{path}: its arrays do not fill the file")
        digest_ok = sha256 is not None and _digest(head.replace(sha256, _NO_DIGEST, 1), file) == sha256
    return Survey(tensors, about, digest_ok)


def _described(entry: dict[str, Any]) -> tuple[str, list[int]]:
    """Return type and shape of an array from its entry in the header. Raises ValueError, KeyError or TypeError."""
    dtype, shape, (start, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
    if len(shape) > _MAX_DIMENSIONS or not all(type(n) is int and 0 <= n < 2**63 for n in (start, end, *shape)):
        raise ValueError("an array of an impossible size")
    if prod(shape) * _BITS[dtype] != 8 * (end - start):
        raise ValueError("an array of another size than its shape needs")
    return dtype, shape


def _digest(head: bytes, rest: BinaryIO) -> bytes:
    digest = hashlib.sha256(head)
    while piece := rest.read(_CHUNK_BYTES):
        digest.update(piece)
    return digest.hexdigest().encode()
