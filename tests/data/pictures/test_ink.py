import numpy as np
import pytest
from scipy import ndimage

from mnistnn.data.pictures.ink import NoDigitError, _closing, find_ink, otsu

Y, X = np.meshgrid(np.linspace(-1, 1, 120), np.linspace(-1, 1, 150), indexing="ij")
STROKES = ((np.abs(np.hypot(X, Y) - 0.5) < 0.06) | ((np.abs(X) < 0.05) & (np.abs(Y) < 0.3))).astype(float)
LIGHTS = {
    "even": np.full(X.shape, 0.9),
    "from one side": 0.6 + 0.3 * X,
    "dark corners": 0.9 - 0.2 * (X**2 + Y**2),
    "a shadow's edge": np.where(X + 0.5 * Y > 0.1, 0.9, 0.6),
}


def noise(seed=0):
    return np.random.default_rng(seed).normal(0, 0.01, X.shape)


def test_otsu_separates_two_classes_as_well_as_any_threshold():
    values = np.concatenate(
        [np.random.default_rng(0).normal(0.2, 0.05, 900), np.random.default_rng(1).normal(0.8, 0.05, 100)]
    )

    def between(level):
        low, high = values[values < level], values[values >= level]
        return len(low) * len(high) * (low.mean() - high.mean()) ** 2

    best = max(between(level) for level in np.linspace(0.1, 0.9, 400))
    assert between(otsu(values)) > 0.999 * best


def test_closing_fills_what_is_narrower_than_its_window():
    a = np.random.default_rng(0).random((30, 40))
    padded = np.pad(a, 20, mode="edge")
    expected = ndimage.grey_closing(padded, size=(9, 9))[20:-20, 20:-20]
    assert np.array_equal(_closing(a, 4), expected)


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize("contrast", [0.5, 0.8])
def test_ink_is_found_in_any_light(light, contrast):
    found = find_ink(LIGHTS[light] * (1 - contrast * STROKES) + noise())
    assert found.dark
    wrong = (found.amount > 0.5) != (STROKES > 0)
    assert wrong.mean() < 0.01


def test_light_ink_is_found():
    found = find_ink(0.1 + 0.6 * STROKES + noise())
    assert not found.dark
    assert ((found.amount > 0.5) != (STROKES > 0)).mean() < 0.01


@pytest.mark.parametrize("dark", [True, False])
def test_polarity_can_be_given(dark):
    assert find_ink(0.9 - 0.7 * STROKES, dark).dark is dark


@pytest.mark.parametrize("light", LIGHTS)
def test_paper_without_ink_is_blank(light):
    for seed in range(5):
        with pytest.raises(NoDigitError, match="no ink found"):
            find_ink(LIGHTS[light] + noise(seed))


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (3, 2)])
def test_blank_pictures_of_any_size_are_blank(shape):
    for value in (0.0, 0.5, 1.0):
        with pytest.raises(NoDigitError):
            find_ink(np.full(shape, value))
