"""The order of a batch in memory.

To everyone a batch is (n, *shape of an example). In memory, layers for images keep it *images-last*, so that the same
pixel of all images lies together: whatever walks over windows (patches, pools) then moves runs of n numbers, and a
matrix product takes all positions of all images at once. Flattened for a dense layer, such a batch is a transposed
matrix, which BLAS reads as it is. So nothing is ever reordered but the first layer's input. Measured with LeNet's two
convolutions, one thread, batches of 128: gathering the patches takes 0.5 + 1.3 ms, in channels-last order 12 + 3 ms;
the products themselves take a tenth longer.

Inside of a recurrent layer sequences (n, t, features) lie *steps-first*: all examples of a step together, since they
are computed together. What it hands on lies example by example again, as everybody else reads it.
"""

from mnistnn.types import Array


def images_last(x: Array) -> Array:
    """Return x (n, ...) as (..., n): the same memory with the first axis last."""
    return x.transpose(*range(1, x.ndim), 0)


def images_first(x: Array) -> Array:
    """Return x (..., n) as (n, ...): the same memory with the last axis first."""
    return x.transpose(x.ndim - 1, *range(x.ndim - 1))


def is_images_last(x: Array) -> bool:
    """Tell whether x (n, ...) is contiguous in images-last order, and not also in the plain one."""
    return not x.flags.c_contiguous and x.ndim > 1 and images_last(x).flags.c_contiguous


def in_memory_order(x: Array) -> Array:
    """Return a view of x (n, ...) whose axes are in the order of memory: contiguous, if x is so in either order."""
    return images_last(x) if is_images_last(x) else x


def steps_first(x: Array) -> Array:
    """Return sequences x (n, t, features) as (t, n, features), or the other way round: the same memory."""
    return x.transpose(1, 0, 2)


def as_rows(x: Array) -> Array:
    """Return x (n, ...) as (n, features), without a copy in either order."""
    if is_images_last(x):
        return images_last(x).reshape(-1, len(x)).T
    return x.reshape(len(x), -1)


def as_examples(x: Array, shape: tuple[int, ...]) -> Array:
    """Return x (n, features) as (n, *shape), without a copy in either order: undoes `as_rows`."""
    if is_images_last(x):
        return images_first(x.T.reshape(*shape, len(x)))
    return x.reshape(len(x), *shape)
