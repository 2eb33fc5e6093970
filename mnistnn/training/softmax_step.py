"""Steps of softmax regression on small batches, in three compiled calls.

One linear layer, the softmax loss, plain descent: with 20 examples the two products take a fifth of the time that
the layer, the loss and the rule need for their calls of NumPy and of each other. What is computed is what they would
compute, in the same order, so the bits are the same; larger batches, and whatever else differs, are left to them.
"""

from types import ModuleType

import numpy as np

from mnistnn.backend.handover import addresses_of_blas
from mnistnn.backend.jit import is_available
from mnistnn.backend.pieces import CUT_FROM
from mnistnn.backend.scratch import Scratch
from mnistnn.layers.dense import Dense
from mnistnn.objectives.softmax_regression import is_softmax_regression
from mnistnn.objectives.supervised import BaseObjective, Objective
from mnistnn.optim.contract import OptimizerContract, Progress
from mnistnn.optim.sgd import SGD
from mnistnn.types import Array

# Examples: of a vector NumPy makes products by another function; of many the calls cost little, and a narrow layer is
# given its gradient transposed.
_FEWEST, _MOST = 2, 256


class SoftmaxSteps:
    """Moves theta as `training.steps.Eager` does, for an objective and an optimizer that `fits` says are simple enough.

    A batch that is not for it is `left`.
    """

    @staticmethod
    def fits(objective: BaseObjective, optimizer: OptimizerContract) -> bool:
        """Tell whether this is softmax regression by plain descent, with no penalty but L2."""
        return type(optimizer) is SGD and optimizer.clip_norm is None and is_softmax_regression(objective)

    def __init__(self, objective: Objective, optimizer: SGD) -> None:
        self._objective, self._optimizer, self._scratch = objective, optimizer, Scratch()
        self._theta, self._grad, self._number = objective.theta, objective.grad, objective.theta.dtype.type
        (layer,) = objective.model.layers.values()
        assert isinstance(layer, Dense)
        self._n_in, self._k = layer.n_in, layer.units
        # The stretches of theta in its order: W and b, or a part that both are in.
        factors = [factor for _, factor in objective.decay] or [0.0]
        self._decays = np.array([factors[0], factors[-1]], dtype=self._theta.dtype)
        self._most = min(_MOST, (CUT_FROM[0] - 1) // (self._n_in * self._k))
        self._loops: ModuleType | None = None
        self._n = 0

    def can_take(self, x: Array, labels: Array) -> bool:
        """Tell whether a batch is one for the loops."""
        if not (_FEWEST <= len(x) <= self._most and is_available()):
            return False
        return bool(x.flags.c_contiguous and x.dtype == self._theta.dtype and labels.ndim == 1) and self._is_ready()

    def take(self, x: Array, labels: Array, progress: Progress) -> Array:
        """Do one update on a batch that can be taken; return its mean loss, lent until the next."""
        loops, objective, n = self._loops, self._objective, len(x)
        assert loops is not None
        objective.set_batch(x, labels, progress.objective_began)
        if n != self._n:
            self._make_room(n)
        x, (eta,) = x.reshape(n, self._n_in), self._optimizer.scalars(progress)
        theta, grad, address, p, of_label = self._theta, self._grad, self._address, self._p, self._of_label
        loops.forward(x, labels, theta, address, self._z, p, of_label)
        np.exp(p, p)
        loops.backward(x, labels, theta, grad, address, p, self._total, self._decays, self._number(eta))
        np.log(self._total, self._total)
        loops.mean_nll(self._total, of_label, of_label, self._mean)
        objective.passed += n
        return self._mean[0]

    def _is_ready(self) -> bool:
        """Tell whether NumPy's BLAS was found, and load the loops when this is first asked."""
        if self._loops is None:
            self._address = addresses_of_blas().get(self._theta.dtype.char, 0)
            if self._address:
                from mnistnn.training import softmax_step_loops

                self._loops = softmax_step_loops
        return self._loops is not None

    def _make_room(self, n: int) -> None:
        scratch, like, k = self._scratch, self._theta, self._k
        self._n = n
        self._z, self._p = scratch("z", (n, k), like), scratch("p", (k, n), like)
        self._total, self._of_label = scratch("total", (n,), like), scratch("of label", (n,), like)
        self._mean = scratch("mean", (1,), like)
