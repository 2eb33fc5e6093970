"""The CUDA kernels on a machine without a GPU: NVRTC compiles each, and run on the host it computes what it should."""

import importlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest

import mnistnn
from mnistnn.backend.cuda import Kernel, options
from mnistnn.kernels import sums_cuda
from mnistnn.kernels.windows import Window
from mnistnn.layers.activations import ACTIVATIONS
from mnistnn.optim import Rule
from mnistnn.optim.rule import GradientRule
from tests.device import nvrtc, on_host
from tests.device.emulation import EMULATIONS, kernels_in, kernels_of_rules

ROOT = Path(mnistnn.__file__).parent
MODULES = ["mnistnn.backend.cuda"] + [
    ".".join(path.relative_to(ROOT.parent).with_suffix("").parts) for path in sorted(ROOT.rglob("*_cuda.py"))
]
WRITTEN = [kernel for module in MODULES for kernel in kernels_in(importlib.import_module(module)).values()]
RULES = {kernel.name: (kernel, rule) for kernel, rule in kernels_of_rules()}
KERNELS = {kernel.name: kernel for kernel in (*WRITTEN, *(kernel for kernel, _ in RULES.values()))}
SOURCES = "\n".join(kernel.source for kernel in KERNELS.values())
# The least GPU that CuPy is made for today, and one that it is likely to meet.
ARCHITECTURES = ["compute_70", "compute_90"]

each_kernel = pytest.mark.parametrize("kernel", KERNELS.values(), ids=KERNELS)
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


@pytest.fixture(scope="module")
def compile_cuda() -> Callable[..., tuple[bool, str, str]]:
    """Return a function that compiles a source for a dtype; skip the test where NVRTC is missing."""
    library: Any = nvrtc.library()
    if library is None:
        pytest.skip("no NVRTC: pip install 'nvidia-cuda-nvrtc-cu12<12.8'")

    def compiled(source: str, dtype: str, architecture: str = ARCHITECTURES[0]) -> tuple[bool, str, str]:
        return nvrtc.compiled(library, source, [f"--gpu-architecture={architecture}", *options(dtype)])

    return compiled


@each_dtype
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_sources_compile_with_nvrtc_without_a_warning(compile_cuda, architecture, dtype):
    done, log, assembly = compile_cuda(SOURCES, dtype, architecture)
    assert done, log
    assert not log.strip("\0\n")
    assert [name for name in KERNELS if f".entry {name}(" not in assembly] == []


def test_single_precision_is_nowhere_computed_in_double(compile_cuda):
    sources = [kernel.source for kernel in KERNELS.values() if kernel is not sums_cuda.add_times]
    assert ".f64" not in compile_cuda("\n".join(sources), "float32")[2]


@each_dtype
def test_updates_fuse_no_multiplication_with_an_addition(compile_cuda, dtype):
    rules = [kernel.source for kernel, _ in RULES.values()]
    assert "fma" not in compile_cuda("\n".join(rules), dtype)[2]


def test_nvrtc_refuses_a_source_with_a_mistake(compile_cuda):
    done, log, _ = compile_cuda(Kernel("wrong", "Real* y", "y[i] = not_declared;").source, "float32")
    assert not done
    assert "not_declared" in log


def test_source_needs_no_header():
    assert "#include" not in SOURCES


@each_kernel
def test_every_kernel_has_an_emulation(kernel):
    assert kernel.name in EMULATIONS, "add what it does in NumPy to tests/device/emulation.py"


def test_kernels_are_written_only_where_they_are_looked_for():
    strays = [
        path
        for path in ROOT.rglob("*.py")
        if "__global__" in path.read_text(encoding="utf-8") and path != ROOT / "backend" / "cuda.py"
    ]
    assert not strays


@pytest.mark.parametrize("kind", [kind for kind in get_args(Rule) if kind.fused_update is not None])
def test_every_rule_with_a_fused_update_has_a_kernel(kind):
    assert kind.kernel() is KERNELS[f"mnistnn_{kind.fused_update.function.__name__}_update"]


# What each kernel is run with on the host: n, and its arguments. Each call makes fresh arrays.
Arguments = tuple[int, list[Any]]
_rng = np.random.default_rng


def _numbers(dtype: str, *shape: int) -> np.ndarray:
    return _rng(sum(shape)).normal(0.0, 2.0, shape).astype(dtype)


def _of_arrays(kernel: Kernel, dtype: str) -> Arguments:
    arrays = [_numbers(dtype, 300) for _ in range(kernel.source.count("Real* "))]
    arrays[0] = arrays[0][::-1].copy()
    return 300, arrays


def _of_rule(kernel: Kernel, rule: type[GradientRule], dtype: str) -> Arguments:
    scalars = {
        "eta": 0.1,
        "minimum": 0.2,
        "maximum": 1.2,
        "correction": 1.5,
        "epsilon": 1e-3,
        "reach": 1.9,
        "keep": 0.99,
    }
    named = [line.split()[1].removesuffix("_") for line in kernel.source.splitlines() if "= numbers[" in line]
    numbers = np.array([scalars.get(name, 0.7) for name in named], dtype=dtype)
    state = [abs(_numbers(dtype, 300 + place)[:300]) for place in range(len(rule.slots))]
    for place, name in enumerate(rule.slots):
        if "sign" in name:
            state[place] = np.sign(_numbers(dtype, 310)[:300])
    grad = _numbers(dtype, 320)[:300]
    grad[:10] = 0.0
    return 300, [_numbers(dtype, 300), grad, *state, numbers]


def _softmax(dtype: str) -> Arguments:
    z, labels = 5 * _numbers(dtype, 7, 10), np.arange(7) % 10
    return 7, [z, labels, 10, np.empty((10, 7), dtype), np.empty(7, dtype)]


def _pool(stride: tuple[int, int], all_ties: int | None, dtype: str) -> Arguments:
    z = np.rint(_numbers(dtype, 3, 7, 8, 5))  # whole numbers, so that many are equal
    z[0, 0, 0, 0] = np.nan
    window = Window((2, 3), stride)
    y = np.zeros((3, *window.positions(7, 8), 5), dtype)
    sizes = [5, *y.shape[1:3], 7, 8, *window.size, *window.stride]
    n = y.size // 5 * 2  # of five images a thread takes three or two
    if all_ties is None:
        return n, [z, y, *sizes]
    EMULATIONS["mnistnn_max_pool"](z, y, *sizes)
    return n, [_numbers(dtype, *y.shape), z, y, np.zeros_like(z), *sizes, all_ties]


def _patches(stride: tuple[int, int], flipped: int, dtype: str) -> Arguments:
    window, dx = Window((3, 2), stride), np.empty((2, 8, 7, 4), dtype)
    oh, ow = window.positions(8, 7)
    return dx.size, [_numbers(dtype, 2 * 3 * 2 * oh * ow * 4), dx, 4, 8, 7, 3, 2, oh, ow, *stride, flipped]


def _gathered(stride: tuple[int, int], flipped: int, dtype: str) -> Arguments:
    window, x = Window((3, 2), stride), _numbers(dtype, 2, 8, 7, 4)
    oh, ow = window.positions(8, 7)
    patches = np.empty(2 * 3 * 2 * oh * ow * 4, dtype)
    return patches.size // 4, [x, patches, 4, 8, 7, 3, 2, oh, ow, *stride, flipped]


def _biased(inner: int, dtype: str) -> Arguments:
    z = _numbers(dtype, 300)
    return 300, [z, _numbers(dtype, 5), np.empty_like(z), inner, 5]


def _short_product(by_columns: bool, dtype: str) -> Arguments:
    a, b, out = _numbers(dtype, 7, 4), _numbers(dtype, 4, 5), np.empty((7, 5), dtype)
    steps = [1, 7, 1, 4, 1, 7] if by_columns else [4, 1, 5, 1, 5, 1]
    return 35, [a, b, out, 5, 4, *steps]


def _examples(dtype: str) -> Arguments:
    rows = np.array([3, 0, 8])
    return 3 * 6, [_numbers(dtype, 9, 6), np.arange(9) % 4, rows, np.empty((3, 6), dtype), np.empty(3, np.int64), 6]


ARGUMENTS: dict[str, list[Callable[[str], Arguments]]] = {
    **{name: [partial(_of_rule, *kernel_and_rule)] for name, kernel_and_rule in RULES.items()},
    "mnistnn_write_numbers": [
        lambda dtype: (3, [np.zeros(3, dtype), *(np.dtype(dtype).type(value) for value in range(1, 9))])
    ],
    "mnistnn_softmax_nll": [_softmax],
    "mnistnn_add_scaled": [
        lambda dtype: (50, [_numbers(dtype, 50), _numbers(dtype, 60)[:50], np.dtype(dtype).type(0.3)])
    ],
    "mnistnn_add_times": [lambda dtype: (1, [np.array([0.5]), _numbers(dtype, 1), 20])],
    "mnistnn_short_sums": [partial(_short_product, by_columns) for by_columns in (False, True)],
    "mnistnn_take_examples": [_examples],
    **{activation.biased.name: [partial(_biased, inner) for inner in (1, 6)] for activation in ACTIVATIONS.values()},
    "mnistnn_gather_patches": [
        partial(_gathered, stride, flipped) for flipped in (0, 1) for stride in ((1, 1), (2, 3), (4, 1))
    ],
    "mnistnn_max_pool": [partial(_pool, (2, 3), None), partial(_pool, (1, 2), None)],
    "mnistnn_max_pool_backward": [
        partial(_pool, stride, all_ties) for all_ties in (0, 1) for stride in ((2, 3), (3, 4))
    ],
    "mnistnn_gather_from_patches": [
        partial(_patches, stride, flipped) for flipped in (0, 1) for stride in ((1, 1), (2, 3), (4, 1))
    ],
}
# Their functions are those of another library than NumPy's, or their sums are added up in another order.
ROUNDED = ("exp(", "tanh(", "log(", "log1p(", "expm1(", "short_sums")
TOLERANCE = {"float32": 2e-6, "float64": 4e-15}


@pytest.fixture(scope="module")
def libraries(tmp_path_factory) -> dict[str, Any]:
    if on_host.COMPILER is None:
        pytest.skip("no C++ compiler")
    folder = tmp_path_factory.mktemp("kernels")
    return {dtype: on_host.build(list(KERNELS.values()), dtype, folder) for dtype in TOLERANCE}


def assert_computes_the_same(kernel: Kernel, dtype: str, launch: Callable[[int, list[Any]], list[Any]]) -> None:
    for make in ARGUMENTS.get(kernel.name, [partial(_of_arrays, kernel)]):
        (n, given), (_, expected) = make(dtype), make(dtype)
        with np.errstate(invalid="ignore"):
            EMULATIONS[kernel.name](*expected)
        for one, other in zip(launch(n, given), expected, strict=True):
            if any(function in kernel.source for function in ROUNDED):
                np.testing.assert_allclose(one, other, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])
            else:
                np.testing.assert_array_equal(one, other)


@each_dtype
@each_kernel
def test_kernel_run_on_the_host_computes_what_the_array_code_does(libraries, kernel, dtype):
    def launch(n: int, arguments: list[Any]) -> list[Any]:
        on_host.Launcher(libraries[dtype], kernel.name, dtype)(None, None, [n, *arguments])
        return arguments

    assert_computes_the_same(kernel, dtype, launch)


@pytest.mark.gpu
@each_dtype
@each_kernel
def test_kernel_run_on_a_gpu_computes_what_the_array_code_does(kernel, dtype):
    cupy = pytest.importorskip("cupy")

    def launch(n: int, arguments: list[Any]) -> list[Any]:
        there = [cupy.asarray(each) if isinstance(each, np.ndarray) else each for each in arguments]
        like = next(each for each in there if isinstance(each, cupy.ndarray) and each.dtype == dtype)
        kernel.launch(n, like, *there)
        return [each.get() if isinstance(each, cupy.ndarray) else each for each in there]

    assert_computes_the_same(kernel, dtype, launch)


def test_run_of_a_convolutional_net_launches_the_kernels(device, conv, start):
    start(conv)
    expected = {"max_pool", "max_pool_backward", "gather_patches", "gather_from_patches", "softmax_nll"}
    expected |= {"biased_relu", "relu_backward", "tanh", "tanh_backward", "adam_update", "write_numbers"}
    assert expected | {"take_examples", "add_times"} <= {name.removeprefix("mnistnn_") for name in device.kernels}
