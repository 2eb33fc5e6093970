"""What a session leaves in the run directory besides its results: how it ended, its log, and the files it came from."""

import hashlib
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

from mnistnn.config.load import LoadedExperiment
from mnistnn.errors import DivergedError, MnistnnError, ResourceError, TimeBudgetError
from mnistnn.plugins.code import plain_declared
from mnistnn.run.code import keep_code
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import RunRecord, Status
from mnistnn.storage.opening import open_own
from mnistnn.storage.timestamp import now
from mnistnn.storage.writing import own_file_error, resource_error, write_atomically

_BY_SIGNAL = 128  # exit codes above it are of signals


@contextmanager
def recorded(run: RunDirectory, record: RunRecord) -> Iterator[None]:
    """Write to run.json how the session ended. A disk too full for that must not hide the first failure."""
    began = monotonic()

    def close(status: Status, exit_code: int) -> None:
        record.status, record.exit_code, record.ended = status, exit_code, now()
        record.seconds = round(record.seconds + monotonic() - began, 3)
        record.write(run)

    try:
        yield
    except BaseException as error:
        code = _exit_code(error)
        record.reason = str(error) or type(error).__name__
        with suppress(ResourceError):
            close(_status_of(code), code)
        raise
    close("finished", 0)


def _exit_code(error: BaseException) -> int:
    """Return the exit code that the process will end with."""
    if isinstance(error, MemoryError):
        return ResourceError.exit_code
    if isinstance(error, KeyboardInterrupt):
        return _BY_SIGNAL + signal.SIGINT
    return error.exit_code if isinstance(error, MnistnnError) else 1


def _status_of(exit_code: int) -> Status:
    if exit_code > _BY_SIGNAL:
        return "interrupted"
    by_code: dict[int, Status] = {DivergedError.exit_code: "diverged", TimeBudgetError.exit_code: "stopped"}
    return by_code.get(exit_code, "failed")


@contextmanager
def log_of(run: RunDirectory) -> Iterator[Callable[[str], None]]:
    """Yield a function that appends a line to log.txt."""
    try:
        # With a buffer, closing would fail once more on a full disk.
        file = open(run.log, "ab", buffering=0, opener=open_own)  # noqa: SIM115 # closed below
    except OSError as error:
        raise own_file_error(run.log, error) from error

    def log(text: str) -> None:
        try:
            file.write((text + "\n").encode(errors="backslashreplace"))
        except OSError as error:
            raise resource_error(run.log, error) from error

    try:
        yield log
    finally:
        try:
            file.close()
        except OSError as error:
            raise resource_error(run.log, error) from error


def keep_sources(run: RunDirectory, loaded: LoadedExperiment) -> dict[str, Any]:
    """Keep the files, the code and the overrides as they were given, verbatim; return what environment.json says of
    them: the SHA-256 of each copy, by its name, and the components that code and packages declare.
    """
    copies = {f"{number}-{Path(name).name}": text.encode() for number, (name, text) in enumerate(loaded.sources)}
    if loaded.overrides:
        copies["overrides.txt"] = ("\n".join(loaded.overrides) + "\n").encode()
    for name, content in copies.items():
        write_atomically(run.source / name, content)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in copies.items()}
    keep_code(run.code, loaded.plugins)
    digests |= {f"{run.code.name}/{name}": digest for name, digest in loaded.plugins.digests.items()}
    declared = loaded.validator.components.declared
    return {"source": digests} | ({"components": plain_declared(declared)} if declared else {})
