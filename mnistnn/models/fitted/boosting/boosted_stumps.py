"""Boosted stumps, and products of them."""

from collections.abc import Callable, Iterator
from math import sqrt
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from mnistnn.backend import pieces, threads
from mnistnn.backend.arrays import array_module, to_host
from mnistnn.component import component
from mnistnn.errors import DivergedError
from mnistnn.kernels import stumps
from mnistnn.kernels.haar import Rectangle
from mnistnn.kernels.stumps import Features
from mnistnn.losses import Loss
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.models.contract import Fitted, Tell, refuse_one_class
from mnistnn.models.fitted.boosting.boosting import CONSTANT, Boosting, BoostingRound
from mnistnn.models.fitted.boosting.growing import GrowingArrays
from mnistnn.models.fitted.boosting.stump_features import AnyStumpFeatures, Haar, as_integers
from mnistnn.types import Array, Shape, ShapeError

_EXAMPLES = 512  # that are asked for at once: their integral images stay in the second cache while rounds add up
_OF_A_ROUND = 4096  # the same where there are few rounds to add

_Votes = tuple[Features, Array, Array]
_Prepared = tuple[tuple[Any, int, int], _Votes]


@component
class BoostedStumps(Fitted):
    """A sum of base learners α v φ₁(x) … φ_m(x), each a product of stumps with a vote ±1 for each class.

    AdaBoost.MH: a round chooses the base learner with the largest edge for the weights of examples and classes, which
    it then multiplies by exp(−α y v φ). A round whose stumps have no edge, because no feature separates anything, has
    α = 0 and changes nothing; it does not end the fit, since the next one may draw other features. Freund & Schapire
    (1997); Schapire & Singer (1999); products: Kégl & Busa-Fekete (2009).

    Scores are Σ α v φ / √Σ α²: in standard deviations of what as many votes give that agree by chance only. Votes add
    up to ever more, and their softmax would soon be 0 or 1; as shares of Σ α they shrink while errors become fewer. The
    loss of a softmax of these falls as the error does: on 10,000 digits, for 8,000 to learn from, from 0.53 after 100
    rounds (9.3 %) to 0.09 after 2,000 (2.5 %), where that of plain sums rises again from round 500 on.

    Kept are, of each of T rounds, feature (T, m) and threshold (T, m), int32; votes (T, k), int8; alpha and energy
    (T,), float64; and the range (2,) of the inputs, which are rounded to 65,536 levels, or fewer for images above
    181×181. Fitted on the host. An example takes 4 bytes for each number of its integral image (841 for 28×28), and in
    a sample once more.
    """

    type: Literal["boosted_stumps"] = "boosted_stumps"
    max_rounds: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000
    """Rounds at most. Stopping policies end it before."""
    features: AnyStumpFeatures = Field(default_factory=Haar, discriminator="type")
    """What a stump compares with its threshold."""
    factors: Annotated[int, Field(ge=1, le=100)] = 3
    """Stumps of a product, m; 1 for plain stumps. Chosen in turn until none is improved, so some may be left out."""
    sample: Annotated[int, Field(ge=1)] | None = 10_000
    """How many examples a search looks at, drawn by their weights; null for all. Votes, α and weights always follow
    from all. Of 50,000 digits, 10,000 lose nothing and are 3.5 times as fast; 2,500 lose."""
    resample_every: Annotated[int, Field(ge=1)] = 50
    """Rounds after which the sample is drawn anew."""
    bins: Annotated[int, Field(ge=2, le=256)] = 64
    """Of a feature's values, at most; thresholds lie between them. 256 take a tenth longer, with no fewer errors."""

    open_ended: ClassVar[bool] = True

    def build(self, in_shape: Shape, classes: int) -> None:
        refuse_one_class(classes)
        self.features.build(in_shape)
        self.in_shape, self.classes = in_shape, classes
        self.shapes: dict[str, Shape] = {"votes": (classes,)}
        self._criterion = SoftmaxNLL()
        self._criterion.build((classes,), classes)
        self._seed = 0

    def draw_from(self, seed: int) -> None:
        self._seed = seed

    @property
    def rounds(self) -> int:
        return self.max_rounds

    @property
    def rounds_done(self) -> int:
        return len(self._kept)

    @property
    def evaluate_every(self) -> int:
        return 10

    @property
    def needs_loops(self) -> bool:
        return True

    @property
    def criterion(self) -> Loss:
        return self._criterion

    @property
    def size(self) -> int:
        return self.max_rounds * (2 * self.factors + self.classes + 2)

    @property
    def multiply_adds(self) -> int:
        return 0

    def allocate(self, xp: Any, dtype: str) -> None:
        m = self.factors
        self._kept = GrowingArrays(
            {
                "feature": ((m,), "int32"),
                "threshold": ((m,), "int32"),
                "votes": ((self.classes,), "int8"),
                "alpha": ((), "float64"),
                "energy": ((), "float64"),
            }
        )
        self._range = np.zeros(2)
        self._forget_prepared()

    # Fitting.

    def fit(self, x: Array, labels: Array, tell: Tell) -> Iterator[int]:
        done = self.rounds_done
        if done >= self.max_rounds:
            return
        x, labels = to_host(x), to_host(labels)
        bounds = self._range if done else _range_of(x)
        boosting = Boosting(
            self._table(x, bounds, lambda done: tell("features of examples", done, len(x))), labels, self.classes,
            self.features, self.factors, self.sample, self.resample_every, self.bins, self._seed,
        )  # fmt: skip
        for number in range(done):
            tell("rounds again", number, done)
            boosting.repeat(number, done, self._round(number))
        while self.rounds_done < self.max_rounds:
            found = boosting.round(self.rounds_done, lambda searches: tell("searches", searches, None))
            self._range = bounds
            self._kept.append(vars(found))
            yield self.rounds_done

    def _round(self, number: int) -> BoostingRound:
        kept = self._kept
        return BoostingRound(
            kept["feature"][number], kept["threshold"][number], kept["votes"][number],
            float(kept["alpha"][number]), float(kept["energy"][number]),
        )  # fmt: skip

    def _table(self, x: Array, bounds: np.ndarray, tell: Callable[[int], None]) -> Array:
        """Return the table (rows, n), int32, of examples x."""
        table = array_module(x).empty((self.features.rows, len(x)), dtype="int32")
        for part in pieces.cut(len(x), _EXAMPLES):
            tell(part.start)
            table[:, part] = self._columns(x[part], bounds)
        return table

    def _columns(self, x: Array, bounds: np.ndarray) -> Array:
        lowest, highest = bounds.tolist()
        return self.features.columns(as_integers(x, lowest, highest, self.features.levels))

    # Asking.

    def scores(self, x: Array) -> Array:
        sums = array_module(x).zeros((len(x), self.classes))
        sums = self.more_scores(x, sums, 0)
        return _where_finite(_are_finite(x), self.standardized(sums), x.dtype)

    def standardized(self, sums: Array) -> Array:
        """Return the scores, float64, of examples by their sums of votes Σ α v φ, both (n, k), after all rounds."""
        deviation = sqrt((self._kept["alpha"] ** 2).sum())
        return sums * (1.0 / deviation if deviation else 0.0)

    def more_scores(self, x: Array, before: Array, rounds: int) -> Array:
        """Return the sums of votes Σ α v φ (n, k), float64, of x after all rounds, by those after the first `rounds`.

        The same bits whether they are added up at once, from zeros, or in parts. `standardized` makes scores of them.
        """
        xp = array_module(x)
        after, votes = xp.empty((len(x), self.classes)), self._votes(xp, rounds)

        def add(part: slice, _: int) -> None:
            sums = xp.empty((self.classes, part.stop - part.start))
            sums[...] = before[part].T
            stumps.add_votes(self._columns(x[part], self._range), *votes, sums, 0, part.stop - part.start)
            after[part] = sums.T

        threads.spread(add, pieces.cut(len(x), _EXAMPLES), x)
        return after

    def follow(self, x: Array) -> Callable[[], Array]:
        """Return a function that returns the scores of x as the model stands: those that it gave before, and what the
        rounds since then add. It keeps the table of x.
        """
        return _Followed(self, x).scores

    def _forget_prepared(self) -> None:
        self._prepared: _Prepared | None = None
        self._past = object()  # other rounds than before, so what was added up counts no more

    def _votes(self, xp: Any, first: int) -> _Votes:
        """Return features (T, m, t), thresholds (T, m) and α v (T, k) of the rounds from `first` on."""
        key = xp, first, self.rounds_done
        if self._prepared is None or self._prepared[0] != key:
            kept = {name: array[first:] for name, array in self._kept.views().items()}
            features = self.features.of(kept["feature"].reshape(-1))
            shape = (*kept["feature"].shape, features.places.shape[1])
            places, coefficients = (xp.asarray(each.reshape(shape)) for each in features)
            votes = xp.asarray(kept["alpha"][:, None] * kept["votes"])
            self._prepared = key, (Features(places, coefficients), xp.asarray(kept["threshold"]), votes)
        return self._prepared[1]

    # Keeping.

    def arrays(self) -> dict[str, Array]:
        return {**self._kept.views(), "range": self._range} if self.rounds_done else {}

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        if not arrays:
            self.keep_rounds(0)
            return
        rounds, bounds = self._kept.check(arrays), arrays.get("range", np.empty(0))
        if not 0 < rounds <= self.max_rounds:
            raise ShapeError(f"there are {rounds:,} rounds, expected 1 to {self.max_rounds:,}")
        if bounds.shape != (2,) or bounds.dtype != np.float64:
            raise ShapeError(f"range is {bounds.dtype} {bounds.shape}, expected float64 (2,)")
        # Compiled loops trust these.
        feature = arrays["feature"]
        if feature.min() < CONSTANT or feature.max() >= self.features.count:
            raise ShapeError(f"feature has numbers that are not from {CONSTANT} to {self.features.count - 1:,}")
        self._kept.replace(arrays)
        self._range = bounds.copy()
        self._forget_prepared()

    def keep_rounds(self, rounds: int) -> None:
        self._kept.cut(rounds)
        self._forget_prepared()

    def rectangles(self, number: int) -> list[list[Rectangle]]:
        """Return the rectangles of each stump of a round, counted from 0: what they add up and subtract, in pixels. A
        stump that was left out has none. Thresholds, votes and α of the round are in `arrays`.
        """
        return [self.features.rectangles(int(feature)) for feature in self._kept["feature"][number]]

    def threshold(self, number: int, factor: int) -> float:
        """Return the threshold of a stump, in units of the inputs: of what its rectangles add up and subtract."""
        lowest, highest = self._range.tolist()
        unit = (highest - lowest) / self.features.levels
        pixels = sum(each.sign * each.height * each.width for each in self.rectangles(number)[factor])
        # A sum of integers (x − lowest) / unit; the least one above which lies the threshold.
        return (float(self._kept["threshold"][number, factor]) - 0.5) * unit + lowest * pixels


class _Followed:
    """Examples x (n, *in_shape) that a model is asked about again and again while it is fitted."""

    def __init__(self, model: BoostedStumps, x: Array) -> None:
        self._model, self._x = model, x
        self._past: object = None
        self._table: Array | None = None

    def scores(self) -> Array:
        """Return the scores (n, k) of the model as it stands."""
        model, x = self._model, self._x
        xp = array_module(x)
        if self._past is not model._past:
            self._past, self._table, self._rounds = model._past, None, 0
            self._are_finite = _are_finite(x)
            self._sums = xp.zeros((model.classes, len(x)))
        if self._rounds < model.rounds_done:
            if self._table is None:
                self._table = model._table(x, model._range, lambda _: None)
            table, votes = self._table, model._votes(xp, self._rounds)
            threads.spread(
                lambda part, _: stumps.add_votes(table, *votes, self._sums, part.start, part.stop),
                pieces.cut(len(x), _OF_A_ROUND),
                x,
            )
            self._rounds = model.rounds_done
        return _where_finite(self._are_finite, model.standardized(self._sums.T), x.dtype)


def _are_finite(x: Array) -> Array:
    """Return which examples (n,) are all finite numbers."""
    return array_module(x).isfinite(x).reshape(len(x), -1).all(axis=1)


def _where_finite(are_finite: Array, scores: Array, dtype: np.dtype) -> Array:
    """Return scores (n, k) in a dtype; NaN for examples that are not all finite numbers."""
    return array_module(scores).where(are_finite[:, None], scores, np.nan).astype(dtype, order="C")


def _range_of(x: np.ndarray) -> np.ndarray:
    """Return the least and the largest input (2,), float64."""
    with np.errstate(over="ignore", invalid="ignore"):
        bounds = np.array([x.min(), x.max()], np.float64)
        if not np.isfinite(bounds[1] - bounds[0]):
            raise DivergedError("boosted stumps: the inputs are not all finite numbers, or too large")
    return bounds
