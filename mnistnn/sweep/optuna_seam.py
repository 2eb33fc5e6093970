"""The seam to Optuna, which is an extra: imported only when a sweep needs it, and kept silent."""

from typing import Any

from mnistnn.extras import missing


def load_optuna(needed_by: str) -> Any:
    """Return the library. Raises ResourceError, naming what needs it, if it is not installed."""
    try:
        import optuna
    except ImportError as error:
        raise missing("optuna", needed_by) from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna
