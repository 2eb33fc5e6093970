"""MNIST-1D: what the set holds, and that models of different families do on it as its makers say."""

import json

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from mnistnn.data.datasets import mnist_1d

EXPERIMENT = """\
name: signals
data: {{dataset: mnist-1d, validation_examples: 500}}
preprocess: [{{type: standardize}}]
model: {{type: sequential, layers: {{{layers}output: {{type: dense, units: 10}}}}}}
batches: {{size: 100}}
optimizer: {{type: adam, learning_rate: {rate}}}
stopping: [{{type: max_epochs, epochs: {epochs}}}]
"""
MLP = "first: {type: dense, units: 100, activation: relu}, second: {type: dense, units: 100, activation: relu}, "
CNN = "".join(f"conv_{n}: {{type: conv, maps: 25, kernel: [1, {n}], activation: relu}}, " for n in (5, 4, 3))


@pytest.fixture(scope="module")
def made():
    return mnist_1d.make()


def test_each_digit_is_there_equally_often(made):
    labels = np.concatenate([made.train.labels, made.test.labels])
    assert np.bincount(labels).tolist() == [500] * 10
    assert made.train.images.shape == (4000, 1, 40)


def test_numbers_have_mean_0_and_deviation_1(made):
    numbers = (np.concatenate([made.train.images, made.test.images]).astype(float) - 128) / 32
    assert numbers.mean() == pytest.approx(0, abs=0.002)
    assert numbers.std() == pytest.approx(1, abs=0.005)


def test_templates_begin_with_0_and_have_one_deviation():
    templates = mnist_1d._templates()
    assert templates.shape == (10, 12)
    assert not templates[:, 0].any()
    np.testing.assert_allclose(templates.std(axis=1), 1 / 6)
    distances = np.abs(templates[:, None] - templates).max(axis=2)
    assert (distances[~np.eye(10, dtype=bool)] > 0.05).all()


def test_noise_is_smoothed_as_by_scipy():
    noise = np.random.default_rng(0).standard_normal(72)
    np.testing.assert_allclose(mnist_1d._smoothed(noise), gaussian_filter1d(noise, 2), atol=1e-12)


@pytest.mark.parametrize(
    ("layers", "rate", "epochs", "right"),
    [("", 0.01, 60, (0.27, 0.37)), (MLP, 0.003, 40, (0.53, 0.70)), (CNN, 0.003, 30, (0.87, 0.97))],
    ids=["linear: 32 %", "MLP: 68 %", "convolutional net: 94 %"],
)
def test_families_of_models_are_as_far_apart_as_published(command, tmp_path, monkeypatch, layers, rate, epochs, right):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "signals.yaml").write_text(EXPERIMENT.format(layers=layers, rate=rate, epochs=epochs))
    done = command("train", "signals.yaml", "--run-dir", "run", "-q")
    assert done.code == 0, done.err
    evaluated = command("eval", "run", "--json")
    assert right[0] < 1 - json.loads(evaluated.out)["error"] < right[1]
