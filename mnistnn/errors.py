"""Every expected failure, and the exit code it ends the process with.

Code anywhere below the command line raises one of these with a message written for the user: what, where, what
would be allowed. The command line prints the message and exits; it never shows a traceback for them. Anything else
that escapes is a bug in mnistnn and ends with exit code 1.
"""

from collections.abc import Callable, Iterable

_LONGEST_WORD = 60  # comparing longer words costs time, and no name is that long


class MnistnnError(Exception):
    """An expected failure. Concrete subclasses carry the documented exit code."""

    exit_code = 1


class UsageError(MnistnnError):
    """The command line asks for something that does not exist or does not fit."""

    exit_code = 2


class ConfigError(MnistnnError):
    """An experiment is invalid. `key` is the dotted path of the value at fault, when there is one; `mistakes` counts
    what the message shows.
    """

    exit_code = 2

    def __init__(self, message: str, key: str | None = None, mistakes: int = 1) -> None:
        super().__init__(message)
        self.key, self.mistakes = key, mistakes


class DataError(MnistnnError):
    """A data file is missing, altered, malformed or cannot be fetched."""

    exit_code = 3


class RunError(MnistnnError):
    """A run directory or a checkpoint is missing, torn, altered or of another format."""

    exit_code = 4


class LackingCodeError(RunError):
    """A run needs code that is not trusted on this machine, or a package that is not installed."""


class ResourceError(MnistnnError):
    """The disk, the memory or the device cannot do what was asked."""

    exit_code = 5


class TooLittleMemoryError(ResourceError):
    """What is asked for needs more memory than there is; something smaller would not."""


class DivergedError(MnistnnError):
    """The loss or the parameters are no longer finite."""

    exit_code = 6


class BusyError(MnistnnError):
    """Another process holds the lock of the run directory."""

    exit_code = 7


class SweepError(MnistnnError):
    """Some trials of a sweep failed, and the others are done; or no worker could begin any."""

    exit_code = 8


class CheckFailedError(MnistnnError):
    """A check does not hold: one that was asked for (`gradcheck`, `verify`, `eval --expect`, `exercise`), or of the
    user's code.
    """

    exit_code = 9


class TimeBudgetError(MnistnnError):
    """The time budget is spent; the run is saved and can be resumed."""

    exit_code = 75


class InterruptedRunError(MnistnnError):
    """A signal asked the run to stop; the run is saved. `signal_number` gives the exit code 128 + n."""

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number


def nearest(word: str, names: Iterable[str]) -> str | None:
    """Return the name most like `word`, upper and lower case alike, or None when none is close."""
    if len(word) > _LONGEST_WORD:
        return None
    import difflib  # only a mistake needs it, and every command imports this file

    by_folded = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[close[0]] if close else None


def did_you_mean(
    word: str, names: Iterable[str], before: str = "", after: str = "", quoted: Callable[[str], str] = "'{}'".format
) -> str:
    """Return `did you mean 'name'?` with the name most like `word`, between `before` and `after`; '' if none is close.

    quoted  writes the name that is suggested
    """
    name = nearest(word, names)
    return "" if name is None else f"{before}did you mean {quoted(name)}?{after}"
