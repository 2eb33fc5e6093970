import pickle
import random
import struct

import numpy as np
import pytest

from mnistnn.data.formats.inert_pickle import load
from mnistnn.data.formats.pickled_array import PickledArray
from mnistnn.errors import DataError


def load_array(content: bytes) -> np.ndarray:
    loaded = load(content, "f")
    assert isinstance(loaded, PickledArray)
    assert loaded.values is not None
    return loaded.values


def python2_array(array: np.ndarray) -> bytes:
    """Write an array as Python 2 and its NumPy did: data as a byte string, everything spelled out."""
    code = array.dtype.str[1:].encode()
    shape = b"(" + b"".join(b"J" + struct.pack("<i", size) for size in array.shape) + b"t"
    data = array.tobytes()
    return (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R(K\x01" + shape
        + b"cnumpy\ndtype\nU" + bytes([len(code)]) + code + b"K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xff"
        + b"J\xff\xff\xff\xffK\x00tb\x89T" + struct.pack("<i", len(data)) + data + b"tb"
    )  # fmt: skip


@pytest.mark.parametrize("protocol", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    "array",
    [
        np.linspace(0, 1, 12, dtype="f4").reshape(3, 4),
        np.linspace(0, 1, 24, dtype="f8").reshape(2, 3, 4),
        np.asfortranarray(np.linspace(0, 1, 12, dtype="f4").reshape(3, 4)),
        np.arange(5, dtype="i8"),
        np.arange(5, dtype=">i4"),
    ],
    ids=["f4", "f8", "fortran", "i8", "big-endian"],
)
def test_load_reads_what_python_3_pickles(protocol, array):
    loaded = load_array(pickle.dumps(array, protocol=protocol))
    assert loaded.dtype == array.dtype
    assert np.array_equal(loaded, array)


def test_load_reads_what_python_2_pickled():
    array = np.linspace(0, 1, 6, dtype="f4").reshape(2, 3)
    assert np.array_equal(load_array(b"\x80\x02" + python2_array(array) + b"."), array)


def test_load_arrays_are_read_only():
    for protocol in (2, 5):
        assert not load_array(pickle.dumps(np.arange(3), protocol=protocol)).flags.writeable


def test_load_keeps_shared_values_shared():
    array = np.arange(3)
    loaded = load(pickle.dumps((array, array), protocol=2), "f")
    assert isinstance(loaded, tuple)
    assert loaded[0] is loaded[1]


def test_load_keeps_lists_and_numbers():
    value: object = ([1, 300, 70_000, -1], [], [True, False, None], (1,), (), "text")
    for protocol in (2, 4, 5):
        assert load(pickle.dumps(value, protocol=protocol), "f") == value


class Canary:
    """Unpickling it would create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_load_never_runs_code(tmp_path, protocol):
    canary = tmp_path / "canary"
    with pytest.raises(DataError, match=r"^f: byte \d+: "):
        load(pickle.dumps((np.arange(3), Canary(canary)), protocol=protocol), "f")
    assert not canary.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"cos\nsystem\n(U\x04echotR.", "'os.system' is not allowed"),
        (b"c__builtin__\neval\n(U\x011tR.", "not allowed"),
        (b"cnumpy\nload\n(U\x01ftR.", "not allowed"),
        (b"cnumpy.core.multiarray\nscalar\n.", "not allowed"),
        (b"\x8c\x02os\x8c\x06system\x93.", "not allowed"),
        (b"NN\x93.", "without a name"),
        (b"i__builtin__\neval\n.", "0x69 is not allowed"),
        (b"cnumpy\nndarray\n)\x81.", "0x81 is not allowed"),
        (b"cnumpy\nndarray\n)R.", "a call that is not part"),
        (b"cnumpy\ndtype\n(U\x02O8K\x00K\x01tR.", "type 'O8' are not read"),
        (b"c_codecs\nencode\n(X\x01\x00\x00\x00aU\x03hextR.", "a call"),
        (b"Pid\n.", "0x50"),
        (b"\x80\x06N.", "protocol 6"),
        (b"\x95\xff\xff\xff\xff\xff\xff\xff\x7fN.", "too early"),
        (b"B\xff\xff\xff\xff.", "too early"),
        (b"\x8e" + b"\xff" * 8 + b".", "too early"),
        (b"T\xff\xff\xff\xff.", "too early"),
        (b"X\x01\x00\x00\x00\xff.", "not UTF-8"),
        (b"\x8a\xff" + bytes(255) + b".", "more than 64 bits"),
        (b"I-5\n.", "malformed integer"),
        (b"I" + b"9" * 200 + b"\n.", "line that does not end"),
        (b"h\x00.", "not stored"),
        (b".", "value is missing"),
        (b"(.", "value is missing"),
        (b"NN.", "does not end here"),
        (b"N.N", "does not end here"),
        (b"t.", "mark is missing"),
        (b"Na.", "value is missing"),
        (b"NNa.", "not a list"),
        (b"NNb.", "state"),
        (b"N" * 20_000, "more than 10000 opcodes"),
        (b"", "too early"),
    ],
)
def test_load_malformed_pickle_is_refused(content, message):
    with pytest.raises(DataError, match=rf"^f: byte \d+: .*{message}"):
        load(content, "f")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"J\x02\x00\x00\x00", b"J\xff\xff\xff\xff"),  # a negative size
        (b"J\x02\x00\x00\x00", b"J\xff\xff\xff\x7f"),  # a size that the data does not fill
        (b"J\x02\x00\x00\x00", b"J\x00\x00\x00\x00"),
        (b"f4", b"f8"),
        (b"f4", b"O8"),
        (b"U\x01<", b"U\x01|"),
        (b"K\x01(", b"K\x02("),
        (b"K\x00\x85", b"K\x05\x85"),
    ],
)
def test_load_array_that_does_not_add_up_is_refused(before, after):
    content = b"\x80\x02" + python2_array(np.zeros((2, 3), dtype="f4")) + b"."
    assert before in content
    with pytest.raises(DataError):
        load(content.replace(before, after), "f")


def test_load_nested_tuples_do_not_blow_up_in_messages():
    doubling = b"Nq\x00" + b"h\x00h\x00\x86q\x00" * 60  # each tuple holds the one before twice
    with pytest.raises(DataError):
        load(doubling + b"N\x93.", "f")
    with pytest.raises(DataError):
        load(doubling + b"NR.", "f")


def test_load_encoding_one_text_again_and_again_is_refused():
    again = b"h\x00(h\x01h\x02tR"
    content = (
        b"c_codecs\nencode\nq\x00X\x00\x00\x01\x00" + b"a" * 65536 + b"q\x01X\x06\x00\x00\x00latin1q\x02" + again * 50
    )
    with pytest.raises(DataError, match="more encoded text"):
        load(content + b".", "f")


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_load_truncated_anywhere_is_refused(protocol):
    content = pickle.dumps((np.arange(3, dtype="f4"), np.arange(3)), protocol=protocol)
    for length in range(len(content)):
        with pytest.raises(DataError):
            load(content[:length], "f")


@pytest.mark.parametrize("protocol", [2, 5])
def test_load_mutated_bytes_raise_nothing_but_data_errors(protocol):
    rng = random.Random(protocol)
    original = pickle.dumps((np.arange(3, dtype="f4"), np.arange(3)), protocol=protocol)
    for _ in range(3000):
        content = bytearray(original)
        for _ in range(rng.randint(1, 3)):
            content[rng.randrange(len(content))] = rng.randrange(256)
        try:
            load(bytes(content), "f")
        except DataError:
            continue


def test_load_random_opcodes_raise_nothing_but_data_errors():
    rng = random.Random(3)
    alphabet = b"(.0JKMNR]abcehjlqrtuUTCBX\x80\x85\x86\x87\x88\x89\x8a\x8c\x93\x94\x95\x96\x00\x01\n"
    for _ in range(3000):
        content = bytes(rng.choices(alphabet, k=rng.randint(1, 40)))
        try:
            load(content, "f")
        except DataError:
            continue
