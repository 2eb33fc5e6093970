"""The stand-in refuses what would go wrong on a device: a test that could not fail would prove nothing."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mnistnn.backend.arrays import array_module, module_for, synchronize, to_host
from tests.device.reads import SynchronisedError

HOST = np.ones(3)

MIXTURES: dict[str, Callable[[Any, Any], Any]] = {
    "sum with an array of the host": lambda cp, x: x + HOST,
    "sum of the host with it": lambda cp, x: HOST + x,
    "comparison": lambda cp, x: HOST < x,  # noqa: SIM300
    "in place": lambda cp, x: x.__iadd__(HOST),
    "in place on the host": lambda cp, x: HOST.copy().__iadd__(x),
    "product of matrices": lambda cp, x: HOST @ x,
    "ufunc of NumPy": lambda cp, x: np.exp(x),
    "ufunc of NumPy with out": lambda cp, x: np.add(HOST, 1.0, out=x),
    "function of NumPy": lambda cp, x: np.sum(x),
    "function of NumPy on several": lambda cp, x: np.concatenate([HOST, x]),
    "conversion": lambda cp, x: np.asarray(x),
    "assignment to it": lambda cp, x: x.__setitem__(slice(None), HOST),
    "assignment to the host": lambda cp, x: HOST.copy().__setitem__(slice(None), x),
    "ufunc of it": lambda cp, x: cp.add(x, HOST),
    "out on the host": lambda cp, x: cp.add(x, x, out=HOST.copy()),
    "out of a sum on the host": lambda cp, x: cp.sum(x, out=np.empty(())),
    "list as an operand": lambda cp, x: x.__add__([1.0, 2.0, 3.0]),
    "index on the host": lambda cp, x: x[np.array([0, 1])],
    "list as an index": lambda cp, x: x[[0, 1]],
    "rows on the host": lambda cp, x: cp.take(x, np.array([0])),
    "choice": lambda cp, x: cp.where(x > 0, HOST, x),
    "stack": lambda cp, x: cp.stack([x, HOST]),
    "argument that CuPy lacks": lambda cp, x: cp.add(x, x, where=x > 0),
    "mode of take": lambda cp, x: cp.take(x, cp.asarray(np.array([0])), mode="clip"),
    "cast that loses a part": lambda cp, x: cp.add(x, x, out=cp.zeros(3, dtype="int64")),
    "list set": lambda cp, x: x.set([1.0, 2.0, 3.0]),
}
READS: dict[str, Callable[[Any], Any]] = {
    "float": float,
    "int": lambda x: int(x),
    "bool": bool,
    "condition": lambda x: 1 if x > 0 else 0,
    "item": lambda x: x.item(),
    "tolist": lambda x: x.tolist(),
    "print": str,
    "format": lambda x: f"{x:.3f}",
    "choice by a mask": lambda x: x.reshape(1)[x.reshape(1) > 0],
}


@pytest.fixture
def x(cupy) -> Any:
    return cupy.asarray(HOST)


@pytest.mark.parametrize("mix", MIXTURES.values(), ids=MIXTURES)
def test_host_and_device_do_not_mix(cupy, traffic, x, mix):
    with traffic.under("any"), pytest.raises((TypeError, ValueError)):
        mix(cupy, x)


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_reading_in_passing_is_refused_unless_permitted(traffic, x, read):
    with pytest.raises(SynchronisedError, match="in passing"):
        read(x.sum())
    with traffic.under("any"):
        read(x.sum())
    assert len(traffic.reads) == 1


def test_get_is_allowed_and_counted_but_not_inside_an_epoch(cupy, traffic, x):
    assert np.array_equal(x.get(), HOST)
    assert np.array_equal(cupy.asnumpy(x), HOST)
    assert traffic.reads == ["get", "get"]
    with traffic.under("none"), pytest.raises(SynchronisedError, match="inside an epoch"):
        x.get()


def test_what_is_read_is_a_copy(x):
    x.get()[...] = 7.0
    assert x.get()[0] == 1.0


def test_what_is_sent_is_a_copy_and_counted(cupy, traffic):
    sent = np.zeros(3)
    there = cupy.asarray(sent)
    sent[...] = 7.0
    assert there.get()[0] == 0.0
    assert traffic.uploads == 1


def test_one_number_of_an_array_is_a_view_on_the_device(x):
    x[1][...] = 5.0
    assert x.get().tolist() == [1.0, 5.0, 1.0]
    assert x.sum().shape == ()


def test_writing_to_one_place_twice_is_refused(cupy, x):
    with pytest.raises(AssertionError, match="undefined on a device"):
        x[cupy.asarray(np.array([0, 0]))] = cupy.asarray(np.array([1.0, 2.0]))


def test_memory_that_nobody_wrote_is_not_zero(cupy):
    assert np.isnan(cupy.empty(3, dtype="float32").get()).all()


def test_function_that_the_table_lacks_is_refused(cupy):
    with pytest.raises(AttributeError, match=r"no cupy\.cumprod: see tests/device/functions\.py"):
        cupy.cumprod(1)


def test_package_finds_the_stand_in_where_it_finds_cupy(cupy, traffic, x):
    assert module_for("cuda") is array_module(x) is cupy
    assert to_host(x).tolist() == [1.0, 1.0, 1.0]
    synchronize(x)
    assert traffic.reads == ["get", "synchronize"]
