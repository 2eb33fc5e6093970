"""An exercise of the course: its task, the files to begin with, hints, and a solution.

Each is a folder in `mnistnn/course/exercises/`: `task.md`, which ends with the hints, and the folders `start` and
`solution`. What judges an answer is in `mnistnn/course/checks/`.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from mnistnn.course.chapters import pages
from mnistnn.errors import UsageError, did_you_mean

README = "README.md"
MOST_HINTS = 2

_FOLDER = Path(__file__).parent / "exercises"
_HINT = re.compile(r"^## Hint \d\n", re.MULTILINE)


@dataclass(frozen=True)
class Exercise:
    """An exercise.

    page      the name of the page that it belongs to
    title     the heading of its task
    task      what is to be done, in Markdown
    hints     two, the first of which says less
    start     the files to begin with, by their names
    solution  those of them that are solved, by their names
    """

    name: str
    page: str
    title: str
    task: str
    hints: tuple[str, ...]
    start: dict[str, str]
    solution: dict[str, str]

    @property
    def trains(self) -> bool:
        """Return whether its check trains an experiment, which takes longer than others."""
        return "experiment.yaml" in self.start


def exercise_names() -> list[str]:
    """Return the names of all exercises, in the order of the course."""
    return [name for page in pages() for name in page.exercises]


@cache
def exercise(name: str) -> Exercise:
    """Return the exercise of this name. Raises UsageError if there is none."""
    page = next((page for page in pages() if name in page.exercises), None)
    if page is None:
        raise UsageError(f"no exercise is called '{name}'{did_you_mean(name, exercise_names(), before='; ')}")
    folder = _FOLDER / name
    task, *hints = _HINT.split((folder / "task.md").read_text(encoding="utf-8"))
    return Exercise(
        name=name,
        page=page.name,
        title=task.partition("\n")[0].removeprefix("# "),
        task=task.strip() + "\n",
        hints=tuple(hint.strip() for hint in hints),
        start=_files_in(folder / "start"),
        solution=_files_in(folder / "solution"),
    )


def _files_in(folder: Path) -> dict[str, str]:
    """Return name and text of each file. What Python compiled when mnistnn was installed is none of them."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.iterdir()) if path.is_file()}
