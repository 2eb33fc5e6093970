"""Fitted transforms that need not be fitted: those that a run keeps, or that a file of the user's holds."""

from collections.abc import Mapping
from pathlib import Path

from mnistnn.errors import ConfigError, RunError
from mnistnn.experiment.pretraining import Tensors
from mnistnn.preprocess.contract import Transform
from mnistnn.run import transforms
from mnistnn.run.directory import RunDirectory
from mnistnn.types import ShapeError


class KeptTransforms:
    """The transforms of a `run` that has begun, or, without one, of the files that an experiment names.

    known  the arrays of some, by the number of the transform, which are taken as they are
    """

    def __init__(self, run: RunDirectory | None, known: Mapping[int, Tensors]) -> None:
        self._run, self._known = run, known

    def restore(self, number: int, transform: Transform) -> bool:
        """Restore a transform, given with its number; tell whether there was something to restore it from.

        Raises RunError for a file of the run that is not whole, ConfigError for one that the experiment names.
        """
        if number in self._known:
            transform.restore(self._known[number])
            return True
        source = transform.source() if self._run is None else transforms.path_in(self._run, number, transform.type)
        if source is None:
            return False
        try:
            transform.restore(transforms.read(Path(source), transform.type, follow=self._run is None))
        except (RunError, ShapeError) as error:
            text = f"{source}: {error}" if isinstance(error, ShapeError) else str(error)
            if self._run is not None:
                raise RunError(text) from error
            raise ConfigError(text, key=f"preprocess.{number}.file") from error
        return True
