"""Whole processes: `mnistnn train` and `mnistnn eval` beside the script that a user of PyTorch would write.

Both train on the same 50 000 digits for as many epochs, measure the other 10 000 after each, and the test digits at the
end. Ours also keeps its run: checkpoints, metrics, and what they were computed with.
"""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import ROOT
from benchmarks.programs import Command, Program, run, take_turns
from benchmarks.row import Row
from benchmarks.startup import EXPERIMENTS, mnistnn

SCRIPT = ROOT / "benchmarks" / "user_script.py"
_LAST_WORDS = "test error "


@dataclass(frozen=True)
class WholeProcess:
    """A training from start to end.

    options  of the script: what the experiment says, in its words
    """

    name: str
    experiment: Path
    options: Sequence[str]
    peer_goal: float | None = None


def _of(net: str, epochs: int, batch: int, rate: float) -> list[str]:
    return [net, "--epochs", str(epochs), "--batch", str(batch), "--rate", str(rate)]


WHOLE_PROCESSES = (
    WholeProcess("784-500-10 tanh, batch 100, 5 epochs", EXPERIMENTS / "mlp.yaml", _of("mlp", 5, 100, 0.1), 3.0),
    WholeProcess("softmax, batch 600, 5 epochs", EXPERIMENTS / "softmax.yaml", _of("softmax", 5, 600, 0.5)),
    WholeProcess("LeNet 20-50-500 ReLU, batch 128, 1 epoch", EXPERIMENTS / "lenet.yaml", _of("lenet", 1, 128, 0.1)),
)


def row(
    what: WholeProcess,
    peers: Path | None,
    version: str,
    digits: Path,
    threads: int,
    rounds: int,
    script: Path = SCRIPT,
) -> tuple[Row | None, list[str]]:
    """Return the row of a training, None if ours failed, and what failed. `digits` is the folder of the IDX files."""
    programs = [Program("ours", version, _ours(what))]
    failures = []
    if peers is not None:
        try:
            programs.append(Program("torch-script", _pytorch(peers), [[peers, script, *what.options, digits]]))
        except ChildProcessError as error:
            failures.append(f"{what.name}: torch-script: {error}")
    measured, said, failed = take_turns(programs, threads, rounds)
    failures += [f"{what.name}: {text}" for text in failed]
    if all(found.kind != "ours" for found in measured):
        return None, failures
    errors = {kind: _error(text) for kind, text in said.items()}
    return Row("processes", what.name, measured, peer_goal=what.peer_goal, errors=errors), failures


def _ours(what: WholeProcess) -> list[Command]:
    return [mnistnn("train", what.experiment, "--run-dir", "run", "-q"), mnistnn("eval", "run", "--json")]


def _pytorch(peers: Path) -> str:
    """Return what version of PyTorch a Python has. Raises ChildProcessError if it has none."""
    with tempfile.TemporaryDirectory() as folder:
        ended = run([peers, "-c", "import torch; print(torch.__version__)"], 1, Path(folder))
    return f"PyTorch {ended.said.strip()}"


def _error(said: str) -> float:
    """Return the test error that a program printed: in the JSON of `mnistnn eval`, or in the last line of a script."""
    last = said.strip().splitlines()[-1]
    return float(last.removeprefix(_LAST_WORDS)) if last.startswith(_LAST_WORDS) else float(json.loads(last)["error"])
