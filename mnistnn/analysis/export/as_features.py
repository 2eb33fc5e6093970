"""The features of a restricted Boltzmann machine, in the form that `preprocess: [{type: features, file: …}]` reads."""

from mnistnn.analysis.export.source import Product, Source, read_model
from mnistnn.errors import UsageError
from mnistnn.models.rbm import RBM
from mnistnn.run import transforms


def as_features(source: Source) -> Product:
    """Return the file. Raises UsageError for a model that is no machine."""
    model = read_model(source)
    machine = model.plan.experiment.model
    if not isinstance(machine, RBM):
        raise UsageError(f"--format features: for an rbm, and this run has a {machine.type} model")
    return Product(transforms.encode("features", machine.features()))
