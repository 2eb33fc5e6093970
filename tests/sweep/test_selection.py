"""The choice by validation, and the one reading of the test split."""

import json
import statistics

import pytest

from mnistnn.errors import RunError
from mnistnn.sweep.selection import choose, read_test_of_chosen, results_of
from mnistnn.sweep.trial import run_trial


def do(study, *names):
    for trial in study.trials:
        if not names or trial.id in names:
            run_trial(str(study.path), trial.id)


def best_error(study, name):
    rows = (study.path / "trials" / name / "metrics.jsonl").read_text().splitlines()
    return min(json.loads(row)["valid.error"] for row in rows)


def readings(study):
    """Return the trials whose test-access log says that the test split was read, with the number of times."""
    ledgers = (study.path / "trials").glob("*/eval/test-readings.jsonl")
    return {path.parents[1].name: path.read_text().count("\n") for path in ledgers}


@pytest.fixture
def study(prepared):
    """Two points, the second one better, with two seeds each."""
    return prepared("optimizer.learning_rate=0.001,0.2", seeds=[0, 1])


def test_points_are_ordered_by_the_mean_over_their_seeds(study):
    do(study)
    results = results_of(study)
    assert [result.point for result in results] == [1, 0]
    errors = [best_error(study, "0001-seed0"), best_error(study, "0001-seed1")]
    assert results[0].mean == pytest.approx(statistics.fmean(errors))
    assert results[0].std == pytest.approx(statistics.stdev(errors))


def test_test_split_is_read_for_the_chosen_point_alone_and_once(study):
    do(study)
    assert readings(study) == {}
    chosen = read_test_of_chosen(study, False, pytest.fail)
    assert (chosen.point, chosen.values) == (1, {"optimizer.learning_rate": "0.2"})
    assert [*chosen.test_errors] == ["0001-seed0", "0001-seed1"]
    assert readings(study) == {"0001-seed0": 1, "0001-seed1": 1}
    for name, error in chosen.test_errors.items():
        assert json.loads((study.path / "trials" / name / "eval" / "test-best.json").read_text())["error"] == error
    assert read_test_of_chosen(study, False, pytest.fail) == chosen
    assert readings(study) == {"0001-seed0": 1, "0001-seed1": 1}


def test_reading_that_was_killed_half_way_is_completed_and_not_repeated(study):
    do(study)
    chosen = read_test_of_chosen(study, False, pytest.fail)
    study.chosen.unlink()
    assert read_test_of_chosen(study, False, pytest.fail) == chosen
    assert readings(study) == {"0001-seed0": 1, "0001-seed1": 1}


def test_nothing_is_chosen_before_all_is_done_unless_asked_for(study):
    do(study, "0000-seed0", "0000-seed1", "0001-seed0")
    with pytest.raises(RunError, match=r"1 of 4 trials are not done \(0001-seed1"):
        choose(study)
    assert choose(study, so_far=True).point == 0
    assert readings(study) == {}


def test_point_of_which_a_trial_failed_is_no_candidate(prepared):
    study = prepared("optimizer.learning_rate=1e30,0.001")
    do(study)
    assert choose(study).point == 1
    assert not results_of(study)[1].is_complete


def test_sweep_of_failures_has_nothing_to_choose(prepared):
    study = prepared("optimizer.learning_rate=1e30,1e31")
    do(study)
    with pytest.raises(RunError, match="no point of which all trials are finished"):
        choose(study)


def test_another_choice_after_the_test_split_was_read_is_refused(study):
    do(study, "0000-seed0", "0000-seed1")
    assert read_test_of_chosen(study, True, pytest.fail).point == 0
    do(study)
    with pytest.raises(RunError, match="read for point 0, and validation now chooses point 1"):
        read_test_of_chosen(study, False, pytest.fail)
    assert readings(study) == {"0000-seed0": 1, "0000-seed1": 1}


def test_equal_points_are_told_apart_by_their_order(prepared):
    study = prepared("penalties.l2.strength=1e-9,2e-9")
    do(study)
    assert best_error(study, "0000-seed0") == best_error(study, "0001-seed0")
    assert choose(study).point == 0
