import bz2
import gzip
import hashlib
import io
import lzma
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnistnn.data.datasets import bars_and_stripes, cache
from mnistnn.data.datasets.catalogue import KNOWN_SETS
from mnistnn.data.datasets.importing import Changes, add
from mnistnn.data.datasets.manifest import read_manifest
from mnistnn.data.datasets.published_set import PublishedFile, PublishedSet
from mnistnn.data.formats.given import Wishes
from mnistnn.data.formats.idx import decode_idx
from mnistnn.data.formats.image_set import FILE_NAMES, TRAIN_IMAGES, TRAIN_LABELS, idx_files
from mnistnn.data.splits import ensure_available
from mnistnn.errors import DataError, UsageError


def write_idx(folder, images, pack=bytes, ending=""):
    paths = [folder / f"{name}{ending}" for name in FILE_NAMES]
    for path, content in zip(paths, idx_files(images).values(), strict=True):
        path.write_bytes(pack(content))
    return paths


def write_npz(folder, images):
    buffer = io.BytesIO()
    train, test = images.train, images.test
    np.savez(buffer, x_train=train.images, y_train=train.labels, x_test=test.images, y_test=test.labels)
    (folder / "set.npz").write_bytes(buffer.getvalue())
    return [folder / "set.npz"]


def write_course_pickle(folder, images):
    def part(half, examples):
        return half.images[examples].reshape(-1, 16) / 256, half.labels[examples].astype("i8")

    parts = part(images.train, slice(0, 8)), part(images.train, slice(8, 12)), part(images.test, slice(0, 6))
    (folder / "set.pkl.gz").write_bytes(gzip.compress(pickle.dumps(parts, protocol=2)))
    return [folder / "set.pkl.gz"]


@pytest.mark.parametrize(
    "write",
    [
        write_idx,
        lambda folder, images: write_idx(folder, images, gzip.compress, ".gz"),
        lambda folder, images: write_idx(folder, images)[::-1],
        write_npz,
        write_course_pickle,
    ],
    ids=["idx", "idx.gz", "idx in another order", "npz", "pickle"],
)
def test_add_stores_the_same_bytes_from_every_format(tiny, tmp_path, write):
    add("own", write(tmp_path, tiny))
    folder = cache.set_folder("own")
    assert {name: (folder / name).read_bytes() for name in FILE_NAMES} == idx_files(tiny)


def test_add_records_file_names_without_their_folders(tiny, tmp_path):
    add("own", write_npz(tmp_path, tiny))
    assert read_manifest(cache.set_folder("own")).files[TRAIN_IMAGES].origin == "set.npz"


def test_add_reads_a_folder_of_images(tiny, tmp_path):
    image = pytest.importorskip("PIL.Image")
    for half in ("train", "test"):
        (tmp_path / half / "0").mkdir(parents=True)
        image.fromarray(tiny.train.images[0]).save(tmp_path / half / "0" / "a.png")
    add("own", [tmp_path])
    assert read_manifest(cache.set_folder("own")).train_examples == 1


def test_add_refuses_a_taken_name_unless_told_to_replace(tiny, tmp_path):
    paths = write_npz(tmp_path, tiny)
    add("own", paths)
    with pytest.raises(UsageError, match="--force replaces it"):
        add("own", paths)
    add("own", paths, replace=True)


def test_add_refuses_a_missing_half(tiny, tmp_path):
    with pytest.raises(UsageError, match="give all four"):
        add("own", write_idx(tmp_path, tiny)[:1])
    with pytest.raises(UsageError, match="2 files given; expected four IDX files"):
        add("own", write_idx(tmp_path, tiny)[:2])


def test_add_refuses_idx_files_of_the_same_role(tiny, tmp_path):
    paths = write_idx(tmp_path, tiny)
    with pytest.raises(UsageError, match="second file of the same kind"):
        add("own", [paths[0], paths[0], paths[2], paths[3]])


def test_add_refuses_idx_files_of_unclear_half(tiny, tmp_path):
    paths = write_idx(tmp_path, tiny)
    with pytest.raises(UsageError, match="the name must contain"):
        add("own", [paths[0].rename(tmp_path / "images"), *paths[1:]])


def test_add_refuses_a_file_of_no_known_kind(tmp_path):
    (tmp_path / "notes.txt").write_text("digits")
    with pytest.raises(UsageError, match="no known kind"):
        add("own", [tmp_path / "notes.txt"])


@pytest.mark.parametrize("name", ["empty.gz", "missing.npz"])
def test_add_names_a_file_that_cannot_be_read(tmp_path, name):
    (tmp_path / "empty.gz").write_bytes(b"")
    with pytest.raises((DataError, UsageError), match=name):
        add("own", [tmp_path / name])
    assert cache.stored_names() == []


def test_add_refuses_halves_that_do_not_fit(tiny, tmp_path):
    smaller = replace(tiny, test=replace(tiny.test, images=tiny.test.images[:, :2]))
    with pytest.raises(DataError, match="4x4 pixels, but test images are 2x4"):
        add("own", write_idx(tmp_path, smaller))
    fewer = replace(tiny, test=replace(tiny.test, labels=tiny.test.labels[:3]))
    with pytest.raises(DataError, match="6 test images but 3 labels"):
        add("own", write_idx(tmp_path, fewer))


def test_add_under_a_published_name_refuses_other_data(tiny, tmp_path):
    with pytest.raises(DataError, match="not that of mnist"):
        add("mnist", write_idx(tmp_path, tiny))


def test_add_under_the_name_of_a_made_set_takes_that_set_only(tiny, tmp_path):
    with pytest.raises(DataError, match="not that of bars-and-stripes: expected SHA-256 f41a"):
        add("bars-and-stripes", write_npz(tmp_path, tiny))
    assert not cache.is_stored("bars-and-stripes")
    add("bars-and-stripes", write_npz(tmp_path, bars_and_stripes.make()))
    assert [check.problem for check in cache.verify("bars-and-stripes")] == [None] * 4


def known_set(files):
    """Return the entry of a set that is published in these files."""
    return PublishedSet(
        title="noise",
        image_shape=(4, 4),
        classes=3,
        train_examples=12,
        test_examples=6,
        licence="none",
        citation="nobody",
        files=files,
        mirrors=(),
    )


@pytest.fixture
def md5_only(tiny, monkeypatch):
    """A published set of which only the MD5 of the .gz files is known."""
    packed = {name: gzip.compress(content, mtime=0) for name, content in idx_files(tiny).items()}
    files = {
        f"{name}.gz": PublishedFile({"md5": hashlib.md5(content, usedforsecurity=False).hexdigest()})
        for name, content in packed.items()
    }
    monkeypatch.setitem(KNOWN_SETS, "pinned", known_set(files))


def pack(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def test_add_accepts_the_published_gz_files(md5_only, tiny, tmp_path):
    add("pinned", write_idx(tmp_path, tiny, pack, ".gz"))
    assert cache.is_stored("pinned")


def test_add_refuses_what_published_digests_cannot_verify(md5_only, tiny, tmp_path):
    with pytest.raises(DataError, match="expected MD5"):
        add("pinned", write_idx(tmp_path, tiny))
    with pytest.raises(DataError, match=r"four published files .*; give those, or .*set\.npz: is none of them"):
        add("pinned", write_npz(tmp_path, tiny))


def test_add_recognises_published_files_by_their_bytes(md5_only, tiny, tmp_path):
    paths = write_idx(tmp_path, tiny, pack, ".gz")
    add("pinned", [path.rename(tmp_path / f"{number}.bin") for number, path in enumerate(paths)])
    assert read_manifest(cache.set_folder("pinned")).files[TRAIN_IMAGES].origin == "0.bin"


def test_add_names_the_published_files_that_are_missing_or_there_twice(md5_only, tiny, tmp_path):
    paths = write_idx(tmp_path, tiny, pack, ".gz")
    with pytest.raises(UsageError, match=r"missing: t10k-labels-idx1-ubyte\.gz"):
        add("pinned", paths[:3])
    with pytest.raises(UsageError, match=r"is train-images-idx3-ubyte\.gz again"):
        add("pinned", [*paths, paths[0]])
    assert cache.stored_names() == []


# The same digits from every format.


def csv_of(half, names=True) -> str:
    rows = [["label", *(f"pixel{number}" for number in range(16))]] if names else []
    rows += [[str(label), *map(str, image.ravel())] for image, label in zip(half.images, half.labels, strict=True)]
    return "".join(",".join(row) + "\n" for row in rows)


def write_csv(folder, images):
    for half in ("train", "test"):
        (folder / f"mnist_{half}.csv").write_text(csv_of(getattr(images, half), half == "train"))
    return [folder / "mnist_test.csv", folder / "mnist_train.csv"]


def write_libsvm(folder, images):
    for name, half in (("mnist", images.train), ("mnist.t", images.test)):
        lines = [
            " ".join([str(label), *(f"{at}:{value}" for at, value in enumerate(image.ravel(), start=1) if value)])
            for image, label in zip(half.images, half.labels, strict=True)
        ]
        (folder / f"{name}.bz2").write_bytes(bz2.compress("\n".join(lines).encode()))
    return [folder / "mnist.bz2", folder / "mnist.t.bz2"]


def write_mat(folder, images):
    scipy_io = pytest.importorskip("scipy.io")
    for half in ("train", "test"):
        part = getattr(images, half)
        arrays = {"X": part.images.transpose(1, 2, 0), "y": part.labels[:, None].astype(float)}
        scipy_io.savemat(folder / f"{half}.mat", arrays, do_compression=half == "train")
    return [folder / "train.mat", folder / "test.mat"]


def write_kuzushiji(folder, images):
    paths = []
    for half in ("train", "test"):
        for kind, array in (("imgs", getattr(images, half).images), ("labels", getattr(images, half).labels)):
            paths.append(folder / f"kmnist-{half}-{kind}.npz")
            np.savez_compressed(paths[-1], array)
    return paths


@pytest.mark.parametrize("write", [write_csv, write_libsvm, write_mat, write_kuzushiji])
def test_add_stores_the_same_bytes_from_pairs_of_files(tiny, tmp_path, write):
    add("own", write(tmp_path, tiny))
    folder = cache.set_folder("own")
    assert {name: (folder / name).read_bytes() for name in FILE_NAMES} == idx_files(tiny)


def test_add_takes_a_published_set_from_any_format_that_gives_its_bytes(tiny, tmp_path, monkeypatch):
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in idx_files(tiny).items()}
    monkeypatch.setitem(KNOWN_SETS, "pinned", replace(known_set({}), sha256=digests))
    add("pinned", write_csv(tmp_path, tiny))
    with pytest.raises(DataError, match="has no test images, which pinned has"):
        add("pinned", write_csv(tmp_path, tiny)[1:], replace=True)
    with pytest.raises(UsageError, match="an option would make another set of pinned"):
        add("pinned", write_csv(tmp_path, tiny), replace=True, changes=Changes(transpose=True))


def stored(name="own"):
    folder = cache.set_folder(name)
    return {name: decode_idx((folder / name).read_bytes(), name) for name in FILE_NAMES}


def test_add_of_one_table_divides_it(tiny, tmp_path):
    said = add("own", write_csv(tmp_path, tiny)[1:])
    assert "nothing says which images are for the test: 2 of 12 are" in said[0]
    manifest = read_manifest(cache.set_folder("own"))
    assert (manifest.train_examples, manifest.test_examples) == (10, 2)


def test_add_keeps_validation_images_that_are_taken_behind_the_training_images(tiny, tmp_path):
    add("own", write_csv(tmp_path, tiny), changes=Changes(valid=3, seed=1))
    manifest = read_manifest(cache.set_folder("own"))
    assert (manifest.train_examples, manifest.validation_examples) == (12, 3)
    assert sorted(stored()[TRAIN_LABELS][-3:].tolist()) == [0, 1, 2]


def test_add_transposes_inverts_and_resizes(tiny, tmp_path):
    paths = write_npz(tmp_path, tiny)
    add("own", paths, changes=Changes(transpose=True, invert=True))
    np.testing.assert_array_equal(stored()[TRAIN_IMAGES], 255 - tiny.train.images.transpose(0, 2, 1))
    add("own", paths, replace=True, wishes=Wishes(resize_px=(2, 2)))
    means = tiny.train.images.reshape(12, 2, 2, 2, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(stored()[TRAIN_IMAGES], means, atol=0.51)


def test_add_counts_labels_from_1_from_0_and_keeps_their_names(tiny, tmp_path):
    from_one = replace(
        tiny,
        train=replace(tiny.train, labels=tiny.train.labels + np.uint8(1)),
        test=replace(tiny.test, labels=tiny.test.labels + np.uint8(1)),
    )
    said = add("own", write_npz(tmp_path, from_one))
    assert said == ["labels are 1 to 3: they are stored as 0 to 2, and the classes are called 1 to 3"]
    assert read_manifest(cache.set_folder("own")).class_names == ("1", "2", "3")
    np.testing.assert_array_equal(stored()[TRAIN_LABELS], tiny.train.labels)
    add("own", write_npz(tmp_path, from_one), replace=True, changes=Changes(class_names=["a", "b", "c"]))
    assert read_manifest(cache.set_folder("own")).class_names == ("a", "b", "c")
    add("own", write_npz(tmp_path, from_one), replace=True, changes=Changes(class_names=["none", "a", "b", "c"]))
    assert read_manifest(cache.set_folder("own")).class_names == ("none", "a", "b", "c")
    np.testing.assert_array_equal(stored()[TRAIN_LABELS], from_one.train.labels)


@pytest.mark.parametrize("answer", [True, False])
def test_add_asks_about_a_bright_background_only(tiny, tmp_path, answer):
    asked = []

    def ask(found):
        asked.append(found)
        return answer

    dark = np.zeros((12, 4, 4), np.uint8)
    dark[:, 1:3, 1:3] = np.arange(12)[:, None, None] + 200
    for name, images in (("dark", dark), ("bright", 255 - dark)):
        given = replace(tiny, train=replace(tiny.train, images=images), test=replace(tiny.test, images=images[:6]))
        assert add(name, write_npz(tmp_path, given), changes=Changes(ask=ask)) == []
    assert asked == ["100% of the training images have a bright background"]
    np.testing.assert_array_equal(stored("bright")[TRAIN_IMAGES], dark if answer else 255 - dark)


def test_add_says_that_pixels_are_all_dark(tiny, tmp_path):
    dim = replace(tiny, train=replace(tiny.train, images=tiny.train.images // 16))
    assert add("own", write_npz(tmp_path, dim)) == [
        "no pixel is brighter than 15 of 255, where experiments take 255 for white; multiply pixels by 17"
    ]


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        (Wishes(size_px=(4, 4)), "--size is for rows of pixels, and not for a zip archive; --resize makes"),
        (Wishes(labels=Path("labels.csv")), "--labels is for image files, and not for a table of pixels"),
    ],
)
def test_add_refuses_options_that_mean_nothing(tiny, tmp_path, wishes, message):
    write = write_csv if wishes.labels else write_npz
    with pytest.raises(UsageError, match=message):
        add("own", write(tmp_path, tiny), wishes=wishes)


def test_add_refuses_files_of_different_kinds(tiny, tmp_path):
    paths = [*write_npz(tmp_path, tiny), *write_csv(tmp_path, tiny)]
    with pytest.raises(UsageError, match=r"set.npz is a zip archive, but .*mnist_test.csv is a table of pixels"):
        add("own", paths)
    with pytest.raises(UsageError, match="a folder among them"):
        add("own", [*paths, tmp_path])


def test_add_refuses_xz_by_name(tmp_path):
    (tmp_path / "mnist.xz").write_bytes(lzma.compress(b"1 2:3\n"))
    with pytest.raises(UsageError, match="compressed by xz, unpack it"):
        add("own", [tmp_path / "mnist.xz"])


def test_add_of_what_is_refused_stores_nothing(tiny, tmp_path):
    (tmp_path / "set.csv").write_text("1,2,3\n4,5\n")
    with pytest.raises(DataError):
        add("own", [tmp_path / "set.csv"])
    assert cache.stored_names() == []
    assert [path.name for path in cache.datasets_folder().glob("*")] == []


@pytest.mark.slow
def test_mnist_as_tables_has_the_published_digests(tmp_path, cache_root, monkeypatch):
    """A set is stored under the name mnist only if its bytes are those that the catalogue knows."""
    monkeypatch.delenv("MNISTNN_DATA")
    ensure_available("mnist", progress=False)
    published = stored("mnist")
    monkeypatch.setenv("MNISTNN_DATA", str(cache_root))
    for half, (images, labels) in (("train", FILE_NAMES[:2]), ("test", FILE_NAMES[2:])):
        rows = np.concatenate([published[labels][:, None], published[images].reshape(-1, 784)], axis=1).tolist()
        (tmp_path / f"mnist_{half}.csv").write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    assert add("mnist", [tmp_path / "mnist_train.csv", tmp_path / "mnist_test.csv"]) == []
    assert [check.problem for check in cache.verify("mnist")] == [None] * 4
