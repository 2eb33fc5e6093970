"""npz: the parameters as named arrays for NumPy alone, read without pickle."""

import io
import json

import numpy as np

from mnistnn.analysis.export.source import Product, Source, read_model


def as_npz(source: Source) -> Product:
    """Return the file. Its array `mnistnn` is a text: JSON about the model, with its whole configuration.

    No name of another array can be taken for an argument of savez or for that one: all have a dot.
    """
    model = read_model(source)
    about = json.dumps({**model.about(), "config": model.view.config})
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, mnistnn=np.array(about), **model.arrays, **model.fitted)
    return Product(file.getvalue())
