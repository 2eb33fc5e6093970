"""The progress display during training: bars on a terminal, one plain line per evaluation anywhere else.

Everything goes to stderr; results are printed by the command when the run is over. Each line is also kept in the run's
log, whatever is shown, and how far an epoch is in a file of the run.
"""

import shutil
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mnistnn.config.messages import safe, shorten
from mnistnn.experiment.duration import Duration, UpdateClock
from mnistnn.runner.bars import bar_type, is_notebook
from mnistnn.runner.progress_file import ProgressFile
from mnistnn.training.learning import Learning
from mnistnn.types import LAST, shown

if TYPE_CHECKING:
    from tqdm import tqdm

_REFRESH_S = 0.2
_LONG_S = 0.5  # an update that takes longer gets a bar of its own
_WORTH_SAYING_S = 10.0  # of training: who waits no longer need not be told how long


class ProgressDisplay:
    """Follows one session of a run.

    log    takes each line, for the run's log.txt
    shown  whether lines go to stderr too; errors are not its business
    bars   two bars below the lines of epochs: epochs (time left, best so far) and batches (loss, examples/s); and a
           third one while a long update is under way
    file   is told the same as the bars, whatever is shown
    """

    def __init__(self, log: Callable[[str], None], shown: bool, bars: bool, file: ProgressFile | None = None) -> None:
        self._log, self._shown, self._with_bars, self._file = log, shown, shown and bars, file
        self._bar = bar_type()
        self._epochs: tqdm[Any] | None = None
        self._batches: tqdm[Any] | None = None
        self._inside: tqdm[Any] | None = None
        self._next_refresh = 0.0
        self._update_began = time.monotonic()
        self._duration: Duration | None = None
        self._clock = UpdateClock()

    def start(
        self, t: Learning, updates_per_epoch: int, max_epochs: int | None, duration: Duration | None = None
    ) -> None:
        """Begin to follow a training that stands anywhere, also inside an epoch; `duration` is what it has to do."""
        self._duration = duration
        if self._file is not None:
            self._file.start(t, updates_per_epoch, max_epochs)
        if self._with_bars:
            self._epochs = self._bar(
                total=max_epochs, initial=t.progress.epoch, unit="epoch", desc="epochs ", file=sys.stderr
            )
            self._batches = self._bar(
                total=updates_per_epoch,
                initial=t.progress.batch,
                unit="batch",
                leave=False,
                file=sys.stderr,
                bar_format="{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}<{remaining}{postfix}]",
            )
            self._batches.set_description(f"epoch {t.progress.epoch + 1}")
            self._update_began = time.monotonic()

    def inside_update(self, what: str, done: int, most: int | None) -> None:
        """Show how far the parts of a long update have come: so many done, of so many at most."""
        if self._file is not None:
            self._file.inside_update(what, done, most)
        now = time.monotonic()
        if self._batches is None or now < max(self._next_refresh, self._update_began + _LONG_S):
            return
        self._next_refresh = now + _REFRESH_S
        if self._inside is None:
            self._inside = self._bar(total=most, leave=False, file=sys.stderr)
        if self._inside.desc != f"{what}: ":  # something else, which begins now
            self._inside.reset()
            self._inside.set_description(what, refresh=False)
        self._inside.total, self._inside.n = most, done
        self._inside.refresh()

    def after_update(self, t: Learning) -> None:
        if self._duration is not None:
            self._say_how_long(self._duration)
        if self._file is not None:
            self._file.after_update(t)
        if self._batches is None:
            return
        self._close_inside()
        self._batches.update()
        self._move_epochs(t)
        now = time.monotonic()
        if now >= self._next_refresh:
            self._next_refresh = now + _REFRESH_S
            rate = self._batches.format_dict["rate"] or 0.0
            speed = rate * t.progress.examples / t.progress.updates
            self._batches.set_postfix_str(f"{t.loss_now}{speed:,.0f} examples/s", refresh=False)

    def _say_how_long(self, duration: Duration) -> None:
        """Say how long it will take, once a few updates have been timed."""
        if (update_s := self._clock.note(time.monotonic())) is None:
            return
        if duration.seconds(update_s) >= _WORTH_SAYING_S:
            self.message(duration.said(update_s))
        self._duration = None

    def after_evaluation(self, t: Learning, examples: int, seconds: float) -> None:
        """Show the newest row; `examples` were trained on in the `seconds` since the last one."""
        text = epoch_line(t, examples, seconds)
        self._log(text)
        if self._file is not None:
            self._file.after_update(t)
        if self._shown:  # above the bars, where there are any
            self._write(text if self._columns >= len(text) else short_epoch_line(t, self._columns))
        if self._epochs is not None and self._batches is not None:
            self._epochs.set_postfix_str(standing(t))
            self._close_inside()
            self._move_epochs(t)

    def after_epoch(self, t: Learning) -> None:
        """Show that an epoch is done after which nothing was evaluated."""
        self._move_epochs(t)

    def _close_inside(self) -> None:
        """Take the bar of a long update away: the next one begins."""
        if self._inside is not None:
            self._inside.close()
            self._inside = None
        self._update_began = time.monotonic()

    def _move_epochs(self, t: Learning) -> None:
        """Let the bars show that an epoch is done, if one is."""
        if self._epochs is None or self._batches is None or t.progress.epoch == self._epochs.n:
            return
        self._epochs.update(t.progress.epoch - self._epochs.n)
        self._batches.reset()
        self._batches.set_description(f"epoch {t.progress.epoch + 1}")

    def message(self, text: str, shown: bool = True) -> None:
        """Say something that matters to the user and to who reads the log later, or to the latter alone."""
        self._line(text, shown)

    def close(self) -> None:
        """Take the bars away, and the file; may be called again."""
        if self._file is not None:
            self._file.close()
        for bar in (self._inside, self._batches, self._epochs):
            if bar is not None:
                bar.close()
        self._epochs = self._batches = self._inside = None

    @property
    def _columns(self) -> int:
        """How many columns a line may have: those of the terminal, if it is one that is drawn on."""
        is_terminal = self._with_bars and not is_notebook()
        return shutil.get_terminal_size().columns if is_terminal else sys.maxsize

    def _line(self, text: str, shown: bool) -> None:
        self._log(text)
        if shown and self._shown:
            self._write(text)

    def _write(self, text: str) -> None:
        self._bar.write(safe(text), file=sys.stderr)


def epoch_line(t: Learning, examples: int, seconds: float) -> str:
    """Return the newest row as a line: metrics, speed, best so far."""
    row = t.history[-1]
    names = ("train.loss", "train.error", "valid.loss", "valid.error", "valid.balanced_error")
    metrics = "  ".join(f"{name} {shown(name, row[name])}" for name in names if name in row)
    passes = f"passes {row['passes']:.6g}  " if "passes" in row else ""
    rate = f"rate {row['learning_rate']:.3g}  " if "learning_rate" in row else ""
    speed = f"{examples / seconds:,.0f} examples/s" if seconds > 0 else ""
    return f"epoch {row['epoch']:>4.6g}  {metrics}  {passes}{rate}{speed}  {standing(t)}"


def short_epoch_line(t: Learning, columns: int) -> str:
    """Return the newest row as a line that fits into so many columns of a terminal, whose bars show the speed."""
    row = t.history[-1]
    names = {"train.loss": "train", "valid.loss": "valid", "train.error": "train", "valid.error": "error"}
    names["valid.balanced_error"] = "balanced"
    metrics = "  ".join(f"{said} {shown(name, row[name])}" for name, said in names.items() if name in row)
    rate = f"rate {row['learning_rate']:.3g}  " if "learning_rate" in row else ""
    return shorten(f"epoch {row['epoch']:>4.6g}  {metrics}  {rate}{standing(t)}", columns)


def standing(t: Learning) -> str:
    """Say how the run stands: the best epoch, and the update that will end it if nothing better comes."""
    best, deadline = t.best, t.deadline()
    parts = []
    if best is not None and t.monitor != LAST:
        parts.append(
            "best"
            if best is t.history[-1]
            else f"best {shown(t.monitor, best[t.monitor])} in epoch {best['epoch']:.6g}"
        )
    if deadline is not None:
        condition = "" if deadline.is_fixed else " unless it improves"
        parts.append(f"stops at update {deadline.updates}{condition}")
    return ", ".join(parts)
