"""Telling other processes how far training is inside an epoch: progress.json, the bar of those who look from outside.

Training never waits for it and never fails by it. Epochs of less than half a second cost nothing, others one file a
half second at most; where files take long, they are written so seldom that they take a hundredth of the time.
"""

from contextlib import suppress
from time import monotonic

from mnistnn.errors import MnistnnError
from mnistnn.run.directory import RunDirectory
from mnistnn.run.under_way import UPDATES, UnderWay
from mnistnn.storage import names
from mnistnn.storage.writing import write_atomically
from mnistnn.training.learning import Learning

EVERY_S = 0.5
_SHARE = 0.01  # of the time, at most
_AGAIN_S = 30.0  # after the disk refused


class ProgressFile:
    """The file of one session.

    run   whose folder has the file: the whole one, where this is a phase or a member of it
    part  which of its parts this is; empty for itself
    """

    def __init__(self, run: RunDirectory, part: str = "") -> None:
        self._run, self._part = run, part
        self._t: Learning | None = None
        self._per_epoch = self._epochs = 0
        self._epoch = -1
        self._told_s = self._next_s = 0.0  # what was told last, or is to be told next
        self._examples = 0

    def start(self, t: Learning, updates_per_epoch: int, max_epochs: int | None) -> None:
        """Begin to follow a training; what a killed session left goes."""
        self._t, self._per_epoch, self._epochs = t, updates_per_epoch, max_epochs or 0
        self._begin_epoch(t, monotonic())
        self._remove()

    def after_update(self, t: Learning) -> None:
        now = monotonic()
        if t.progress.epoch != self._epoch:
            self._begin_epoch(t, now)
        elif now >= self._next_s:
            self._write(t, now, UPDATES, t.progress.batch, self._per_epoch)

    def inside_update(self, what: str, done: int, most: int | None) -> None:
        """Tell how far the parts of a long update have come."""
        if self._t is not None and (now := monotonic()) >= self._next_s:
            self._write(self._t, now, what, done, most or 0)

    def close(self) -> None:
        """Take the file away; may be called again."""
        self._t = None
        self._remove()

    def _begin_epoch(self, t: Learning, now: float) -> None:
        self._epoch, self._told_s, self._examples = t.progress.epoch, now, t.progress.examples
        self._next_s = max(self._next_s, now + EVERY_S)

    def _write(self, t: Learning, now: float, counted: str, done: int, most: int) -> None:
        examples, seconds = t.progress.examples - self._examples, now - self._told_s
        self._told_s, self._examples = now, t.progress.examples
        told = UnderWay(
            part=self._part,
            epoch=t.progress.epoch + 1,
            epochs=self._epochs,
            updates=t.progress.updates,
            counted=counted,
            done=done,
            most=most,
            examples_per_s=round(examples / seconds, 1) if counted == UPDATES and seconds > 0 else 0.0,
        )
        try:
            write_atomically(self._run.progress, told.to_bytes(), forced=False)
        except MnistnnError:  # the disk is full, or something else lies there: who trains has nothing to do with it
            self._next_s = now + _AGAIN_S
        else:
            self._next_s = now + max(EVERY_S, (monotonic() - now) / _SHARE)

    def _remove(self) -> None:
        with suppress(OSError, MnistnnError):
            if self._run.progress.exists():
                names.remove(self._run.progress)
