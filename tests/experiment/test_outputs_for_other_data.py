"""An experiment that overrides give other data gets an output for each of their classes."""

import pytest

from mnistnn.config.load import load_experiment, overridden

UNITS = "model.layers.output.units"


@pytest.fixture
def outputs(toy):
    """Return how many outputs the toy experiment, written for ten classes, has under overrides, and what follows."""
    toy.write_text(toy.read_text().replace("units: 4", "units: 10").replace("dataset: toy", "dataset: mnist"))
    assert "units: 10" in toy.read_text()

    def read(*overrides: str):
        loaded = load_experiment(toy, overrides)
        return loaded.resolved["model"]["layers"]["output"]["units"], loaded.followed

    return read


def test_another_set_changes_the_number_of_outputs(outputs):
    assert outputs("data.dataset=toy") == (4, [f"{UNITS}=4"])


def test_two_classes_made_of_those_of_the_set_change_it(outputs):
    assert outputs("data.labels={positive: [0]}") == (2, [f"{UNITS}=2"])


@pytest.mark.parametrize("overrides", [["seed=3"], ["data.dataset=fashion-mnist"], ["data.limits.train=100"]])
def test_overrides_that_leave_the_classes_alone_change_nothing(outputs, overrides):
    assert outputs(*overrides) == (10, [])


def test_number_that_is_given_is_kept(outputs):
    assert outputs("data.dataset=toy", f"{UNITS}=7") == (7, [])


def test_set_that_is_not_known_here_changes_nothing(outputs):
    assert outputs("data.dataset=elsewhere") == (10, [])


def test_run_keeps_what_follows_among_its_overrides(toy):
    toy.write_text(toy.read_text().replace("units: 4", "units: 10"))
    assert load_experiment(toy, ["data.dataset=toy"]).overrides == ["data.dataset=toy", f"{UNITS}=4"]


def test_what_follows_is_loaded_again_to_the_same(toy):
    text = toy.read_text().replace("units: 4", "units: 10")
    toy.write_text(text)
    loaded = load_experiment(toy, ["data.dataset=toy"])
    again = load_experiment(toy, loaded.overrides)
    assert (again.resolved, again.followed) == (loaded.resolved, [])


def test_trial_of_a_sweep_over_data_sets_gets_outputs_for_each(toy):
    toy.write_text(toy.read_text().replace("units: 4", "units: 10"))
    changed = overridden(load_experiment(toy), ["data.dataset=toy"])
    assert changed.resolved["model"]["layers"]["output"]["units"] == 4
