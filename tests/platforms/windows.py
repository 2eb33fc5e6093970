"""A stand-in for Windows, in a process of Linux: what Python does not have there is taken away, and some of what
Windows refuses is refused.

`pretend` is called by a `sitecustomize` module, before anything of mnistnn is imported. From then on

- mnistnn, and nobody else, finds that `sys.platform` is "win32", and a module `msvcrt`, which locks bytes;
- there is no `fcntl`, nothing of `GONE` (functions, flags, signals), and no file in /proc that tells of the machine;
- a file that a process of this group has open is neither renamed, replaced nor removed, nor is a folder that it is in;
- a folder is not opened, a file that is open for reading is not forced to the disk, and there are no links;
- `os.kill` ends a process whatever signal it is given, and the number of a parent stays what it was;
- text that is read or written without saying in which encoding is an error.

What this shows: that mnistnn asks for nothing there that Windows does not have, keeps no file open that it renames or
removes, and comes to the same results by the ways it has for Windows. What it cannot show: that Windows does what this
file says it does. Paths are those of Linux, `msvcrt`, pipes, signals and processes are made of what Linux has, its
locks hold nobody from reading, and compiled packages are those for Linux.
"""

import builtins
import errno
import importlib
import io
import multiprocessing.connection
import multiprocessing.resource_tracker
import os
import shutil
import signal
import struct
import sys
import tempfile
import time
import types
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

GONE = {
    os: "pread preadv pwrite pwritev setpgid getpgid setsid fork forkpty mkfifo getloadavg sched_getaffinity "
    "sched_setaffinity wait4 register_at_fork O_NOFOLLOW O_NONBLOCK O_NOCTTY O_CLOEXEC O_DIRECTORY",
    signal: "SIGHUP SIGUSR1 SIGUSR2 SIGPIPE SIGALRM pthread_sigmask pthread_kill SIG_BLOCK SIG_UNBLOCK SIG_SETMASK",
}
O_BINARY = 1 << 30
MODULES_FIRST = (  # that would take the stand-in for Windows, or need what is taken away
    "asyncio subprocess filelock concurrent.futures.process multiprocessing.popen_spawn_posix multiprocessing.util"
)
_CLOSED = ("/proc/cpuinfo", "/proc/loadavg", "/proc/self/cgroup", "/proc/sys/", "/sys/")


def pretend() -> None:
    """Let this process look like one on Windows, as far as the text above says."""
    for name in MODULES_FIRST.split():
        importlib.import_module(name)
    locks = _Locks()
    files = _Files()
    kill, parent = os.kill, os.getppid()
    os.kill = lambda pid, number: kill(pid, signal.SIGKILL)
    os.getppid = lambda: parent
    signal.SIGBREAK = signal.SIGUSR2  # type: ignore[attr-defined]
    os.O_BINARY = O_BINARY  # type: ignore[attr-defined]
    multiprocessing.connection.PipeConnection = multiprocessing.connection.Connection  # type: ignore[attr-defined]
    multiprocessing.resource_tracker._HAVE_SIGMASK = False  # type: ignore[attr-defined]
    shutil._use_fd_functions = False  # type: ignore[attr-defined]
    files.stand_in()
    for module, name, instead in (
        (importlib.import_module("filelock"), "FileLock", locks.file_lock()),
        (tempfile, "TemporaryFile", tempfile.NamedTemporaryFile),  # as it is there
    ):
        setattr(module, name, instead)
    for module, names in GONE.items():
        for name in names.split():
            delattr(module, name)
    sys.modules["fcntl"] = None  # type: ignore[assignment] # an import of it fails
    for_mnistnn = {"sys": _Sys(), "msvcrt": locks.module()}
    really = builtins.__import__

    def import_(name: str, *where: Any, **options: Any) -> Any:
        is_ours = name in for_mnistnn and where and where[0].get("__name__", "").startswith("mnistnn.")
        return for_mnistnn[name] if is_ours else really(name, *where, **options)

    builtins.__import__ = import_
    warnings.filterwarnings("error", category=EncodingWarning, module=r"mnistnn\.")


class _Sys(types.ModuleType):
    """The module `sys`, but for the name of the platform."""

    def __init__(self) -> None:
        super().__init__("sys")

    def __getattribute__(self, name: str) -> Any:
        return "win32" if name == "platform" else getattr(sys, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(sys, name, value)


class _Locks:
    """Locks of bytes that belong to an open file, as those of Windows do: "open file description locks" of Linux."""

    def __init__(self) -> None:
        import fcntl

        self._fcntl, self._command = fcntl.fcntl, fcntl.F_OFD_SETLK
        self._lock, self._unlock, self._flags = fcntl.F_WRLCK, fcntl.F_UNLCK, fcntl.F_GETFL

    def module(self) -> Any:
        """Return what stands for `msvcrt`."""
        module: Any = types.ModuleType("msvcrt")
        module.LK_NBLCK = 2
        module.locking = self._locking
        return module

    def _locking(self, descriptor: int, mode: int, count: int) -> None:
        assert (mode, count) == (2, 1)
        place = os.lseek(descriptor, 0, os.SEEK_CUR)
        assert 0 <= place < 1 << 31
        if self._fcntl(descriptor, self._flags) & os.O_ACCMODE:
            self._set(descriptor, self._lock, place)
            return
        # Linux locks no file that is open for reading alone. So another opening has the lock, for an instant.
        other = os.open(f"/proc/self/fd/{descriptor}", os.O_RDWR)
        try:
            self._set(other, self._lock, place)
        finally:
            os.close(other)

    def _set(self, descriptor: int, kind: int, place: int) -> None:
        try:
            self._fcntl(descriptor, self._command, struct.pack("@hhqqi4x", kind, os.SEEK_SET, place, 1, 0))
        except BlockingIOError:
            raise PermissionError(errno.EACCES, "Permission denied") from None

    def file_lock(self) -> type:
        """Return what stands for the class of filelock, which on Windows locks byte 0 and removes the file again."""
        from filelock import Timeout

        locks = self

        class FileLock:
            def __init__(self, path: Any) -> None:
                self.path, self._descriptor = str(path), -1

            def acquire(self, timeout: float = -1, poll_interval: float = 0.05) -> None:
                until = time.monotonic() + timeout
                while not self._is_taken():
                    if timeout >= 0 and time.monotonic() >= until:
                        raise Timeout(self.path)
                    time.sleep(poll_interval)

            def _is_taken(self) -> bool:
                descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o644)
                try:
                    locks._set(descriptor, locks._lock, 0)
                    if not os.fstat(descriptor).st_nlink:
                        raise PermissionError
                except PermissionError:
                    os.close(descriptor)
                    return False
                self._descriptor = descriptor
                return True

            def release(self) -> None:
                locks._set(self._descriptor, locks._unlock, 0)
                os.close(self._descriptor)
                with suppress(OSError):
                    os.unlink(self.path)

        return FileLock


class _Files:
    """Calls that name files, and refuse what Windows refuses."""

    def __init__(self) -> None:
        import fcntl

        self._group, self._group_of, self._flags = os.getpgid(0), os.getpgid, (fcntl.fcntl, fcntl.F_GETFL)
        self._open, self._fsync, self._io_open = os.open, os.fsync, io.open

    def stand_in(self) -> None:
        """Take the place of the calls."""
        for name in ("replace", "rename", "unlink", "remove", "rmdir"):
            setattr(os, name, self._refusing(getattr(os, name)))
        for name, instead in (("open", self._opened), ("fsync", self._forced), ("symlink", self._linked)):
            setattr(os, name, instead)
        io.open = builtins.open = self._opened_file

    def _refusing(self, really: Any) -> Any:
        def step(*paths: Any, **options: Any) -> None:
            for path in paths:
                self._refuse_open(path)
            really(*paths, **options)

        return step

    def _refuse_open(self, path: Any) -> None:
        """Raise PermissionError if a process of this group has a file open, or something in a folder."""
        path = os.path.abspath(os.fspath(path))
        if any(f"{each}/".startswith(f"{path}/") for each in self._open_paths()):
            raise PermissionError(errno.EACCES, "a process has it open", path)

    def _open_paths(self) -> Iterator[str]:
        for name in filter(str.isdecimal, os.listdir("/proc")):
            with suppress(OSError):  # it may just have ended
                if self._group_of(int(name)) != self._group:
                    continue
                for descriptor in os.listdir(f"/proc/{name}/fd"):
                    with suppress(FileNotFoundError):  # as the one that the list was read from
                        yield os.readlink(f"/proc/{name}/fd/{descriptor}")

    def _opened(self, path: Any, flags: int, mode: int = 0o777, **options: Any) -> int:
        name = Path(path).name
        if os.path.isdir(path):
            raise PermissionError(errno.EACCES, "Permission denied", path)
        assert flags & O_BINARY or not (name.startswith(".") and name.endswith(".tmp")), f"{name} is opened for text"
        return self._open(path, flags & ~O_BINARY, mode, **options)

    def _opened_file(self, file: Any, *rest: Any, **options: Any) -> Any:
        if str(file).startswith(_CLOSED):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", file)
        return self._io_open(file, *rest, **options)

    def _forced(self, descriptor: int) -> None:
        command, flags = self._flags
        if not command(descriptor, flags) & os.O_ACCMODE:
            raise OSError(errno.EBADF, "Bad file descriptor")

    def _linked(self, *_: Any, **__: Any) -> None:
        raise OSError(errno.EINVAL, "A required privilege is not held by the client")
