"""Contenders for real, on little work; peers are stand-ins."""

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.contender import Prepared, fastest, timed
from benchmarks.measure import measure, this_python
from benchmarks.suite import Options, Suite, pinned
from benchmarks.workloads import CHAINS, FITTED, HIDDEN, STEPS, Workload, from_json, to_json

TINY = Workload("tiny", "steps", 4, (12, 5, 10), "tanh", l2=1e-3, turn_s=0.01)


def _kinds(*kinds):
    return [(kind, this_python()) for kind in kinds]


@pytest.fixture(scope="module")
def taken_turns():
    return measure(TINY, _kinds("ours", "limit", "nonsense"), threads=1, rounds=1)


def test_contenders_take_turns(taken_turns):
    assert [found.kind for found in taken_turns.measured] == ["ours", "limit"]
    assert all(0 < found.lowest <= found.median <= found.highest for found in taken_turns.measured)
    assert [found.threads for found in taken_turns.measured] == [1, 1]


def test_contender_that_cannot_be_prepared_is_left_out_with_its_last_words(taken_turns):
    assert taken_turns.failures == ["tiny: nonsense: ModuleNotFoundError: No module named 'benchmarks.steps_nonsense'"]


def test_parts_of_a_step_are_those_of_its_products_and_more(taken_turns):
    layers = {f"{layer} {way}" for layer in ("hidden1", "output") for way in ("forward", "backward")}
    assert set(taken_turns.parts["limit"]) == layers
    assert set(taken_turns.parts["ours"]) == layers | {"loss", "penalties", "update", "other"}


def test_contender_that_ends_in_its_turn_is_left_out(tmp_path):
    peer = tmp_path / "python"
    peer.write_text('#!/bin/sh\necho \'ready {"version": "1", "threads": 1}\'\nread line\necho gone >&2\nexit 3\n')
    peer.chmod(0o755)
    outcome = measure(TINY, [("peer", peer)], threads=1, rounds=1)
    assert (outcome.measured, outcome.failures) == ([], ["tiny: peer: gone"])


@pytest.mark.parametrize("workload", [*STEPS, *CHAINS, *FITTED, HIDDEN], ids=lambda workload: workload.name)
def test_workload_survives_the_command_line(workload):
    assert from_json(to_json(workload)) == workload


def test_elastic_distortion_runs_beside_that_of_scipy():
    bent = Workload("bent", "elastic", 3, turn_s=0.01)
    outcome = measure(bent, _kinds("ours", "scipy"), threads=1, rounds=1)
    assert [found.kind for found in outcome.measured] == ["ours", "scipy"], outcome.failures


@pytest.mark.parametrize("particles", [0, 6])
def test_rbm_runs_beside_its_products(particles):
    tiny = Workload("tiny", "chains", 4, (12, 5), gibbs=2, particles=particles, turn_s=0.01)
    outcome = measure(tiny, _kinds("ours", "limit"), threads=1, rounds=1)
    assert [found.kind for found in outcome.measured] == ["ours", "limit"], outcome.failures


def test_training_runs_with_and_without_distortions(toy):
    toy.write_text(toy.read_text() + "augment: {shift_px: 1}\n")
    bent = Workload("toy", "training", 32, experiment=str(toy), turn_s=0.01)
    outcome = measure(bent, _kinds("ours", "ours-plain"), threads=1, rounds=1)
    assert [found.kind for found in outcome.measured] == ["ours", "ours-plain"], outcome.failures


@pytest.mark.parametrize("model", ["svm", "asked-svm", "knn"])
def test_fitted_model_runs_beside_that_of_scikit_learn(model, tmp_path, monkeypatch):
    rng, count = np.random.default_rng(3), 50_040
    labels = rng.integers(0, 10, count).astype(np.uint8)
    images = (25 * labels[:, None] + rng.integers(0, 30, (count, 784))).astype(np.uint8)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(bytes(16) + images.tobytes())
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(bytes(8) + labels.tobytes())
    tiny = Workload("tiny", "fitted", 40, model=model, folder=str(tmp_path), turn_s=0.01)
    outcome = measure(tiny, _kinds("ours", "sklearn"), threads=1, rounds=1)
    assert [found.kind for found in outcome.measured] == ["ours", "sklearn"], outcome.failures


def test_steps_that_are_timed_together_begin_after_a_lead_in():
    done = []
    seconds = timed(Prepared("1", 1, lambda: done.append("step"), finish=lambda: done.append("finish")), 4)
    assert len(seconds) == 1
    assert done == ["step"] * 3 + ["finish"] + ["step"] * 4 + ["finish"]


def test_fastest_setting_is_found_and_left_in_force(monkeypatch):
    now, in_force = itertools.count(), []
    clock = {"at": 0.0}
    monkeypatch.setattr("benchmarks.contender.time.perf_counter", lambda: clock["at"] + 1e-9 * next(now))

    def use(pause_s):
        in_force.append(pause_s)
        return lambda: clock.update(at=clock["at"] + pause_s)

    assert fastest([3e-3, 1e-3, 2e-3], use)[0] == 1e-3
    assert in_force[-1] == 1e-3


@pytest.mark.parametrize(
    ("options", "number", "kinds"),
    [
        (Options(), 0, "ours ours-numpy limit"),
        (
            Options(peers=Path(sys.executable)),
            4,
            "ours ours-numpy limit torch-eager sklearn torch-compiled jax jax-one",
        ),
        (
            Options(peers=Path(sys.executable)),
            7,
            "ours ours-numpy limit torch-eager torch-last torch-compiled jax",
        ),
        (Options(peers=Path(sys.executable), quick=True), 5, "ours ours-numpy limit torch-eager sklearn"),
        (Options(peers=Path(sys.executable), device="cuda"), 7, "ours limit torch-eager torch-graph"),
    ],
)
def test_contenders_are_those_that_have_the_model(options, number, kinds):
    found = Suite(options, lambda _: None, lambda _: None).step_kinds(STEPS[number])
    assert " ".join(kind for kind, _ in found) == kinds


def test_scikit_learn_stands_beside_rbms_that_learn_as_its_own():
    suite = Suite(Options(peers=Path(sys.executable)), lambda _: None, lambda _: None)
    beside = [rbm.name for rbm in CHAINS if ("sklearn", Path(sys.executable)) in suite.chain_kinds(rbm)]
    assert beside == ["RBM 784-500, PCD-1 with 100 particles, batch 100"]


def test_cores_are_pinned_and_let_go():
    os = pytest.importorskip("os")
    if not hasattr(os, "sched_getaffinity"):
        pytest.skip("cores cannot be chosen here")
    before = os.sched_getaffinity(0)
    with pinned(1) as cores:
        assert os.sched_getaffinity(0) == set(cores) == {min(before)}
    assert os.sched_getaffinity(0) == before


def test_parts_leave_the_layers_as_they_were():
    from benchmarks.steps_ours import prepare

    prepared = prepare("ours", TINY, 1, "cpu")
    assert prepared.parts is not None
    parts = prepared.parts(3)
    assert all(np.isfinite(seconds) and seconds >= 0 for seconds in parts.values())
    assert prepared.parts(3).keys() == parts.keys()
