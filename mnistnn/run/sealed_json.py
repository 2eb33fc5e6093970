"""JSON files that prove their own integrity: an object with a format number, whose last key is a digest of the others.

The SHA-256 is taken of the values, not of the text, so that layout and indentation are no part of it. A file without
a digest is one of an earlier version.
"""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from mnistnn.errors import RunError

DIGEST = "sha256"
VERSION = "schema_version"

T = TypeVar("T")


def seal_json(content: Mapping[str, Any]) -> bytes:
    """Return the content of a file that holds these values."""
    return (json.dumps({**content, DIGEST: _digest(content)}, indent=2, allow_nan=False) + "\n").encode()


def unseal_json(text: bytes, place: str, what: str, version: int) -> dict[str, Any]:
    """Return the values in a file, without the digest.

    Raises RunError, naming `place`: not a `what`, of another format, or altered.
    """
    try:
        content = json.loads(text, parse_constant=_refuse)
        found = content.get(VERSION) if isinstance(content, dict) else None
        digest = content.pop(DIGEST, None) if isinstance(content, dict) else None
        is_altered = digest is not None and digest != _digest(content)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{place}: not readable as {what} ({error})") from error
    if type(found) is not int or found != version:
        raise RunError(f"{place}: format {found!r}; this mnistnn reads format {version}"[:300])
    if is_altered:
        raise RunError(f"{place}: altered or damaged (its SHA-256 does not match its content)")
    values: dict[str, Any] = content
    return values


def parse_as(adapter: TypeAdapter[T], text: bytes, place: str, what: str, version: int) -> T:
    """Return the object whose fields a file holds. Raises RunError as `unseal_json`, and for a field that is wrong."""
    content = unseal_json(text, place, what, version)
    try:
        return adapter.validate_json(json.dumps(content))  # as JSON: there a list is fit for a tuple
    except ValidationError as error:
        first = error.errors()[0]
        raise RunError(f"{place}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not a JSON number")
