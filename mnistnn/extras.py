"""Packages that mnistnn can do without: which of its extras brings each, and what is said where one is needed."""

import sys
from importlib.util import find_spec

from mnistnn.errors import ResourceError

_EXTRAS = {
    "matplotlib": ("matplotlib", "plot"),
    "jinja2": ("Jinja", "plot"),
    "PIL": ("Pillow", "plot"),
    "onnx": ("onnx", "export"),
    "onnxruntime": ("onnxruntime", "export"),
    "tensorboardX": ("tensorboardX", "export"),
    "optuna": ("Optuna", "sweep"),
    "starlette": ("Starlette", "serve"),
    "uvicorn": ("uvicorn", "serve"),
    "distributed": ("distributed", "dask"),
    "sklearn": ("scikit-learn", "sklearn"),
}


def require(module: str, needed_by: str) -> None:
    """Raise ResourceError if a module is not installed, before anything is done for what needs it."""
    is_known = module in sys.modules
    if (sys.modules[module] if is_known else find_spec(module)) is None:
        raise missing(module, needed_by)


def missing(module: str, needed_by: str) -> ResourceError:
    """Return the error that says how to install a module that cannot be imported."""
    name, extra = _EXTRAS[module]
    return ResourceError(f"{needed_by} needs {name}: pip install 'mnistnn[{extra}]'")
