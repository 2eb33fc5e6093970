"""The types of what `mnistnn` exports, as a checker sees them in the program of a user."""

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("mypy")

ROOT = Path(__file__).parents[2]
PROGRAM = """\
from typing import assert_type

import numpy as np
from numpy.typing import NDArray

import mnistnn

run = mnistnn.train("experiments/mlp.yaml", "optimizer.learning_rate=0.05", seed=3)
assert_type(run, mnistnn.Run)
digits = mnistnn.data("mnist", "valid")
assert_type(digits.images, NDArray[np.uint8])
assert_type(run.predict(digits.images), NDArray[np.int64])
assert_type(run.metrics, dict[str, NDArray[np.float64]])
best: float = mnistnn.load("latest").best["valid.error"]
labels: list[str] = [each.label for each in mnistnn.compare(run, "runs/b*").experiments]
model = mnistnn.sklearn.Classifier("experiments/mlp.yaml", overrides=("seed=1",))
assert_type(model, mnistnn.sklearn.Classifier)
assert_type(model.fit(digits.images.reshape(-1, 784), digits.labels).run_, mnistnn.Run)
try:
    mnistnn.runs()[0].resume()
except mnistnn.InterruptedRunError as error:
    print(error.signal_number)
"""
WRONG = """\
import mnistnn

mnistnn.trian("experiments/mlp.yaml")
mnistnn.load(3.5)
"""


def checked(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    file = folder / "program.py"
    file.write_text(program)
    # With the project's cache: what `make check` has just checked is not checked again.
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "pyproject.toml", str(file)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_program_of_a_user_passes_a_strict_checker_and_mistakes_are_found(tmp_path):
    done = checked(PROGRAM, tmp_path)
    assert done.returncode == 0, done.stdout
    done = checked(WRONG, tmp_path)
    assert [line.split("program.py:")[1].split(" error:")[0] for line in done.stdout.splitlines()[:2]] == ["3:", "4:"]


def test_package_says_that_it_has_types():
    assert (ROOT / "mnistnn" / "py.typed").is_file()
