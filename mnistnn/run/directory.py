"""Where runs live: creating a run's folder, naming what is in it, and finding a run again."""

import secrets
import shlex
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePath

from mnistnn.errors import RunError, UsageError
from mnistnn.storage.forcing import sync_folder
from mnistnn.storage.inside import file_in, folder_in
from mnistnn.storage.writing import is_text, remove_leftovers, resource_error

LATEST = "latest"


@dataclass(frozen=True)
class RunDirectory:
    """The folder of one run. Nothing inside it is an absolute path, so it can be moved or copied whole.

    The attributes raise RunError if what is there is not of the kind that belongs there: see `storage/inside.py`.
    """

    path: Path

    @property
    def record(self) -> Path:
        return file_in(self.path, "run.json")

    @property
    def config(self) -> Path:
        return file_in(self.path, "config.yaml")

    @property
    def source(self) -> Path:
        return folder_in(self.path, "source")

    @property
    def code(self) -> Path:
        """Where the files of code are that the experiment was given."""
        return folder_in(self.source, "code")

    @property
    def environment(self) -> Path:
        return file_in(self.path, "environment.json")

    @property
    def metrics(self) -> Path:
        return file_in(self.path, "metrics.jsonl")

    @property
    def timing(self) -> Path:
        return file_in(self.path, "timing.jsonl")

    @property
    def checkpoints(self) -> Path:
        return folder_in(self.path, "checkpoints")

    def name_inside(self, whole: "RunDirectory") -> str:
        """Return which part of a whole run this one is: the name of a phase, `members/` and the number of a member;
        nothing if it is the whole.
        """
        if self == whole:
            return ""
        parts = self.path.relative_to(whole.path).parts
        return "/".join(part for part in parts if part != whole.phases.name)

    @property
    def evaluations(self) -> Path:
        return folder_in(self.path, "eval")

    def evaluations_on(self, dataset: str) -> Path:
        """Where evaluations on another data set than the run's are kept."""
        return folder_in(folder_in(self.evaluations, "on"), dataset)

    def make_evaluations_on(self, dataset: str) -> Path:
        """Return `evaluations_on`, once it is there. Raises ResourceError if it cannot be made."""
        folder = self.evaluations_on(dataset)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise resource_error(folder, error) from error
        for above in (folder.parent, self.evaluations):
            sync_folder(above)
        return folder

    @property
    def phases(self) -> Path:
        """Where the runs of layers are that learned before."""
        return folder_in(self.path, "pretrain")

    @property
    def log(self) -> Path:
        return file_in(self.path, "log.txt")

    @property
    def progress(self) -> Path:
        """How far training is inside an epoch: see `run/under_way.py`."""
        return file_in(self.path, "progress.json")

    @property
    def lock(self) -> Path:
        return file_in(self.path, ".mnistnn-lock")


def as_argument(path: PurePath) -> str:
    """Return a path as it can be typed on a command line: quoted where a shell needs it, and never like an option."""
    text = path.as_posix()  # Windows takes such paths too, and its own would have to be quoted
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def new_run_path(runs: Path, name: str) -> Path:
    """Return a path that no run has yet: runs/<name>/<date>-<time>-<4 hex>. Raises UsageError for a reserved name."""
    if name == LATEST:
        raise UsageError(f"no experiment can be named '{LATEST}': {runs / LATEST} points at the newest run")
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    return runs / name / f"{stamp}-{secrets.token_hex(2)}"


def create(path: Path) -> RunDirectory:
    """Make the folder of a new run. Raises RunError if `path` exists, unless it is empty, and UsageError for a name
    that is no text.

    Also taken is a folder in which a process was killed while it prepared a run: it has the lock file, but no run.json
    yet. Whoever writes there must hold the lock, and `furnish` first.
    """
    run = RunDirectory(path)
    if not is_text(str(path)) or not is_text(path.resolve().name):
        raise UsageError(f"{path}: is not UTF-8, so run.json could not hold the name; a run needs another one")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.mkdir()
        except FileExistsError:
            _refuse_unless_vacant(run)
        sync_folder(path.parent)
    except OSError as error:
        raise resource_error(path, error) from error
    return run


def furnish(run: RunDirectory) -> None:
    """Make the folders inside a run's folder. Raises RunError if a run came to be there in the meantime."""
    _refuse_unless_vacant(run)
    clear(run)
    try:
        for folder in (run.source, run.checkpoints, run.evaluations):
            folder.mkdir(exist_ok=True)
        sync_folder(run.path)
    except OSError as error:
        raise resource_error(run.path, error) from error


def clear(run: RunDirectory) -> None:
    """Remove what a killed process was writing. Only for who holds the lock."""
    for folder in (run.path, run.source, run.code, run.checkpoints, run.evaluations):
        remove_leftovers(folder)


def _refuse_unless_vacant(run: RunDirectory) -> None:
    path = run.path
    if run.record.exists():
        raise RunError(
            f"{path} holds a run already, and a run never writes over another one "
            f"(to go on with it: mnistnn resume {as_argument(path)})"
        )
    if not path.is_dir() or (any(path.iterdir()) and not run.lock.exists()):
        raise RunError(f"{path} exists already; a run needs a new or an empty folder")


def all_runs(runs: Path) -> list[RunDirectory]:
    """Return every run in `runs` and in the folders there, oldest name first."""
    records = [path for pattern in ("*/run.json", "*/*/run.json") for path in runs.glob(pattern)]
    folders = {path.parent for path in records if path.parent != runs / LATEST}
    return [RunDirectory(folder) for folder in sorted(folders, key=lambda folder: (folder.name, folder))]
