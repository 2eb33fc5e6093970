"""Confidence intervals of measured error rates."""

import math

Z_95 = 1.959963984540054  # the 97.5 % quantile of the standard normal distribution


def wilson_interval(errors: int, examples: int, z: float = Z_95) -> tuple[float, float]:
    """Return the Wilson score interval of an error rate, by default at 95 %.

    (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n) with p = errors/examples. Unlike p ± z·σ it stays within [0, 1]
    and keeps its coverage near 0, where good classifiers are. Wilson (1927).
    """
    if not 0 <= errors <= examples or examples == 0:
        raise ValueError(f"expected 0 <= errors <= examples and examples > 0, got {errors} of {examples}")
    p, n = errors / examples, examples
    centre = p + z * z / (2 * n)
    half_width = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    # At 0 and 1 one end is p itself, which rounding must not push past it.
    return max(0.0, min(p, (centre - half_width) / scale)), min(1.0, max(p, (centre + half_width) / scale))
