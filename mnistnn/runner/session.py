"""Starting and resuming runs: a run directory, its lock, and one call of the training loop between them.

Everything that can be refused is refused before a folder is made. After that, however the session ends, run.json says
how, and what was committed stays.
"""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any

from mnistnn.backend import jit, threads
from mnistnn.backend.arrays import device_name
from mnistnn.backend.workers import Workers
from mnistnn.config.dump import config_hash, resolved_yaml
from mnistnn.config.load import LoadedExperiment, load_resolved
from mnistnn.config.validate import type_first
from mnistnn.errors import DataError, RunError, UsageError
from mnistnn.experiment.duration import duration_of
from mnistnn.experiment.futility import futile
from mnistnn.experiment.plan import Plan
from mnistnn.run import checkpoint as checkpoints
from mnistnn.run import latest, lock, transforms
from mnistnn.run.code import other_packages
from mnistnn.run.config import load_run_config
from mnistnn.run.directory import (
    RunDirectory,
    as_argument,
    clear,
    create,
    furnish,
)
from mnistnn.run.provenance import describe_environment, differences, read_environment, write_environment
from mnistnn.run.record import RunRecord, read_record
from mnistnn.run.view import RunView
from mnistnn.runner.bars import can_draw, is_notebook
from mnistnn.runner.checkpointing import RunCheckpointing
from mnistnn.runner.members import Members, Trainer
from mnistnn.runner.own_code import refuse_wrong_gradients
from mnistnn.runner.pretraining import pretrain
from mnistnn.runner.progress import ProgressDisplay
from mnistnn.runner.progress_file import ProgressFile
from mnistnn.runner.recording import keep_sources, log_of, recorded
from mnistnn.runner.resuming import refuse_changes
from mnistnn.runner.signals import StopRequest
from mnistnn.storage.timestamp import now
from mnistnn.storage.writing import write_atomically
from mnistnn.training.learning import Learning, PrunedBecause
from mnistnn.types import Row


@dataclass(frozen=True)
class Verbosity:
    """How much of a session is shown on stderr; and the run that it is a phase of, which is the one to go on with."""

    shown: bool = True
    bars: bool = False
    whole: RunDirectory | None = None


def usual_verbosity(quiet: bool) -> Verbosity:
    """Return how much is shown here: bars where they can be drawn."""
    return Verbosity(shown=not quiet, bars=is_notebook() or can_draw(sys.stderr))


@dataclass(frozen=True)
class Outcome:
    """How a run ended: its record, and the rows of its best and its last evaluation."""

    run: RunDirectory
    record: RunRecord
    best: Row | None
    last: Row | None


def outcome_of(run: RunDirectory) -> Outcome:
    """Return how a run has ended that is finished already. Raises RunError."""
    view = RunView(run)
    return Outcome(run, view.record, view.best, view.last)


def start(
    plan: Plan,
    path: Path,
    runs: Path,
    verbosity: Verbosity,
    time_budget_s: float | None = None,
    pruned_because: PrunedBecause | None = None,
    stop: StopRequest | None = None,
    trainer: Trainer | None = None,
    furnish_members: Callable[[RunDirectory], None] | None = None,
    check_gradients: bool = True,
) -> Outcome:
    """Train an experiment in a new run directory at `path`. Raises what the session ended with, if not by a policy.

    pruned_because   called at each evaluation; says why the run is to end there because of other runs, if it is
    stop             the request that the run heeds, watched by who hands it in; without one, the session watches for
                     signals
    trainer          trains several members of a committee at a time
    furnish_members  puts the runs of members that are trained already into the new run
    check_gradients  of code of one's own, before anything is made; CheckFailedError if one is wrong
    """
    latest.refuse_taken(path, runs)
    with _asked(stop) as stop:
        with stop.at_once(_farewell("interrupted before training began; nothing was made", verbosity)):
            environment = _environment(plan, verbosity)  # before Numba, which may load a BLAS that no run computes with
            compiled = jit.Compiled(plan.needs_loops)  # Numba is imported while data are read
            learning = _prepare(plan, compiled)
            if check_gradients:
                refuse_wrong_gradients(plan, learning)
        run = _create(path)
        with lock.exclusive(run):
            record = _furnish(run, plan, environment, furnish_members)
            latest.point_at(run, runs)
            return _run_session(
                plan,
                learning,
                run,
                record,
                verbosity,
                time_budget_s,
                pruned_because,
                stop,
                trainer,
                compiled,
                check_gradients=check_gradients,
            )


def _furnish(
    run: RunDirectory, plan: Plan, environment: dict[str, Any], furnish_members: Callable[[RunDirectory], None] | None
) -> RunRecord:
    """Write what a new run has before it is trained, and return its record. For who holds the run's lock."""
    loaded, style = plan.loaded, plan.inputs.style
    furnish(run)
    write_atomically(run.config, resolved_yaml(type_first(loaded.resolved)).encode())
    images = None if style is None else asdict(style)
    write_environment(run, environment | {"images": images} | keep_sources(run, loaded))
    transforms.keep(run, plan.preprocessing.tensors())
    if furnish_members is not None:
        furnish_members(run)
    record = RunRecord(
        id=run.path.resolve().name,
        name=plan.experiment.name,
        status="running",
        config_hash=config_hash(loaded.resolved),
        monitor=plan.experiment.checkpoint.monitor,
        started=now(),
        threads=plan.threads,
    )
    record.write(run)  # last: a folder with a run.json is a run that can be resumed
    return record


def resume(
    run: RunDirectory,
    overrides: Sequence[str],
    verbosity: Verbosity,
    time_budget_s: float | None = None,
    stop: StopRequest | None = None,
    trainer: Trainer | None = None,
    runs: Path | None = None,
) -> Outcome:
    """Go on with a run from its newest valid checkpoint. Raises ConfigError for a change that it may not make.

    runs  the folder whose newest run it is then, if it lies there
    """
    before = load_run_config(run)
    loaded = load_resolved(run.config, overrides, before.plugins) if overrides else before
    refuse_changes(before, loaded)
    if overrides:
        _refuse_a_past_end(run, loaded)
    return _resume_with(run, loaded, verbosity, time_budget_s, None, stop, trainer, runs)


def _refuse_a_past_end(run: RunDirectory, loaded: LoadedExperiment) -> None:
    """Raise UsageError if the run has gone further than it is to go on."""
    done, most = RunView(run).epochs, Plan(loaded, run).pace.max_epochs
    if most is not None and done > most:
        raise UsageError(f"{run.path}: has {done} epochs already, and is to go on to the end of epoch {most}")


def resume_as(
    run: RunDirectory,
    loaded: LoadedExperiment,
    verbosity: Verbosity,
    time_budget_s: float | None = None,
    pruned_because: PrunedBecause | None = None,
    stop: StopRequest | None = None,
    trainer: Trainer | None = None,
    runs: Path | None = None,
) -> Outcome:
    """Go on with a run under a newly read experiment, which may differ from the run's own only where `resume` may."""
    refuse_changes(load_run_config(run), loaded)
    return _resume_with(run, loaded, verbosity, time_budget_s, pruned_because, stop, trainer, runs)


def _resume_with(
    run: RunDirectory,
    loaded: LoadedExperiment,
    verbosity: Verbosity,
    time_budget_s: float | None,
    pruned_because: PrunedBecause | None,
    stop: StopRequest | None,
    trainer: Trainer | None,
    runs: Path | None,
) -> Outcome:
    if runs is not None:
        latest.refuse_taken(run.path, runs)
    with lock.exclusive(run), _asked(stop) as stop:
        record = read_record(run)
        plan = Plan(loaded, run)
        with stop.at_once(_farewell("interrupted before training went on; nothing was lost", verbosity, run)):
            environment = _environment(plan, verbosity)
            compiled = jit.Compiled(plan.needs_loops)
            before = read_environment(run)
            if before.get("data") != environment["data"]:
                raise DataError(f"{run.path}: the data set is not the one that this run was trained on")
            learning = _prepare(plan, compiled)
        clear(run)
        record.status, record.reason, record.exit_code, record.ended = "running", None, None, None
        record.config_hash = config_hash(loaded.resolved)
        record.best_epoch, record.best = None, None
        record.resumed += 1
        record.write(run)  # before what it records: a run that says "running" is known to be between two states
        write_atomically(run.config, resolved_yaml(type_first(loaded.resolved)).encode())
        if runs is not None:
            latest.point_at(run, runs)
        found = [*differences(before, environment), *other_packages(run, loaded.validator.components.declared)]
        notes = [f"warning: not the environment of before: {text}" for text in found]
        return _run_session(
            plan, learning, run, record, verbosity, time_budget_s, pruned_because, stop, trainer, compiled, notes
        )


def _asked(stop: StopRequest | None) -> AbstractContextManager[StopRequest]:
    """Return the context of the request that is heeded: the one that somebody else watches, or one that watches."""
    return StopRequest() if stop is None else nullcontext(stop)


def _farewell(what: str, verbosity: Verbosity, run: RunDirectory | None = None) -> str:
    """Say what was interrupted, and how to go on with the whole of it if there is something to go on with."""
    whole = verbosity.whole or run
    return what if whole is None else f"{what}. Go on with: mnistnn resume {as_argument(whole.path)}"


def _create(path: Path) -> RunDirectory:
    """Make the folder of a new run. Raises BusyError where another process is learning, RunError where a run lies."""
    try:
        return create(path)
    except RunError:
        if lock.is_held(RunDirectory(path)):
            raise lock.busy(RunDirectory(path)) from None
        raise


def _prepare(plan: Plan, compiled: jit.Compiled) -> Learning:
    """Read and preprocess the data."""
    with _computing(plan, compiled):
        return plan.learning()


@contextmanager
def _computing(plan: Plan, compiled: jit.Compiled) -> Iterator[Workers]:
    """Let what is computed here have the threads of the run, and its loops."""
    with threads.allowed(plan.threads) as workers, compiled.in_use():
        yield workers


def _environment(plan: Plan, verbosity: Verbosity) -> dict[str, Any]:
    """Make sure that the data set is there, and describe what the run is computed with."""
    device = plan.experiment.backend.device
    name = device_name(device)  # first: a device that is not there is said before anything is fetched
    plan.source.make_available(progress=verbosity.shown)
    return describe_environment(device, name, plan.threads, plan.source.digests(), plan.source.facts)


def _run_session(
    plan: Plan,
    learning: Learning,
    run: RunDirectory,
    record: RunRecord,
    verbosity: Verbosity,
    time_budget_s: float | None,
    pruned_because: PrunedBecause | None,
    stop: StopRequest,
    trainer: Trainer | None,
    compiled: jit.Compiled,
    messages: Sequence[str] = (),
    check_gradients: bool = True,
) -> Outcome:
    """Train from where the run stands until something ends the session, and record what it was."""
    before_s, began_s = record.seconds, monotonic()
    learning.clock = lambda: before_s + monotonic() - began_s
    learning.pruned_because = pruned_because

    def time_left_s() -> float | None:
        return None if time_budget_s is None else max(0.0, time_budget_s - (monotonic() - began_s))

    inside = replace(verbosity, whole=verbosity.whole or run)
    with recorded(run, record):

        def start_inside(part: Plan, path: Path) -> Outcome:
            # No link to the newest run is made inside of another one.
            return start(part, path, path, inside, time_left_s(), stop=stop, check_gradients=check_gradients)

        def resume_inside(part: RunDirectory) -> Outcome:
            # Where the whole run computes now, which may be elsewhere than before.
            return resume(part, [f"backend.device={plan.experiment.backend.device}"], inside, time_left_s(), stop)

        if plan.members:
            members = Members(plan, run, start_inside, resume_inside, stop, trainer, time_left_s())
            plan.task.find_members_by(members.find)
        if not checkpoints.newest_first(run.checkpoints):
            pretrain(plan, run, start_inside, resume_inside)
            learning.begin_here()
        return _fit(plan, learning, run, record, verbosity, stop, time_left_s(), compiled, messages)


def _fit(
    plan: Plan,
    learning: Learning,
    run: RunDirectory,
    record: RunRecord,
    verbosity: Verbosity,
    stop: StopRequest,
    time_budget_s: float | None,
    compiled: jit.Compiled,
    messages: Sequence[str],
) -> Outcome:
    """Train the whole model."""
    policy = plan.experiment.checkpoint
    with log_of(run) as log, _computing(plan, compiled) as workers:
        whole = verbosity.whole or run
        file = ProgressFile(whole, run.name_inside(whole))
        display = ProgressDisplay(log, verbosity.shown, verbosity.bars, file)
        learning.listen(display.inside_update)
        plan.task.keep_partial_scores_in(run.evaluations)
        for text in messages:
            display.message(text)
        checkpointing = RunCheckpointing(
            run, policy, record.config_hash, display, lambda: stop.number, time_budget_s, verbosity.whole
        )
        try:
            if checkpointing.is_blank():
                checkpointing.commit(learning)  # so that a run killed in its first epoch can be resumed as well
            else:
                _restore(checkpointing, learning, display)
            display.message(_first_line(plan, run))
            for text in futile(plan, learning):
                display.message(f"warning: {text}")
            left = duration_of(plan.pace, plan.examples["valid"], learning.progress.updates)
            display.start(learning, plan.pace.updates_per_epoch, plan.pace.max_epochs, left)
            record.reason = learning.go_on(checkpointing)
            checkpointing.save(learning)
            plan.task.forget_partial_scores("train", "valid")
            if used := _threads_used(workers.seconds):
                display.message(used)
            if (seconds := compiled.compiling_s) >= 1.0:
                display.message(f"{seconds:.1f} s of it went into compiling loops; the next run finds them in a cache")
        finally:
            try:
                checkpointing.close()
            finally:
                display.close()
            _note_best(record, learning)
        learning.take_best()
        # Of a run that is no part of another one, whoever began it says so.
        display.message(f"finished: {record.reason}", shown=verbosity.whole is not None)
    last = learning.history[-1] if learning.history else None
    return Outcome(run, record, learning.best, last)


def _restore(checkpointing: RunCheckpointing, learning: Learning, display: ProgressDisplay) -> None:
    for problem in checkpointing.restore(learning):
        display.message(f"warning: passed over {problem}")
    done = learning.progress
    display.message(f"resumed after update {done.updates} (epoch {done.epoch + 1}, batch {done.batch})")


def _first_line(plan: Plan, run: RunDirectory) -> str:
    where = " read from the disk" if "train" in plan.streamed else ""
    rounds = plan.task.rounds
    pace = f"{plan.pace.updates_per_epoch:,} updates per epoch" if rounds is None else f"{rounds:,} round(s)"
    return (
        f"{plan.experiment.name}: {plan.parameters:,} parameters, {plan.train_examples:,} training examples{where}, "
        f"{pace}, up to {plan.threads} thread(s); run {run.path}"
    )


def _threads_used(seconds: dict[int, float]) -> str:
    """Say how many threads updates were done with; nothing if there was no choice."""
    total = sum(seconds.values())
    shares = [f"{count} for {seconds[count] / total:.0%}" for count in sorted(seconds) if total]
    return f"threads: {', '.join(shares)} of the time" if len(shares) > 1 else ""


def _note_best(record: RunRecord, learning: Learning) -> None:
    best = learning.best
    if best is not None:
        record.best_epoch, record.best = best["epoch"], dict(best)
