"""What a run gave of what its experiment claims, and what a record says of the run besides."""

from collections.abc import Callable

from mnistnn.analysis.evaluation.results import evaluate, stored_results
from mnistnn.config.schema import Expect
from mnistnn.errors import RunError
from mnistnn.reproduction.curves import curves_of
from mnistnn.reproduction.record import Origin, SeedResult
from mnistnn.run.directory import RunDirectory
from mnistnn.run.provenance import read_environment
from mnistnn.run.view import RunView
from mnistnn.tasks.claims import CLAIMS, Claim, claims_of
from mnistnn.types import Row

Tell = Callable[[str], None]


def origin_of(run: RunDirectory) -> Origin:
    """Return where a run comes from. Raises RunError if its environment.json cannot be read."""
    environment = read_environment(run)
    git = environment.get("git") or {}
    return Origin(git.get("commit"), bool(git.get("dirty")), environment.get("device_name"))


def measured(run: RunDirectory, expect: Expect, tell: Tell) -> SeedResult:
    """Return what a run gave of each metric that is claimed, at its best epoch, and its metrics along training.

    What `eval` has kept of that epoch is taken as it is, so the test split is not read again. Raises RunError for a run
    without an evaluation.
    """
    view = RunView(run)
    best = view.best
    if best is None:
        raise RunError(f"{run.path}: no evaluation yet, so there is nothing to be recorded")
    claims = [CLAIMS[key] for key in claims_of(expect)]
    return SeedResult(
        seed=view.loaded.experiment.seed,
        epoch=best["epoch"],
        seconds=round(view.record.seconds, 1),
        errors={claim.key: _value(claim, run, best, tell) for claim in claims},
        curves=curves_of(view.rows, best),
    )


def _value(claim: Claim, run: RunDirectory, best: Row, tell: Tell) -> float:
    if claim.in_row is not None:
        return claim.in_row(best)
    kept = (
        each
        for each in stored_results(run)
        if (each.split, each.checkpoint, each.epoch) == (claim.split, "best", best["epoch"])
        and not each.file_suffix
        and getattr(each, claim.metric, None) is not None  # one of an earlier version may lack it
    )
    result = next(kept, None) or evaluate(run, claim.split, "best", tell)
    value: float = getattr(result, claim.metric)
    return value
