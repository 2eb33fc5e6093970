"""The stand-in takes what CuPy takes: its signatures against those of the real one, where that is installed.

CuPy can be asked about itself without a GPU.
"""

import inspect
import re
from typing import Any

import pytest

from tests.device.array import DeviceArray
from tests.device.functions import FUNCTIONS, MATMUL, UFUNCS, signature_of

METHODS = [
    name for name, member in vars(DeviceArray).items() if inspect.isfunction(member) and not name.startswith("_")
]


@pytest.fixture(scope="module")
def real() -> Any:
    return pytest.importorskip("cupy", exc_type=ImportError)


def found_in(module: Any, name: str) -> Any:
    for part in name.split("."):
        module = getattr(module, part)
    return module


def named(signature: inspect.Signature) -> list[tuple[str, Any, Any]]:
    """Return names, defaults and kinds; a type of numbers is compared as such, other types are not stated."""
    return [(p.name, p.default, p.kind) for p in signature.parameters.values()]


def stated(documentation: str) -> inspect.Signature:
    """Return the signature at the start of a documentation, as Cython and CuPy's ufuncs give theirs."""
    match = re.match(r"[\w.]+(\(.*?\))(?: ->.*)?$", documentation.strip().splitlines()[0].replace("\\*", "*"))
    assert match is not None, documentation
    return signature_of(re.sub(r"_ndarray_base (\w)", r"\1", match[1]))


@pytest.mark.parametrize("name", UFUNCS)
def test_ufunc_has_the_signature_of_cupy(real, name):
    assert named(stated(found_in(real, name).__doc__)) == named(signature_of(UFUNCS[name]))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_function_has_the_signature_of_cupy(real, name):
    assert named(inspect.signature(found_in(real, name))) == named(signature_of(FUNCTIONS[name]))


@pytest.mark.parametrize("name", METHODS)
def test_method_has_the_signature_of_cupy(real, name):
    assert named(stated(getattr(real.ndarray, name).__doc__)) == named(inspect.signature(getattr(DeviceArray, name)))


def test_matmul_takes_what_the_table_says(real):
    assert "out" in inspect.signature(real.matmul).parameters
    assert "out" in signature_of(MATMUL).parameters


def test_every_attribute_of_the_stand_in_is_one_of_cupy(real):
    own = {"on_device", "traffic"}
    assert not {name for name in vars(DeviceArray) if not name.startswith("_")} - own - set(dir(real.ndarray))
