"""The real loop on a model that is none, so that each policy can be held against the loop that it was published as."""

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from mnistnn.data.batches import Batches
from mnistnn.stopping.limits import MaxEpochs
from mnistnn.training.loop import RunningLoss, Training, train


@pytest.fixture(scope="session")
def trained_with() -> Callable[..., tuple[int, str]]:
    """Run the loop with these validation errors, or rows of metrics; return the updates made and the reason.

    They last for as many epochs as there are of them, or less with `evaluate_every` so many updates. Evaluations come
    as the policy needs them where `as_needed`; `seen` takes the updates after which they came.
    """

    def run(
        policy: Any,
        errors: Sequence[float | Mapping[str, float]],
        updates_per_epoch: int = 3,
        evaluate_every: int | None = None,
        epochs: int | None = None,
        as_needed: bool = False,
        seen: list[int] | None = None,
    ) -> tuple[int, str]:
        metrics = iter(errors)

        def evaluate(t: Training) -> dict[str, float]:
            figure = next(metrics)
            return dict(figure) if isinstance(figure, Mapping) else {"valid.error": figure}

        is_needed = as_needed and policy.evaluation_interval() < updates_per_epoch
        if is_needed:
            evaluate_every = policy.evaluation_interval()
        batches, theta = Batches(size=1, order="sequential"), np.zeros(1)
        batches.bind(np.zeros((updates_per_epoch, 1)), np.zeros(updates_per_epoch, "int64"), 0)
        stub: Any = SimpleNamespace
        training = Training(
            objective=stub(
                theta=theta, values=theta, set_batch=lambda x, labels, update: None, project=lambda rate: None
            ),
            optimizer=stub(
                step=lambda objective, progress: np.float64(1), rate=lambda progress: 0.1, metrics=lambda progress: {}
            ),
            batches=batches,
            policies=[policy, MaxEpochs(epochs=epochs or len(errors))],
            evaluate=evaluate,
            monitor="valid.error",
            best_values=theta.copy(),
            loss=RunningLoss(theta),
            evaluate_every=evaluate_every,
            evaluates_epochs=not is_needed,
        )
        nothing = {name: lambda t: None for name in ("after_update", "after_evaluation", "after_epoch")}
        reason = train(training, stub(**nothing))
        if seen is not None:
            seen += [int(row["updates"]) for row in training.history]
        return training.progress.updates, reason

    return run


@pytest.fixture(scope="session")
def rows() -> Callable[..., list[dict[str, float]]]:
    """Make a history with these validation errors, one an epoch; validation losses are ten times as large."""

    def make(errors: Sequence[float], updates_per_epoch: int = 83) -> list[dict[str, float]]:
        return [
            {
                "epoch": epoch,
                "updates": epoch * updates_per_epoch,
                "examples": epoch * updates_per_epoch * 10,
                "valid.error": error,
                "valid.loss": 10 * error,
            }
            for epoch, error in enumerate(errors, start=1)
        ]

    return make
