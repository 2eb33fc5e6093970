"""Records of runs that are there already: trained in several pieces, say, or cut off."""

from collections.abc import Sequence

from mnistnn.analysis.comparison.config_differences import differing_keys
from mnistnn.errors import UsageError
from mnistnn.reproduction.measured import Tell, measured, origin_of
from mnistnn.reproduction.member import Member
from mnistnn.reproduction.record import Record, SeedResult, make_record
from mnistnn.reproduction.reproduce import tell_of_seed
from mnistnn.run.directory import RunDirectory
from mnistnn.run.view import RunView


def record_of_runs(
    member: Member, runs: Sequence[RunDirectory], unfinished: bool, remark: str | None, tell: Tell
) -> Record:
    """Return the record that an experiment's runs give, one for each seed.

    Raises UsageError for a run of another experiment, for two with one seed, and for one that is not finished unless
    `unfinished` allows that: the record then says where it was cut off.
    """
    loaded = member.load()
    results: list[SeedResult] = []
    cut_off: list[str] = []
    for run in runs:
        view = RunView(run)
        _refuse_another_experiment(member, view)
        if (seed := view.loaded.experiment.seed) in [each.seed for each in results]:
            raise UsageError(f"{run.path}: has seed {seed}, as another of these runs has")
        if view.status != "finished":
            cut_off.append(_where(view, unfinished))
        results.append(measured(run, loaded.experiment.expect, tell))
        tell_of_seed(results[-1], tell)
    return make_record(
        member.file, loaded, results, origin_of(runs[-1]), cut_off="; ".join(cut_off) or None, remark=remark
    )


def _refuse_another_experiment(member: Member, view: RunView) -> None:
    loaded = member.load(f"seed={view.loaded.experiment.seed}")
    differing = [key for key, _ in differing_keys([loaded.resolved, view.config]) if key != "name"]
    if differing:
        raise UsageError(f"{view.run.path}: is not of {member.file}, which differs in {', '.join(differing)}")


def _where(view: RunView, unfinished: bool) -> str:
    """Return where a run that is not finished was cut off. Raises UsageError if it may not be recorded so."""
    if not view.is_over:
        raise UsageError(f"{view.run.path}: is being trained; wait until it has ended")
    if not unfinished:
        raise UsageError(f"{view.run.path}: is {view.status}; --unfinished records what it has reached")
    return f"seed {view.loaded.experiment.seed} after epoch {0 if view.last is None else view.last['epoch']:g}"
