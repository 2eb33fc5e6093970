"""What the classes of a data set are called: the names that it brings, or else the numbers of its labels."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import Field

from mnistnn.errors import DataError

MOST_CLASSES = 256
"""Labels are bytes."""

MOST_CHARACTERS = 100
"""Of a name."""

ClassName = Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS, pattern=r"\S")]


def names_or_numbers(class_names: Sequence[str] | None, classes: int) -> list[str]:
    """Return what each of the classes is called, the label of a class where it has no name of its own."""
    return [str(label) for label in range(classes)] if class_names is None else list(class_names)


def checked_names(names: Iterable[str], place: str, classes: int | None = None) -> tuple[str, ...]:
    """Return names of classes, in the order of their labels, without the spaces around them.

    classes  how many there must be at least; labels that occur have a name each

    Raises DataError, naming `place`, for an empty name, one of more than 100 characters or with characters that cannot
    be printed, for one that occurs twice, and for too few.
    """
    found = tuple(name.strip() for name in names)
    for number, name in enumerate(found):
        if not name or len(name) > MOST_CHARACTERS or not name.isprintable():
            raise DataError(
                f"{place}: class {number} is called {name[:40]!r}; expected 1 to {MOST_CHARACTERS} printable characters"
            )
    twice = [name for name, count in Counter(found).items() if count > 1]
    if twice:
        raise DataError(f"{place}: two classes are called {twice[0]!r}; each needs a name of its own")
    if classes is not None and len(found) < classes:
        raise DataError(f"{place}: {len(found)} names of classes, but the labels go up to {classes - 1}")
    return found
