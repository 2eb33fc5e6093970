"""A CUDA graph on the stand-in: what was asked for while it was recorded, done again on the same memory."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np


class Tape:
    """Calls that are being recorded. They are carried out, to know what they give, and undone when it ends."""

    def __init__(self) -> None:
        self.calls: list[Callable[[], None]] = []
        self._kept: list[Any] = []
        self._before: list[tuple[np.ndarray, np.ndarray]] = []

    def keep(self, memory: np.ndarray) -> None:
        """Remember what lies in memory that a call may write to."""
        self._before.append((memory, memory.copy()))

    def add(self, call: Callable[[], None], *alive: Any) -> None:
        self.calls.append(call)
        self._kept += alive

    def undo(self) -> None:
        for memory, before in reversed(self._before):
            memory[...] = before
        self._before.clear()


def on_tape(compute: Callable[..., Any]) -> Callable[..., Any]:
    """Let a function of arrays on the device be recorded while the device records."""

    @wraps(compute)
    def either(*arguments: Any, **keywords: Any) -> Any:
        from tests.device.array import DeviceArray

        traffic = DeviceArray.traffic
        if traffic.tape is None:
            return compute(*arguments, **keywords)
        tape, traffic.tape = traffic.tape, None
        try:
            for each in (*arguments, *keywords.values()):
                if isinstance(each, DeviceArray) and each.on_device.flags.writeable:
                    tape.keep(each.on_device)
            result = compute(*arguments, **keywords)
        finally:
            traffic.tape = tape

        def again() -> None:
            repeated = compute(*arguments, **keywords)
            if isinstance(result, DeviceArray) and repeated is not result:
                result.on_device[...] = repeated.on_device

        tape.add(again, result)
        return result

    return either


class Graph:
    def __init__(self, tape: Tape) -> None:
        self._tape = tape

    def launch(self, stream: Any = None) -> None:
        for call in self._tape.calls:
            call()


class Stream:
    """Nothing runs by itself here, so all streams are one."""

    ptr = 0

    def __init__(self, null: bool = False, non_blocking: bool = False) -> None:
        self._is_plain = False

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *error: Any) -> None:
        pass

    def synchronize(self) -> None:
        from tests.device.array import DeviceArray

        DeviceArray.traffic.read("synchronize", explicit=True)

    def begin_capture(self, mode: int | None = None) -> None:
        from tests.device.array import DeviceArray

        DeviceArray.traffic.tape = Tape()

    def end_capture(self) -> Graph:
        from tests.device.array import DeviceArray

        tape, DeviceArray.traffic.tape = DeviceArray.traffic.tape, None
        assert tape is not None
        tape.undo()
        DeviceArray.traffic.graphs += 1
        return Graph(tape)
