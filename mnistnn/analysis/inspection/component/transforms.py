"""What is claimed of a transform: that it learns from the training split alone, and is the same after it was saved."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from mnistnn.analysis.inspection.component.findings import Claim, LeftOut, Measured, of_dtypes, same_bits
from mnistnn.analysis.inspection.component.kept import through_a_file
from mnistnn.analysis.inspection.component.shapes import claim_of_shapes, refusal
from mnistnn.preprocess.contract import Transform
from mnistnn.types import Shape, ShapeError, show_shape

SHAPES: tuple[Shape, ...] = ((8, 6), (6, 6), (2, 6, 6), (12,))
"""Of examples, that are tried where nobody says which."""

_EXAMPLES = 40

Make = Callable[[], Transform]


def claims(make: Make, shapes: Sequence[Shape] = SHAPES) -> Iterator[Claim]:
    """Yield what is claimed of the transforms that `make` makes, for inputs of these shapes that they take."""
    taken = [shape for shape in shapes if refusal(make, shape) is None]
    yield claim_of_shapes(make, shapes, partial(_tried, make), _EXAMPLES, str(_EXAMPLES))
    if not taken:
        return
    tests = _Tests(make, taken[0])
    yield Claim("Fitting only reads the training images", tests.fit_reads)
    yield Claim("What is computed in float32 stays float32", lambda: tests.keeps("float32"))
    yield Claim("What is computed in float64 stays float64", lambda: tests.keeps("float64"))
    yield Claim("It gives finite numbers, also of images that are all black", tests.finite)
    yield Claim("What it does to an image does not depend on the images beside it", tests.singly)
    yield Claim("It learns from the training images alone, and nothing where it is applied", tests.learns_once)
    yield Claim("Fitted twice to the same images, it is the same", tests.is_deterministic)
    yield Claim("Saved and restored, it does the same", tests.restored)
    yield Claim("What was fitted to images of another shape is refused", tests.refuses_others)
    yield Claim("It can be part of an ONNX file", tests.onnx)


def _images(shape: Shape, dtype: str = "float64", seed: int = 3) -> np.ndarray:
    x: np.ndarray = np.random.default_rng(seed).uniform(size=(_EXAMPLES, *shape)).astype(dtype)
    return x


def _fitted(make: Make, shape: Shape, dtype: str = "float64") -> Transform:
    transform = make()
    transform.build(shape)
    if (file := transform.source()) is not None:
        raise LeftOut(f"it is not fitted, but restored from {file}")
    transform.fit(_images(shape, dtype))
    return transform


def _tried(make: Make, shape: Shape) -> tuple[Shape, Shape]:
    """Return the shape that a transform promises for one image, and the one that it gives of several."""
    transform = _fitted(make, shape)
    return transform.out_shape, transform.apply(_images(shape)).shape


class _Tests:
    """The tests of one transform, for inputs of one shape."""

    def __init__(self, make: Make, shape: Shape) -> None:
        self.make, self.shape = make, shape

    def _applied(self, transform: Transform, x: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.array(transform.apply(x.copy()))
        return found

    def fit_reads(self) -> Measured:
        _fitted(self.make, self.shape)  # says whether it is fitted at all
        transform, x = self.make(), _images(self.shape)
        transform.build(self.shape)
        before = x.copy()
        x.setflags(write=False)
        try:
            transform.fit(x)
        except ValueError as error:
            if "read-only" not in str(error):
                raise
            return Measured(False, "it writes to them", "reading")
        return same_bits([(x, before)], "pixels")

    def keeps(self, dtype: str) -> Measured:
        transform = _fitted(self.make, self.shape, dtype)
        return of_dtypes({"what it gives": transform.apply(_images(self.shape, dtype))}, dtype)

    def finite(self) -> Measured:
        transform = _fitted(self.make, self.shape)
        x = _images(self.shape)
        x[::2] = 0.0
        wrong = int((~np.isfinite(transform.apply(x))).sum())
        return Measured(wrong == 0, f"{wrong} numbers are not", "0")

    def singly(self) -> Measured:
        transform, x = _fitted(self.make, self.shape), _images(self.shape, seed=4)
        whole = self._applied(transform, x)
        parts = np.concatenate([self._applied(transform, x[i : i + 1]) for i in range(len(x))])
        error = float(np.abs(whole - parts).max()) / max(float(np.abs(whole).max()), 1e-300)
        return Measured(error <= 1e-12, f"alone or with others: error {error:.1e}", "1e-12")

    def learns_once(self) -> Measured:
        transform, x = _fitted(self.make, self.shape), _images(self.shape, seed=4)
        before = self._applied(transform, x), {name: array.copy() for name, array in transform.tensors().items()}
        self._applied(transform, 5.0 + 3.0 * _images(self.shape, seed=5))
        after = transform.tensors()
        pairs = [(after[name], array) for name, array in before[1].items()]
        return same_bits([(self._applied(transform, x), before[0]), *pairs])

    def is_deterministic(self) -> Measured:
        one, other = (_fitted(self.make, self.shape) for _ in range(2))
        x = _images(self.shape, seed=4)
        return same_bits([(self._applied(one, x), self._applied(other, x))])

    def restored(self) -> Measured:
        transform, again, x = _fitted(self.make, self.shape), self.make(), _images(self.shape, seed=4)
        tensors = transform.tensors()
        wrong = [name for name, array in tensors.items() if array.dtype != np.float64]
        if wrong:
            return Measured(False, f"{', '.join(wrong)} of another type", "float64")
        again.build(self.shape)
        again.restore(through_a_file(tensors))
        if again.out_shape != transform.out_shape:
            return Measured(False, show_shape(again.out_shape), show_shape(transform.out_shape))
        return same_bits([(self._applied(again, x), self._applied(transform, x))])

    def refuses_others(self) -> Measured:
        tensors = _fitted(self.make, self.shape).tensors()
        if not tensors:
            raise LeftOut("it keeps nothing of what it was fitted to (fitted)")
        other = self.make()
        larger = tuple(2 * size for size in self.shape)
        other.build(larger)
        try:
            other.restore(tensors)
        except ShapeError:
            return Measured(True, f"{show_shape(self.shape)} for {show_shape(larger)} is refused", "a refusal")
        return Measured(False, f"{show_shape(self.shape)} for {show_shape(larger)} is taken", "a refusal")

    def onnx(self) -> Measured:
        from mnistnn.analysis.export.onnx_inputs import REFUSED, TRANSFORMS

        kind = type(self.make())
        if kind in TRANSFORMS:
            return Measured(True, "there are nodes for it")
        if kind in REFUSED:
            raise LeftOut("ONNX has no operators for what it does")
        raise LeftOut("mnistnn has no ONNX nodes for it: runs with it cannot be exported to ONNX")
