"""The gradient check passes what is right and catches what is wrong."""

import pytest

from mnistnn.analysis.inspection.gradcheck import check_experiment
from mnistnn.config.load import load_experiment
from mnistnn.experiment.plan import Plan
from mnistnn.kernels import dense as dense_kernels
from mnistnn.losses.penalties import L2


def check(toy, *overrides):
    return {
        row.name: row
        for row in check_experiment(Plan(load_experiment(toy, ["backend.dtype=float64", *overrides])), examples=8)
    }


@pytest.mark.parametrize("activation", ["linear", "sigmoid", "tanh", "relu"])
@pytest.mark.parametrize("seed", range(5))
def test_right_gradients_pass(toy, activation, seed):
    rows = check(toy, f"model.layers.hidden.activation={activation}", f"seed={seed}", "penalties.l1={strength: 1e-3}")
    assert list(rows) == ["hidden.W", "hidden.b", "output.W", "output.b", "input"]
    assert all(row.passed for row in rows.values()), rows


def damage(monkeypatch, change):
    """Let `change` alter what the dense layer's backward pass wrote: dW, db, dx."""
    real = dense_kernels.dense_backward

    def wrong(dz, x, W, dW, db, dx=None, dW_T=None):
        real(dz, x, W, dW, db, dx, dW_T)
        change(dW, db, dx)

    monkeypatch.setattr("mnistnn.layers.dense.dense_backward", wrong)


def scale_dW(dW, db, dx):
    dW *= 1.00001


def forget_db(dW, db, dx):
    db[...] = 0.0


def halve_dx(dW, db, dx):
    if dx is not None:
        dx *= 0.5


def spoil_one_weight(dW, db, dx):
    if dW.shape[1] == 4:
        dW[5, 2] += 1e-3


@pytest.mark.parametrize(
    ("change", "names"),
    [
        (scale_dW, {"hidden.W", "output.W"}),
        (forget_db, {"hidden.b", "output.b"}),
        (halve_dx, {"hidden.W", "hidden.b", "input"}),
        (spoil_one_weight, {"output.W"}),
    ],
)
def test_wrong_gradient_is_found_where_it_is(toy, monkeypatch, change, names):
    damage(monkeypatch, change)
    assert {name for name, row in check(toy).items() if not row.passed} == names


def test_forgotten_penalty_is_found(toy, monkeypatch):
    monkeypatch.setattr(L2, "add_gradient", lambda self, theta, grad: None)
    assert {name for name, row in check(toy).items() if not row.passed} == {"hidden.W", "output.W"}


def test_gradient_that_is_no_number_fails(toy, monkeypatch):
    def spoil(dW, db, dx):
        db[0] = float("nan")

    damage(monkeypatch, spoil)
    rows = check(toy)
    assert not rows["hidden.b"].passed
    assert rows["hidden.W"].passed
