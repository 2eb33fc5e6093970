"""JSON files that prove their own integrity: an object with a format number, whose last key is a digest of the others.

The SHA-256 is taken of the values, not of the text, so that layout and indentation are no part of it. A file without
a digest is one of an earlier version.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from mnistnn.errors import RunError
from mnistnn.storage.strict_json import parse

DIGEST = "sha256"
VERSION = "schema_version"

_LOOKS_LIKE_A_DIGEST = re.compile(r"[0-9a-f]{64}")

T = TypeVar("T")


def seal_json(content: Mapping[str, Any]) -> bytes:
    """Return the content of a file that holds these values."""
    return (json.dumps({**content, DIGEST: _digest(content)}, indent=2, allow_nan=False) + "\n").encode()


def unseal_json(text: bytes, place: str, what: str, version: int, unnumbered: int | None = None) -> dict[str, Any]:
    """Return the values in a file, without the digest. `unnumbered` is the format of a file that states none.

    Raises RunError, naming `place`: not a `what`, of another format, or altered.
    """
    try:
        content = parse(text)
        found = content.get(VERSION, unnumbered) if isinstance(content, dict) else None
        is_altered = isinstance(content, dict) and not _is_as_sealed(content)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{place}: not readable as {what} ({error})") from error
    if type(found) is not int or found != version:
        shown = repr(found)[:40] if isinstance(found, str | int | float) else "unknown"
        raise RunError(f"{place}: format {shown}; this mnistnn reads format {version}")
    if is_altered:
        raise RunError(f"{place}: altered or damaged (its SHA-256 does not match its content)")
    content.pop(DIGEST, None)
    values: dict[str, Any] = content
    return values


def parse_as(adapter: TypeAdapter[T], text: bytes, place: str, what: str, version: int) -> T:
    """Return the object whose fields a file holds. Raises RunError as `unseal_json`, and for a field that is wrong."""
    content = unseal_json(text, place, what, version)
    try:
        return adapter.validate_json(json.dumps(content))  # as JSON: there a list is fit for a tuple
    except ValidationError as error:
        first = error.errors()[0]
        raise RunError(f"{place}: {'.'.join(map(str, first['loc']))[:200]}: {first['msg']}") from error


def _is_as_sealed(content: dict[str, Any]) -> bool:
    """Tell whether the digest is that of the other values. None at all is right too, but not one under another name."""
    others = {key: value for key, value in content.items() if key != DIGEST}
    if DIGEST in content:
        return bool(content[DIGEST] == _digest(others))
    last = next(reversed(others.values()), None)
    return not (isinstance(last, str) and _LOOKS_LIKE_A_DIGEST.fullmatch(last))


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()
