"""What the generator knows of experiments: their files and their records."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from generator.blocks import BlockError, known

from mnistnn.config.examples import example_names, example_path
from mnistnn.config.load import load_experiment
from mnistnn.reproduction.listing import Example, example, records_by_name
from mnistnn.reproduction.record import Record


@dataclass(frozen=True)
class Known:
    """The names of experiments, and the records of them, by their names."""

    names: Sequence[str]
    records: dict[str, Record]

    @classmethod
    def of_project(cls) -> "Known":
        """Read the records of all experiments that come with mnistnn."""
        return cls(example_names(), records_by_name())

    def example(self, name: str) -> Example:
        """Return an experiment. Raises BlockError, with the nearest name, if there is none."""
        known(name, self.names, "experiment")
        return example(name, self.records.get(name))

    def record(self, name: str) -> Record:
        """Return the record of an experiment. Raises BlockError without one."""
        known(name, self.names, "experiment")
        if name not in self.records:
            raise BlockError(f"{name} has no record; mnistnn reproduce experiments/{name}.yaml makes one")
        return self.records[name]


@cache
def loss_of(name: str) -> str:
    """Return the type of an experiment's loss; empty for a model that has none."""
    path = example_path(name)
    assert path is not None
    return str(load_experiment(path).resolved.get("loss", {}).get("type", ""))


def reason_not_run(name: str) -> str:
    """Return why an experiment is not run, as its file says; empty if it does not say so."""
    path = example_path(name)
    return "" if path is None else load_experiment(path).experiment.expect.not_run


def short_names(names: Sequence[str]) -> list[str]:
    """Return names of experiments without their group, if all are of one."""
    groups = {name.rpartition("/")[0] for name in names}
    return [name.rpartition("/")[2] for name in names] if len(groups) == 1 else list(names)
