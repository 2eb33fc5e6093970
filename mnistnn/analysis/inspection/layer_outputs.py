"""What each layer of a trained network makes of images, in use."""

import numpy as np
from numpy.typing import NDArray

from mnistnn.backend.arrays import to_host
from mnistnn.experiment.trained import Trained


def layer_outputs(trained: Trained, images: NDArray[np.uint8]) -> dict[str, NDArray[np.floating]]:
    """Return the outputs (n, *out_shape) of each layer, by name, for images (n, h, w), n > 0, of the data set's size.
    Raises UsageError for a model that has no layers.
    """
    network = trained.task.network
    found: dict[str, list[NDArray[np.floating]]] = {name: [] for name in network.layers}
    with trained.computing(), np.errstate(over="ignore", invalid="ignore"):
        for x in trained.inputs_of(images):
            for name, y in network.layer_by_layer(x):
                found[name].append(np.array(to_host(y), order="C"))  # lent, and images may lie last in memory
    return {name: np.concatenate(parts) for name, parts in found.items()}
