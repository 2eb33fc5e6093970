"""The objective of a general Boltzmann machine: Gibbs chains for the model, and others for the data."""

from collections.abc import Mapping, Sequence

from mnistnn.backend.arrays import array_module
from mnistnn.backend.threads import matmul
from mnistnn.kernels import boltzmann
from mnistnn.losses.contrastive_divergence import ContrastiveDivergence
from mnistnn.models.boltzmann import Boltzmann
from mnistnn.objectives.supervised import Penalty
from mnistnn.objectives.unsupervised import UnsupervisedObjective
from mnistnn.types import Array


class BoltzmannObjective(UnsupervisedObjective):
    """A Boltzmann machine on the images that were set last.

    Units lie as rows and chains as columns, so that a unit's states lie together. Where there are hidden units, ⟨xᵢ xⱼ⟩
    of the data needs chains as well: theirs begin with all hidden units off, and pixels stay. The particles of
    persistent chains are what it remembers: all units, off in the beginning.
    """

    def __init__(
        self,
        model: Boltzmann,
        loss: ContrastiveDivergence,
        penalties: Sequence[Penalty],
        seed: int,
        updates_per_epoch: int,
    ) -> None:
        super().__init__(model, loss, penalties, seed, updates_per_epoch)
        self.model, self.loss = model, loss
        self._particles = self._state.get("particles")

    @staticmethod
    def remembered(model: Boltzmann, loss: ContrastiveDivergence) -> dict[str, Array]:
        if loss.particles is None:
            return {}
        xp = array_module(model.theta)
        return {"particles": xp.zeros((model.units, loss.particles), dtype=model.theta.dtype)}

    @staticmethod
    def numbers_kept(model: Boltzmann, loss: ContrastiveDivergence, batch: int) -> Mapping[str, int]:
        chains = batch if loss.particles is None else loss.particles
        of_unit = 3 * (batch + chains) + 3 * model.units
        kept = {"visible": of_unit * model.n_in, "hidden": of_unit * model.hidden}
        return {name: kept[name] for name in model.shapes}

    def loss_and_grad(self, decay: bool = True) -> Array:
        """Write the estimate of the gradient of −log P, plus smooth penalties, into `grad`; move the particles.

        Returns the mean over examples of −Σᵢ log P(vᵢ | the other pixels, h), with h as they were drawn.
        """
        model, n = self.model, len(self.v)
        m = n if self._particles is None else self._particles.shape[1]
        W, b = model.connections()
        rng = self._streams.at(self.update)
        steps = self.loss.steps_in(self.update // self.updates_per_epoch)
        x = self._room("x", model.units, n + m)
        data, chains = x[:, :n], x[:, n:]
        data[: model.n_in] = self.v.T
        if self.loss.sample_pixels:
            self._sample(self._pixels.at(self.update), data[: model.n_in], data[: model.n_in])
        data[model.n_in :] = 0.0
        hidden, everything = range(model.n_in, model.units), range(model.units)
        a = self._room("a", 1, max(n, m))
        for _ in range(steps if hidden else 0):
            boltzmann.sweep(data, W, b, hidden, self._uniform(rng, (len(hidden), n)), a[:, :n])
        chains[...] = data if self._particles is None else self._particles
        for _ in range(steps):
            boltzmann.sweep(chains, W, b, everything, self._uniform(rng, chains.shape), a[:, :m])
        if self._particles is not None:
            self._particles[...] = chains
        watched = self._conditional_nll(data, W, b)
        self._write_gradient(x, n)
        self.add_penalties(decay)
        return watched

    def energy(self, states: Array) -> Array:
        """Return the energy (n,) of states of all units (n, units)."""
        W, b = self.model.connections()
        return -(states @ b) - 0.5 * ((states @ W) * states).sum(axis=1)

    def write_gradient_between(self, data: Array, ends: Array) -> None:
        """Write the gradient of mean E(data) − mean E(ends), plus smooth penalties, as a step does whose chains end
        there; E is the energy, and both are states of all units (n, units).
        """
        n = len(data)
        x = self._room("x", self.model.units, n + len(ends))
        x[:, :n], x[:, n:] = data.T, ends.T
        self._write_gradient(x, n)
        self.add_penalties()

    def _conditional_nll(self, data: Array, W: Array, b: Array) -> Array:
        n_in, n = self.model.n_in, data.shape[1]
        a, work = self._room("into pixels", n, n_in), self._room("work", n, n_in)
        v, out = self._room("v", n, n_in), self._scratch("nll", (n,), self.theta)
        matmul(data.T, W[:, :n_in], out=a)
        a += b[:n_in]
        v[...] = data[:n_in].T
        boltzmann.bernoulli_nll(v, a, work, out)
        return out.mean()

    def _write_gradient(self, x: Array, n: int) -> None:
        """Write ⟨xᵢ xⱼ⟩ of the chains − ⟨xᵢ xⱼ⟩ of the data, and likewise for biases, into the gradient.

        The first n columns of x are data. One product makes both halves: those carry −1/n, the others 1/m.
        """
        model, m = self.model, x.shape[1] - n
        weighted, dW = self._room("weighted", *x.shape), self._room("dW", model.units, model.units)
        weighted[...] = x
        weighted[:, :n] *= -1.0 / n
        weighted[:, n:] *= 1.0 / m
        matmul(weighted, x.T, out=dW)
        db = weighted.sum(axis=1)
        if self.loss.sparsity is not None:
            activity = x[model.n_in :, :n].sum(axis=1) / n
            db[model.n_in :] += self.loss.sparsity.strength * (activity - self.loss.sparsity.target)
        model.write_gradient(dW, db)
