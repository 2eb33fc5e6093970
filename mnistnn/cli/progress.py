"""A progress bar for long work that is no training."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from mnistnn.cli.command import settings
from mnistnn.runner.bars import can_draw


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """Yield a function that is told what is being done, how much of it is done, and of how much.

    The bar appears when it is first told something.
    """
    if settings().quiet or not can_draw(sys.stderr):
        yield _see_nothing
        return
    bars: list[Any] = []

    def watch(what: str, done: int, most: int) -> None:
        from tqdm import tqdm

        if not bars:
            bars.append(tqdm(total=most, file=sys.stderr, leave=False))
        (bar,) = bars
        if bar.desc != f"{what}: ":
            bar.set_description(what, refresh=False)
            bar.reset(total=most)
        bar.update(done - bar.n)

    try:
        yield watch
    finally:
        for bar in bars:
            bar.close()


def _see_nothing(_what: str, _done: int, _most: int) -> None:
    """Show nothing."""
