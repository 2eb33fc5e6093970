"""Evaluations as lines of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_LEAST_WIDTH = 9
_GAP = "  "
_HIDDEN = "examples"  # updates say as much
_BEST = "best"


def columns_of(row: Mapping[str, Any]) -> list[str]:
    """Return the names of the columns that are shown of rows like this one."""
    return [name for name in row if name != _HIDDEN]


def fitting(names: Sequence[str], width: int, metric: str | None) -> list[str]:
    """Return the columns that fit into a width, the first ones first; `metric` is among them in any case."""
    room = width - len(_GAP + _BEST)
    fits = [name for name in names if name == metric]
    for name in names:
        if name != metric and len(heading([*fits, name])) <= room:
            fits.append(name)
    return [name for name in names if name in fits]


def heading(names: Sequence[str]) -> str:
    """Return the line above the table."""
    return _GAP.join(f"{name:>{_width(name)}}" for name in names)


def line(row: Mapping[str, Any], names: Sequence[str], is_best: bool) -> str:
    """Return an evaluation as a line; what it did not measure stays blank."""
    cells = (_cell(name, row[name]) if name in row else "" for name in names)
    text = _GAP.join(f"{cell:>{_width(name)}}" for cell, name in zip(cells, names, strict=True))
    return f"{text}{_GAP}{_BEST}" if is_best else text.rstrip()


def _cell(name: str, value: float) -> str:
    from mnistnn.types import is_percent, shown

    return shown(name, value) if is_percent(name) else f"{value:.6g}"


def _width(name: str) -> int:
    return max(len(name), _LEAST_WIDTH)
