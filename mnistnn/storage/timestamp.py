"""The moment at which something is written down, as files of runs, sweeps and users have it."""

from datetime import datetime


def now() -> str:
    """Return the local time with its offset from UTC, to the second, as ISO 8601 has it: 2026-01-31T12:00:00+01:00."""
    return datetime.now().astimezone().isoformat(timespec="seconds")
