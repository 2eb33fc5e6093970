"""Models that are fitted: in closed form, by search, or from members, and not by following a gradient."""

from mnistnn.models.fitted.committee import Committee
from mnistnn.models.fitted.least_squares import LeastSquares
from mnistnn.models.fitted.nearest_neighbours import NearestNeighbours

# The registry: every fitted model that an experiment can name by its `type`.
AnyFitted = LeastSquares | NearestNeighbours | Committee
