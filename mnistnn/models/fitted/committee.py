"""A committee: classifiers that were trained one by one, and decide together."""

from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, Protocol

import numpy as np
from pydantic import Field

from mnistnn.backend.arrays import array_module
from mnistnn.component import component
from mnistnn.errors import RunError
from mnistnn.losses import Loss
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.losses.squared_error import SquaredError
from mnistnn.models.contract import Fitted, Tell
from mnistnn.types import Array, Shape, ShapeError

LEAST = 1e-30  # probability whose logarithm is taken: a float32, whose square is none


@component
class Member:
    """One member: an experiment of its own."""

    experiment: str | dict[str, Any]
    """An experiment file, by its path from this one; or the experiment itself, as in the configuration of a run."""
    overrides: list[str] = Field(default_factory=list)
    """What is changed in it: `optimizer.learning_rate=0.1`."""


class TrainedMember(Protocol):
    """A member that has been trained, and prepares images by itself."""

    @property
    def digest(self) -> bytes:
        """SHA-256 of all that it consists of (32 bytes)."""
        ...

    def named_arrays(self) -> dict[str, Array]:
        """Return all that it consists of, by name, also what its preprocessing was fitted to."""
        ...

    def probabilities(self, x: Array) -> Array:
        """Return a probability, or a score, of each class (n, k) for raw images x (n, h, w), which stay as they are."""
        ...


@component
class Committee(Fitted):
    """The mean of its members' probabilities, or a vote among them. A round is a member.

    Each is trained as a run of its own, inside the run, on the same data and the committee's backend. Seeds are 1000 ·
    seed + the number of the member, from 0, unless its overrides name one. What is kept are the digests of the members'
    parameters: members (rounds, 32). Hansen & Salamon (1990); Cireşan, Meier & Schmidhuber (2012).
    """

    type: Literal["committee"] = "committee"
    members: Annotated[list[Member], Field(min_length=1, max_length=1000)]
    """Who belongs to it, in the order in which they join."""
    combine: Literal["mean", "vote"] = "mean"
    """mean: the mean of the members' probabilities, whose logarithms are the scores. vote: the share of members that
    predict a class; ties go to the larger mean."""

    def build(self, in_shape: Shape, classes: int) -> None:
        self.in_shape, self.classes = in_shape, classes
        self.shapes: dict[str, Shape] = {"members": (len(self.members),)}
        self._criterion: Loss = SoftmaxNLL() if self.combine == "mean" else SquaredError()
        self._criterion.build((classes,), classes)

    def find_members_by(self, find: Callable[[int], TrainedMember]) -> None:
        """Let members be found by their number, counted from 0; who calls trains or loads them."""
        self._find = find

    @property
    def rounds(self) -> int:
        return len(self.members)

    @property
    def rounds_done(self) -> int:
        return len(self.joined)

    @property
    def criterion(self) -> Loss:
        return self._criterion

    @property
    def size(self) -> int:
        return 0  # its members have parameters

    @property
    def multiply_adds(self) -> int:
        return 0

    def allocate(self, xp: Any, dtype: str) -> None:
        self.joined: list[TrainedMember] = []

    def fit(self, x: Array, labels: Array, tell: Tell) -> Iterator[int]:
        while len(self.joined) < len(self.members):
            self.joined.append(self._find(len(self.joined)))
            yield len(self.joined)

    def scores(self, x: Array) -> Array:
        xp = array_module(x)
        total, votes = xp.zeros((len(x), self.classes)), xp.zeros((len(x), self.classes))
        for member in self.joined:
            add_member(total, votes, member.probabilities(x))
        return self.combined(total, votes, len(self.joined)).astype(x.dtype)

    def combined(self, total: Array, votes: Array, members: int) -> Array:
        """Return scores (n, k), by the sums over members of probabilities and of votes (n, k), both float64."""
        xp, mean = array_module(total), total / members
        if self.combine == "mean":
            return xp.log(xp.maximum(mean, LEAST))
        # From 0 to half a vote, whatever scores members give, so that it decides between equal numbers of votes only.
        low, high = mean.min(axis=1, keepdims=True), mean.max(axis=1, keepdims=True)
        return (votes + 0.5 * (mean - low) / xp.maximum(high - low, LEAST)) / members

    def arrays(self) -> dict[str, Array]:
        digests = b"".join(member.digest for member in self.joined)
        return {"members": np.frombuffer(digests, np.uint8).reshape(len(self.joined), 32)}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` returned, and find the members that it is of. Raises RunError for another one."""
        digests = arrays.get("members", np.empty((0, 32), np.uint8))
        if digests.ndim != 2 or digests.shape[1] != 32 or len(digests) > len(self.members):
            raise ShapeError(f"members is {digests.shape}, expected ({len(self.members)}, 32) at most")
        joined = []
        for number, digest in enumerate(digests):
            member = self._find(number)
            if member.digest != digest.tobytes():
                raise RunError(f"member {number + 1} is not the one that joined: its run was replaced or went on")
            joined.append(member)
        self.joined = joined

    def keep_rounds(self, rounds: int) -> None:
        del self.joined[rounds:]


def add_member(total: Array, votes: Array, p: Array) -> None:
    """Add a member's probabilities p (n, k), and its vote, to the sums of all (n, k)."""
    total += p
    votes += p.argmax(axis=1)[:, None] == array_module(p).arange(p.shape[1])
