"""The fused update of every rule gives the bits of the rule's vector operations, and is used where it should be.

Its kernel for a GPU: tests/device/test_cuda_sources.py.
"""

from collections.abc import Iterator
from typing import Any, get_args

import numpy as np
import pytest

from mnistnn.backend.jit import CompiledFunction
from mnistnn.layers.dense import Dense
from mnistnn.losses.penalties import L1, L2
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.supervised import Objective
from mnistnn.optim import Rule, fused, rule
from mnistnn.optim.contract import Progress
from mnistnn.optim.momentum import Nesterov
from mnistnn.optim.rule import BLOCK, FUSED_ABOVE
from mnistnn.optim.schedules import InverseTime, Sutskever
from mnistnn.optim.sgd import SGD

RULES = get_args(Rule)
NOT_FUSED: set[Any] = set()  # a rule that is left to NumPy for good is named here
# Settings with which a few steps meet every branch.
SETTINGS: dict[str, dict[str, Any]] = {
    "adaptive_rates": {"minimum": 0.97, "maximum": 1.08},
    "rprop": {"minimum": 0.4, "maximum": 1.3},
    "momentum": {"momentum": Sutskever(limit=0.9, period_updates=2)},
    "nesterov": {"momentum": Sutskever(limit=0.9, period_updates=2)},
    "graves_rmsprop": {"beta": 0.01, "epsilon": 1e-9},  # rounding makes variances negative
}
STEPS = 8
SIZES = [1, 7, 2 * BLOCK + 123]


def made(kind: Any) -> Any:
    fields = SETTINGS.get(kind.__dataclass_fields__["type"].default, {})
    return kind(learning_rate=InverseTime(start=0.1, decay=0.5), **fields)


def hostile_gradients(size: int, dtype: str) -> Iterator[Any]:
    """Yield gradients of all sizes: ordinary, 0, −0, subnormal, constant, too large to be squared, infinite, NaN."""
    rng, limits = np.random.default_rng(5), np.finfo(dtype)
    constant, stays = rng.normal(size=size), rng.random(size) < 0.2
    subnormal = float(limits.smallest_subnormal)
    extremes = [0.0, -0.0, subnormal, -3 * subnormal, float(limits.tiny), float(limits.max)]
    for _ in range(STEPS):
        g = np.where(stays, constant, rng.normal(size=size) * 10.0 ** rng.integers(-9, 9, size))
        g = g.astype(dtype)
        for share, values in ((0.2, extremes), (0.01, [np.inf, -np.inf, np.nan])):
            chosen = (rng.random(size) < share) & ~stays
            g[chosen] = rng.choice(values, chosen.sum()).astype(dtype)
        yield g


def path_of(optimizer: Any, objective: Any) -> Iterator[dict[str, Any]]:
    """Yield copies of theta and state after each step."""
    optimizer.allocate(objective.theta, objective.grad)
    for t in range(STEPS):
        optimizer.step(objective, Progress(batch=t, updates=t, batches_per_epoch=10))
        yield {"theta": objective.theta.copy(), **{name: array.copy() for name, array in optimizer.state().items()}}


def same_bits(x: Any, y: Any) -> bool:
    """Tell whether x and y are equal, signs of zeros included. One NaN is as good as another."""
    is_number = ~np.isnan(x)
    return np.array_equal(is_number, ~np.isnan(y)) and x[is_number].tobytes() == y[is_number].tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", [kind for kind in RULES if kind not in NOT_FUSED])
def test_fused_update_gives_the_bits_of_the_vector_operations(kind, dtype, given_gradients, monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setattr(rule, "FUSED_ABOVE", 0)
    for size in SIZES:
        start = np.random.default_rng(4).normal(size=size).astype(dtype)
        paths = []
        for compiled in (False, True):
            monkeypatch.setattr(rule, "is_available", lambda compiled=compiled: compiled)
            with np.errstate(all="ignore"):
                paths.append(list(path_of(made(kind), given_gradients(start, [*hostile_gradients(size, dtype)]))))
        for t, (expected, found) in enumerate(zip(*paths, strict=True)):
            for name in expected:
                assert found[name].dtype == dtype
                assert same_bits(found[name], expected[name]), (size, t, name)


def network(penalties: list[Any]) -> Objective:
    """A net with more than `FUSED_ABOVE` parameters, on a batch."""
    model, loss = (
        Sequential(layers={"hidden": Dense(units=300, activation="tanh"), "output": Dense(units=10)}),
        SoftmaxNLL(),
    )
    loss.build(model.build((16, 16)), 10)
    model.allocate(np, "float32")
    model.initialize(0)
    for penalty in penalties:
        penalty.build(model.slots)
    objective, rng = Objective(model, loss, penalties), np.random.default_rng(1)
    objective.set_batch(rng.uniform(size=(8, 16, 16)).astype("float32"), rng.integers(10, size=8), update=0)
    return objective


@pytest.mark.parametrize("clip_norm", [None, 0.1])
@pytest.mark.parametrize("kind", [kind for kind in RULES if kind not in NOT_FUSED])
def test_fused_update_adds_the_gradient_of_l2_with_the_same_bits(kind, clip_norm, monkeypatch):
    pytest.importorskip("numba")
    monkeypatch.setattr(rule, "FUSED_ABOVE", 0)
    paths = []
    for compiled in (False, True):
        monkeypatch.setattr(rule, "is_available", lambda compiled=compiled: compiled)
        optimizer = kind(learning_rate=0.01, clip_norm=clip_norm)
        paths.append(list(path_of(optimizer, network([L1(strength=1e-3), L2(strength=0.1, reduce="mean")]))))
    for expected, found in zip(*paths, strict=True):
        assert all(same_bits(found[name], expected[name]) for name in expected)
    unpenalised = list(path_of(kind(learning_rate=0.01, clip_norm=clip_norm), network([L1(strength=1e-3)])))
    assert not np.array_equal(unpenalised[-1]["theta"], paths[1][-1]["theta"])


def test_fused_update_of_a_net_with_l2_goes_once_over_theta(calls, monkeypatch):
    monkeypatch.setattr(rule, "is_available", lambda: True)
    monkeypatch.setattr(L2, "add_gradient", lambda *_: pytest.fail("a pass over the gradient"))
    penalty = L2(strength=0.1)
    optimizer, objective = SGD(learning_rate=0.1), network([penalty])
    assert objective.theta.size > FUSED_ABOVE
    optimizer.allocate(objective.theta, objective.grad)
    optimizer.step(objective, Progress())
    assert sum(theta.size for theta, *_ in calls) == objective.theta.size
    assert [(theta.size, decay) for theta, _, decay, _ in calls if decay] == [
        (part.stop - part.start, np.float32(0.2)) for part, _ in penalty.parts
    ]


def test_every_rule_has_a_fused_update():
    assert {kind for kind in RULES if kind.fused_update is None} == NOT_FUSED


def test_every_fused_update_belongs_to_a_rule():
    loops = {name for name, value in vars(fused).items() if isinstance(value, CompiledFunction)}
    assert loops == {kind.fused_update.function.__name__ for kind in RULES if kind not in NOT_FUSED}


@pytest.fixture
def calls(monkeypatch) -> list[Any]:
    """The arguments of every call of plain descent's fused update, which does nothing."""
    made: list[Any] = []
    monkeypatch.setattr(SGD, "fused_update", staticmethod(lambda *arguments: made.append(arguments)))
    return made


@pytest.mark.parametrize(
    ("size", "available", "used"),
    [(FUSED_ABOVE + 1, True, True), (FUSED_ABOVE, True, False), (FUSED_ABOVE + 1, False, False)],
    ids=["large", "small", "large without Numba"],
)
def test_fused_update_is_used_for_a_large_theta_where_loops_can_be_compiled(
    size, available, used, calls, given_gradients, walk, monkeypatch
):
    monkeypatch.setattr(rule, "is_available", lambda: available)
    objective = given_gradients(np.zeros(size), [np.ones(size)])
    walk(SGD(learning_rate=0.5), objective, 1)
    assert bool(calls) == used
    assert np.array_equal(objective.theta, np.full(size, 0.0 if used else -0.5))


def test_fused_update_gets_the_scalars_of_the_step_in_the_dtype_of_theta(calls, given_gradients, walk, monkeypatch):
    monkeypatch.setattr(rule, "is_available", lambda: True)
    theta = np.zeros(FUSED_ABOVE + 1, "float32")
    walk(SGD(learning_rate=InverseTime(start=0.1, decay=1.0)), given_gradients(theta, [theta, theta]), 2)
    assert [eta for *_, eta in calls] == [np.float32(0.1), np.float32(0.1 / 1.1)]
    assert {type(number) for _, _, *numbers in calls for number in numbers} == {np.float32}


def test_rule_without_a_fused_update_moves_a_large_theta_by_vector_operations(given_gradients, walk, monkeypatch):
    monkeypatch.setattr(Nesterov, "fused_update", None)
    objective = given_gradients(np.zeros(FUSED_ABOVE + 1), [np.ones(FUSED_ABOVE + 1)])
    walk(Nesterov(learning_rate=0.5, momentum=0.5), objective, 1)
    assert np.array_equal(objective.theta, np.full(FUSED_ABOVE + 1, -0.75))


def test_host_derives_no_kernel(given_gradients, walk, monkeypatch):
    monkeypatch.setattr(rule, "_kernel_of", lambda loop: pytest.fail("a kernel"))
    walk(SGD(learning_rate=0.5), given_gradients(np.zeros(3), [np.ones(3)]), 1)


def test_rule_installed_without_its_source_has_no_kernel(monkeypatch):
    def unreadable(*_: Any, **__: Any) -> None:
        raise OSError("could not get source code")

    monkeypatch.setattr(rule, "kernel_of", unreadable)
    monkeypatch.setattr(SGD, "fused_update", CompiledFunction(fused.sgd.function))
    assert SGD.kernel() is None
