"""Sweeps on a real Dask scheduler with real workers, as processes on the loopback address."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mnistnn.errors import ResourceError, RunError
from mnistnn.run.record import read_record
from mnistnn.sweep.cluster import Dask, DaskPool
from mnistnn.sweep.scheduling import run_study
from mnistnn.sweep.study import standing
from mnistnn.sweep.trial import run_trial
from tests.sweep.clusters import Cluster

pytest.importorskip("distributed")

LONG = "stopping.max_epochs.epochs=100"
VALUES = (LONG, "optimizer.learning_rate=0.1,0.3", "batches.size=16,32")


def do(study: Any, cluster: Cluster) -> list[tuple[str, str]]:
    heard: list[tuple[str, str]] = []
    engine = Dask(cluster.address, study.path.resolve())
    assert run_study(study, engine, lambda p: heard.append((p.trial.id, p.ended.state))) is None
    return heard


def resume_on(cluster: Cluster) -> subprocess.Popen[bytes]:
    """Begin to do the sweep in the folder `study`, in a process of its own."""
    command = f"{sys.executable} -m mnistnn sweep resume study --engine dask --address {cluster.address}".split()
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def worker_inside(study: Any) -> int:
    """Wait until some trial is inside its training; return the process of the worker that does it."""
    for _ in range(900):
        for trial in study.trials:
            metrics = study.run(trial).metrics
            is_inside = metrics.exists() and metrics.read_bytes().count(b"\n") >= 2
            if is_inside and standing(study, trial).state == "running":
                return int(study.attempts(trial).read_text().rsplit('"began": "')[1].split('"')[0].split(":")[1])
        time.sleep(0.05)
    raise AssertionError("no trial begins")


def test_sweep_on_a_cluster_with_a_worker_killed_gives_the_bits_of_a_serial_run(prepared, cluster, bits):
    study, serial = prepared(*VALUES), prepared(*VALUES, path="serial")
    cluster.join(2)
    process = resume_on(cluster)
    victim = worker_inside(study)
    assert victim in [worker.pid for worker in cluster.workers]
    os.kill(victim, signal.SIGKILL)
    _, err = process.communicate(timeout=180)
    assert process.returncode == 0, err.decode()
    assert err.decode().count("valid.error") == 4  # each is told once
    for trial in serial.trials:
        run_trial(str(serial.path), trial.id)
    assert bits(study) == bits(serial)


def test_search_with_pruning_on_a_cluster_is_done(searched, cluster):
    pytest.importorskip("optuna")
    study = searched("stopping.max_epochs.epochs=4", "optimizer.learning_rate=1e-4..1:log", points=9, prune=True)
    cluster.join(2)
    heard = do(study, cluster)
    assert len(heard) == 9
    assert {state for _, state in heard} <= {"finished", "pruned"}
    assert [trial.point for trial in study.trials] == list(range(9))


def test_trial_that_is_asked_for_twice_at_a_time_is_done_once(prepared, cluster, bits):
    study = prepared(LONG, "batches.size=16,32")
    cluster.join(2)
    with Dask(cluster.address, study.path.resolve()).open() as pool:
        twice = [pool.executor.submit(run_trial, str(study.path.resolve()), study.trials[0].id) for _ in range(2)]
        ends = [future.result(timeout=120) for future in twice]
    assert sorted(end.state for end in ends) in (
        ["busy", "finished"],
        ["finished", "finished"],
    )  # after it, or beside it
    record = read_record(study.run(study.trials[0]))
    assert (record.status, record.resumed) == ("finished", 0)


def test_scheduler_that_is_lost_loses_nothing(prepared, cluster, bits, tmp_path_factory):
    study, serial = prepared(*VALUES), prepared(*VALUES, path="serial")
    cluster.join(1)
    process = resume_on(cluster)
    worker_inside(study)
    cluster.end()
    _, err = process.communicate(timeout=180)
    assert process.returncode == 5, err.decode()
    assert "the scheduler is gone" in err.decode()
    for each, trials in ((study, study.trials), (serial, serial.trials)):
        for trial in trials:
            assert run_trial(str(each.path), trial.id).state == "finished"
    assert bits(study) == bits(serial)


def test_request_to_stop_reaches_the_workers_which_save(prepared, cluster):
    study = prepared("stopping.max_epochs.epochs=2000", "batches.size=16,32")
    cluster.join(1)
    process = resume_on(cluster)
    worker_inside(study)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err.decode()
    for _ in range(100):
        if "running" not in (states := [standing(study, trial).state for trial in study.trials]):
            break
        time.sleep(0.1)
    assert sorted(states) == ["interrupted", "waiting"]


def test_worker_that_does_not_answer_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("mnistnn.sweep.cluster._ANSWER_S", 0.1)
    answered, asked = threading.Event(), []

    class Client:
        def run(self, *arguments: object, **_: object) -> None:
            asked.append(arguments)
            answered.wait(60)

    pool = DaskPool(Client(), ThreadPoolExecutor(1), "ours", ())
    began = time.monotonic()
    pool.stop()
    pool.stop()
    assert time.monotonic() - began < 30
    assert len(asked) == 1
    answered.set()


def test_scheduler_that_does_not_answer_is_named(prepared, monkeypatch):
    monkeypatch.setattr("mnistnn.sweep.cluster._PATIENCE_S", 1.0)
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        study = prepared("batches.size=16,32")
        with (
            pytest.raises(ResourceError, match=f"no Dask scheduler answers at {address}"),
            Dask(address, study.path).open(),
        ):
            pass


def test_scheduler_without_workers_is_named(prepared, cluster, monkeypatch):
    monkeypatch.setattr("mnistnn.sweep.cluster._PATIENCE_S", 1.0)
    with pytest.raises(ResourceError, match="no worker has joined"), Dask(cluster.address, Path("study")).open():
        pass


def test_worker_that_does_not_see_the_folder_is_named(prepared, cluster):
    cluster.join(1)
    with (
        pytest.raises(RunError, match=r"worker tcp://127\.0\.0\.1:\d+ does not see /nowhere"),
        Dask(cluster.address, Path("/nowhere")).open(),
    ):
        pass


def test_half_an_engine_is_refused(toy, command):
    done = command("sweep", "run", toy, "batches.size=16,32", "--engine", "dask")
    assert (done.code, "needs the --address" in done.err) == (2, True)
    done = command("sweep", "run", toy, "batches.size=16,32", "--address", "tcp://127.0.0.1:1")
    assert (done.code, "goes with --engine dask" in done.err) == (2, True)
