"""The runs that an exercise asks for, in the folder `runs` beside its files."""

from pathlib import Path

from mnistnn.course.finding import WrongAnswerError
from mnistnn.course.trials import as_given
from mnistnn.run.directory import all_runs
from mnistnn.run.view import RunView


def runs_of(name: str, file: str, folder: Path) -> list[RunView]:
    """Return the finished runs of the experiment in a file of an exercise, whatever their seeds.

    Raises WrongAnswerError if there are none, or none of the experiment as it was given; RunError for a damaged one.
    """
    given = as_given(name, file).resolved
    views = [RunView(run) for run in all_runs(folder / "runs")]
    called_so = [view for view in views if view.record.name == given["name"] and view.record.status == "finished"]
    if not called_so:
        raise WrongAnswerError(f"{file} has no finished run in {folder / 'runs'}: in {folder}, `mnistnn train {file}`.")
    unchanged = [view for view in called_so if view.config | {"seed": given["seed"]} == given]
    if not unchanged:
        raise WrongAnswerError(f"No run of {file} is of the experiment as it was given: train it unchanged.")
    return unchanged
