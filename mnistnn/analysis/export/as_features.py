"""The features of an RBM or an autoencoder, in the form that `preprocess: [{type: features, file: …}]` reads."""

from mnistnn.analysis.export.source import Product, Source, read_model
from mnistnn.run import transforms


def as_features(source: Source) -> Product:
    """Return the file. Raises UsageError for a model that has no features of this kind."""
    return Product(transforms.encode("features", read_model(source).trained.task.features()))
