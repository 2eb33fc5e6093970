"""Sets made of a small one: what an image depends on, what is kept, and what a failure leaves."""

import errno
import os
import shutil
from collections import namedtuple

import numpy as np
import pytest

from mnistnn.augment import augment as distortions
from mnistnn.augment.infinite_mnist import generate
from mnistnn.backend import jit
from mnistnn.cli.data import generate as generate_command
from mnistnn.data.datasets import cache
from mnistnn.data.datasets.catalogue import KNOWN_SETS
from mnistnn.data.datasets.generated_set import GeneratedSet
from mnistnn.data.datasets.manifest import read_manifest
from mnistnn.data.spec import Data
from mnistnn.data.splits import read_split
from mnistnn.errors import ConfigError, ResourceError, UsageError


@pytest.fixture(autouse=True)
def own_cache(own_toy_set):
    own_toy_set(7)


def made(count, seed=0, validation=60, name="many", **options):
    """Generate a set; return its training images with the validation images at their end, and the labels."""
    generate(name, "toy", count, seed, validation, replace=True, **options)
    split = read_split(Data(dataset=name, validation_examples=0), "train")
    return split.images, split.labels


def source(split="train"):
    return read_split(Data(dataset="toy", validation_examples=60), split)


def test_set_begins_with_the_originals_and_ends_with_the_validation_split():
    images, labels = made(2500)
    assert len(images) == len(labels) == 2560
    assert np.array_equal(images[:300], source().images)
    assert np.array_equal(images[2500:], source("valid").images)
    assert np.array_equal(labels[2500:], source("valid").labels)


def test_copies_have_the_labels_of_their_originals_and_are_all_different():
    images, labels = made(2500)
    assert np.array_equal(labels[:2500], source().labels[np.arange(2500) % 300])
    assert len({image.tobytes() for image in images[:2500]}) == 2500


def test_test_split_is_that_of_the_source():
    made(10)
    found = read_split(Data(dataset="many", validation_examples=0), "test")
    assert np.array_equal(found.images, source("test").images)


def test_larger_set_begins_with_the_smaller_one():
    larger = made(2100)[0]
    for count in (1, 299, 1024, 1500):
        assert np.array_equal(made(count)[0][:count], larger[:count])


@pytest.mark.parametrize("workers", [1, 3])
def test_threads_change_no_bit(workers):
    made(5000, name="alone")
    made(5000, name="together", workers=workers)
    digests = [
        {n: f.sha256 for n, f in read_manifest(cache.set_folder(s)).files.items()} for s in ("alone", "together")
    ]
    assert digests[0] == digests[1]


@pytest.mark.skipif(not jit.can_compile(), reason="needs Numba")
def test_compiled_loops_change_no_bit(monkeypatch):
    plain = made(1500)[0]
    monkeypatch.setattr(distortions, "_COMPILED_FROM_PIXELS", 0)
    assert np.array_equal(made(1500)[0], plain)


def test_seed_changes_the_copies_and_nothing_else():
    first, second = made(600)[0], made(600, seed=1)[0]
    assert np.array_equal(first[:300], second[:300])
    assert not (first[300:600] == second[300:600]).all(axis=(1, 2)).any()


def test_manifest_says_what_the_set_was_made_of():
    made(700, seed=3)
    (origin,) = {file.origin for file in read_manifest(cache.set_folder("many")).files.values()}
    assert origin == "generated from toy, seed 3: 700 images, then 60 for validation"
    assert all(check.problem is None for check in cache.verify("many"))


def test_progress_is_told_of_every_image():
    told: list[int] = []
    made(2500, advance=told.append)
    assert sum(told) == 2500


@pytest.mark.parametrize("name", ["mnist", "bars-and-stripes", "toy"])
def test_name_of_a_source_is_refused(name):
    with pytest.raises(UsageError, match="choose another name"):
        generate(name, "toy", 10, 0, 60, replace=True)


def test_name_that_is_taken_is_refused_unless_it_may_be_replaced():
    made(10)
    with pytest.raises(UsageError, match="--force replaces it"):
        generate("many", "toy", 20, 0, 60)
    assert len(made(20)[0]) == 80


def test_more_images_than_a_file_may_have_are_refused():
    with pytest.raises(UsageError, match="more than the 137,438,953,472 bytes allowed"):
        generate("many", "toy", 1 << 40, 0, 60)


def test_unknown_source_is_refused():
    with pytest.raises(ConfigError, match="unknown data set 'mnits'"):
        generate("many", "mnits", 10, 0, 60)


def folders():
    return [path.name for path in cache.datasets_folder().iterdir() if path.is_dir()]


def test_disk_without_room_is_refused_before_anything_is_written(monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9 - 2 * 10**6, 2 * 10**6))
    with pytest.raises(ResourceError, match=r"needs 7 MB, but only 2 MB are free there"):
        generate("many", "toy", 10**5, 0, 60)
    assert folders() == ["toy"]


@pytest.mark.parametrize("call", ["open", "fsync", "replace", "rename"])
def test_disk_that_fails_keeps_the_old_set_and_no_trace_of_the_new(monkeypatch, call):
    before = made(400)[0]
    really = getattr(os, call)

    def refuse(path, *rest, **options):
        flags = rest[0] if call == "open" else os.O_WRONLY
        if call == "open" and not flags & os.O_WRONLY:
            return really(path, *rest, **options)
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, refuse)
        with pytest.raises(ResourceError, match="no space left on the disk"):
            generate("many", "toy", 3000, 0, 60, replace=True)
    assert sorted(folders()) == ["many", "toy"]
    assert np.array_equal(read_split(Data(dataset="many", validation_examples=0), "train").images, before)


def test_interruption_leaves_no_trace():
    def interrupt(images):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made(3000, advance=interrupt)
    assert folders() == ["toy"]


def test_what_a_killed_process_left_is_removed():
    leftover = cache.datasets_folder() / ".many.0123456789ab.new"
    leftover.mkdir()
    (leftover / ".train-images-idx3-ubyte.0123456789ab.tmp").write_bytes(b"half of it")
    made(10)
    assert sorted(folders()) == ["many", "toy"]


def test_command_says_what_was_made(command):
    done = command("data", "generate", "many", "--from", "toy", "--count", "1000", "--seed", "2")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(
        "many: 1,060 training images, the last 60 for validation, and 80 test images of 8x8 pixels"
    )
    shown = command("data", "show", "many", "--json")
    assert '"examples": 884' in shown.out  # less a sixth for validation


def test_command_makes_the_set_that_the_catalogue_knows():
    defaults = {each.name: each.default for each in generate_command.params}
    known = KNOWN_SETS[str(defaults["name"])]
    assert isinstance(known, GeneratedSet)
    assert (known.source, known.count) == (defaults["source"], defaults["count"])
    assert known.kept == Data().validation_examples


def test_command_on_a_full_disk_ends_with_5(command, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 0))
    done = command("data", "generate", "many", "--from", "toy", "--count", "100")
    assert done.code == 5
    assert "are free there" in done.err
