"""Fitting round by round, with a model that adds up one number a round."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from mnistnn.errors import DivergedError
from mnistnn.models.contract import Fitted, Tell
from mnistnn.stopping.contract import Policy
from mnistnn.stopping.limits import MaxEpochs, MaxTime, Target
from mnistnn.training.fit import Fitting, fit
from mnistnn.types import ShapeError

N = 7


class Adding(Fitted):
    """Its one array has the number of each round so far."""

    type = "adding"
    open_ended = True

    def __init__(self, rounds: int) -> None:
        self._rounds, self.sums = rounds, np.zeros(0)

    @property
    def rounds(self) -> int:
        return self._rounds

    def fit(self, x: Any, labels: Any, tell: Tell) -> Iterator[int]:
        while len(self.sums) < self._rounds:
            tell("a number", 0, 1)
            self.sums = np.append(self.sums, len(self.sums) + 1.0)
            yield len(self.sums)

    def arrays(self) -> dict[str, Any]:
        return {"sums": self.sums} if len(self.sums) else {}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        sums = arrays.get("sums", np.zeros(0))
        if len(sums) > self._rounds:
            raise ShapeError("too many")
        self.sums = sums.copy()

    def keep_rounds(self, rounds: int) -> None:
        self.sums = self.sums[:rounds]


class Checkpointing:
    """Remembers what it is told; ends learning after a round, if that is wanted."""

    def __init__(self, end_after: int | None = None) -> None:
        self.seen: list[tuple[int, int]] = []
        self.unmeasured: list[int] = []
        self.told = 0
        self.end_after = end_after
        self.end_inside: int | None = None

    def after_update(self, learning: Any) -> None:
        raise AssertionError("a model that is fitted has rounds, and no updates")

    def inside_update(self, learning: Any) -> None:
        self.told += 1
        if self.told == self.end_inside:
            raise InterruptedError

    def inside_evaluation(self, learning: Any) -> None:
        self.inside_update(learning)

    def after_round(self, learning: Any) -> None:
        self.unmeasured.append(learning.progress.updates)

    def after_evaluation(self, learning: Fitting) -> None:
        self.seen.append((learning.progress.updates, len(learning.history)))
        if len(learning.history) == self.end_after:
            raise InterruptedError

    def after_epoch(self, learning: Fitting) -> None:
        raise AssertionError("an epoch is a round here")


ERRORS = (0.5, 0.2, 0.3, 0.2)


def fitting(
    rounds: int = 4, policies: Sequence[Policy] = (), errors: Sequence[float] = ERRORS, every: int = 1
) -> Fitting:
    model = Adding(rounds)
    return Fitting(
        model=model,
        x=np.zeros((N, 2)),
        labels=np.zeros(N, int),
        policies=policies,
        evaluate=lambda tell: {"valid.loss": 1.0, "valid.error": errors[len(model.sums) - 1]},
        monitor="valid.error",
        evaluate_every=every,
    )


@pytest.mark.parametrize(("rounds", "reason"), [(4, "fitted: 4 rounds done"), (1, "fitted: 1 round done")])
def test_every_round_is_measured_and_the_last_ends_the_run(rounds, reason):
    t, checkpointing = fitting(rounds), Checkpointing()
    assert fit(t, checkpointing) == reason
    assert checkpointing.seen == [(n, n) for n in range(1, rounds + 1)]
    assert t.history[0] == {"epoch": 1, "updates": 1, "examples": N, "valid.loss": 1.0, "valid.error": 0.5}
    assert [row["examples"] for row in t.history] == [N * n for n in range(1, rounds + 1)]
    assert t.progress.batch == 0


def test_fitting_that_was_ended_goes_on_where_it_was():
    t = fitting()
    with pytest.raises(InterruptedError):
        fit(t, Checkpointing(end_after=2))
    again = fitting()
    assert again.restore(t.arrays(), t.layout)
    again.history, again.progress = [*t.history], t.progress
    fit(again, checkpointing := Checkpointing())
    assert checkpointing.seen == [(3, 3), (4, 4)]
    assert [row["valid.error"] for row in again.history] == list(ERRORS)


def test_fitting_that_is_done_does_nothing_more():
    t = fitting()
    fit(t, Checkpointing())
    assert fit(t, checkpointing := Checkpointing()) == "fitted: 4 rounds done"
    assert not checkpointing.seen


@pytest.mark.parametrize(
    ("policy", "done", "reason"),
    [(MaxEpochs(epochs=3), 3, "max_epochs: 3 epochs are done"), (Target(value=0.25), 2, "target: ")],
)
def test_policy_ends_a_model_that_could_go_on(policy, done, reason):
    t = fitting(policies=[policy])
    assert fit(t, Checkpointing()).startswith(reason)
    assert len(t.history) == done
    assert fit(t, checkpointing := Checkpointing()).startswith(reason)
    assert not checkpointing.seen


def test_request_from_outside_ends_the_rounds():
    t = fitting()
    t.pruned_because = lambda history: "worse than others" if len(history) == 2 else None
    assert fit(t, Checkpointing()) == "worse than others"


def test_time_limit_ends_the_rounds():
    t = fitting(policies=[MaxTime(seconds=3.0)])
    t.clock = lambda: 2.0 * len(t.history)
    assert fit(t, Checkpointing()) == "max_time: 3 seconds are spent"
    assert len(t.history) == 2


def test_first_of_the_best_rounds_is_kept_in_the_end():
    t = fitting()
    fit(t, Checkpointing())
    assert t.best == t.history[1]
    t.take_best()
    assert list(t.model.arrays()["sums"]) == [1.0, 2.0]


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_metric_that_is_not_finite_ends_the_run(wrong):
    t = fitting(errors=(0.5, wrong))
    with pytest.raises(DivergedError, match=r"not a finite number \(round 2\)"):
        fit(t, checkpointing := Checkpointing())
    assert checkpointing.seen == [(1, 1)]


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_arrays_that_are_not_finite_are_not_saved(wrong):
    t = fitting()
    fit(t, Checkpointing())
    t.refuse_what_is_not_finite()
    t.model.arrays()["sums"][2] = wrong
    with pytest.raises(DivergedError, match=r"sums of the fitted model is not all finite numbers \(round 4\)"):
        t.refuse_what_is_not_finite()


def test_integers_are_finite():
    t = fitting()
    t.model.restore({"sums": np.arange(3)})
    t.refuse_what_is_not_finite()


def test_layout_says_names_and_shapes_of_the_arrays_so_far():
    t = fitting()
    assert t.layout == []
    fit(t, Checkpointing())
    assert t.layout == [("sums", [4])]


@pytest.mark.parametrize(
    ("sums", "layout"), [(np.zeros(5), [("sums", [5])]), (np.zeros(2), [("sums", [3])]), (np.zeros(2), [])]
)
def test_arrays_of_another_model_or_layout_are_refused(sums, layout):
    t = fitting()
    assert not t.restore({"sums": sums}, layout)
    assert not t.model.arrays()


def test_what_happens_inside_a_round_is_told():
    t, told = fitting(2), []
    t.listen(lambda *what: told.append(what))
    fit(t, Checkpointing())
    assert told == [("a number", 0, 1)] * 2


@pytest.mark.parametrize(
    ("every", "rounds", "measured", "others"),
    [(2, 4, [2, 4], [1, 3]), (3, 4, [3, 4], [1, 2]), (9, 4, [4], [1, 2, 3]), (1, 2, [1, 2], [])],
)
def test_rounds_are_measured_as_often_as_wanted_and_the_last_one_always(every, rounds, measured, others):
    t, checkpointing = fitting(rounds, every=every), Checkpointing()
    fit(t, checkpointing)
    assert [row["updates"] for row in t.history] == measured
    assert checkpointing.unmeasured == others


def test_round_that_a_policy_ends_with_is_measured():
    t = fitting(policies=[MaxEpochs(epochs=3)], every=2)
    assert fit(t, Checkpointing()) == "max_epochs: 3 epochs are done"
    assert [row["updates"] for row in t.history] == [2, 3]


def test_round_that_is_interrupted_is_lost_and_no_other():
    t, checkpointing = fitting(), Checkpointing()
    checkpointing.end_inside = 3
    with pytest.raises(InterruptedError):
        fit(t, checkpointing)
    assert (t.progress.updates, len(t.history), list(t.model.arrays()["sums"])) == (2, 2, [1.0, 2.0])


@pytest.mark.parametrize("every", [1, 2])
def test_evaluation_that_was_interrupted_is_made_when_fitting_goes_on(every):
    def asked_too_early(tell: Tell) -> dict[str, float]:
        tell("examples", 1, 2)
        raise AssertionError

    t, checkpointing = fitting(every=every), Checkpointing()
    checkpointing.end_inside = every + 1  # the rounds before tell something, too
    t.evaluate = asked_too_early
    with pytest.raises(InterruptedError):
        fit(t, checkpointing)
    again = fitting(every=every)
    assert again.restore(t.arrays(), t.layout)
    again.progress = t.progress
    fit(again, Checkpointing())
    whole = fitting(every=every)
    fit(whole, Checkpointing())
    assert again.history == whole.history


def test_rounds_that_were_not_measured_when_the_time_was_spent_are_measured_before_the_end():
    t = fitting(every=3, policies=[MaxTime(seconds=5.0)])
    checkpointing = Checkpointing()
    checkpointing.end_inside = 3  # in the third round: two are done, and none is measured
    with pytest.raises(InterruptedError):
        fit(t, checkpointing)
    again = fitting(every=3, policies=[MaxTime(seconds=5.0)])
    assert again.restore(t.arrays(), t.layout)
    again.progress, again.clock = t.progress, lambda: 9.0
    assert fit(again, Checkpointing()) == "max_time: 5 seconds are spent"
    assert [row["updates"] for row in again.history] == [2]


def test_round_beyond_the_last_one_is_measured_and_ends_the_run():
    """As of a run that is to end earlier than it stands."""
    t, checkpointing = fitting(every=9), Checkpointing()
    checkpointing.end_inside = 4
    with pytest.raises(InterruptedError):
        fit(t, checkpointing)
    again = fitting(every=9, policies=[MaxEpochs(epochs=2)])
    assert again.restore(t.arrays(), t.layout)
    again.progress = t.progress
    assert fit(again, Checkpointing()).startswith("max_epochs")
    assert [row["updates"] for row in again.history] == [3]
