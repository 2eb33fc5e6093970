"""When to stop: pure functions of the history of evaluations."""

from typing import Annotated

from pydantic import Field

from mnistnn.stopping.course import CoursePatience, CoursePoints
from mnistnn.stopping.limits import Converged, MaxEpochs, MaxPasses, MaxTime, MaxUpdates, Target
from mnistnn.stopping.lisa import LisaPatience, SignificancePatience

# The registry: every policy that an experiment can name by its `type`.
Stopping = Annotated[
    MaxEpochs
    | MaxUpdates
    | MaxPasses
    | MaxTime
    | Target
    | Converged
    | CoursePatience
    | CoursePoints
    | LisaPatience
    | SignificancePatience,
    Field(discriminator="type"),
]
