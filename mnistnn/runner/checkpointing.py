"""Checkpointing: keeps a run directory in step with training: rows of metrics, checkpoints, the log, and orderly
interruptions.

The order of a commit is what makes a run recoverable: rows are forced to the disk, then a checkpoint that names their
length and digest is written, and only then are older checkpoints removed.
"""

import json
import time
from collections.abc import Callable
from dataclasses import asdict

from mnistnn.backend import threads
from mnistnn.backend.arrays import to_host
from mnistnn.config.schema import Checkpoint as CheckpointPolicy
from mnistnn.errors import InterruptedRunError, RunError, TimeBudgetError
from mnistnn.run import checkpoint as checkpoints
from mnistnn.run.directory import RunDirectory, as_argument
from mnistnn.run.metrics import MetricsFile
from mnistnn.run.state import MetricsPosition, SavedLoss, SavedProgress, SavedState
from mnistnn.runner.progress import ProgressDisplay
from mnistnn.storage.writing import append_line, force
from mnistnn.training.learning import Learning

_ROUNDS_S = 1.0  # rounds that take less are saved together


class RunCheckpointing:
    """Checkpointing of one session: from `start` or `resume` to the end of the loop.

    stop_signal    tells which signal has asked for the end, if one has
    time_budget_s  seconds after which the session ends
    whole          the run to be resumed after that, if it is not this one but the one that this is a phase of

    Both are looked at between two updates, and inside of evaluations that say how far they are, signals also inside of
    such updates: InterruptedRunError or TimeBudgetError is raised, after saving.
    """

    def __init__(
        self,
        run: RunDirectory,
        policy: CheckpointPolicy,
        config_hash: str,
        display: ProgressDisplay,
        stop_signal: Callable[[], int | None],
        time_budget_s: float | None = None,
        whole: RunDirectory | None = None,
    ) -> None:
        self.run, self.policy, self.config_hash, self.display = run, policy, config_hash, display
        self.stop_signal, self.whole = stop_signal, whole or run
        self.metrics = MetricsFile(run.metrics)
        now = time.monotonic()
        self.committed_s = self.evaluated_s = now
        self.end_s = None if time_budget_s is None else now + time_budget_s
        self.examples_at_evaluation = 0
        self.kept: set[int] = set()
        self.committed: tuple[int, ...] | None = None
        self._spent: dict[int, float] = {}

    def is_blank(self) -> bool:
        """Tell whether nothing was ever saved: the run is new, or was killed before its first checkpoint."""
        return not checkpoints.newest_first(self.run.checkpoints) and not self.run.metrics.stat().st_size

    def restore(self, t: Learning) -> list[str]:
        """Bring a fresh training to the newest valid checkpoint; return what was wrong with newer ones.

        Raises RunError if there is none, or if it does not belong to this experiment.
        """
        path, saved, refused = checkpoints.read_newest(self.run.checkpoints)
        state = saved.state
        if not t.restore(saved.tensors, state.layout):
            raise RunError(f"{path}: its tensors are not those of this experiment")
        t.history[:] = self.metrics.cut_back(state.metrics.bytes, state.metrics.sha256)
        for name, count in asdict(state.progress).items():
            setattr(t.progress, name, count)
        t.restore_running_loss(state.loss.total, state.loss.examples)
        self.kept = set(state.kept)
        self._note_best(t, path.name)  # a killed process may not have come to that
        self.examples_at_evaluation = t.progress.examples
        self.committed = _standing(t)
        return refused

    def inside_update(self, t: Learning) -> None:
        """End the session inside of a long update if a signal asks for it, as `t` was after the one before. The time
        budget has to wait for its end: who has less time than an update takes would never get on.
        """
        if self.stop_signal() is not None:
            self._stop_if_asked(t, time.monotonic())

    def inside_evaluation(self, t: Learning) -> None:
        """End the session inside of an evaluation that keeps what it has computed, if that was asked for."""
        self._stop_if_asked(t, time.monotonic())

    def after_update(self, t: Learning) -> None:
        self.display.after_update(t)
        now = time.monotonic()
        if now - self.committed_s >= self.policy.every_s:
            self.commit(t)
        self._stop_if_asked(t, now)

    def after_round(self, t: Learning) -> None:
        """Follow a round after which nothing was evaluated."""
        self.display.after_update(t)
        now = time.monotonic()
        since_s = now - self.committed_s
        if since_s >= self.policy.every_s:
            self.commit(t)
        else:
            self._after_epoch(t, saves=since_s >= _ROUNDS_S)
        self._stop_if_asked(t, now)

    def after_evaluation(self, t: Learning) -> None:
        self.metrics.append(t.history[-1])
        now = time.monotonic()
        examples, seconds = t.progress.examples - self.examples_at_evaluation, now - self.evaluated_s
        self.examples_at_evaluation, self.evaluated_s = t.progress.examples, now
        self._note_timing(t, examples, seconds)
        self.display.after_evaluation(t, examples, seconds)
        if t.progress.batch == 0:  # not after an evaluation inside an epoch
            self._after_epoch(t)
        self._stop_if_asked(t, now)

    def after_epoch(self, t: Learning) -> None:
        """Follow an epoch after which nothing was evaluated."""
        self.display.after_epoch(t)
        self._after_epoch(t)

    def _after_epoch(self, t: Learning, saves: bool = True) -> None:
        """Save an epoch that is to be kept, and if it `saves`, one that is to be saved."""
        keep_every = self.policy.keep_every_epochs
        if keep_every is not None and t.progress.epoch % keep_every == 0:
            self.kept.add(t.progress.updates)
            self.commit(t)
        elif saves and t.progress.epoch % self.policy.every_epochs == 0:
            self.commit(t)

    def commit(self, t: Learning) -> None:
        """Save everything; when this returns it is on the disk. Raises DivergedError rather than save a NaN."""
        t.refuse_what_is_not_finite()
        force(path for path in (self.run.metrics, self.run.timing) if path.exists())
        tensors = {name: to_host(array) for name, array in t.arrays().items()}
        path = checkpoints.write(
            self.run.checkpoints, checkpoints.Checkpoint(tensors, self._state(t)), t.progress.updates
        )
        self._note_best(t, path.name)
        checkpoints.prune(self.run.checkpoints, self.policy.keep_last, self.kept)
        self.committed_s = time.monotonic()
        self.committed = _standing(t)

    def save(self, t: Learning) -> None:
        """Save everything, unless it was saved since the last update or evaluation."""
        if self.committed != _standing(t):
            self.commit(t)

    def close(self) -> None:
        self.metrics.close()

    def _state(self, t: Learning) -> SavedState:
        return SavedState(
            progress=SavedProgress(t.progress.epoch, t.progress.batch, t.progress.updates, t.progress.examples),
            loss=SavedLoss(*t.running_loss),
            metrics=MetricsPosition(self.metrics.bytes, self.metrics.sha256),
            layout=t.layout,
            best=None if t.best is None else dict(t.best),
            kept=sorted(self.kept),
            config_hash=self.config_hash,
        )

    def _note_best(self, t: Learning, checkpoint: str) -> None:
        """Say in best.json which checkpoint has the best parameters so far, and what they were measured to be."""
        if t.best is not None:
            checkpoints.write_best(self.run.checkpoints, checkpoint, t.monitor, t.best)

    def _note_timing(self, t: Learning, examples: int, seconds: float) -> None:
        row = {"epoch": t.history[-1]["epoch"], "seconds": round(seconds, 4), "examples": examples}
        if (count := self._most_used()) is not None:
            row["threads"] = count
        append_line(self.run.timing, json.dumps(row))

    def _most_used(self) -> int | None:
        """Return how many threads most of the time since the last row was spent with, where that was counted."""
        now = dict(threads.in_use().seconds)
        spent = {count: seconds - self._spent.get(count, 0.0) for count, seconds in now.items()}
        self._spent = now
        return max(spent, key=lambda count: spent[count], default=None)

    def _stop_if_asked(self, t: Learning, now: float) -> None:
        if (number := self.stop_signal()) is not None:
            self.save(t)
            raise InterruptedRunError(self._farewell("interrupted", t), number)
        if self.end_s is not None and now >= self.end_s:
            self.save(t)
            raise TimeBudgetError(self._farewell("time budget spent", t))

    def _farewell(self, why: str, t: Learning) -> str:
        return (
            f"{why} in {self._inside}epoch {t.progress.epoch + 1} after update {t.progress.updates}; saved. "
            f"Go on with: mnistnn resume {as_argument(self.whole.path)}"
        )

    @property
    def _inside(self) -> str:
        """Where in the whole run this one is."""
        name = self.run.name_inside(self.whole)
        return f"{name}, " if name else ""


def _standing(t: Learning) -> tuple[int, ...]:
    """Return what tells one state of a training from another."""
    return t.progress.epoch, t.progress.batch, t.progress.updates, len(t.history)
