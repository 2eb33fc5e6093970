"""The loop on the stand-in, with all that stands around it: the same history, and nothing is read inside an epoch."""

from typing import Any

import numpy as np
import pytest

from mnistnn.augment.augment import Augment
from mnistnn.augment.elastic import Elastic
from mnistnn.augment.prefetch import AugmentedBatches
from mnistnn.data.batches import Batches
from mnistnn.data.examples import Examples
from mnistnn.layers.dense import Dense
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.supervised import Objective
from mnistnn.optim import momentum, schedules, sgd
from mnistnn.optim.averaging import WeightAverage
from mnistnn.stopping.limits import MaxEpochs
from mnistnn.tasks.validation import Validation
from mnistnn.training.loop import RunningLoss, Training, train
from tests.device.watched import WatchedBatches
from tests.test_registry import members
from tests.test_registry_of_training import POLICIES, SCHEDULES, of

BATCHES: dict[str, dict[str, Any]] = {
    "permute": {},
    "sequential": {"order": "sequential"},
    "stratified": {"order": "stratified", "size": 9},
    "lanes": {"order": "lanes"},
    "full": {"size": "full"},
    "subset": {"subset": 30, "drop_last": True},
}


class NoJournal:
    def after_update(self, t: Training) -> None:
        pass

    def after_evaluation(self, t: Training) -> None:
        pass

    def after_epoch(self, t: Training) -> None:
        pass


@pytest.fixture
def assert_same_history(cupy, traffic):
    """Return a function that trains on both, and compares all metrics and parameters."""

    def train_on(xp, optimizer, policy, batches, average, augment):
        rng = np.random.default_rng(0)
        labels = rng.integers(3, size=60)
        x = rng.uniform(size=(60, 4, 4))
        x[np.arange(60), labels] += 0.3
        model, loss = (
            Sequential(layers={"hidden": Dense(units=6, activation="tanh"), "out": Dense(units=3)}),
            SoftmaxNLL(),
        )
        loss.build(model.build((4, 4)), 3)
        model.allocate(xp, "float64")
        model.initialize(0)
        objective = Objective(model, loss)
        optimizer.allocate(objective.theta, objective.grad)
        if average is not None:
            average.allocate(objective.theta)
        seen: Any = Batches(**{"size": 10, **batches})
        if augment is None:
            seen.bind(xp.asarray(x[:40]), xp.asarray(labels[:40]), 0)
        else:
            seen.bind(x[:40], labels[:40], 0)
            augment.build((4, 4), 3)
            augment.begin(0, seen.examples_per_epoch)
            seen = AugmentedBatches(seen, augment, xp)
        train_x, valid = xp.asarray(x[:40]), Examples(xp.asarray(x[40:]), xp.asarray(labels[40:]))
        measurement = Validation(
            model, loss, valid, 7, Examples(train_x, xp.asarray(labels[:40])), paired=policy.metrics() != ()
        )
        training = Training(
            objective=objective,
            optimizer=optimizer,
            batches=seen if xp is np else WatchedBatches(seen, traffic),
            policies=[policy, MaxEpochs(epochs=6)],
            evaluate=measurement,
            monitor="valid.error",
            best_values=objective.values.copy(),
            loss=RunningLoss(objective.theta),
            evaluate_every=3,
            average=average,
        )
        with traffic.under("any"):
            return train(training, NoJournal()), training

    def compare(optimizer=None, policy=None, batches=None, average=None, augment=None):
        def fresh(make: Any, default: Any) -> Any:
            return default if make is None else make()

        host, device = (
            train_on(
                xp,
                fresh(optimizer, sgd.SGD(learning_rate=0.3)),
                fresh(policy, MaxEpochs(epochs=3)),
                batches or {},
                fresh(average, None),
                fresh(augment, None),
            )
            for xp in (np, cupy)
        )
        assert device[0] == host[0]
        assert device[1].history == host[1].history
        assert len(host[1].history) > 1
        assert np.array_equal(device[1].best_values.get(), host[1].best_values)
        assert np.array_equal(device[1].objective.values.get(), host[1].objective.values)
        assert device[1].batches.epochs > 0

    return compare


@of({name: make for name, make in POLICIES.items() if not {"passes", "gradient.max"} & {*make().metrics()}})
def test_policy_ends_a_run_alike(assert_same_history, make):
    assert_same_history(policy=make)


@of(SCHEDULES)
def test_schedule_moves_alike(assert_same_history, make):
    is_of_rates = type(make()) in members(schedules.RateSchedule)
    keys: Any = (
        (lambda: {"learning_rate": make()}) if is_of_rates else lambda: {"learning_rate": 0.1, "momentum": make()}
    )
    assert_same_history(lambda: momentum.Momentum(**keys()))


@pytest.mark.parametrize("keys", BATCHES.values(), ids=BATCHES)
def test_batches_come_alike(assert_same_history, keys):
    assert_same_history(batches=keys)


def test_every_order_of_batches_has_a_case():
    orders = set(Batches.__annotations__["order"].__args__)
    assert orders == {keys.get("order", "permute") for keys in BATCHES.values()}


def test_average_follows_alike(assert_same_history):
    assert_same_history(average=lambda: WeightAverage(decay=0.9))


def test_distorted_images_come_alike(assert_same_history):
    assert_same_history(
        augment=lambda: Augment(shift_px=1.0, rotate_deg=10.0, elastic=Elastic(sigma_px=2.0, alpha_px=4.0))
    )
