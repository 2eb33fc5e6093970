"""Models that are fitted: in closed form, by search, or from members, and not by following a gradient."""

from mnistnn.models.fitted.boosted_stumps import BoostedStumps
from mnistnn.models.fitted.committee import Committee
from mnistnn.models.fitted.least_squares import LeastSquares
from mnistnn.models.fitted.quadratic_discriminant import QuadraticDiscriminant

# The registry: every fitted model that an experiment can name by its `type`.
AnyFitted = LeastSquares | QuadraticDiscriminant | BoostedStumps | Committee
from mnistnn.models.fitted.svm import SVM
AnyFitted = LeastSquares | SVM | Committee
from mnistnn.models.fitted.nearest_neighbours import NearestNeighbours
AnyFitted = LeastSquares | NearestNeighbours | Committee
