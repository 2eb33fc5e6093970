"""Confidence intervals, and tests of whether a difference is more than chance.

Each test says with its p also the smallest p that its data could have given: five seeds cannot give less than 1/16,
whatever they show. Nothing here knows of runs; p and levels are fractions. SciPy has these functions too, and the tests
compare with it; at run time it would be a dependency of 100 MB for four short functions.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_EXACT = 20
"""Up to so many differences all patterns of signs are tried: 2²⁰ of them take 0.1 s and 30 MB."""

SAMPLES = 99_999
"""Patterns of signs that are drawn instead where there are more; the smallest p is then 0.00001."""

LEVEL = 0.05
"""Up to which p is taken for more than chance."""

_TIE = 1e-9  # sums that differ by this share of the largest are equal: decimal fractions do not add up exactly


def mean_and_deviation(values: Sequence[float]) -> tuple[float, float | None]:
    """Return the mean of n ≥ 1 values and s = √(Σ(x − mean)²/(n − 1)), which one value does not have.

    Both are those of exact arithmetic, rounded, so that equal values deviate by nothing.
    """
    mean = math.fsum(values) / len(values)
    if len(values) == 1:
        return mean, None
    if min(values) == max(values):
        return values[0], 0.0
    return mean, math.sqrt(math.fsum((x - mean) ** 2 for x in values) / (len(values) - 1))


def student_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float] | None:
    """Return the interval mean ± t·s/√n of the mean that n values were drawn around; None for fewer than two.

    t is the quantile of Student's distribution with n − 1 degrees of freedom. Right for normal values. Of differences
    between pairs it is the interval of the mean difference. Student (1908).
    """
    if len(values) < 2:
        return None
    mean, deviation = mean_and_deviation(values)
    assert deviation is not None
    half_width = student_quantile(level, len(values) - 1) * deviation / math.sqrt(len(values))
    return mean - half_width, mean + half_width


def student_quantile(level: float, degrees: int) -> float:
    """Return the t with P(|T| ≤ t) = level for Student's T with so many degrees of freedom, found by bisection."""
    if not 0 < level < 1 or degrees < 1:
        raise ValueError(f"expected 0 < level < 1 and degrees >= 1, got {level} and {degrees}")
    low, high = 0.0, math.pi / 2  # of the angle, which is finite where t is not
    while low < (middle := (low + high) / 2) < high:
        if _within_angle(middle, degrees) < level:
            low = middle
        else:
            high = middle
    return math.sqrt(degrees) * math.tan(middle)


def _within_angle(theta: float, degrees: int) -> float:
    """Return A(t|ν) = P(|T| ≤ t) for ν degrees of freedom and θ = arctan(t/√ν).

    ν odd:   A = 2/π (θ + sin θ (cos θ + 2/3 cos³θ + … + 2·4…(ν−3) / 3·5…(ν−2) cos^(ν−2) θ)), and 2θ/π for ν = 1
    ν even:  A = sin θ (1 + 1/2 cos²θ + … + 1·3…(ν−3) / 2·4…(ν−2) cos^(ν−2) θ)
    Abramowitz & Stegun (1964), 26.7.3 and 26.7.4.
    """
    is_odd = degrees % 2 == 1
    square = math.cos(theta) ** 2
    term = math.cos(theta) if is_odd else 1.0
    total = 0.0
    for power in range(1 if is_odd else 0, degrees - 1, 2):
        total += term
        term *= (power + 1) / (power + 2) * square
    return 2 / math.pi * (theta + math.sin(theta) * total) if is_odd else math.sin(theta) * total


@dataclass(frozen=True)
class SignFlip:
    """The result of a sign-flip test.

    smallest_p  what p would be if all differences had the same sign
    patterns    how many patterns of signs were tried: all, if `is_exact`
    """

    p: float
    smallest_p: float
    patterns: int
    is_exact: bool


def sign_flip_test(differences: Sequence[float]) -> SignFlip:
    """Test whether n ≥ 1 differences between pairs lie around 0, as they do if it did not matter who is who in a pair.

    Then each sign was as likely as the other, so p is the share of the 2ⁿ patterns of signs whose sum is at least as
    far from 0 as that found: exact, two-sided, and without an assumption on how the values are distributed. Sums that
    differ by rounding alone are equal. A difference of 0 has no sign to turn, so that the smallest p is 2/2ᵐ for m
    others. Above MOST_EXACT differences, p is (hits + 1)/(N + 1) of N patterns drawn from a fixed seed. Fisher (1935),
    Phipson & Smyth (2010).
    """
    d = np.asarray(differences, dtype=np.float64)
    others = int(np.count_nonzero(d))
    if len(d) <= MOST_EXACT:
        sums = _all_sums(d[d != 0])
        hits = _at_least_as_far(sums, d)
        return SignFlip(hits / len(sums), min(1.0, 2 / 2**others), 2 ** len(d), is_exact=True)
    hits = _at_least_as_far(_drawn_sums(d), d)
    smallest = max(1 / (SAMPLES + 1), min(1.0, 2 / 2**others))
    return SignFlip((hits + 1) / (SAMPLES + 1), smallest, SAMPLES, is_exact=False)


def _all_sums(d: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return Σ ±dᵢ for all patterns of signs, (2ⁿ,)."""
    sums = np.zeros(1)
    for each in d:
        sums = np.concatenate([sums + each, sums - each])
    return sums


def _drawn_sums(d: NDArray[np.float64]) -> NDArray[np.float64]:
    rng = np.random.default_rng(0)  # always the same, so that a comparison says the same whenever it is asked
    sums = np.zeros(SAMPLES)
    for each in d:
        sums += np.where(rng.integers(2, size=SAMPLES), each, -each)
    return sums


def _at_least_as_far(sums: NDArray[np.float64], d: NDArray[np.float64]) -> int:
    return int(np.count_nonzero(np.abs(sums) >= abs(d.sum()) - _TIE * np.abs(d).sum()))


def seeds_needed(level: float, tests: int = 1) -> int:
    """Return how many pairs it takes before a sign-flip test, adjusted by Holm's rule for so many, can reach a level.

    The smallest n with tests·2/2ⁿ ≤ level.
    """
    n = 1
    while tests * 2 / 2**n > level:
        n += 1
    return n


@dataclass(frozen=True)
class McNemar:
    """The result of McNemar's test: how many examples only the first classifies correctly, how many only the second,
    and p.
    """

    only_first: int
    only_second: int
    p: float
    smallest_p: float


def mcnemar_test(only_first: int, only_second: int) -> McNemar:
    """Test whether two classifiers err equally often, by the examples that only one of them reads rightly.

    If they do, each of these n examples was a toss: p = min(1, 2 P(X ≤ the smaller count)), X ~ Bin(n, 1/2). Exact and
    two-sided. McNemar (1947), with the binomial distribution in place of his approximation.
    """
    n, fewer = only_first + only_second, min(only_first, only_second)
    if fewer < 0:
        raise ValueError(f"expected counts, got {only_first} and {only_second}")
    tail, term = 0, 1  # Σ (n over k), in whole numbers
    for k in range(fewer + 1):
        tail += term
        term = term * (n - k) // (k + 1)
    return McNemar(only_first, only_second, min(1.0, 2 * tail / 2**n), min(1.0, 2 / 2**n))


def verdict(p: float, name: str = "p") -> str:
    """Say whether a difference is more than chance, by p or an adjusted one, which is called so."""
    if p <= LEVEL:
        return f"the difference is more than chance ({name} ≤ {LEVEL})"
    return f"the difference is not shown to be more than chance ({name} > {LEVEL})"


def holm_adjusted(p: Sequence[float]) -> list[float]:
    """Return p adjusted for the number m of tests, so that all below a level can be believed together at that level.

    With p(1) ≤ … ≤ p(m): adjusted p(i) = min(1, max over j ≤ i of (m − j + 1) p(j)). Holm (1979).
    """
    adjusted, so_far = [0.0] * len(p), 0.0
    for rank, place in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        so_far = max(so_far, (len(p) - rank) * p[place])
        adjusted[place] = min(1.0, so_far)
    return adjusted
