"""What is shown of each layer: held to the layer's own output, to finite differences, and to receptive fields found by
moving one input at a time.
"""

from typing import Any

import numpy as np
import pytest

from mnistnn.analysis.inspection.answers.layer_kinds import SHOWN, shown
from mnistnn.analysis.inspection.answers.layers import ShownLayer
from mnistnn.analysis.inspection.answers.network import NetworkPass
from mnistnn.layers import Layer
from mnistnn.layers.dense import Dense
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.models.sequential import Sequential
from tests.test_registry import LAYERS, LOSSES, OF_IMAGES, members

IMAGE = (6, 5)


def network_of(case: str) -> Any:
    """Return a network in float64 with a layer between what it needs, and random parameters."""
    layer = LAYERS[case]("tanh")
    layers = {"it": layer} if isinstance(layer, OF_IMAGES) or "step" in case else {
        "before": Dense(units=6, activation="tanh"), "it": layer
    }  # fmt: skip
    network = Sequential(layers={**layers, "output": Dense(units=3)})
    network.build(IMAGE)
    network.allocate(np, "float64")
    network.initialize(3)
    rng = np.random.default_rng(5)
    network.values[...] = rng.normal(size=network.values.shape) * 0.5
    if case == "batch_norm":
        layer.variance[...] = rng.uniform(0.5, 2.0, layer.variance.shape)
    return network


def x_of(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(1, *IMAGE))


def loss_at(network: Sequential, x: np.ndarray, target: int) -> float:
    z = network.scores(x)[0]
    return float(np.log(np.exp(z - z.max()).sum()) + z.max() - z[target])


def criterion() -> SoftmaxNLL:
    loss = SoftmaxNLL()
    loss.build((3,), 3)
    return loss


def central(f, at: np.ndarray, place: tuple[int, ...], step: float = 1e-6) -> float:
    before = at[place]
    values = []
    for moved in (before + step, before - step):
        at[place] = moved
        values.append(f())
    at[place] = before
    return float((values[0] - values[1]) / (2 * step))


def some_places(shape: tuple[int, ...], count: int = 6) -> list[tuple[int, ...]]:
    every = list(np.ndindex(*shape))
    return every[:: max(1, len(every) // count)]


@pytest.mark.parametrize("case", LAYERS)
def test_backward_pass_in_use_agrees_with_finite_differences(case):
    network, x = network_of(case), x_of()
    values = network.values.copy()
    backward = NetworkPass(network, x.copy()).backward(criterion(), target=1)
    np.testing.assert_array_equal(network.values, values)
    for place in some_places(IMAGE):
        expected = central(lambda: loss_at(network, x, 1), x, (0, *place))
        assert backward.dx[place] == pytest.approx(expected, rel=1e-5, abs=1e-8)
    by_name = {part.name: part for part in backward.parts}
    for slot in network.slots:
        layer, parameter = slot.name.split(".")
        view = network.views(network.theta)[slot.name]
        for place in some_places(view.shape, 4):
            expected = central(lambda: loss_at(network, x, 1), view, place)
            found = by_name[layer].arrays[f"d{parameter}"][place]
            assert found == pytest.approx(expected, rel=1e-5, abs=1e-8), (slot.name, place)


@pytest.mark.parametrize("case", LAYERS)
def test_unit_has_the_value_of_the_layer_and_its_formula_ends_with_it(case):
    network, x = network_of(case), x_of()
    y = {name: np.array(out) for name, out in network.layer_by_layer(x.copy())}["it"][0]
    passed = NetworkPass(network, x.copy())
    for place in some_places(y.shape):
        feeding = passed.feeding("it", place)
        assert feeding.value == y[place]
        last = float(feeding.lines[-1].split("= ")[-1].replace("−", "-"))
        assert last == pytest.approx(y[place], rel=2e-3, abs=1e-9), feeding.lines


@pytest.mark.parametrize("kind", LOSSES, ids=lambda kind: kind.__name__)
def test_backward_pass_of_every_loss_of_classes_agrees_with_finite_differences(kind):
    outputs, classes = LOSSES[kind]
    network: Any = Sequential(layers={"hidden": Dense(units=5, activation="tanh"), "output": Dense(units=outputs)})
    network.build(IMAGE)
    network.allocate(np, "float64")
    network.initialize(1)
    loss, x = kind(), x_of(2)
    loss.build((outputs,), classes)

    def value(target: int) -> float:
        return float(loss.losses_and_dz(np.array(network.scores(x)), np.array([target]))[0][0])

    target = max(range(classes), key=value)  # a perceptron learns from what it misjudges alone
    backward = NetworkPass(network, x.copy()).backward(loss, target)
    assert backward.loss == pytest.approx(value(target))
    assert np.abs(backward.dx).max() > 0
    for place in some_places(IMAGE):
        assert backward.dx[place] == pytest.approx(central(lambda: value(target), x, (0, *place)), rel=1e-5, abs=1e-8)
    parts = {part.name: part for part in backward.parts}
    for slot in network.slots:
        layer, parameter = slot.name.split(".")
        view = network.views(network.theta)[slot.name]
        for place in some_places(view.shape, 4):
            expected = central(lambda: value(target), view, place)
            assert parts[layer].arrays[f"d{parameter}"][place] == pytest.approx(expected, rel=1e-5, abs=1e-8)


def test_every_layer_of_the_registry_is_tried_here():
    assert {type(make("tanh")) for make in LAYERS.values()} == set(members(Layer))


SUMS = ["dense", "dense-each-step", "dropconnect", "conv", "conv-strided", "conv-winograd", "conv-pooled"]


@pytest.mark.parametrize("case", SUMS)
def test_terms_and_the_others_add_up_to_the_sum_of_the_products(case):
    network = network_of(case)
    passed = NetworkPass(network, x_of())
    for place in some_places(passed.layers["it"].y.shape):
        feeding = passed.feeding("it", place)
        assert feeding.weights is not None
        total = sum(term.product for term in feeding.terms) + feeding.others[1]
        assert total == pytest.approx(float((feeding.inputs * feeding.weights).sum()))
        bias = float(np.asarray(network.layers["it"].b)[place[0] if "conv" in case else place[-1]])
        assert np.tanh(total + bias) == pytest.approx(feeding.value)


@pytest.mark.parametrize("case", LAYERS)
def test_nothing_outside_of_its_field_moves_a_unit(case):
    network, x = network_of(case), x_of()
    passed = NetworkPass(network, x.copy())
    shape = passed.layers["it"].y.shape
    for place in some_places(shape, 4):
        field = passed.feeding("it", place).field
        outside = np.ones(IMAGE, bool)
        outside[tuple(slice(start, stop) for start, stop in field)] = False
        moved = x.copy()
        moved[0][outside] += 0.7
        for name, out in network.layer_by_layer(moved):
            if name == "it":
                assert out[(0, *place)] == pytest.approx(passed.layers["it"].y[place], rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("case", ["conv", "conv-strided", "conv-pooled", "pool", "pool-mean"])
def test_field_of_a_window_is_no_larger_than_what_can_move_it(case):
    network, x = network_of(case), x_of()
    passed = NetworkPass(network, x.copy())
    place = tuple(side // 2 for side in passed.layers["it"].y.shape)
    field = passed.feeding("it", place).field[-2:]
    moving = np.zeros(IMAGE, bool)
    for pixel in np.ndindex(*IMAGE):
        moved = x.copy()
        moved[(0, *pixel)] += 100.0 if case == "pool" else 0.5
        for name, out in network.layer_by_layer(moved):
            if name == "it" and out[(0, *place)] != passed.layers["it"].y[place]:
                moving[pixel] = True
    rows, columns = np.nonzero(moving)
    found = [(rows.min(), rows.max() + 1), (columns.min(), columns.max() + 1)]
    if case == "conv-pooled":  # the field is that of all windows; only the largest one moves y
        assert all(a <= c and d <= b for (a, b), (c, d) in zip(field, found, strict=True))
    else:
        assert found == field


def test_gradient_of_a_units_weights_is_shown_after_a_backward_pass_only():
    network = network_of("dense")
    passed = NetworkPass(network, x_of())
    assert passed.feeding("it", (2,)).gradient is None
    backward = passed.backward(criterion(), target=0)
    (part,) = (part for part in backward.parts if part.name == "it")
    np.testing.assert_array_equal(passed.feeding("it", (2,)).gradient, part.arrays["dW"][:, 2])


def test_every_layer_of_the_package_says_more_of_itself_than_any():
    assert set(SHOWN) == set(members(Layer))


class Doubling(Dense):
    """Fully connected, twice: y = 2 (x W + b)."""

    def forward(self, x, train):
        return 2.0 * super().forward(x, train)

    def backward(self, dy, need_dx=True):
        return super().backward(2.0 * dy, need_dx)


def test_layer_that_extends_another_is_shown_as_any_layer_with_its_own_formula():
    network: Any = Sequential(layers={"it": Doubling(units=5), "output": Dense(units=3)})
    network.build(IMAGE)
    network.allocate(np, "float64")
    network.initialize(0)
    passed = NetworkPass(network, x_of())
    it = passed.layers["it"]
    assert type(it) is ShownLayer
    assert it.formulas() == ["Fully connected, twice: y = 2 (x W + b)"]
    feeding: Any = passed.feeding("it", (3,))
    np.testing.assert_allclose(feeding.weights, 2.0 * network.layers["it"].W[:, 3].reshape(IMAGE))
    assert "derivative" in feeding.note


@pytest.mark.parametrize("case", LAYERS)
def test_formula_of_every_layer_is_an_equation(case):
    passed = NetworkPass(network_of(case), x_of())
    formulas = passed.layers["it"].formulas()
    assert formulas or case == "flatten"
    assert all(" = " in formula or "Turn" in formula or "Leave" in formula for formula in formulas)


def test_class_that_is_not_of_the_table_is_shown_as_any_layer():
    layer = Dense(units=2)
    layer.build((3,))
    layer.bind({"W": np.ones((3, 2)), "b": np.zeros(2)}, {"W": np.ones((3, 2)), "b": np.zeros(2)})
    x = np.ones((1, 3))
    assert type(shown(layer, x, layer.forward(x, train=False))) is SHOWN[Dense]
