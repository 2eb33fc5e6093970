import gzip
import hashlib
import io
import pickle
from dataclasses import replace

import numpy as np
import pytest

from mnistnn.data.datasets import bars_and_stripes, cache
from mnistnn.data.datasets.catalogue import KNOWN_SETS
from mnistnn.data.datasets.importing import add
from mnistnn.data.datasets.manifest import read_manifest
from mnistnn.data.datasets.published_set import PublishedFile, PublishedSet
from mnistnn.data.formats.image_set import FILE_NAMES, TRAIN_IMAGES, idx_files
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


@pytest.fixture
def md5_only(tiny, monkeypatch):
    """A published set of which only the MD5 of the .gz files is known."""
    packed = {name: gzip.compress(content, mtime=0) for name, content in idx_files(tiny).items()}
    files = {
        f"{name}.gz": PublishedFile({"md5": hashlib.md5(content, usedforsecurity=False).hexdigest()})
        for name, content in packed.items()
    }
    known = PublishedSet(
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
    monkeypatch.setitem(KNOWN_SETS, "pinned", known)


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
