"""Nearest neighbours: an image is of the class that most of the references nearest to it are of."""

from collections.abc import Callable, Iterator
from math import prod
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from mnistnn.backend.arrays import array_module, to_host
from mnistnn.component import component
from mnistnn.errors import ConfigError, RunError
from mnistnn.losses import Loss
from mnistnn.losses.squared_error import SquaredError
from mnistnn.models.contract import Fitted, Tell
from mnistnn.models.fitted.neighbours.cascade import Found, References, Search, Stage
from mnistnn.models.fitted.neighbours.distances import AnyDistance, Distance, Euclidean
from mnistnn.types import Array, Shape, ShapeError

_DIGEST_BYTES = 32


@component
class NearestNeighbours(Fitted):
    """The k nearest of the training examples vote; of classes with equally many, that of the nearest one wins.

    A score is (votes + t) / k, with t = (k − rank of the class's nearest) / (2 (k + 1)) < ½, ranks from 0. The rule for
    ties is part of the model: by the lowest class instead, nine more of MNIST's validation digits are wrong. Of
    references at equal distance the first in the training split is the nearer one.

    Fitted in one round, which takes the references; what is kept of them in a checkpoint is a digest. A query equal to
    a reference has it as a neighbour like any other, at distance 0. Cover & Hart (1967).
    """

    type: Literal["knn"] = "knn"
    neighbours: Annotated[int, Field(ge=1, le=1000)] = 3
    """How many vote, k."""
    distance: AnyDistance = Field(default_factory=Euclidean)
    """How far an image is from another."""
    preselect: Annotated[list[Stage], Field(max_length=10)] = Field(default_factory=list)
    """Stages before, cheapest first: each leaves its nearest references to the next distance, and `distance` decides
    among those that the last one leaves. The first that is used, which looks at all references, is euclidean."""

    @model_validator(mode="after")
    def _is_a_cascade(self) -> "NearestNeighbours":
        first, key = (
            (self.preselect[0].distance, "preselect.0.distance") if self.preselect else (self.distance, "distance")
        )
        if not first.finds_among_all:
            raise ValueError(
                f"{key}: only euclidean can look at all references, got {first.type}: let one of preselect come before"
            )
        kept = None
        for number, stage in enumerate(self.preselect):
            at = f"preselect.{number}"
            if stage.keep < self.neighbours:
                raise ValueError(f"{at}.keep: must be at least neighbours ({self.neighbours}), got {stage.keep}")
            if kept is not None and stage.keep > kept:
                raise ValueError(f"{at}.keep: must not be above that of the stage before ({kept}), got {stage.keep}")
            kept = stage.keep if kept is None else min(kept, stage.keep)
            if stage.agree is not None and not self.neighbours <= stage.agree <= stage.keep:
                raise ValueError(
                    f"{at}.agree: must be in [neighbours, keep] = [{self.neighbours}, {stage.keep}], got {stage.agree}"
                )
        return self

    def __post_init__(self) -> None:
        self._tell: Tell = lambda *_: None

    def build(self, in_shape: Shape, classes: int) -> None:
        self.in_shape, self.classes = in_shape, classes
        self._search = Search(self.preselect, self.distance, self.neighbours)
        for distance in self._search.distances:
            distance.build(in_shape)
        self.shapes: dict[str, Shape] = {"neighbours": (self.neighbours,)}
        self._criterion = SquaredError()
        self._criterion.build((classes,), classes)

    def find_references_by(self, digest: Callable[[], bytes], find: Callable[[], tuple[Array, Array]]) -> None:
        self._digest_now, self._find = digest, find

    def listen(self, tell: Tell) -> None:
        """Report to `tell` how far `scores` is with its queries, or with preparing references, once a second or more
        often.
        """
        self._tell = tell

    @property
    def rounds(self) -> int:
        return 1

    @property
    def rounds_done(self) -> int:
        return int(bool(self._digest))

    @property
    def criterion(self) -> Loss:
        return self._criterion

    @property
    def size(self) -> int:
        return 0  # it has references

    @property
    def multiply_adds(self) -> int:
        return 0 if self._references is None else len(self._references) * prod(self.in_shape)

    @property
    def unit(self) -> str:
        return "shares of the votes of the nearest references, and up to half a vote more that breaks ties"

    @property
    def needs_loops(self) -> bool:
        """Whether distances are computed by loops that are worth compiling."""
        return not all(distance.finds_among_all for distance in self._search.distances)

    @property
    def examples_per_stage(self) -> dict[str, int]:
        """How many queries each distance has seen: those that the second one saw are the hard ones."""
        return dict(zip(self._search.names, self._search.asked, strict=True))

    def restore_examples_per_stage(self, examples_per_stage: dict[str, int]) -> None:
        self._search.asked[:] = [examples_per_stage.get(name, 0) for name in self._search.names]

    def allocate(self, xp: Any, dtype: str) -> None:
        self._digest = b""
        self._references: References | None = None
        self.restore_examples_per_stage({})

    def refuse(self, x: Array) -> None:
        """Raise ConfigError if there are too few references, or if they mean nothing to a distance."""
        if len(x) < self.neighbours:
            raise ConfigError(
                f"there are {len(x):,} references, and {self.neighbours:,} neighbours are to vote",
                key="model.neighbours",
            )
        least, largest = float(x.min()), float(x.max())
        for distance in self._search.distances:
            distance.refuse(least, largest)

    def fit(self, x: Array, labels: Array, tell: Tell) -> Iterator[int]:
        if self._digest:
            return
        tell("references", 0, None)
        self.refuse(x)
        self._references = References(x, to_host(labels))
        self._digest = self._digest_now()
        yield 1

    def scores(self, x: Array) -> Array:
        return array_module(x).asarray(self.votes_of(self.neighbours_of(x)).astype(x.dtype))

    def votes_of(self, found: Found) -> np.ndarray:
        """Return the scores (n, classes), float64 and on the host, of queries whose neighbours have been found."""
        k, n = self.neighbours, len(found.indices)
        labels = self._found().labels[found.indices]
        votes, nearest = np.zeros((2, n, self.classes))
        rows = np.arange(n)
        for rank in reversed(range(k)):
            votes[rows, labels[:, rank]] += 1.0
            nearest[rows, labels[:, rank]] = (k - rank) / (2.0 * (k + 1))
        shares: np.ndarray = (votes + nearest) / k
        return shares

    def neighbours_of(self, x: Array) -> Found:
        """Return the references that are nearest to queries x (n, *in_shape), their distances, and by which stage."""
        return self._search(self._on_device_of(x), x, self._tell)

    @property
    def references(self) -> tuple[Array, np.ndarray]:
        """What queries are compared with: x (n, *in_shape), and labels (n,) on the host."""
        references = self._found()
        return references.x, references.labels

    def distance_of(self, stage: int) -> Distance:
        """Return the distance of a stage, counted from 0; the last one is `distance`."""
        return self._search.distances[stage]

    def displacements(self, query: Array, reference: Array, stage: int = -1) -> np.ndarray:
        """Return the displacement (h, w, 2), down and to the right, from each pixel of a query (h, w) to the pixel of a
        reference (h, w) that explains it by the distance of a stage; both as the model is given them.
        """
        distance = self.distance_of(stage)
        q, r = (distance.prepared(to_host(image)[None]) for image in (query, reference))
        return distance.displacements(q, r)

    def _found(self) -> References:
        """Return the references, which a restored model looks for now. Raises RunError if those that are found are not
        the ones that it was fitted to.
        """
        if self._references is None:
            if self._digest_now() != self._digest:
                raise RunError(
                    "the references are not those that the model was fitted to: the training split is another"
                )
            x, labels = self._find()
            self._references = References(x, to_host(labels))
        return self._references

    def _on_device_of(self, x: Array) -> References:
        """Return the references where the queries are."""
        references, xp = self._found(), array_module(x)
        if array_module(references.x) is not xp:
            references = self._references = References(xp.asarray(to_host(references.x)), references.labels)
        return references

    def arrays(self) -> dict[str, Array]:
        return {"references": np.frombuffer(self._digest, np.uint8).reshape(-1, _DIGEST_BYTES)}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        digests = arrays.get("references", np.empty((0, _DIGEST_BYTES), np.uint8))
        if digests.ndim != 2 or digests.shape[1] != _DIGEST_BYTES or len(digests) > 1 or digests.dtype != np.uint8:
            raise ShapeError(
                f"references is {digests.dtype} {digests.shape}, expected uint8 (1, {_DIGEST_BYTES}) at most"
            )
        self._digest, self._references = digests.tobytes(), None

    def keep_rounds(self, rounds: int) -> None:
        if not rounds:
            self._digest, self._references = b"", None
