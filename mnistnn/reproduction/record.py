"""The record of a reproduced experiment: one small JSON file, fit to be committed.

It says what was trained (a digest of the experiment file), by which commit, and what each seed gave. The summary, the
claim and the verdict follow from that and from the file's present claim, so a claim can be corrected without training.

Fields with a default came later. The number of the format stays: no older reader takes such a record for something
else, as it refuses fields that it does not know, and records are read by the checkout or the package that holds them.
"""

import json
import os
import re
import statistics
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from mnistnn.config.dump import config_hash
from mnistnn.config.load import DEFAULT, LoadedExperiment, leaves
from mnistnn.config.nodes import dotted
from mnistnn.config.relative_files import names_a_file
from mnistnn.errors import RunError
from mnistnn.reproduction.curves import Curves
from mnistnn.storage.writing import write_atomically
from mnistnn.tasks.claims import Claimed, claims_of

SCHEMA_VERSION = 1
_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
# What may change without a word about the result: the claim, which is held against it, and the seed, which is listed.
_NO_PART_OF_THE_RECIPE = ("expect.", "seed")
_NUMBERS = re.compile(r"\[\n([^\[\]{}\"]+)\]")  # over several lines, which no text of JSON has

Verdict = Literal["within", "outside", "cut off"]


@dataclass(frozen=True)
class Origin:
    """Which code computed the runs of a record, and on which GPU, if on one."""

    commit: str | None
    uncommitted_changes: bool
    device: str | None = None


@dataclass(frozen=True, config=_STRICT)
class SeedResult:
    """The result of one run at its best epoch: errors, as fractions, or nats, by what is claimed; the time spent
    training; and the metrics along training.
    """

    seed: int
    epoch: float
    seconds: float
    errors: dict[Claimed, float]
    curves: Curves | None = None


@dataclass(frozen=True, config=_STRICT)
class MetricRecord:
    """A claimed error, or log-likelihood, over the seeds. `std` is that of a sample; one seed has none."""

    split: Claimed
    band: tuple[float, float]
    mean: float
    std: float | None
    count: int

    @property
    def is_within(self) -> bool:
        """Whether the mean lies in the band, as it is for a single run of `mnistnn eval --expect`."""
        return self.band[0] <= self.mean <= self.band[1]


@dataclass(frozen=True, config=_STRICT)
class Record:
    """The fields of a record. `file` is a path below the folder of experiments; `seconds` is the mean over seeds, and
    `device` the GPU that computed, if one did. `cut_off` says where training was ended that would have gone on, and
    `remark` what else is to be known of it, such as other work on the machine.
    """

    schema_version: int
    experiment: str
    file: str
    config_hash: str
    commit: str | None
    uncommitted_changes: bool
    seeds: list[SeedResult]
    figures: list[MetricRecord]
    seconds: float
    source: str
    note: str
    verdict: Verdict
    device: str | None = None
    cut_off: str | None = None
    remark: str | None = None

    @property
    def origin(self) -> Origin:
        return Origin(self.commit, self.uncommitted_changes, self.device)


_RECORD = TypeAdapter(Record)


def recipe_hash(loaded: LoadedExperiment) -> str:
    """Return the digest of what an experiment's files say about training.

    Values that are left to their defaults are no part of it, so a component can gain an option without making every
    result look old. What a default was, the commit tells. Nor are the folders of files that it names, which depend on
    where the command was given.
    """
    values = {dotted(path): _value(loaded.resolved, path) for path in leaves(loaded.resolved)}
    said = {
        key: value
        for key, value in values.items()
        if loaded.origins[key] != DEFAULT and not key.startswith(_NO_PART_OF_THE_RECIPE)
    }
    return config_hash(said)


def _value(data: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        data = data[key]
    return os.path.basename(data) if names_a_file(path) and isinstance(data, str) else data


def make_record(
    file: str,
    loaded: LoadedExperiment,
    seeds: list[SeedResult],
    origin: Origin,
    cut_off: str | None = None,
    remark: str | None = None,
) -> Record:
    """Sum up what the seeds gave and hold it against the experiment's claim. Every claimed split must be measured."""
    expect = loaded.experiment.expect
    figures = [
        _metric_record(split, band, [result.errors[split] for result in seeds])
        for split, band in claims_of(expect).items()
    ]
    return Record(
        schema_version=SCHEMA_VERSION,
        experiment=loaded.experiment.name,
        file=file,
        config_hash=recipe_hash(loaded),
        commit=origin.commit,
        uncommitted_changes=origin.uncommitted_changes,
        seeds=seeds,
        figures=figures,
        seconds=round(statistics.fmean(result.seconds for result in seeds), 1),
        source=expect.source,
        note=expect.note,
        verdict=_verdict(figures, cut_off),
        device=origin.device,
        cut_off=cut_off,
        remark=remark,
    )


def _verdict(figures: Sequence[MetricRecord], cut_off: str | None) -> Verdict:
    if all(metric.is_within for metric in figures):
        return "within"
    return "outside" if cut_off is None else "cut off"


def _metric_record(split: Claimed, band: tuple[float, float], errors: list[float]) -> MetricRecord:
    # Rounded to what 10 000 digits and a few seeds can tell, so that a record does not end in digits of arithmetic.
    std = round(statistics.stdev(errors), 7) if len(errors) > 1 else None
    return MetricRecord(split, band, round(statistics.fmean(errors), 7), std, len(errors))


def write_record(record: Record, folder: Path) -> None:
    """Replace the record of an experiment. Its name is that of the experiment, which contains its group's."""
    write_atomically(folder / f"{record.experiment}.json", _as_text(record).encode())


def _as_text(record: Record) -> str:
    """Return a record as JSON: a line for each field and for each list of numbers."""
    content = asdict(record)
    for result in content["seeds"]:
        if result["curves"] is None:
            del result["curves"]
    text = json.dumps(content, indent=2)
    return _NUMBERS.sub(lambda found: f"[{', '.join(found[1].replace(',', ' ').split())}]", text) + "\n"


def read_records(folder: Path) -> list[Record]:
    """Return every record in a folder, by name. Raises RunError for a file that is none, or of another format."""
    return [_read(path) for path in sorted(folder.glob("*.json"))]


def _read(path: Path) -> Record:
    try:
        text = path.read_bytes()
        content: Any = json.loads(text)
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path}: not readable as a record of results ({error})") from error
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version != SCHEMA_VERSION:
        raise RunError(f"{path}: format {version!r}; this mnistnn reads format {SCHEMA_VERSION}")
    try:
        return _RECORD.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        raise RunError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
