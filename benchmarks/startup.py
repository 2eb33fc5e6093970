"""How long users wait for what should be there at once, and how much memory training takes."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import this_python
from benchmarks.programs import Command, Ended, run, spread
from benchmarks.row import Row

EXPERIMENTS = Path(__file__).parent / "experiments"
_HELP_S, _FIRST_UPDATE_S, _PEAK_MIB = 0.15, 1.5, 600.0
_ALL_DIGITS = ("data.validation_examples=0", "checkpoint.monitor=last", "stopping.max_epochs.epochs=1")


def mnistnn(*arguments: str | Path) -> Command:
    """Return a command line of mnistnn, by its script if it is installed as one."""
    script = this_python().with_name("mnistnn")
    return [*([script] if script.exists() else [this_python(), "-m", "mnistnn"]), *arguments]


def rows(threads: int, rounds: int, version: str, experiments: Path = EXPERIMENTS) -> list[Row]:
    """Return the rows of start-up and memory. What is timed is run once before it counts, so that caches are warm."""
    mlp, lenet = experiments / "mlp.yaml", experiments / "lenet.yaml"
    waits: list[tuple[str, Command, Callable[[Ended], float], float]] = [
        ("mnistnn --help", mnistnn("--help"), lambda ended: ended.seconds, _HELP_S),
        ("train 784-500-10: start to first update", first_update(mlp), until_it_said, _FIRST_UPDATE_S),
        ("train LeNet: start to first update", first_update(lenet), until_it_said, _FIRST_UPDATE_S),
    ]
    found = []
    for name, command, figure, ceiling in waits:
        values = [figure(alone(command, threads)) for _ in range(rounds + 1)][1:]
        found.append(Row("start-up", name, [spread("ours", version, threads, values)], ceiling=ceiling))
    ended = alone(mnistnn("train", mlp, *_ALL_DIGITS, "--run-dir", "run", "-q"), threads)
    peak = spread("ours", version, threads, [ended.peak_bytes / 2**20])
    name = "train 784-500-10 on 60 000 digits: peak memory"
    return [*found, Row("start-up", name, [peak], unit="MiB", ceiling=_PEAK_MIB)]


def first_update(experiment: Path) -> Command:
    return [this_python(), "-m", "benchmarks.first_update", "train", experiment, "--run-dir", "run", "-q"]


def until_it_said(ended: Ended) -> float:
    return float(ended.said) - ended.began_s


def alone(command: Command, threads: int) -> Ended:
    with tempfile.TemporaryDirectory(prefix="mnistnn-bench-") as folder:
        return run(command, threads, Path(folder))
