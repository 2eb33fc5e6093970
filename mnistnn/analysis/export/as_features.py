"""The features of a machine or an autoencoder, in the form that `preprocess: [{type: features, file: …}]` reads."""

from mnistnn.analysis.export.source import Product, Source, read_model
from mnistnn.errors import UsageError
from mnistnn.models.autoencoder import Autoencoder
from mnistnn.models.rbm import RBM
from mnistnn.run import transforms


def as_features(source: Source) -> Product:
    """Return the file. Raises UsageError for a model that has no features of this kind."""
    model = read_model(source).plan.experiment.model
    if not isinstance(model, RBM | Autoencoder):
        raise UsageError(f"--to features: for an rbm or an autoencoder, and this run has a model of type {model.type}")
    return Product(transforms.encode("features", model.features()))
