"""Make runs with some version of mnistnn, and note what that version itself finds when it reads them.

    python tests/old_runs/make.py .venv/bin/mnistnn FOLDER

FOLDER, which is new, gets the run directories and expected.json. The Python needs NumPy and safetensors. Everything
happens in a temporary folder, with relative paths, so that no run says where it was made.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from safetensors.numpy import load_file

HERE = Path(__file__).resolve().parent
SPLITS = ("valid", "test")
OUT_OF_TIME = 75
DEADLINE_S = 60.0

# Each is the name of an experiment, and of the run that is made of it.
FINISHED = (
    *("softmax", "mlp", "dropconnect", "cnn", "pca", "augmented", "streamed", "two-classes", "double"),
    *("l-bfgs", "hessian-free", "squared-error"),
    *("rbm", "centred", "boltzmann", "autoencoder", "features", "belief", "stacked"),
    *("lstm", "scanned", "adding", "copying", "forecast", "series"),
)
# Sittings, each of one update or one evaluation. The last one ends inside an epoch; that of stopped-belief, in the
# second layer that learns before.
STOPPED = {
    "stopped-mlp": 10,
    "stopped-cnn": 7,
    "stopped-l-bfgs": 4,
    "stopped-rbm": 8,
    "stopped-belief": 13,
    "stopped-forecast": 12,
}
KILLED = "killed-mlp"
SWEEP = ("toy.yaml", "optimizer.learning_rate=0.05,0.5", "stopping.max_epochs.epochs=2", "checkpoint.keep_last=1")
TRIALS = ("0000-seed0", "0001-seed0")


class Mnistnn:
    """The command, in a working folder with a cache of its own."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program, self.folder = program.absolute(), folder
        cache = {"MNISTNN_DATA": str(folder / "cache")}
        self.environment = {**os.environ, **cache, "OPENBLAS_NUM_THREADS": "1", "TZ": "UTC"}

    def __call__(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(
            [str(self.program), *arguments], cwd=self.folder, env=self.environment, capture_output=True, text=True
        )
        if done.returncode != code:
            sys.exit(f"mnistnn {' '.join(arguments)}: exit code {done.returncode}, not {code}\n{done.stderr}")
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "--json"))

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [str(self.program), *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def furnish(mnistnn: Mnistnn) -> None:
    """Put the experiments into the working folder, and the set `toy` of tests/conftest.py into the cache."""
    for path in (HERE / "experiments").iterdir():
        shutil.copy(path, mnistnn.folder)
    rng = np.random.default_rng(7)
    arrays = dict[str, np.ndarray]()
    for half, count in (("train", 360), ("test", 80)):
        labels = rng.integers(4, size=count).astype(np.uint8)
        images = rng.integers(0, 140, size=(count, 8, 8)).astype(np.uint8)
        images[np.arange(count), 2 * labels] += 60
        arrays |= {f"x_{half}": images, f"y_{half}": labels}
    np.savez(mnistnn.folder / "toy.npz", allow_pickle=False, **arrays)
    mnistnn("data", "add", "toy", "toy.npz")


def train(mnistnn: Mnistnn, name: str) -> None:
    mnistnn("train", f"{name}.yaml", "--run-dir", name)
    if name == "rbm":
        mnistnn("export", name, "--to", "features", "--out", "features.safetensors")


def refit(mnistnn: Mnistnn, run: str, name: str) -> None:
    """Train a run anew, in a folder with a date and a random number for a name, and give that folder a name."""
    told = mnistnn("refit", run).splitlines()
    (path,) = (line.removeprefix("run: ") for line in told if line.startswith("run: "))
    (mnistnn.folder / path).rename(mnistnn.folder / name)


def stop(mnistnn: Mnistnn, name: str, sittings: int) -> None:
    """Train in so many sittings that have no time, so that each ends after an update."""
    mnistnn("train", f"{name}.yaml", "--run-dir", name, "--time-budget", "0s", code=OUT_OF_TIME)
    for _ in range(sittings - 1):
        mnistnn("resume", name, "--time-budget", "0s", code=OUT_OF_TIME)


def kill(mnistnn: Mnistnn, name: str) -> None:
    """Kill a run in its fourth epoch; should it be at its end before that, begin anew."""
    run, end = mnistnn.folder / name, time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        process = mnistnn.start("train", f"{name}.yaml", "--run-dir", name)
        while process.poll() is None and len(rows(run)) < 3:
            time.sleep(0.0005)
        process.kill()
        if process.wait() == -signal.SIGKILL and len(rows(run)) == 3:
            return
        shutil.rmtree(run)
    sys.exit(f"{name} was never killed in time")


def sweep(mnistnn: Mnistnn) -> None:
    """Make a sweep whose point is chosen, and another one with a trial that is yet to be done."""
    for study, trials in (("sweep", TRIALS), ("half-sweep", TRIALS[:1])):
        mnistnn("sweep", "run", *SWEEP, "--study", study, "--prepare")
        for trial in trials:  # one by one, since the workers of `sweep run` write where they are into logs
            mnistnn("sweep", "trial", study, trial)
        for path in (mnistnn.folder / study / "attempts").iterdir():  # and each attempt says on which machine it was
            path.write_text(re.sub(r'"began": "[^"]*"', '"began": "machine:1"', path.read_text()))
    mnistnn("sweep", "best", "sweep")


def rows(run: Path) -> list[Any]:
    """Return the whole rows of a run's metrics."""
    path = run / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text().split("\n")[:-1]] if path.exists() else []


def end_of(run: Path) -> dict[str, Any]:
    """Return the metrics of a run, and the SHA-256 of its newest checkpoint, and of the model's values in there."""
    newest = max((run / "checkpoints").glob("step-*.safetensors"))
    return {
        "metrics": rows(run),
        "values_sha256": hashlib.sha256(load_file(newest)["theta"].tobytes()).hexdigest(),
        "checkpoint_sha256": hashlib.sha256(newest.read_bytes()).hexdigest(),
    }


def measured(mnistnn: Mnistnn, run: str, splits: tuple[str, ...] = SPLITS) -> dict[str, Any]:
    """Measure a finished run, which keeps what was found."""
    return {split: mnistnn.json("eval", run, "--split", split) for split in splits}


def resumed(mnistnn: Mnistnn, run: str) -> dict[str, Any]:
    """Return how a copy of an unfinished run ends that this version goes on with."""
    copy = f"{run}-resumed"
    shutil.copytree(mnistnn.folder / run, mnistnn.folder / copy)
    mnistnn("resume", copy)
    return end_of(mnistnn.folder / copy)


def tried(mnistnn: Mnistnn) -> dict[str, Any]:
    """Return how the trial ends that is yet to be done, in a copy of its sweep."""
    shutil.copytree(mnistnn.folder / "half-sweep", mnistnn.folder / "whole-sweep")
    mnistnn("sweep", "trial", "whole-sweep", TRIALS[1])
    return end_of(mnistnn.folder / "whole-sweep" / "trials" / TRIALS[1])


def keep(source: Path, target: Path) -> None:
    """Copy a run without its empty folders, which Git does not keep."""
    shutil.copytree(source, target)
    for folder, _, _ in os.walk(target, topdown=False):
        if not os.listdir(folder):
            os.rmdir(folder)


def laid_out(value: Any, depth: int) -> str:
    """Return JSON with a line for each entry of mappings, down to a depth."""
    if depth == 0 or not isinstance(value, dict):
        return json.dumps(value)
    return "{\n" + ",\n".join(f"{json.dumps(key)}: {laid_out(value[key], depth - 1)}" for key in value) + "\n}"


def main() -> None:
    program, out = map(Path, sys.argv[1:])
    out.mkdir()
    with TemporaryDirectory() as folder:
        mnistnn = Mnistnn(program, Path(folder))
        furnish(mnistnn)
        for name in FINISHED:
            train(mnistnn, name)
        refit(mnistnn, "softmax", "refit")
        for name, sittings in STOPPED.items():
            stop(mnistnn, name, sittings)
        kill(mnistnn, KILLED)
        sweep(mnistnn)
        expected = {
            "finished": {name: measured(mnistnn, name) for name in FINISHED}
            | {"refit": measured(mnistnn, "refit", ("test",))},
            "unfinished": {name: resumed(mnistnn, name) for name in (*STOPPED, KILLED)},
            "sweep": mnistnn.json("sweep", "status", "sweep"),
            "trial": tried(mnistnn),
        }
        for name in (*expected["finished"], *expected["unfinished"], "sweep", "half-sweep"):
            keep(mnistnn.folder / name, out / "directories" / name)
    (out / "expected.json").write_text(laid_out(expected, 3) + "\n")


if __name__ == "__main__":
    main()
