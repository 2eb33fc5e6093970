"""The contract of a layer: what the model calls, and how a layer declares its parameters.

Buffers have owners. The x given to `forward` is borrowed: read only, and unchanged until the matching `backward`. The
dy given to `backward` may be overwritten. What either returns is lent until the layer's next call. A layer keeps one
scratch array per role, so a steady-state step allocates nothing.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

from mnistnn.layers.initializers import FanInOut, InitializerProtocol
from mnistnn.types import Array, SecondOrder, Shape


@dataclass(frozen=True)
class Parameter:
    """One array of a layer, before it has a place in the model's flat vector.

    kind  weight; bias, which is whatever penalties leave alone unless told otherwise; or statistic, which forward
          passes in training collect and the optimizer does not move
    """

    name: str
    shape: Shape
    kind: Literal["weight", "bias", "statistic"]
    init: InitializerProtocol
    fan: FanInOut


class BaseLayer:
    """Abstract: maps x (n, *in_shape) to y (n, *out_shape). What most layers have no need of does nothing here.

    Images may come in either order of `backend/memory_order.py`; layers for images, and those that work element by
    element, return them in the order of memory that suits images.
    """

    is_random: ClassVar[bool] = False
    """Whether the layer draws random numbers in training, and so wants `seed` and `begin_update`."""

    repeats_itself: ClassVar[bool] = True
    """Whether each pass in training does the same operations, with nothing new from the host but its `mask`, so that it
    can be recorded on a GPU. A layer of a user's own has to say so itself."""

    loops_save_s: ClassVar[float] = 0.0
    """Seconds of an update that compiled loops save for each of `multiply_adds`, as measured on one thread."""

    needs_loops: bool = False
    """Whether compiled loops are to be used wherever they can be: their last bits are their own; after `build`."""

    is_truncated: bool = False
    """Whether `backward` leaves out a part of the gradient; after `build`."""

    needs_several_examples: bool = False
    """Whether all that the layer makes of a batch of one example is the same; after `build`."""

    second_order: ClassVar[frozenset[SecondOrder]] = frozenset()
    """The computations that the layer offers to second-order methods."""

    def build(self, in_shape: Shape) -> tuple[Shape, list[Parameter]]:
        """Return the output shape of one example and the parameters needed. Raises ShapeError."""
        raise NotImplementedError

    def bind(self, values: dict[str, Array], grads: dict[str, Array]) -> None:
        """Take the views of the model's theta and grad that are this layer's; they are never rebound after."""

    def forward(self, x: Array, train: bool) -> Array:
        """Return y; with `train`, what is random is drawn for the update that `begin_update` named."""
        raise NotImplementedError

    def backward(self, dy: Array, need_dx: bool = True) -> Array | None:
        """Overwrite the gradient views with those of the last forward pass; return dx if it is needed.

        Since they are overwritten, nothing is ever set to zero before. The first layer is asked for no dx.
        """
        raise NotImplementedError

    @property
    def overwritten(self) -> tuple[Array, ...]:
        """Buffers of the last forward pass that `backward` overwrites, and `jvp` needs."""
        return ()

    def bind_tangents(self, tangents: dict[str, Array]) -> None:
        """Take the views of the model's theta_dot that are this layer's; they are never rebound after."""

    def jvp(self, x_dot: Array | None) -> Array:
        """Return y_dot, the change of the last forward pass's y when x changes by x_dot (n, *in_shape), which may be
        overwritten, and the parameters by their tangents. No x_dot means that x does not change.

        What `backward` needs stays as it is.
        """
        raise NotImplementedError

    def backward_diagonal(self, hy: Array, need_hx: bool = True) -> Array | None:
        """Estimate the Gauss–Newton diagonal: `backward` with the square of each factor: inputs, weights, slopes,
        masks.

        Takes second derivatives by y, on the diagonal, to those by x and, in the gradient views, by the parameters.
        LeCun et al. (1998), appendix C: what f'' would contribute is left out.
        """
        raise NotImplementedError

    def backward_per_example(self, dy: Array, gradients: dict[str, Array], need_dx: bool = True) -> Array | None:
        """Write per-example gradients: `backward` for k functions of the output at once, without the sum over examples.

        dy (k, n, *out_shape) is overwritten. gradients, by the names of parameters, is memory (k, n, *shape of the
        parameter) for each example's own derivatives. Returns dx (k, n, *in_shape). What `backward` needs stays as it
        is.
        """
        raise NotImplementedError

    draws_itself: bool = True
    """Whether a random layer's forward pass in training draws; else it takes what `draw` has put into `mask`."""

    mask: Array
    """The random mask of the last forward pass in training."""

    def draw(self, mask: Array) -> None:
        """Fill memory like `mask` with what is random, for the update that `begin_update` named; from the host."""

    def seed(self, seed: int, part: int) -> None:
        """Take the experiment's seed, and the layer's place in the model, from which its randomness is derived."""

    def begin_update(self, update: int, piece: int = 0) -> None:
        """Stand at the beginning of an update's random stream, of that for one of the pieces of its batch."""

    @property
    def is_constrained(self) -> bool:
        """Whether `project` does anything."""
        return False

    def project(self) -> None:
        """Move the parameters to where a constraint wants them."""

    @property
    def multiply_adds(self) -> int:
        """Multiplications (each with an addition) of one example's forward pass, in matrix products; after `build`."""
        return 0

    def memory(self, n: int, train: bool, workers: int = 1) -> int:
        """Return how many numbers the layer keeps, at most, on the host, for batches of n: of a forward pass, or with
        `train` of both passes. Each of the workers of `backend/threads.py` may need some of its own.
        """
        return 0
