"""What is claimed of an optimizer: that it goes down, that its state is all it remembers, and what it takes."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mnistnn.analysis.inspection.component import allocation
from mnistnn.analysis.inspection.component.bowl import Bowl
from mnistnn.analysis.inspection.component.findings import Claim, LeftOut, Measured, of_dtypes, same_bits
from mnistnn.analysis.inspection.component.network_of import network_of
from mnistnn.analysis.inspection.component.resumed import resumed
from mnistnn.layers.dense import Dense
from mnistnn.losses.squared_error import SquaredError
from mnistnn.objectives.supervised import Objective
from mnistnn.optim.contract import Progress
from mnistnn.optim.rule import BLOCK, GradientRule

_STEPS = 100
_PARAMETERS = 10

Make = Callable[[], Any]


def claims(make: Make) -> Iterator[Claim]:
    """Yield what is claimed of the optimizers that `make` makes."""
    tests = _Tests(make)
    yield Claim("It goes down in a bowl", lambda: tests.goes_down("float64"))
    yield Claim("It goes down in a bowl of float32 numbers", lambda: tests.goes_down("float32"))
    yield Claim("Each step leaves finite numbers", tests.finite)
    yield Claim("Where the gradient is zero, a step leaves finite numbers too", tests.finite_at_rest)
    yield Claim("A step returns the loss that there was before it", tests.loss_before)
    yield Claim("Steps move theta where it lies", tests.moves_in_place)
    yield Claim("What is computed in float32 stays float32", lambda: tests.keeps("float32"))
    yield Claim("What is computed in float64 stays float64", lambda: tests.keeps("float64"))
    yield Claim("The arrays of its state are never replaced by others", tests.rebinds_nothing)
    yield Claim("Stopped after two updates and resumed, it goes on with the same bits", tests.resumed)
    yield Claim("Two optimizers of this kind share no memory", tests.shares_nothing)
    yield Claim("After the first steps it takes no memory that grows with the parameters", tests.allocates_nothing)
    yield Claim("It takes as much memory as it says", tests.memory)
    yield Claim("It gives the metrics that it names, as finite numbers", tests.metrics)


def _at(updates: int) -> Progress:
    """Return a progress on one batch that stays."""
    return Progress(updates=updates, updates_per_objective=None)


def _network(dtype: str) -> Objective:
    """Return a bowl that has a Gauss–Newton matrix: a linear network, and the squared error."""
    rng, model, loss = np.random.default_rng(5), network_of({"output": Dense(units=3)}), SquaredError()
    loss.build(model.build((4,)), 3)
    model.allocate(np, dtype)
    model.theta[...] = rng.normal(size=model.size)
    objective = Objective(model, loss)
    objective.set_batch(rng.normal(size=(12, 4)).astype(dtype), rng.integers(3, size=12), update=0)
    return objective


class _Tests:
    """The tests of one optimizer."""

    def __init__(self, make: Make) -> None:
        self.make = make

    def _begun(self, dtype: str = "float64", start: float = 1.0, size: int = _PARAMETERS) -> tuple[Any, Any]:
        """Return an optimizer and what it minimises."""
        optimizer = self.make()
        objective: Any = _network(dtype) if optimizer.requirements.of_layers else Bowl(size, dtype, start)
        optimizer.allocate(objective.theta, objective.grad)
        return optimizer, objective

    def goes_down(self, dtype: str) -> Measured:
        optimizer, objective = self._begun(dtype)
        before = float(objective.value())
        for update in range(_STEPS):
            optimizer.step(objective, _at(update))
        after = float(objective.value())
        return Measured(after < before, f"loss {before:.3g} → {after:.3g} in {_STEPS} steps", "less")

    def finite(self) -> Measured:
        optimizer, objective = self._begun()
        for update in range(_STEPS):
            optimizer.step(objective, _at(update))
            if (measured := _of_finite(optimizer, objective, f"after step {update + 1}")) is not None:
                return measured
        return Measured(True, f"{_STEPS} steps")

    def finite_at_rest(self) -> Measured:
        if self.make().requirements.of_layers:
            raise LeftOut("it is tried on a network, which has no such place")
        optimizer, objective = self._begun(start=0.0)
        for update in range(3):
            optimizer.step(objective, _at(update))
        return _of_finite(optimizer, objective, "after 3 steps") or Measured(True, "3 steps")

    def loss_before(self) -> Measured:
        optimizer, objective = self._begun()
        _, other = self._begun()
        before = float(other.loss_and_grad())
        returned = float(optimizer.step(objective, _at(0)))
        error = abs(returned - before) / max(abs(before), 1e-300)
        return Measured(error <= 1e-12, f"{returned:.6g}", f"{before:.6g}")

    def moves_in_place(self) -> Measured:
        optimizer, objective = self._begun()
        held, before = objective.theta, objective.theta.copy()
        for update in range(2):  # the first one of some rules only looks
            optimizer.step(objective, _at(update))
        moved = int((held != before).sum())
        return Measured(
            objective.theta is held and moved > 0, f"{moved} of {held.size} numbers moved", "more than 0, in place"
        )

    def keeps(self, dtype: str) -> Measured:
        optimizer, objective = self._begun(dtype)
        loss = optimizer.step(objective, _at(0))
        arrays = {name: array for name, array in optimizer.state().items() if name != "numbers"}
        return of_dtypes({"theta": objective.theta, "the loss": loss, **arrays}, dtype)

    def rebinds_nothing(self) -> Measured:
        optimizer, objective = self._begun()
        optimizer.step(objective, _at(0))
        before = dict(optimizer.state())
        for update in range(1, 4):
            optimizer.step(objective, _at(update))
        after = optimizer.state()
        replaced = [name for name in before if after.get(name) is not before[name]]
        if after.keys() != before.keys():
            replaced.append("their names")
        return Measured(not replaced, ", ".join(replaced) or f"{len(after)} arrays stay", "no others")

    def resumed(self) -> Measured:
        return resumed(lambda: {"hidden": Dense(units=4, activation="tanh"), "out": Dense(units=3)}, self.make, (5,))

    def shares_nothing(self) -> Measured:
        (one, objective), (other, others) = self._begun(), self._begun(start=2.0)
        one.step(objective, _at(0))
        before = {name: array.copy() for name, array in one.state().items()}
        for update in range(3):
            other.step(others, _at(update))
        return same_bits(((one.state()[name], array) for name, array in before.items()), "numbers of the state")

    def allocates_nothing(self) -> Measured:
        if not isinstance(self.make(), GradientRule):
            raise LeftOut("a method that asks for values as often as it likes, and is for small models")
        less, more = (self._risen(size) for size in (2 * BLOCK, 3 * BLOCK))
        return allocation.of_growth(less, more, BLOCK)

    def _risen(self, size: int) -> int:
        optimizer, objective = self._begun("float32", size=size)
        return allocation.risen_bytes(lambda: optimizer.step(objective, _at(0)))

    def memory(self) -> Measured:
        size, optimizer = 10 * BLOCK, self.make()
        if optimizer.requirements.of_layers:
            raise LeftOut("its memory depends on the network")
        said, bowl = optimizer.bytes_kept(size, 4), Bowl(size, "float32")
        kept = allocation.kept_bytes(lambda: optimizer.allocate(bowl.theta, bowl.grad))
        allowed = 100_000
        return Measured(abs(kept - said) <= allowed, f"{kept:,} bytes, and it says {said:,}", f"{allowed:,} apart")

    def metrics(self) -> Measured:
        optimizer, objective = self._begun()
        optimizer.step(objective, _at(0))
        found = optimizer.metrics(Progress(examples_per_epoch=4))
        right = tuple(found) == tuple(optimizer.gives) and all(np.isfinite(value) for value in found.values())
        rate = optimizer.rate(_at(1))
        said = ", ".join([*(f"{name} {value:.3g}" for name, value in found.items()), f"rate {rate:.3g}"])
        return Measured(right and isinstance(rate, float), said, ", ".join(optimizer.gives) or "none")


def _of_finite(optimizer: Any, objective: Any, when: str) -> Measured | None:
    """Return what is no finite number, if anything is."""
    arrays = {"theta": objective.theta, **optimizer.state()}
    wrong = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    return Measured(False, f"{', '.join(wrong)} {when}", "finite numbers") if wrong else None
