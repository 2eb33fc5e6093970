"""The seam to Optuna, which is an extra: imported only when a sweep needs it, and kept silent."""

from typing import Any

from mnistnn.errors import ResourceError


def load_optuna(needed_by: str) -> Any:
    """Return the library. Raises ResourceError, naming what needs it, if it is not installed."""
    try:
        import optuna
    except ImportError as error:
        raise ResourceError(f"{needed_by} needs Optuna: pip install 'mnistnn[sweep]'") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna
