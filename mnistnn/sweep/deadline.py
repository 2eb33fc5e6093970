"""When a time budget is spent, for processes of one machine or of many."""

import platform
import time
from dataclasses import dataclass
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True)
class Deadline:
    """An instant that every process can tell which is given it.

    On the machine where it was set, that is by the monotonic clock, which is one for all processes and never steps
    back. Such a clock means nothing to another machine, which goes by the time of day.
    """

    monotonic_s: float
    time_s: float
    machine: str

    @classmethod
    def after(cls, seconds: float) -> "Deadline":
        """Return the instant that comes so many seconds from now."""
        return cls(time.monotonic() + seconds, time.time() + seconds, _this_machine())

    @property
    def left_s(self) -> float:
        """How many seconds are left, below 0 once it has passed."""
        if self.machine == _this_machine():
            return self.monotonic_s - time.monotonic()
        return self.time_s - time.time()


def _this_machine() -> str:
    """Return what no other machine has, nor this one after it was started again (Linux); elsewhere, its name."""
    try:
        return _BOOT.read_text(encoding="utf-8").strip()
    except OSError:
        return platform.node()
