"""The objective of a restricted Boltzmann machine: the log-likelihood's gradient, its model part estimated by
sampling.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from mnistnn.backend.arrays import array_module
from mnistnn.backend.matmul import sum_along
from mnistnn.backend.threads import matmul
from mnistnn.kernels import boltzmann
from mnistnn.kernels.activations import sigmoid
from mnistnn.losses.contrastive_divergence import ContrastiveDivergence
from mnistnn.models.rbm import RBM
from mnistnn.objectives.supervised import Penalty
from mnistnn.objectives.unsupervised import UnsupervisedObjective
from mnistnn.types import Array

_FOLLOW = 0.01  # how fast the means of a centred RBM follow the data, as in Melchior et al. (2016)


# Nearly all of an update's time is matrix products, so the memory order is chosen for them. Measured and not worth it:
# PCG64DXSM in place of Philox (3 to 5 % of an update, for a second kind of streams), P(v | h) in place of the
# exponentials in the free energy (1 %), the products of data and chains in one (2 %), hidden units, too, unit by unit
# (1 %).
class RBMObjective(UnsupervisedObjective):
    """A restricted Boltzmann machine on the images that were set last.

    The particles of persistent chains are what it remembers: hidden units, all off in the beginning. Visible units lie
    unit by unit in memory, each example in a column: for few examples, BLAS writes h Wᵀ so in two thirds of the time.
    """

    def __init__(
        self, model: RBM, loss: ContrastiveDivergence, penalties: Sequence[Penalty], seed: int, updates_per_epoch: int
    ) -> None:
        super().__init__(model, loss, penalties, seed, updates_per_epoch)
        self.model, self.loss = model, loss
        self._particles = self._state.get("particles")

    @staticmethod
    def remembered(model: RBM, loss: ContrastiveDivergence) -> dict[str, Array]:
        if loss.particles is None:
            return {}
        xp = array_module(model.theta)
        return {"particles": xp.zeros((loss.particles, model.hidden), dtype=model.theta.dtype)}

    @staticmethod
    def numbers_kept(model: RBM, loss: ContrastiveDivergence, batch: int) -> Mapping[str, int]:
        chains = batch if loss.particles is None else loss.particles
        return {"visible": (batch + 4 * chains) * model.n_in, "hidden": (batch + 3 * chains) * model.hidden}

    def loss_and_grad(self, decay: bool = True) -> Array:
        """Write the estimate of the gradient of −log P, plus smooth penalties, into `grad`; move the particles.

        Returns the mean over examples of what is watched meanwhile.
        """
        v0 = self._binary(self.v) if self.loss.sample_pixels else self.v
        n, m = len(v0), len(v0) if self._particles is None else len(self._particles)
        v, p = self._by_unit("v", n + m), self._room("p", n + m, self.model.hidden)
        v[:n] = v0
        self.model.into_hidden(v0, p[:n])
        watched = None if self._particles is None else self._pseudo_nll(v0, p[:n])
        sigmoid(p[:n])
        watched = self._run_chains(v[:n], p[:n], v[n:], p[n:], watched)
        self._write_gradient(v, p, n)
        self.add_penalties(decay)
        return watched

    def energy(self, states: Array) -> Array:
        """Return the free energy (n,) of visible units (n, n_in)."""
        return self.model.free_energy(states)

    def write_gradient_between(self, data: Array, ends: Array) -> None:
        """Write the gradient of mean F(data) − mean F(ends), plus smooth penalties, as a step does whose chains end
        there; F is the free energy, and both are visible units (n, n_in).
        """
        n, m = len(data), len(ends)
        v, p = self._by_unit("v", n + m), self._room("p", n + m, self.model.hidden)
        v[:n], v[n:] = data, ends
        self.model.into_hidden(v, p)
        sigmoid(p)
        self._write_gradient(v, p, n)
        self.add_penalties()

    def _run_chains(self, v0: Array, p0: Array, v: Array, p: Array, watched: Array | None) -> Array:
        """Write visible units at the end of each chain into v, and P(h | v) into p; return what is watched.

        That is how well the data are reconstructed, unless there is something already.
        """
        model, rng = self.model, self._streams.at(self.update)
        steps = self.loss.steps_in(self.update // self.updates_per_epoch)
        h = self._room("h", len(v), model.hidden) if self._particles is None else self._particles
        a = self._by_unit("a", len(v))
        if self._particles is None:
            self._sample(rng, p0, h)
        for step in range(steps):
            model.into_visible(h, a)
            if watched is None:
                watched = self._reconstruction(v0, a)
            if model.is_gaussian:
                self._add_noise(rng, a, v)
            else:
                sigmoid(a)
                self._sample(rng, a.T, v.T)
            model.into_hidden(v, p)
            sigmoid(p)
            if step + 1 < steps or self._particles is not None:
                self._sample(rng, p, h)
        assert watched is not None
        return watched

    def _write_gradient(self, v: Array, p: Array, n: int) -> None:
        """Write (⟨v p'⟩ of the chains − ⟨v p'⟩ of the data), and likewise for biases, into the gradient.

        The first n rows of v and p are data. One product makes both halves: those rows carry −1/n, the others 1/m.
        """
        model, m = self.model, len(v) - n
        if self.loss.sparsity is not None:
            activity = p[:n].sum(axis=0) / n
        if model.centred:
            self._follow_means(v[:n], p[:n])
            v -= model.v_mean
            p -= model.h_mean
        weights = self._room("weights", n + m, 1)
        weights[:n], weights[n:] = -1.0 / n, 1.0 / m
        p *= weights
        matmul(v.T, p, out=model.dW)
        matmul(v.T, weights, out=model.db_v[:, None])
        sum_along(p, 0, out=model.db_h)
        if model.centred:
            model.db_v -= model.dW @ model.h_mean
            model.db_h -= model.v_mean @ model.dW
        if self.loss.sparsity is not None:
            model.db_h += self.loss.sparsity.strength * (activity - self.loss.sparsity.target)

    def _follow_means(self, v: Array, p: Array) -> None:
        """Move the means of a centred RBM a little towards those of the batch."""
        for mean, of_batch in ((self.model.v_mean, v), (self.model.h_mean, p)):
            mean *= 1.0 - _FOLLOW
            mean += (_FOLLOW / len(of_batch)) * of_batch.sum(axis=0)

    def _reconstruction(self, v0: Array, a: Array) -> Array:
        """Return the mean of −log P(v0 | h), with a what goes into v from h; a stays as it is."""
        n_in, n = a.T.shape
        work, more = self._room("work", n_in, n), self._room("u", n_in, n)  # before the next u are drawn
        if not self.model.is_gaussian:
            return boltzmann.total_bernoulli_nll(v0.T, a.T, work, more) / n
        out = self._scratch("nll", (n,), a)
        work[...] = a.T
        boltzmann.gaussian_nll(v0, work.T, out)
        return out.mean()

    def _by_unit(self, role: str, count: int) -> Array:
        """Return working memory for the visible units of so many examples (count, n_in), an example in a column."""
        return self._room(role, self.model.n_in, count).T

    def _pseudo_nll(self, v0: Array, a: Array) -> Array:
        """Return minus the pseudo-likelihood of the batch, from one pixel of each example; a is what v0 puts into h.

        Pixels take turns from example to example. (In LISA's program they do from batch to batch, which has the same
        mean and more noise.)
        """
        if self.model.is_gaussian:
            return self.model.reconstruction_nll(v0).mean()
        pixels = (self.update * len(v0) + np.arange(len(v0))) % self.model.n_in
        return self.model.n_in * self.model.pixel_nll(v0, pixels, a if self._is_binary(v0) else None).mean()

    def _is_binary(self, v: Array) -> bool:
        """Tell whether all pixels are 0 or 1, where that can be told without asking a device."""
        if self.loss.sample_pixels or not isinstance(v, np.ndarray):
            return self.loss.sample_pixels
        for part in (v[:1], v):  # of grey images, the first one tells
            beyond = self._room("work", *part.shape)
            np.multiply(part, part, out=beyond)
            beyond -= part
            if beyond.any():
                return False
        return True

    def _binary(self, v: Array) -> Array:
        out = self._room("data", *v.shape)
        self._sample(self._pixels.at(self.update), v, out)
        return out

    def _add_noise(self, rng: np.random.Generator, mean: Array, v: Array) -> None:
        xp = array_module(v)
        xp.add(mean, xp.asarray(rng.standard_normal(v.shape, dtype=v.dtype.type)), out=v)
