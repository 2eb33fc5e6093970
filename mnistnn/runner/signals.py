"""The first SIGINT or SIGTERM asks training to stop and save; the second ends the process at once."""

import signal
import threading
from types import FrameType, TracebackType

_WATCHED = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Context manager: while it is active, `number` is the first signal that arrived, or None.

    Training looks at it between two updates, so a save or an update under way is completed. The second signal ends
    the process as if nobody watched: by the system's default. In a thread that is not the main one, as a worker of a
    cluster trains in, signals are not watched, since Python gives them to the main thread alone; `ask_all` is. What an
    enclosing one was asked holds for those inside.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self._previous: dict[int, signal.Handlers | object] = {}

    def __enter__(self) -> "StopRequest":
        self.number = next((request.number for request in _active if request.number), None)
        _active.append(self)
        if threading.current_thread() is not threading.main_thread():
            return self
        for number in _WATCHED:
            self._previous[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _active.remove(self)
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.number is None:
            self.number = number
        else:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)


_active: list[StopRequest] = []


def ask_all(number: int) -> None:
    """Ask all that is being trained in this process to stop and save, as a signal would."""
    for request in [*_active]:
        request.number = request.number or number
