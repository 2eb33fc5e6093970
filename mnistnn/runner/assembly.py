"""A committee of runs that are there already: their copies become its members, and nothing is trained."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mnistnn.config.dump import resolved_yaml
from mnistnn.config.load import LoadedExperiment, load_text
from mnistnn.config.validate import type_first
from mnistnn.errors import UsageError
from mnistnn.experiment.members import FOLDER, member_run
from mnistnn.plugins.code import CodeFile, Declared, Place, Plugins, unlike_each_other
from mnistnn.run import transforms
from mnistnn.run.directory import RunDirectory
from mnistnn.run.view import RunView
from mnistnn.storage.inside import folder_in, refuse_what_leads_out
from mnistnn.storage.writing import resource_error

_SHARED = ("data", "backend")


def committee_of(runs: Sequence[RunDirectory], name: str, combine: str) -> LoadedExperiment:
    """Return the experiment of a committee of finished runs, on the data and the backend of the first.

    Raises UsageError for a run that is not finished or is a committee itself, ConfigError if their data differ.
    """
    members, files, declared = [], list[CodeFile](), list[Declared]()
    for run in runs:
        view = RunView(run)
        if view.record.status != "finished":
            raise UsageError(f"{run.path}: the run is {view.record.status}; a committee needs finished ones")
        if "members" in view.config["model"]:
            raise UsageError(f"{run.path}: is a committee, which is no member of another one; its members could be")
        members.append(view.config)
        files += view.loaded.plugins.files
        declared += view.loaded.plugins.declared
    whole: dict[str, Any] = {
        "name": name,
        **{key: members[0][key] for key in _SHARED},
        "model": {
            "type": "committee",
            "members": [{"experiment": type_first(member)} for member in members],
            "combine": combine,
        },
    }
    plugins = Plugins(unlike_each_other(files), tuple(dict.fromkeys(declared)), _place_of_code(runs))
    return load_text(resolved_yaml(whole), f"committee of {len(runs)} runs", (), plugins)


def _place_of_code(runs: Sequence[RunDirectory]) -> Place | None:
    """Return the first run that keeps code, and where: what a message can name."""
    return next((Place(run.path, run.code) for run in runs if run.code.is_dir()), None)


def copy_members(runs: Sequence[RunDirectory], committee: RunDirectory) -> None:
    """Copy runs to where a committee's members lie, without what evaluations found.

    Raises ResourceError, and RunError for a run in which there is a link or a pipe.
    """
    transforms.furnish(folder_in(committee.path, FOLDER))
    for number, run in enumerate(runs):
        own = member_run(committee, number)
        refuse_what_leads_out(run.path)
        try:
            shutil.copytree(run.path, own.path, symlinks=True, ignore=_left_out(run.path))
            own.evaluations.mkdir()
        except (OSError, shutil.Error) as error:
            raise resource_error(own.path, error if isinstance(error, OSError) else OSError(str(error))) from error


def _left_out(run: Path) -> Any:
    def names(folder: str, _: list[str]) -> set[str]:
        own = RunDirectory(run)
        return {"eval", own.lock.name, own.progress.name} if Path(folder) == run else set()

    return names
