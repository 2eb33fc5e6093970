"""What several test files need: a toy data set in a cache of its own, an experiment on it, and the real digits."""

import os
from pathlib import Path

import numpy as np
import pytest

from mnistnn.data import cache
from mnistnn.data.image_set import FILE_NAMES, LabelledImages, image_set
from mnistnn.data.splits import ensure_available

TOY_EXPERIMENT = """\
name: toy
data: {dataset: toy, validation_examples: 60}
model:
  type: sequential
  layers:
    hidden: {type: dense, units: 12, activation: tanh}
    output: {type: dense, units: 4, init: {type: zeros}}
loss: {type: softmax_nll}
penalties: {l2: {strength: 1e-4}}
batches: {size: 32, order: permute}
optimizer: {type: sgd, learning_rate: 0.2}
stopping:
  - {type: max_epochs, epochs: 6}
"""


def toy_digits(count: int, rng: np.random.Generator) -> LabelledImages:
    """Four classes of noisy 8×8 images: a bright row whose place is the class. Learnable, but not at once."""
    labels = rng.integers(4, size=count).astype(np.uint8)
    images = rng.integers(0, 140, size=(count, 8, 8)).astype(np.uint8)
    images[np.arange(count), 2 * labels] += 60
    return LabelledImages(images, labels)


@pytest.fixture(scope="session")
def toy_cache(tmp_path_factory):
    """A cache folder that holds the set `toy`: 360 training images (300 + 60 for validation) and 80 test images."""
    folder = tmp_path_factory.mktemp("cache")
    rng = np.random.default_rng(7)
    toy = image_set(toy_digits(360, rng), toy_digits(80, rng), "toy")
    before = os.environ.get("MNISTNN_DATA")
    os.environ["MNISTNN_DATA"] = str(folder)
    try:
        with cache.locked("toy"):
            cache.install("toy", toy, dict.fromkeys(FILE_NAMES, "made by the tests"))
    finally:
        if before is None:
            del os.environ["MNISTNN_DATA"]
        else:
            os.environ["MNISTNN_DATA"] = before
    return folder


@pytest.fixture
def toy(toy_cache, tmp_path, monkeypatch) -> Path:
    """The path of an experiment on the toy set, in an empty working folder, with the toy cache in force."""
    monkeypatch.setenv("MNISTNN_DATA", str(toy_cache))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "toy.yaml"
    path.write_text(TOY_EXPERIMENT)
    return path


@pytest.fixture(scope="session")
def real_mnist() -> None:
    """Make sure that the real digits are in the user's cache, fetching them if they are not."""
    ensure_available("mnist", progress=False)
