"""How well an autoencoder gives images back: figures of one split."""

from collections.abc import Callable

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from mnistnn.analysis.evaluation import results
from mnistnn.analysis.evaluation.predictions import batches_of
from mnistnn.backend.memory_order import as_rows
from mnistnn.errors import UsageError
from mnistnn.experiment.trained import Trained
from mnistnn.losses.reconstruction import Reconstruction
from mnistnn.models.autoencoder import Autoencoder
from mnistnn.objectives.reconstruction import HiddenPixels
from mnistnn.run.directory import RunDirectory
from mnistnn.types import SplitName

SCHEMA_VERSION = 1


@dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True, allow_inf_nan=False))
class GivenBack:
    """Figures of one autoencoder on one split, means over its examples.

    loss                in nats, of images of which the share `corruption` is hidden, as in training
    reconstruction_nll  in nats, of images that it sees as they are
    squared_error       of these, for each pixel: (x − z)²
    """

    schema_version: int
    run: str
    split: SplitName
    checkpoint: str
    checkpoint_file: str
    epoch: float
    examples: int
    corruption: float
    loss: float
    reconstruction_nll: float
    squared_error: float
    test_readings: int


FILES = results.Files("reconstruction-", TypeAdapter(GivenBack), "a measurement of an autoencoder", SCHEMA_VERSION)
"""Where they are kept."""


def measure(run: RunDirectory, split: SplitName, which: str, warn: Callable[[str], None]) -> GivenBack:
    """Measure a run's autoencoder on a split, keep the result under eval/, and note a reading of the test split.

    Raises UsageError for another model, or a split without examples.
    """
    trained = results.begin(run, split, which, warn)
    model, corruption = autoencoder_of(trained)
    hidden = HiddenPixels(corruption, trained.plan.experiment.seed)
    of_part, of_whole, square, count = 0.0, 0.0, 0.0, 0
    with trained.computing():
        for number, (x, _) in enumerate(batches_of(trained, split)):
            rows = as_rows(x)
            of_part += float(model.reconstruction_nll(rows, hidden.seen(rows, number)).sum(dtype="float64"))
            of_whole += float(model.reconstruction_nll(rows).sum(dtype="float64"))
            difference = rows - model.given_back(rows)
            square += float((difference * difference).sum(dtype="float64"))
            count += len(rows)
    found = GivenBack(
        schema_version=SCHEMA_VERSION,
        examples=count,
        corruption=corruption,
        loss=of_part / count,
        reconstruction_nll=of_whole / count,
        squared_error=square / count / model.n_in,
        **results.about(run, trained, split),
    )
    FILES.keep(run, found)
    return found


def autoencoder_of(trained: Trained) -> tuple[Autoencoder, float]:
    """Return the autoencoder and the share of pixels that was hidden from it. Raises UsageError for another model."""
    model, loss = trained.plan.unsupervised, trained.plan.experiment.loss
    if not isinstance(model, Autoencoder) or not isinstance(loss, Reconstruction):
        raise UsageError(f"{trained.plan.experiment.name}: its model is of type {model.type}, and no autoencoder")
    return model, loss.corruption
