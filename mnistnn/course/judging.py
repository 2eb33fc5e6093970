"""Checking an answer: all that is found, in the order in which it was asked."""

from pathlib import Path

from mnistnn.course.checks import CHECKS
from mnistnn.course.exercise import Exercise
from mnistnn.course.finding import Finding, WrongAnswerError
from mnistnn.errors import ConfigError


def findings_of(exercise: Exercise, folder: Path) -> list[Finding]:
    """Return what is found of the answer in a folder. It is solved if all of it holds."""
    missing = [name for name in exercise.start if not (folder / name).is_file()]
    if missing:
        return [Finding(False, f"{', '.join(missing)}: no such file in {folder}. Begin again in another folder.")]
    found = []
    try:
        found += [Finding(False, said) for said in _unchanged(exercise, folder)]
        for finding in CHECKS[exercise.name](folder):
            found.append(finding)
    except WrongAnswerError as error:
        found.append(Finding(False, str(error)))
    except ConfigError as error:  # a file of an answer that cannot be read: it says where
        found.append(Finding(False, str(error)))
    return found


def is_solved(found: list[Finding]) -> bool:
    """Tell whether all that was asked of an answer holds."""
    return all(finding.holds for finding in found)


def _unchanged(exercise: Exercise, folder: Path) -> list[str]:
    """Say so, if no file that the solution changes was changed yet."""
    names = [name for name in exercise.solution if name in exercise.start]
    if all((folder / name).read_bytes() == exercise.start[name].encode() for name in names):
        return [f"Nothing was changed yet in {', '.join(names)}."]
    return []
