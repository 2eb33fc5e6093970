"""What is drawn of which runs, before anything is drawn."""

import numpy as np
import pytest

from mnistnn.analysis.plots.learning_curves import in_words, learning_curves
from mnistnn.errors import UsageError
from tests.analysis.made_up import run_of

LOSSES = {"train.loss": [0.9, 0.5, 0.4], "valid.loss": [0.8, 0.6, 0.7]}
ERRORS = {"train.error": [0.3, 0.2, 0.1]}


def drawn(runs, metrics=(), axis="epochs"):
    curves, without = learning_curves(runs, metrics, [axis])
    assert without == []
    return curves


def test_errors_and_losses_are_drawn_of_both_splits_if_nothing_is_said():
    curves = drawn([run_of([0.4, 0.3, 0.35], config={"loss": {"type": "softmax_nll"}}, **ERRORS, **LOSSES)])
    assert [panel.y_label for panel in curves.panels] == ["error (%)", "loss (nats)"]
    assert [panel.is_percent for panel in curves.panels] == [True, False]
    assert [[line.split for line in panel.lines] for panel in curves.panels] == [["training", "validation"]] * 2
    np.testing.assert_array_equal(curves.panels[0].lines[0].band.mean, ERRORS["train.error"])


def test_panel_of_errors_has_what_there_is():
    curves = drawn([run_of([0.4, 0.3, 0.35], **LOSSES)])
    assert [[line.split for line in panel.lines] for panel in curves.panels] == [
        ["validation"],
        ["training", "validation"],
    ]
    assert curves.panels[1].y_label == "loss"  # of an unknown kind: in no unit that we could name


def test_each_metric_gets_a_panel_once():
    runs = [run_of([0.4, 0.3, 0.35], learning_rate=[3.0, 2.0, 1.0], **LOSSES)]
    curves = drawn(runs, ["learning_rate", "train.loss", "learning_rate"])
    assert [panel.y_label for panel in curves.panels] == ["learning rate", "training loss"]
    assert [panel.from_zero for panel in curves.panels] == [False, True]


def test_best_epoch_is_marked_on_what_is_not_training():
    curves = drawn([run_of([0.4, 0.3, 0.35], **LOSSES)], axis="updates")
    assert [line.best for panel in curves.panels for line in panel.lines] == [(20.0, 0.3), None, (20.0, 0.6)]
    assert drawn([run_of([0.4, 0.3, 0.35], **LOSSES)], ["train.loss"]).panels[0].lines[0].best == (2.0, 0.5)
    assert curves.monitor == "validation error"


def test_several_axes_have_panels_of_their_own():
    run = run_of([0.4, 0.3], seconds=[1.0, 3.0], passes=[2.0, 4.5])
    curves, _ = learning_curves([run], ["valid.error"], ["passes", "seconds", "passes"])
    assert [(panel.axis, panel.lines[0].band.x.tolist()) for panel in curves.panels] == [
        ("passes", [2.0, 4.5]),
        ("seconds", [1.0, 3.0]),
    ]


def test_first_of_equally_good_epochs_is_the_best():
    assert drawn([run_of([0.4, 0.3, 0.3])]).panels[0].lines[0].best == (2.0, 0.3)


def test_best_epoch_of_a_group_has_the_lowest_mean_of_all_its_runs():
    """Epoch 3 is lower, but one run had ended."""
    (panel,) = drawn([run_of([0.4, 0.3, 0.1]), run_of([0.2, 0.2])]).panels
    assert panel.lines[0].best == (2.0, 0.25)


def test_last_epoch_is_not_best_because_it_is_the_last():
    assert drawn([run_of([0.4, 0.3], monitor="last")]).panels[0].lines[0].best is None


def test_groups_that_monitor_different_metrics_have_no_common_name_for_the_best():
    other = run_of([0.4, 0.3, 0.35], monitor="valid.loss", config={"model": 2}, **LOSSES)
    assert drawn([run_of([0.4, 0.3]), other]).monitor == ""


def test_groups_are_named_with_their_number_of_runs():
    runs = [run_of([0.4], config={"seed": seed}) for seed in range(3)] + [run_of([0.5], name="b", config={"model": 2})]
    curves = drawn(runs)
    assert curves.groups == [("toy", 3), ("b", 1)]
    assert [line.group for line in curves.panels[0].lines] == [0, 1]


@pytest.mark.parametrize(
    ("run", "metrics", "axis", "problem"),
    [
        (run_of([0.4]), ["train.loss"], "epochs", "run: it has no train.loss"),
        (run_of([1e200]), [], "epochs", "run: it has numbers beyond 1e+100"),
        (run_of([0.4]), [], "seconds", "run: timing.jsonl does not have the seconds of all evaluations"),
    ],
)
def test_run_with_nothing_to_be_drawn_is_named(run, metrics, axis, problem):
    other = run_of([0.5], seconds=[1.0], name="other", **{"train.loss": [2.0]})
    curves, (without,) = learning_curves([run, other], metrics, [axis])
    assert without.problem == problem
    assert curves.groups == [("other", 1)]


def test_rows_without_the_counter_of_the_axis_are_named():
    run = run_of([0.4, 0.3])
    del run.rows[1]["examples"]
    with pytest.raises(UsageError, match=r"run: metrics.jsonl does not have the examples of all evaluations"):
        learning_curves([run], [], ["examples"])


def test_metric_that_no_run_has_gets_the_nearest_name():
    with pytest.raises(UsageError, match=r"no run has the metric 'valid.eror', did you mean 'valid.error'"):
        learning_curves([run_of([0.4])], ["valid.eror"], ["epochs"])


def test_runs_without_errors_and_losses_say_what_they_have():
    run = run_of([0.4], norm=[3.0])
    del run.rows[0]["valid.error"]
    with pytest.raises(UsageError, match="no run has an error or a loss; --metric draws norm"):
        learning_curves([run], [], ["epochs"])


@pytest.mark.parametrize(
    ("metric", "words"),
    [
        ("valid.error", "validation error"),
        ("train.loss", "training loss"),
        ("theta.norm", "norm of the parameters"),
        ("mine", "mine"),
        ("valid.", "valid."),
        ("x" * 99, "x" * 39 + "…"),
    ],
)
def test_metrics_have_names_for_people(metric, words):
    assert in_words(metric) == words
