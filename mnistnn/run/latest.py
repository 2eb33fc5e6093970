"""The name of the newest run: `latest`, in the folder of runs.

It is a symbolic link to the run's folder. Where there can be none, as on Windows or on a stick, it is a file of two
lines: the path of the run below the folder of runs, and what the file is. Both are understood everywhere, so that runs
can be taken from one system to another.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path, PurePosixPath

from mnistnn.errors import RunError
from mnistnn.run.directory import LATEST, RunDirectory
from mnistnn.storage import names
from mnistnn.storage.reading import read_own_file
from mnistnn.storage.writing import resource_error, write_atomically

_SAID = "names the newest run, where there can be no symbolic link"
_MAX_BYTES = 1 << 14


def refuse_taken(path: Path, runs: Path) -> None:
    """Raise RunError if `runs/latest` could not name a run at `path`, as something else than its name is there."""
    latest = runs / LATEST
    if _lies_in(path, runs) and os.path.lexists(latest) and not latest.is_symlink() and _named_in(latest) is None:
        what = "folder" if latest.is_dir() else "file"
        raise RunError(
            f"{latest}: a {what}, where the link to the newest run belongs; give it another name, or choose another "
            "folder for runs with --runs"
        )


def point_at(run: RunDirectory, runs: Path) -> None:
    """Let `runs/latest` name the run, if the run lies inside `runs`. Raises RunError, ResourceError."""
    if not _lies_in(run.path, runs):
        return
    refuse_taken(run.path, runs)
    latest = runs / LATEST
    target = os.path.relpath(run.path.resolve(), runs.resolve())
    temporary = run.path / f".{LATEST}.{secrets.token_hex(6)}.tmp"  # `clear` finds it there, should we be killed
    try:
        is_linked = names.link(target, temporary)
        if is_linked:
            names.replace(temporary, latest)
    except OSError as error:
        with suppress(OSError):  # a disk that refuses the link may refuse this too
            temporary.unlink(missing_ok=True)
        raise resource_error(latest, error) from error
    if not is_linked:
        write_atomically(latest, f"{Path(target).as_posix()}\n{_SAID}\n".encode())


def target_of(runs: Path) -> Path:
    """Return what `runs/latest` names, by its path in `runs` if it lies there; itself if it is no name of a run."""
    latest = runs / LATEST
    named = _named_in(latest)
    if named is not None:
        return named
    if not latest.is_symlink():
        return latest
    target, root = latest.resolve(), runs.resolve()
    return runs / target.relative_to(root) if root in target.parents else target


def names_nothing(runs: Path) -> bool:
    """Tell whether `runs/latest` names a run that is gone."""
    latest = runs / LATEST
    return (latest.is_symlink() or _named_in(latest) is not None) and not target_of(runs).exists()


def _named_in(latest: Path) -> Path | None:
    """Return the folder that a file of ours names, which lies beside it or deeper; None if it is no such file."""
    if latest.is_symlink() or not latest.is_file():
        return None
    try:
        name, *said = read_own_file(latest, _MAX_BYTES).decode().splitlines()
    except (RunError, ValueError):
        return None
    parts = PurePosixPath(name).parts
    if said != [_SAID] or not parts or PurePosixPath(name).is_absolute() or ".." in parts:
        return None
    return latest.parent.joinpath(*parts)


def _lies_in(path: Path, runs: Path) -> bool:
    return runs.resolve() in path.resolve().parents
