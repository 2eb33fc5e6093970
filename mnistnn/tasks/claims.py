"""Claims of experiments: which metric of which split is to lie in a band, and how it is written."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from mnistnn.config.schema import Expect
from mnistnn.types import Row, SplitName

Claimed = Literal["test", "valid", "balanced", "nats", "reconstruction", "loss", "pseudo_likelihood", "variance"]
"""The name of a claim in records: the error on a split; the balanced error on the test split; in nats, the mean
log-likelihood of the test images, the loss of an autoencoder on them, or the pseudo-likelihood of the training images;
the mean squared error of a regression; or the variance of outputs that are learned without labels.
"""

Band = tuple[float, float]


@dataclass(frozen=True)
class Notation:
    """How values of a metric are written: times `factor`, in a format, followed by a unit.

    precise    format of the bare value in the message that it lies outside of its band
    in_tables  formats of a mean and of a standard deviation in a table of results, and the unit there
    """

    factor: float
    format: str
    unit: str
    precise: str
    in_tables: tuple[str, str, str]

    def bare(self, value: float) -> str:
        """Write a value without its unit."""
        return format(self.factor * value, self.format)


_FRACTION = Notation(100.0, ".2f", "%", ".4f", (".2f", ".2f", " %"))
_NATS = Notation(1.0, ".2f", "nats", ".2f", (".2f", ".2f", " nats"))
_SQUARE = Notation(1.0, ".4g", "mean squared error", ".4g", (".3g", ".2g", ""))
_VARIANCE = Notation(1.0, ".4g", "of the outputs", ".4g", (".4g", ".2g", ""))


@dataclass(frozen=True)
class Claim:
    """One metric that an experiment may claim.

    key     its name in records
    field   the key of `expect` that holds the band
    split   what it is measured on
    metric  the field of a result that it is about
    name    what people call it, without the split
    prefix  precedes its values where those of several claims are listed
    in_row  returns it from the metrics of the best epoch, where training itself measures it; None if `eval` does
    """

    key: Claimed
    field: str
    split: SplitName
    metric: str
    name: str
    notation: Notation
    prefix: str = ""
    in_row: Callable[[Row], float] | None = None

    def band(self, expect: Expect) -> Band | None:
        """Return the lowest and the highest value that count as reproduced, if the experiment claims any."""
        band = getattr(expect, self.field)
        return None if band is None else (band[0], band[1])

    def shown(self, mean: float, deviation: float | None) -> str:
        """Write a mean, and the standard deviation if there is one, for a table of results: `7.68 ± 0.05 %`."""
        (of_mean, of_deviation, unit), factor = self.notation.in_tables, self.notation.factor
        spread = "" if deviation is None else f" ± {factor * deviation:{of_deviation}}"
        return f"{self.prefix}{factor * mean:{of_mean}}{spread}{unit}"

    def shown_band(self, band: Band) -> str:
        """Write a band for a table of results: `7.30 to 8.20 %`."""
        of_mean, _, unit = self.notation.in_tables
        if self.metric in (
            "error",
            "balanced_error",
        ):  # no mean of errors lies beyond, whatever a normal distribution does
            band = max(0.0, band[0]), min(1.0, band[1])
        low, high = (format(self.notation.factor * end, of_mean) for end in band)
        return f"{low} to {high}{unit}"


TEST_ERROR = Claim("test", "test_error", "test", "error", "error", _FRACTION)
VALID_ERROR = Claim("valid", "valid_error", "valid", "error", "error", _FRACTION, "valid ")
BALANCED_ERROR = Claim(
    "balanced", "test_balanced_error", "test", "balanced_error", "balanced error", _FRACTION, "balanced "
)
LOG_LIKELIHOOD = Claim("nats", "test_log_likelihood", "test", "log_likelihood", "log-likelihood", _NATS)
RECONSTRUCTION = Claim(
    "reconstruction", "test_reconstruction", "test", "loss", "reconstruction", _NATS, "reconstruction "
)
TEST_LOSS = Claim("loss", "test_loss", "test", "loss", "loss", _SQUARE)
VARIANCE = Claim("variance", "test_variance", "test", "variance", "variance", _VARIANCE, "variance ")
PSEUDO_LIKELIHOOD = Claim(
    "pseudo_likelihood",
    "train_pseudo_likelihood",
    "train",
    "pseudo_likelihood",
    "pseudo-likelihood",
    _NATS,
    "pseudo-likelihood ",
    in_row=lambda row: -row["train.loss"],
)

CLAIMS: dict[Claimed, Claim] = {
    claim.key: claim
    for claim in (
        TEST_ERROR,
        VALID_ERROR,
        BALANCED_ERROR,
        LOG_LIKELIHOOD,
        RECONSTRUCTION,
        TEST_LOSS,
        VARIANCE,
        PSEUDO_LIKELIHOOD,
    )
}


def claims_of(expect: Expect) -> dict[Claimed, Band]:
    """Return the bands that an experiment claims its metrics to lie in, by what they are about."""
    bands = {key: claim.band(expect) for key, claim in CLAIMS.items()}
    return {key: band for key, band in bands.items() if band is not None}
