"""What the model asks of a layer, and how a layer declares its parameters.

Buffers have owners. The x given to `forward` is borrowed: read only, and unchanged until the matching `backward`. The
dy given to `backward` may be overwritten. What either returns is lent until the layer's next call. A layer keeps one
scratch array per role, so a steady-state step allocates nothing.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from mnistnn.backend import Array
from mnistnn.initializers import Fan, Initializer
from mnistnn.shapes import Shape


@dataclass(frozen=True)
class Parameter:
    """One array of a layer, before it has a place in the model's flat vector."""

    name: str
    shape: Shape
    kind: Literal["weight", "bias"]
    init: Initializer
    fan: Fan


class LayerContract(Protocol):
    """Maps x (n, *in_shape) to y (n, *out_shape)."""

    def build(self, in_shape: Shape) -> tuple[Shape, list[Parameter]]:
        """Return the output shape of one example and the parameters needed. Raises ShapeError."""
        ...

    def bind(self, values: dict[str, Array], grads: dict[str, Array]) -> None:
        """Take the views of the model's theta and grad that are this layer's; they are never rebound after."""
        ...

    def forward(self, x: Array, train: bool) -> Array: ...

    def backward(self, dy: Array, need_dx: bool = True) -> Array | None:
        """Overwrite the gradient views with those of the last forward pass; return dx if it is needed."""
        ...
