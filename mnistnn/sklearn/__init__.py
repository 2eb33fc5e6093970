"""mnistnn for scikit-learn: `mnistnn.sklearn.Classifier`. It needs the extra: pip install 'mnistnn[sklearn]'."""

from mnistnn.extras import missing

try:
    import sklearn  # noqa: F401
except ImportError as error:
    raise missing("sklearn", "mnistnn.sklearn") from error

from mnistnn.sklearn.classifier import Classifier

__all__ = ["Classifier"]
