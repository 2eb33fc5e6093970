"""run.json: what a run is and how it stands, in one small file that is replaced whole."""

from dataclasses import asdict
from typing import Literal

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from mnistnn.run.directory import RunDirectory
from mnistnn.storage.reading import MAX_JSON_BYTES, read_own_file
from mnistnn.storage.sealed_json import parse_as, seal_json
from mnistnn.storage.writing import write_atomically

SCHEMA_VERSION = 1
Status = Literal["running", "finished", "stopped", "interrupted", "diverged", "failed"]


@dataclass(config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
class RunRecord:
    """The fields of run.json. Times are ISO 8601 with zone; `seconds` is time spent training, over all sessions.

    `monitor` is the metric whose lowest value marks the best epoch, which has a fraction when it was found inside one.
    """

    id: str
    name: str
    status: Status
    config_hash: str
    monitor: str
    started: str
    threads: int
    schema_version: int = SCHEMA_VERSION
    ended: str | None = None
    seconds: float = 0.0
    reason: str | None = None
    exit_code: int | None = None
    best_epoch: int | float | None = None
    best: dict[str, int | float] | None = None
    resumed: int = 0

    def write(self, run: RunDirectory) -> None:
        """Replace run.json."""
        write_atomically(run.record, seal_json(asdict(self)))


_RECORD = TypeAdapter(RunRecord)


def read_record(run: RunDirectory) -> RunRecord:
    """Read run.json. Raises RunError if it is missing, torn, altered, or of another format."""
    return parse_record(read_own_file(run.record, MAX_JSON_BYTES), str(run.record))


def parse_record(text: bytes, place: str) -> RunRecord:
    """Return the record in the text of a run.json. Raises RunError, naming `place`."""
    return parse_as(_RECORD, text, place, "a run record", SCHEMA_VERSION)
