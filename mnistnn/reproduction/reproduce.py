"""Reproduction: the chosen experiments are trained, seed by seed, and their claimed metrics are measured."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mnistnn.backend.arrays import Device
from mnistnn.errors import InterruptedRunError, MnistnnError
from mnistnn.experiment.plan import Plan
from mnistnn.reproduction.measured import Tell, measured, origin_of
from mnistnn.reproduction.member import Member
from mnistnn.reproduction.record import Record, SeedResult, make_record, write_record
from mnistnn.reproduction.table import shown, shown_band
from mnistnn.run.directory import RunDirectory, new_run_path
from mnistnn.runner import session
from mnistnn.runner.members import Trainer
from mnistnn.runner.signals import StopRequest
from mnistnn.storage.writing import resource_error
from mnistnn.tasks.claims import CLAIMS, Claim

_INTERRUPTED = "interrupted while a run was measured; what had been recorded before stays"


@dataclass(frozen=True)
class Conditions:
    """How experiments are trained and recorded.

    runs            the folder of their runs
    stop            the request to stop that all of them heed, watched by who hands it in
    trainer         trains several members of a committee at a time, each with up to `member_threads` threads
    remark          what the records are to say besides
    """

    seeds: Sequence[int]
    device: Device
    runs: Path
    verbosity: session.Verbosity
    stop: StopRequest
    trainer: Trainer | None = None
    member_threads: int = 1
    remark: str | None = None


def reproduce(members: Sequence[Member], conditions: Conditions, results: Path, tell: Tell) -> list[str]:
    """Train each experiment with each seed, in new runs, and write its record; return what was not reproduced.

    An experiment that fails leaves its old record as it is, and the others go on. A request to stop ends everything.
    """
    return record_each(members, results, tell, lambda member: _reproduce_one(member, conditions, tell))


def record_each(
    members: Sequence[Member], results: Path, tell: Tell, record_of: Callable[[Member], Record]
) -> list[str]:
    """Write the record of each experiment, say what it is, and return what is outside of its band or has failed."""
    try:
        results.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise resource_error(results, error) from error
    failures = []
    for number, member in enumerate(members, start=1):
        tell(f"[{number}/{len(members)}] {member.file}")
        try:
            record = record_of(member)
        except InterruptedRunError:
            raise
        except MnistnnError as error:
            tell(f"  failed: {error}")
            failures.append(f"{member.file}: {error}")
            continue
        write_record(record, results)
        outcome = ", ".join(f"{shown(metric)}, claimed {shown_band(metric)}" for metric in record.figures)
        tell(f"  {record.verdict}: {outcome}")
        if record.verdict == "outside":
            failures.append(f"{member.file}: {outcome}")
    return failures


def tell_of_seed(result: SeedResult, tell: Tell) -> None:
    """Say what a run with a seed gave."""
    found = ", ".join(_said(CLAIMS[key], value) for key, value in result.errors.items())
    tell(f"  seed {result.seed}: {found} (epoch {result.epoch:g}, {result.seconds:.1f} s)")


def _said(claim: Claim, value: float) -> str:
    text = claim.shown(value, None)
    if claim.prefix and claim.name.startswith(claim.prefix.strip()):
        text = text.removeprefix(claim.prefix)
    return f"{claim.name} {text}"


def _reproduce_one(member: Member, conditions: Conditions, tell: Tell) -> Record:
    results, loaded = [], member.load()
    for seed in conditions.seeds:
        run = _trained(member, seed, conditions)
        with conditions.stop.at_once(_INTERRUPTED):
            results.append(measured(run, loaded.experiment.expect, tell))
        tell_of_seed(results[-1], tell)
    return make_record(member.file, loaded, results, origin_of(run), remark=conditions.remark)


def _trained(member: Member, seed: int, conditions: Conditions) -> RunDirectory:
    overrides = [f"seed={seed}", f"backend.device={conditions.device}"]
    plan = Plan(member.load(*overrides))
    if plan.members and conditions.trainer is not None:
        plan = Plan(member.load(*overrides, f"backend.threads={conditions.member_threads}"))
    path = new_run_path(conditions.runs, plan.experiment.name)
    return session.start(
        plan, path, conditions.runs, conditions.verbosity, stop=conditions.stop, trainer=conditions.trainer
    ).run
