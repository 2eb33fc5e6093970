"""The claim of an experiment in `mnistnn eval`: what is printed of it, and `--expect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    from mnistnn.run.directory import RunDirectory
    from mnistnn.tasks.claims import Band, Claim
    from mnistnn.tasks.contract import Task
    from mnistnn.types import SplitName


class HeldClaim(NamedTuple):
    """The possible claim about a split, and the band, if the experiment claims one."""

    claim: Claim
    band: Band | None
    split: SplitName
    source: str
    others: str
    """What the experiment claims that `eval` does not measure; empty if nothing."""

    @property
    def what(self) -> str:
        return f"{self.split} {self.claim.name}"

    def refuse_if_none(self, run: RunDirectory) -> None:
        """Raise UsageError if nothing is claimed."""
        from mnistnn.errors import UsageError

        if self.band is None:
            others = "; overrides of what is learned or measured leave the claims of a file behind"
            if self.others:
                others = f"; mnistnn reproduce holds its {self.others}"
            raise UsageError(f"{run.path}: its experiment claims nothing about the {self.what} (key expect){others}")

    def said(self, value: float) -> str | None:
        """Return the band, its source and the verdict, in words; None if nothing is claimed."""
        if self.band is None:
            return None
        low, high = self.band
        source = f" ({printable(self.source)})" if self.source else ""
        verdict = "within" if low <= value <= high else "OUTSIDE"
        notation = self.claim.notation
        return f"{notation.bare(low)} to {notation.bare(high)} {notation.unit}{source}: {verdict}"

    def hold(self, value: float) -> None:
        """Raise CheckFailedError if the value lies outside of what is claimed."""
        from mnistnn.errors import CheckFailedError

        if self.band is not None and not self.band[0] <= value <= self.band[1]:
            found, low, high = (format(each, self.claim.notation.precise) for each in (value, *self.band))
            raise CheckFailedError(f"{self.what} {found} is outside of what the experiment claims, {low} to {high}")


def claims_of_split(task: Task, split: SplitName) -> list[HeldClaim]:
    """Return what an experiment claims about a split; if nothing, what it may claim."""
    from mnistnn.tasks.claims import CLAIMS, claims_of

    expect = task.experiment.expect
    in_metrics = [each.name for key in claims_of(expect) if (each := CLAIMS[key]).in_row is not None]
    others = ", ".join(in_metrics)
    return [HeldClaim(claim, band, split, expect.source, others) for claim, band in task.claims_on(split)]


def said_of(task: Task, claims: list[HeldClaim], values: list[float]) -> str | None:
    """Return all that is claimed of a split and the verdicts, in words; where it is not what is claimed first of such
    models alone, behind the names of the metrics.
    """
    said = [(claim.claim, text) for claim, value in zip(claims, values, strict=True) if (text := claim.said(value))]
    usual = next((each for each in task.claims if each.split == claims[0].split), None)
    if [claim for claim, _ in said] == [usual]:
        return said[0][1]
    return "; ".join(f"{claim.name} {text}" for claim, text in said) or None
