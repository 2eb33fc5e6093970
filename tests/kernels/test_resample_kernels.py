"""The kernels of augmentation, against SciPy and against what NumPy does to whole pixels."""

import numpy as np
import pytest
from scipy import ndimage

from mnistnn.backend.jit import CompiledFunction
from mnistnn.kernels.resample import gaussian_matrix, resample, resample_in_loop, smooth, source_maps

STILL = {"angle": 0.0, "shear": 0.0, "scale": (1.0, 1.0), "shift": (0.0, 0.0)}


def maps_of(h, w, n=1, **changed):
    """Return n equal maps, of an image of h×w that is moved as `changed` says."""
    moved = {name: np.repeat(np.array([value], dtype=float), n, axis=0) for name, value in (STILL | changed).items()}
    return source_maps(h, w, **moved)


def distorted(images, maps, fields=None, sharing=None):
    n, _, h, w = images.shape
    if fields is None:
        fields, sharing = np.zeros((1, 2, h, w), dtype=images.dtype), n
    out = np.full_like(images, np.nan)
    resample(images, maps.astype(images.dtype), fields, sharing, out)
    return out


def digits(n=4, c=1, h=9, w=11, dtype="float64"):
    return np.random.default_rng(1).uniform(size=(n, c, h, w)).astype(dtype)


def wild(images, seed=2):
    """Return maps and fields that reach far outside of the images."""
    rng = np.random.default_rng(seed)
    n, _, h, w = images.shape
    angle, shear = rng.uniform(-2, 2, n), rng.uniform(-1, 1, n)
    maps = source_maps(h, w, angle, shear, rng.uniform(0.5, 2.0, (n, 2)), rng.uniform(-4, 4, (n, 2)))
    return maps.astype(images.dtype), rng.normal(scale=2.0, size=(n, 2, h, w)).astype(images.dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("c", [1, 3])
def test_still_image_keeps_its_bits(c, dtype):
    images = digits(c=c, dtype=dtype)
    assert distorted(images, maps_of(9, 11, 4)).tobytes() == images.tobytes()


def test_constant_image_stays_constant_inside():
    images = np.full((3, 1, 28, 28), 0.7, dtype="float32")
    fields = np.random.default_rng(0).uniform(-1, 1, size=(3, 2, 28, 28)).astype("float32")
    out = distorted(images, maps_of(28, 28, 3, angle=0.1, scale=(1.1, 0.9), shift=(0.4, 0.3)), fields, 1)
    assert (out[:, :, 8:-8, 8:-8] == np.float32(0.7)).all()


@pytest.mark.parametrize(("down", "right"), [(2, 0), (0, -3), (-1, 4), (0, 11), (-20, 0)])
def test_shift_by_whole_pixels_moves_them_and_brings_in_zeros(down, right):
    images = digits(dtype="float32")
    expected = np.zeros_like(images)
    if abs(down) < 9 and abs(right) < 11:
        expected[:, :, max(down, 0) : 9 + down, max(right, 0) : 11 + right] = images[
            :, :, max(-down, 0) : 9 - down, max(-right, 0) : 11 - right
        ]
    assert distorted(images, maps_of(9, 11, 4, shift=(down, right))).tobytes() == expected.tobytes()


@pytest.mark.parametrize("quarters", [1, 2, 3, -1])
def test_rotation_by_right_angles_is_that_of_numpy(quarters):
    images = digits(h=9, w=9)
    out = distorted(images, maps_of(9, 9, 4, angle=quarters * np.pi / 2))
    np.testing.assert_allclose(out, np.rot90(images, quarters, axes=(2, 3)), atol=1e-13)


def test_shear_leans_strokes_to_the_right():
    stroke = np.zeros((1, 1, 9, 9))
    stroke[..., 4] = 1.0
    out = distorted(stroke, maps_of(9, 9, shear=np.pi / 4))
    np.testing.assert_allclose(out[0, 0], np.eye(9)[:, ::-1], atol=1e-13)


def test_scale_makes_larger():
    square = np.zeros((1, 1, 21, 21))
    square[..., 8:13, 8:13] = 1.0
    out = distorted(square, maps_of(21, 21, scale=(3.0, 2.0)))[0, 0]
    assert out.sum() == pytest.approx(25 * 3 * 2, rel=0.01)
    assert (out.sum(axis=0) > 0).sum() < (out.sum(axis=1) > 0).sum()


def test_resample_is_that_of_scipy():
    images = digits(n=6, c=2)
    maps, fields = wild(images)
    places = np.stack([*np.meshgrid(np.arange(9.0), np.arange(11.0), indexing="ij"), np.ones((9, 11))])
    sources = np.einsum("nij,jhw->nihw", maps, places) + fields
    expected = [
        [ndimage.map_coordinates(plane, source, order=1, mode="grid-constant") for plane in image]
        for image, source in zip(images, sources, strict=True)
    ]
    np.testing.assert_allclose(distorted(images, maps, fields, 1), expected, atol=1e-12)


def test_field_is_shared_by_neighbours():
    images = digits(n=5)
    maps, fields = wild(images)
    shared = distorted(images, maps, fields[:3], sharing=2)
    assert shared.tobytes() == distorted(images, maps, fields[[0, 0, 1, 1, 2]], sharing=1).tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_compiled_function_gives_the_same_bits(dtype):
    pytest.importorskip("numba")
    images = digits(n=40, c=2, dtype=dtype) - np.array(0.5, dtype=dtype)
    maps, fields = wild(images)
    fields[0] *= 1e30  # as far out as numbers go
    expected, out = np.full_like(images, np.nan), np.full_like(images, np.nan)
    resample(images, maps, fields, 2, expected)
    CompiledFunction(resample_in_loop)(images, maps, fields, 2, out)
    assert out.tobytes() == expected.tobytes()


def test_function_without_compilation_gives_the_same_bits():
    images = digits(n=3, dtype="float32")
    maps, fields = wild(images)
    expected, out = np.empty_like(images), np.empty_like(images)
    resample(images, maps, fields, 1, expected)
    resample_in_loop(images, maps, fields, 1, out)
    assert out.tobytes() == expected.tobytes()


@pytest.mark.parametrize("sigma", [0.1, 0.7, 2.0, 6.0])
def test_smoothing_is_that_of_scipy(sigma):
    noise = np.random.default_rng(0).uniform(-1, 1, size=(3, 2, 12, 9))
    out = np.empty_like(noise)
    smooth(noise, gaussian_matrix(12, sigma), gaussian_matrix(9, sigma), np.empty_like(noise), out)
    expected = ndimage.gaussian_filter(noise, (0, 0, sigma, sigma), mode="constant", truncate=10)
    np.testing.assert_allclose(out, expected, atol=1e-12)


def test_gaussian_matrix_is_not_made_up_for_at_borders():
    G = gaussian_matrix(41, 3.0)
    assert G[20].sum() == pytest.approx(1.0, abs=1e-10)
    assert G[0].sum() == pytest.approx(0.5 + G[0, 0] / 2, abs=1e-10)
