import io
import os
import random
import sys

import numpy as np
import pytest

from mnistnn.data.pictures.read import MAX_PIXELS, read_picture
from mnistnn.errors import DataError, ResourceError

Image = pytest.importorskip("PIL.Image")
GREY = np.arange(6 * 9, dtype=np.uint8).reshape(6, 9) * 4


def saved(path, image, **options):
    image.save(path, **options)
    return read_picture(path)


@pytest.mark.parametrize("name", ["a.png", "a.pgm", "a.npy"])
def test_grey_pictures_keep_every_pixel(tmp_path, name):
    path = tmp_path / name
    if name == "a.npy":
        np.save(path, GREY)
    else:
        Image.fromarray(GREY).save(path)
    found = read_picture(path)
    assert np.allclose(found.grey, GREY / 255)
    assert found.size_px == (6, 9)


def test_plain_pgm_is_read(tmp_path):
    (tmp_path / "a.pgm").write_text("P2\n# made by hand\n3 1\n15\n0 3 15\n")
    assert np.allclose(read_picture(tmp_path / "a.pgm").grey, [[0, 0.2, 1]])


def test_jpeg_is_read(tmp_path):
    assert np.abs(saved(tmp_path / "a.jpg", Image.fromarray(GREY), quality=95).grey - GREY / 255).max() < 0.05


def test_bilevel_and_16_bits_are_read(tmp_path):
    bits = GREY > 100
    assert np.array_equal(saved(tmp_path / "a.png", Image.fromarray(bits)).grey, bits)
    deep = GREY.astype(np.uint16) * 257
    assert np.allclose(saved(tmp_path / "b.png", Image.fromarray(deep)).grey, GREY / 255)
    (tmp_path / "c.pgm").write_bytes(b"P5 9 6 65535\n" + deep.astype(">u2").tobytes())
    assert np.allclose(read_picture(tmp_path / "c.pgm").grey, GREY / 255)


def test_colours_become_luminance(tmp_path):
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], dtype=np.uint8)
    expected = [[0.299, 0.587, 0.114]]
    assert np.allclose(saved(tmp_path / "a.png", Image.fromarray(colours)).grey, expected, atol=0.003)
    palette = Image.fromarray(colours).convert("P", palette=Image.Palette.ADAPTIVE)
    assert np.allclose(saved(tmp_path / "b.png", palette).grey, expected, atol=0.01)
    np.save(tmp_path / "c.npy", colours)
    assert np.allclose(read_picture(tmp_path / "c.npy").grey, expected, atol=0.003)


@pytest.mark.parametrize(("ink", "paper"), [(0, 1.0), (255, 0.0)])
def test_what_is_transparent_becomes_the_opposite_of_the_ink(tmp_path, ink, paper):
    drawing = np.full((4, 4, 2), ink, dtype=np.uint8)
    drawing[:, :, 1] = 0
    drawing[1, 1:3, 1] = 255
    bands = [Image.fromarray(drawing[:, :, channel].copy()) for channel in (0, 1)]
    found = saved(tmp_path / "a.png", Image.merge("LA", bands))
    expected = np.full((4, 4), paper)
    expected[1, 1:3] = ink / 255
    assert np.allclose(found.grey, expected)


def test_photograph_is_turned_upright(tmp_path):
    image = Image.fromarray(GREY)
    exif = image.getexif()
    exif[0x0112] = 6  # to be turned clockwise
    found = saved(tmp_path / "a.png", image, exif=exif)
    assert np.allclose(found.grey, np.rot90(GREY, -1) / 255)
    assert found.size_px == (9, 6)


@pytest.mark.parametrize("name", ["a.png", "a.npy"])
def test_large_pictures_are_reduced_to_means(tmp_path, name):
    large = np.random.default_rng(0).integers(0, 256, (30, 5001)).astype(np.uint8)
    if name == "a.npy":
        np.save(tmp_path / name, large)
    else:
        Image.fromarray(large).save(tmp_path / name)
    found = read_picture(tmp_path / name)
    assert (found.size_px, found.grey.shape) == ((30, 5001), (10, 1667))
    assert np.allclose(found.grey, large.reshape(10, 3, 1667, 3).mean(axis=(1, 3)) / 255, atol=0.003)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16, np.float16, np.float32, np.float64])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_are_read(tmp_path, dtype, order):
    full = np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1
    values = np.asarray((GREY > 100) * full, dtype=dtype, order=order)
    np.save(tmp_path / "a.npy", values)
    assert np.array_equal(read_picture(tmp_path / "a.npy").grey, GREY > 100)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(4), "the shape"),
        (np.zeros((2, 2, 5)), "the shape"),
        (np.zeros((0, 4)), "0×4 pixels"),
        (np.zeros((2, 2), dtype=np.int32), "the type int32"),
        (np.zeros((2, 2), dtype=complex), "the type complex"),
        (np.full((2, 2), np.nan), "its values are nan"),
        (np.full((2, 2), -1.0), "its values are -1"),
        (np.full((2, 2), 300.0), "its values are 300"),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError, match=message):
        read_picture(tmp_path / "a.npy")


def test_pickled_arrays_are_never_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    np.save(tmp_path / "a.npy", np.array([[Trap()]], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="the type object"):
        read_picture(tmp_path / "a.npy")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"GIF89a" + bytes(40), "none of the pictures that are read: PNG, JPEG, PGM"),
        (b"P5 100000 100000 255\n", f"more than the {MAX_PIXELS:,} pixels"),
        (b"P5 9000 9000 255\n", "9000×9000 pixels, more than"),
        (b"\x93NUMPY\x01\x00\x00", "not a NumPy array that can be read"),
        (b"\x89PNG\r\n\x1a\n", "the PNG picture ends too early"),
    ],
)
def test_files_that_are_no_pictures_are_refused(tmp_path, content, message):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(DataError, match=message) as raised:
        read_picture(tmp_path / "a")
    assert str(raised.value).startswith(f"{tmp_path / 'a'}: ")


def test_only_regular_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, tmp_path / "gone.png"):
        with pytest.raises(DataError, match=path.name):
            read_picture(path)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "PPM", "npy"])
def test_damaged_pictures_are_read_or_refused(tmp_path, kind):
    memory, path = io.BytesIO(), tmp_path / "a"
    if kind == "npy":
        np.save(memory, GREY)
    else:
        Image.fromarray(GREY).save(memory, format=kind)
    whole = memory.getvalue()
    rng = random.Random(0)
    for length in rng.sample(range(len(whole) - 2), min(60, len(whole) - 2)):
        path.write_bytes(whole[:length])
        with pytest.raises(DataError):
            read_picture(path)
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        path.write_bytes(damaged)
        try:
            found = read_picture(path)
        except DataError:
            continue
        assert found.grey.min() >= 0
        assert found.grey.max() <= 1.001


def test_without_pillow_the_remedy_is_named(tmp_path, monkeypatch):
    Image.fromarray(GREY).save(tmp_path / "a.png")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ResourceError, match=r"pip install 'mnistnn\[plot\]'"):
        read_picture(tmp_path / "a.png")
