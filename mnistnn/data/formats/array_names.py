"""What arrays of a file are, by their names: x_train and y_train, train_images and train_labels, or X and y alone.

A name is taken apart into words. One of them says whether it is of images or labels, and another which half; where no
name says a half, all images are one part, which is divided later.
"""

import re
from collections.abc import Sequence
from typing import Literal

from mnistnn.data.formats.given import Half
from mnistnn.errors import DataError

Kind = Literal["images", "labels"]

_HALVES: dict[str, Half] = {
    **dict.fromkeys(("train", "training", "tr"), "train"),
    **dict.fromkeys(("test", "testing", "te"), "test"),
    **dict.fromkeys(("valid", "validation", "val"), "valid"),
}
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("x", "image", "images", "img", "imgs", "data", "features"), "images"),
    **dict.fromkeys(("y", "label", "labels", "target", "targets"), "labels"),
}
_UNNAMED: dict[str, tuple[Half, Kind]] = {"arr_0": ("train", "images"), "arr_1": ("train", "labels")}
_EXPECTED = "x_train, y_train, x_test, y_test"
_MOST_SHOWN = 12
_WORD = re.compile(r"[A-Za-z]+")


def roles_of(names: Sequence[str], place: str) -> tuple[dict[str, tuple[Half, Kind]], list[str]]:
    """Return which half and kind each array is, and the names of those that are neither images nor labels.

    Raises DataError, naming `place`, with what there is, if images or labels lack each other, or there are none for
    training, or two arrays are the same.
    """
    roles = {name: role for name in names if (role := _role(name)) is not None}
    if not roles and set(_UNNAMED) <= set(names):
        roles = {name: _UNNAMED[name] for name in _UNNAMED}
    halves: dict[tuple[Half, Kind], str] = {}
    for name, role in roles.items():
        if role in halves:
            raise DataError(f"{place}: both {halves[role]} and {name} seem to be {role[1]} of the {role[0]} half")
        halves[role] = name
    lacking = [
        f"{kind} of the {half} half"
        for half in dict.fromkeys(("train", *(half for half, _ in halves)))
        for kind in ("images", "labels")
        if (half, kind) not in halves
    ]
    if lacking:
        raise DataError(
            f"{place}: has {listed(names) or 'nothing'}; expected {_EXPECTED}, or other names for these: there are no "
            f"{' and no '.join(lacking)}"
        )
    return roles, [name for name in names if name not in roles]


def is_of_labels(name: str) -> bool:
    """Tell whether an array is one of labels by its name."""
    role = _role(name)
    return role is not None and role[1] == "labels"


def listed(names: Sequence[str]) -> str:
    """Return names as messages show them, the first of many."""
    return ", ".join(names[:_MOST_SHOWN]) + (", …" if len(names) > _MOST_SHOWN else "")


def _role(name: str) -> tuple[Half, Kind] | None:
    words = [word.lower() for word in _WORD.findall(re.sub(r"([a-z])([A-Z])", r"\1 \2", name))]
    kinds = [_KINDS[word] for word in words if word in _KINDS]
    halves = {_HALVES[word] for word in words if word in _HALVES}
    if not kinds or len(halves) > 1:
        return None
    return (halves.pop() if halves else "train"), kinds[-1]
