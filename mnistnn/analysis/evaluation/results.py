"""What every measurement of a run on a split has around it: the model, the reading that it counts, its file."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Generic, Protocol, TypeVar

from pydantic import TypeAdapter

from mnistnn.analysis.evaluation.test_reads import count_reading, count_readings
from mnistnn.errors import RunError, UsageError
from mnistnn.experiment.trained import Trained, load_trained
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import read_record
from mnistnn.storage.reading import MAX_JSON_BYTES, read_file
from mnistnn.storage.sealed_json import parse_as, seal_json
from mnistnn.storage.writing import write_atomically
from mnistnn.types import SplitName

Measured = TypeVar("Measured")


class Kept(Protocol):
    """A measurement that is kept: a dataclass with these fields among others."""

    @property
    def split(self) -> str: ...

    @property
    def checkpoint(self) -> str: ...

    @property
    def checkpoint_file(self) -> str: ...


def begin(run: RunDirectory, split: SplitName, which: str, warn: Callable[[str], None]) -> Trained:
    """Return the model to measure, from the best or last parameters or a checkpoint file.

    `warn` is told of checkpoints that were passed over because they do not verify. Raises RunError for a run without
    one that does, UsageError for a split without examples.
    """
    trained = load_trained(run, which)
    for problem in trained.passed_over:
        warn(f"warning: passed over {problem}")
    if not trained.plan.examples[split]:
        raise UsageError(f"{run.path}: was trained without a {split} split, so there is nothing to measure on")
    return trained


def about(run: RunDirectory, trained: Trained, split: SplitName) -> dict[str, Any]:
    """Return the fields that say what was measured. A reading of the test split is counted with it."""
    return {
        "run": read_record(run).id,
        "split": split,
        "checkpoint": trained.label,
        "checkpoint_file": trained.file,
        "epoch": trained.epoch,
        "test_readings": count_reading(run, trained) if split == "test" else count_readings(run),
    }


def stem(measured: Kept) -> str:
    """Return what the file of a measurement is named for: the split and the parameters."""
    is_best = measured.checkpoint == "best"
    return f"{measured.split}-{'best' if is_best else measured.checkpoint_file.removesuffix('.safetensors')}"


@dataclass(frozen=True)
class Files(Generic[Measured]):
    """The files under eval/ in which measurements of one kind are kept; other kinds have other prefixes."""

    prefix: str
    adapter: TypeAdapter[Measured]
    what: str
    schema_version: int

    def name(self, measured: Kept) -> str:
        """Return the name of the file in which a measurement is kept."""
        return f"{self.prefix}{stem(measured)}.json"

    def has(self, name: str) -> bool:
        """Tell whether a file of eval/ is named as a measurement of this kind."""
        return name.startswith(self.prefix) and name.endswith(".json")

    def keep(self, run: RunDirectory, measured: Any) -> None:
        """Write a measurement, a dataclass, into its file."""
        keep(run, self.name(measured), measured)

    def stored(self, run: RunDirectory) -> list[Measured]:
        """Return the measurements kept in a run; files that are none are left out."""
        return stored(run, f"{self.prefix}*.json", self.parse)

    def parse(self, text: bytes, place: str) -> Measured:
        """Return the measurement in the text of its file. Raises RunError, naming `place`."""
        return parse_as(self.adapter, text, place, self.what, self.schema_version)


def stored(run: RunDirectory, pattern: str, parse: Callable[[bytes, str], Measured]) -> list[Measured]:
    """Return the measurements kept in files of a pattern; those that are none are left out."""
    found = []
    for path in sorted(run.evaluations.glob(pattern)):
        with suppress(RunError):
            found.append(parse(read_file(path, MAX_JSON_BYTES), str(path)))
    return found


def keep(run: RunDirectory, name: str, measured: Any) -> None:
    """Write a measurement, a dataclass, into a file of eval/."""
    write_atomically(run.evaluations / name, seal_json(asdict(measured)))
