"""Files that an experiment names are found from the working folder or beside the experiment."""

from pathlib import Path

import pytest

from mnistnn.config.load import load_experiment, load_text

SERIES = "name: series\ndata: {sequences: {type: csv, path: points.csv, window: 3}}\n"
REST = (
    "model: {type: sequential, layers: {memory: {type: recurrent, units: 2, output: every}, "
    "output: {type: dense, units: 1, each_step: true}}}\nloss: {type: mean_squared_error}\n"
    "optimizer: {type: sgd, learning_rate: 0.1}\nstopping: [{type: max_epochs, epochs: 1}]\n"
    "checkpoint: {monitor: valid.loss}\n"
)


@pytest.fixture
def beside(tmp_path, monkeypatch):
    """An experiment with a file beside it, in a folder that is not the working folder."""
    monkeypatch.chdir(tmp_path)
    folder = Path("deep/mine")
    folder.mkdir(parents=True)
    (folder / "points.csv").write_text("x\n1\n2\n")
    (folder / "series.yaml").write_text(SERIES + REST)
    return folder


def path_in(loaded):
    return loaded.resolved["data"]["sequences"]["path"]


def test_file_beside_the_experiment_is_found(beside):
    assert path_in(load_experiment(beside / "series.yaml")) == "deep/mine/points.csv"
    assert path_in(load_experiment(beside.resolve() / "series.yaml")) == str(beside.resolve() / "points.csv")


def test_file_of_the_working_folder_wins(beside):
    Path("points.csv").write_text("x\n3\n")
    assert path_in(load_experiment(beside / "series.yaml")) == "points.csv"


def test_name_stays_where_there_is_no_file(beside):
    (beside / "points.csv").unlink()
    assert path_in(load_experiment(beside / "series.yaml")) == "points.csv"


def test_file_lies_beside_the_text_that_names_it(beside):
    Path("other").mkdir()
    Path("other/mine.yaml").write_text("extends: ../deep/mine/series.yaml\nname: mine\n")
    assert path_in(load_experiment(Path("other/mine.yaml"))) == "deep/mine/points.csv"


def test_override_and_text_without_a_file_mean_the_working_folder(beside):
    loaded = load_experiment(beside / "series.yaml", ["data.sequences.path=./points.csv"])
    assert path_in(loaded) == "./points.csv"
    assert path_in(load_text(SERIES + REST, "a text")) == "points.csv"


def test_features_of_a_machine_are_found_beside_the_experiment(beside):
    (beside / "machine.safetensors").write_bytes(b"")
    text = (
        "name: classes\npreprocess: [{type: features, file: machine.safetensors}, {type: features, file: none}]\n"
        "model: {type: least_squares}\n"
    )
    (beside / "classes.yaml").write_text(text)
    found = load_experiment(beside / "classes.yaml").resolved["preprocess"]
    assert [each["file"] for each in found] == ["deep/mine/machine.safetensors", "none"]


def test_mistake_in_such_a_file_name_is_shown_at_its_place(beside):
    (beside / "bad.yaml").write_text(SERIES.replace("points.csv", "[a, b]") + REST)
    with pytest.raises(Exception, match=r"bad\.yaml:2:"):
        load_experiment(beside / "bad.yaml")
