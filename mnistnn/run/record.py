"""run.json: what a run is and how it stands, in one small file that is replaced whole."""

import json
from dataclasses import asdict
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from mnistnn.errors import RunError
from mnistnn.files import write_atomically
from mnistnn.run.directory import RunDirectory

SCHEMA_VERSION = 1
Status = Literal["running", "finished", "stopped", "interrupted", "diverged", "failed"]


@dataclass(config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
class RunRecord:
    """The fields of run.json. Times are ISO 8601 with zone; `seconds` is time spent training, over all sittings.

    `monitor` is the figure whose lowest value marks the best epoch, which has a fraction when it was found inside one.
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
        write_atomically(run.record, (json.dumps(asdict(self), indent=2) + "\n").encode())


_RECORD = TypeAdapter(RunRecord)


def read_record(run: RunDirectory) -> RunRecord:
    """Read run.json. Raises RunError if it is missing, torn, or of another format."""
    try:
        text = run.record.read_bytes()
        content: Any = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{run.record}: not readable as a run record ({error})") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version != SCHEMA_VERSION:
        raise RunError(f"{run.record}: format {version!r}; this mnistnn reads format {SCHEMA_VERSION}")
    try:
        return _RECORD.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        raise RunError(f"{run.record}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
