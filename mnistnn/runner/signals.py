"""The signals that ask training to stop and save: the first one asks, the second one ends the process at once.

They are Ctrl-C (SIGINT), the usual request to end (SIGTERM), a terminal that was closed or a connection that was lost
(SIGHUP), and what a scheduler of jobs sends some time before it ends one (SIGUSR1, as Slurm's `--signal=USR1@60`).
Windows knows the first two, and SIGBREAK: Ctrl-Break, or a console that is closed.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType

from mnistnn.errors import InterruptedRunError

if sys.platform == "win32":
    WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGBREAK)
    _MAY_STAY_IGNORED: tuple[int, ...] = ()

    @contextmanager
    def held_back() -> Iterator[None]:
        """Do nothing: on Windows no signal waits."""
        yield

    def let_through() -> None:
        """Do nothing: on Windows no signal was held back."""

    def rouse() -> None:
        """Let the main thread heed a signal that is watched, from any thread. It does so between two calls."""
        signal.raise_signal(signal.SIGINT)

else:
    WATCHED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
    _MAY_STAY_IGNORED: tuple[int, ...] = (signal.SIGHUP,)

    @contextmanager
    def held_back() -> Iterator[None]:
        """Hold back, in this thread, the signals that are watched until the end of the block; a process that is started
        inside has them held back until it lets them through by `let_through`.
        """
        before = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def let_through() -> None:
        """Let signals through that this process was started without."""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)

    def rouse() -> None:
        """Let the main thread heed a signal that is watched, from any thread, whatever it is at."""
        os.kill(os.getpid(), signal.SIGUSR1)


class StopRequest:
    """A request to stop and save: `number` is that of the first signal that asked for it, or None.

    Training looks at it between two updates, so a save or an update under way is completed. Whoever holds it may `ask`,
    from any thread. As a context manager it watches signals too: the first one asks, the second one ends the process as
    if nobody watched, by the system's default. In a thread that is not the main one, as a worker of a cluster trains
    in, no signals are watched, since Python gives them to the main thread alone. Nor is SIGHUP watched where it is
    ignored, as under `nohup`.

    watches         False where somebody else watches the signals of this process, and asks
    is_own_process  False in somebody else's program: a second signal does what it did there before, and Ctrl-C raises
                    KeyboardInterrupt
    before_death    is called before a second signal ends the process; who has begun others ends them by it
    """

    def __init__(self, watches: bool = True, is_own_process: bool = True) -> None:
        self.number: int | None = None
        self.before_death: Callable[[], None] = lambda: None
        self._watches, self._is_own_process = watches, is_own_process
        self._previous: dict[int, signal.Handlers | object] = {}
        self._is_at_once, self._said = False, ""

    def ask(self, number: int) -> None:
        """Ask as signal `number` would the first time; a request that was made already stays as it is.

        Called by the main thread, as handlers of signals are, while that is inside `at_once`, it leaves that block.
        """
        is_new = self.number is None
        self.number = self.number or number
        if is_new and self._is_at_once and threading.current_thread() is threading.main_thread():
            raise _LeaveError

    @contextmanager
    def at_once(self, said: str) -> Iterator[None]:
        """Return the context of what need not be completed: InterruptedRunError is raised there as soon as a signal
        asks, or at its ends if somebody else has asked; `said` is its message.
        """
        self._said = said
        self._refuse_to_go_on()
        try:
            try:
                self._is_at_once = threading.current_thread() is threading.main_thread()
                self._refuse_to_go_on()  # if asked for between the two lines above
                yield
            finally:
                self._is_at_once = False
        except _LeaveError:
            pass
        self._refuse_to_go_on()

    def _refuse_to_go_on(self) -> None:
        if self.number is not None:
            raise InterruptedRunError(self._said, self.number)

    def __enter__(self) -> "StopRequest":
        if self._watches and threading.current_thread() is threading.main_thread():
            for number in WATCHED:
                if number not in _MAY_STAY_IGNORED or signal.getsignal(number) != signal.SIG_IGN:
                    self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        if isinstance(error, _LeaveError):  # it came when `at_once` was just being entered or left
            self._refuse_to_go_on()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.number is None:
            self.ask(number)
        else:
            last = signal.SIG_DFL if self._is_own_process else self._previous[number]
            signal.signal(number, last)  # type: ignore[arg-type]
            self.before_death()
            signal.raise_signal(number)


class _LeaveError(BaseException):
    """Leaves the block of `at_once`; no handler of exceptions inside takes it for a failure of what is done there."""
