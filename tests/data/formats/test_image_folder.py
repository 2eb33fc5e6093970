import io
import shutil
import struct
import sys
import zlib

import numpy as np
import pytest

from mnistnn.data.formats.image_folder import read_image_folder
from mnistnn.errors import DataError, ResourceError

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def folder(tmp_path, tiny):
    """Write the tiny set as PNG files."""
    for half_name in ("train", "test"):
        half = getattr(tiny, half_name)
        for index, (image, label) in enumerate(zip(half.images, half.labels, strict=True)):
            place = tmp_path / half_name / str(label)
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(place / f"{index}.png")
    return tmp_path


def pairs(half):
    return sorted((image.tobytes(), int(label)) for image, label in zip(half.images, half.labels, strict=True))


def test_image_folder_gives_every_image_its_label(folder, tiny):
    found = read_image_folder(folder)
    assert pairs(found.train) == pairs(tiny.train)
    assert pairs(found.test) == pairs(tiny.test)


def test_image_folder_order_depends_on_names_alone_and_mixes_labels(folder):
    found = read_image_folder(folder)
    assert np.array_equal(read_image_folder(folder).train.images, found.train.images)
    assert found.train.labels.tolist() != sorted(found.train.labels.tolist())


def test_image_folder_with_names_counts_them_in_sorted_order(folder, tiny):
    for half in ("train", "test"):
        for label, name in enumerate(("ant", "bee", "cow")):
            (folder / half / str(label)).rename(folder / half / name)
    assert pairs(read_image_folder(folder).train) == pairs(tiny.train)


def test_image_folder_ignores_hidden_files(folder):
    (folder / "train" / ".DS_Store").write_bytes(b"x")
    (folder / "train" / "0" / ".DS_Store").write_bytes(b"x")
    assert len(read_image_folder(folder).train.labels) == 12


def test_image_folder_converts_colour_to_grey(folder):
    image = Image.open(folder / "train" / "0" / "0.png").convert("RGB")
    image.save(folder / "train" / "0" / "0.png")
    assert len(read_image_folder(folder).train.labels) == 12


def png(width: int, height: int, bits: int = 8) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\r" + header + struct.pack(">I", zlib.crc32(header))


PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"


def saved(samples: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(samples).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"GIF89a" + bytes(40), "none of the pictures that are read"),
        (png(4, 4), "ends too early"),
        (png(4, 4) + PNG_END, "not a readable PNG"),
        (png(2**31 - 1, 2**31 - 1) + PNG_END, "pixels that are allowed"),
        (png(0, 4) + PNG_END, "not a readable PNG|0×4 pixels"),
        (
            saved(np.zeros((5, 4), np.uint8)),
            "is 4 pixels wide and 5 high, but .*png is 4 pixels wide and 4 high; all must be alike",
        ),
        (saved(np.zeros((1, 1025), np.uint8)), "allowed are 1 to 1024 a side"),
    ],
)
def test_image_folder_with_an_unfit_file_is_refused(folder, content, message):
    path = folder / "train" / "1" / "bad.png"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_image_folder(folder)


def test_image_folder_with_truncated_pngs_is_refused(folder):
    path = folder / "train" / "1" / "1.png"
    content = path.read_bytes()
    for length in range(len(content)):
        path.write_bytes(content[:length])
        with pytest.raises(DataError):
            read_image_folder(folder)


def test_image_folder_with_other_files_is_refused(folder):
    (folder / "train" / "1" / "notes.txt").write_text("x")
    with pytest.raises(DataError, match=r"notes\.txt: is not an image file"):
        read_image_folder(folder)


@pytest.mark.parametrize(("name", "message"), [("01", "same label"), ("9" * 200, "expected 1 to 100 printable")])
def test_image_folder_with_an_unfit_label_is_refused(folder, name, message):
    (folder / "train" / name).mkdir()
    shutil.copy(folder / "train" / "0" / "0.png", folder / "train" / name)
    with pytest.raises(DataError, match=message):
        read_image_folder(folder)


def test_image_folder_with_a_number_that_is_no_byte_counts_numbers_in_their_order(folder):
    (folder / "train" / "2").rename(folder / "train" / "1000")
    (folder / "test" / "2").rename(folder / "test" / "1000")
    found = read_image_folder(folder)
    assert (found.class_names, sorted(set(found.train.labels.tolist()))) == (("0", "1", "1000"), [0, 1, 2])


def test_image_folder_without_a_test_half_has_training_images_alone(folder, tiny):
    (folder / "test").rename(folder / "rest")
    found = read_image_folder(folder)
    assert pairs(found.train) == pairs(tiny.train)
    assert found.test is None
    assert found.said == (f"left out, beside {folder}/train: rest",)


def test_image_folder_without_a_training_half_is_refused(folder):
    (folder / "train").rename(folder / "rest")
    with pytest.raises(DataError, match=r"has no folder train/ or training/; .*found rest, test"):
        read_image_folder(folder)


def test_image_folder_without_pillow_says_how_to_install_it(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ResourceError, match=r"pip install 'mnistnn\[plot\]'"):
        read_image_folder(folder)
