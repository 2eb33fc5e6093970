"""A run, as Python programs use it."""

import os
import threading
import warnings
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, SupportsIndex

import numpy as np
from numpy.typing import NDArray

from mnistnn.api.images import checked
from mnistnn.api.table import as_html, in_a_line
from mnistnn.errors import UsageError, did_you_mean
from mnistnn.run.directory import RunDirectory
from mnistnn.run.view import RunView

if TYPE_CHECKING:
    from mnistnn.experiment.trained import Trained


class Run:
    """A run: what was trained, how it went, and the model that came out.

    `mnistnn.train`, `load` and `runs` return some. What is said of a run is how it stands when it is asked for, also
    while another process trains it; nothing is locked. The model is loaded once, when it is first asked. Runs may be
    asked from several threads, which take turns at the model, and can be pickled: what is kept is where a run lies.

    Images are uint8, from 0 for the background to 255, of shape (n, h, w) or (n, h·w), as the data set has them:
    preprocessing is done here. Anything else is refused, with what is expected. A method that is not for this kind of
    model (classes of a model that classifies nothing, layers of one that has none) raises UsageError by name.

    path        of the run directory
    checkpoint  whose parameters: best, last, or the path of a checkpoint file
    runs        the folder of all runs, of which it becomes the latest when it is resumed

    >>> run = mnistnn.train("lines.yaml", quiet=True)
    >>> lines = mnistnn.data("bars-and-stripes", "valid")
    >>> run.predict(lines.images).shape, run.predict_proba(lines.images).shape
    ((32,), (32, 2))
    >>> run.evaluate("valid").error == run.best["valid.error"]
    True
    """

    def __init__(self, path: str | Path, checkpoint: str | Path = "best", runs: str | Path = "runs") -> None:
        self.path = Path(os.path.abspath(path))  # a program may go elsewhere before it asks
        """The run directory."""
        self.checkpoint = str(checkpoint)
        """Whose parameters the model has."""
        self._runs = Path(os.path.abspath(runs))
        self._lock = threading.RLock()
        self._forget()

    def _forget(self) -> None:
        """Let the run be read anew."""
        self._view: RunView | None = None
        self._loaded: Trained | None = None
        self._digest: str | None = None

    # How it stands.

    @property
    def id(self) -> str:
        """The name of its directory, by which commands find it."""
        return self._now.record.id

    @property
    def name(self) -> str:
        """The name of its experiment."""
        return self._now.record.name

    @property
    def status(self) -> str:
        """Finished, running, interrupted, stopped, diverged, failed, dead (resumable) or unreadable."""
        return RunView(self._directory).standing

    @property
    def reason(self) -> str | None:
        """What ended it, in words; None while it is trained."""
        return self._now.record.reason

    @property
    def seconds(self) -> float:
        """The time spent training, in seconds, as it was last recorded."""
        return self._now.record.seconds

    @property
    def seed(self) -> int:
        """The seed of all its randomness."""
        seed: int = self._now.config["seed"]
        return seed

    @property
    def best(self) -> dict[str, float]:
        """The metrics of its best epoch, by name; empty before the first evaluation."""
        return dict(self._now.best or {})

    @property
    def metrics(self) -> dict[str, NDArray[np.float64]]:
        """What was measured along training: for each column its values (evaluations,), float64, in order, and NaN where
        an evaluation has none. `seconds`, if it is known, is the time spent training until then.

        >>> metrics = mnistnn.train("lines.yaml", quiet=True).metrics
        >>> metrics["epoch"], sorted(metrics)[-2:]
        (array([1., 2.]), ['valid.error', 'valid.loss'])

        pandas.DataFrame(run.metrics) makes a table of it.
        """
        view = self._now
        columns = {
            name: np.array([row.get(name, np.nan) for row in view.rows], np.float64)
            for name in dict.fromkeys(name for row in view.rows for name in row)
        }
        if columns and view.seconds is not None:
            columns["seconds"] = np.array(view.seconds, np.float64)
        return columns

    @property
    def config(self) -> dict[str, Any]:
        """Its configuration, with every default written out."""
        return deepcopy(self._now.config)

    @property
    def checkpoints(self) -> list[Path]:
        """The files of its checkpoints, the newest first. `mnistnn.load(run.path, checkpoint=file)` takes one."""
        return list(self._now.checkpoints)

    # The model.

    @property
    def class_names(self) -> list[str]:
        """What each class is called: the labels of the data set, or those that a class was made of."""
        return list(self._trained.plan.class_names)

    @property
    def parameters(self) -> dict[str, NDArray[np.floating]]:
        """Read-only copies of the parameters, and of the statistics that training collected, by name, such as hidden.W.

        Raises UsageError for a model that consists of its training examples.

        >>> mnistnn.train("lines.yaml", quiet=True).parameters["output.W"].shape
        (16, 2)
        """
        from mnistnn.backend.arrays import to_host

        with self._lock:
            copies = {name: np.array(to_host(each)) for name, each in self._trained.task.named_arrays().items()}
        for each in copies.values():
            each.flags.writeable = False
        return copies

    @property
    def digest(self) -> str:
        """The SHA-256, in hex, of all that the model consists of, and what its preprocessing was fitted to."""
        from mnistnn.backend.arrays import sha256_of

        with self._lock:
            if self._digest is None:
                task, preprocessing = self._trained.task, self._trained.plan.preprocessing
                self._digest = sha256_of({**task.arrays(), **preprocessing.named_tensors()}).hex()
            return self._digest

    def predict(self, images: Any) -> NDArray[np.int64]:
        """Return the predicted class (n,), int64, of images, uint8 of (n, h, w) or (n, h·w).

        Raises UsageError for other images, and for a model that predicts no one class; DivergedError if its outputs are
        not finite.
        """
        from mnistnn.analysis.evaluation.predictions import classes_of

        return self._asked(images, classes_of)

    def predict_proba(self, images: Any) -> NDArray[np.float64]:
        """Return the probability of each class (n, classes), float64, for images, uint8 of (n, h, w) or (n, h·w).

        Raises as `predict`, and UsageError for a model whose scores are no probabilities: see `scores`.
        """
        from mnistnn.analysis.evaluation.predictions import class_scores_of

        self._trained.task.refuse_without_probabilities()
        return self._asked(images, class_scores_of)

    def scores(self, images: Any) -> NDArray[np.floating]:
        """Return the outputs (n, outputs) of the model, as it computes them, for images, uint8 (n, h, w) or (n, h·w).

        Raises UsageError for other images, and for a model without outputs.
        """
        from mnistnn.analysis.evaluation.predictions import scores_of

        return self._asked(images, scores_of)

    def layers(self, images: Any) -> dict[str, NDArray[np.floating]]:
        """Return what each layer makes (n, ...) of images, uint8 of (n, h, w) or (n, h·w), by the layer's name, in use:
        nothing is dropped. A convolution's outputs are (n, maps, height, width).

        Raises UsageError for other images, and for a model that has no layers.

        >>> outputs = mnistnn.train("lines.yaml", quiet=True).layers(mnistnn.data("bars-and-stripes", "valid").images)
        >>> {name: y.shape for name, y in outputs.items()}
        {'output': (32, 2)}
        """
        from mnistnn.analysis.inspection.layer_outputs import layer_outputs

        with self._lock:
            given, count = self._given(images)
            return {name: y[:count] for name, y in layer_outputs(self._trained, given).items()}

    def evaluate(self, split: str = "valid", checkpoint: str | Path | None = None, **options: Any) -> Any:
        """Measure the model on a split of its data, and keep the result in the run, as `mnistnn eval` does.

        split       valid, train or test; how often the test split was read is counted in the run
        checkpoint  best, last, or the path of a checkpoint file, if not the one that the run was loaded with
        options     those of `mnistnn eval` for some kinds of model: top_k, mc_samples, mc_mean, temperatures, chains,
                    reverse, ais

        Returns the result: of a classifier loss, error, error_interval_95, confusion and more; `dataclasses.asdict`
        makes of it what `eval --json` prints. Raises UsageError for a split that there is not and for options that do
        not fit, RunError for a run that is not whole, DataError for data that are not there.

        >>> result = mnistnn.train("lines.yaml", quiet=True).evaluate("test")
        >>> result.examples, result.test_readings, len(result.confusion)
        (32, 1, 2)
        """
        from mnistnn.analysis.evaluation import results
        from mnistnn.data.splits import split_named

        which = str(checkpoint or self.checkpoint)
        return results.evaluate(self._directory, split_named(split), which, _warn, _as_flags(options))

    def resume(
        self, *overrides: str, epochs: SupportsIndex | None = None, device: str | None = None, quiet: bool = False
    ) -> "Run":
        """Go on with the run where it stopped, as `mnistnn resume` does, and return it.

        overrides  KEY=VALUE, of what may change: stopping, checkpoint and backend.device
        epochs     stop after so many at the latest
        device     where to compute, cpu or cuda

        Raises as `mnistnn.train`, and BusyError, a MnistnnError, if another process trains it.

        >>> run = mnistnn.train("lines.yaml", quiet=True).resume(epochs=3, quiet=True)
        >>> run.metrics["epoch"]
        array([1., 2., 3.])
        """
        from mnistnn.api.experiments import settings
        from mnistnn.runner import session
        from mnistnn.runner.signals import StopRequest

        changes = [*overrides, *settings(epochs=epochs, device=device)]
        with StopRequest(is_own_process=False) as stop:
            try:
                session.resume(self._directory, changes, session.usual_verbosity(quiet), stop=stop, runs=self._runs)
            finally:
                with self._lock:
                    self._forget()
        return self

    # How it is shown.

    def __repr__(self) -> str:
        return in_a_line(RunView(self._directory))

    def _repr_html_(self) -> str:
        """Return a small table for a notebook; whatever the run's files say is escaped."""
        return as_html(RunView(self._directory))

    # What is behind it.

    def __reduce__(self) -> tuple[Any, ...]:
        return Run, (self.path, self.checkpoint, self._runs)

    @property
    def _directory(self) -> RunDirectory:
        return RunDirectory(self.path)

    @property
    def _now(self) -> RunView:
        """The run as it stands; what has not changed since it was last asked for is not read again."""
        view = RunView(self._directory)
        with self._lock:
            if self._view is not None:
                view.take_unchanged(self._view)
            _ = view.record
            self._view = view
        return view

    @property
    def _trained(self) -> "Trained":
        with self._lock:
            if self._loaded is None:
                from mnistnn.experiment.trained import load_trained

                self._loaded = load_trained(self._directory, self.checkpoint)
                for problem in self._loaded.passed_over:
                    _warn(f"passed over {problem}")
            return self._loaded

    def _asked(self, images: Any, ask: "Callable[[Trained, NDArray[np.uint8]], NDArray[Any]]") -> NDArray[Any]:
        with self._lock:  # what a model computes with is its own, and there once
            given, count = self._given(images)
            return ask(self._trained, given)[:count]

    def _given(self, images: Any) -> tuple[NDArray[np.uint8], int]:
        """Return images as (n, h, w), and how many there are: for none, a blank one, to see the shape of answers."""
        shape = self._trained.plan.image_shape
        given = checked(images, shape)
        return (given, len(given)) if len(given) else (np.zeros((1, *shape), np.uint8), 0)


def _as_flags(options: dict[str, Any]) -> dict[str, Any]:
    """Return options of `eval` by the flags of the command line. Raises UsageError for one that there is not."""
    from mnistnn.tasks.contract import OPTIONS

    flags = {f"--{name.replace('_', '-')}": value for name, value in options.items()}
    known = [flag.removeprefix("--").replace("-", "_") for flag in OPTIONS]
    for name, flag in zip(options, flags, strict=True):
        if flag not in OPTIONS:
            raise UsageError(
                f"evaluate has no option {name!r}; {did_you_mean(name, known, after=' ')}there are {', '.join(known)}"
            )
    return {flag: value for flag, value in flags.items() if value}


def _warn(text: str) -> None:
    warnings.warn(text.removeprefix("warning: "), stacklevel=2)
