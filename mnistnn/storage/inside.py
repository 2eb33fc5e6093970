"""What lies inside a folder that belongs to mnistnn, a run's or a sweep's: regular files and folders, nothing else.

Such a folder may come from somebody else. A link in it would lead to files that have nothing to do with it, to read
what nobody meant to show or to write where nobody meant to write; a pipe would wait for ever. So every path in such a
folder is made here, and what is there under its name is looked at first. The folder itself may be found by a link.
"""

import os
import stat
from pathlib import Path

from mnistnn.errors import RunError

_JUNCTION = 0xA0000003  # stat.IO_REPARSE_TAG_MOUNT_POINT, which only Python for Windows has


def file_in(folder: Path, name: str) -> Path:
    """Return the path of a file in a folder. Raises RunError if something is there that is no regular file."""
    path = folder / name
    if (mode := _mode(path)) and not stat.S_ISREG(mode):
        raise RunError(f"{path}: {_what(mode)}, where a file of its own belongs")
    return path


def folder_in(folder: Path, name: str) -> Path:
    """Return the path of a folder in a folder. Raises RunError if something is there that is no folder."""
    path = folder / name
    if (mode := _mode(path)) and not stat.S_ISDIR(mode):
        raise RunError(f"{path}: {_what(mode)}, where a folder of its own belongs")
    return path


def refuse_what_leads_out(folder: Path) -> None:
    """Raise RunError for the first thing below a folder that is neither a regular file nor a folder."""
    for inside, folders, files in os.walk(folder):
        for name in sorted(folders):
            folder_in(Path(inside), name)
        for name in sorted(files):
            file_in(Path(inside), name)


def mode_of(status: os.stat_result) -> int:
    """Return the type of what was looked at without following it. A junction, a folder of Windows that stands for
    another one, counts as the link that it is.
    """
    return stat.S_IFLNK if getattr(status, "st_reparse_tag", 0) == _JUNCTION else status.st_mode


def _mode(path: Path) -> int:
    """Return the type of what a name stands for, without following it; 0 if there is nothing, or nobody can tell."""
    try:
        return mode_of(os.lstat(path))
    except (OSError, ValueError):
        return 0


def _what(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a symbolic link"
    return "a folder" if stat.S_ISDIR(mode) else "a file" if stat.S_ISREG(mode) else "neither a file nor a folder"
