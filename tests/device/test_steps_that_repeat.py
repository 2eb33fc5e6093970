"""A step that could be recorded in a CUDA graph: launched again, it would do what the next step does.

For that, nothing passes between host and device in it, and no number of the host differs from one step to the next;
what does differ (a rate, Adam's corrections) lies on the device and is written there by a launch of its own.
"""

import pytest

from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.models.sequential import Sequential
from mnistnn.optim.adaptive import Adam
from mnistnn.optim.contract import Progress
from mnistnn.optim.schedules import Cosine
from tests.test_registry import LAYERS, LOSSES, MODELS, PENALTIES, chain_of, each_loss, objective_of
from tests.test_registry_of_training import FUSED, allocated, of

# Their masks are drawn on the host for each update.
DRAWN = {case for case in LAYERS if LAYERS[case]("tanh").is_random}


@pytest.fixture
def assert_repeats(cupy, traffic):
    """Return a function that takes four steps and compares the last two."""

    def compare(objective, make):
        optimizer, seen = allocated(make, objective), []
        for updates in range(4):
            sent, launched, given = traffic.uploads, len(traffic.kernels), len(traffic.numbers)
            with traffic.under("none"):
                optimizer.step(objective, Progress(updates=updates, epoch=updates))
            names = [name for name in traffic.kernels[launched:] if name != "mnistnn_write_numbers"]
            seen.append((traffic.uploads - sent, names, traffic.numbers[given:]))
        assert seen[2] == seen[3]
        assert seen[3][0] == 0

    return lambda objective, make=lambda: Adam(learning_rate=Cosine(start=0.1, epochs=9.0)): compare(objective, make)


@of(FUSED)
def test_step_of_every_rule_repeats(cupy, assert_repeats, make):
    assert_repeats(objective_of(MODELS[Sequential](), SoftmaxNLL(), xp=cupy), make)


@pytest.mark.parametrize("case", sorted(set(LAYERS) - DRAWN))
def test_step_of_every_layer_without_masks_repeats(cupy, assert_repeats, case):
    assert_repeats(objective_of(chain_of(case, "softplus"), SoftmaxNLL(), xp=cupy))


@each_loss
def test_step_of_every_loss_repeats(cupy, assert_repeats, kind):
    assert_repeats(objective_of(chain_of("dense", "tanh", LOSSES[kind][0]), kind(), xp=cupy))


@pytest.mark.parametrize("penalty", PENALTIES)
def test_step_of_every_penalty_repeats(cupy, assert_repeats, penalty):
    assert_repeats(objective_of(MODELS[Sequential](), SoftmaxNLL(), [PENALTIES[penalty]()], xp=cupy))


def test_harness_sees_a_rate_that_comes_from_the_host(cupy, assert_repeats, monkeypatch):
    monkeypatch.setattr(Adam, "fused_update", None)
    with pytest.raises(AssertionError):
        assert_repeats(objective_of(MODELS[Sequential](), SoftmaxNLL(), xp=cupy))


@pytest.mark.parametrize("case", sorted(DRAWN))
def test_masks_are_sent_from_the_host(cupy, traffic, case):
    objective = objective_of(chain_of(case, "tanh"), SoftmaxNLL(), xp=cupy)
    before = traffic.uploads
    objective.loss_and_grad()
    assert traffic.uploads > before
