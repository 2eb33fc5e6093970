"""One tiny instance of every component that an experiment can name, and what must hold for all of them.

A component without an instance here fails `test_every_component_has_a_case`; with one it is differentiated in float64
by finite differences that share no code with the package, trained in float32, and fed extreme inputs.
"""

from collections.abc import Callable, Sequence
from itertools import product
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import numpy as np
import pytest

from mnistnn.activations import ACTIVATIONS
from mnistnn.initializers import Fan, Glorot, Initializer, Normal, Uniform, Zeros
from mnistnn.layers import Layer
from mnistnn.layers.activation import ActivationLayer
from mnistnn.layers.dense import Dense
from mnistnn.losses import Loss, SoftmaxNLL
from mnistnn.models import Model
from mnistnn.models.sequential import Sequential
from mnistnn.objective import Objective
from mnistnn.optim import Optimizer
from mnistnn.optim.contract import Progress
from mnistnn.optim.sgd import SGD
from mnistnn.penalties import L1, L2, Penalties
from mnistnn.stopping import CoursePatience, LisaPatience, MaxEpochs, Stopping

CLASSES, IMAGE = 3, (2, 3)
Table = dict[type, Callable[..., Any]]

# Each table maps a class to a function that makes a fresh tiny instance; that of a layer makes a chain around it.
LAYERS: Table = {
    Dense: lambda f: {"hidden": Dense(units=5, activation=f), "output": Dense(units=CLASSES)},
    ActivationLayer: lambda f: {
        "first": ActivationLayer(activation=f),
        "hidden": Dense(units=5),
        "second": ActivationLayer(activation=f),
        "output": Dense(units=CLASSES),
    },
}
MODELS: Table = {Sequential: lambda: Sequential(layers=LAYERS[Dense]("tanh"))}
LOSSES: Table = {SoftmaxNLL: SoftmaxNLL}
PENALTIES: Table = {
    L1: lambda reduce, biases: L1(strength=0.3, reduce=reduce, biases=biases),
    L2: lambda reduce, biases: L2(strength=0.3, reduce=reduce, biases=biases),
}
OPTIMIZERS: Table = {SGD: lambda: SGD(learning_rate=0.2)}
INITIALIZERS: Table = {
    Zeros: Zeros,
    Normal: lambda: Normal(std=0.5),
    Uniform: lambda: Uniform(limit=0.5),
    Glorot: Glorot,
}
POLICIES: Table = {
    MaxEpochs: lambda: MaxEpochs(epochs=4),
    CoursePatience: lambda: CoursePatience(min_epochs=2, max_patience=2),
    LisaPatience: lambda: LisaPatience(updates=25),
}


def members(registry: Any) -> list[type]:
    """Return the classes of a registry, which is one class or an annotated union of several."""
    origin = get_origin(registry)
    if origin is Annotated:
        return members(get_args(registry)[0])
    if origin in (Union, UnionType):
        return [member for part in get_args(registry) for member in members(part) if member is not NoneType]
    return [registry]


PENALTY_TYPES = [member for hint in get_type_hints(Penalties).values() for member in members(hint)]
REGISTRIES: dict[str, tuple[list[type], Table]] = {
    "layer": (members(Layer), LAYERS),
    "model": (members(Model), MODELS),
    "loss": (members(Loss), LOSSES),
    "penalty": (PENALTY_TYPES, PENALTIES),
    "optimizer": (members(Optimizer), OPTIMIZERS),
    "initializer": (members(Initializer), INITIALIZERS),
    "policy": (members(Stopping), POLICIES),
}
CHAINS = [pytest.param(kind, f, id=f"{kind.__name__}-{f}") for kind in LAYERS for f in ACTIVATIONS]
FORMS = [
    pytest.param(kind, reduce, biases, id=f"{kind.__name__}-{reduce}-{'all' if biases else 'weights'}")
    for kind, reduce, biases in product(PENALTIES, ("sum", "mean"), (False, True))
]


def of(table: Table) -> Any:
    """Parametrize a test by the functions of a table."""
    return pytest.mark.parametrize("make", [pytest.param(make, id=kind.__name__) for kind, make in table.items()])


def objective_of(model: Any, loss: Any, penalties: Sequence[Any] = (), n: int = 4, dtype: str = "float64") -> Objective:
    """Build a model with random parameters (no zeros: a gradient behind a layer of zeros is zero) and a batch."""
    rng = np.random.default_rng(11)
    loss.build(model.build(IMAGE), CLASSES)
    model.allocate(np, dtype)
    model.theta[...] = rng.uniform(0.2, 1.0, model.size) * rng.choice([-1, 1], model.size)
    for penalty in penalties:
        penalty.build(model.slots)
    objective = Objective(model, loss, penalties)
    objective.set_batch(rng.uniform(-1, 1, (n, *IMAGE)).astype(dtype), rng.integers(CLASSES, size=n))
    return objective


def differences(value: Callable[[], float], at: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Return the central differences of `value` for each number of `at`, which it depends on."""
    numeric = np.empty_like(at)
    for index in np.ndindex(at.shape):
        middle = at[index]
        at[index] = middle + step
        above = value()
        at[index] = middle - step
        below = value()
        at[index] = middle
        numeric[index] = (above - below) / (2 * step)
    return numeric


def assert_same_gradient(analytic: np.ndarray, numeric: np.ndarray) -> None:
    distance = np.linalg.norm(analytic - numeric)
    assert distance <= 1e-7 * (np.linalg.norm(analytic) + np.linalg.norm(numeric)), f"differ by {distance}"
    np.testing.assert_allclose(analytic, numeric, rtol=1e-5, atol=1e-9)


def check_all_parameters(objective: Objective) -> None:
    objective.value_and_grad()
    analytic = objective.grad.copy()
    assert np.linalg.norm(analytic) > 1e-3
    assert_same_gradient(analytic, differences(objective.value_and_grad, objective.theta))


@pytest.mark.parametrize("registry", REGISTRIES)
def test_every_component_has_a_case(registry):
    registered, table = REGISTRIES[registry]
    missing = [kind.__name__ for kind in registered if kind not in table]
    assert not missing, f"add a tiny {registry} of {', '.join(missing)} to the table in {__file__}"


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize(("kind", "f"), CHAINS)
def test_gradient_of_a_chain_equals_differences(kind, f, n):
    check_all_parameters(objective_of(Sequential(layers=LAYERS[kind](f)), SoftmaxNLL(), n=n))


@pytest.mark.parametrize("n", [1, 4])
@pytest.mark.parametrize(("kind", "f"), CHAINS)
def test_dx_of_a_chain_equals_differences(kind, f, n):
    objective = objective_of(Sequential(layers=LAYERS[kind](f)), SoftmaxNLL(), n=n)
    weights = np.random.default_rng(1).normal(size=(n, CLASSES))

    def weighted_sum_of_outputs() -> float:
        return float((objective.model.forward(objective.x, train=True) * weights).sum())

    weighted_sum_of_outputs()
    dx: Any = weights.copy()
    for layer in reversed(objective.model.layers.values()):
        dx = layer.backward(dx)
    assert dx.shape == objective.x.shape
    assert_same_gradient(dx.copy(), differences(weighted_sum_of_outputs, objective.x))


@pytest.mark.parametrize(("kind", "reduce", "biases"), FORMS)
def test_gradient_with_a_penalty_equals_differences(kind, reduce, biases):
    penalty = PENALTIES[kind](reduce, biases)
    check_all_parameters(objective_of(MODELS[Sequential](), SoftmaxNLL(), [penalty]))


@of(MODELS)
def test_gradient_of_a_model_equals_differences(make):
    check_all_parameters(objective_of(make(), SoftmaxNLL()))


@pytest.mark.parametrize("n", [1, 4])
@of(LOSSES)
def test_dz_of_a_loss_equals_differences(make, n):
    loss, rng = make(), np.random.default_rng(2)
    loss.build((CLASSES,), CLASSES)
    z, labels = rng.normal(size=(n, CLASSES)), rng.integers(CLASSES, size=n)
    analytic = loss.value_and_dz(z, labels)[1].copy()
    assert_same_gradient(analytic, differences(lambda: float(loss.value_and_dz(z, labels)[0]), z))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@of(LOSSES)
def test_loss_of_extreme_scores_is_finite(make, dtype):
    loss = make()
    loss.build((CLASSES,), CLASSES)
    z = np.array([[1e4, -1e4, 0], [-1e4, -1e4, -1e4], [1e4, 1e4, 1e4]], dtype)
    value, dz = loss.value_and_dz(z, np.array([1, 0, 2]))
    assert np.isfinite(value)
    assert np.isfinite(dz).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("kind", "f"), CHAINS)
def test_extreme_inputs_give_a_finite_loss_and_gradient(kind, f, dtype):
    objective = objective_of(Sequential(layers=LAYERS[kind](f)), SoftmaxNLL(), dtype=dtype)
    objective.x[...] = 1e4 * np.sign(objective.x)
    assert np.isfinite(objective.value_and_grad())
    assert np.isfinite(objective.grad).all()


def bound(kind: type, f: Any) -> Any:
    """Return one layer of a chain, on its own, with random parameters."""
    layer: Any = next(layer for layer in LAYERS[kind](f).values() if type(layer) is kind)
    rng, (_, parameters) = np.random.default_rng(4), layer.build(IMAGE)
    layer.bind({p.name: rng.normal(size=p.shape) for p in parameters}, {p.name: np.empty(p.shape) for p in parameters})
    return layer


def pass_through(layer: Any, x: np.ndarray) -> list[np.ndarray]:
    """Return copies of y and dx, for a dy of ones."""
    y = layer.forward(x, train=True).copy()
    return [y, layer.backward(np.ones_like(y)).copy()]


@pytest.mark.parametrize(("kind", "f"), CHAINS)
def test_layer_only_reads_its_input(kind, f):
    x = np.random.default_rng(6).normal(size=(4, *IMAGE))
    x.setflags(write=False)
    pass_through(bound(kind, f), x)


@pytest.mark.parametrize(("kind", "f"), CHAINS)
def test_layer_gives_no_dx_where_none_is_needed(kind, f):
    layer = bound(kind, f)
    assert layer.backward(np.ones_like(layer.forward(np.ones((4, *IMAGE)), train=True)), need_dx=False) is None


@pytest.mark.parametrize(("kind", "f"), CHAINS)
def test_layer_lends_a_smaller_batch_the_start_of_the_same_memory(kind, f):
    layer = bound(kind, f)
    large = layer.forward(np.ones((4, *IMAGE)), train=True)
    small = layer.forward(np.ones((3, *IMAGE)), train=True)
    assert small.shape == (3, *large.shape[1:])
    assert small.ctypes.data == large.ctypes.data


@pytest.mark.parametrize(("kind", "f"), CHAINS)
def test_layer_forgets_the_batch_before(kind, f):
    fresh, used, x = bound(kind, f), bound(kind, f), np.random.default_rng(6).normal(size=(3, *IMAGE))
    pass_through(used, np.full((4, *IMAGE), np.nan))  # leaves NaN in every buffer
    for expected, found in zip(pass_through(fresh, x), pass_through(used, x), strict=True):
        assert np.array_equal(found, expected)


@of(OPTIMIZERS)
def test_optimizer_lowers_the_loss(make):
    optimizer, objective = make(), objective_of(MODELS[Sequential](), SoftmaxNLL())
    optimizer.allocate(objective.theta)
    losses = [float(optimizer.step(objective, Progress(updates=i))) for i in range(100)]
    assert losses[-1] < 0.5 * losses[0]


@of(OPTIMIZERS)
def test_optimizer_goes_on_alike_from_its_saved_state(make):
    whole, parted = (objective_of(MODELS[Sequential](), SoftmaxNLL()) for _ in range(2))
    one, before, after = make(), make(), make()
    for optimizer, objective in ((one, whole), (before, parted), (after, parted)):
        optimizer.allocate(objective.theta)
    for i in range(6):
        one.step(whole, Progress(updates=i))
        (before if i < 3 else after).step(parted, Progress(updates=i))
        for name, array in after.state().items() if i < 3 else ():
            array[...] = before.state()[name]
    assert np.array_equal(whole.theta, parted.theta)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@of(OPTIMIZERS)
def test_optimizer_keeps_flat_arrays_of_the_parameters_dtype(make, dtype):
    optimizer, objective = make(), objective_of(MODELS[Sequential](), SoftmaxNLL(), dtype=dtype)
    optimizer.allocate(objective.theta)
    optimizer.step(objective, Progress())
    assert all(array.ndim == 1 and array.dtype == dtype for array in optimizer.state().values())
    assert objective.theta.dtype == objective.grad.dtype == dtype


@of(INITIALIZERS)
def test_initializer_draws_the_shape_asked_for_in_float64(make):
    drawn = make().draw(np.random.default_rng(0), (4, 3), Fan(4, 3, "tanh"))
    assert drawn.shape == (4, 3)
    assert drawn.dtype == np.float64
    assert np.isfinite(drawn).all()


def ends_at(policy: Any, values: Sequence[float]) -> int | None:
    """Return the evaluation (10 updates apart) at which a policy ends a run with these validation errors."""
    rows = [{"epoch": i, "updates": 10 * i, "valid.error": value} for i, value in enumerate(values, start=1)]
    for done in range(1, len(rows) + 1):
        deadline = policy.deadline(rows[:done])
        if policy.reason(rows[:done]) or (deadline and rows[done - 1]["updates"] >= deadline.updates):
            return done
    return None


@of(POLICIES)
def test_policy_ends_a_run_that_no_longer_improves(make):
    assert ends_at(make(), [0.5] * 20) in range(2, 8)


@of(POLICIES)
def test_policy_is_a_function_of_the_history_alone(make):
    policy, used = make(), make()
    ends_at(used, [0.9, 0.8, 0.7, 0.7, 0.1])
    assert ends_at(used, [0.5] * 20) == ends_at(policy, [0.5] * 20)


@of(POLICIES)
def test_policy_never_takes_nan_for_an_improvement(make):
    assert ends_at(make(), [0.5, *[np.nan] * 19]) == ends_at(make(), [0.5] * 20)
