"""Experiments beside each other, from rows that are made up, and from real runs where files matter."""

import json
from pathlib import Path
from typing import Any

import pytest
from scipy import stats

from mnistnn.analysis.comparison.compare import StoredTest, compare, letter
from mnistnn.analysis.comparison.run_groups import load_runs
from mnistnn.analysis.statistics import mean_and_deviation, student_interval
from mnistnn.errors import UsageError
from mnistnn.run.record import RunRecord
from mnistnn.run.view import RunView
from mnistnn.tasks.intervals import wilson_interval
from tests.analysis.made_up import view_of

DATA: dict[str, Any] = {"dataset": "toy", "validation_examples": 60, "limits": {"valid": None}, "labels": None}


def made(name, seed, errors, monitor="valid.error", status="finished", place="", data=DATA, **keys) -> RunView:
    """Return a run with these validation errors in its epochs, and these keys in its configuration."""
    record = RunRecord(f"{name}-{seed}", name, status, "0" * 64, monitor, "2026-01-01", 1, seconds=10.0 + seed)
    rows = [
        {"epoch": epoch, "updates": 10 * epoch, "train.loss": 1 / epoch, "valid.loss": 2 * error, "valid.error": error}
        for epoch, error in enumerate(errors, start=1)
    ]
    config = {"name": name, "seed": seed, "data": data, **keys}
    return view_of(record, config, rows, path=f"nowhere/{name}-{seed}{place}")


def group(name, bests, **keys):
    """Return a run for each seed, with its best error, below 0.25, between two worse ones."""
    return [made(name, seed, [0.5, best, 0.25], **keys) for seed, best in enumerate(bests)]


def test_group_has_the_metrics_of_its_best_epochs():
    errors = [0.02, 0.03, 0.025]
    (one,) = compare(group("a", errors)).experiments
    assert (one.letter, one.label, one.seeds, one.values) == ("A", "a", [0, 1, 2], errors)
    assert [one.mean, one.deviation] == pytest.approx([0.025, 0.005])
    interval = stats.ttest_1samp(errors, 0.0).confidence_interval(0.95)
    assert one.interval_95 == pytest.approx((interval.low, interval.high))
    assert (one.best_epochs, one.seconds, one.parameters) == ([2, 2, 2], [10.0, 11.0, 12.0], None)
    assert one.curve == pytest.approx([0.5, 0.025, 0.25])


def test_other_metrics_are_those_of_the_epoch_that_the_run_chose():
    found = compare([made("a", 0, [0.4, 0.1, 0.3])], "train.loss")
    assert (found.metric, found.experiments[0].values) == ("train.loss", [0.5])


def test_each_experiment_is_paired_with_the_first_or_with_each():
    runs = group("a", [0.1, 0.05]) + group("b", [0.2, 0.2]) + group("c", [0.2, 0.1])
    assert [(each.first, each.second) for each in compare(runs).pairs] == [("A", "B"), ("A", "C")]
    found = compare(runs, all_pairs=True).pairs
    assert [(each.first, each.second) for each in found] == [("A", "B"), ("A", "C"), ("B", "C")]
    assert found[0].differences == pytest.approx([0.1, 0.15])


def test_only_what_differs_is_listed_without_name_and_seed():
    runs = group("a", [0.1, 0.2], rate=1, size=20) + group("b", [0.1, 0.2], rate=2, size=20)
    assert compare(runs).differing == [("rate", [1, 2])]


def test_validation_chooses_the_lowest_mean():
    runs = group("a", [0.01, 0.20]) + group("b", [0.10, 0.09])
    assert compare(runs).chosen == "B"
    assert compare(runs[:2]).chosen == "A"


def test_metric_that_is_not_of_validation_chooses_nothing():
    found = compare(group("a", [0.1]) + group("b", [0.2]), "train.loss")
    assert (found.chosen, found.test) == (None, None)
    assert found.notes == ["train.loss is not measured on validation examples, so it chooses no experiment"]


def test_different_validation_examples_choose_nothing():
    found = compare(group("a", [0.1, 0.2]) + group("b", [0.2, 0.1], data=DATA | {"limits": {"valid": 50}}))
    assert found.chosen is None
    assert found.notes == ["the experiments were validated on different examples, so validation chooses none of them"]


def test_runs_that_repeat_a_seed_count_once_the_finished_one():
    runs = [made("a", 0, [0.1], status="stopped"), made("a", 0, [0.2], place="-again"), made("a", 1, [0.3])]
    found = compare(runs)
    assert (found.experiments[0].seeds, found.experiments[0].values) == ([0, 1], [0.2, 0.3])
    assert found.notes == ["left out: nowhere/a-0: repeats the seed 0 of nowhere/a-0-again"]


def test_runs_that_are_not_at_their_end_are_said():
    assert compare([made("a", 0, [0.1], status="interrupted")]).notes == ["not at its end: nowhere/a-0 is interrupted"]


def test_runs_without_the_metric_are_left_out_and_the_others_compared():
    bare = made("b", 0, [0.1], monitor="last")
    rows = [{"epoch": 1, "updates": 10, "train.loss": 0.5}]
    bare.rows = rows
    found = compare([*group("a", [0.1, 0.2]), bare])
    assert [each.values for each in found.experiments] == [[0.1, 0.2], []]
    assert (found.experiments[1].mean, found.experiments[1].curve) == (None, [None] * 3)
    assert (found.pairs, found.chosen) == ([], "A")
    assert found.notes == ["left out: nowhere/b-0: has no valid.error at a best epoch"]


def test_runs_that_monitor_different_metrics_are_compared_by_the_first_and_it_is_said():
    found = compare(group("a", [0.1], monitor="valid.loss") + group("b", [0.2]))
    assert found.metric == "valid.loss"
    assert found.notes[0].startswith("the runs monitor different metrics: compared is valid.loss")


def test_runs_that_monitor_nothing_are_compared_by_their_last_validation_error():
    found = compare([made("a", 0, [0.1, 0.4], monitor="last")])
    assert (found.metric, found.experiments[0].values) == ("valid.error", [0.4])


def test_metric_must_be_named_where_there_is_none_of_validation():
    run, without_best = made("a", 0, [0.1], monitor="last"), made("a", 0, [0.1])
    run.rows, without_best.best = [{"epoch": 1, "updates": 10, "train.loss": 0.5}], None
    with pytest.raises(UsageError, match=r"--metric must say what is compared; there are train\.loss"):
        compare([run])
    with pytest.raises(UsageError, match=r"no run has valid\.error at a best epoch"):
        compare([without_best])


def test_unknown_metric_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match=r"did you mean 'valid\.error'"):
        compare(group("a", [0.1]), "valid.eror")


def test_curves_end_where_their_experiment_does():
    found = compare([made("a", 0, [0.4, 0.3]), made("b", 0, [0.4, 0.3, 0.2, 0.1])])
    assert [each.curve for each in found.experiments] == [[0.4, 0.3, None, None], pytest.approx([0.4, 0.3, 0.2, 0.1])]


def test_long_curves_are_drawn_at_sixteen_points():
    (one,) = compare([made("a", 0, [1 / epoch for epoch in range(1, 100)])]).experiments
    assert len(one.curve) == 16
    assert [one.curve[0], one.curve[-1]] == pytest.approx([1.0, 1 / 99])


@pytest.mark.parametrize(("place", "name"), [(0, "A"), (25, "Z"), (26, "AA"), (51, "AZ"), (52, "BA"), (702, "AAA")])
def test_letters_go_on_after_z(place, name):
    assert letter(place) == name


@pytest.fixture
def trained(toy, start):
    """Two experiments, of which that with more units is better, in two runs each."""
    for seed in (0, 1):
        start(toy, f"seed={seed}", path=f"runs/wide-{seed}")
        start(toy, f"seed={seed}", "model.layers.hidden.units=1", path=f"runs/narrow-{seed}")


def loaded():
    return load_runs([f"runs/{name}-{seed}" for name in ("narrow", "wide") for seed in (0, 1)], Path("runs"))[0]


def test_parameters_are_those_of_the_model(trained):
    assert [each.parameters for each in compare(loaded()).experiments] == [64 + 1 + 4 + 4, 64 * 12 + 12 + 12 * 4 + 4]


def test_test_error_is_of_the_chosen_experiment_alone_and_as_eval_kept_it(trained, command):
    assert compare(loaded()).test is None
    for run in ("narrow-0", "narrow-1"):
        command("eval", f"runs/{run}")
    found = compare(loaded())
    assert (found.chosen, found.test) == ("B", None)
    errors = [_test_error(command, f"runs/wide-{seed}") for seed in (0, 1)]
    assert compare(loaded()).test == StoredTest(2, 2, *mean_and_deviation(errors), student_interval(errors))


def test_test_error_of_one_run_has_the_interval_over_examples(trained, command):
    error = _test_error(command, "runs/wide-1")
    assert compare(loaded()).test == StoredTest(1, 2, error, None, wilson_interval(round(80 * error), 80))


def test_test_error_of_an_epoch_that_is_no_longer_the_best_is_not_shown(trained, command):
    _test_error(command, "runs/wide-1")
    runs = loaded()
    runs[3].best = {**(runs[3].best or {}), "epoch": 99}
    assert compare(runs).test is None


def _test_error(command, run):
    return json.loads(command("eval", run, "--json").out)["error"]


def test_comparing_changes_nothing(trained, everything_below):
    before = everything_below("runs")
    compare(loaded(), all_pairs=True)
    assert everything_below("runs") == before
