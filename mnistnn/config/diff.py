"""The differences between two resolved configurations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mnistnn.config.nodes import KeyPath, dotted


class _Absent:
    """Stands for a key that one side does not have."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Difference:
    """A key whose value differs; ABSENT on the side that lacks it.

    Where both have the same keys in another order (layers, say), `order` is true and the values are lists
    of keys.
    """

    key: str
    left: Any
    right: Any
    order: bool = False


def differences(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[Difference]:
    """Return the differences, in the order of the left side, then keys that only the right side has."""
    found: list[Difference] = []
    _compare(left, right, (), found)
    return found


def _compare(left: Any, right: Any, at: KeyPath, found: list[Difference]) -> None:
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for key in {**left, **right}:
            _compare(left.get(key, ABSENT), right.get(key, ABSENT), (*at, key), found)
        shared = [key for key in left if key in right], [key for key in right if key in left]
        if shared[0] != shared[1]:
            found.append(Difference(dotted(at), *shared, order=True))
    elif isinstance(left, list) and isinstance(right, list):
        for index in range(max(len(left), len(right))):
            a, b = (side[index] if index < len(side) else ABSENT for side in (left, right))
            _compare(a, b, (*at, index), found)
    elif left != right or type(left) is not type(right):
        found.append(Difference(dotted(at), left, right))
