"""The Gauss–Newton matrix of an objective, G = Jᵀ H J: the curvature that second-order methods use.

J is the derivative of the model's outputs by theta, H the second derivative of the loss by the outputs, which is
positive semi-definite for the losses that offer it; so G is too, wherever the model stands. For a model that is linear
in theta, G is the Hessian. What L2 penalties add, a multiple of the identity on each stretch of theta, is included.

Three views of it, from the cheapest to the dearest: products with vectors, which cost about two gradients each; an
estimate of the diagonal; the matrix itself.

Schraudolph (2002), Fast curvature matrix-vector products for second-order gradient descent.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from mnistnn.backend.arrays import to_host
from mnistnn.backend.pieces import cut
from mnistnn.backend.scratch import Scratch
from mnistnn.models.sequential import Sequential
from mnistnn.types import Array

_TILE_BYTES = 64 << 20  # of the rows of J that are in memory at a time


class Batch(Protocol):
    """The part of an objective that is needed: its parts, and a forward pass of some examples of its batch."""

    model: Sequential
    loss: Any
    """One that tells its second derivative (`experiment/compatibility.py` asks for that)."""
    labels: Array
    decay: Sequence[tuple[slice, float]]
    passed: int

    def forward(self, part: slice) -> Array: ...

    def chunks(self, part: slice) -> list[slice]: ...

    def tell(self, what: str, done: int, most: int | None) -> None: ...


class GaussNewton:
    """G at the objective's present theta, as a mean over some examples of its batch."""

    def __init__(self, batch: Batch) -> None:
        self.batch, self.model, self.loss = batch, batch.model, batch.loss
        self._scratch = Scratch()

    def products(self, part: slice) -> Callable[[Array, Array], None]:
        """Return a function that writes G v into its second argument; v, out (P,). It overwrites the model's gradient.

        z_dot = J v by a forward pass of tangents, dz = H z_dot from the loss, out = Jᵀ dz by a backward pass. It may be
        called any number of times before theta moves or anything else passes through the model: what passes in one
        piece is passed forward only once, and brought back for each product.
        """
        pieces = self.batch.chunks(part)
        passes = self._passes(pieces) if len(pieces) > 1 else self._one_pass(part)

        def product(v: Array, out: Array) -> None:
            for number, (piece, z) in enumerate(passes()):
                dz = self.loss.curvature_product(z, self.batch.labels[piece], self.model.jvp(v))
                self.model.backward(dz)
                add_share(self.model.grad, share(piece, part), out, is_first=number == 0)
            for stretch, factor in self.batch.decay:
                out[stretch] += factor * v[stretch]

        return product

    def _passes(self, pieces: Sequence[slice]) -> Callable[[], Iterator[tuple[slice, Array]]]:
        return lambda: ((piece, self.batch.forward(piece)) for piece in pieces)

    def _one_pass(self, part: slice) -> Callable[[], Iterator[tuple[slice, Array]]]:
        # Without the forward pass, a product with a dense network takes three quarters of the time.
        z = self.batch.forward(part)
        bring_back = self.model.keep()
        self.batch.passed -= part.stop - part.start  # it is counted with the products

        def passes() -> Iterator[tuple[slice, Array]]:
            bring_back()
            self.batch.passed += part.stop - part.start
            yield part, z

        return passes

    def diagonal(self, part: slice, out: Array) -> None:
        """Write an estimate of G's diagonal into out (P,); overwrites the model's gradient.

        Second derivatives are passed back as gradients are, with squares of weights, inputs and slopes in their places:
        what the weights into a unit share is taken for independent. LeCun et al. (1998), appendix C.
        """
        model, grad = self.model, self.model.grad
        for number, piece in enumerate(self.batch.chunks(part)):
            z = self.batch.forward(piece)
            model.backward_diagonal(self.loss.curvature_diagonal(z, self.batch.labels[piece]))
            add_share(grad, share(piece, part), out, is_first=number == 0)
        for stretch, factor in self.batch.decay:
            out[stretch] += factor

    def matrix(self, part: slice, out: np.ndarray) -> None:
        """Write G into out (P, P), float64 and on the host.

        With H = Σₖ rₖ rₖᵀ for each example, G is RᵀR, where the rows of R, k for each example, are Jᵀ rₖ. They are
        made tile by tile, so the memory needed beside G does not grow with the number of examples.
        Cost: k·n·P² multiplications and additions, in products that know that the result is symmetric.
        """
        model, n = self.model, part.stop - part.start
        tile = max(1, _TILE_BYTES // (model.outputs * model.size * model.theta.itemsize))
        out[...] = 0.0
        for piece in cut(n, tile):
            self.batch.tell("Gauss-Newton matrix, examples", piece.start, n)
            here = slice(part.start + piece.start, part.start + piece.stop)
            z = self.batch.forward(here)
            roots = self.loss.curvature_roots(z, self.batch.labels[here])  # (k, n, outputs)
            rows = self._scratch("rows", (*roots.shape[:2], model.size), roots)
            model.backward_per_example(roots, rows)
            flat = rows.reshape(-1, model.size)
            out += to_host(flat.T @ flat)
        out /= n
        for stretch, factor in self.batch.decay:
            diagonal = np.einsum("ii->i", out)  # a view
            diagonal[stretch] += factor


def share(piece: slice, part: slice) -> float:
    """Return the size of a piece as a fraction of the part that it is of."""
    return float((piece.stop - piece.start) / (part.stop - part.start))


def add_share(mean: Array, weight: float, total: Array, is_first: bool) -> None:
    """Add weight · mean to total, which the first of them overwrites; the mean of a piece is overwritten."""
    mean *= weight
    if is_first:
        total[...] = mean
    else:
        total += mean
