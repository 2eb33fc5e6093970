"""Run neural-network experiments on MNIST-like data, with hand-written kernels on NumPy or CuPy.

    import mnistnn

    run = mnistnn.train("mlp", "optimizer.learning_rate=0.05", epochs=5)
    digits = mnistnn.data("mnist", "valid")
    predicted = run.predict(digits.images)
    run.evaluate("valid").error

train    train an experiment: a YAML file, or a dict
load     find a run that is there already
runs     all runs in a folder
compare  experiments with each other
data     a split of a data set
Run      what the first three return

`mnistnn.sklearn` has a classifier for scikit-learn, `mnistnn.plugins` what components of your own need. Everything is
what a command of `mnistnn` does, and what goes wrong raises MnistnnError, with the message that the command prints. All
of it is loaded when it is first used.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import mnistnn.plugins as plugins
    import mnistnn.sklearn as sklearn
    from mnistnn.api.comparing import compare
    from mnistnn.api.finding import load, runs
    from mnistnn.api.run import Run
    from mnistnn.api.training import train
    from mnistnn.data.labelled import labelled_split as data
    from mnistnn.errors import (
        ConfigError,
        DataError,
        DivergedError,
        InterruptedRunError,
        MnistnnError,
        RunError,
        UsageError,
    )

__version__ = "0.1.0"

__all__ = [
    "ConfigError",
    "DataError",
    "DivergedError",
    "InterruptedRunError",
    "MnistnnError",
    "Run",
    "RunError",
    "UsageError",
    "__version__",
    "compare",
    "data",
    "load",
    "runs",
    "train",
]

if TYPE_CHECKING:
    __all__ += ["plugins", "sklearn"]  # which an import of all names would need scikit-learn for
else:  # so that checkers tell of names that are not there
    _HOMES = {
        "train": "api.training",
        "load": "api.finding",
        "runs": "api.finding",
        "compare": "api.comparing",
        "Run": "api.run",
        **{name: "errors" for name in __all__ if name.endswith("Error")},
    }
    # `data` is a package that can be called: it would take the place of a function of its name.
    _PACKAGES = ("data", "plugins", "sklearn")

    def __getattr__(name):
        """Load what is asked for, once."""
        from importlib import import_module

        if name in _PACKAGES:
            return import_module(f"{__name__}.{name}")
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        return found

    def __dir__():
        return sorted({*globals(), *__all__, *_PACKAGES})
