"""What `mnistnn eval` says of a figure that an experiment claims, and makes of `--expect`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.config.schema import Expect
    from mnistnn.run.directory import RunDirectory


class Claim(NamedTuple):
    """The band of an experiment for a figure, if it has one.

    what   is claimed, such as "test error"
    show   writes a value for the line, precise for the message that it is outside
    unit   ends the line's band
    """

    what: str
    band: list[float] | None
    source: str
    show: Callable[[float], str]
    precise: Callable[[float], str]
    unit: str

    def refuse_if_none(self, run: RunDirectory) -> None:
        """Raise UsageError if nothing is claimed."""
        from mnistnn.errors import UsageError

        if self.band is None:
            raise UsageError(f"{run.path}: its experiment claims nothing about the {self.what} (key expect)")

    def said(self, value: float) -> str | None:
        """Return the band, its source and the verdict, in words; None if nothing is claimed."""
        if self.band is None:
            return None
        low, high = self.band
        source = f" ({printable(self.source)})" if self.source else ""
        verdict = "within" if low <= value <= high else "OUTSIDE"
        return f"{self.show(low)} to {self.show(high)} {self.unit}{source}: {verdict}"

    def hold(self, value: float) -> None:
        """Raise CheckFailedError if the value lies outside of what is claimed."""
        from mnistnn.errors import CheckFailedError

        if self.band is not None and not self.band[0] <= value <= self.band[1]:
            low, high = map(self.precise, self.band)
            raise CheckFailedError(
                f"{self.what} {self.precise(value)} is outside of what the experiment claims, {low} to {high}"
            )


def claim_of_error(expect: Expect, split: str) -> Claim:
    """Return what is claimed about the share of digits of a split that are misread."""
    band = expect.test_error if split == "test" else expect.valid_error if split == "valid" else None
    return Claim(f"{split} error", band, expect.source, _percent, _fraction, "%")


def claim_of_nats(what: str, band: list[float] | None, source: str) -> Claim:
    """Return what is claimed about a figure in nats."""
    return Claim(what, band, source, _two_places, _two_places, "nats")


def _percent(value: float) -> str:
    return f"{100 * value:.2f}"


def _fraction(value: float) -> str:
    return f"{value:.4f}"


def _two_places(value: float) -> str:
    return f"{value:.2f}"
