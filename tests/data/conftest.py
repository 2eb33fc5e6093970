"""Tiny sets: 12 training and 6 test images of 4x4 pixels in three classes, and a cache of one's own."""

import numpy as np
import pytest

from mnistnn.data.image_set import FILE_NAMES, ImageSet, LabelledImages, image_set


@pytest.fixture(autouse=True)
def cache_root(tmp_path_factory, monkeypatch):
    root = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("MNISTNN_DATA", str(root))
    return root


@pytest.fixture
def tiny() -> ImageSet:
    rng = np.random.default_rng(7)

    def half(n: int) -> LabelledImages:
        images = rng.integers(0, 256, (n, 4, 4), dtype=np.uint8)
        return LabelledImages(images, (np.arange(n) % 3).astype(np.uint8))

    return image_set(half(12), half(6), "tiny")


@pytest.fixture
def origins() -> dict[str, str]:
    return dict.fromkeys(FILE_NAMES, "made by a test")
