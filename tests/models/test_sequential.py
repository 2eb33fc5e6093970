from typing import Any

import numpy as np
import pytest

from mnistnn.errors import ConfigError
from mnistnn.layers.activation_layer import ActivationLayer
from mnistnn.layers.dense import Dense
from mnistnn.layers.dropconnect import DropConnect
from mnistnn.layers.dropout import Dropout
from mnistnn.layers.initializers import Normal, Zeros
from mnistnn.models.sequential import Sequential
from mnistnn.types import ShapeError


def two_layers(random_state=None, **output):
    layers: dict[str, Any] = {"hidden": Dense(units=5, activation="tanh"), "output": Dense(units=3, **output)}
    return Sequential(layers=layers, random_state=random_state)


def ready(model, dtype="float64", seed=0):
    model.build((2, 3))
    model.allocate(np, dtype)
    model.initialize(seed)
    return model


def backpropagate(model, n=4):
    """Return the gradient of the sum of all outputs for a random batch."""
    model.begin_update(0)
    y = model.forward(np.random.default_rng(1).normal(size=(n, 2, 3)), train=True)
    model.backward(np.ones_like(y))
    return model.grad.copy()


def test_build_returns_the_last_shape_and_notes_each():
    model = two_layers()
    assert model.build((2, 3)) == (3,)
    assert model.shapes == {"hidden": (5,), "output": (3,)}


def test_slots_lie_end_to_end_in_layer_order():
    model = ready(two_layers())
    found = [(slot.name, slot.start, slot.stop, slot.is_bias) for slot in model.slots]
    assert found == [
        ("hidden.W", 0, 30, False),
        ("hidden.b", 30, 35, True),
        ("output.W", 35, 50, False),
        ("output.b", 50, 53, True),
    ]
    assert model.size == len(model.theta) == len(model.grad) == 53


def test_parameters_of_layers_are_views_of_theta():
    model = ready(two_layers())
    model.theta[...] = np.arange(53)
    hidden, output = model.layers.values()
    assert hidden.W.tolist() == np.arange(30).reshape(6, 5).tolist()
    assert output.b.tolist() == [50, 51, 52]


def test_gradients_of_layers_are_views_of_grad():
    model = ready(two_layers())
    for layer in model.layers.values():
        layer.dW[...], layer.db[...] = 1, 2
    assert model.grad.tolist() == [1] * 30 + [2] * 5 + [1] * 15 + [2] * 3


def test_a_layer_whose_name_begins_another_gets_its_own_views():
    model = ready(Sequential(layers={"a": Dense(units=2), "a_b": Dense(units=3)}))
    assert [layer.W.shape for layer in model.layers.values()] == [(6, 2), (2, 3)]


def test_views_have_the_names_and_shapes_of_the_parameters():
    model = ready(two_layers())
    shapes = {name: view.shape for name, view in model.views(np.zeros(53)).items()}
    assert shapes == {"hidden.W": (6, 5), "hidden.b": (5,), "output.W": (5, 3), "output.b": (3,)}


def test_layer_that_does_not_fit_is_named():
    class Picky(ActivationLayer):
        def build(self, in_shape):
            raise ShapeError("needs images, but gets 5")

    model = two_layers()
    model.layers["picky"] = Picky(activation="tanh")
    with pytest.raises(ConfigError, match="needs images, but gets 5") as caught:
        model.build((2, 3))
    assert caught.value.key == "model.layers.picky"


def test_forward_is_the_composition_of_the_layers():
    model = ready(two_layers())
    x = np.random.default_rng(1).normal(size=(4, 2, 3))
    hidden, output = model.layers.values()
    expected = np.tanh(x.reshape(4, 6) @ hidden.W + hidden.b) @ output.W + output.b
    np.testing.assert_allclose(model.forward(x, train=False), expected, atol=1e-14)


def test_backward_overwrites_every_number_of_grad():
    model = ready(two_layers())
    expected = backpropagate(model)
    model.grad[...] = np.nan
    assert np.array_equal(backpropagate(model), expected)


def test_first_gradient_behind_a_layer_of_zeros_is_exactly_zero():
    model = ready(two_layers(init=Zeros()))
    parts = model.views(backpropagate(model))
    assert not parts["hidden.W"].any()
    assert not parts["hidden.b"].any()
    assert parts["output.W"].all()


def test_first_layer_is_not_asked_for_dx(monkeypatch):
    asked = []
    original = Dense.backward

    def backward(self, dy, need_dx=True):
        asked.append(need_dx)
        return original(self, dy, need_dx)

    monkeypatch.setattr(Dense, "backward", backward)
    backpropagate(ready(two_layers()))
    assert asked == [True, False]


@pytest.mark.parametrize("below", [Dropout(keep=0.8), ActivationLayer(activation="tanh")], ids=lambda layer: layer.type)
def test_backward_ends_at_the_first_layer_with_parameters(below, monkeypatch):
    def refuse(self, dy, need_dx=True):
        raise AssertionError("nothing is learned down here")

    monkeypatch.setattr(type(below), "backward", refuse)
    model = ready(Sequential(layers={"inputs": below, "output": Dense(units=3)}))
    backpropagate(model)
    dense = model.layers["output"]
    assert dense.scratch.nbytes == 4 * 3 * 8  # y alone: no dx was made
    assert model.grad.all()


def test_backward_of_a_model_without_parameters_does_nothing():
    model = ready(Sequential(layers={"only": ActivationLayer(activation="tanh")}))
    assert backpropagate(model).size == 0


def test_random_layers_of_a_model_draw_different_masks():
    model = ready(Sequential(layers={"a": Dropout(keep=0.5), "b": Dropout(keep=0.5)}))
    model.begin_update(0)
    model.forward(np.ones((50, 2, 3)), train=True)
    first, second = (layer.mask for layer in model.layers.values())
    assert not np.array_equal(first, second)


def masks_of(update, seed=0):
    """Return the output of a model with both kinds of masks, for an update."""
    layers: dict[str, Any] = {"inputs": Dropout(keep=0.5), "output": DropConnect(units=3, keep=0.5)}
    model = ready(Sequential(layers=layers, random_state=1), seed=seed)
    model.begin_update(update)
    return model.forward(np.ones((4, 2, 3)), train=True)


def test_masks_follow_from_the_seed_and_the_update():
    assert np.array_equal(masks_of(update=5), masks_of(update=5))
    assert not np.array_equal(masks_of(update=5), masks_of(update=6))
    assert not np.array_equal(masks_of(update=5), masks_of(update=5, seed=1))


def test_random_layers_do_not_shift_the_initial_weights():
    plain = ready(Sequential(layers={"output": Dense(units=3)}))
    dropped = ready(Sequential(layers={"inputs": Dropout(), "output": Dense(units=3)}))
    assert np.array_equal(plain.theta, dropped.theta)


def test_project_reaches_the_layers_with_a_constraint():
    model = ready(two_layers(max_norm=0.01))
    hidden, output = model.layers.values()
    before = hidden.W.copy()
    model.project()
    np.testing.assert_allclose(np.linalg.norm(output.W, axis=0), 0.01)
    assert np.array_equal(hidden.W, before)


def test_initialize_depends_on_the_seed():
    first, again, other = (ready(two_layers(), seed=seed).theta for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_initialize_clears_what_was_there():
    model = ready(two_layers())
    expected = model.theta.copy()
    model.theta[...], model.grad[...] = np.nan, np.nan
    model.initialize(0)
    assert np.array_equal(model.theta, expected)
    assert not model.grad.any()


@pytest.mark.parametrize("random_state", [None, 1234])
def test_initialize_starts_float32_at_the_rounded_float64_numbers(random_state):
    wide = ready(two_layers(random_state), "float64").theta
    assert np.array_equal(ready(two_layers(random_state), "float32").theta, wide.astype("float32"))


def test_random_state_draws_layer_by_layer_as_numpy_did():
    model = ready(two_layers(random_state=1234, init=Normal(std=0.1)))
    rng = np.random.RandomState(1234)  # the generator of the published programs
    limit = np.sqrt(6.0 / (6 + 5))
    hidden, output = model.layers.values()
    assert np.array_equal(hidden.W, rng.uniform(low=-limit, high=limit, size=(6, 5)))
    assert np.array_equal(output.W, rng.normal(0.0, 0.1, (5, 3)))


def test_random_state_takes_the_place_of_the_seed():
    first, other = (ready(two_layers(random_state=3), seed=seed).theta for seed in (0, 1))
    assert np.array_equal(first, other)
