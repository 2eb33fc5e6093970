"""What docs/course/mistakes.yaml says is so, where no experiment shows it: the expressions of the sources, computed."""

import pickle
from itertools import product

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from mnistnn.stopping.lisa import LisaPatience


def test_worked_numbers_of_the_slides_are_right():
    x, W = np.array([3.0, 5.0]), np.array([[1.0, 0.0], [1.0, 1.0]])
    assert (2**2 + 2**3, 3**2 + 1**3, 2 * 2, 2 * 3, 3 * 2**2, 2**2 + 3**3) == (12, 10, 4, 6, 12, 31)
    assert x @ W @ x == 49
    assert np.outer(x, x).tolist() == [[9, 15], [15, 25]]
    assert (x @ (W + W.T)).tolist() == [11, 13]
    assert [np.dot(a, [5, 7]) for a in ([2, 3], [3, 4])] == [31, 43]


def test_sum_over_i_of_w_ij_x_i_is_a_product_with_the_transpose():
    rng = np.random.default_rng(0)
    w, x = rng.normal(size=(3, 2)), rng.normal(size=3)
    y = [sum(w[i, j] * x[i] for i in range(3)) for j in range(2)]
    np.testing.assert_allclose(w.T @ x, y)
    with pytest.raises(ValueError, match="mismatch"):
        w @ x


def test_sigmoid_of_37_is_rounded_to_1_and_that_of_36_is_not():
    sigmoid_36, sigmoid_37 = (1 / (1 + np.exp(-z)) for z in (36.0, 37.0))
    assert sigmoid_36 < 1
    assert sigmoid_37 == 1


def test_gradient_of_a_quadratic_form_is_a_sum_over_both_paths_to_x():
    x, W, step = np.array([3.0, 5.0]), np.array([[1.0, 0.0], [1.0, 1.0]]), 1e-6
    measured = [((x + d) @ W @ (x + d) - (x - d) @ W @ (x - d)) / (2 * step) for d in step * np.eye(2)]
    np.testing.assert_allclose(W @ x + x @ W, measured, rtol=1e-6)
    assert not np.allclose(W @ x, measured)
    assert not np.allclose(x @ W, measured)


def test_argmax_without_an_axis_is_one_number_for_the_batch():
    p_y_given_x, y = np.array([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]]), np.array([1, 0, 1])
    assert np.sum(np.argmax(p_y_given_x) != y) == 1  # though all three are right
    assert np.sum(np.argmax(p_y_given_x, axis=1) != y) == 0


def test_log_of_a_softmax_is_infinite_where_its_loss_is_not():
    z = np.array([0.0, 1000.0])
    with np.errstate(divide="ignore"):
        assert -np.log(softmax(z))[0] == np.inf
    assert -log_softmax(z)[0] == 1000


@pytest.mark.parametrize(("behind", "moves"), [(0.0, False), (1.0, True)])
def test_hidden_weights_of_zero_move_only_with_weights_behind_them(behind, moves):
    rng = np.random.default_rng(0)
    x, W_hy, dz = rng.normal(size=(5, 4)), behind * rng.normal(size=(3, 2)), rng.normal(size=(5, 2))
    h = np.tanh(x @ np.zeros((4, 3)))
    dW_xh = x.T @ (dz @ W_hy.T * (1 - h**2))
    assert np.any(dW_xh != 0) == moves
    assert len({tuple(column) for column in dW_xh.T}) == (3 if moves else 1)


def test_biases_of_ten_classes_cannot_be_added_to_twenty_units():
    with pytest.raises(ValueError, match="broadcast"):
        np.zeros((5, 20)) + np.zeros(10)


def test_mean_weights_give_the_geometric_mean_of_all_masked_softmax_models():
    rng, keep = np.random.default_rng(0), 0.75
    x, W, b = rng.normal(size=(1, 3)), rng.normal(size=(3, 2)), rng.normal(size=2)
    geometric, arithmetic = np.zeros((1, 2)), np.zeros((1, 2))
    for bits in product((0, 1), repeat=W.size):
        chance = np.prod([keep if bit else 1 - keep for bit in bits])
        y = softmax(x @ (W * np.reshape(bits, W.shape)) + b)
        geometric += chance * np.log(y)
        arithmetic += chance * y
    geometric = np.exp(geometric) / np.exp(geometric).sum()
    predicted = softmax(x @ (keep * W) + b)
    np.testing.assert_allclose(predicted, geometric, rtol=1e-12)
    assert np.abs(predicted - arithmetic).max() > 1e-3


def test_sign_of_the_slides_machine_turns_the_gradient_of_its_likelihood():
    states = np.array(list(product((0.0, 1.0), repeat=4)))  # two visible units, then two hidden ones
    products = np.einsum("si,sj->sij", states[:, :2], states[:, 2:])

    def log_p_of_11(W, sign):
        p = np.exp(sign * np.einsum("sij,ij->s", products, W))
        return np.log(p[states[:, :2].all(axis=1)].sum() / p.sum())

    W, step = np.array([[0.3, -0.2], [0.5, 0.1]]), 1e-6
    for sign in (1, -1):
        p = np.exp(sign * np.einsum("sij,ij->s", products, W))
        clamped = p * states[:, :2].all(axis=1)
        of_data, of_model = (np.einsum("s,sij->ij", each / each.sum(), products) for each in (clamped, p))
        bump = step * np.array([[1.0, 0.0], [0.0, 0.0]])
        measured = (log_p_of_11(W + bump, sign) - log_p_of_11(W - bump, sign)) / (2 * step)
        assert measured == pytest.approx(sign * (of_data - of_model)[0, 0], rel=1e-6)
    assert log_p_of_11(W, 1) == pytest.approx(log_p_of_11(-W, -1))


@pytest.mark.parametrize(("patience", "looks"), [(5000, [2500, 5000, 7500, 10000]), (5001, [5001, 10002])])
def test_half_of_an_odd_patience_is_met_half_as_often(patience, looks):
    assert [number for number in range(1, 10_003) if number % (patience / 2) == 0] == looks


@pytest.mark.parametrize(("kept", "extended"), [(0.996, False), (0.994, True)])
def test_only_a_single_improvement_of_enough_extends_patience_however_many_small_ones_there_are(kept, extended):
    rows = [{"epoch": n, "updates": 83.0 * n, "valid.error": 0.1 * kept**n} for n in range(1, 61)]
    assert rows[-1]["valid.error"] < 0.8 * rows[0]["valid.error"]
    first, last = (LisaPatience(updates=5000).deadline(history) for history in (rows[:1], rows))
    assert first is not None
    assert last is not None
    assert (last.updates > first.updates) == extended


def test_pickle_of_python_2_needs_an_encoding():
    text_of_python_2 = b"\x80\x02U\x01\xff."
    with pytest.raises(UnicodeDecodeError):
        pickle.loads(text_of_python_2)
    assert pickle.loads(text_of_python_2, encoding="latin1") == "\xff"


def test_pickle_cannot_be_read_from_a_file_opened_as_text(tmp_path):
    path = tmp_path / "path"
    with path.open("wb") as file:
        pickle.dump(np.arange(3.0), file, -1)
    with path.open(encoding="utf-8") as file, pytest.raises((TypeError, UnicodeDecodeError)):
        pickle.load(file)
