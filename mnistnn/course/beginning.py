"""Beginning an exercise: the folder of one's own in which it is done. Nothing that is there is ever overwritten."""

from pathlib import Path

from mnistnn.course.exercise import README, Exercise
from mnistnn.errors import UsageError
from mnistnn.run.directory import as_argument
from mnistnn.storage.writing import resource_error


def usual_folder(exercise: Exercise) -> Path:
    """Return the folder that is meant if nobody names one: that of the exercise's name; or the working folder, if it
    is called so and has the files of the exercise.
    """
    here = Path.cwd()
    if here.name == exercise.name and has_files(exercise, here):
        return Path()
    return Path(exercise.name)


def has_files(exercise: Exercise, folder: Path) -> bool:
    """Tell whether a folder has one of the files that the exercise begins with."""
    return any((folder / name).exists() for name in exercise.start)


def is_begun(exercise: Exercise, folder: Path) -> bool:
    """Tell whether the exercise was begun in a folder. Raises UsageError if something else is there."""
    if not folder.exists() and not folder.is_symlink():
        return False
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder; --folder names another place")
    if has_files(exercise, folder):
        return True
    if any(folder.iterdir()):
        raise UsageError(
            f"{folder} has none of the files of this exercise ({', '.join(exercise.start)}), and is not empty: "
            "--folder names another place"
        )
    return False


def begin(exercise: Exercise, folder: Path) -> list[Path]:
    """Make the folder with the task and the files to begin with; return their paths. Raises ResourceError."""
    files = {README: _readme(exercise, folder), **exercise.start}
    made = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            with open(folder / name, "x", encoding="utf-8", newline="\n") as file:  # x: never over another file
                file.write(text)
            made.append(folder / name)
    except OSError as error:
        raise resource_error(folder, error) from error
    return made


def command_for(exercise: Exercise, folder: Path) -> str:
    """Return the command that checks the answer in a folder, from where one is."""
    is_usual = folder == usual_folder(exercise)
    return f"mnistnn exercise {exercise.name}" + ("" if is_usual else f" --folder {as_argument(folder)}")


def _readme(exercise: Exercise, folder: Path) -> str:
    command = command_for(exercise, folder)
    return (
        f"{exercise.task}\n## How to go on\n\nFrom the folder in which you began:\n\n"
        f"    {command}             checks your answer\n"
        f"    {command} --hint      shows a hint, then a second one\n"
        f"    {command} --solution  shows a solution\n"
    )
