"""What is said of an error that came from a user's own code: its file and line, and no word of a bug in mnistnn."""

import re
from traceback import extract_tb

_CODE_OF_USER = re.compile(r"<(.+\.py) [0-9a-f]{12}>")  # as `execution` calls a file of code in tracebacks


def place_in_code(error: BaseException) -> str | None:
    """Return file and line of the user's own code that an error came from; None if it did not pass any."""
    for frame in reversed(extract_tb(error.__traceback__)):
        if own := _CODE_OF_USER.fullmatch(frame.filename):
            return f"{own[1]}:{frame.lineno}"
    return None


def said_of(error: BaseException) -> str | None:
    """Return place, type and reason of an error of the user's own code, which a process that waits can be told, even
    where the error itself cannot be sent to it; None of any other error.
    """
    place = place_in_code(error)
    reason = (str(error).strip().splitlines() or ["no message"])[0]
    return None if place is None else f"{place}: {type(error).__name__}: {reason}"
