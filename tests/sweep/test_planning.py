"""Members of a sweep: all checked before any is run."""

from pathlib import Path

import pytest

from mnistnn.config.load import load_resolved
from mnistnn.errors import ConfigError, RunError, UsageError
from mnistnn.sweep.planning import plan_trials, points_of
from mnistnn.sweep.space import parse_space
from mnistnn.sweep.study import load_trial_config, open_study


def test_every_trial_is_fixed_before_the_first_begins(prepared):
    study = prepared("optimizer.learning_rate=0.1,0.3", seeds=[0, 5])
    assert [trial.id for trial in study.trials] == ["0000-seed0", "0000-seed5", "0001-seed0", "0001-seed5"]
    assert [trial.values for trial in study.trials][::2] == [
        {"optimizer.learning_rate": "0.1"},
        {"optimizer.learning_rate": "0.3"},
    ]
    for trial in study.trials:
        resolved = load_resolved(study.config(trial)).resolved
        assert resolved["optimizer"]["learning_rate"] == float(trial.values["optimizer.learning_rate"])
        assert resolved["seed"] == trial.seed
    assert open_study(study.path) == study


def test_sweep_without_seeds_takes_that_of_the_file(prepared):
    assert [trial.id for trial in prepared("batches.size=16,32", "name=other").trials] == ["0000-seed0", "0001-seed0"]


@pytest.mark.parametrize(("workers", "threads"), [(1, "auto"), (2, 2), (3, 1), (8, 1)])
def test_cores_are_divided_among_workers(prepared, monkeypatch, workers, threads):
    monkeypatch.setattr("mnistnn.sweep.planning.usable_cores", lambda: 4)
    monkeypatch.setattr("mnistnn.experiment.resources.usable_cores", lambda: 4)
    study = prepared("batches.size=16,32", workers=workers)
    assert load_trial_config(study, study.trials[0]).resolved["backend"]["threads"] == threads


def test_threads_that_were_given_stay(prepared):
    study = prepared("backend.threads=3", "batches.size=16,32", workers=8)
    assert load_trial_config(study, study.trials[0]).resolved["backend"]["threads"] == 3


def refused(toy, *values, **options):
    space = parse_space(values)
    return plan_trials(toy, space, points_of(space, None, 0), options.get("seeds"), 1)


def test_invalid_member_is_named_and_nothing_is_made(toy):
    with pytest.raises(
        ConfigError, match=r"(?s)member 1 \(optimizer\.learning_rate=-1\):.*expected a number > 0.*no trial was begun"
    ):
        refused(toy, "optimizer.learning_rate=0.1,-1", seeds=[0, 1])
    assert not Path("study").exists()


def test_member_whose_shapes_do_not_fit_is_named(toy):
    with pytest.raises(ConfigError, match=r"(?s)member 1 \(model\.layers\.output\.units=5\).*1 of 2 members"):
        refused(toy, "model.layers.output.units=4,5")


def test_many_invalid_members_are_counted_and_some_shown(toy):
    with pytest.raises(ConfigError, match=r"(?s)member 3.*… and 2 more.*5 of 6 members"):
        refused(toy, "optimizer.learning_rate=0.1,-1,-2,-3,-4,-5")


def test_two_members_that_are_the_same_experiment_are_refused(toy):
    with pytest.raises(
        UsageError, match=r"member 1 \(optimizer\.learning_rate=1e-1\) is the same experiment as member 0"
    ):
        refused(toy, "optimizer.learning_rate=0.1,1e-1")


def test_members_that_nothing_could_choose_between_are_refused(toy):
    with pytest.raises(UsageError, match=r"checkpoint\.monitor differs"):
        refused(toy, "checkpoint.monitor=valid.error,valid.loss")
    with pytest.raises(UsageError, match="leaves no metric to choose by"):
        refused(toy, "checkpoint.monitor=last", "batches.size=16,32")


def test_range_without_a_number_of_trials_is_refused():
    with pytest.raises(UsageError, match="--trials 20"):
        points_of(parse_space(["a=0.1..0.5"]), None, 0)
    with pytest.raises(UsageError, match="nothing varies"):
        points_of(parse_space(["a=1"]), 5, 0)
    with pytest.raises(UsageError, match="10,100 combinations"):
        points_of(parse_space([f"a={','.join(map(str, range(100)))}", f"b={','.join(map(str, range(101)))}"]), None, 0)


def test_folder_that_exists_is_not_taken(prepared):
    prepared("batches.size=16,32")
    with pytest.raises(RunError, match="study: exists already"):
        prepared("batches.size=16,32")


@pytest.mark.parametrize(("text", "message"), [("{", "not readable"), ('{"schema_version": 9}', "format 9")])
def test_torn_or_foreign_study_is_refused(prepared, text, message):
    study = prepared("batches.size=16,32")
    (study.path / "study.json").write_text(text)
    with pytest.raises(RunError, match=message):
        open_study(study.path)


def test_altered_configuration_of_a_trial_is_refused(prepared):
    study = prepared("batches.size=16,32")
    config = study.config(study.trials[0])
    config.write_text(config.read_text().replace("size: 16", "size: 17"))
    with pytest.raises(RunError, match="altered"):
        load_trial_config(study, study.trials[0])


def test_folder_without_a_study_is_none(tmp_path):
    with pytest.raises(RunError, match=r"not a sweep: it has no study\.json"):
        open_study(tmp_path)
