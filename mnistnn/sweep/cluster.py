"""Trials, or members of a committee, on many machines: a Dask scheduler gives them to its workers, which see the folder
that these runs lie in as this machine does.

The scheduler begins one anew when its worker is lost, and may do so while the old worker is still at it. Both are
harmless: the lock of the run directory lets one work, and the other one goes on from what it left.
"""

import secrets
import threading
from collections.abc import Collection, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from mnistnn import __version__
from mnistnn.errors import ResourceError, RunError
from mnistnn.extras import missing
from mnistnn.sweep.engines import stopped_by_errors
from mnistnn.sweep.trial import process_worker

_PATIENCE_S = 15.0  # for the scheduler to answer, and for a first worker
_ANSWER_S = 3.0
"""How long workers may take to answer that they stop. One inside a call that holds its interpreter does not answer."""


@dataclass(frozen=True)
class Dask:
    """The workers of a scheduler: tcp://host:port. `folder` is what all of them must see: a sweep's, a
    committee's, or the one that a committee's is yet to be made in.
    """

    address: str
    folder: Path

    @contextmanager
    def open(self, workers: int | None = None) -> Iterator["DaskPool"]:
        """Connect. Raises ResourceError if nobody answers or no worker has joined, RunError if a worker does not see
        the folder, or has another mnistnn.
        """
        try:
            distributed: Any = import_module("distributed")
        except ImportError as error:
            raise missing("distributed", "--engine dask") from error
        try:
            client = distributed.Client(self.address, timeout=_PATIENCE_S, set_as_default=False)
        except (OSError, ValueError) as error:
            raise ResourceError(f"no Dask scheduler answers at {self.address} ({_first_line(error)})") from error
        try:
            self._check(client)
            executor = client.get_executor(pure=False)
            pool = DaskPool(client, executor, secrets.token_hex(8), (distributed.KilledWorker,))
            with stopped_by_errors(pool):
                yield pool
        finally:
            with suppress(Exception):  # a scheduler that is gone is no reason to hide how all went
                client.close(timeout=_PATIENCE_S)

    def _check(self, client: Any) -> None:
        try:
            client.wait_for_workers(1, timeout=_PATIENCE_S)
        except TimeoutError as error:
            raise ResourceError(
                f"no worker has joined the scheduler at {self.address}; begin some with: dask worker {self.address}"
            ) from error
        for worker, found in client.run(_what_is_there, str(self.folder), on_error="return").items():
            if isinstance(found, BaseException):
                raise RunError(f"worker {worker} cannot run mnistnn: {_first_line(found)}")
            sees, version = found
            if version != __version__:
                raise RunError(f"worker {worker} has mnistnn {version}, and here it is {__version__}")
            if not sees:
                raise RunError(
                    f"worker {worker} does not see {self.folder}; the folder must be one that all machines share"
                )


@dataclass
class DaskPool:
    """A client of a scheduler, as an executor."""

    client: Any
    executor: Executor
    session: str
    lost: tuple[type[Exception], ...]
    _asking: threading.Thread | None = field(default=None, init=False)

    def stop(self, waiting: Collection[Future[Any]] = ()) -> None:
        for future in waiting:
            future.cancel()
        if self._asking is None:
            self._asking = threading.Thread(target=self._ask, daemon=True, name="mnistnn-stop")
            self._asking.start()
            self._asking.join(_ANSWER_S)

    def _ask(self) -> None:
        with suppress(Exception):  # a worker that cannot be asked is one that is gone
            self.client.run(_stop, self.session, on_error="ignore")

    def kill(self) -> None:
        """Do nothing: its workers were begun by somebody else, and do not belong to this process."""


def _what_is_there(folder: str) -> tuple[bool, str]:
    """Return, on a worker, whether it sees the folder, and its version of mnistnn."""
    return Path(folder).is_dir(), __version__


def _stop(session: str) -> None:
    """Let the training that is under way on a worker save and end, and none that waits there begin."""
    process_worker().stop(session)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
