"""The words for what second-order methods need of layers, which layers offer and optimizers demand."""

from typing import Literal

# tangents  how the output changes with the parameters and the input (`jvp`), for Gauss–Newton products
# squares   a backward pass of squares, for an estimate of the Gauss–Newton matrix's diagonal
# rows      each example's own gradient, for the matrix itself
SecondOrder = Literal["tangents", "squares", "rows"]
