"""One tiny instance of every part of an objective that an experiment can name, and what must hold for all of them.

A part without an instance here fails `test_every_part_has_a_case`; with one it is differentiated in float64, beside all
others, by the checker that users have (`tests/objectives/test_gradient_check.py` holds that to known derivatives), and
fed extreme inputs. Random masks stand still meanwhile: they follow from the number of the update.
"""

from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle, product
from types import NoneType
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

from mnistnn.layers import Layer
from mnistnn.layers.activation_layer import ActivationLayer
from mnistnn.layers.activations import ACTIVATIONS
from mnistnn.layers.batch_norm import BatchNorm
from mnistnn.layers.conv import Conv
from mnistnn.layers.dense import Dense
from mnistnn.layers.dropconnect import DropConnect
from mnistnn.layers.dropout import Dropout
from mnistnn.layers.flatten import Flatten
from mnistnn.layers.gru import GRU
from mnistnn.layers.lstm import LSTM
from mnistnn.layers.pool import Pool
from mnistnn.layers.recurrent import Recurrent
from mnistnn.losses import AnyLoss
from mnistnn.losses.binary_nll import BinaryNLL
from mnistnn.losses.contrastive_divergence import ContrastiveDivergence
from mnistnn.losses.hebbian import Hebbian
from mnistnn.losses.mean_squared_error import MeanSquaredError
from mnistnn.losses.penalties import L1, L2, Penalties
from mnistnn.losses.perceptron import Perceptron
from mnistnn.losses.reconstruction import Reconstruction
from mnistnn.losses.sigmoid_normalized_nll import SigmoidNormalizedNLL
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.losses.squared_error import SquaredError
from mnistnn.models import AnyModel
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.gradient_check import check_array
from mnistnn.objectives.supervised import Objective
from mnistnn.tasks.registry import OF_MODELS

IMAGE = (2, 3)

# Each case makes a fresh tiny instance; f is the name of an activation. A name with a hyphen is a variant of a layer.
LAYERS: dict[str, Callable[[Any], Any]] = {
    "dense": lambda f: Dense(units=5, activation=f),
    "dense-each-step": lambda f: Dense(units=5, activation=f, each_step=True),
    "activation": lambda f: ActivationLayer(activation=f),
    "dropout": lambda f: Dropout(keep=0.7),
    "dropconnect": lambda f: DropConnect(units=5, activation=f, keep=0.7),
    "dropconnect-per-example": lambda f: DropConnect(units=5, activation=f, keep=0.7, per_example=True),
    "flatten": lambda f: Flatten(),
    "batch_norm": lambda f: BatchNorm(),
    "conv": lambda f: Conv(maps=2, kernel=[3, 2], padding=[1, 0], activation=f),
    "conv-strided": lambda f: Conv(maps=2, kernel=[1, 2], stride=[1, 2], padding=[0, 1], activation=f, flipped=True),
    "conv-winograd": lambda f: Conv(maps=2, kernel=3, padding=1, activation=f, flipped=True, method="winograd"),
    "conv-pooled": lambda f: Conv(maps=3, kernel=[1, 2], padding=1, pool=2, activation=f),
    "pool": lambda f: Pool(size=[1, 2], stride=1),
    "pool-mean": lambda f: Pool(reduce="mean", size=[1, 2], stride=1),
    "recurrent": lambda f: Recurrent(units=4, activation=f, output="every"),
    "recurrent-both-ways": lambda f: Recurrent(units=4, activation=f, output="every", bidirectional=True),
    "lstm": lambda f: LSTM(units=4, output="every"),
    "lstm-peepholes": lambda f: LSTM(units=4, output="every", peepholes=True, bidirectional=True),
    "gru": lambda f: GRU(units=4, output="every", bidirectional=True),
}
OF_IMAGES = (Conv, Pool, Recurrent, LSTM, GRU)  # these need images in, or sequences, and give such out
_SOME = ("tanh", "leaky_relu")
LOSSES: dict[type, tuple[int, int]] = {  # number of outputs and of classes
    SoftmaxNLL: (3, 3),
    SigmoidNormalizedNLL: (3, 3),
    BinaryNLL: (1, 2),
    SquaredError: (3, 3),
    Perceptron: (1, 2),
}
PENALTIES: dict[str, Callable[[], Any]] = {
    f"{kind.__name__}-{reduce}-{'all' if biases else 'weights'}": partial(
        kind, strength=0.3, reduce=reduce, biases=biases
    )
    for kind, reduce, biases in product((L1, L2), ("sum", "mean"), (False, True))
}
MODELS: dict[type, Callable[[], Any]] = {
    Sequential: lambda: Sequential(layers={"hidden": Dense(units=5, activation="tanh"), "output": Dense(units=3)})
}


def members(registry: Any) -> tuple[type, ...]:
    """Return the classes of a registry: an annotated union of several."""
    found: tuple[type, ...] = get_args(get_args(registry)[0])
    return found


REGISTERED: dict[str, tuple[Sequence[type], set[type]]] = {
    "layer": (members(Layer), {type(make("tanh")) for make in LAYERS.values()}),
    # What unsupervised models consist of is tried in models/ and objectives/.
    "loss": (members(AnyLoss), {*LOSSES, MeanSquaredError, Hebbian, ContrastiveDivergence, Reconstruction}),
    "penalty": (
        [kind for hint in get_type_hints(Penalties).values() for kind in get_args(hint) if kind is not NoneType],
        {type(make()) for make in PENALTIES.values()},
    ),
    "model": (members(AnyModel), {*MODELS, *OF_MODELS}),
}


@pytest.mark.parametrize("registry", REGISTERED)
def test_every_part_has_a_case(registry):
    registered, cases = REGISTERED[registry]
    missing = [kind.__name__ for kind in registered if kind not in cases]
    assert not missing, f"add a tiny {registry} of {', '.join(missing)} to the tables in {__file__}"


def chain_of(case: str, f: Any, outputs: int = 3, output_activation: Any = "linear") -> Any:
    """Return a model with a layer twice: at the bottom, and where it must pass a gradient on."""
    first, second, hidden = LAYERS[case](f), LAYERS[case](f), Dense(units=4, activation=f)
    if isinstance(first, OF_IMAGES) or case == "dense-each-step":
        layers = {"first": first, "second": second, "hidden": hidden}
    else:
        layers = {"first": first, "hidden": hidden, "second": second}
    return Sequential(layers={**layers, "output": Dense(units=outputs, activation=output_activation)})


def objective_of(
    model: Any, loss: Any, penalties: Sequence[Any] = (), n: int = 4, dtype: str = "float64", xp: Any = np
) -> Objective:
    """Build a model with random parameters (no zeros: a gradient behind a layer of zeros is zero) and a batch."""
    rng, classes = np.random.default_rng(11), LOSSES[type(loss)][1]
    loss.build(model.build(IMAGE), classes)
    model.allocate(xp, dtype)
    model.initialize(0)
    model.theta[...] = xp.asarray(rng.uniform(0.2, 1.0, model.size) * rng.choice([-1, 1], model.size))
    for penalty in penalties:
        penalty.build(model.slots)
    objective = Objective(model, loss, penalties)
    x, labels = rng.uniform(-1, 1, (n, *IMAGE)).astype(dtype), rng.integers(classes, size=n)
    objective.set_batch(xp.asarray(x), xp.asarray(labels), update=3)
    return objective


def assert_gradient(value: Callable[[], float], at: np.ndarray, gradient: np.ndarray, magnitude: float = 0.0) -> None:
    """Compare with differences by each number of `at`, which `value` depends on."""
    row = check_array("x", value, at, gradient, np.random.default_rng(1), coordinates=None, magnitude=magnitude)
    assert row.passed, row.said


def check_all_parameters(objective: Objective) -> None:
    objective.value_and_grad()
    analytic = objective.grad.copy()
    assert np.linalg.norm(analytic) > 1e-3
    assert_gradient(objective.value_and_grad, objective.theta, analytic)


def check_one_direction(objective: Objective, step: float = 1e-5) -> None:
    """Compare the slope along one direction, not far from that of the gradient, with a central difference."""
    objective.value_and_grad()
    grad, start = objective.grad.copy(), objective.theta.copy()
    direction = np.random.default_rng(1).normal(size=grad.size)
    direction = direction / np.linalg.norm(direction) + grad / max(np.linalg.norm(grad), 1e-300)
    values = []
    for sign in (1, -1):
        objective.theta[...] = start + sign * step * direction
        values.append(objective.value_and_grad())
    slope, numeric = grad @ direction, (values[0] - values[1]) / (2 * step)
    assert abs(slope - numeric) <= 1e-6 * max(1e-3, abs(slope) + abs(numeric)), f"{slope} is not {numeric}"


def activations_of(case: str) -> Sequence[Any]:
    """Return the activations to try: all for a layer that has one, two for its variants, any if it has none."""
    if not hasattr(LAYERS[case]("tanh"), "activation"):
        return _SOME[:1]
    return _SOME if "-" in case else list(ACTIVATIONS)


each_chain = pytest.mark.parametrize(("case", "f"), [(case, f) for case in LAYERS for f in activations_of(case)])
each_loss = pytest.mark.parametrize("kind", LOSSES, ids=lambda kind: kind.__name__)
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])


@pytest.mark.parametrize("n", [1, 4])
@each_chain
def test_gradient_of_a_chain_equals_differences(case, f, n):
    check_all_parameters(objective_of(chain_of(case, f), SoftmaxNLL(), n=n))


@pytest.mark.parametrize("f", ACTIVATIONS)
@each_loss
def test_slope_of_every_combination_of_parts_equals_a_difference(kind, f):
    combinations = product(ACTIVATIONS, [None, *PENALTIES])
    for (output_activation, penalty), case in zip(combinations, cycle(LAYERS), strict=False):
        penalties = [] if penalty is None else [PENALTIES[penalty]()]
        model = chain_of(case, f, LOSSES[kind][0], output_activation)
        try:
            check_one_direction(objective_of(model, kind(), penalties))
        except AssertionError as error:
            raise AssertionError(f"{case}, output {output_activation}, {penalty}: {error}") from error


@pytest.mark.parametrize("n", [1, 4])
@each_chain
def test_dx_of_a_chain_equals_differences(case, f, n):
    objective = objective_of(chain_of(case, f), SoftmaxNLL(), n=n)
    weights = np.random.default_rng(1).normal(size=(n, 3))

    def weighted_sum_of_outputs() -> float:
        return float((objective.model.forward(objective.x, train=True) * weights).sum())

    weighted_sum_of_outputs()
    dx: Any = weights.copy()
    for layer in reversed(objective.model.layers.values()):
        dx = layer.backward(dx)
    assert dx.shape == objective.x.shape
    dx = dx.copy()
    magnitude = float(np.abs(objective.model.forward(objective.x, train=True) * weights).sum())
    assert_gradient(weighted_sum_of_outputs, objective.x, dx, magnitude)


@pytest.mark.parametrize("penalty", PENALTIES)
def test_gradient_with_a_penalty_equals_differences(penalty):
    check_all_parameters(objective_of(MODELS[Sequential](), SoftmaxNLL(), [PENALTIES[penalty]()]))


@pytest.mark.parametrize("make", [pytest.param(make, id=kind.__name__) for kind, make in MODELS.items()])
def test_gradient_of_a_model_equals_differences(make):
    check_all_parameters(objective_of(make(), SoftmaxNLL()))


def built(kind: type) -> Any:
    outputs, classes = LOSSES[kind]
    loss: Any = kind()
    loss.build((outputs,), classes)
    return loss


@pytest.mark.parametrize("n", [1, 4])
@each_loss
def test_dz_of_a_loss_equals_differences(kind, n):
    (outputs, classes), rng, loss = LOSSES[kind], np.random.default_rng(2), built(kind)
    z, labels = rng.normal(size=(n, outputs)), rng.integers(classes, size=n)
    analytic = loss.value_and_dz(z, labels)[1].copy()
    assert_gradient(lambda: float(loss.value_and_dz(z, labels)[0]), z, analytic)


@each_dtype
@each_loss
def test_loss_of_extreme_scores_is_finite(kind, dtype):
    z = np.array([[1e4, -1e4, 0], [-1e4, -1e4, -1e4], [1e4, 1e4, 1e4], [-1e4, 1e4, 1e4]], dtype)[:, : LOSSES[kind][0]]
    value, dz = built(kind).value_and_dz(z, np.array([1, 0, 1, 0]))
    assert value.dtype == dz.dtype == dtype
    assert np.isfinite(value)
    assert np.isfinite(dz).all()
    assert np.isfinite(built(kind).probabilities(z)).all()


@each_dtype
@each_chain
def test_extreme_inputs_give_a_finite_loss_and_gradient(case, f, dtype):
    objective = objective_of(chain_of(case, f), SoftmaxNLL(), dtype=dtype)
    objective.x[...] = 1e4 * np.sign(objective.x)
    assert np.isfinite(objective.value_and_grad())
    assert np.isfinite(objective.grad).all()


def bound(case: str, f: Any, dtype: str = "float64") -> Any:
    """Return one layer on its own, with random parameters, at the beginning of an update."""
    layer, rng = LAYERS[case](f), np.random.default_rng(4)
    _, parameters = layer.build(IMAGE)
    values = {p.name: rng.normal(size=p.shape).astype(dtype) for p in parameters}
    values |= {p.name: abs(values[p.name]) for p in parameters if p.kind == "statistic"}
    layer.values = values
    layer.bind(values, {name: np.empty_like(value) for name, value in values.items()})
    layer.seed(0, 0)
    layer.begin_update(0)
    return layer


def pass_through(layer: Any, x: np.ndarray) -> list[np.ndarray]:
    """Return copies of y and dx, for a dy of ones."""
    y = layer.forward(x, train=True).copy()
    return [y, layer.backward(np.ones_like(y)).copy()]


@each_chain
def test_layer_only_reads_its_input(case, f):
    x = np.random.default_rng(6).normal(size=(4, *IMAGE))
    x.setflags(write=False)
    pass_through(bound(case, f), x)


@each_dtype
@each_chain
def test_layer_keeps_the_dtype(case, f, dtype):
    layer, x = bound(case, f, dtype), np.ones((4, *IMAGE), dtype)
    assert {array.dtype for array in pass_through(layer, x)} == {np.dtype(dtype)}
    assert layer.forward(x, train=False).dtype == dtype


@each_chain
def test_layer_gives_no_dx_where_none_is_needed(case, f):
    layer = bound(case, f)
    assert layer.backward(np.ones_like(layer.forward(np.ones((4, *IMAGE)), train=True)), need_dx=False) is None


@each_chain
def test_layer_lends_a_smaller_batch_a_part_of_the_same_memory(case, f):
    layer, x = bound(case, f), np.ones((4, *IMAGE))
    large = layer.forward(x, train=True)
    small = layer.forward(x[:3], train=True)
    assert small.shape == (3, *large.shape[1:])
    assert np.shares_memory(small, large)


@each_chain
def test_layer_forgets_the_batch_before(case, f):
    fresh, used, x = bound(case, f), bound(case, f), np.random.default_rng(6).normal(size=(3, *IMAGE))
    pass_through(used, np.full((4, *IMAGE), np.nan))  # leaves NaN in every buffer
    for expected, found in zip(pass_through(fresh, x), pass_through(used, x), strict=True):
        assert np.array_equal(found, expected)


@each_chain
def test_layer_is_the_same_function_at_every_evaluation(case, f):
    layer, x = bound(case, f), np.random.default_rng(6).normal(size=(3, *IMAGE))
    values = {name: value.copy() for name, value in layer.values.items()}
    before = layer.forward(x, train=False).copy()
    layer.begin_update(1)
    layer.forward(x, train=True)
    for name, value in values.items():  # a forward pass in training collects statistics
        layer.values[name][...] = value
    assert np.array_equal(layer.forward(x, train=False), before)


@each_chain
def test_layer_keeps_no_more_numbers_than_it_says(case, f):
    layer, x = bound(case, f), np.random.default_rng(6).normal(size=(4, *IMAGE))
    layer.forward(x, train=False)
    kept = layer.scratch.nbytes if hasattr(layer, "scratch") else 0
    assert kept == x.itemsize * layer.memory(4, train=False)
    pass_through(layer, x)
    layer.project()
    kept = layer.scratch.nbytes if hasattr(layer, "scratch") else 0
    assert kept == x.itemsize * layer.memory(4, train=True)


def assert_same_on_gpu(make: Callable[[], Any], kind: type, penalties: Callable[[], Sequence[Any]] = tuple) -> None:
    cupy = pytest.importorskip("cupy")
    host, device = (objective_of(make(), kind(), penalties(), xp=xp) for xp in (np, cupy))
    np.testing.assert_allclose(device.value_and_grad(), host.value_and_grad(), rtol=1e-12)
    np.testing.assert_allclose(device.grad.get(), host.grad, rtol=1e-9, atol=1e-12)
    scored = [o.loss.score(o.model.forward(o.x, train=False), o.labels) for o in (host, device)]
    assert scored[0].errors == scored[1].errors
    np.testing.assert_allclose(scored[1].loss, scored[0].loss, rtol=1e-12)
    np.testing.assert_allclose(device.values.get(), host.values, rtol=1e-12)


@pytest.mark.gpu
@each_chain
def test_chain_computes_on_a_gpu_what_it_computes_on_the_host(case, f):
    assert_same_on_gpu(lambda: chain_of(case, f), SoftmaxNLL)


@pytest.mark.gpu
@each_loss
def test_loss_computes_on_a_gpu_what_it_computes_on_the_host(kind):
    assert_same_on_gpu(lambda: chain_of("dense", "tanh", LOSSES[kind][0]), kind)


@pytest.mark.gpu
@pytest.mark.parametrize("penalty", PENALTIES)
def test_penalty_computes_on_a_gpu_what_it_computes_on_the_host(penalty):
    assert_same_on_gpu(MODELS[Sequential], SoftmaxNLL, lambda: [PENALTIES[penalty]()])
