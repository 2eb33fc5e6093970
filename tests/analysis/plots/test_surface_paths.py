"""Paths on surfaces: the optimizers that train models move the point, as their formulas say."""

import math
from typing import get_args

import numpy as np
import pytest

from mnistnn.analysis.plots.surface_paths import Noise, Path, called, path_of, update_rule
from mnistnn.analysis.plots.surfaces import SURFACES, started, surface
from mnistnn.errors import ConfigError, UsageError
from mnistnn.optim import Method, Rule

RULES = [kind.model_fields["type"].default if hasattr(kind, "model_fields") else kind.type for kind in get_args(Rule)]
METHODS = [kind.type for kind in get_args(Method)]


def walked(text, name="bowl", start=None, steps=20, noise=None, condition=None) -> Path:
    landscape = surface(name, condition)
    return path_of(update_rule(text), landscape, started(landscape, start), steps, noise)


@pytest.mark.parametrize("name", SURFACES)
def test_gradient_is_that_of_the_values(name):
    landscape = surface(name)
    for at in np.random.default_rng(0).uniform(-1.0, 1.0, size=(5, landscape.variables)):
        steps = 1e-6 * np.eye(landscape.variables)
        slopes = [(landscape.value(at + step) - landscape.value(at - step)) / 2e-6 for step in steps]
        np.testing.assert_allclose(landscape.gradient(at), slopes, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", SURFACES)
def test_minima_are_minima_in_the_picture_the_lowest_one_first(name):
    landscape = surface(name)
    values = []
    for minimum in landscape.minima:
        at = np.array(minimum)
        np.testing.assert_allclose(landscape.gradient(at), 0.0, atol=1e-9)
        assert (np.linalg.eigvalsh(landscape.curvature(at)) > 0).all()
        assert landscape.holds(at)
        values.append(float(landscape.value(at)))
    assert values == sorted(values)
    assert landscape.holds(np.array(landscape.start))


def test_path_of_gradient_descent_on_a_bowl_is_the_closed_form():
    path = walked("sgd learning_rate=0.03", start=[-2.0, 1.0], condition=20)
    k = np.arange(21)
    np.testing.assert_allclose(path.points[:, 0], -2.0 * (1 - 0.03) ** k, rtol=1e-12)
    np.testing.assert_allclose(path.points[:, 1], (1 - 0.03 * 20) ** k, rtol=1e-12)
    np.testing.assert_allclose(path.values, 0.5 * path.points[:, 0] ** 2 + 10 * path.points[:, 1] ** 2)


@pytest.mark.parametrize("name", SURFACES)
@pytest.mark.parametrize("kind", [*RULES, *METHODS])
def test_every_optimizer_goes_down_on_every_surface(kind, name):
    settings = " learning_rate=0.001" if kind in RULES else ""
    path = walked(kind + settings, name, steps=30)
    assert len(path.points) == 31
    assert np.isfinite(path.values).all()
    assert path.values[-1] < path.values[0]


@pytest.mark.parametrize("kind", METHODS)
def test_full_batch_methods_find_the_bottom_of_the_valley(kind):
    np.testing.assert_allclose(walked(kind, "valley", steps=60).points[-1], 1.0, atol=1e-4)


def test_a_step_counts_as_an_epoch():
    path = walked(
        "sgd learning_rate.type=exponential learning_rate.start=0.1 learning_rate.factor=0.5", start=[1, 0], steps=3
    )
    np.testing.assert_allclose(path.points[:, 0], [1, 0.9, 0.9 * 0.95, 0.9 * 0.95 * 0.975])


def test_bold_driver_sees_the_value_after_each_step():
    path = walked("sgd learning_rate={type: bold_driver, start: 0.19, increase: 1.2}", steps=12)
    assert path.values[-1] < 0.5
    assert path.diverged is None


def test_momentum_leaves_the_local_minimum_in_which_gradient_descent_ends():
    landscape = surface("one-dimension")
    (lowest,), (local,) = landscape.minima
    assert walked("sgd learning_rate=0.1", "one-dimension", steps=200).points[-1] == pytest.approx(local, abs=1e-6)
    path = walked("momentum learning_rate=0.1 momentum=0.9", "one-dimension", steps=300)
    assert path.points[-1] == pytest.approx(lowest, abs=1e-4)


def test_noise_is_the_same_for_every_rule_and_another_with_another_seed():
    def steps(rate, seed):
        path = walked(f"sgd learning_rate={rate}", "one-dimension", steps=1, noise=Noise(0.5, seed))
        return (path.points[1] - path.points[0]) / rate

    np.testing.assert_allclose(steps(0.01, 0), steps(0.02, 0))
    assert steps(0.01, 0) != pytest.approx(steps(0.01, 1))


def test_noise_has_its_deviation():
    noise = np.concatenate([Noise(3.0, 0).at(step, 2) for step in range(2000)])
    assert noise.std() == pytest.approx(3.0, rel=0.05)
    assert abs(noise.mean()) < 0.15


@pytest.mark.parametrize("kind", METHODS)
def test_method_that_compares_values_takes_no_noise(kind):
    with pytest.raises(UsageError, match=f"--noise: {kind} compares values of the surface"):
        walked(kind, noise=Noise(1.0, 0))


def test_path_that_diverges_says_where_it_left_and_where_it_was_lost():
    path = walked("sgd learning_rate=0.21", steps=1000)
    assert path.left == math.ceil(math.log(1.5) / math.log(1.1)) == 5
    assert path.diverged == math.ceil(math.log(1e6) / math.log(1.1))
    assert len(path.points) == path.diverged + 1
    assert path.said() == f"sgd, learning_rate 0.21: diverged at step {path.diverged}"


def test_path_that_comes_to_no_number_ends_before(recwarn):
    path = walked("sgd learning_rate=1e308", "valley", steps=5)
    assert path.diverged is not None
    assert np.isfinite(path.points).all()
    assert not recwarn.list


def test_end_of_a_path_is_said_with_its_value():
    assert (
        walked("sgd learning_rate=0.1", steps=1).said()
        == "sgd, learning_rate 0.1: after 1 step at (-1.8000, 0.0000), value 1.62"
    )


def test_rule_is_called_as_it_was_written_or_as_it_is_asked_for():
    rule = update_rule("momentum  learning_rate=0.1 momentum={type: linear, start: 0.5, epochs: 9}")
    assert rule.label == "momentum, learning_rate 0.1, momentum {type: linear, start: 0.5, epochs: 9}"
    assert [each.label for each in called([rule, rule], ["a", "b"])] == ["a", "b"]
    with pytest.raises(UsageError, match="--label: 1 given for 2 rule"):
        called([rule, rule], ["a"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sdg learning_rate=0.1", "did you mean 'sgd'"),
        ("sgd learning_rat=0.1", "did you mean 'learning_rate'"),
        ("sgd learning_rate=-1", "learning_rate=-1"),
        ("sgd", "learning_rate"),
        ("", "no value after the ="),
    ],
)
def test_text_that_is_no_rule_is_refused(text, message):
    with pytest.raises(ConfigError, match=message):
        update_rule(text)


@pytest.mark.parametrize(
    ("name", "condition", "message"),
    [
        ("boll", None, "there is no surface 'boll'; did you mean 'bowl'?"),
        ("x", None, "there are bowl, valley, one-dimension"),
        ("valley", 3.0, "--condition is of the bowl: valley has"),
    ],
)
def test_surface_that_is_not_there_is_refused(name, condition, message):
    with pytest.raises(UsageError) as caught:
        surface(name, condition)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "start", "message"),
    [
        ("bowl", [1.0], "--start: bowl needs two numbers, got 1"),
        ("one-dimension", [1.0, 2.0], "--start: one-dimension needs one number, got 1,2"),
        ("bowl", [0.0, 2.0], "--start: the picture shows y from -1.5 to 1.5, got 2"),
        ("bowl", [math.nan, 0.0], "--start: the picture shows x from -2.4 to 2.4, got nan"),
    ],
)
def test_start_that_is_no_place_in_the_picture_is_refused(name, start, message):
    with pytest.raises(UsageError) as caught:
        started(surface(name), start)
    assert str(caught.value) == message
