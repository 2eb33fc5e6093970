"""Experiments compared with each other."""

import glob
import os
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mnistnn.analysis.comparison import compare as analysis
from mnistnn.analysis.comparison import compare_json
from mnistnn.analysis.comparison.run_groups import Unreadable, load_runs
from mnistnn.api.run import Run
from mnistnn.config.messages import safe
from mnistnn.types import shown_mean


class Comparison:
    """Experiments, and how they compare. Runs that differ in their seed alone are one experiment."""

    def __init__(self, found: analysis.Comparison, unreadable: Sequence[Unreadable]) -> None:
        self._found, self._unreadable = found, unreadable

    @property
    def metric(self) -> str:
        """The metric that is compared, at each run's best epoch."""
        return self._found.metric

    @property
    def experiments(self) -> list[analysis.Compared]:
        """The experiments: letter, label, runs, seeds, values, mean, deviation, interval_95, best_epochs, seconds,
        parameters, curve.
        """
        return self._found.experiments

    @property
    def chosen(self) -> str | None:
        """The letter of the experiment that validation chooses, if it can choose."""
        return self._found.chosen

    def to_dict(self) -> dict[str, Any]:
        """Return everything: what `mnistnn compare --json` prints."""
        return compare_json.as_json(self._found, self._unreadable)

    def __repr__(self) -> str:
        means = (f"{each.letter} {each.label} {self._mean(each)}" for each in self.experiments)
        chosen = "" if self.chosen is None else f"; validation chooses {self.chosen}"
        return safe(f"<Comparison by {self.metric}: {', '.join(means)}{chosen}>")

    def _mean(self, each: analysis.Compared) -> str:
        return shown_mean(self.metric, each.mean, each.deviation)


def compare(
    *references: str | Path | Run,
    runs: str | Path = "runs",
    metric: str | None = None,
    all_pairs: bool = False,
    unfinished: bool = False,
) -> Comparison:
    """Compare experiments, and test the differences, as `mnistnn compare` does. The test split is never read.

    references  each a run, a path, the start of a run's id, the name of an experiment, which means its newest run,
                latest, a folder, which means all finished runs in it, or a pattern of paths, such as runs/a*
    runs        the folder of all runs
    metric      to compare, such as valid.loss; without one, what the runs monitor
    all_pairs   test each experiment against each, not only against the first
    unfinished  of a folder, take runs too that failed, diverged or are not at their end

    What to be careful about, runs that cannot be read among it, is warned of. Raises RunError if no run is left,
    UsageError for a metric that none has.

    >>> for seed in (0, 1):
    ...     slow = mnistnn.train("lines.yaml", name="slow", seed=seed, quiet=True)
    ...     fast = mnistnn.train("lines.yaml", "optimizer.learning_rate=0.9", name="fast", seed=seed, quiet=True)
    >>> found = mnistnn.compare("runs/slow", "runs/fast")
    >>> found.metric, [(each.letter, each.label, len(each.values)) for each in found.experiments]
    ('valid.error', [('A', 'slow', 2), ('B', 'fast', 2)])
    >>> found.to_dict()["differing"]
    [{'key': 'optimizer.learning_rate', 'values': {'A': 0.1, 'B': 0.9}}]
    """
    views, unreadable = load_runs(_expanded(references), Path(runs), unfinished)
    found = analysis.compare(views, metric, all_pairs)
    for text in compare_json.warnings_of(found, unreadable):
        warnings.warn(text, stacklevel=2)
    return Comparison(found, unreadable)


def _expanded(references: Sequence[str | Path | Run]) -> Iterator[str]:
    """Yield references as a shell hands them to the command: of a pattern the paths, if there are some."""
    for reference in references:
        text = str(reference.path if isinstance(reference, Run) else reference)
        matching = [] if os.path.exists(text) else sorted(glob.glob(text))
        yield from matching or [text]
