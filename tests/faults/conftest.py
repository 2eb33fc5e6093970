"""Experiments and scenarios for the loops of failures, and the counts that `make torture` and `make fuzz` print."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from mnistnn.run.directory import all_runs
from tests.faults.trials import (
    ADAM,
    BELIEF,
    CARRIED,
    COMMITTEE,
    TECHNIQUES,
    AddData,
    Evaluate,
    GenerateData,
    Refit,
    Train,
    command,
    committed,
    result_of,
)


@pytest.fixture
def everything(toy) -> Path:
    """The path of a short experiment that uses all that has a memory."""
    path: Path = toy.with_name("everything.yaml")
    path.write_text(TECHNIQUES)
    toy.with_name("adam.yaml").write_text(ADAM)
    toy.with_name("belief.yaml").write_text(BELIEF)
    toy.with_name("carried.yaml").write_text(CARRIED)
    toy.with_name("committee.yaml").write_text(COMMITTEE)
    return path


def training(config: Path, *overrides: str) -> Train:
    """Return a training, with what comes of it when nothing fails, in a folder named after its experiment."""
    reference = config.with_suffix("")
    with committed():
        done = command("train", config, *overrides, "--run-dir", reference, "-q")
    assert done.code == 0, done.err
    return Train(config, result_of(reference), overrides)


@pytest.fixture
def train(everything) -> Train:
    """A training with all that has a memory, ended by patience."""
    return training(everything)


@pytest.fixture
def short_train(everything) -> Train:
    """The first two epochs of it."""
    return training(everything, "stopping.max_epochs.epochs=2", "evaluation.every_updates=null")


@pytest.fixture
def whitened(everything) -> Train:
    """Two epochs of Adam on whitened inputs."""
    return training(everything.with_name("adam.yaml"), "stopping.max_epochs.epochs=2")


@pytest.fixture
def pretrained(everything) -> Train:
    """A net whose layers are pretrained as RBMs, each in a run inside the run."""
    return training(everything.with_name("belief.yaml"))


@pytest.fixture
def members(everything) -> Train:
    """A committee, whose members are trained in runs inside the run."""
    return training(everything.with_name("committee.yaml"))


@pytest.fixture
def carried(everything) -> Train:
    """A recurrent net that goes on, in each batch, from where it was in the one before."""
    series = everything.with_name("wave.csv")
    series.write_text("value\n" + "".join(f"{value}\n" for value in np.sin(np.arange(80) / 3.0)))
    return training(everything.with_name("carried.yaml"), f"data.sequences.path={series}")


@pytest.fixture
def refit(short_train, tmp_path) -> Refit:
    """A refit of the short training, a second phase on training and validation digits."""
    parent = short_train.config.with_suffix("")
    with committed():
        assert command("refit", parent, "--runs", tmp_path / "refitted", "-q").code == 0
    (run,) = all_runs(tmp_path / "refitted")
    return Refit(parent, result_of(run.path))


@pytest.fixture
def evaluation(short_train, tmp_path) -> Evaluate:
    """A measurement on the test split."""
    parent = short_train.config.with_suffix("")
    shutil.copytree(parent, tmp_path / "measured" / "run")
    done = command("eval", tmp_path / "measured" / "run", "--json", "-q")
    assert done.code == 0, done.err
    metrics = json.loads(done.out)
    assert metrics.pop("test_readings") == 1
    return Evaluate(parent, json.dumps(metrics))


@pytest.fixture
def data(toy, tmp_path) -> AddData:
    """Data of one's own in place of other data."""
    paths: list[Path] = []
    for name in ("old", "new"):
        rng = np.random.default_rng(len(paths))
        images = {f"x_{half}": rng.integers(0, 256, (9, 4, 4), dtype=np.uint8) for half in ("train", "test")}
        labels = {f"y_{half}": np.arange(9) % 3 for half in ("train", "test")}
        paths.append(tmp_path / f"{name}.npz")
        np.savez(paths[-1], **images, **labels)  # type: ignore[arg-type] # its stub takes allow_pickle for any name
    return AddData(*paths)


@pytest.fixture
def generated(data, toy_cache) -> GenerateData:
    """A set made of the toy set, in place of other data."""
    return GenerateData(data.old, toy_cache / "datasets" / "toy")


def pytest_terminal_summary(terminalreporter) -> None:
    """Print what the long tests counted."""
    lines = [
        f"{report.nodeid.rpartition('::')[2]}: {value}"
        for report in terminalreporter.getreports("passed")
        for name, value in report.user_properties
        if name == "counts" and report.when == "call"
    ]
    if lines:
        terminalreporter.section("counts")
        for line in sorted(lines):
            terminalreporter.line(line)
