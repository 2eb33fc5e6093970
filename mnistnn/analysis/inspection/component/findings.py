"""Claims about a component, each a sentence with a function that measures whether it holds."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from mnistnn.errors import CheckFailedError
from mnistnn.objectives.gradient_check import GradientRow
from mnistnn.plugins.errors_of_code import place_in_code

Verdict = Literal["ok", "FAILED", "left out"]


class LeftOut(Exception):  # noqa: N818 # no error: it says why something is not asked of this component
    """A claim is not made about this component, for the reason that is said."""


@dataclass(frozen=True)
class Measured:
    """What was found when a claim was put to the test, and what would have been allowed."""

    holds: bool
    found: str
    allowed: str = ""


@dataclass(frozen=True)
class Claim:
    """A sentence about a component, and the function that tests it; that raises LeftOut where it makes no sense."""

    sentence: str
    test: Callable[[], Measured]


@dataclass(frozen=True)
class Finding:
    """One row: the sentence, what was measured, what is allowed, and the verdict."""

    sentence: str
    measured: str
    allowed: str
    verdict: Verdict


def findings(claims: Iterable[Claim]) -> Iterator[Finding]:
    """Test each claim. One that cannot be tested because the component raises an error does not hold."""
    for claim in claims:
        try:
            with np.errstate(all="ignore"):
                measured = claim.test()
        except LeftOut as reason:
            yield Finding(claim.sentence, str(reason), "", "left out")
        except CheckFailedError as error:
            yield Finding(claim.sentence, str(error), "", "FAILED")
        except Exception as error:
            yield Finding(claim.sentence, _raised(error), "", "FAILED")
        else:
            verdict: Verdict = "ok" if measured.holds else "FAILED"
            yield Finding(claim.sentence, measured.found, measured.allowed, verdict)


def _raised(error: Exception) -> str:
    """Say which error it was, and the line of the user's file that it passed last."""
    said = f"raises {type(error).__name__}: {str(error).strip() or 'no message'}".splitlines()[0]
    place = place_in_code(error)
    return said if place is None else f"{said} ({place})"


def of_gradient(rows: Iterable[GradientRow]) -> Measured:
    """Return the worst of several checks of one gradient."""
    worst = max(rows, key=lambda row: row.worst.excess).worst
    return Measured(worst.passed, f"error {worst.relative_error:.1e}", f"{worst.relative_allowed:.0e}")


def same_bits(pairs: Iterable[tuple[np.ndarray, np.ndarray]], what: str = "numbers") -> Measured:
    """Compare arrays bit for bit; shapes and dtypes count."""
    different = total = 0
    for found, expected in pairs:
        if found.shape != expected.shape or found.dtype != expected.dtype:
            given = f"{found.shape} {found.dtype} and {expected.shape} {expected.dtype}"
            return Measured(False, f"arrays of {given}", "the same")
        bits = found.tobytes(), expected.tobytes()
        different += 0 if bits[0] == bits[1] else max(1, int((found != expected).sum()))
        total += found.size
    return Measured(different == 0, f"{different} of {total} {what} differ", "0")


def of_dtypes(arrays: dict[str, np.ndarray], dtype: str) -> Measured:
    """Say which arrays are of another dtype."""
    wrong = {name: str(getattr(array, "dtype", type(array).__name__)) for name, array in arrays.items()}
    wrong = {name: found for name, found in wrong.items() if found != dtype}
    if not wrong:
        return Measured(True, f"all of {', '.join(arrays)}", dtype)
    return Measured(False, ", ".join(f"{name} is {found}" for name, found in wrong.items()), dtype)
