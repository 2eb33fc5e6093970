"""The first SIGINT or SIGTERM asks training to stop and save; the second ends the process at once."""

import signal
import threading
from types import FrameType, TracebackType

_WATCHED = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """A request to stop and save: `number` is that of the first signal that asked for it, or None.

    Training looks at it between two updates, so a save or an update under way is completed. Whoever holds it may `ask`,
    from any thread. As a context manager it watches signals too: the first one asks, the second one ends the process as
    if nobody watched, by the system's default. In a thread that is not the main one, as a worker of a cluster trains
    in, no signals are watched, since Python gives them to the main thread alone.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._previous: dict[int, signal.Handlers | object] = {}

    def ask(self, number: int) -> None:
        """Ask as signal `number` would the first time; a request that was made already stays as it is."""
        self.number = self.number or number

    def __enter__(self) -> "StopRequest":
        if threading.current_thread() is threading.main_thread():
            for number in _WATCHED:
                self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.number is None:
            self.ask(number)
        else:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
