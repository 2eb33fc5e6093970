"""The claim that a layer or a transform says which shape it makes of which input, and what it says of shapes."""

from collections.abc import Callable, Sequence
from typing import Protocol

from mnistnn.analysis.inspection.component.findings import Claim, Measured
from mnistnn.types import Shape, ShapeError, show_shape


class _Built(Protocol):
    def build(self, in_shape: Shape) -> object: ...


def claim_of_shapes(
    make: Callable[[], _Built],
    shapes: Sequence[Shape],
    tried: Callable[[Shape], tuple[Shape, Shape]],
    n: int,
    said_n: str,
) -> Claim:
    """Return the claim, for inputs of these shapes.

    tried   returns the shape that is promised of one example, and the one that n examples are given
    said_n  how n is written where it does not hold
    """

    def test() -> Measured:
        said, right, taken = [], True, False
        for shape in shapes:
            if (refused := refusal(make, shape)) is not None:
                said.append(f"{show_shape(shape)} is refused ({refused})")
                continue
            promised, found = tried(shape)
            is_kept = found == (n, *promised)
            right, taken = right and is_kept, True
            arrow = f"{show_shape(shape)} → {show_shape(promised)}"
            said.append(arrow if is_kept else f"{arrow}, but {said_n} give {show_shape(found)}")
        return Measured(right and taken, "; ".join(said), "" if taken else "one shape at least")

    return Claim("It says which shape it makes of which input, and keeps to that", test)


def refusal(make: Callable[[], _Built], shape: Shape) -> str | None:
    """Return why a component does not take a shape; None if it does, or if it cannot say so without another error."""
    try:
        make().build(shape)
    except ShapeError as error:
        return str(error)
    except Exception:  # said by the claim about shapes
        return None
    return None
