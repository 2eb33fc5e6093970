"""Bars and stripes: what the set holds, and that it is there without being fetched from anywhere."""

from collections import Counter
from itertools import product
from math import log

import numpy as np
import pytest

from mnistnn.data.datasets import bars_and_stripes, cache, fetch, packaged_set, published_set
from mnistnn.data.datasets.catalogue import KNOWN_SETS
from mnistnn.data.datasets.info import DatasetInfo
from mnistnn.data.formats.image_set import FILE_NAMES, TEST_IMAGES, TRAIN_IMAGES
from mnistnn.data.spec import Data
from mnistnn.data.splits import describe, ensure_available, read_split
from mnistnn.errors import DataError, UsageError

NAME = "bars-and-stripes"
DATA = Data(dataset=NAME, validation_examples=32)

EXPERIMENT = """\
name: stripes
data: {dataset: bars-and-stripes, validation_examples: 32}
model: {type: sequential, layers: {hidden: {type: dense, units: 30, activation: tanh}, output: {type: dense, units: 2}}}
batches: {size: 32, order: sequential}
optimizer: {type: sgd, learning_rate: 0.5}
stopping: [{type: max_epochs, epochs: 3}]
"""


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("asks the network")

    monkeypatch.setattr(published_set, "download", refuse)
    monkeypatch.setattr(published_set, "member_of_package", refuse)
    monkeypatch.setattr(packaged_set, "member_of_package", refuse)


def drawn() -> Counter[tuple[int, bytes]]:
    """Return each pair of label and image, once for each way to draw it: each choice of lines, as rows and columns."""
    outcomes: Counter[tuple[int, bytes]] = Counter()
    for lines in product((0, 255), repeat=4):
        rows = [[line] * 4 for line in lines]
        columns = [list(lines)] * 4
        for label, image in enumerate((rows, columns)):
            outcomes[label, np.array(image, np.uint8).tobytes()] += 1
    return outcomes


def found(images, labels) -> Counter[tuple[int, bytes]]:
    return Counter((int(label), image.tobytes()) for image, label in zip(images, labels, strict=True))


@pytest.mark.parametrize(("split", "rounds"), [("train", 100), ("valid", 1), ("test", 1)])
def test_split_has_every_outcome_equally_often(split, rounds):
    ensure_available(NAME, progress=False)
    examples = read_split(DATA, split)
    assert len(examples.images) == 32 * rounds
    assert found(examples.images, examples.labels) == dict.fromkeys(drawn(), rounds)


def test_every_round_has_all_outcomes_in_an_order_of_its_own():
    train = bars_and_stripes.make().train
    rounds = [slice(start, start + 32) for start in range(0, len(train.labels), 32)]
    assert all(found(train.images[one], train.labels[one]) == drawn() for one in rounds)
    assert len({train.images[one].tobytes() for one in rounds}) == len(rounds) == 101


def test_entropy_is_that_of_the_distribution():
    images = Counter(image.tobytes() for image in bars_and_stripes.every_outcome().images)
    assert sorted(images.values()) == [1] * 28 + [2] * 2
    assert {image for image, count in images.items() if count == 2} == {bytes(16), b"\xff" * 16}
    entropy = -sum(count / 32 * log(count / 32) for count in images.values())
    assert entropy == pytest.approx(log(32) - log(2) / 8)
    assert entropy == pytest.approx(3.379, abs=5e-4)


def test_set_is_described_before_it_is_there():
    assert describe(NAME) == DatasetInfo((4, 4), 2, 3232, 32)
    assert not cache.is_stored(NAME)


def test_set_that_would_have_other_bytes_is_not_stored(monkeypatch):
    monkeypatch.setitem(KNOWN_SETS[NAME].content_digests, TEST_IMAGES, "0" * 64)
    with pytest.raises(DataError, match=f"{TEST_IMAGES} is not that of {NAME}: expected SHA-256 0000"):
        ensure_available(NAME, progress=False)
    assert cache.stored_names() == []


def test_missing_set_is_refused_with_the_way_to_make_it():
    with pytest.raises(DataError, match=f"make it with `mnistnn data fetch {NAME}`"):
        read_split(DATA, "train")


def test_altered_set_is_refused_with_the_way_to_make_it_again():
    ensure_available(NAME, progress=False)
    path = cache.set_folder(NAME) / TRAIN_IMAGES
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(DataError, match=f"mnistnn data fetch {NAME} --force"):
        read_split(DATA, "train")
    assert fetch.fetch(NAME, progress=False)
    read_split(DATA, "train")


@pytest.mark.parametrize("name", ["bars-and-strips", "bars_and_stripes"])
def test_fetch_of_nearly_its_name_suggests_it(name):
    with pytest.raises(UsageError, match=f"did you mean {NAME!r}.* known: mnist, fashion-mnist, "):
        fetch.fetch(name)


def test_fetch_makes_it_once_and_again_with_force(command):
    first, second, third = (command("data", "fetch", NAME, *more) for more in ([], [], ["--force"]))
    folder = cache.set_folder(NAME)
    assert (first.code, first.out) == (0, f"{NAME}: made and verified: {folder}\n")
    assert first.err == f"making {NAME}\n"
    assert (second.out, second.err) == (f"{NAME}: already there, verified: {folder}\n", "")
    assert (third.code, third.out) == (0, first.out)
    assert command("data", "verify").out.splitlines() == [f"ok     {NAME}/{name}" for name in FILE_NAMES]


def test_show_has_the_splits_of_an_experiment(command):
    command("data", "fetch", NAME, "-q")
    assert command("data", "show", NAME).out.splitlines()[:3] == [
        f"{NAME} train: 3200 images of 4x4 pixels",
        "   0: 1600",
        "   1: 1600",
    ]
    assert f"{NAME} valid: 32 images" in command("data", "show", NAME, "--split", "valid").out


def test_experiment_trains_on_it_with_an_empty_cache(command, tmp_path, monkeypatch):
    """All black and all white are bars as often as stripes: 2 of 32 must be misclassified."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "stripes.yaml").write_text(EXPERIMENT)
    done = command("train", "stripes.yaml", "--run-dir", "run")
    assert done.code == 0, done.err
    assert done.err.startswith(f"making {NAME}\n")
    assert "error 6.25 %  (2 of 32;" in command("eval", "run").out
