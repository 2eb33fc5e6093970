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
from mnistnn.models.fitted.cascade import Found, References, Search, Stage
from mnistnn.models.fitted.distances import AnyDistance, Euclidean
from mnistnn.types import Array, Shape, ShapeError

_DIGEST_BYTES = 32


@component
class NearestNeighbours(Fitted):
    """The k nearest of the training examples vote; of classes with equally many, that of the nearest one wins.

    A score is (votes + t) / k, with t = (k − rank of the class's nearest) / (2 (k + 1)) < ½, ranks from 0. The rule for
    ties is part of the model: by the lowest class instead, k = 3 makes nine errors more in 10,000 digits of MNIST. Of
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
        self.tell: Tell = lambda *_: None
        """Is told how far `scores` is with the queries, about once a second or more often, and may raise."""
        self._digest: bytes | None = None

    def build(self, in_shape: Shape, classes: int) -> None:
        self.in_shape, self.classes = in_shape, classes
        self._search = Search(self.preselect, self.distance, self.neighbours)
        for distance in self._search.distances:
            distance.build(in_shape)
        self.shapes: dict[str, Shape] = {"neighbours": (self.neighbours,)}
        self._criterion = SquaredError()
        self._criterion.build((classes,), classes)

    def name_references(self, digest: bytes) -> None:
        """Say which references those are that `fit` will be given, or `restore` is to find: a SHA-256 of all images and
        labels.
        """
        self._digest = digest

    def find_references_by(self, find: Callable[[], tuple[Array, Array]]) -> None:
        """Let a restored model find the images (n, *in_shape) and labels (n,) that it was fitted to, when it first
        needs them.
        """
        self._find = find

    def _named(self) -> bytes:
        assert self._digest is not None, "name_references comes before fit and restore"
        return self._digest

    @property
    def rounds(self) -> int:
        return 1

    @property
    def rounds_done(self) -> int:
        return int(self._fitted)

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
    def needs_loops(self) -> bool:
        """Whether distances are computed by loops that are worth compiling."""
        return not all(distance.finds_among_all for distance in self._search.distances)

    @property
    def asked(self) -> list[int]:
        """How many queries each stage has seen, the last one included, since `reset_asked`: those of the second are the
        hard ones.
        """
        return self._search.asked

    def reset_asked(self) -> None:
        self._search.asked[:] = [0] * len(self._search.asked)

    def allocate(self, xp: Any, dtype: str) -> None:
        self._fitted = False
        self._references: References | None = None
        self.reset_asked()

    def fit(self, x: Array, labels: Array, tell: Tell) -> Iterator[int]:
        if self._fitted:
            return
        tell("references", 0, None)
        self._references = self._checked(x, labels)
        self._fitted = True
        yield 1

    def _checked(self, x: Array, labels: Array) -> References:
        """Return references. Raises ConfigError if there are too few, or mean nothing to a distance."""
        if len(x) < self.neighbours:
            raise ConfigError(
                f"there are {len(x):,} references, and {self.neighbours:,} neighbours are to vote",
                key="model.neighbours",
            )
        least, largest = float(x.min()), float(x.max())
        for distance in self._search.distances:
            distance.refuse(least, largest)
        return References(x, to_host(labels))

    def scores(self, x: Array) -> Array:
        references, k = self._found(), self.neighbours
        labels = references.labels[self.neighbours_of(x).indices]
        votes, nearest = np.zeros((2, len(x), self.classes))
        rows = np.arange(len(x))
        for rank in reversed(range(k)):
            votes[rows, labels[:, rank]] += 1.0
            nearest[rows, labels[:, rank]] = (k - rank) / (2.0 * (k + 1))
        return array_module(x).asarray(((votes + nearest) / k).astype(x.dtype))

    def neighbours_of(self, x: Array) -> Found:
        """Return the references that are nearest to queries x (n, *in_shape), their distances, and by which stage."""
        return self._search(self._on_device_of(x), x, self.tell)

    def displacements(self, query: Array, reference: Array) -> np.ndarray:
        """Return the displacement (h, w, 2), down and to the right, from each pixel of a query (h, w) to the pixel of a
        reference (h, w) that explains it by `distance`; both as the model is given them.
        """
        q, r = (self.distance.prepared(to_host(image)[None]) for image in (query, reference))
        return self.distance.displacements(q, r)

    def _found(self) -> References:
        """Return the references, which a restored model looks for now."""
        if self._references is None:
            self._references = self._checked(*self._find())
        return self._references

    def _on_device_of(self, x: Array) -> References:
        """Return the references where the queries are."""
        references, xp = self._found(), array_module(x)
        if array_module(references.x) is not xp:
            references = self._references = References(xp.asarray(to_host(references.x)), references.labels)
        return references

    def arrays(self) -> dict[str, Array]:
        digests = self._named() if self._fitted else b""
        return {"references": np.frombuffer(digests, np.uint8).reshape(-1, _DIGEST_BYTES)}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take what `arrays` returned. Raises RunError if it was fitted to other references than those named now."""
        digests = arrays.get("references", np.empty((0, _DIGEST_BYTES), np.uint8))
        if digests.ndim != 2 or digests.shape[1] != _DIGEST_BYTES or len(digests) > 1 or digests.dtype != np.uint8:
            raise ShapeError(
                f"references is {digests.dtype} {digests.shape}, expected uint8 (1, {_DIGEST_BYTES}) at most"
            )
        if len(digests) and digests.tobytes() != self._named():
            raise RunError("the references are not those that the model was fitted to: the training split is another")
        self._fitted, self._references = bool(len(digests)), None

    def keep_rounds(self, rounds: int) -> None:
        if not rounds:
            self._fitted, self._references = False, None
