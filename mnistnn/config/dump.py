"""A resolved configuration as YAML text that loads again to equal values, and its digest.

Written here, not by PyYAML, because its writer follows YAML 1.1: it leaves words unquoted that other
readers take for numbers, and floats that they take for text.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from mnistnn.config.messages import safe
from mnistnn.config.nodes import KeyPath, dotted
from mnistnn.config.scalars import ScalarError, resolve_plain

# Words that need no quotes for any reader, unless they are constants.
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./+-]*")
_YAML_1_1_CONSTANTS = {"y", "n", "yes", "no", "on", "off"}
_COMMENT_COLUMN = 44


def config_hash(resolved: Mapping[str, Any]) -> str:
    """Return the SHA-256, in hex, of the canonical JSON of a resolved configuration.

    Keys keep their order: that of components is fixed, and the order of layers is part of what a network is.
    """
    text = json.dumps(resolved, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def resolved_yaml(resolved: Mapping[str, Any], origins: Mapping[str, str] | None = None) -> str:
    """Return the configuration as YAML; with `origins`, every value is followed by where it came from."""
    lines = []
    for path, line in resolved_lines(resolved):
        origin = _origin(path, origins) if origins is not None else ""
        lines.append(f"{line:<{_COMMENT_COLUMN}}  # {safe(origin)}" if origin else line)
    return "\n".join(lines) + "\n"


def resolved_lines(resolved: Mapping[str, Any]) -> Iterator[tuple[KeyPath | None, str]]:
    """Yield the lines of the configuration as YAML, each with the path of the value that it ends with, if any."""
    return _mapping_lines(resolved, (), 0)


def _origin(path: KeyPath | None, origins: Mapping[str, str]) -> str:
    """Return the origin of the value that a line ends with; a short list has that of its first item."""
    if path is None:
        return ""
    key = dotted(path)
    return origins.get(key) or origins.get(f"{key}.0", "")


def _mapping_lines(data: Mapping[str, Any], at: KeyPath, indent: int) -> Iterator[tuple[KeyPath | None, str]]:
    """Yield (path of the value that the line ends with, line)."""
    for key, value in data.items():
        yield from _value_lines(f"{' ' * indent}{scalar_yaml(key)}:", value, (*at, key), indent)


def _value_lines(head: str, value: Any, at: KeyPath, indent: int) -> Iterator[tuple[KeyPath | None, str]]:
    if isinstance(value, dict) and value:
        yield None, head
        yield from _mapping_lines(value, at, indent + 2)
    elif isinstance(value, list) and any(isinstance(item, dict | list) and item for item in value):
        yield None, head
        for index, item in enumerate(value):
            yield from _item_lines(item, (*at, index), indent + 2)
    else:
        yield at, f"{head} {flow_yaml(value)}"


def _item_lines(item: Any, at: KeyPath, indent: int) -> Iterator[tuple[KeyPath | None, str]]:
    """Yield the lines of one item of a list; a mapping begins on the line of its dash."""
    dash = f"{' ' * indent}-"
    if not isinstance(item, dict) or not item:
        yield from _value_lines(dash, item, at, indent)
        return
    for number, (path, line) in enumerate(_mapping_lines(item, at, indent + 2)):
        yield path, f"{dash} {line.lstrip()}" if number == 0 else line


def flow_yaml(value: Any) -> str:
    """Write a value on one line."""
    if isinstance(value, list):
        return f"[{', '.join(flow_yaml(item) for item in value)}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {flow_yaml(item)}' for key, item in value.items())}}}"
    return scalar_yaml(value)


def scalar_yaml(value: Any) -> str:
    """Write one value so that this reader, and any other YAML reader, takes it as what it is."""
    if isinstance(value, float):
        return _float_yaml(value)
    if not isinstance(value, str):
        return json.dumps(value)
    return value if _needs_no_quotes(value) else _quoted(value)


def _float_yaml(value: float) -> str:
    """Write a float with a point, which YAML 1.1 readers need, and as many digits as it takes."""
    text = repr(value)
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _needs_no_quotes(text: str) -> bool:
    if not _PLAIN.fullmatch(text) or text.lower() in _YAML_1_1_CONSTANTS:
        return False
    try:
        return resolve_plain(text) == text
    except ScalarError:
        return False


def _quoted(text: str) -> str:
    """Write text in double quotes, with escapes for what YAML does not allow or a terminal would not show."""
    marked = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in marked) + '"'
