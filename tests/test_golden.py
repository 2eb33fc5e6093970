"""The published figures of LISA's tutorials, which the experiments under experiments/lisa/ give to the last digit.

The figures were computed by other programs, on the same digits in the same order from the same initial weights.
"""

from pathlib import Path

import numpy as np
import pytest

from mnistnn.backend import threads
from mnistnn.config.load import load_experiment
from mnistnn.experiment.plan import Plan
from mnistnn.objectives.supervised import score
from mnistnn.training.loop import Training, train

LISA = Path(__file__).parents[1] / "experiments" / "lisa"

pytestmark = pytest.mark.usefixtures("real_mnist")


class TestErrors:
    """A checkpointing hook that measures the test split after each evaluation, as the published programs do."""

    __test__ = False  # not a class of tests

    def __init__(self, plan: Plan) -> None:
        self.plan, self.test, self.errors = plan, plan.place("test"), list[float]()

    def after_update(self, training: Training) -> None:
        pass

    def after_evaluation(self, training: Training) -> None:
        self.errors.append(self.measure())

    def after_epoch(self, training: Training) -> None:
        pass

    def measure(self) -> float:
        found = score(self.plan.task.network, self.plan.task.loss, self.test.x, self.test.labels, 1000)
        return found.errors / found.examples


def trained(name: str, *overrides: str) -> tuple[Training, TestErrors, str]:
    plan = Plan(
        load_experiment(LISA / name, [*overrides, "backend.threads=1"])
    )  # two BLAS threads wait long on a busy machine
    with threads.allowed(plan.threads):
        training, checkpointing = plan.training(), TestErrors(plan)
        return training, checkpointing, train(training, checkpointing)


def epochs(count: int) -> str:
    return f"stopping=[{{type: max_epochs, epochs: {count}}}]"


def valid_errors(training: Training) -> list[float]:
    return [row["valid.error"] for row in training.history]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_logistic_regression_begins_as_published(dtype):
    training, _, _ = trained("logistic_sgd.yaml", epochs(1), f"backend.dtype={dtype}")
    assert valid_errors(training) == [1196 / 9600]  # 12.458333 %
    assert training.progress.updates == 83


def test_multilayer_perceptron_begins_as_published():
    training, checkpointing, _ = trained("mlp.yaml", epochs(1))
    assert valid_errors(training) == [0.0962]
    assert checkpointing.errors == [0.1009]
    assert training.progress.updates == 2500


@pytest.mark.slow
def test_multilayer_perceptron_goes_on_as_published():
    training, checkpointing, _ = trained("mlp.yaml", epochs(3))
    assert valid_errors(training) == [0.0962, 0.0861, 0.0800]
    assert checkpointing.errors == [0.1009, 0.0874, 0.0816]


def test_lenet_begins_with_the_published_weights():
    """One legacy stream, drawn from layer by layer. The pool takes its share of the fan-out."""
    plan = Plan(load_experiment(LISA / "lenet.yaml"))
    plan.allocate()
    model, rng = plan.task.flat, np.random.RandomState(23455)
    expected = {}
    for name, shape, fans in (
        ("conv1", (20, 1, 5, 5), 25 + 20 * 25 // 4),
        ("conv2", (50, 20, 5, 5), 20 * 25 + 50 * 25 // 4),
        ("hidden", (50 * 4 * 4, 500), 50 * 4 * 4 + 500),
    ):
        limit = np.sqrt(6.0 / fans)
        expected[f"{name}.W"] = rng.uniform(low=-limit, high=limit, size=shape)
    for name, found in model.views(model.theta).items():
        assert np.array_equal(found, expected.get(name, np.zeros(found.shape)).astype("float32")), name


@pytest.mark.slow
def test_lenet_goes_on_as_measured():
    """No figures of its first epochs are published; these guard what was reached when its end agreed with the log."""
    training, _, _ = trained("lenet.yaml", epochs(3))
    assert valid_errors(training) == [0.0923, 0.0618, 0.0464]
    assert training.progress.updates == 300


@pytest.mark.slow
def test_logistic_regression_ends_as_published():
    training, checkpointing, reason = trained("logistic_sgd.yaml")
    training.objective.theta[...] = training.best_values
    assert reason.startswith("lisa_patience")
    assert training.best is not None
    assert training.best["valid.error"] == 0.0750
    assert checkpointing.measure() == 719 / 9600  # 7.489583 %
