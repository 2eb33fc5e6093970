"""Where runs live: creating a run's folder, naming what is in it, and finding a run again."""

import os
import secrets
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mnistnn.errors import RunError
from mnistnn.files import resource_error, sync_folder

LATEST = "latest"


@dataclass(frozen=True)
class RunDirectory:
    """The folder of one run. Nothing inside it is an absolute path, so it can be moved or copied whole."""

    path: Path

    @property
    def record(self) -> Path:
        return self.path / "run.json"

    @property
    def config(self) -> Path:
        return self.path / "config.yaml"

    @property
    def source(self) -> Path:
        return self.path / "source"

    @property
    def environment(self) -> Path:
        return self.path / "environment.json"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def timing(self) -> Path:
        return self.path / "timing.jsonl"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def evaluations(self) -> Path:
        return self.path / "eval"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    @property
    def lock(self) -> Path:
        return self.path / ".lock"


def new_run_path(runs: Path, name: str) -> Path:
    """Return a path that no run has yet: runs/<name>/<date>-<time>-<4 hex>."""
    stamp = datetime.now().strftime("%Y%m%d-%H%M%S")
    return runs / name / f"{stamp}-{secrets.token_hex(2)}"


def create(path: Path) -> RunDirectory:
    """Make the folder of a new run. Raises RunError if `path` exists and is not an empty folder."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            path.mkdir()
        except FileExistsError:
            if not path.is_dir() or any(path.iterdir()):
                raise RunError(
                    f"{path} exists already; a run never writes over another one "
                    f"(to go on with it: mnistnn resume {path})"
                ) from None
        run = RunDirectory(path)
        for folder in (run.source, run.checkpoints, run.evaluations):
            folder.mkdir()
        sync_folder(path)
        sync_folder(path.parent)
    except OSError as error:
        raise resource_error(path, error) from error
    return run


def point_latest_at(run: RunDirectory, runs: Path) -> None:
    """Let `runs/latest` name the run, if the run lies inside `runs`."""
    target, root = run.path.resolve(), runs.resolve()
    if root not in target.parents:
        return
    link = runs / LATEST
    temporary = runs / f".{LATEST}.{secrets.token_hex(6)}.tmp"
    try:
        temporary.symlink_to(os.path.relpath(target, root))
        os.replace(temporary, link)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise resource_error(link, error) from error


def all_runs(runs: Path) -> list[RunDirectory]:
    """Return every run under `runs`, oldest name first."""
    if not runs.is_dir():
        return []
    found = [RunDirectory(path.parent) for path in sorted(runs.glob("*/*/run.json"))]
    return sorted(found, key=lambda run: run.path.name)


def find(reference: str, runs: Path) -> RunDirectory:
    """Find a run by its path, by `latest`, or by a unique prefix of its id. Raises RunError saying what was tried."""
    path = runs / LATEST if reference == LATEST else Path(reference)
    if path.is_dir():
        run = RunDirectory(path.resolve() if reference == LATEST else path)
        if not run.record.is_file():
            raise RunError(f"{path} is not a run directory: it has no run.json")
        return run
    if reference == LATEST:
        raise RunError(f"there is no latest run in {runs}")
    matches = [run for run in all_runs(runs) if run.path.name.startswith(reference)]
    if len(matches) == 1:
        return matches[0]
    if matches:
        names = ", ".join(run.path.name for run in matches[:5])
        raise RunError(f"'{reference}' is the start of {len(matches)} run ids in {runs}: {names}")
    raise RunError(f"no run named '{reference}': neither a folder nor the start of a run id in {runs}")
