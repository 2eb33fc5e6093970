"""Reproduction: the chosen experiments are trained, seed by seed, and their claimed metrics are measured."""

from collections.abc import Callable, Sequence
from pathlib import Path

from mnistnn.analysis.evaluation.results import evaluate
from mnistnn.backend.arrays import Device, device_name
from mnistnn.errors import InterruptedRunError, MnistnnError
from mnistnn.experiment.plan import Plan
from mnistnn.reproduction.collection import Member
from mnistnn.reproduction.record import Record, SeedResult, make_record, write_record
from mnistnn.reproduction.table import shown, shown_band
from mnistnn.run.directory import RunDirectory, new_run_path
from mnistnn.run.provenance import read_environment
from mnistnn.runner import session
from mnistnn.storage.writing import resource_error
from mnistnn.tasks.claims import CLAIMS, claims_of


def reproduce(
    members: Sequence[Member],
    seeds: Sequence[int],
    device: Device,
    runs: Path,
    results: Path,
    verbosity: session.Verbosity,
    tell: Callable[[str], None],
) -> list[str]:
    """Train each experiment with each seed, in new runs, and write its record; return what was not reproduced.

    An experiment that fails leaves its old record as it is, and the others go on. A request to stop ends everything.
    """
    try:
        results.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise resource_error(results, error) from error
    failures = []
    for number, member in enumerate(members, start=1):
        tell(f"[{number}/{len(members)}] {member.file}")
        try:
            record = _reproduce_one(member, seeds, device, runs, verbosity, tell)
        except InterruptedRunError:
            raise
        except MnistnnError as error:
            tell(f"  failed: {error}")
            failures.append(f"{member.file}: {error}")
            continue
        write_record(record, results)
        outcome = _outcome(record)
        tell(f"  {record.verdict}: {outcome}")
        if record.verdict != "within":
            failures.append(f"{member.file}: {outcome}")
    return failures


def _outcome(record: Record) -> str:
    return ", ".join(f"{shown(metric)}, claimed {shown_band(metric)}" for metric in record.figures)


def _reproduce_one(
    member: Member,
    seeds: Sequence[int],
    device: Device,
    runs: Path,
    verbosity: session.Verbosity,
    tell: Callable[[str], None],
) -> Record:
    measured = []
    for seed in seeds:
        run, result = _train_and_measure(member, seed, device, runs, verbosity, tell)
        found = ", ".join(
            f"{CLAIMS[key].name} {CLAIMS[key].shown(value, None)}" for key, value in result.errors.items()
        )
        tell(f"  seed {seed}: {found} (epoch {result.epoch:g}, {result.seconds:.1f} s)")
        measured.append(result)
    git = read_environment(run).get("git") or {}
    return make_record(
        member.file, member.load(), measured, git.get("commit"), bool(git.get("dirty")), device_name(device)
    )


def _train_and_measure(
    member: Member, seed: int, device: Device, runs: Path, verbosity: session.Verbosity, tell: Callable[[str], None]
) -> tuple[RunDirectory, SeedResult]:
    plan = Plan(member.load(f"seed={seed}", f"backend.device={device}"))
    outcome = session.start(plan, new_run_path(runs, plan.experiment.name), runs, verbosity)
    claimed = [CLAIMS[key] for key in claims_of(plan.experiment.expect)]
    measured = {claim.key: (claim, evaluate(outcome.run, claim.split, "best", tell)) for claim in claimed}
    return outcome.run, SeedResult(
        seed=seed,
        epoch=next(result.epoch for _, result in measured.values()),
        seconds=round(outcome.record.seconds, 1),
        errors={key: getattr(result, claim.metric) for key, (claim, result) in measured.items()},
    )
