"""The bar of a run inside an epoch, as pages show it."""

from dataclasses import dataclass

from mnistnn.run.under_way import UPDATES
from mnistnn.run.view import RunView


@dataclass(frozen=True)
class Bar:
    """So many done of so many, in words too; `most` is 0 where that is not known, and then there is no bar to draw."""

    done: int
    most: int
    text: str


def bar_of(view: RunView) -> Bar | None:
    """Return how far a run is since its newest evaluation; None if it does not say."""
    found = view.under_way
    if found is None:
        return None
    of_most = f" of {found.most:,}" if found.most else ""
    text = f"epoch {found.epoch:,}{f' of {found.epochs:,}' if found.epochs else ''}: "
    text += (
        f"{found.done:,}{of_most} updates" if found.counted == UPDATES else f"{found.counted} {found.done:,}{of_most}"
    )
    if found.examples_per_s:
        text += f", {found.examples_per_s:,.0f} examples/s"
    return Bar(min(found.done, found.most), found.most, f"{found.part}, {text}" if found.part else text)
