"""Many runs, made of one: each with its own learning rate, or its own seed, and as many rows as are wanted."""

import json
import shutil
from pathlib import Path

import numpy as np

from mnistnn.config.dump import config_hash, resolved_yaml
from mnistnn.config.load import load_resolved
from mnistnn.config.validate import type_first
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import read_record

_CURVES = ("train.loss", "valid.loss", "valid.error")


def many_runs(one: RunDirectory, folder: Path, count: int, rows: int) -> list[RunDirectory]:
    """Make so many experiments with one run each out of `one`."""
    found = []
    for number in range(count):
        run = RunDirectory(folder / f"20260101-{number:06}-aaaa")
        shutil.copytree(one.path, run.path, ignore=shutil.ignore_patterns("step-*", "best.json"))
        loaded = load_resolved(run.config, [f"optimizer.learning_rate={0.1 + number / 1e6}"])
        run.config.write_text(resolved_yaml(type_first(loaded.resolved)))
        record = read_record(run)
        record.config_hash = config_hash(loaded.resolved)
        record.write(run)
        have_rows(run, rows, number)
        found.append(run)
    return found


def have_rows(run: RunDirectory, count: int, seed: int = 0) -> None:
    """Let a run have so many rows, with curves that fall and are not smooth."""
    last = json.loads(run.metrics.read_text().splitlines()[-1])
    falling = (0.9 / np.sqrt(np.arange(1, count + 1)))[:, None]
    values = (falling * (1 + 0.05 * np.random.default_rng(seed).random((count, len(_CURVES))))).tolist()
    lines = []
    for number, each in enumerate(values, 1):
        row = last | {"epoch": number, "updates": 10 * number, "examples": 300 * number}
        lines.append(json.dumps(row | dict(zip(_CURVES, each, strict=True))) + "\n")
    run.metrics.write_text("".join(lines))


def grow(run: RunDirectory) -> None:
    """Add a row."""
    row = json.loads(run.metrics.read_text().splitlines()[-1])
    with run.metrics.open("a") as file:
        file.write(json.dumps(row | {"epoch": row["epoch"] + 1, "updates": row["updates"] + 10}) + "\n")
