"""The inventory of a run's folder, found without following any link out of it."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from mnistnn.analysis.verification.report import Findings
from mnistnn.storage.inside import mode_of
from mnistnn.storage.writing import is_leftover

_MOST_ENTRIES = 100_000
ELSEWHERE = "eval/on"
"""Folders in it hold evaluations on other data sets, which they are named for."""

_FOLDERS = ("checkpoints", "eval", ELSEWHERE, "members", "preprocess", "pretrain", "source", "source/code")


class Inventory:
    """The regular files of a run, by path below its folder. Nothing else is ever opened.

    Folders in pretrain/ and in members/ hold runs of their own, which are named in `runs` and in `members`; `elsewhere`
    names the other data sets that the run was measured on.
    """

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self.files: set[str] = set()
        self.runs: set[str] = set()
        self.members: set[str] = set()
        self.elsewhere: list[str] = []
        self._entries = 0
        self._look("")

    def names_in(self, folder: str) -> list[str]:
        """Return the names of the files in one of the run's folders, sorted."""
        return sorted(file.removeprefix(f"{folder}/") for file in self.files if file.startswith(f"{folder}/"))

    def has(self, file: str) -> bool:
        """Tell whether a file is there to be read; if it is not, that is a problem."""
        if file not in self.files and not self._findings.speaks_against(file):
            self._findings.problem(file, "missing")
        return file in self.files

    def _look(self, folder: str) -> None:
        """List one folder and, in that of the run, the folders that belong to a run."""
        try:
            with os.scandir(self._findings.path / folder) as entries:
                for entry in entries:
                    self._entries += 1
                    if self._entries > _MOST_ENTRIES:
                        self._findings.problem(folder, f"more than {_MOST_ENTRIES} entries; the rest is not looked at")
                        return
                    with suppress(FileNotFoundError):  # a run that is being trained removes files meanwhile
                        self._take(f"{folder}/{entry.name}".lstrip("/"), entry)
        except OSError as error:
            self._findings.problem(folder, f"cannot be listed: {error.strerror}")

    def _take(self, file: str, entry: os.DirEntry[str]) -> None:
        mode = mode_of(entry.stat(follow_symlinks=False))
        if stat.S_ISDIR(mode):
            if file in _FOLDERS:
                self._look(file)
            elif Path(file).parent == Path("pretrain"):
                self.runs.add(Path(file).name)
            elif Path(file).parent == Path("members"):
                self.members.add(Path(file).name)
            elif Path(file).parent == Path(ELSEWHERE):
                self.elsewhere.append(Path(file).name)
                self._look(file)
            else:
                self._findings.note(file, "a folder that is no part of a run; not looked at")
        elif is_leftover(Path(file)) and (stat.S_ISREG(mode) or stat.S_ISLNK(mode)):
            self._findings.note(file, "a temporary file, of a write that was cut off or is under way; harmless")
        elif not stat.S_ISREG(mode):
            kind = "a symbolic link" if stat.S_ISLNK(mode) else "neither file nor folder"
            self._findings.problem(file, f"{kind}; a run has none, and it is not followed")
        else:
            self.files.add(file)
