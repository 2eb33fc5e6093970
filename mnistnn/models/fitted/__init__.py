"""Models that are fitted: in closed form, by search, or from members, and not by following a gradient."""

from mnistnn.models.fitted.boosting.boosted_stumps import BoostedStumps
from mnistnn.models.fitted.committee import Committee
from mnistnn.models.fitted.least_squares import LeastSquares
from mnistnn.models.fitted.neighbours.nearest_neighbours import NearestNeighbours
from mnistnn.models.fitted.quadratic_discriminant import QuadraticDiscriminant
from mnistnn.models.fitted.support_vectors.svm import SVM

# The registry: every fitted model that an experiment can name by its `type`.
AnyFitted = LeastSquares | QuadraticDiscriminant | NearestNeighbours | SVM | BoostedStumps | Committee
