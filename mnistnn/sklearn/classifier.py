"""An experiment as a classifier of scikit-learn."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing.util import Finalize
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from mnistnn.api.experiments import loaded, settings
from mnistnn.api.run import Run
from mnistnn.config.load import LoadedExperiment
from mnistnn.config.outputs import overrides_for_other_data
from mnistnn.data.datasets import in_memory
from mnistnn.data.datasets.examination import lacks_a_class, mixed_order, validation_share
from mnistnn.data.datasets.in_memory import SetInMemory, set_in_memory
from mnistnn.errors import InterruptedRunError, RunError
from mnistnn.experiment.plan import Plan
from mnistnn.plugins.given import Given
from mnistnn.runner import training
from mnistnn.runner.session import usual_verbosity
from mnistnn.runner.signals import StopRequest
from mnistnn.sklearn.images import as_images, encoded, image_shape

if TYPE_CHECKING:
    from sklearn.utils import Tags


class Classifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn has no types
    """Trains an experiment on X and y in a run directory, and classifies by its best epoch.

    experiment   the path of a YAML file, or the content of one as a dict
    overrides    KEY=VALUE, each in place of a value of the file: ("optimizer.learning_rate=0.1",)
    seed         of all randomness
    runs         the folder of all runs, in which each fit has one of its own; None takes a temporary one, which is
                 removed once neither the estimator nor its run is used any more
    device       where to compute, cpu or cuda
    quiet        show nothing of training on stderr
    image_shape  height and width of the images that the rows of X are, of which one may be -1; None takes squares
    code         the path of a Python file with components of your own (`mnistnn.plugins`), or several

    X (n, height·width) has pixels: whole numbers from 0 to 255 of any type. y (n,) has labels of any type, 2 to 256
    different ones. The last sixth of them is for validation (data.validation_examples), in a mixed order where that
    lacks a class. What the experiment says of its data, but for the scale, does not count, and the last layer of a
    network gets an output for each class. X lies in memory, and no copy of it is stored: a model of neighbours, which
    needs X when it is asked, cannot be asked after it was pickled. A committee, whose members say in files of their own
    what they learn from, is refused.

    classes_        the labels (k,), sorted
    n_features_in_  how many columns X has
    run_            the run, a mnistnn.Run

    A pickle holds the path of the run and a digest of its model, and no parameters: where the run is gone, or another
    one lies there, RunError says so. Whoever pickles names a folder in `runs`.

    Raises ConfigError for an experiment that does not fit X and y, ValueError for X and y that are no images and
    labels, DivergedError if training diverges. Ctrl-C raises KeyboardInterrupt, after saving where `runs` is.

    `sklearn.utils.estimator_checks.check_estimator` holds, but for these checks:

    | check | why it does not hold |
    | --- | --- |
    | check_dtype_object | floats from 0 to 1, which are taken for pixels that were divided by 255 |

    >>> lines = mnistnn.data("bars-and-stripes", "train")
    >>> X, y = lines.images.reshape(-1, 16), numpy.array(["row", "column"])[lines.labels]
    >>> classifier = mnistnn.sklearn.Classifier("lines.yaml", overrides=("stopping.max_epochs.epochs=3",)).fit(X, y)
    >>> classifier.classes_.tolist(), classifier.n_features_in_, classifier.predict_proba(X[:5]).shape
    (['column', 'row'], 16, (5, 2))
    >>> classifier.run_.metrics["epoch"]
    array([1., 2., 3.])
    """

    def __init__(
        self,
        experiment: str | Path | Mapping[str, Any],
        overrides: Sequence[str] = (),
        seed: int = 0,
        runs: str | Path | None = None,
        device: str = "cpu",
        quiet: bool = True,
        image_shape: Sequence[int] | None = None,
        code: Given = None,
    ) -> None:
        self.experiment = experiment
        self.overrides = overrides
        self.seed = seed
        self.runs = runs
        self.device = device
        self.quiet = quiet
        self.image_shape = image_shape
        self.code = code

    def fit(self, X: Any, y: Any) -> "Classifier":
        """Train on images X (n, height·width) and labels y (n,); return self. Raises as the class says."""
        X, y = validate_data(self, X, y)
        check_classification_targets(y)
        images = as_images(X, image_shape(X.shape[1], self.image_shape))
        self.classes_, labels = encoded(y)
        held = _mixed_set(images, labels, len(self.classes_))
        with in_memory.held(held):
            plan = Plan(self._experiment(held))
            self.run_ = self._trained(plan)
            if any(each.task.needs_references for each in (plan, *plan.members)):
                self._digest = self.run_.digest  # the model keeps the set
        self._digest = self.run_.digest
        return self

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the predicted label (n,) of images X (n, height·width). Raises RunError if the run is gone."""
        run, images = self._asked(X)
        labels: NDArray[Any] = self.classes_[run.predict(images)]
        return labels

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Return the probability of each class (n, k), in the order of `classes_`, for images X (n, height·width).

        Raises RunError if the run is gone, UsageError if the experiment's loss gives no probabilities.
        """
        run, images = self._asked(X)
        return run.predict_proba(images)

    def _asked(self, X: Any) -> tuple[Run, NDArray[np.uint8]]:
        """Return the run, whose model is the one that was fitted, and X as images."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False)
        images = as_images(X, image_shape(X.shape[1], self.image_shape))
        if self.run_.digest != self._digest:
            raise RunError(f"{self.run_.path}: its model is not the one that was fitted: it was altered since then")
        return self.run_, images

    def _experiment(self, held: SetInMemory) -> LoadedExperiment:
        """Load the experiment for a data set."""
        count = validation_share(len(held.labels))
        data = [f"data.dataset={held.name}", f"data.validation_examples={count}"]
        unset = [f"data.{key}=null" for key in ("limits", "labels", "sequences", "stream_above_mb")]
        overrides = [*data, *unset, *self.overrides, *settings(device=self.device, seed=self.seed)]
        found = loaded(self.experiment, overrides, self.code)
        of_classes = overrides_for_other_data(found.experiment, overrides, held.info.classes)
        return loaded(self.experiment, [*overrides, *of_classes], self.code) if of_classes else found

    def _trained(self, plan: Plan) -> Run:
        if self.runs is not None:
            return self._trained_in(Path(self.runs), plan)
        folder = Path(tempfile.mkdtemp(prefix="mnistnn-"))
        try:
            run = self._trained_in(folder, plan)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        # Unlike those of weakref, also at the end of a worker process; and not in a fork of this one.
        Finalize(run, shutil.rmtree, (folder,), {"ignore_errors": True}, exitpriority=0)
        return run

    def _trained_in(self, runs: Path, plan: Plan) -> Run:
        with StopRequest(is_own_process=False) as stop:
            try:
                outcome = training.train(plan, runs, None, usual_verbosity(self.quiet), stop)
            except InterruptedRunError as error:  # a search would take it for one of many fits that fail
                raise KeyboardInterrupt(str(error)) from error
        return Run(outcome.run.path, runs=runs)

    def __sklearn_tags__(self) -> "Tags":
        tags = super().__sklearn_tags__()
        # The tags by which scikit-learn's own checks know that X has whole numbers, and none below 0.
        tags.input_tags.positive_only = tags.input_tags.categorical = True
        return tags


def _mixed_set(images: NDArray[np.uint8], labels: NDArray[np.uint8], classes: int) -> SetInMemory:
    """Return the data set, in an order by which the end, which is for validation, lacks no class."""
    if lacks_a_class(labels):
        order = mixed_order(labels)
        images, labels = images[order], labels[order]
    return set_in_memory(images, labels, classes)
