"""safetensors: the parameters as named arrays, which every framework reads.

Unlike in a checkpoint, whose arrays are flat vectors, each has its own name and shape. The metadata has one entry,
`mnistnn`, with JSON about the model and a SHA-256 of the file (see `storage/sealed_tensors.py`); equal models give
equal files.
"""

import numpy as np

from mnistnn.analysis.export.source import Product, Source, read_model
from mnistnn.storage.sealed_tensors import seal

FORMAT = 1


def as_safetensors(source: Source) -> Product:
    """Return the file. Under `export` its metadata says what the model is, with its whole configuration."""
    model = read_model(source)
    arrays = {name: np.ascontiguousarray(array) for name, array in (model.arrays | model.fitted).items()}
    about = {**model.about(), "config": model.view.config}
    return Product(seal(arrays, FORMAT, {"export": about}))
