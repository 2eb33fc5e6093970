"""Weights of classes, and smoothed labels: the loss, its gradient, its curvature, and what evaluations measure."""

from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy.special import expit, log_softmax

from mnistnn.errors import ConfigError
from mnistnn.losses.binary_nll import BinaryNLL
from mnistnn.losses.each_step import EachStep
from mnistnn.losses.perceptron import Perceptron
from mnistnn.losses.sigmoid_normalized_nll import SigmoidNormalizedNLL
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.losses.squared_error import SquaredError
from mnistnn.objectives.layer_gradients import check_scores
from mnistnn.objectives.supervised import Objective
from tests.test_registry import MODELS

THREE, TWO = [0.5, 0.0, 3.0], [0.25, 4.0]
# Each case: what makes the loss, how many outputs and classes it has.
CASES: dict[str, tuple[Any, int, int]] = {
    "softmax_nll": (partial(SoftmaxNLL, class_weights=THREE), 3, 3),
    "softmax_nll-smoothed": (partial(SoftmaxNLL, label_smoothing=0.3), 3, 3),
    "softmax_nll-both": (partial(SoftmaxNLL, class_weights=THREE, label_smoothing=0.3), 3, 3),
    "sigmoid_normalized_nll": (partial(SigmoidNormalizedNLL, class_weights=THREE), 3, 3),
    "squared_error": (partial(SquaredError, class_weights=THREE), 3, 3),
    "binary_nll": (partial(BinaryNLL, class_weights=TWO), 1, 2),
    "perceptron": (partial(Perceptron, class_weights=TWO), 1, 2),
}
each_case = pytest.mark.parametrize("case", CASES)
each_with_curvature = pytest.mark.parametrize("case", [case for case in CASES if CASES[case][0].func.is_convex])
each_weighted = pytest.mark.parametrize("case", [case for case in CASES if "smooth" not in case and "both" not in case])


def built(case, **without):
    make, outputs, classes = CASES[case]
    loss = make(**without)
    loss.build((outputs,), classes)
    return loss


def draw(case, n=12, dtype="float64", seed=3):
    _, outputs, classes = CASES[case]
    rng = np.random.default_rng(seed)
    return rng.normal(0, 2, size=(n, outputs)).astype(dtype), np.arange(n) % classes


def smoothed(z, labels, weights, share):
    """Return the losses as PyTorch's CrossEntropyLoss(weight, label_smoothing) documents them, label by label."""
    found = []
    for row, label in zip(log_softmax(z, axis=1), labels, strict=True):
        spread = sum(weight * -log_p for weight, log_p in zip(weights, row, strict=True))
        found.append((1 - share) * weights[label] * -row[label] + share / len(row) * spread)
    return np.array(found)


@each_weighted
def test_loss_of_each_example_is_multiplied_by_the_weight_of_its_class(case):
    z, labels = draw(case)
    weights = np.array(THREE if CASES[case][2] == 3 else TWO)
    plain = built(case, class_weights=None).losses_and_dz(z, labels)[0].copy()
    np.testing.assert_allclose(built(case).losses_and_dz(z, labels)[0], weights[labels] * plain, rtol=1e-13)


@pytest.mark.parametrize(("weights", "share"), [([1.0, 1.0, 1.0], 0.3), (THREE, 0.3), (THREE, 0.0)])
def test_smoothed_loss_equals_the_formula(weights, share):
    z, labels = draw("softmax_nll")
    loss = SoftmaxNLL(class_weights=weights, label_smoothing=share)
    loss.build((3,), 3)
    np.testing.assert_allclose(loss.losses_and_dz(z, labels)[0], smoothed(z, labels, weights, share), rtol=1e-12)


def test_smoothing_without_weights_equals_that_with_weights_of_one():
    z, labels = draw("softmax_nll")
    one, other = built("softmax_nll-smoothed"), built("softmax_nll-both", class_weights=[1.0, 1.0, 1.0])
    for found, expected in zip(one.losses_and_dz(z, labels), other.losses_and_dz(z, labels), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("n", [1, 4, 12])
@each_case
def test_gradient_equals_differences(case, n):
    z, labels = draw(case, n)
    result = check_scores(built(case), z, labels, np.random.default_rng(1), coordinates=None)
    assert result.passed, result


@each_with_curvature
def test_curvature_product_equals_the_difference_of_gradients(case):
    loss, (z, labels) = built(case), draw(case)
    direction = np.random.default_rng(5).normal(size=z.shape)
    above, below = (loss.losses_and_dz(z + step * direction, labels)[1].copy() for step in (1e-6, -1e-6))
    found = loss.curvature_product(z, labels, direction.copy())
    np.testing.assert_allclose(found, (above - below) / 2e-6, atol=1e-8)


@each_with_curvature
def test_curvature_diagonal_and_roots_belong_to_the_product(case):
    loss, (z, labels) = built(case), draw(case)
    n, k = z.shape
    columns = []
    for j in range(k):
        unit = np.zeros_like(z)
        unit[:, j] = 1.0
        columns.append(loss.curvature_product(z, labels, unit).copy())
    blocks = n * np.stack(columns, axis=2)  # (n, k, k): H of each example
    roots = loss.curvature_roots(z, labels).copy()
    np.testing.assert_allclose(np.einsum("rni,rnj->nij", roots, roots), blocks, atol=1e-12)
    diagonal = n * loss.curvature_diagonal(z, labels)
    np.testing.assert_allclose(diagonal, np.einsum("nii->ni", blocks), atol=1e-12)


def test_weighted_batch_in_pieces_equals_the_whole():
    found = {}
    for chunk in (None, 2):
        model, loss = next(iter(MODELS.values()))(), built("softmax_nll-both")
        model.build((4, 3))
        model.allocate(np, "float64")
        model.initialize(1)
        objective = Objective(model, loss, chunk=chunk)
        rng = np.random.default_rng(0)
        objective.set_batch(rng.normal(size=(5, 4, 3)), np.array([0, 1, 2, 2, 0]), update=0)
        found[chunk] = objective.value_and_grad(), objective.grad.copy()
    assert found[2][0] == pytest.approx(found[None][0], rel=1e-12)
    np.testing.assert_allclose(found[2][1], found[None][1], atol=1e-14)


@each_case
def test_evaluations_measure_the_plain_loss(case):
    z, labels = draw(case)
    plain = CASES[case][0].func()
    plain.build(z.shape[1:], CASES[case][2])
    assert built(case).score(z, labels) == plain.score(z, labels)


def test_evaluation_of_steps_measures_the_plain_loss():
    z, labels = np.random.default_rng(0).normal(size=(2, 3, 3)), np.array([[0, -1, 2], [1, 2, -1]])
    found, plain = EachStep(SoftmaxNLL(class_weights=THREE, label_smoothing=0.2)), EachStep(SoftmaxNLL())
    for loss in (found, plain):
        loss.build((3, 3), 3)
    assert found.score(z, labels) == plain.score(z, labels)


def test_steps_without_a_label_get_no_gradient_under_weights_and_smoothing():
    z, labels = np.random.default_rng(0).normal(size=(2, 3, 3)), np.array([[0, -1, 2], [1, 2, -1]])
    loss = EachStep(SoftmaxNLL(class_weights=THREE, label_smoothing=0.2))
    loss.build((3, 3), 3)
    losses, dz = loss.losses_and_dz(z, labels)
    there = labels >= 0
    assert losses.mean() == pytest.approx(smoothed(z[there], labels[there], THREE, 0.2).mean(), rel=1e-12)
    assert np.array_equal(dz.any(axis=2), there)


@each_case
def test_float32_stays_float32(case):
    z, labels = draw(case, dtype="float32")
    value, dz = built(case).value_and_dz(z, labels.astype("uint8"))
    assert value.dtype == dz.dtype == "float32"


@each_case
def test_result_does_not_depend_on_the_batch_before(case):
    used = built(case)
    used.losses_and_dz(*draw(case, 30, seed=9))
    for found, expected in zip(used.losses_and_dz(*draw(case)), built(case).losses_and_dz(*draw(case)), strict=True):
        assert np.array_equal(found, expected)


def test_extreme_scores_have_a_finite_smoothed_loss():
    z = np.array([[1e4, -1e4, 0], [-1e4, -1e4, -1e4], [1e4, 1e4, 1e4]], "float32")
    value, dz = built("softmax_nll-both").value_and_dz(z, np.array([1, 0, 2]))
    assert np.isfinite(value)
    assert np.isfinite(dz).all()


# Where weights come from.


def test_balanced_weights_make_the_mean_weight_of_training_examples_1():
    loss, counts = SoftmaxNLL(class_weights="balanced"), np.array([70, 20, 10])
    loss.build((3,), 3)
    loss.learn_from(counts)
    weights = np.array(loss.weights(np.zeros((1, 3))))
    np.testing.assert_allclose(weights, [100 / 210, 100 / 60, 100 / 30], rtol=1e-15)
    assert (weights * counts).sum() / 100 == pytest.approx(1.0)


def test_class_that_no_training_example_has_weighs_nothing_and_counts_for_none():
    loss = SoftmaxNLL(class_weights="balanced")
    loss.build((3,), 3)
    loss.learn_from(np.array([30, 0, 10]))
    np.testing.assert_allclose(np.array(loss.weights(np.zeros((1, 3)))), [40 / 60, 0, 40 / 20], rtol=1e-15)


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ([1.0, 2.0], "2 numbers for 3 classes"),
        ([1.0], "1 number for 3 classes"),
        ([0.0, 0.0, 0.0], "all are 0"),
    ],
)
def test_weights_that_do_not_fit_the_classes_are_refused_at_their_key(weights, said):
    with pytest.raises(ConfigError, match=said) as refused:
        SoftmaxNLL(class_weights=weights).build((3,), 3)
    assert refused.value.key == "loss.class_weights"


def test_sigmoids_of_one_output_weigh_as_two_classes_do():
    z, labels = np.array([[0.3], [-1.2]]), np.array([1, 0])
    loss = BinaryNLL(class_weights=TWO)
    loss.build((1,), 2)
    expected = [-4.0 * np.log(expit(0.3)), -0.25 * np.log(expit(1.2))]
    np.testing.assert_allclose(loss.losses_and_dz(z, labels)[0], expected, rtol=1e-12)
