"""How badly the surroundings of one pixel explain those of another: the part that deformation models have in common."""

from mnistnn.kernels.edges import LARGEST_EDGE, framed
from mnistnn.types import Array


def largest_cost(context: int) -> int:
    """Return a bound on local costs: (2·context + 1)² pixels, two edges each, that differ by 254 at most. With the
    usual context of 1 it is 1,161,288.
    """
    return (2 * context + 1) ** 2 * 2 * (2 * LARGEST_EDGE) ** 2


class LocalCosts:
    """Costs between pixels of queries and of references, pair by pair, for one displacement after the other.

    q, r     (m, 2, h, w)  int8, edges of both; q may be a single one, for all r
    context  how far the surroundings of a pixel reach in each direction
    reach    the longest displacement that will be asked for
    cost(y, x) = Σ over |i|, |j| ≤ context of ‖q(y + i, x + j) − r(y + i + down, x + j + right)‖²
    What lies outside of an image has no edges. Keysers, Deselaers, Gollan & Ney (2007).
    """

    def __init__(self, q: Array, r: Array, context: int, reach: int) -> None:
        self.h, self.w = q.shape[2:]
        self._context, self._reach = context, reach
        self._q, self._r = framed(q, context, "int32"), framed(r, context + reach, "int32")

    def __call__(self, down: int, right: int) -> Array:
        """Return the costs (m, h, w) int32 of a displacement, in pixels."""
        h, w, span = self.h, self.w, 2 * self._context + 1
        top, left = self._reach + down, self._reach + right
        _, _, rows, columns = self._q.shape
        difference = self._r[:, :, top : top + rows, left : left + columns] - self._q
        difference *= difference
        squares = difference[:, 0] + difference[:, 1]  # (m, h + span − 1, w + span − 1)
        along_rows = sum(squares[:, :, j : j + w] for j in range(span))
        return sum(along_rows[:, i : i + h] for i in range(span))
