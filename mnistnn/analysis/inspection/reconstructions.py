"""Pictures of reconstructions: images, what the model has seen of them, and what it reconstructs."""

from mnistnn.analysis.inspection.samples import Pictures, as_pictures, image_shape
from mnistnn.backend.memory_order import as_rows
from mnistnn.experiment.trained import Trained


def reconstructions_of(trained: Trained, count: int) -> list[Pictures]:
    """Return rows (n, h, w): the first images of the validation split, what a denoising autoencoder is shown of them
    (with as many pixels hidden as in training), and the reconstructions.

    Raises UsageError for a model without features, or whose inputs are no images.
    """
    task = trained.task
    task.features()  # refused here where there are none
    shape = image_shape(trained)
    x, _ = trained.first("valid", count)
    seen, reconstructed = task.reconstructed(x)
    rows = [as_rows(x), *([] if seen is None else [seen]), reconstructed]
    return [as_pictures(each, shape, task.unsupervised.is_gaussian) for each in rows]
