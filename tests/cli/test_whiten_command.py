"""`mnistnn whiten`."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from mnistnn.config.load import load_experiment
from mnistnn.data.spec import Data
from mnistnn.data.splits import read_split
from mnistnn.experiment.plan import Plan
from mnistnn.preprocess.whiten import Whiten
from mnistnn.run import transforms

FOLDER = Path("whitening/toy-pca")


@pytest.fixture
def no_matplotlib(monkeypatch):
    """Drawing takes a second or two; most tests are about something else."""
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)


@pytest.fixture
def quick_picture(monkeypatch):
    """For tests of what becomes of the picture, whatever it shows."""
    monkeypatch.setattr("mnistnn.analysis.inspection.whitening.draw", lambda *arguments: b"a picture")


def test_transform_and_picture_are_written(toy, command):
    done = command("whiten", "--data", "toy")
    assert (done.code, done.err) == (0, "")
    assert sorted(path.name for path in FOLDER.iterdir()) == ["picture.png", "transform.safetensors"]
    assert "kept: 64 of 64 dimensions, 100.0000 % of the energy" in done.out
    assert "<- the last one kept" in done.out


def test_printed_lines_make_an_experiment_use_the_transform(toy, command, no_matplotlib):
    out = command("whiten", "--data", "toy", "--method", "zca", "--epsilon", "0.01", "--dimensions", "9").out
    toy.write_text(toy.read_text() + out.partition("to use it in an experiment:\n\n")[2])
    plan = Plan(load_experiment(toy))
    (whiten,) = plan.experiment.preprocess
    assert isinstance(whiten, Whiten)
    assert (whiten.method, whiten.epsilon, whiten.kept) == ("zca", 0.01, 9)
    assert plan.preprocessing.out_shape == (8, 8)


def test_saved_transform_gives_what_fitting_gives(toy, command, no_matplotlib):
    command("whiten", "--data", "toy")
    own = Plan(load_experiment(toy, ["preprocess=[{type: whiten}]"]))
    saved = Plan(load_experiment(toy, [f"preprocess=[{{type: whiten, file: {FOLDER}/transform.safetensors}}]"]))
    own.training(), saved.training()
    np.testing.assert_array_equal(own.experiment.batches.x, saved.experiment.batches.x)


def test_json_has_the_whole_spectrum(toy, command, quick_picture):
    found = json.loads(command("whiten", "--data", "toy", "--dimensions", "5", "--out", "w", "--json").out)
    assert found["schema_version"] == 1
    assert (found["kept"], found["inputs"], found["examples"], len(found["variances"])) == (5, 64, 300, 64)
    assert found["energy_kept"] == pytest.approx(sum(found["variances"][:5]) / sum(found["variances"]))
    assert (found["transform"], found["picture"]) == ("w/transform.safetensors", "w/picture.png")


@pytest.mark.parametrize("name", ["picture.png", "transform.safetensors"])
def test_files_are_not_replaced_unless_forced(toy, command, quick_picture, name):
    FOLDER.mkdir(parents=True)
    (FOLDER / name).write_text("mine")
    done = command("whiten", "--data", "toy")
    assert done.code == 2
    assert f"{FOLDER / name}: there already; --force replaces" in done.err
    assert [path.name for path in FOLDER.iterdir()] == [name]
    assert command("whiten", "--data", "toy", "--force").code == 0
    assert (FOLDER / name).read_bytes() != b"mine"


def test_missing_matplotlib_costs_the_picture_only(toy, command, no_matplotlib):
    done = command("whiten", "--data", "toy", "--json")
    assert done.code == 0
    assert done.err == "warning: no picture: drawing needs matplotlib: pip install 'mnistnn[plot]'\n"
    assert json.loads(done.out)["picture"] is None
    assert [path.name for path in FOLDER.iterdir()] == ["transform.safetensors"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "tyo"], "did you mean 'toy'?"),
        (["--data", "toy", "--threshold", "1e9"], "no direction has a variance above the threshold"),
        (["--data", "toy", "--epsilon", "nan"], "expected a number, got nan"),
        (["--data", "toy", "--threshold", "inf"], "expected a number, got inf"),
        (["--data", "toy", "--epsilon", "-1"], "not in the range"),
        (["--data", "toy", "--method", "ica"], "ica"),
    ],
)
def test_arguments_that_do_not_fit_are_refused_and_nothing_is_written(toy, command, arguments, message):
    done = command("whiten", *arguments)
    assert done.code == 2
    assert message in done.err
    assert not Path("whitening").exists()


def test_folder_that_cannot_be_made_is_said(toy, command):
    Path("taken").touch()
    done = command("whiten", "--data", "toy", "--out", "taken/inside")
    assert (done.code, done.err.startswith("error: taken/inside: ")) == (5, True)


def test_mnist_needs_no_arguments(real_mnist, command, no_matplotlib, tmp_path, monkeypatch):
    """The slides' rule on the real digits, by singular values of the covariance."""
    monkeypatch.chdir(tmp_path)
    found = json.loads(command("whiten", "--json").out)
    images = read_split(Data(), "train").images.reshape(50_000, -1).astype("float32") / 255
    covariance = (images.T @ images).astype(float) / 50_000 - np.outer(mean := images.mean(axis=0, dtype=float), mean)
    U, S, _ = np.linalg.svd(covariance)
    saved = transforms.read(Path(found["transform"]), "whiten")
    assert found["kept"] == saved["directions"].shape[1] == pytest.approx((S > 1e-5).sum(), abs=2)  # float32 above
    np.testing.assert_allclose(found["variances"][:300], S[:300], rtol=1e-2)
    np.testing.assert_allclose(np.abs((saved["directions"] * U[:, : found["kept"]]).sum(axis=0))[:20], 1.0, atol=1e-4)
