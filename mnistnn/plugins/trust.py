"""Which code may be executed on this machine: digests that the user trusts, in a file of the user's.

The file is $MNISTNN_TRUST, or trusted.json in the user's configuration folder. Whoever gives a file by `--code` has
trusted it; what came with a run from elsewhere is trusted by `mnistnn trust`, once it was read. A digest stands for
the bytes alone, whatever they are called and wherever they lie.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict
from pathlib import Path

import platformdirs
from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from mnistnn.errors import RunError, UsageError
from mnistnn.plugins.code import CodeFile
from mnistnn.storage.changing import changing
from mnistnn.storage.reading import read_file
from mnistnn.storage.sealed_json import parse_as, seal_json
from mnistnn.storage.timestamp import now
from mnistnn.storage.writing import write_atomically

SCHEMA_VERSION = 1
_MAX_BYTES = 1 << 24
_SHORTEST = 8  # characters of a digest that stand for it

_handed_in: ContextVar[frozenset[str]] = ContextVar(
    "digests that are trusted here without the file", default=frozenset()
)

_STRICT = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, config=_STRICT)
class Trusted:
    """Code that is trusted: its digest, the name that its file had, its lines, and when it was trusted."""

    sha256: str
    name: str
    lines: int
    since: str


@dataclass(frozen=True, config=_STRICT)
class _Content:
    schema_version: int
    trusted: list[Trusted]


_CONTENT = TypeAdapter(_Content)


def trust_file() -> Path:
    """Return where digests are kept; the file need not exist."""
    named = os.environ.get("MNISTNN_TRUST")
    return Path(named).expanduser() if named else Path(platformdirs.user_config_dir("mnistnn")) / "trusted.json"


def read_trusted() -> list[Trusted]:
    """Return what is trusted on this machine, in the order in which it was. Raises RunError for a damaged file."""
    path = trust_file()
    if not path.exists():
        return []
    try:
        return parse_as(
            _CONTENT, read_file(path, _MAX_BYTES), str(path), "a list of trusted code", SCHEMA_VERSION
        ).trusted
    except RunError as error:
        raise RunError(f"{error}; remove that file: no code is trusted then, until you trust it again") from error


def trusted_among(digests: Iterable[str]) -> frozenset[str]:
    """Return those digests whose code may be executed."""
    asked = frozenset(digests)
    known = asked & _handed_in.get()
    return known if known == asked else known | (asked & {each.sha256 for each in read_trusted()})


def trust(files: Sequence[CodeFile]) -> list[CodeFile]:
    """Trust files from now on; return those that were not trusted before. Raises ResourceError, BusyError."""
    before = {each.sha256 for each in read_trusted()}
    if all(file.sha256 in before for file in files):
        return []
    with changing(trust_file()):
        known = {each.sha256: each for each in read_trusted()}
        new = [file for file in files if file.sha256 not in known]
        since = now()
        known |= {file.sha256: Trusted(file.sha256, file.name, file.lines, since) for file in new}
        _write(list(known.values()))
    return new


def forget(beginning: str) -> Trusted:
    """Trust a digest, given by its beginning, no more. Raises UsageError if it stands for none, or for several."""
    with changing(trust_file()):
        known = read_trusted()
        matching = [each for each in known if each.sha256.startswith(beginning.lower())]
        if len(beginning) < _SHORTEST or len(matching) != 1:
            raise UsageError(
                f"--remove {beginning[:80]}: stands for {len(matching)} of {len(known)} trusted digests; it takes one, "
                f"or its first {_SHORTEST} characters or more (`mnistnn trust --list`)"
            )
        _write([each for each in known if each is not matching[0]])
    return matching[0]


@contextmanager
def trusting(digests: Iterable[str]) -> Iterator[None]:
    """Let code be executed here whose digests somebody handed in who trusts them: the parent of a worker."""
    token = _handed_in.set(_handed_in.get() | frozenset(digests))
    try:
        yield
    finally:
        _handed_in.reset(token)


def _write(trusted: list[Trusted]) -> None:
    write_atomically(trust_file(), seal_json(asdict(_Content(SCHEMA_VERSION, trusted))))
