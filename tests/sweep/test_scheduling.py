"""Sweeps in worker processes: the bits of a serial run, whoever is killed, and whatever a trial does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from mnistnn.sweep.engines import Local
from mnistnn.sweep.scheduling import run_study
from mnistnn.sweep.study import MOST_ATTEMPTS, Study, set_aside, standing
from mnistnn.sweep.trial import run_trial

VALUES = ("optimizer.learning_rate=0.1,0.3", "batches.size=16,32")
LONG = "stopping.max_epochs.epochs=100"  # of the toy: some seconds, so that it can be killed inside


@pytest.fixture
def serially(prepared, bits) -> Callable[..., dict[str, bytes]]:
    """Return the bits of a sweep whose trials were done one after the other in this process."""

    def do(*values: str) -> dict[str, bytes]:
        study = prepared(*values, path="serial")
        assert {run_trial(str(study.path), trial.id).state for trial in study.trials} == {"finished"}
        found: dict[str, bytes] = bits(study)
        return found

    return do


def told(study: Study, workers: int) -> list[tuple[str, str, int]]:
    """Do a sweep; return (trial, state, number finished) as they were told."""
    heard: list[tuple[str, str, int]] = []
    assert run_study(study, Local(workers), lambda p: heard.append((p.trial.id, p.ended.state, p.finished))) is None
    return heard


def pid_of(study: Study, number: int, pending: subprocess.Popen[bytes] | None = None) -> int:
    """Wait until a trial is inside its training, and return the process that does it."""
    trial = study.trials[number]
    for _ in range(600):
        metrics = study.run(trial).metrics
        if metrics.exists() and metrics.read_bytes().count(b"\n") > 2:
            return int(study.attempts(trial).read_text().split('"began": "')[1].split('"')[0].split(":")[1])
        assert pending is None or pending.poll() is None, "it ended before it was to be killed"
        time.sleep(0.05)
    raise AssertionError("the trial does not begin")


def states(study: Study) -> list[str]:
    return [standing(study, trial).state for trial in study.trials]


def test_two_workers_give_the_bits_of_a_serial_run(prepared, serially, bits):
    study = prepared(*VALUES)
    heard = told(study, workers=2)
    assert sorted(name for name, _, _ in heard) == [trial.id for trial in study.trials]
    assert [(state, finished) for _, state, finished in heard] == [("finished", n) for n in (1, 2, 3, 4)]
    assert bits(study) == serially(*VALUES)


def test_finished_trials_are_not_done_again(prepared, everything_below):
    study = prepared(*VALUES)
    for trial in study.trials[:3]:
        run_trial(str(study.path), trial.id)
    before = everything_below(study.path)
    assert told(study, workers=1) == [(study.trials[3].id, "finished", 4)]
    after = everything_below(study.path)
    assert {path: after[path] for path in before} == before


def sweep_command(study: Study, workers: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "mnistnn", "sweep", "resume", str(study.path), "--workers", str(workers)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_killed_worker_costs_nothing(prepared, serially, bits):
    values = (LONG, "optimizer.learning_rate=0.1,0.3")
    study = prepared(*values)
    process = sweep_command(study, workers=2)
    os.kill(pid_of(study, 0, process), signal.SIGKILL)
    _, err = process.communicate(timeout=120)
    assert (process.returncode, states(study)) == (0, ["finished", "finished"]), err
    assert bits(study) == serially(*values)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, -9, marks=pytest.mark.slow),
    ],
)
def test_sweep_that_was_stopped_or_killed_goes_on_with_the_same_bits(prepared, serially, bits, number, code):
    values = (LONG, "optimizer.learning_rate=0.1,0.3,0.2")
    study = prepared(*values)
    process = sweep_command(study, workers=2)
    worker = pid_of(study, 0, process)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    if code > 0:
        assert "Go on with: mnistnn sweep resume study" in err.decode()
    for _ in range(200):  # a worker whose parent was killed saves, and ends by itself
        if not os.path.exists(f"/proc/{worker}"):
            break
        time.sleep(0.05)
    assert "running" not in states(study)
    assert states(study)[2] == "waiting"
    assert set(states(study)) & {"interrupted"}
    told(study, workers=2)
    assert bits(study) == serially(*values)


# What a worker does first: the trial of a name ends its process, as a bug in a library might.
POISON = """
import os, sys
if "multiprocessing" in " ".join(sys.argv + sys.orig_argv):
    from mnistnn.runner import session
    start = session.start
    def deadly(plan, path, *rest):
        if path.name == {name!r}:
            os._exit(11)
        return start(plan, path, *rest)
    session.start = deadly
"""


def test_trial_that_kills_its_worker_is_tried_a_few_times_and_the_others_go_on(prepared, tmp_path, monkeypatch):
    study = prepared(*VALUES)
    (tmp_path / "poison").mkdir()
    (tmp_path / "poison" / "sitecustomize.py").write_text(POISON.format(name=study.trials[1].id))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "poison"), prepend=os.pathsep)
    heard = told(study, workers=2)
    assert states(study) == ["finished", "failed", "finished", "finished"]
    assert [name for name, state, _ in heard if state == "failed"] == [study.trials[1].id]
    now = standing(study, study.trials[1])
    assert now.problem == f"its process died {MOST_ATTEMPTS} times"
    assert study.attempts(study.trials[1]).read_text().count("began") == MOST_ATTEMPTS


# What a worker does first: it ends before it can be given anything, as where a library cannot be imported.
STILLBORN = """
import os, sys
if "multiprocessing" in " ".join(sys.argv + sys.orig_argv):
    with open({births!r}, "a") as births:
        births.write("1")
    from mnistnn.sweep import engines
    def fail(told):
        raise ImportError("a library is missing")
    if os.path.getsize({births!r}) < 6:  # after that it may, so that the test ends
        engines._begin_worker = fail
"""


def test_workers_that_never_begin_end_the_sweep(prepared, command, tmp_path, monkeypatch):
    study = prepared(*VALUES)
    study.attempts(study.trials[0]).write_text('{"began": "host:1"}\n')  # its process died once, in an earlier sweep
    (tmp_path / "stillborn").mkdir()
    births = tmp_path / "births"
    (tmp_path / "stillborn" / "sitecustomize.py").write_text(STILLBORN.format(births=str(births)))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "stillborn"), prepend=os.pathsep)
    done = command("sweep", "resume", study.path, "--workers", 1)
    assert done.code == 8
    assert done.err.splitlines()[-1] == (
        "error: workers died 3 times in turn before they had begun a trial; why is said above. Once that is mended, go "
        "on with: mnistnn sweep resume study"
    )
    assert births.read_text() == "111"
    assert states(study) == ["interrupted", "waiting", "waiting", "waiting"]


def test_failed_trial_is_told_and_can_be_tried_again(prepared):
    study = prepared("optimizer.learning_rate=0.1,0.2")
    config = study.config(study.trials[1])
    config.write_text(config.read_text().replace("units: 12", "units: 13"))
    assert sorted((name, state) for name, state, _ in told(study, workers=1)) == [
        (study.trials[0].id, "finished"),
        (study.trials[1].id, "failed"),
    ]
    assert "altered" in str(standing(study, study.trials[1]).problem)
    study.run(study.trials[1]).path.mkdir()
    (study.run(study.trials[1]).path / "left").write_text("something")
    assert told(study, workers=1) == []  # what failed stays so
    set_aside(study, study.trials[1])
    assert standing(study, study.trials[1]).state == "waiting"
    assert (study.path / "failed" / f"{study.trials[1].id}-1" / "left").exists()
    assert [state for _, state, _ in told(study, workers=1)] == ["failed"]


def test_trial_that_diverges_is_done_and_no_failure(prepared):
    study = prepared("optimizer.learning_rate=0.1,1e30")
    assert sorted((name, state) for name, state, _ in told(study, workers=1)) == [
        (study.trials[0].id, "finished"),
        (study.trials[1].id, "diverged"),
    ]
    assert "finite" in str(standing(study, study.trials[1]).problem)
    assert told(study, workers=1) == []


def test_altered_configuration_fails_its_trial_alone(prepared):
    study = prepared(*VALUES)
    config = study.config(study.trials[2])
    config.write_text(config.read_text().replace("units: 12", "units: 13"))
    told(study, workers=1)
    assert states(study) == ["finished", "finished", "failed", "finished"]
    assert "altered" in str(standing(study, study.trials[2]).problem)
