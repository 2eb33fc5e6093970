"""Sequential minimal optimization: the quadratic program of a support vector machine, two coefficients at a time.

With β = α·y, the dual problem is

    maximise  yᵀβ − ½ βᵀKβ   subject to   low ≤ β ≤ high  and  Σβ = 0,

where low = min(0, C·y) and high = max(0, C·y). Its gradient r = y − Kβ is kept beside β. As long as a coefficient that
may rise has a larger gradient than one that may fall, moving the one up and the other down by the same amount gains
something. So the labels are needed for nothing but the bounds.

`optimize` is called; `on_arrays` is the array code, and `in_loop` the same for `jit.CompiledFunction`: the same
operations on each number, in the same order, and so the same bits. Platt (1998); which pair is moved: Fan, Chen & Lin
(2005), "Working set selection using second order information", WSS 2.
"""

from math import inf
from typing import Any

import numpy as np

from mnistnn.backend import jit

# Stands for a second derivative K_ii + K_tt − 2 K_it that is not positive: of equal examples, it is zero, or what
# float32 makes of that. Any number far below those of different examples will do: bounds then limit the step.
TAU = 1e-12


def optimize(
    K: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    tolerance: float,
    most: int,
    beta: np.ndarray,
    residual: np.ndarray,
) -> int:
    """Move β, and the gradient r with it, until the program is solved or `most` pairs were moved; return how many were.

    K         (≥ m, ≥ m)  the Gram matrix, float32; what lies behind its first m rows and columns is not read
    low, high (m,)        bounds of β, float64
    beta      (m,)        β, float64, within its bounds; moved
    residual  (m,)        r = y − Kβ, and what examples outside of K add to that, float64; moved
    i = argmax { rₜ: βₜ < highₜ };  j = argmax { bₜ²/aₜ: βₜ > lowₜ, bₜ = rᵢ − rₜ > 0 }, aₜ = K_ii + K_tt − 2 K_it
    β_i += δ, β_j −= δ, r −= δ (K_i − K_j)  with  δ = min(bⱼ/aⱼ, high_i − β_i, β_j − low_j)
    Solved: max { rₜ: βₜ < highₜ } − min { rₜ: βₜ > lowₜ } ≤ tolerance. Cost: two passes over m numbers for each pair.
    """
    if len(beta) == 0:
        return 0
    diagonal = K.diagonal()[: len(beta)].astype(np.float64)
    move = in_loop if jit.is_available() else on_arrays
    return int(move(K, diagonal, low, high, tolerance, most, beta, residual))


def on_arrays(
    K: np.ndarray,
    diagonal: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    tolerance: float,
    most: int,
    beta: np.ndarray,
    residual: np.ndarray,
) -> int:
    """Do what `optimize` says; diagonal (m,) is K's, in float64."""
    m = len(beta)
    for done in range(most):
        may_fall = beta > low
        rising = np.where(beta < high, residual, -inf)
        i = int(rising.argmax())
        if not rising[i] - residual[may_fall].min(initial=inf) > tolerance:
            return done
        b = rising[i] - residual
        row = K[i, :m].astype(np.float64)
        a = np.maximum(diagonal[i] + diagonal - 2.0 * row, TAU)
        gain = np.where(may_fall & (b > 0), b * b / a, -1.0)
        j = int(gain.argmax())
        to_high, to_low = high[i] - beta[i], beta[j] - low[j]
        delta = min(b[j] / a[j], to_high, to_low)
        beta[i] = high[i] if delta == to_high else beta[i] + delta
        beta[j] = low[j] if delta == to_low else beta[j] - delta
        residual -= delta * (row - K[j, :m])
    return most


def _in_loop(K: Any, diagonal: Any, low: Any, high: Any, tolerance: Any, most: Any, beta: Any, residual: Any) -> Any:
    m = len(beta)
    i, j, delta = 0, 0, 0.0
    for done in range(most + 1):
        # The last pair's change of r, and in the same walk over it what comes next.
        top, bottom, top_at, of_i, of_j = -np.inf, np.inf, 0, K[i], K[j]
        for t in range(m):
            r = residual[t] - delta * (np.float64(of_i[t]) - np.float64(of_j[t]))
            residual[t] = r
            if beta[t] < high[t] and r > top:
                top, top_at = r, t
            if beta[t] > low[t] and r < bottom:
                bottom = r
        if done == most or not top - bottom > tolerance:
            return done
        i = top_at
        row, of_diagonal, best, step = K[i], diagonal[i], -1.0, 0.0
        for t in range(m):
            b = top - residual[t]
            if b > 0 and beta[t] > low[t]:
                a = max(of_diagonal + diagonal[t] - 2.0 * np.float64(row[t]), TAU)
                gain = b * b / a
                if gain > best:
                    best, step, j = gain, b / a, t
        to_high, to_low = high[i] - beta[i], beta[j] - low[j]
        delta = min(step, to_high, to_low)
        beta[i] = high[i] if delta == to_high else beta[i] + delta
        beta[j] = low[j] if delta == to_low else beta[j] - delta
    return most


in_loop = jit.CompiledFunction(_in_loop)
