"""Shapes of single examples, and the error when two parts of a model disagree about one."""

Shape = tuple[int, ...]


class ShapeError(ValueError):
    """A part cannot take the shape that it is given. Says both shapes; whoever knows the part's name adds it."""


def show_shape(shape: Shape) -> str:
    """Return a shape as people write it: 28×28."""
    return "×".join(map(str, shape))
