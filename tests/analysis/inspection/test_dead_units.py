"""Units that do not move: known ones, put there by hand."""

import numpy as np
import pytest

from mnistnn.analysis.inspection.dead_units import _Watch, dead_units, lines_of, shortened
from mnistnn.errors import DivergedError, UsageError
from mnistnn.experiment.trained import load_trained


@pytest.fixture
def trained(toy, start):
    return lambda *overrides: load_trained(start(toy, "stopping.max_epochs.epochs=2", *overrides).run)


def hold(layer, units):
    """Let units of a layer give f(b) for the b of each, whatever their inputs; no other ReLU stays below 0."""
    layer.b += 0.0 if layer.activation != "relu" else 5.0
    for unit, b in units.items():
        layer.W[(slice(None), unit) if len(layer.W) == 64 else unit] = 0.0  # of a convolution W is (maps, ...)
        layer.b[unit] = b


@pytest.mark.parametrize(
    ("activation", "held", "dead", "saturated", "constant"),
    [
        ("relu", {1: -1.0, 4: 0.0, 7: 2.0}, [1, 4], [], [7]),
        ("tanh", {0: 9.0, 5: -9.0, 11: 0.5}, [], [0, 5], [11]),
        ("sigmoid", {2: 9.0, 3: -9.0, 4: 0.5}, [], [2, 3], [4]),
        ("scaled_tanh", {2: 9.0, 4: 0.5}, [], [2], [4]),
        ("leaky_relu", {2: -1.0}, [], [], [2]),
        ("softplus", {2: -1.0}, [], [], [2]),
    ],
)
def test_units_that_stand_still_are_found(trained, activation, held, dead, saturated, constant):
    found = trained(f"model.layers.hidden.activation={activation}", "evaluation.batch_size=7")
    hold(found.plan.experiment.model.layers["hidden"], held)
    result = dead_units(found, "train")
    (layer,) = result.layers
    assert (result.examples, layer.name, layer.activation, layer.units) == (300, "hidden", activation, 12)
    assert (layer.dead, layer.saturated, layer.constant) == (dead, saturated, constant)


@pytest.mark.parametrize("pool", [2, "null"])
def test_units_of_a_convolution_are_its_maps(trained, pool):
    conv = f"conv: {{type: conv, maps: 5, kernel: 3, pool: {pool}, activation: relu}}"
    found = trained(f"model.layers={{hidden: null, output: null, {conv}, last: {{type: dense, units: 4}}}}")
    hold(found.plan.experiment.model.layers["conv"], {0: -1.0, 3: 1.0})
    (layer,) = dead_units(found, "valid").layers
    assert (layer.units, layer.dead, layer.constant) == (5, [0], [3])


def test_activation_on_images_without_channels_is_one_map(trained):
    bend = "bend: {type: activation, activation: relu}, last: {type: dense, units: 4}"
    found = trained(f"model.layers={{hidden: null, output: null, {bend}}}")
    assert [layer.units for layer in dead_units(found, "valid").layers] == [1]


def test_unit_that_moves_for_one_example_only_is_alive(trained):
    found = trained("model.layers.hidden.activation=relu", "evaluation.batch_size=7")
    layer = found.plan.experiment.model.layers["hidden"]
    x = found.plan.place("train").x.reshape(300, -1)
    hold(layer, {})
    z = x @ layer.W[:, 3]
    layer.b[3] = -np.sort(z)[-2:].mean()  # above 0 for the one with the largest sum
    assert dead_units(found, "train").layers[0].dead == []
    last = int(z.argmax())
    assert dead_units(found, "train", last).layers[0].dead == [3]
    assert dead_units(found, "train", last + 1).layers[0].dead == []


def test_nearly_all_outputs_make_a_saturated_unit():
    y = np.ones((300, 2))
    y[:3, 0] = y[50:54, 1] = 0.0  # of 300, 3 are one per cent
    watch = _Watch("hidden", "dense", "tanh")
    for start in (0, 100, 200):
        watch.observe(y[start : start + 100])
    assert watch.result().saturated == [0]


def test_random_layers_are_as_in_use(trained):
    some = "drop: {type: dropout}, a: {type: dropconnect, units: 6, activation: relu}, last: {type: dense, units: 4}"
    found = trained(f"model.layers={{hidden: null, output: null, {some}}}")
    hold(found.plan.experiment.model.layers["a"], {2: -1.0})
    assert dead_units(found, "valid").layers[0].dead == [2]


def test_model_without_activations_is_refused(trained):
    found = trained("model.layers={hidden: null}")
    with pytest.raises(UsageError, match="no layer of this model has an activation"):
        dead_units(found, "valid")


def test_outputs_that_are_no_numbers_are_refused_by_name(trained):
    found = trained()
    found.plan.experiment.model.layers["hidden"].b[3] = np.nan
    with pytest.raises(DivergedError, match="the outputs of hidden are not finite numbers"):
        dead_units(found, "valid")


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ([], ""),
        ([3], "3"),
        ([3, 4, 5, 9], "3-5, 9"),
        ([1, 3, 5, 7], "1, 3, 5 and 1 more"),
        ([1, 3, 5, 7, 8, 9, 11], "1, 3, 5 and 4 more"),
    ],
)
def test_numbers_are_shortened(numbers, text):
    assert shortened(numbers, most=3) == text


def test_lines_name_units_or_say_that_all_move(trained):
    found = trained("model.layers.hidden.activation=relu")
    hold(found.plan.experiment.model.layers["hidden"], {})
    assert lines_of(dead_units(found, "valid").layers[0]) == ["hidden, dense, relu: 12 units, all move"]
    hold(found.plan.experiment.model.layers["hidden"], {1: -1.0, 2: -1.0, 3: -1.0, 7: 1.0})
    assert lines_of(dead_units(found, "valid").layers[0]) == [
        "hidden, dense, relu: 12 units",
        "  dead 3 (25.0 %): 1-3",
        "  constant 1 (8.3 %): 7",
    ]
