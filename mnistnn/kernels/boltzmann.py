"""Array functions of models whose units are drawn: Bernoulli and Gaussian ones, and their free energy."""

import math
from collections.abc import Sequence

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.backend.threads import matmul
from mnistnn.kernels.activations import sigmoid, softplus
from mnistnn.types import Array

_GROUP = 8  # factors under one logarithm


def sample(p: Array, u: Array, out: Array) -> None:
    """Write 1 where u < p and 0 elsewhere. p, u, out of one shape; u uniform in [0, 1); out may be u."""
    array_module(p).less(u, p, out=out)


def draw(a: Array, u: Array, out: Array) -> None:
    """Write states of binary units into out, by what goes into them: P(1) = σ(a), which a becomes.

    a, u, out of one shape; u uniform in [0, 1); out may be u.
    """
    sigmoid(a)
    sample(a, u, out)


def sweep(x: Array, W: Array, b: Array, units: Sequence[int], u: Array, a: Array) -> None:
    """Draw each of `units` in turn, given what all others are: one Gibbs step of chains whose units are all connected.

    x (all, m) states 0 or 1 of m chains, moved; W (all, all) symmetric, with zeros on the diagonal; b (all,);
    u (len(units), m) uniform in [0, 1); a (1, m) working memory.  P(xᵢ = 1 | the others) = σ(Wᵢ x + bᵢ)
    """
    for place, i in enumerate(units):
        matmul(W[i : i + 1], x, out=a)
        a += b[i]
        draw(a[0], u[place], x[i])


def free_energy(v: Array, a: Array, b_v: Array, is_gaussian: bool, work: Array, out: Array) -> None:
    """Write the free energy of each row of v into out: minus the log of its unnormalised probability.

    v (n, n_in), b_v (n_in,), out (n,); a = v W + b_h (n, units), overwritten; work like v is working memory.
    F(v) = −b_v'v − Σⱼ softplus(aⱼ) for binary visible units, ½|v − b_v|² − Σⱼ softplus(aⱼ) for Gaussian ones of unit
    variance. softplus(a) is log(1 + eᵃ): the sum over a hidden unit's two states.
    """
    xp = array_module(v)
    softplus(a)
    xp.sum(a, axis=1, out=out)
    if is_gaussian:
        xp.subtract(v, b_v, out=work)
        work *= work
        out -= 0.5 * xp.sum(work, axis=1)
    else:
        out += v @ b_v
    xp.negative(out, out=out)


def softplus_sums(a: Array, work: Array, out: Array) -> None:
    """Write Σⱼ softplus(aᵢⱼ) into out (n,). a (n, units), which is overwritten, and work like it, lie row by row.

    softplus(a) = max(a, 0) + log(1 + e^−|a|). On the host the logs of eight numbers in [1, 2] are the log of their
    product. Without AVX-512, NumPy takes 6 ns for one log(1 + x), three times as long as for all else together, and
    this 2 ns; with AVX-512 nothing is gained or lost.
    """
    xp = array_module(a)
    if xp is not np:  # where numbers cost less than calls
        softplus(a)
        xp.sum(a, axis=1, out=out)
        return
    np.abs(a, out=work)
    a += work
    np.sum(a, axis=1, out=out)
    out *= 0.5
    np.negative(work, out=work)
    np.exp(work, out=work)
    work += 1.0
    n, each = len(a), a.shape[1] // _GROUP
    in_groups = work[:, : _GROUP * each].reshape(n, _GROUP, each)
    products, rest = a.reshape(-1)[: n * each].reshape(n, each), work[:, _GROUP * each :]
    np.multiply.reduce(in_groups, axis=1, out=products)
    for factors in (products, rest):
        np.log(factors, out=factors)
        out += factors.sum(axis=1)


def visible_nll(v: Array, a: Array, is_gaussian: bool, work: Array, out: Array) -> None:
    """Write −log P(v) of independent visible units into out (n,), a (n, n_in) being what goes into them,
    overwritten.
    """
    if is_gaussian:
        gaussian_nll(v, a, out)
    else:
        bernoulli_nll(v, a, work, out)


def bernoulli_nll(v: Array, a: Array, work: Array, out: Array) -> None:
    """Write −log P(v) of independent units with P(1) = σ(a) into out, summed over each row. a is overwritten.

    v, a, work (n, n_in), out (n,).  −Σ v log σ(a) + (1 − v) log(1 − σ(a)) = Σ softplus(a) − v a
    """
    xp = array_module(v)
    xp.multiply(v, a, out=work)
    softplus(a)
    a -= work
    xp.sum(a, axis=1, out=out)


def total_bernoulli_nll(v: Array, a: Array, work: Array, more: Array) -> Array:
    """Return −log P(v) as `bernoulli_nll` does, summed over everything.

    v, a (n_in, n), which stay; a, work and more, which are working memory like it, lie in one piece.
    """
    xp = array_module(v)
    xp.multiply(v, a, out=work)
    of_ones, total = work.sum(), xp.empty(1, dtype=a.dtype)
    more[...] = a
    softplus_sums(more.reshape(1, -1), work.reshape(1, -1), total)
    return total[0] - of_ones


def gaussian_nll(v: Array, mean: Array, out: Array) -> None:
    """Write −log p(v) of independent units N(mean, 1) into out, summed over each row. mean is overwritten.

    v, mean (n, n_in), out (n,).  ½ Σ (v − mean)² + n_in/2 · log 2π
    """
    xp = array_module(v)
    mean -= v
    mean *= mean
    xp.sum(mean, axis=1, out=out)
    out *= 0.5
    out += 0.5 * v.shape[1] * math.log(2.0 * math.pi)
