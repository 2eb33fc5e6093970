"""What several test files need: a toy data set in a cache of its own, an experiment on it, and the real digits."""

import functools
import os
import shutil
import signal
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import yaml

from mnistnn.cli import shell
from mnistnn.config import parse
from mnistnn.config.load import load_experiment
from mnistnn.data.datasets import cache
from mnistnn.data.formats.image_set import FILE_NAMES, LabelledImages, image_set
from mnistnn.data.splits import ensure_available
from mnistnn.experiment.plan import Plan
from mnistnn.run import lock, provenance
from mnistnn.run.checkpoint import newest_first, read
from mnistnn.run.directory import RunDirectory
from mnistnn.run.live import POLL_S
from mnistnn.run.record import read_record
from mnistnn.runner import session
from mnistnn.runner.checkpointing import RunCheckpointing
from tests.docs.summary import pytest_terminal_summary as pytest_terminal_summary

TOY_EXPERIMENT = """\
name: toy
data: {dataset: toy, validation_examples: 60}
model:
  type: sequential
  layers:
    hidden: {type: dense, units: 12, activation: tanh}
    output: {type: dense, units: 4, init: {type: zeros}}
loss: {type: softmax_nll}
penalties: {l2: {strength: 1e-4}}
batches: {size: 32, order: permute}
optimizer: {type: sgd, learning_rate: 0.2}
stopping:
  - {type: max_epochs, epochs: 6}
"""

# Models that are fitted: a linear classifier; committees of two small nets, and of these and the linear classifier.
PAIRS_EXPERIMENT = """\
name: pairs
data: {dataset: toy, validation_examples: 60}
model: {type: least_squares, targets: pairwise}
"""
COMMITTEE_EXPERIMENT = """\
name: committee
data: {dataset: toy, validation_examples: 60}
model:
  type: committee
  members:
    - {experiment: toy.yaml, overrides: [stopping.max_epochs.epochs=2]}
    - {experiment: toy.yaml, overrides: [stopping.max_epochs.epochs=3, optimizer.learning_rate=0.4]}
"""
VOTERS_EXPERIMENT = (
    COMMITTEE_EXPERIMENT.replace("name: committee", "name: voters")
    + """\
    - {experiment: pairs.yaml}
  combine: vote
"""
)
_FITTED = """\
name: {name}
data: {{dataset: toy, validation_examples: 60}}
model: {model}
"""
FITTED_EXPERIMENTS = {
    "pairs": PAIRS_EXPERIMENT,
    "committee": COMMITTEE_EXPERIMENT,
    "voters": VOTERS_EXPERIMENT,
    "gaussians": _FITTED.format(name="gaussians", model="{type: quadratic_discriminant, ridge: 0.01}"),
    "neighbours": _FITTED.format(
        name="neighbours",
        model="{type: knn, distance: {type: idm, warp_px: 1}, preselect: "
        "[{distance: {type: euclidean}, keep: 20, agree: 10}]}",
    ),
    "machines": _FITTED.format(
        name="machines",
        model="{type: svm, C: 2, kernel: {type: polynomial, degree: 5, scale: 0.5, unit_norm: true}, "
        "virtual_shifts_px: [1]}",
    )
    + "evaluation: {every_updates: 1}\n",
    "stumps": _FITTED.format(
        name="stumps", model="{type: boosted_stumps, max_rounds: 12, features: {type: haar, drawn: 40}, sample: 200}"
    )
    + "evaluation: {every_updates: 1}\n",
}


def toy_digits(count: int, rng: np.random.Generator) -> LabelledImages:
    """Four classes of noisy 8×8 images: a bright row whose place is the class. Learnable, but not at once."""
    labels = rng.integers(4, size=count).astype(np.uint8)
    images = rng.integers(0, 140, size=(count, 8, 8)).astype(np.uint8)
    images[np.arange(count), 2 * labels] += 60
    return LabelledImages(images, labels)


@pytest.fixture(scope="session", autouse=True)
def facts_of_this_machine():
    """Ask Git and the installed packages once in a process: a quarter of a toy run's time, and always the same."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("_git_state", "_version"):
            patch.setattr(provenance, name, functools.cache(getattr(provenance, name)))
        yield


class RememberedEvents:
    """PyYAML's events of a text, which it is asked for once in a process: the events of equal texts are equal.

    Only those of texts that were read to their end are kept, so mistakes are found anew each time; and only those of
    500 texts, since Python's collector of garbage looks at each of the objects again and again.
    """

    _kept: ClassVar[dict[str, list[Any]]] = {}
    _really = parse._Events

    def __init__(self, text: str) -> None:
        self._text, self._read = text, list[Any]()
        known = self._kept.pop(text, None)
        self._ahead = iter(known or ())
        self._reader = self._really(text) if known is None else None
        if known is not None:
            self._keep(known)  # as the one that was used last

    def _keep(self, events: list[Any]) -> None:
        self._kept[self._text] = events
        if len(self._kept) > 500:
            del self._kept[next(iter(self._kept))]

    def get_event(self) -> Any:
        if self._reader is None:
            return next(self._ahead)
        self._read.append(self._reader.get_event())
        if isinstance(self._read[-1], yaml.StreamEndEvent) and len(self._text) < 20_000:
            self._keep(self._read)
        return self._read[-1]

    def get_mark(self) -> Any:
        assert self._reader is not None
        return self._reader.get_mark()


@pytest.fixture(scope="session", autouse=True)
def texts_read_before():
    """Let PyYAML read a text once in a process: a third of the time of tests would be spent there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parse, "_Events", RememberedEvents)
        yield


@pytest.fixture(scope="session")
def toy_cache(tmp_path_factory):
    """A cache folder that holds the set `toy`: 360 training images (300 + 60 for validation) and 80 test images."""
    folder = tmp_path_factory.mktemp("cache")
    rng = np.random.default_rng(7)
    toy = image_set(toy_digits(360, rng), toy_digits(80, rng), "toy")
    before = os.environ.get("MNISTNN_DATA")
    os.environ["MNISTNN_DATA"] = str(folder)
    try:
        with cache.locked("toy"):
            cache.install("toy", toy, dict.fromkeys(FILE_NAMES, "made by the tests"))
    finally:
        if before is None:
            del os.environ["MNISTNN_DATA"]
        else:
            os.environ["MNISTNN_DATA"] = before
    return folder


@pytest.fixture(scope="session")
def toy_text() -> str:
    """The text of the experiment, for who needs it before a test begins."""
    return TOY_EXPERIMENT


@pytest.fixture
def toy(toy_cache, tmp_path: Path, monkeypatch) -> Path:
    """The path of an experiment on the toy set, in an empty working folder, with the toy cache in force.

    Nobody pulls the plug here, so nothing waits for the disk: a thousand calls of fsync would take a minute.
    """
    monkeypatch.setenv("MNISTNN_DATA", str(toy_cache))
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "toy.yaml"
    path.write_text(TOY_EXPERIMENT)
    return path


def _written(name: str, toy: Path) -> Path:
    for each, text in FITTED_EXPERIMENTS.items():
        toy.with_name(f"{each}.yaml").write_text(text)
    return toy.with_name(f"{name}.yaml")


@pytest.fixture
def pairs(toy: Path) -> Path:
    """The path of an experiment whose model is fitted in one round."""
    return _written("pairs", toy)


@pytest.fixture
def committee(toy: Path) -> Path:
    """The path of a committee of two small nets, by the mean of their probabilities."""
    return _written("committee", toy)


@pytest.fixture
def voters(toy: Path) -> Path:
    """The path of a committee of two small nets and a fitted model, by votes."""
    return _written("voters", toy)


@pytest.fixture(scope="session")
def fitted_runs(toy_cache: Path, tmp_path_factory) -> Callable[[str], Path]:
    """Return the finished run of one of `FITTED_EXPERIMENTS`, which nobody may change."""
    folder: Path = tmp_path_factory.mktemp("fitted")
    (folder / "toy.yaml").write_text(TOY_EXPERIMENT)
    for name, text in FITTED_EXPERIMENTS.items():
        (folder / f"{name}.yaml").write_text(text)

    @functools.cache
    def finished(name: str) -> Path:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MNISTNN_DATA", str(toy_cache))
            patch.setattr(os, "fsync", lambda descriptor: None)
            plan = Plan(load_experiment(folder / f"{name}.yaml"))
            session.start(plan, folder / name, folder, session.Verbosity(shown=False))
        return folder / name

    return finished


@pytest.fixture
def fitted_run(toy: Path, fitted_runs: Callable[[str], Path]) -> Callable[[str], RunDirectory]:
    """Copy the finished run of one of `FITTED_EXPERIMENTS` into the working folder, as `run`."""

    def copy(name: str) -> RunDirectory:
        _written(name, toy)
        shutil.copytree(fitted_runs(name), "run", symlinks=True)
        return RunDirectory(Path("run"))

    return copy


@pytest.fixture(scope="session")
def real_mnist() -> None:
    """Make sure that the real digits are in the user's cache, fetching them if they are not."""
    ensure_available("mnist", progress=False)


@dataclass(frozen=True)
class Done:
    """How a command line ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(capsys, monkeypatch) -> Callable[..., Done]:
    """Run a command line in this process, as `mnistnn` would."""
    monkeypatch.delenv("COLUMNS", raising=False)  # which says 80 where tests run in several processes

    def run(*arguments: object) -> Done:
        capsys.readouterr()
        code = shell.run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return run


@pytest.fixture
def start() -> Callable[..., session.Outcome]:
    """Train an experiment file in the folder `run`, or at `path`, without a word."""

    def train(experiment: Path, *overrides: str, path: Path | str = "run") -> session.Outcome:
        plan = Plan(load_experiment(experiment, overrides))
        return session.start(plan, Path(path), Path("runs"), session.Verbosity(shown=False))

    return train


@pytest.fixture
def stop_after(monkeypatch) -> Callable[..., None]:
    """Let a signal reach this process, once, right after a given update."""

    def arrange(updates: int, number: int = signal.SIGTERM) -> None:
        real, numbers = RunCheckpointing.after_update, [number]

        def after_update(self, t):
            if t.progress.updates == updates and numbers:
                signal.raise_signal(numbers.pop())
            real(self, t)

        monkeypatch.setattr(RunCheckpointing, "after_update", after_update)

    return arrange


@pytest.fixture
def everything_below() -> Callable[[Path | str], dict[Path, tuple[bytes, int]]]:
    """Return path, content and time of change of every file below a folder."""

    def look(folder: Path | str) -> dict[Path, tuple[bytes, int]]:
        files = (path for path in Path(folder).rglob("*") if path.is_file())
        return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}

    return look


@pytest.fixture
def assert_same_result() -> Callable[[Path | str, Path | str], None]:
    """Compare the final checkpoints of two runs bit for bit, and their metrics byte for byte."""

    def compare(run: Path | str, reference: Path | str) -> None:
        found, expected = (newest_first(Path(each, "checkpoints"))[0] for each in (run, reference))
        assert found.name == expected.name
        tensors = read(found).tensors
        for name, tensor in read(expected).tensors.items():
            assert tensors[name].tobytes() == tensor.tobytes(), name
        assert found.read_bytes() == expected.read_bytes()
        assert Path(run, "metrics.jsonl").read_bytes() == Path(reference, "metrics.jsonl").read_bytes()

    return compare


@pytest.fixture
def own_toy_set(tmp_path, monkeypatch) -> Callable[[int], None]:
    """Store a set `toy`, drawn anew, in a cache that belongs to the test alone."""
    monkeypatch.setenv("MNISTNN_DATA", str(tmp_path / "own-cache"))

    def store(seed: int) -> None:
        rng = np.random.default_rng(seed)
        with cache.locked("toy"):
            images = image_set(toy_digits(360, rng), toy_digits(80, rng), "toy")
            cache.install("toy", images, dict.fromkeys(FILE_NAMES, "made by the tests"))

    return store


class Trainer:
    """Stands in for the process that trains: holds the lock, writes files."""

    def __init__(self, run: RunDirectory) -> None:
        self.run, self.lines = run, run.metrics.read_text().splitlines(keepends=True)
        self._held = ExitStack()

    def begin(self, rows: int) -> None:
        self._held.enter_context(lock.exclusive(self.run))
        self.record("running", None)
        self.have(rows)

    def record(self, status, reason):
        record = read_record(self.run)
        record.status, record.reason = status, reason
        record.write(self.run)

    def have(self, rows, torn=0):
        """Let the file have so many rows, and some bytes of the next."""
        self.run.metrics.write_text("".join(self.lines[:rows]) + (self.lines[rows][:torn] if torn else ""))

    def die(self):
        self._held.close()


@pytest.fixture
def trainer(toy, start):
    """A run of six epochs, being trained: it has done two."""
    found = Trainer(start(toy).run)
    found.begin(rows=2)
    yield found
    found.die()


@pytest.fixture
def meanwhile(monkeypatch):
    """Let these things happen, one at each time that would be waited, and then nothing any more."""

    def arrange(*happenings):
        left = list(happenings)

        def sleep(seconds):
            assert seconds == POLL_S
            assert left, "waits although nothing will happen any more"
            left.pop(0)()

        monkeypatch.setattr("mnistnn.run.live.time.sleep", sleep)

    return arrange
