"""Types of keys with a range, for components of one's own."""

from typing import Annotated

from pydantic import Field

__all__ = ["Count", "Field", "Fraction", "NonNegative", "Positive"]

Positive = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]
