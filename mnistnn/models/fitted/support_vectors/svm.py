"""Support vector machines, one for each pair of classes; with virtual support vectors, if asked for."""

from collections.abc import Callable, Iterator
from itertools import combinations
from math import prod
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from mnistnn.backend import pieces, threads
from mnistnn.backend.arrays import array_module, to_host
from mnistnn.backend.memory_order import as_rows
from mnistnn.component import component
from mnistnn.errors import DivergedError
from mnistnn.kernels.decomposition import Machine, solve, some_of_both
from mnistnn.kernels.shifts import shifted_copies, shifts_up_to
from mnistnn.losses import Loss
from mnistnn.losses.squared_error import SquaredError
from mnistnn.models.contract import EXAMPLES, Fitted, Tell, refuse_one_class
from mnistnn.models.fitted.pairs import UNIT_OF_VOTES, votes
from mnistnn.models.fitted.support_vectors.kernel_functions import AnyKernel, GaussianKernel, PolynomialKernel
from mnistnn.models.fitted.support_vectors.vectors import Supports, SupportVectors
from mnistnn.types import Array, Shape, ShapeError, show_shape

# The largest number that may occur in a float32 Gram matrix: sums of many stay below 3e38.
_LARGEST = 1e30
# Inputs and support vectors whose kernels are in memory at once: 16 MB in float32.
_INPUTS, _SUPPORTS = 1024, 4096
# Pairs of small sets that each worker fits before they are kept: 4,000 digits take it a tenth of a second.
_PAIRS = 4
# Inputs whose lengths are found at once, in float64.
_MEASURED = 4096


@component
class SVM(Fitted):
    """One against one: a soft-margin machine f(x) = Σ αₛ yₛ k(xₛ, x) + b for each pair of classes, and votes of these.

    Each maximises Σ α − ½ Σ αₛ αₜ yₛ yₜ k(xₛ, xₜ) subject to 0 ≤ α ≤ C and Σ αₛ yₛ = 0. A round is a pair of classes;
    scores are votes of the pairs so far, ties broken by limited sums of f (`pairs.votes`). Fitted on the host, with
    float32 kernels and float64 coefficients (kernels/decomposition.py). A pair of which one class has no examples
    always votes for the other, with f = ±1; where both have none, f is 0, which is a vote for the second.

    With `virtual_shifts_px` the machine learns what is known of images: that shifted ones mean the same. Its support
    vectors, which are all that a machine follows from, are replaced by their shifted copies, and it is fitted to these.

    What is kept are the images of support vectors, shared by all pairs and all shifts, and each pair's coefficients and
    bias (`SupportVectors`). Boser, Guyon & Vapnik (1992); Cortes & Vapnik (1995). Virtual support vectors: Schölkopf,
    Burges & Vapnik (1996); DeCoste & Schölkopf (2002), who fit one class against the rest.
    """

    type: Literal["svm"] = "svm"
    C: Annotated[float, Field(gt=0)] = 1.0
    """The largest α: how much an example on the wrong side of the margin may pull. Smaller means a softer margin."""
    kernel: AnyKernel = Field(default_factory=PolynomialKernel)
    """The similarity k(u, v) of two inputs."""
    virtual_shifts_px: Annotated[list[Annotated[int, Field(ge=1)]], Field(max_length=10)] = Field(default_factory=list)
    """Fit a pair anew for each of these numbers s: to (2s + 1)² copies of each example that is a support vector, in any
    copy, shifted by −s to s px in both directions. What comes in from outside is zero."""
    tolerance: Annotated[float, Field(ge=1e-6, le=1)] = 1e-3
    """By how much a machine may violate the conditions of the optimum, in units of f, whose margin is at ±1."""
    cache_mb: Annotated[int, Field(ge=1, le=100_000)] = 400
    """Memory for the Gram matrix while a pair is fitted, in MB (million bytes): n examples with s support vectors need
    some 4 (n + s) s bytes. With less it takes longer, and much longer with less than 4 s² bytes."""

    def build(self, in_shape: Shape, classes: int) -> None:
        refuse_one_class(classes)
        if self.virtual_shifts_px:
            if len(in_shape) < 2:
                raise ShapeError(f"virtual_shifts_px shifts images, and inputs are {show_shape(in_shape)}")
            side, most = min(in_shape[-2:]), max(self.virtual_shifts_px)
            if most >= side:
                raise ShapeError(f"virtual_shifts_px must be below {side}, of {show_shape(in_shape)} px, got {most}")
        self.in_shape, self.classes = in_shape, classes
        self.n_in = prod(in_shape)
        self.pairs = list(combinations(range(classes), 2))
        self.shapes: dict[str, Shape] = {"pairs": (len(self.pairs),)}
        self._criterion = SquaredError()
        self._criterion.build((classes,), classes)

    @property
    def rounds(self) -> int:
        return len(self.pairs)

    @property
    def rounds_done(self) -> int:
        return self.vectors.pairs

    @property
    def scores_need_loops(self) -> bool:
        return False  # they are products of matrices

    @property
    def evaluate_every(self) -> int:
        return self.rounds  # fewer pairs are no classifier to be chosen

    @property
    def unit(self) -> str:
        return UNIT_OF_VOTES

    @property
    def needs_loops(self) -> bool:
        return True

    @property
    def criterion(self) -> Loss:
        return self._criterion

    @property
    def size(self) -> int:
        return len(self.pairs)  # the biases; how many support vectors there will be is not known before

    @property
    def multiply_adds(self) -> int:
        return 0

    def allocate(self, xp: Any, dtype: str) -> None:
        self._xp, self._dtype = xp, dtype
        self._tell: Tell = lambda *_: None
        self._keep(SupportVectors.of_no_pair(self.in_shape))

    def _keep(self, vectors: SupportVectors) -> None:
        self.vectors = vectors
        self._all_pairs: _Machines | None = None  # made when it is first asked

    # Fitting.

    def fit(self, x: Array, labels: Array, tell: Tell) -> Iterator[int]:
        if self.rounds_done == self.rounds:
            return
        rows, classes = to_host(as_rows(x)), to_host(labels)
        self._refuse_what_is_too_large(rows)
        while self.rounds_done < self.rounds:
            for supports in self._fitted_to_pairs(rows, classes, self._next_pairs(classes, rows), tell):
                self._keep(self.vectors.with_pair(supports, rows))
                yield self.rounds_done

    def _next_pairs(self, labels: np.ndarray, rows: np.ndarray) -> range:
        """Return which pairs are fitted next, side by side: several if all that they may want is in memory at once.

        Each of them has `cache_mb` by itself, as it would alone, so how many there are changes no bit.
        """
        first, workers = self.rounds_done, threads.workers_for(rows)
        room, last = self.cache_mb * 1_000_000 // rows.itemsize // workers, first + 1
        if workers > 1 and not self.virtual_shifts_px:  # of shifted copies nobody knows how many there will be
            counts = np.bincount(labels, minlength=self.classes)
            most = min(self.rounds, first + _PAIRS * workers)
            while last < most and all(
                2 * sum(counts[each] for each in self.pairs[at]) ** 2 <= room for at in (first, last)
            ):
                last += 1
        return range(first, last)

    def _refuse_what_is_too_large(self, rows: np.ndarray) -> None:
        """Raise DivergedError unless all numbers on the way are finite."""
        with np.errstate(over="ignore", invalid="ignore"):
            blocks = (rows[part].astype(np.float64) for part in pieces.cut(len(rows), _MEASURED))
            square = float(
                np.max([np.einsum("ij,ij->i", block, block).max(initial=0.0) for block in blocks], initial=0.0)
            )
        if not square <= _LARGEST:
            raise DivergedError("svm: the inputs are not all finite numbers, or too large to be squared")
        largest = self.kernel.largest(square)
        if not largest <= _LARGEST:
            raise DivergedError(
                f"svm: the kernel may reach {largest:.2g}, too much for float32; a smaller scale or degree, or "
                "unit_norm, keeps it small"
            )

    def _fitted_to_pairs(self, rows: np.ndarray, labels: np.ndarray, numbers: range, tell: Tell) -> list[Supports]:
        """Return the support vectors of some pairs of classes, which workers take one after the other."""
        found: dict[int, Supports] = {}

        def fit_to(number: int, worker: int) -> None:
            # Who is told may raise, and is no other thread's business.
            found[number] = self._fitted_to_pair(rows, labels, number, tell if worker == 0 else _nobody)

        threads.spread(fit_to, numbers, rows)
        return [found[number] for number in numbers]

    def _fitted_to_pair(self, rows: np.ndarray, labels: np.ndarray, number: int, tell: Tell) -> Supports:
        """Return the support vectors of a pair of classes."""
        pair = self.pairs[number]
        examples = np.concatenate([np.flatnonzero(labels == each) for each in pair])
        y = np.where(labels[examples] == pair[0], 1.0, -1.0)
        sources = np.zeros((len(examples), 3), dtype=np.int32)
        sources[:, 0] = examples
        if not (y > 0).any() or not (y < 0).any():
            bias = float(np.sign(y.sum()))
            return Supports(sources[:0], np.empty(0), bias)

        def told(supports: int) -> None:
            tell(f"support vectors of {pair[0]} against {pair[1]}", supports, None)

        machine = self._machine(rows, sources, y, some_of_both(y), told)
        for reach in self.virtual_shifts_px:
            before = sources[machine.beta != 0]
            sources = _copies(np.unique(before[:, 0]), reach)
            y = np.where(labels[sources[:, 0]] == pair[0], 1.0, -1.0)
            machine = self._machine(rows, sources, y, np.flatnonzero(_are_among(before, sources)), told)
        found = machine.beta != 0
        return Supports(sources[found], machine.beta[found], machine.bias)

    def _machine(
        self, rows: np.ndarray, sources: np.ndarray, y: np.ndarray, first: np.ndarray, told: Callable[[int], None]
    ) -> Machine:
        """Return the machine of examples from these sources, with labels y of ±1."""
        x = shifted_copies(rows, self.in_shape, sources).reshape(len(sources), self.n_in)
        numbers = self.cache_mb * 1_000_000 // x.itemsize
        return solve(self.kernel.prepared(x), y, self.kernel.gram, self.C, self.tolerance, first, numbers, told)

    # Being asked.

    def supports(self, number: int) -> Supports:
        """Return the support vectors of a pair of classes, `pairs[number]`, which is fitted."""
        return self.vectors.of_pair(number)

    def pictures(self, number: int) -> np.ndarray:
        """Return the same as images (m, *in_shape), shifted as they are, in the same order."""
        return self.vectors.pictures(self.vectors.only(number).vectors)

    def listen(self, tell: Tell) -> None:
        """Report the progress of scores to `tell`, which may raise."""
        self._tell = tell

    def scores(self, x: Array) -> Array:
        return votes(self.outputs(x), self.pairs[: self.rounds_done], self.classes)

    def outputs(self, x: Array) -> Array:
        """Return f of each pair that is fitted (n, pairs), for x (n, *in_shape): above 0 for its first class."""
        return self._of_all_pairs().outputs(as_rows(x), self._tell)

    def _of_all_pairs(self) -> "_Machines":
        if self._all_pairs is None:
            self._all_pairs = self._machines(self.vectors)
        return self._all_pairs

    def _machines(self, vectors: SupportVectors) -> "_Machines":
        """Return the machines of some pairs, on the device and in the dtype of the run."""
        shared, coefficients = vectors.shared()
        supports = self._xp.empty((len(shared), self.n_in), dtype=self._dtype)
        for part in pieces.cut(len(shared), _SUPPORTS):  # so that there is no second array of all of them
            images = vectors.pictures(shared[part]).reshape(-1, self.n_in)
            supports[part] = self.kernel.prepared(self._xp.asarray(images, dtype=self._dtype))
        of_pairs = (self._xp.asarray(each, dtype=self._dtype) for each in (coefficients, vectors.biases))
        return _Machines(self.kernel, supports, *of_pairs)

    # What is kept.

    def arrays(self) -> dict[str, Array]:
        return self.vectors.arrays() if self.rounds_done else {}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        self._keep(SupportVectors.of_arrays(arrays, self.in_shape, len(self.pairs)))
        self._of_all_pairs()  # so that who asks sends nothing to a device

    def keep_rounds(self, rounds: int) -> None:
        if rounds < self.rounds_done:
            self._keep(self.vectors.first(rounds))


class _Machines:
    """The machines of several pairs: f(x) (n, pairs) = k(x, supports) coefficients + biases.

    supports      (s, d)      prepared for the kernel
    coefficients  (s, pairs)
    biases        (pairs,)
    """

    def __init__(self, kernel: PolynomialKernel | GaussianKernel, supports: Array, coefficients: Array, biases: Array):
        self._kernel, self._supports, self._coefficients, self._biases = kernel, supports, coefficients, biases

    def outputs(self, rows: Array, tell: Tell) -> Array:
        """Return f of inputs (n, d): 2·n·s·(d + pairs) flops, in blocks, whose memory is bounded. Progress is told."""
        xp, supports = array_module(rows), self._supports
        outputs = xp.empty((len(rows), len(self._biases)), dtype=rows.dtype)
        outputs[...] = self._biases
        for of_rows in pieces.cut(len(rows), _INPUTS):
            x = self._kernel.prepared(rows[of_rows])
            for of_supports in pieces.cut(len(supports), _SUPPORTS):
                tell(EXAMPLES, of_rows.start, len(rows))
                gram = xp.empty((len(x), len(supports[of_supports])), dtype=rows.dtype)
                part = xp.empty((len(x), len(self._biases)), dtype=rows.dtype)
                self._kernel.gram(x, supports[of_supports], gram)
                threads.matmul(gram, self._coefficients[of_supports], part)
                outputs[of_rows] += part
        return outputs


def _nobody(what: str, done: int, most: int | None) -> None:
    """Hear nothing."""


def _copies(examples: np.ndarray, reach: int) -> np.ndarray:
    """Return the sources (m, 3) of all copies of examples (n,), shifted by up to reach px in both directions."""
    shifts = shifts_up_to(reach)
    return np.column_stack([np.repeat(examples, len(shifts)), np.tile(shifts, (len(examples), 1))]).astype(np.int32)


def _are_among(those: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """Tell of each of the sources (m, 3) whether it is one of those (n, 3)."""
    base = 2 * max(int(abs(each[:, 1:]).max(initial=0)) for each in (those, sources)) + 1
    numbers = (
        (each[:, 0].astype(np.int64) * base + each[:, 1]) * base + each[:, 2] for each in (sources, those)
    )  # different where sources are, since a shift is from −base/2 to base/2
    return np.isin(*numbers)
