"""safetensors files that prove their own integrity.

The file's metadata has one entry (safetensors writes several in no fixed order): JSON with a format number, a SHA-256
over every byte of the file but the digest's own digits, and whatever belongs to the arrays. Nothing depends on the
clock, so equal contents give equal files.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from mnistnn.errors import RunError

_KEY = "mnistnn"
# Stands where the digest will stand while the digest is computed.
_NO_DIGEST = b"0" * 64


def seal(tensors: dict[str, np.ndarray], format_number: int, about: dict[str, Any]) -> bytes:
    """Return the content of a file that holds arrays by name, and plain data about them."""
    header = {"sha256": _NO_DIGEST.decode(), "format": format_number, **about}
    blank: bytes = save(tensors, metadata={_KEY: json.dumps(header, allow_nan=False)})
    return blank.replace(_NO_DIGEST, hashlib.sha256(blank).hexdigest().encode(), 1)


def unseal(path: Path, what: str, format_number: int) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read and verify such a file; return its arrays and what is said about them.

    Raises RunError naming what is wrong with it as a `what`: missing, torn, of another format, or altered.
    """
    try:
        if path.exists() and not path.is_file():
            raise RunError(f"{path}: not a file")
        content = path.read_bytes()
    except OSError as error:
        raise RunError(f"{path}: {error.strerror}") from error
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
