import numpy as np
import pytest

from mnistnn.data.formats.amat import decode_amat, decode_binarized_mnist
from mnistnn.errors import DataError


def as_text(bits) -> bytes:
    return "".join(" ".join(map(str, row)) + "\n" for row in bits.reshape(len(bits), -1)).encode()


@pytest.fixture
def bits():
    return np.random.default_rng(2).integers(0, 2, (5, 3, 4))


def test_decode_amat_returns_black_and_white_images(bits):
    found = decode_amat(as_text(bits), (3, 4), "a.amat")
    assert found.dtype == np.uint8
    np.testing.assert_array_equal(found, 255 * bits)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: b"", "0 bytes are no whole lines of 12 pixels, 24 bytes each"),
        (lambda text: text[:-1], "119 bytes are no whole lines"),
        (lambda text: text.replace(b"1", b"2"), "pixels must be 0 or 1"),
        (lambda text: text.replace(b"\n", b" "), "pixel 12 by the end of the line"),
        (lambda text: text.replace(b" ", b",", 1), "each pixel must be followed by a space"),
    ],
)
def test_decode_amat_refuses_other_text(bits, change, message):
    with pytest.raises(DataError, match=f"a.amat: .*{message}"):
        decode_amat(change(as_text(bits)), (3, 4), "a.amat")


def test_binarized_mnist_has_its_own_validation_images_and_one_class():
    rng = np.random.default_rng(3)
    parts = {name: rng.integers(0, 2, (n, 28, 28)) for name, n in (("train", 5), ("valid", 3), ("test", 2))}
    found = decode_binarized_mnist({f"binarized_mnist_{name}.amat": as_text(bits) for name, bits in parts.items()}, "x")
    assert found.valid is not None
    for half, name in ((found.train, "train"), (found.valid, "valid"), (found.test, "test")):
        np.testing.assert_array_equal(half.images, 255 * parts[name])
        assert not half.labels.any()
    assert found.classes == 1
