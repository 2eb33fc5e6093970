"""Formulas as docstrings have them, and numbers in them."""

import numpy as np
import pytest

from mnistnn.analysis.inspection.answers.formulas import factor, formulas_in, largest_terms, number, summed
from mnistnn.kernels import dense, gru, lstm
from mnistnn.layers.batch_norm import BatchNorm
from mnistnn.layers.dense import Dense
from mnistnn.layers.lstm import LSTM
from mnistnn.layers.pool import Pool


@pytest.mark.parametrize(
    ("what", "formulas"),
    [
        (dense.dense, ["z = x W + b"]),
        (dense.dense_backward, ["dW = xᵀ dz;  db = Σ dz over the rows;  dx = dz Wᵀ"]),
        (gru.gru, ["r, u = σ(z + h U);  g = tanh(z + r (h U_g + b_g));  h' = (1 − u) g + u h"]),
        (lstm.lstm_backward, [
            "dc += dh o (1 − tanh²c);  do = dh tanh(c) o (1 − o);  df = dc c₋ f (1 − f);  di = dc g i (1 − i)",
            "dg = dc i (1 − g²)",
            "dc₋ = dc f;  dh₋ = dz Uᵀ",
        ]),
        (Dense, ["Fully connected: y = f(x W + b)"]),
        (LSTM, ["i, f, o = σ(x W + h₋ U + p c + b), g = tanh(x W + h₋ U + b);  c = f c₋ + i g;  h = o tanh(c)"]),
        (BatchNorm, [
            "y = γ (x − mean) / √(variance + ε) + β: of the batch in training, of the batches seen so far in use"
        ]),
        (Pool, []),
    ],
)  # fmt: skip
def test_formulas_are_those_of_the_docstring(what, formulas):
    assert formulas_in(what.__doc__) == formulas


@pytest.mark.parametrize("text", [None, "", "Does something.", "Keep x as it is.\n\nx (n, k) is given, and y (n, k)."])
def test_docstring_without_an_equation_has_no_formula(text):
    assert formulas_in(text) == []


def test_numbers_have_four_digits_and_a_minus_sign():
    assert (number(-1.23456), factor(-0.5), factor(2.0)) == ("−1.235", "(−0.5)", "2")


def test_largest_products_come_first_and_the_others_are_added_up():
    x, w = np.array([1.0, 0.0, 2.0, 3.0, 1.0, 1.0]), np.array([0.1, 9.0, -4.0, 1.0, 0.5, 0.25])
    terms, others = largest_terms([f"x[{i}]" for i in range(6)], x, w)
    assert [term.name for term in terms] == ["x[2]", "x[3]", "x[4]", "x[5]"]
    assert others[0] == 2
    assert others[1] == pytest.approx(0.1)
    assert summed(terms, others, ("b", -1.0)).endswith("[2 more: 0.1] + (−1) (b)")
