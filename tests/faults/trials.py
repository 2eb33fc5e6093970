"""Commands that write, one after the other failed at each of their calls, and the promises that must hold then.

A `Scenario` is a command in a folder of its own, the command that goes on after a failure, and what must be true at the
end: the same bits as without the failure. `fault_loop` fails its first call, then its second, and so on.
"""

import errno
import io
import json
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import pytest

from mnistnn.analysis.verification.verify import verify
from mnistnn.cli import shell
from mnistnn.data.datasets import cache
from mnistnn.data.datasets.manifest import read_manifest
from mnistnn.run import checkpoint as checkpoints
from mnistnn.run import provenance
from mnistnn.run.directory import RunDirectory, all_runs
from mnistnn.run.metrics import read_rows
from mnistnn.run.record import read_record
from tests.faults.disk import ERRNOS, Killed, watched

# Everything that has a memory, or is drawn at random, in a run as short as can be: three batches an epoch, the last one
# ragged; a rate that falls and a patience that ends the run, both by what was measured before.
TECHNIQUES = """\
name: everything
data: {dataset: toy, validation_examples: 60}
augment: {shift_px: 0.4, rotate_deg: 3}
model:
  type: sequential
  layers:
    hidden: {type: dense, units: 10, activation: linear}
    normal: {type: batch_norm}
    bent: {type: activation, activation: relu}
    drop: {type: dropout, keep: 0.8}
    classes: {type: dense, units: 4}
loss: {type: softmax_nll}
penalties: {l2: {strength: 1e-4}}
batches: {size: 110, order: stratified}
optimizer:
  type: nesterov
  learning_rate: {type: plateau, start: 0.3, monitor: train.loss, patience: 1, factor: 0.5}
  momentum: {type: sutskever, limit: 0.9, period_updates: 4}
averaging: {decay: 0.5}
evaluation: {every_updates: 2}
stopping:
  - {type: significance_patience, updates: 6, level: 0.05}
  - {type: max_epochs, epochs: 9}
checkpoint: {every_epochs: 1, keep_last: 1}
"""

ADAM = """\
extends: everything.yaml
name: adam
model:
  layers:
    hidden: {type: dense, units: 10, activation: relu}
    normal: null
    bent: null
optimizer: {type: adam, learning_rate: 0.01}
preprocess: [{type: whiten, method: pca, dimensions: 20}]
augment: null
averaging: null
"""

BELIEF = """\
name: belief
data: {dataset: toy, validation_examples: 60}
model:
  type: sequential
  layers:
    first: {type: dense, units: 6, activation: sigmoid}
    second: {type: dense, units: 5, activation: sigmoid}
    classes: {type: dense, units: 4}
pretrain:
  - layer: first
    loss: {type: contrastive_divergence, particles: 5}
    batches: {size: 150}
    optimizer: {type: momentum, learning_rate: 0.02}
    stopping: [{type: max_epochs, epochs: 1}]
  - layer: second
    batches: {size: 150}
    optimizer: {type: sgd, learning_rate: 0.1}
    stopping: [{type: max_epochs, epochs: 1}]
batches: {size: 150}
optimizer: {type: sgd, learning_rate: 0.1}
stopping: [{type: max_epochs, epochs: 1}]
"""

# Runs inside the run: a net on whitened inputs, and a linear classifier in closed form.
COMMITTEE = """\
name: committee
data: {dataset: toy, validation_examples: 60}
model:
  type: committee
  members:
    - {experiment: adam.yaml, overrides: [stopping.max_epochs.epochs=1, evaluation.every_updates=null]}
    - experiment:
        name: pairs
        data: {dataset: toy, validation_examples: 60}
        model: {type: least_squares, targets: pairwise}
  combine: vote
"""

# A state that goes from batch to batch, and is measured in the middle of an epoch.
CARRIED = """\
name: carried
data: {sequences: {type: csv, path: wave.csv, window: 6, stride: 3}}
model:
  type: sequential
  layers:
    memory: {type: lstm, units: 5, carry: 3, output: every}
    value: {type: dense, units: 1, each_step: true}
loss: {type: mean_squared_error}
batches: {size: 5, order: lanes}
optimizer: {type: adam, learning_rate: 0.01}
evaluation: {every_updates: 2}
stopping: [{type: max_epochs, epochs: 2}]
checkpoint: {monitor: valid.loss}
"""


@dataclass(frozen=True)
class Done:
    """How a command ended; `code` is None if it was killed."""

    code: int | None
    out: str
    err: str


def command(*arguments: object) -> Done:
    """Run a command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    code = None
    with redirect_stdout(out), redirect_stderr(err), suppress(Killed):
        code = shell.run([str(argument) for argument in arguments])
    return Done(code, out.getvalue(), err.getvalue())


@contextmanager
def committed() -> Iterator[list[Path]]:
    """Collect the checkpoints whose writing was reported as done."""
    done: list[Path] = []
    really = checkpoints.write

    def write(folder: Path, checkpoint: checkpoints.Checkpoint, updates: int) -> Path:
        path = really(folder, checkpoint, updates)
        done.append(path)
        return path

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "write", write)
        # Git and the versions of packages are half of the time of so short a run, and always the same.
        patch.setattr(provenance, "_git_state", lambda: None)
        patch.setattr(provenance, "_version", lambda package: None)
        yield done


class Scenario(ABC):
    """A command in the folder `work`, and what must come of it."""

    def arrange(self, work: Path) -> None:  # noqa: B027 # most commands start from nothing
        """Put into the empty folder what the command starts from."""

    @abstractmethod
    def first(self, work: Path) -> list[object]:
        """Return the command whose calls fail."""

    def again(self, work: Path) -> list[object]:
        """Return the command that goes on from what the first one left."""
        return self.first(work)

    @abstractmethod
    def check_left(self, work: Path) -> None:
        """Check what a command left that failed or was killed."""

    @abstractmethod
    def check_end(self, work: Path) -> None:
        """Check that all is as it would be without the failure."""


def result_of(run: Path) -> tuple[str, bytes, bytes]:
    """Return name and bytes of the newest checkpoint, and the metrics: what must be the same, bit for bit."""
    newest = checkpoints.newest_first(run / "checkpoints")[0]
    return newest.name, newest.read_bytes(), (run / "metrics.jsonl").read_bytes()


def check_run(run: Path, metrics: bytes) -> None:
    """Check a run directory in whatever state it was left: each file is whole, or not there."""
    directory = RunDirectory(run)
    if directory.record.exists():
        read_record(directory)
    for path in checkpoints.newest_first(directory.checkpoints):
        checkpoints.read(path)
    read_rows(directory.metrics)
    found = directory.metrics.read_bytes() if directory.metrics.exists() else b""
    assert metrics.startswith(found), "metrics.jsonl is not a beginning of what it would be"
    if directory.record.exists():
        check_verifies(run)


def check_verifies(run: Path) -> None:
    """Check that `mnistnn verify` finds nothing wrong with a run, only what was cut off."""
    problems = verify(RunDirectory(run)).problems
    assert not problems, f"verify finds a problem: {problems[0]}"


@dataclass
class Train(Scenario):
    """`mnistnn train CFG --run-dir work/run --resume auto`."""

    config: Path
    expected: tuple[str, bytes, bytes]
    overrides: tuple[str, ...] = ()

    def first(self, work: Path) -> list[object]:
        return [
            "train",
            self.config,
            *self.overrides,
            "--run-dir",
            work / "run",
            "--runs",
            work,
            "--resume",
            "auto",
            "-q",
        ]

    def check_left(self, work: Path) -> None:
        if (work / "run").exists():
            check_run(work / "run", self.expected[2])

    def check_end(self, work: Path) -> None:
        assert result_of(work / "run") == self.expected, "not the bits of a run that was left alone"
        check_verifies(work / "run")
        assert read_record(RunDirectory(work / "run")).status == "finished"


@dataclass
class Refit(Scenario):
    """`mnistnn refit`, then `resume` of what is there."""

    parent: Path
    expected: tuple[str, bytes, bytes]

    def first(self, work: Path) -> list[object]:
        return ["refit", self.parent, "--runs", work, "-q"]

    def again(self, work: Path) -> list[object]:
        runs = all_runs(work)
        return ["resume", runs[0].path, "-q"] if runs else self.first(work)

    def check_left(self, work: Path) -> None:
        for run in all_runs(work):
            check_run(run.path, self.expected[2])

    def check_end(self, work: Path) -> None:
        (run,) = all_runs(work)
        assert result_of(run.path) == self.expected, "not the bits of a run that was left alone"
        check_verifies(run.path)


@dataclass
class Evaluate(Scenario):
    """`mnistnn eval`, which counts the readings of the test split."""

    parent: Path
    expected: str

    def arrange(self, work: Path) -> None:
        shutil.copytree(self.parent, work / "run")

    def first(self, work: Path) -> list[object]:
        return ["eval", work / "run", "--json", "-q"]

    def check_left(self, work: Path) -> None:
        for path in (work / "run" / "eval").glob("*.json"):
            json.loads(path.read_bytes())
        check_verifies(work / "run")

    def check_end(self, work: Path) -> None:
        access_log = work / "run" / "eval" / "test-readings.jsonl"
        readings = access_log.read_bytes().splitlines()
        assert json.loads(readings[-1])["checkpoint"] == "best"
        (stored,) = (work / "run" / "eval").glob("test-*.json")
        found = json.loads(stored.read_bytes())
        del found["sha256"]
        assert 1 <= found.pop("test_readings") == len(readings) <= 2
        assert found == json.loads(self.expected)
        check_verifies(work / "run")


@dataclass
class AddData(Scenario):
    """`mnistnn data add own FILES --force`, over a set that is there already."""

    old: Path
    new: Path

    def arrange(self, work: Path) -> None:
        os.environ["MNISTNN_DATA"] = str(work / "cache")
        assert command("data", "add", "own", self.old, "-q").code == 0

    def first(self, work: Path) -> list[object]:
        return ["data", "add", "own", self.new, "--force", "-q"]

    def check_left(self, work: Path) -> None:
        """The old set or the new one, whole; never none, once it is nobody's turn to write any more."""
        with cache.locked("own"):
            pass
        assert cache.is_stored("own"), "neither the old set nor the new one is there"
        assert not [check for check in cache.verify("own") if check.problem]

    def check_end(self, work: Path) -> None:
        self.check_left(work)
        assert read_manifest(cache.set_folder("own")).files["t10k-labels-idx1-ubyte"].origin == self.new.name
        assert [name for name in os.listdir(work / "cache" / "datasets") if not name.startswith(".")] == ["own"]


@dataclass
class GenerateData(Scenario):
    """`mnistnn data generate own --force`, over a set that is there already."""

    old: Path
    source: Path

    def arrange(self, work: Path) -> None:
        os.environ["MNISTNN_DATA"] = str(work / "cache")
        assert command("data", "add", "own", self.old, "-q").code == 0
        shutil.copytree(self.source, work / "cache" / "datasets" / self.source.name)

    def first(self, work: Path) -> list[object]:
        arguments = ("--from", self.source.name, "--count", 400, "--validation", 60, "--force", "-q")
        return ["data", "generate", "own", *arguments]

    def check_left(self, work: Path) -> None:
        """The old set or the new one, whole."""
        with cache.locked("own"):
            pass
        assert cache.is_stored("own"), "neither the old set nor the new one is there"
        assert not [check for check in cache.verify("own") if check.problem]

    def check_end(self, work: Path) -> None:
        self.check_left(work)
        assert read_manifest(cache.set_folder("own")).train_examples == 460
        names = sorted(name for name in os.listdir(work / "cache" / "datasets") if not name.startswith("."))
        assert names == ["own", self.source.name]


@dataclass
class Tally:
    """What a loop did: calls of the undisturbed command, trials with a failure, how the commands ended."""

    calls: int = 0
    trials: int = 0
    refused: int = 0
    killed: int = 0
    codes: dict[int, int] = field(default_factory=dict)

    def __str__(self) -> str:
        codes = ", ".join(f"{count} × exit {code}" for code, count in sorted(self.codes.items()))
        return f"{self.calls} calls, {self.trials} trials: {self.killed} × killed, {codes}; 0 violations"


WAYS = [(mode, number) for mode in ("once", "from then") for number in ERRNOS] + [("killed", 0), ("power cut", 0)]

# A failing disk is 5. Whatever cannot even be read is the fault of the config (2), the data (3) or the run (4).
_ALLOWED_CODES = {2, 3, 4, 5}


def fault_loop(
    scenario: Scenario, folder: Path, ways: Sequence[tuple[str, int]] = WAYS, every: int = 1, in_turn: bool = False
) -> Tally:
    """Fail each call in each way and check all promises; raises AssertionError saying where one is broken.

    every    only each so-manieth call
    in_turn  each call in one way only, the next call in the next way
    """
    tally = Tally()
    for number, (mode, code) in enumerate(ways):
        stride = every * len(ways) if in_turn else every
        for at in count(1 + number * every if in_turn else 1, stride):
            if not _trial(scenario, folder / f"{mode.replace(' ', '-')}-{code}-{at}", at, mode, code, tally):
                break
    return tally


def _trial(scenario: Scenario, work: Path, at: int, mode: str, number: int, tally: Tally) -> bool:
    """Fail the `at`-th call, check, go on, check; return whether there was such a call."""
    what = f"{mode}{f' {errno.errorcode[number]}' if number else ''} at call {at},"
    work.mkdir(parents=True)
    outside = sorted(os.listdir(work.parent))
    scenario.arrange(work)
    with committed() as saved, watched(work) as disk:
        disk.arm(at, mode, number)
        done = command(*scenario.first(work))
        calls = list(disk.calls)
        failed = disk.heal()
    if not failed:
        tally.calls = len(calls)
        assert done.code == 0, done.err
    else:
        tally.trials += 1
        place = f"{what} {calls[at - 1]}"
        try:
            check_failure(done, mode, tally)
            scenario.check_left(work)
            _check_nothing_lost(saved)
            if mode == "once":
                check_no_leftovers(work)
            if done.code != 0:
                with committed():
                    done = command(*scenario.again(work))
                assert done.code == 0, f"could not go on: {done.err}"
        except Exception as error:
            raise AssertionError(f"{place}: {error}") from error
    try:
        scenario.check_end(work)
        check_no_leftovers(work)
        assert sorted(os.listdir(work.parent)) == outside, "written outside"
    except Exception as error:
        raise AssertionError(f"{what} at the end: {error!r}") from error
    shutil.rmtree(work)
    return failed


def check_failure(done: Done, mode: str, tally: Tally) -> None:
    """Check how a command ended whose disk failed: killed, or with a documented code and a message, or all the same."""
    if mode in ("killed", "power cut"):
        tally.killed += 1
        assert done.code is None, f"went on after its death: exit {done.code}"
        return
    assert done.code is not None
    tally.codes[done.code] = tally.codes.get(done.code, 0) + 1
    assert "Traceback" not in done.err, done.err
    assert "bug" not in done.err, done.err
    if done.code:
        tally.refused += 1
        assert done.code in _ALLOWED_CODES, f"exit {done.code}: {done.err}"
        assert done.err.startswith("error: "), done.err
        assert done.err.count("\n") <= 2, done.err


def check_no_leftovers(work: Path) -> None:
    """Check that there are no temporary files, but in the folder of a run that never came to be."""
    found = list(work.glob("*.tmp"))
    for record in work.rglob("run.json"):
        found += record.parent.rglob("*.tmp")
    assert not found, f"a temporary file was left: {found[0]}"


def _check_nothing_lost(saved: list[Path]) -> None:
    """Check that the newest checkpoint of a folder is not older than what was last reported as saved."""
    if saved:
        newest, _, refused = checkpoints.read_newest(saved[-1].parent)
        assert not refused
        assert checkpoints.updates_of(newest) >= checkpoints.updates_of(saved[-1]), f"{saved[-1].name} is lost"


def watched_calls(root: Path, *arguments: object) -> list[str]:
    """Run a command and return its calls below a folder, in order."""
    with committed(), watched(root) as disk:
        disk.arm(0, "once")
        done = command(*arguments)
        assert done.code == 0, done.err
        return [str(call) for call in disk.calls]
