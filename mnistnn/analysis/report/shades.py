"""Shaded cells of tables: the more, the darker."""

from dataclasses import dataclass

# Up to which share of examples has which shade.
_SHADES = ((0.005, "rare"), (0.015, "few"), (0.04, "many"), (1.0, "most"))


@dataclass(frozen=True)
class Cell:
    """A text and the class of its shade."""

    text: str
    shade: str


QUIET = Cell("·", "none")
"""Stands for nothing."""


def shade_of(share: float) -> str:
    """Return the class of the shade of a share of examples."""
    return next(shade for most, shade in _SHADES if share <= most)
