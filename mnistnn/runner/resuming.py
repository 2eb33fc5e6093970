"""Which run can be gone on with, and what may change in it meanwhile."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from mnistnn.backend.machine import usable_cores
from mnistnn.config.diff import differences
from mnistnn.config.dump import config_hash
from mnistnn.config.load import LoadedExperiment
from mnistnn.errors import ConfigError, RunError
from mnistnn.run import lock
from mnistnn.run.code import kept_plugins
from mnistnn.run.config import load_run_config
from mnistnn.run.directory import RunDirectory, all_runs
from mnistnn.run.record import RunRecord, read_record
from mnistnn.tasks.by_class import BALANCED
from mnistnn.tasks.contract import metrics_read

# What a resumed run may change: how long it goes on, how it is saved, where it is computed.
_CHANGEABLE = ("stopping", "checkpoint", "backend.device", "backend.threads")
# The best parameters by another measure were not kept, so this one cannot change.
_FIXED = ("checkpoint.monitor",)
# What is measured only where something reads it.
MEASURED_IF_READ = frozenset({BALANCED, "valid.gained", "valid.lost"})


def refuse_changes(before: LoadedExperiment, now: LoadedExperiment) -> None:
    """Raise ConfigError if a resumed run would be another experiment."""
    if (then := before.plugins.digests) != (given := now.plugins.digests):
        names = sorted(name for name in {**then, **given} if then.get(name) != given.get(name))
        raise ConfigError(
            f"this is another experiment: its code is not what the run was begun with ({', '.join(names)}); the run "
            "keeps its own code, with which `mnistnn resume` goes on"
        )
    refused = [
        f"  {change.key}: {change.left!r} in the run, {change.right!r} asked for"
        for change in differences(before.resolved, now.resolved)
        if not _may_change(change.key)
    ]
    if refused:
        allowed = f"{', '.join(_CHANGEABLE)} (but not {', '.join(_FIXED)})"
        raise ConfigError(
            "\n".join([f"a resumed run may only change {allowed}; this is another experiment:", *refused])
        )
    _refuse_metrics_that_earlier_rows_lack(before, now)


def _refuse_metrics_that_earlier_rows_lack(before: LoadedExperiment, now: LoadedExperiment) -> None:
    known = {metric for metrics in metrics_read(before.experiment).values() for metric in metrics}
    for key, metrics in metrics_read(now.experiment).items():
        if lacking := sorted(MEASURED_IF_READ.intersection(metrics) - known):
            raise now.error(
                f"reads {', '.join(lacking)}, which the run has not measured so far, as nothing read it; a new run "
                "measures it from the start",
                key,
            )


def _may_change(key: str) -> bool:
    inside = [key == name or key.startswith(name + ".") for name in _CHANGEABLE]
    return any(inside) and key not in _FIXED


def resumable(loaded: LoadedExperiment, runs: Path, run_dir: Path | None) -> RunDirectory | None:
    """Return the run that `--resume auto` should go on with: the one at `run_dir`, if it holds one, or else the newest
    unfinished run of exactly this experiment under `runs`.
    """
    if run_dir is not None:
        run = RunDirectory(run_dir)
        return run if run.record.is_file() else None
    for run, record in _runs_of(loaded, runs):
        if record.status != "finished" and not lock.is_held(run):
            return run
    return None


def finished_run(loaded: LoadedExperiment, runs: Path) -> RunDirectory | None:
    """Return the newest finished run of exactly this experiment under `runs`."""
    return next((run for run, record in _runs_of(loaded, runs) if record.status == "finished"), None)


def _runs_of(loaded: LoadedExperiment, runs: Path) -> Iterator[tuple[RunDirectory, RunRecord]]:
    """Yield the runs of exactly this experiment, and their records, newest first."""
    digests = _digests(loaded)
    for run in reversed(all_runs(runs)):
        with suppress(RunError):
            record = read_record(run)
            is_same = record.config_hash in digests or _was_the_same(run, record, loaded, digests)
            if is_same and kept_plugins(run).digests == loaded.plugins.digests:
                yield run, record


def _was_the_same(run: RunDirectory, record: RunRecord, loaded: LoadedExperiment, digests: set[str]) -> bool:
    """Tell whether the configuration of a run has a digest of these once the keys that it did not know are added."""
    return (
        record.name == loaded.experiment.name and config_hash(load_run_config(run, record=record).resolved) in digests
    )


def _digests(loaded: LoadedExperiment) -> set[str]:
    """Return the digests of an experiment with any number of threads on any device, which make it no other one."""
    resolved = loaded.resolved
    threads = {resolved["backend"]["threads"], "auto", *range(1, usable_cores() + 1)}
    return {
        config_hash(resolved | {"backend": resolved["backend"] | {"threads": count, "device": device}})
        for count in threads
        for device in ("cpu", "cuda")
    }
