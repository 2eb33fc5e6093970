"""Labels as somebody wrote them, integers or words, as the numbers of classes."""

import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mnistnn.data.class_names import MOST_CLASSES, checked_names
from mnistnn.data.formats.image_set import labels_as_bytes
from mnistnn.errors import DataError

_Key = TypeVar("_Key", bound=Hashable)

_INTEGER = re.compile(r"([+-]?[0-9]{1,15})(?:\.0*)?")  # 3.0 is how programs write a 3 among floats


def numbered(
    labels: Mapping[_Key, NDArray[Any] | Sequence[str]], place: str
) -> tuple[dict[_Key, NDArray[np.uint8]], tuple[str, ...] | None]:
    """Return the labels of each part of a set as bytes (n,), and what the classes are called, None if by numbers.

    Integers in 0..255 stay what they are. Other integers, if they are texts or negative, are numbered in their order,
    and words in that of the alphabet. Raises DataError, naming `place`, for more than 256 classes and for what cannot
    be the name of one.
    """
    if all(isinstance(part, np.ndarray) for part in labels.values()):
        return {key: _bytes_of(np.asarray(part), place) for key, part in labels.items()}, None
    texts = {key: list(map(str, part)) for key, part in labels.items()}
    different = {text for part in texts.values() for text in part}
    integers = {text: int(match[1]) for text in different if (match := _INTEGER.fullmatch(text))}
    if len(integers) == len(different):
        if all(0 <= integer < MOST_CLASSES for integer in integers.values()):
            return {key: np.array([integers[t] for t in part], dtype=np.uint8) for key, part in texts.items()}, None
        order = sorted(set(integers.values()))
        names, number = tuple(map(str, order)), {text: order.index(integers[text]) for text in different}
    else:
        names = tuple(sorted(different))
        number = {text: label for label, text in enumerate(names)}
    if len(names) > MOST_CLASSES:
        raise DataError(f"{place}: {len(names)} different labels, allowed are up to {MOST_CLASSES}")
    return (
        {key: np.array([number[text] for text in part], dtype=np.uint8) for key, part in texts.items()},
        checked_names(names, place),
    )


def _bytes_of(labels: NDArray[Any], place: str) -> NDArray[np.uint8]:
    return labels if labels.dtype == np.uint8 else labels_as_bytes(labels, place)
