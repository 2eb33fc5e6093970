"""Pictures of what a model gives back: images, what it has seen of them, and what it makes of that."""

from mnistnn.analysis.evaluation.predictions import first_of
from mnistnn.analysis.inspection.samples import Pictures, as_pictures, image_shape
from mnistnn.backend.memory_order import as_rows
from mnistnn.errors import UsageError
from mnistnn.experiment.trained import Trained
from mnistnn.losses.reconstruction import Reconstruction
from mnistnn.models.boltzmann import Boltzmann
from mnistnn.objectives.reconstruction import HiddenPixels


def given_back(trained: Trained, count: int) -> list[Pictures]:
    """Return rows (n, h, w): the first images of the validation split, what a denoising autoencoder is shown of them
    (with as many pixels hidden as in training), and what hidden units give back.

    Raises UsageError for a model without features, or whose inputs are no images.
    """
    model, loss = trained.plan.unsupervised, trained.plan.experiment.loss
    if isinstance(model, Boltzmann):
        raise UsageError(
            f"{trained.plan.experiment.name}: a model of type {model.type} has no features to give an image back from"
        )
    shape = image_shape(trained)
    x, _ = first_of(trained, "valid", count)
    rows = [as_rows(x)]
    if isinstance(loss, Reconstruction) and loss.corruption:
        rows.append(HiddenPixels(loss.corruption, trained.plan.experiment.seed).seen(rows[0], 0))
    rows.append(model.given_back(rows[-1]))
    return [as_pictures(each, shape, model.is_gaussian) for each in rows]
