"""The experiments that come with mnistnn, and their names."""

from pathlib import Path

import pytest

from mnistnn.config import examples
from mnistnn.config.examples import example_names, example_path, experiment_file
from mnistnn.config.load import load_experiment, load_text
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
    assert (found.path, found.is_example) == (examples.examples_folder() / "course" / "adam.yaml", True)


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


def test_file_extends_an_experiment_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("own").mkdir()
    Path("own/mine.yaml").write_text("extends: course/adam\nname: mine\n")
    extended, itself = (
        load_experiment(Path("own/mine.yaml")),
        load_experiment(PROJECT / "experiments" / "course" / "adam.yaml"),
    )
    assert type(extended.experiment.optimizer) is type(itself.experiment.optimizer)
    assert extended.experiment.name == "mine"


def test_file_beside_it_is_extended_rather_than_an_experiment_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("softmax").write_text((PROJECT / "experiments" / "mlp.yaml").read_text())
    Path("mine.yaml").write_text("extends: softmax\nname: mine\n")
    assert "hidden" in load_experiment(Path("mine.yaml")).experiment.model.layers


def test_folder_beside_it_is_no_file_to_extend(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("softmax").mkdir()
    Path("mine.yaml").write_text("extends: softmax\nname: mine\n")
    assert load_experiment(Path("mine.yaml")).experiment.name == "mine"


def test_member_of_a_committee_is_an_experiment_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("two.yaml").write_text(
        "name: two\nmodel: {type: committee, members: [{experiment: softmax}, {experiment: course/adam}]}\n"
    )
    members = load_experiment(Path("two.yaml")).resolved["model"]["members"]
    assert [member["experiment"]["name"] for member in members] == ["softmax", "course-adam"]


@pytest.mark.parametrize("said", ["course/adm", "sofmax"])
def test_nearest_name_is_offered_for_what_is_extended(tmp_path, monkeypatch, said):
    monkeypatch.chdir(tmp_path)
    Path("near.yaml").write_text("name: x\n")
    Path("mine.yaml").write_text(f"extends: {said}\nname: mine\n")
    with pytest.raises(ConfigError) as raised:
        load_experiment(Path("mine.yaml"))
    assert f"did you mean '{said.replace('adm', 'adam').replace('sof', 'soft')}'?" in str(raised.value)


def test_text_without_a_file_extends_an_experiment_by_its_name():
    assert load_text("extends: mlp\nname: mine\n", "a text").experiment.name == "mine"
    with pytest.raises(ConfigError, match="nothing here to be relative to") as raised:
        load_text("extends: mpl\nname: mine\n", "a text")
    assert "did you mean 'mlp'?" in str(raised.value)


def test_base_of_experiments_is_no_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.yaml").write_text("extends: base/mlp\nname: mine\n")
    with pytest.raises(ConfigError, match="cannot read base/mlp: no such file"):
        load_experiment(Path("mine.yaml"))
