"""A disk that fails on demand: every call that can change it, or that opens a file, is counted, noted and may fail.

Python's own functions are replaced (`os.open`, `os.replace`, `io.open`, …), and files opened for writing are of a class
that counts `write` and `close` too. So a test can say: the N-th call fails. SQLite's tests work this way.

    once        the N-th call alone fails with an errno; half of what a `write` was given is on the disk
    from then   so do all later ones
    killed      the process ends at the N-th call: nothing works any more, no clean-up either
    SIGKILL     the same by a real signal, for a process of its own
    power cut   killed, and what was not forced to the disk is gone: unsynced bytes, and names that are not in a
                folder that was synced
"""

import errno
import io
import os
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ERRNOS = (errno.ENOSPC, errno.EIO, errno.EACCES)
MODES = ("once", "from then", "killed", "power cut", "SIGKILL")

_NAMED = ("replace", "rename", "unlink", "remove", "rmdir", "mkdir", "symlink", "truncate")
_WRITING = os.O_WRONLY | os.O_RDWR


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it, and whatever tries to clean up after it meets it again."""


@dataclass(frozen=True)
class Call:
    """One call: what was done, to the file of which name."""

    step: str
    name: str

    def __str__(self) -> str:
        return f"{self.step} {self.name}"


class Disk:
    """The calls below one folder; all else (devices, Python's own modules) is let through uncounted."""

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.root = root.resolve()
        self.calls: list[Call] = []
        self.at, self.mode, self.errno = 0, "", 0
        self.failures = 0
        self._really = {name: getattr(os, name) for name in (*_NAMED, "open", "close", "fsync")}
        self._io_open = io.open
        self._descriptors: dict[int, tuple[Path, int]] = {}
        self._unsynced: dict[Path, int] = {}
        self._unsynced_names: list[tuple[Path, bytes | None]] = []
        for name in _NAMED:
            patch.setattr(os, name, self._named(name))
        patch.setattr(os, "open", self._open)
        patch.setattr(os, "close", self._close)
        patch.setattr(os, "fsync", self._fsync)
        patch.setattr(io, "open", self._open_file)
        patch.setattr("builtins.open", self._open_file)

    def arm(self, at: int, mode: str, number: int = errno.ENOSPC) -> None:
        """Let the `at`-th call from now on fail; 0 for none."""
        assert mode in MODES
        self.calls, self.at, self.mode, self.errno, self.failures = [], at, mode, number, 0
        self._unsynced, self._unsynced_names = {}, []

    def heal(self) -> bool:
        """Let everything work again, after the power came back if it was cut; tell whether a call had failed."""
        self.at = 0
        if self.mode == "power cut" and self.failures:
            self._lose_what_was_not_forced()
        return self.failures > 0

    def fail(self, call: Call) -> bool:
        """Note a call; tell whether it is to fail."""
        self.calls.append(call)
        if not self.at or len(self.calls) < self.at or (self.mode == "once" and len(self.calls) > self.at):
            return False
        self.failures += 1
        return True

    def failure(self, path: object = None) -> BaseException:
        """Return what a failing call raises, if it returns at all."""
        if self.mode == "SIGKILL":
            os.kill(os.getpid(), signal.SIGKILL)
        if self.mode in ("killed", "power cut"):
            return Killed()
        return OSError(self.errno, os.strerror(self.errno), *([] if path is None else [str(path)]))

    def place(self, path: Any, dir_fd: int | None = None) -> Path | None:
        """Return the path below the folder that is watched, or None for any other."""
        if isinstance(path, int):
            known, inode = self._descriptors.get(path, (None, 0))
            return known if known is not None and os.fstat(path).st_ino == inode else None
        full = Path(os.path.abspath(os.path.join(self._folder(dir_fd), os.fsdecode(path))))
        return full if self.root in full.parents or full == self.root else None

    def _folder(self, dir_fd: int | None) -> str:
        return os.readlink(f"/proc/self/fd/{dir_fd}") if dir_fd is not None else os.getcwd()

    def _named(self, name: str) -> Callable[..., Any]:
        really = self._really[name]

        def step(path: Any, *rest: Any, **options: Any) -> Any:
            # The place of a link is its second argument, the first one is what it says.
            place = self.place(rest[0] if name == "symlink" else path, options.get("dir_fd"))
            if place is None:
                return really(path, *rest, **options)
            target = Path(os.path.abspath(rest[0])) if name in ("replace", "rename") else place
            if self.fail(Call(name, target.name)):
                raise self.failure(target)
            if name in ("replace", "rename") and self.mode == "power cut" and place.is_file():
                self._unsynced_names.append((target, self._content(target)))
                if place in self._unsynced:
                    self._unsynced[target] = self._unsynced.pop(place)
            return really(path, *rest, **options)

        return step

    def _content(self, path: Path) -> bytes | None:
        """Return what a name stands for, in case that the new one does not survive. Not a call that counts."""
        if not path.exists():
            return None
        with self._io_open(path, "rb") as file:
            content: bytes = file.read()
        return content

    def _open(self, path: Any, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        place = self.place(path, dir_fd)
        if place is None:
            descriptor: int = self._really["open"](path, flags, mode, dir_fd=dir_fd)
            return descriptor
        kind = "open folder" if flags & os.O_DIRECTORY else "open" if flags & _WRITING else "open to read"
        if self.fail(Call(kind, place.name)):
            raise self.failure(place)
        descriptor = self._really["open"](path, flags, mode, dir_fd=dir_fd)
        self.opened(descriptor, place)
        if flags & os.O_EXCL:
            self._unsynced[place] = 0
        return descriptor

    def _close(self, descriptor: int) -> None:
        self._descriptors.pop(descriptor, None)
        self._really["close"](descriptor)

    def _fsync(self, descriptor: int) -> None:
        """Does not really force anything: nobody pulls the plug here, and a thousand calls would take a minute."""
        place = self.place(descriptor)
        if place is None:
            return
        status = os.fstat(descriptor)
        is_folder = stat.S_ISDIR(status.st_mode)
        if self.fail(Call("fsync folder" if is_folder else "fsync", place.name)):
            raise self.failure()
        if is_folder:
            self._unsynced_names = [entry for entry in self._unsynced_names if entry[0].parent != place]
        else:
            self._unsynced.pop(place, None)

    def _open_file(
        self,
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        place = self.place(file)
        if place is None:
            return self._io_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        if not set(mode) & set("wax+"):
            if opener is None and not isinstance(file, int) and self.fail(Call("open to read", place.name)):
                raise self.failure(place)
            return self._io_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        if opener is None and not isinstance(file, int) and self.fail(Call("open", place.name)):
            raise self.failure(place)  # with an opener, that calls os.open, which counts
        if not isinstance(file, int) and self.mode == "power cut" and not place.exists():
            self._unsynced_names.append((place, None))
        raw = _File(self, place, file, mode.replace("b", "").replace("t", ""), closefd, opener)
        if "b" in mode and buffering == 0:
            return raw
        buffered = io.BufferedWriter(raw)
        return buffered if "b" in mode else io.TextIOWrapper(buffered, encoding, errors, newline)

    def note_write(self, place: Path, size_before: int) -> None:
        """Remember up to where a file was on the disk before bytes were added that nobody has forced there yet."""
        self._unsynced.setdefault(place, size_before)

    def opened(self, descriptor: int, place: Path) -> None:
        """Remember what a descriptor stands for, until its number is used for another file."""
        self._descriptors[descriptor] = (place, os.fstat(descriptor).st_ino)

    def _lose_what_was_not_forced(self) -> None:
        for path, size_bytes in self._unsynced.items():
            if path.exists():
                self._really["truncate"](path, size_bytes)
        for path, before in reversed(self._unsynced_names):
            if before is not None:
                path.write_bytes(before)
            elif path.exists():
                self._really["unlink"](path)


class _File(io.FileIO):
    """A file that is written: each `write` and the `close` are calls of the disk."""

    def __init__(self, disk: Disk, place: Path, file: Any, mode: str, closefd: bool, opener: Any) -> None:
        super().__init__(file, mode, closefd, opener)
        self._disk, self._place = disk, place
        disk.opened(self.fileno(), place)

    def write(self, content: Any, /) -> int:
        self._disk.note_write(self._place, os.fstat(self.fileno()).st_size)
        if self._disk.fail(Call("write", self._place.name)):
            content = memoryview(content).cast("B")
            super().write(content[: len(content) // 2])
            raise self._disk.failure()
        return super().write(content) or 0

    def close(self) -> None:
        if self.closed:
            return
        failing = self._disk.fail(Call("close", self._place.name))
        super().close()
        if failing:
            raise self._disk.failure()


@contextmanager
def watched(root: Path) -> Iterator[Disk]:
    """Watch the calls below a folder for a while."""
    with pytest.MonkeyPatch.context() as patch:
        yield Disk(root, patch)
