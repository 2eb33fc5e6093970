import io
import shutil
import struct
import sys
import zipfile
import zlib

import numpy as np
import pytest

from mnistnn.data.formats.given import NO_WISHES, GivenFile, Wishes
from mnistnn.data.formats.image_folder import read_image_folder, read_image_zip
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


# Other layouts.


def flat(folder) -> list[tuple[str, int]]:
    """Move all training images into one folder; return their names and labels."""
    place, found = folder / "flat", []
    place.mkdir()
    for label in "012":
        for path in sorted((folder / "train" / label).iterdir()):
            path.rename(place / f"{label}-{path.name}")
            found.append((f"{label}-{path.name}", int(label)))
    return found


@pytest.mark.parametrize("deep", [(), ("set",), ("download", "set")])
@pytest.mark.parametrize("half", ["train", "TRAIN", "Training", None])
def test_image_folder_is_found_inside_of_others(folder, tiny, tmp_path_factory, deep, half):
    place = tmp_path_factory.mktemp("given").joinpath(*deep)
    place.mkdir(parents=True, exist_ok=True)
    if half is None:
        for label in "012":
            shutil.copytree(folder / "train" / label, place / label)
    else:
        shutil.copytree(folder / "train", place / half)
        (place / "readme.txt").write_text("x")
    given = place.parents[len(deep) - 1] if deep else place
    found = read_image_folder(given)
    assert pairs(found.train) == pairs(tiny.train)
    assert found.said == ((f"the images are those of {place}",) if deep else ())


def test_image_folder_leaves_test_images_without_labels_out_and_says_so(folder, tiny):
    shutil.rmtree(folder / "test" / "1")
    shutil.rmtree(folder / "test" / "2")
    for path in (folder / "test" / "0").iterdir():
        path.rename(folder / "test" / path.name)
    (folder / "test" / "0").rmdir()
    found = read_image_folder(folder)
    assert pairs(found.train) == pairs(tiny.train)
    assert (found.test, found.said) == (
        None,
        (f"the images in {folder}/test were left out: they have no label",),
    )


def test_image_folder_with_a_link_to_itself_is_read(folder, tiny):
    (folder / "train" / "0" / ".loop").symlink_to(folder)
    (folder / "loop").symlink_to(folder)
    assert pairs(read_image_folder(folder).train) == pairs(tiny.train)


def test_image_folder_says_which_images_have_no_label(folder):
    shutil.copy(folder / "train/0/0.png", folder / "stray.png")
    assert read_image_folder(folder).said == (f"1 image files in {folder} itself were left out: they have no label",)


@pytest.mark.parametrize(
    "write",
    [
        lambda rows: "file,label\n" + "".join(f"{name},{label}\n" for name, label in rows),
        lambda rows: "".join(f"{label};{name}\n" for name, label in rows),
        lambda rows: "label\tid\n" + "".join(f"{label}\t{name.removesuffix('.png')}\n" for name, label in rows),
        lambda rows: "n,path,label\r\n" + "".join(f"7,flat\\{name},{label}\r\n" for name, label in rows),
        lambda rows: "".join(f'"./pictures/{name}", "{label}"\n' for name, label in rows),
    ],
    ids=["names", "no names", "without endings", "three columns", "other paths"],
)
def test_table_of_labels_gives_every_image_its_label(folder, tiny, tmp_path, write):
    rows = flat(folder)
    table = tmp_path / "labels.csv"
    table.write_text(write(rows), newline="")
    found = read_image_folder(folder / "flat", Wishes(labels=table))
    assert pairs(found.train) == pairs(tiny.train)
    assert (found.test, found.said) == (None, ())


def test_table_of_labels_as_words_names_the_classes(folder, tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("".join(f"{name},{'cab'[label]}\n" for name, label in flat(folder)))
    found = read_image_folder(folder / "flat", Wishes(labels=table))
    assert found.class_names == ("a", "b", "c")
    assert found.train.labels.tolist().count(0) == 4


def test_table_of_labels_keeps_the_halves_that_files_lie_in(folder, tiny, tmp_path):
    table = tmp_path / "labels.csv"
    files = [path.relative_to(folder) for path in sorted(folder.rglob("*.png"))]
    table.write_text("".join(f"{path.as_posix()},{path.parent.name}\n" for path in files))
    found = read_image_folder(folder, Wishes(labels=table))
    assert pairs(found.train) == pairs(tiny.train)
    assert pairs(found.test) == pairs(tiny.test)


def test_images_that_the_table_does_not_name_are_said(folder, tmp_path):
    rows = flat(folder)
    table = tmp_path / "labels.csv"
    table.write_text("".join(f"{name},{label}\n" for name, label in rows[2:]))
    assert "2 image files were left out" in read_image_folder(folder / "flat", Wishes(labels=table)).said[0]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("file,label\n0-0.png,1\nnothing.png,2\n", "line 3: there is no image file 'nothing.png'"),
        ("0-0.png,1\n0-0.png,2\n", "line 2: '0-0.png' is there twice"),
        ("0-0.png,1\n0-3.png, \n", "line 2: '0-3.png' has no label"),
        ("0-0.png,1\n0-3.png\n", "line 2: has 1 fields, but the first line has 2"),
        ("file,label\nx.png,1\n", "names none of the 12 image files that are there, but 'x.png'"),
        ("file,a,b\n0-0.png,1,2\n", "line 1: which column is the label.* found a, b"),
        ("0-0.png\n", "has one column"),
        ("", "the file is empty"),
        ('"', "is not a CSV file"),
    ],
)
def test_table_of_labels_that_does_not_fit_is_refused(folder, tmp_path, text, message):
    flat(folder)
    table = tmp_path / "labels.csv"
    table.write_text(text)
    with pytest.raises(DataError, match=f"labels.csv: {message}"):
        read_image_folder(folder / "flat", Wishes(labels=table))


def test_flat_images_are_refused_with_what_to_do(folder):
    flat(folder)
    (folder / "flat" / "digits.csv").write_text("x")
    with pytest.raises(DataError, match=r"contains no folder for any label; .*--labels .*flat/digits.csv"):
        read_image_folder(folder / "flat")


def test_images_of_other_sizes_are_refused_with_the_most_frequent_ones(folder):
    for name in ("3", "6"):
        Image.fromarray(np.zeros((5, 4), np.uint8)).save(folder / "train" / "0" / f"{name}.png")
    with pytest.raises(DataError, match=r"Most are 4x4 \(10 files\) and 5x4 \(2 files\); --resize 4x4 makes all so"):
        read_image_folder(folder)


def test_resize_makes_all_images_alike_by_the_means_of_areas(folder):
    big = (2 * np.arange(64, dtype=np.uint8)).reshape(8, 8)
    Image.fromarray(big).save(folder / "train" / "0" / "0.png")
    found = read_image_folder(folder, Wishes(resize_px=(4, 4)))
    expected = big.reshape(4, 2, 4, 2).mean(axis=(1, 3)).astype(np.uint8)  # all are whole
    assert expected.tobytes() in [image for image, _ in pairs(found.train)]


# Zip archives.


def zipped(folder, inner="", **options) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        for path in sorted(folder.rglob("*.png")):
            archive.write(path, f"{inner}{path.relative_to(folder).as_posix()}")
    return buffer.getvalue()


def read_zip(content: bytes):
    return read_image_zip([GivenFile("set.zip", "set.zip", content, content[:99])], NO_WISHES)


@pytest.mark.parametrize("inner", ["", "set/", "download/set/"])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_zip_of_images_is_what_its_folder_is(folder, inner, compression):
    found, expected = read_zip(zipped(folder, inner, compression=compression)), read_image_folder(folder)
    for half in ("train", "test"):
        np.testing.assert_array_equal(getattr(found, half).images, getattr(expected, half).images)
        np.testing.assert_array_equal(getattr(found, half).labels, getattr(expected, half).labels)


def test_zip_is_not_unpacked(folder, tmp_path_factory, monkeypatch):
    place = tmp_path_factory.mktemp("empty")
    content = zipped(folder)
    monkeypatch.chdir(place)
    monkeypatch.setattr("tempfile.tempdir", str(place))
    read_zip(content)
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("name", ["../../evil.png", "/etc/evil.png", "a/../evil.png", "a//evil.png", "..\\evil.png"])
def test_zip_with_names_that_lead_out_of_it_is_refused(folder, name):
    content = io.BytesIO(zipped(folder))
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr(name, b"x")
    with pytest.raises(DataError, match="is no name of a file inside of the archive"):
        read_zip(content.getvalue())


def test_zip_with_what_systems_leave_is_read(folder, tiny):
    content = io.BytesIO(zipped(folder))
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr("__MACOSX/train/0/._0.png", b"x")
        archive.writestr("train/0/Thumbs.db", b"x")
        archive.writestr("train\\0\\Thumbs.db", b"x")
    assert pairs(read_zip(content.getvalue()).train) == pairs(tiny.train)


def test_zip_without_images_is_refused_with_what_to_do():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("train.csv", b"1,0\n")
    with pytest.raises(DataError, match=r"holds neither image files .* nor NumPy arrays; unpack it"):
        read_zip(content.getvalue())


def test_zip_that_holds_more_than_a_set_is_refused(folder, monkeypatch):
    monkeypatch.setattr("mnistnn.data.formats.picture_tree.MAX_SET_BYTES", 500)
    with pytest.raises(DataError, match=r"set\.zip: [\d,]+ bytes, more than the .* 500 bytes allowed"):
        read_zip(zipped(folder))


def test_zip_whose_member_is_larger_than_it_says_is_refused(folder):
    content = bytearray(zipped(folder, compression=zipfile.ZIP_DEFLATED))
    entry = content.index(b"PK\x01\x02")  # the first one's, in the directory at the end
    (size,) = struct.unpack_from("<I", content, entry + 24)
    struct.pack_into("<I", content, entry + 24, size - 1)
    with pytest.raises(DataError, match=r"set\.zip: t\w+/\d/\d+\.png: "):
        read_zip(bytes(content))
