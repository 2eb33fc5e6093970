"""The experiments that come with mnistnn, which have names: `mlp`, `course/adam`.

A name stands for its file on a command line, and in a file that extends it or has it as a member. They lie in the
package, or in a checkout of the project in the folder beside it.
"""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath

_FOLDER = "experiments"
_SUFFIX = ".yaml"
_HIDDEN = ("base", "results")
"""Folders that hold no experiments to be run: what others extend, and records."""


@dataclass(frozen=True)
class Found:
    """The file that a reference means, and the name of the experiment of mnistnn that it means or would mean.

    is_example  whether it is that experiment, and no file of one's own
    """

    path: Path
    name: str | None
    is_example: bool


@cache
def examples_folder() -> Path:
    """Return the folder of the experiments that come with mnistnn."""
    package = Path(__file__).parents[1]
    inside = package / _FOLDER
    return inside if inside.is_dir() else package.parent / _FOLDER


def example_names() -> list[str]:
    """Return the names of all of them: those of no group first, then group by group, each in order."""
    folder = examples_folder()
    places = (path.relative_to(folder) for path in folder.rglob(f"*{_SUFFIX}"))
    return [
        place.with_suffix("").as_posix()
        for place in sorted(places, key=lambda place: (place.parent.as_posix(), place.name))
        if place.parts[0] not in _HIDDEN
    ]


def example_path(name: str) -> Path | None:
    """Return the file of the experiment of this name; None if there is none."""
    place = PurePosixPath(f"{name}{_SUFFIX}")
    path = examples_folder() / place
    is_plain = place.as_posix() == f"{name}{_SUFFIX}" and not place.is_absolute() and ".." not in place.parts
    return path if is_plain and place.parts[0] not in _HIDDEN and path.is_file() else None


def named_in_file(said: str, folder: Path, shown_folder: str) -> tuple[Path, str]:
    """Return the file that a file in `folder` means by a name, and how it is shown: the one of that path, relative to
    the folder, if there is one, or else the experiment of mnistnn of that name.
    """
    path = folder / said
    example = None if path.is_file() else example_path(said)
    return (path, os.path.normpath(os.path.join(shown_folder, said))) if example is None else (example, str(example))


def experiment_file(reference: str) -> Found:
    """Return the file that is meant: that of the path, if there is one, or else the experiment of that name.

    What is neither is taken for a path, for whoever reads it to say that it is not there.
    """
    path = Path(reference)
    named = example_path(reference)
    if named is None or path.is_file():
        return Found(path, None if named is None else reference, False)
    return Found(named, reference, True)
