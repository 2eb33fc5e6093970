"""The experiments that come with mnistnn, and their names."""

from pathlib import Path

import pytest

from mnistnn.config import examples
from mnistnn.config.examples import example_names, example_path, experiment_file
from mnistnn.config.load import load_experiment
from mnistnn.errors import ConfigError

PROJECT = Path(__file__).parents[2]


def test_names_are_those_of_the_files_without_bases_and_records():
    files = {path.relative_to(PROJECT / "experiments") for path in (PROJECT / "experiments").rglob("*.yaml")}
    expected = {path.with_suffix("").as_posix() for path in files if path.parts[0] not in ("base", "results")}
    assert set(example_names()) == expected
    assert len(expected) >= 85
    assert example_names()[0] == "cnn", "those of no group come first"


def test_name_is_the_experiment_where_there_is_no_such_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = experiment_file("course/adam")
    assert (found.path, found.is_example) == (PROJECT / "experiments" / "course" / "adam.yaml", True)


def test_file_of_that_path_wins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("softmax").write_text("name: mine\n")
    found = experiment_file("softmax")
    assert (found.path, found.name, found.is_example) == (Path("softmax"), "softmax", False)


def test_folder_of_that_name_is_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("softmax").mkdir()
    assert experiment_file("softmax").is_example


@pytest.mark.parametrize(
    "reference", ["base/mlp", "results/mlp", "../experiments/softmax", "softmax.yaml", "", "/etc/x"]
)
def test_everything_else_is_a_path(tmp_path, monkeypatch, reference):
    monkeypatch.chdir(tmp_path)
    found = experiment_file(reference)
    assert (found.path, found.name, found.is_example) == (Path(reference), None, False)
    assert example_path(reference) is None


def test_experiments_inside_the_package_are_taken_before_those_beside_it(tmp_path, monkeypatch):
    package = tmp_path / "mnistnn"
    (package / "config").mkdir(parents=True)
    monkeypatch.setattr(examples, "__file__", str(package / "config" / "examples.py"))
    examples.examples_folder.cache_clear()
    try:
        assert examples.examples_folder() == tmp_path / "experiments"
        examples.examples_folder.cache_clear()
        (package / "experiments").mkdir()
        assert examples.examples_folder() == package / "experiments"
    finally:
        examples.examples_folder.cache_clear()


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("softmaxx", "softmax"),
        ("course/adamm", "course/adam"),
        ("history/knn_idn", "history/knn_idm"),
        ("mlp_.yaml", "mlp"),
    ],
)
def test_misspelt_name_is_answered_with_the_nearest(tmp_path, monkeypatch, said, meant):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=rf"did you mean '{meant}'\?"):
        load_experiment(Path(said))


def test_file_that_is_called_more_like_it_is_meant_instead(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("softmaxx2.yaml").write_text("name: mine\n")
    with pytest.raises(ConfigError, match=r"did you mean 'softmaxx2\.yaml'\?"):
        load_experiment(Path("softmaxx1.yaml"))
