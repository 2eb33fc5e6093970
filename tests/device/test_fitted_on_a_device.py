"""Fitted models with `--device cuda` on the stand-in: fitted, resumed, evaluated, exported and verified."""

import json
import signal
from pathlib import Path

import numpy as np
import pytest

from mnistnn.experiment.members import member_run
from mnistnn.experiment.trained import load_trained
from mnistnn.models.fitted.boosting.boosted_stumps import BoostedStumps
from mnistnn.models.fitted.boosting.stump_features import Haar, Pixels
from mnistnn.run.config import load_run_config
from mnistnn.run.directory import RunDirectory
from tests.device.array import DeviceArray
from tests.device.test_runs_on_a_device import assert_same_bits

KINDS = ("pairs", "voters", "committee")
each_kind = pytest.mark.parametrize("kind", KINDS)


def evaluated(command, run: str, *options: str):
    done = command("eval", run, "--split", "valid", "--json", *options)
    assert done.code == 0, done.err
    return {key: value for key, value in json.loads(done.out).items() if key not in ("run", "test_readings")}


@each_kind
def test_run_on_a_device_has_the_bits_of_one_on_the_host(device, voters, start, command, kind):
    path = voters.with_name(f"{kind}.yaml")
    for name in ("cpu", "cuda"):
        start(path, f"backend.device={name}", path=name)
    assert_same_bits("cuda", "cpu")
    for number in range({"pairs": 0, "voters": 3, "committee": 2}[kind]):
        runs = [member_run(RunDirectory(Path(name)), number).path for name in ("cuda", "cpu")]
        assert_same_bits(*map(str, runs))
    assert evaluated(command, "cuda") == evaluated(command, "cpu")


@pytest.mark.parametrize("keys", ["one_hot, ridge: 0.1", "pairwise, combine: limited", "pairwise, combine: sum"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_linear_classifiers_are_fitted_on_the_host_and_asked_on_the_device(device, pairs, start, keys, dtype):
    keys = f"model={{type: least_squares, targets: {keys}}}"
    for name in ("cpu", "cuda"):
        start(pairs, f"backend={{device: {name}, dtype: {dtype}}}", keys, path=name)
    assert_same_bits("cuda", "cpu")
    trained = load_trained(RunDirectory(Path("cuda")))
    (x, _), *_ = trained.batches("valid")
    assert isinstance(x, DeviceArray)
    assert isinstance(trained.task.arrays()["W"], DeviceArray)
    assert isinstance(trained.task.scores(x), DeviceArray)


@each_kind
def test_run_of_a_device_is_read_without_one(device, voters, start, command, kind):
    """Verified, exported and compared on the host."""
    start(voters.with_name(f"{kind}.yaml"), "backend.device=cuda", path="cuda")
    expected = evaluated(command, "cuda")
    assert command("verify", "cuda").code == 0
    assert command("export", "cuda", "--to", "npz", "--out", "m.npz").code == 0
    trained = load_trained(RunDirectory(Path("cuda")), overrides=["backend.device=cpu"])
    (x, labels), *_ = trained.batches("valid")
    scores = trained.task.scores(x)
    assert not isinstance(scores, DeviceArray)
    assert int((scores.argmax(axis=1) != labels).sum()) == expected["errors"]


@pytest.mark.parametrize("updates", [5, 25])
def test_committee_may_go_on_elsewhere(device, voters, start, stop_after, command, updates):
    """Stopped in its first or second member on a device, whose runs go on where the committee does."""
    start(voters, path="reference")
    stop_after(updates, signal.SIGTERM)
    assert command("train", voters, "--device", "cuda", "--run-dir", "moved", "-q").code == 143
    assert command("resume", "moved", "--device", "cpu", "-q").code == 0
    assert_same_bits("moved", "reference")
    stopped = member_run(RunDirectory(Path("moved")), updates // 20)
    assert load_run_config(stopped).experiment.backend.device == "cpu"
    assert command("verify", "moved").code == 0
    assert command("show", "moved").code == 0


@each_kind
def test_images_on_the_device_are_not_sent_there_again(device, voters, start, command, kind):
    """What a committee's members are given stays on the device."""
    start(voters.with_name(f"{kind}.yaml"), "backend.device=cuda", path="cuda")
    trained = load_trained(RunDirectory(Path("cuda")))
    (x, _), *_ = trained.batches("valid")
    before = device.uploads
    trained.task.scores(x)
    assert device.uploads == before


@pytest.mark.parametrize("features", [Pixels(), Haar(drawn=9)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_boosted_stumps_have_the_scores_of_the_host_on_the_device(cupy, features, dtype):
    """Neither scores nor those that are followed wait for the device."""
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(50, 4, 5)).astype(dtype), rng.integers(3, size=50)
    model = BoostedStumps(max_rounds=40, features=features)
    model.build((4, 5), 3)
    model.allocate(cupy, dtype)
    on_device = cupy.asarray(x)
    followed = model.follow(on_device)
    for done in model.fit(x, labels, lambda *_: None):
        if done in (7, 40):
            expected = model.scores(x)
            for scores in (model.scores(on_device), followed()):
                assert isinstance(scores, DeviceArray)
                assert scores.dtype == dtype
                assert np.array_equal(scores.on_device, expected)
