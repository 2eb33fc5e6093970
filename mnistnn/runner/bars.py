"""Progress bars: where they can be drawn, and which ones: those of a terminal, or those of a notebook."""

import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm


def can_draw(stream: TextIO | None) -> bool:
    """Tell whether lines can be drawn over on a stream, as bars do: a terminal, and not a dumb one."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def is_notebook() -> bool:
    """Tell whether this process computes the cells of a notebook, which draws bars in its own way."""
    return "ipykernel" in sys.modules


def bar_type() -> "type[tqdm[Any]]":
    """Return tqdm's bars for where this runs. A notebook without ipywidgets gets those of a terminal."""
    if is_notebook():
        from tqdm.auto import tqdm as of_notebook

        return of_notebook
    from tqdm import tqdm as of_terminal  # the other module loads asyncio, which takes longer than all of this one

    return of_terminal
