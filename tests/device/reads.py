"""What passes between host and device: counted, and refused where nothing may wait for the device.

To read a number the host waits until all that is queued has been done. There are three rules. `explicit`, the usual
one: only `get` and `asnumpy` read; what converts in passing (float, bool, printing) is a mistake. `any`: everything
that is allowed on CuPy. `none`: nothing reads, which is the rule inside an epoch.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from tests.device.tape import Tape

Rule = Literal["explicit", "any", "none"]


class CUDARuntimeError(RuntimeError):
    """As CuPy's."""


class SynchronisedError(AssertionError):
    """The host would have waited for the device where it must not."""


class Traffic:
    """Counts what is read from the device and what is sent to it."""

    def __init__(self) -> None:
        self.rule: Rule = "explicit"
        self.reads: list[str] = []
        self.uploads = 0
        self.tape: Tape | None = None
        """What a CUDA graph is being recorded on, if one is."""
        self.graphs = 0
        self.kernels: list[str] = []
        """Names of the kernels of ours that were launched."""
        self.numbers: list[float] = []
        """The host's numbers that operations were given: what a recorded launch would repeat for ever."""

    def read(self, how: str, explicit: bool = False) -> None:
        """Note that the host waits for the device. Raises SynchronisedError where it must not."""
        if self.tape is not None:
            raise CUDARuntimeError("operation not permitted when stream is capturing")
        if self.rule == "none" or (self.rule == "explicit" and not explicit):
            place = "inside an epoch" if self.rule == "none" else "in passing"
            raise SynchronisedError(f"{how} waits for the device {place}")
        self.reads.append(how)

    @contextmanager
    def under(self, rule: Rule) -> Iterator[None]:
        """Let another rule hold for a while."""
        before, self.rule = self.rule, rule
        try:
            yield
        finally:
            self.rule = before
