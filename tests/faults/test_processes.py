"""Real processes: killed by SIGKILL at a call or at any instant, and many of them on one run directory."""

import os
import random
import signal
import time
from pathlib import Path

import pytest

from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import read_record
from tests.faults.processes import ended, start
from tests.faults.trials import Train, check_no_leftovers


@pytest.fixture
def environment(toy_cache):
    return {"MNISTNN_DATA": str(toy_cache), "OPENBLAS_NUM_THREADS": "1"}


def one_wins(config: Path, environment, processes: int, epochs: int) -> None:
    """Start so many processes on one run directory, all at once; check that one trains and the others are refused."""
    folder = config.parent
    waiting = {**environment, "WAIT_AT_THE_GATE": "1"}
    arguments = ["train", config, "--run-dir", "contested", "-q", f"stopping=[{{type: max_epochs, epochs: {epochs}}}]"]
    ways = [[*arguments, *(["--resume", "auto"] if n % 2 else [])] for n in range(processes)]
    started = [start(way, folder, waiting, folder / f"out{n}") for n, way in enumerate(ways)]
    time.sleep(0.2)
    (folder / "gate").touch()
    codes = [ended(process) for process in started]
    said = [(folder / f"out{n}").read_text() for n in range(processes)]
    assert sorted(codes) == [0] + [7] * (processes - 1), said
    assert all("is in use by another mnistnn process" in text for code, text in zip(codes, said, strict=True) if code)
    record = read_record(RunDirectory(folder / "contested"))
    assert (record.status, record.resumed) == ("finished", 0)
    check_no_leftovers(folder)


def test_of_five_processes_on_one_run_directory_one_wins(everything, environment):
    one_wins(everything, environment, 5, epochs=40)


@pytest.mark.torture
@pytest.mark.parametrize("attempt", range(10))
def test_of_twenty_processes_on_one_run_directory_one_wins(everything, environment, attempt):
    one_wins(everything, environment, 20, epochs=300)


def killed_and_resumed(train: Train, environment, draw: random.Random, work: Path, aimed: bool) -> tuple[int, int]:
    """Kill a training one to three times, go on each time, check the bits; return the numbers of kills and starts."""
    work.mkdir()
    kills = starts = 0
    wanted = draw.randint(1, 3)
    while True:
        is_last = kills >= wanted or starts > 8
        at = draw.randint(1, 160) if aimed and not is_last else 0
        process = start(train.first(work), work, environment, work.parent / f"{work.name}.out", at)
        if not aimed and not is_last:
            time.sleep(draw.uniform(0.02, 0.25))
            process.kill()
        code, starts = ended(process), starts + 1
        if code == 0:
            break
        assert code == -signal.SIGKILL, (work.parent / f"{work.name}.out").read_text()
        kills += 1
        train.check_left(work)
    train.check_end(work)
    check_no_leftovers(work)
    return kills, starts


@pytest.mark.parametrize("aimed", [True, False], ids=["at a call", "at any instant"])
def test_process_killed_and_resumed_ends_with_the_same_bits(train, environment, tmp_path, aimed):
    killed_and_resumed(train, environment, random.Random(1), tmp_path / "work", aimed)


@pytest.mark.torture
@pytest.mark.parametrize("aimed", [True, False], ids=["at a call", "at any instant"])
@pytest.mark.parametrize("part", range(4))  # so that several cores can share them
def test_hundreds_of_kills(train, environment, tmp_path, record_property, aimed, part):
    trials, kills, starts = int(os.environ.get("KILLS", "40")), 0, 0
    for trial in range(trials):
        draw = random.Random(4 * trial + part)
        found = killed_and_resumed(train, environment, draw, tmp_path / f"work{trial}", aimed)
        kills, starts = kills + found[0], starts + found[1]
    record_property("counts", f"{trials} trainings, {starts} processes, {kills} × SIGKILL; 0 violations")
