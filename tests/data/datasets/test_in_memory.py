"""A data set in memory: found where it is held and nowhere else, and the same to a run as files of its content."""

import threading
from pathlib import Path

import numpy as np
import pytest

from mnistnn.config.load import load_experiment
from mnistnn.data.datasets.in_memory import find, held, set_in_memory, was_in_memory
from mnistnn.data.datasets.manifest import read_manifest
from mnistnn.data.splits import describe
from mnistnn.errors import ConfigError, DataError, UsageError
from mnistnn.experiment.plan import Plan
from mnistnn.experiment.trained import load_trained
from mnistnn.run.directory import RunDirectory
from mnistnn.run.provenance import read_environment
from mnistnn.runner import session

UNITS = "model.layers.output.units=2"
QUIET = session.Verbosity(shown=False)


@pytest.fixture
def toy_set(toy):
    """The toy set's training file, read into memory."""
    loaded = load_experiment(toy, ["data.validation_examples=0", "checkpoint.monitor=last"])
    whole = Plan(loaded).source.images("train")
    return set_in_memory(whole.images.copy(), whole.labels.copy(), 4)


def trained(toy: Path, name: str, path: str) -> RunDirectory:
    return session.start(Plan(load_experiment(toy, [f"data.dataset={name}"])), Path(path), Path(path), QUIET).run


def test_run_on_a_set_in_memory_is_that_on_its_files(toy, toy_set, toy_cache):
    with held(toy_set):
        run = trained(toy, toy_set.name, "memory")
    reference = trained(toy, "toy", "files")
    assert run.metrics.read_bytes() == reference.metrics.read_bytes()
    manifest = read_manifest(toy_cache / "datasets" / "toy")
    assert read_environment(run)["data"] == {name: manifest.files[name].sha256 for name in toy_set.digests}


def test_model_can_be_asked_and_its_data_not_once_they_are_held_no_more(toy, toy_set):
    with held(toy_set):
        run = trained(toy, toy_set.name, "run")
    found = load_trained(run)
    assert found.plan.image_shape == (8, 8)
    with pytest.raises(DataError, match=f"{toy_set.name} lay in the memory of the program"):
        found.placed("valid")
    with pytest.raises(ConfigError, match=f"{toy_set.name} lay in the memory of the program"):
        session.resume(run, ["stopping.max_epochs.epochs=8"], QUIET)
    with held(toy_set):
        session.resume(run, ["stopping.max_epochs.epochs=8"], QUIET)


def test_other_images_in_memory_are_not_those_of_the_run(toy, toy_set):
    other = set_in_memory(255 - toy_set.images, toy_set.labels.copy(), 4)
    assert other.name != toy_set.name
    with held(toy_set):
        run = trained(toy, toy_set.name, "run")
    with held(other), pytest.raises(DataError, match="lay in the memory"):
        load_trained(run).placed("valid")


def test_set_is_found_in_its_context_alone(toy_set):
    seen = []
    with held(toy_set):
        assert [find(toy_set.name), find("toy")] == [toy_set, None]
        other = threading.Thread(target=lambda: seen.append(find(toy_set.name)))
        other.start()
        other.join()
    assert [*seen, find(toy_set.name)] == [None, None]


def test_it_has_no_test_split_and_is_read_only(toy, toy_set):
    with held(toy_set):
        plan = Plan(load_experiment(toy, [f"data.dataset={toy_set.name}"]))
    assert plan.examples == {"train": 300, "valid": 60, "test": 0}
    with pytest.raises(ValueError, match="read-only"):
        toy_set.images[0] = 0
    with pytest.raises(UsageError, match="not read from the disk"):
        plan.source.open("train")


def test_two_classes_can_be_made_of_it(toy, toy_set):
    with held(toy_set):
        plan = Plan(load_experiment(toy, [f"data.dataset={toy_set.name}", "data.labels={pair: [0, 3]}", UNITS]))
        found = plan.source.images("train")
    kept = np.isin(toy_set.labels[:300], (0, 3))
    np.testing.assert_array_equal(found.images, toy_set.images[:300][kept])
    np.testing.assert_array_equal(found.labels, toy_set.labels[:300][kept] == 3)


def test_name_of_a_set_that_was_in_memory_is_known_as_such(toy_set):
    assert was_in_memory(toy_set.name)
    assert not was_in_memory("toy")
    with pytest.raises(ConfigError, match="lay in the memory"):
        describe(toy_set.name)
