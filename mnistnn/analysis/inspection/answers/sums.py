"""What feeds a unit that is a weighted sum, whatever model it belongs to."""

from collections.abc import Sequence

import numpy as np

from mnistnn.analysis.inspection.answers.contract import Feeding, Numbers
from mnistnn.analysis.inspection.answers.formulas import largest_terms, number, summed
from mnistnn.types import Shape


def of_inputs(
    place: tuple[int, ...], value: float, formula: str, x: Numbers, w: Numbers, b: float, shape: Shape,
    activation: str = "", name: str = "x",
) -> Feeding:  # fmt: skip
    """Return what feeds f(Σ x w + b), x and w (k,) of images or rows of this shape.

    formula     of the sum, with letters
    activation  f, as it is written; without one the unit is the sum
    """
    names = [f"{name}[{', '.join(map(str, at))}]" for at in np.ndindex(*shape)]
    symbol = "z" if activation else "y"
    x, w = x.reshape(shape), w.reshape(shape)
    feeding, total = _summed(place, value, f"{symbol} = {formula}", symbol, names, x, w, b)
    if activation:
        feeding.lines.append(f"y = {activation}(z) = {activation}({number(total)}) = {number(value)}")
    return feeding


def of_terms(
    place: tuple[int, ...], value: float, formula: str, names: Sequence[str], x: Numbers, w: Numbers, b: float = 0.0,
    b_name: str = "b",
) -> Feeding:  # fmt: skip
    """Return what feeds Σ x w + b, the terms of which, x and w (k,), have names of their own."""
    return _summed(place, value, formula, "y", list(names), x, w, b, b_name)[0]


def _summed(
    place: tuple[int, ...], value: float, formula: str, symbol: str, names: list[str], x: Numbers, w: Numbers,
    b: float, b_name: str = "b",
) -> tuple[Feeding, float]:  # fmt: skip
    flat, weights = x.reshape(-1), w.reshape(-1)
    terms, others = largest_terms(names, flat, weights)
    total = float(flat.astype(np.float64) @ weights.astype(np.float64)) + b
    more = [(b_name, b)] if b else []
    lines = [formula, f"{symbol} = {summed(terms, others, *more)} = {number(total)}"]
    return Feeding(place, value, lines, [], x, w, terms, others), total
