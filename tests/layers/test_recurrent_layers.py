"""Recurrent layers: against PyTorch's stored values, against steps written out here, and gradients through time."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import expit

from mnistnn.backend import jit, threads
from mnistnn.errors import ConfigError
from mnistnn.layers.dense import Dense
from mnistnn.layers.gru import GRU
from mnistnn.layers.initializers import Identity
from mnistnn.layers.lstm import LSTM
from mnistnn.layers.recurrent import Recurrent
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.supervised import Objective
from mnistnn.types import ShapeError

FROM_TORCH = json.loads(Path(__file__).with_name("recurrent_from_torch.json").read_text(encoding="utf-8"))["cases"]
CELLS: dict[str, Callable[..., Any]] = {
    "recurrent": lambda **keys: Recurrent(**keys),
    "recurrent-relu": lambda **keys: Recurrent(activation="relu", **keys),
    "lstm": lambda **keys: LSTM(**keys),
    "lstm-peepholes": lambda **keys: LSTM(peepholes=True, **keys),
    "gru": lambda **keys: GRU(**keys),
}
each_cell = pytest.mark.parametrize("cell", CELLS)


def bound(layer: Any, in_shape: tuple[int, ...], dtype: str = "float64", seed: int = 0, scale: float = 0.7) -> Any:
    """Build a layer with random parameters, under .values and .grads."""
    rng = np.random.default_rng(seed)
    _, parameters = layer.build(in_shape)
    layer.values = {p.name: (scale * rng.normal(size=p.shape)).astype(dtype) for p in parameters}
    layer.grads = {p.name: np.full(p.shape, np.nan, dtype) for p in parameters}
    layer.bind(layer.values, layer.grads)
    return layer


def step(cell: str, v: dict[str, np.ndarray], x: np.ndarray, state: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Return the state after one step, h first, from the formulas."""
    h = state[0]
    units = h.shape[1]
    z = x @ v["W"] + v["b"]
    if cell.startswith("recurrent"):
        a = z + h @ v["U"]
        return (np.maximum(a, 0) if cell == "recurrent-relu" else np.tanh(a),)
    if cell == "gru":
        s = h @ v["U"]
        r, u = (expit((z + s)[:, k * units : (k + 1) * units]) for k in range(2))
        g = np.tanh(z[:, 2 * units :] + r * (s[:, 2 * units :] + v["c"]))
        return ((1 - u) * g + u * h,)
    c = state[1]
    i, f, o, g = np.split(z + h @ v["U"], 4, axis=1)
    p = v.get("p", np.zeros((3, units)))
    i, f = expit(i + p[0] * c), expit(f + p[1] * c)
    after = f * c + i * np.tanh(g)
    return expit(o + p[2] * after) * np.tanh(after), after


def states(cell: str, v: dict[str, np.ndarray], x: np.ndarray, units: int) -> list[tuple[np.ndarray, ...]]:
    """Return the states before the first step and after each."""
    found: list[tuple[np.ndarray, ...]] = [(np.zeros((len(x), units)),) * 2]
    for s in range(x.shape[1]):
        found.append(step(cell, v, x[:, s], found[-1]))
    return found


@pytest.mark.parametrize("case", FROM_TORCH)
def test_layer_does_what_pytorch_does(case):
    kind, stored = case.removesuffix("-both-ways"), FROM_TORCH[case]
    cell = "recurrent" if kind == "recurrent-tanh" else kind
    layer = bound(CELLS[cell](units=4, output="every", bidirectional=kind != case), (5, 3))
    for suffix, prefix in (("", ""), ("_reverse", "back_"))[: len(layer.directions)]:
        for name, value in translated(kind, stored["parameters"], suffix).items():
            layer.values[prefix + name][...] = value
    x, dy = np.array(stored["x"]), np.array(stored["dy"])
    np.testing.assert_allclose(layer.forward(x, train=True), stored["y"], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(layer.backward(dy.copy()), stored["dx"], rtol=1e-10, atol=1e-13)
    for suffix, prefix in (("", ""), ("_reverse", "back_"))[: len(layer.directions)]:
        for name, value in translated(kind, stored["gradients"], suffix, of_gradients=True).items():
            np.testing.assert_allclose(layer.grads[prefix + name], value, rtol=1e-10, atol=1e-13)


def translated(kind: str, named: dict[str, Any], suffix: str, of_gradients: bool = False) -> dict[str, np.ndarray]:
    """Return PyTorch's arrays under our names: transposed, its LSTM's o behind its g, and two biases instead of one."""
    w, u, b, d = (np.array(named[f"{name}_l0{suffix}"]) for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
    order = [0, 1, 3, 2] if kind == "lstm" else range(len(b) // 4)
    w, u, b, d = (np.concatenate([np.split(a, len(order))[k] for k in order]) for a in (w, u, b, d))
    if kind == "gru":
        ours = {"b": np.concatenate([b[:8] + (0 if of_gradients else d[:8]), b[8:]]), "c": d[8:]}
    else:
        ours = {"b": b if of_gradients else b + d}
    return {"W": w.T, "U": u.T, **ours}


@pytest.mark.parametrize("output", ["last", "every"])
@pytest.mark.parametrize("bidirectional", [False, True])
@each_cell
def test_states_follow_step_by_step(cell, bidirectional, output):
    layer = bound(CELLS[cell](units=4, output=output, bidirectional=bidirectional), (6, 3))
    x = np.random.default_rng(1).normal(size=(5, 6, 3))
    expected = [np.stack([s[0] for s in states(cell, layer.values, x, 4)[1:]], axis=1)]
    if bidirectional:
        back = {name.removeprefix("back_"): v for name, v in layer.values.items() if name.startswith("back_")}
        expected.append(np.stack([s[0] for s in states(cell, back, x[:, ::-1], 4)[1:]], axis=1)[:, ::-1])
    if output == "last":
        expected = [direction[:, -1] if number == 0 else direction[:, 0] for number, direction in enumerate(expected)]
    np.testing.assert_allclose(layer.forward(x, train=False), np.concatenate(expected, axis=-1), rtol=1e-12)


def objective_of(layers: dict[str, Any], in_shape: tuple[int, int], n: int) -> Objective:
    model, loss, rng = Sequential(layers={**layers, "output": Dense(units=3)}), SoftmaxNLL(), np.random.default_rng(3)
    loss.build(model.build(in_shape), 3)
    model.allocate(np, "float64")
    model.initialize(0)
    model.theta[...] = 0.6 * rng.normal(size=model.size)
    objective = Objective(model, loss)
    objective.set_batch(rng.normal(size=(n, *in_shape)), rng.integers(3, size=n), 0)
    return objective


def differences(value: Callable[[], float], theta: np.ndarray, width: float = 1e-5) -> np.ndarray:
    found = np.empty_like(theta)
    for i in range(theta.size):
        middle = theta[i]
        theta[i] = middle + width
        above = value()
        theta[i] = middle - width
        found[i] = (above - value()) / (2 * width)
        theta[i] = middle
    return found


@pytest.mark.parametrize(("t", "n"), [(1, 3), (2, 3), (7, 1)])
@pytest.mark.parametrize("bidirectional", [False, True])
@each_cell
def test_gradient_goes_back_through_time(cell, bidirectional, t, n):
    """Of two layers upon each other: the lower one gets a gradient at each step, the upper one at the last."""
    layers = {
        "lower": CELLS[cell](units=3, output="every", bidirectional=bidirectional),
        "upper": CELLS[cell](units=4, bidirectional=bidirectional),
    }
    objective = objective_of(layers, (t, 2), n)
    objective.value_and_grad()
    gradient = objective.grad.copy()
    expected = differences(objective.value, objective.theta)
    assert np.linalg.norm(gradient - expected) <= 1e-7 * np.linalg.norm(expected)


@pytest.mark.parametrize("output", ["last", "every"])
@each_cell
def test_gradient_that_may_go_back_to_the_beginning_is_the_whole_one(cell, output):
    found = []
    for truncate in (None, 7):
        objective = objective_of({"a": CELLS[cell](units=4, output=output, truncate=truncate)}, (7, 2), 3)
        objective.value_and_grad()
        found.append(objective.grad.copy())
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("truncate", [1, 3])
@each_cell
def test_truncated_gradient_takes_the_state_before_for_given(cell, truncate, bidirectional):
    """Against differences of the last steps alone, from a state that does not move with the parameters."""
    t, units = 7, 4
    layer = bound(CELLS[cell](units=units, truncate=truncate, bidirectional=bidirectional), (t, 2))
    x, dy = np.random.default_rng(1).normal(size=(3, t, 2)), np.random.default_rng(2).normal(size=(3, units))
    layer.forward(x, train=True)
    whole = np.concatenate([dy, dy], axis=1) if bidirectional else dy
    dx = layer.backward(whole.copy())
    for prefix, read in (("", x), ("back_", x[:, ::-1]))[: len(layer.directions)]:
        mine = {
            name.removeprefix(prefix): v for name, v in layer.values.items() if name.startswith("back_") == bool(prefix)
        }
        given = states(cell, {name: v.copy() for name, v in mine.items()}, read, units)[t - truncate]

        def value(mine=mine, read=read, given=given):
            state = given
            for s in range(t - truncate, t):
                state = step(cell, mine, read[:, s], state)
            return float((state[0] * dy).sum())

        for name, v in mine.items():
            expected = differences(value, v.reshape(-1)).reshape(v.shape)
            np.testing.assert_allclose(layer.grads[prefix + name], expected, rtol=1e-6, atol=1e-8)
    if not bidirectional:
        assert not dx[:, : t - truncate].any()
        assert dx[:, t - truncate :].any()


@each_cell
def test_stretches_are_counted_from_the_end_where_every_step_is_handed_on(cell):
    """Seven steps in stretches of three: what the seventh makes goes back to the fifth, what the fourth makes to the
    second.
    """
    layer = bound(CELLS[cell](units=4, output="every", truncate=3), (7, 2))
    x = np.random.default_rng(1).normal(size=(3, 7, 2))
    for at, reached in ((6, {4, 5, 6}), (3, {1, 2, 3}), (0, {0})):
        layer.forward(x, train=True)
        dy = np.zeros((3, 7, 4))
        dy[:, at] = 1.0
        dx = layer.backward(dy)
        assert {s for s in range(7) if dx[:, s].any()} == reached


@pytest.mark.parametrize("truncate", [None, 2])
@each_cell
def test_examples_shared_out_among_workers_are_read_alike(cell, truncate):
    found = []
    for workers in (1, 3):
        layer = bound(CELLS[cell](units=4, output="every", bidirectional=True, truncate=truncate), (5, 3))
        x, dy = np.random.default_rng(1).normal(size=(50, 5, 3)), np.random.default_rng(2).normal(size=(50, 5, 8))
        with threads.allowed(workers):
            found.append([layer.forward(x, train=True).copy(), layer.backward(dy).copy(), *layer.grads.values()])
    for one, several in zip(*found, strict=True):
        np.testing.assert_array_equal(several, one)


def ragged(n: int, t: int, features: int) -> tuple[np.ndarray, np.ndarray]:
    """Return sequences with a mark in each step that there is, and numbers behind the end as well; and lengths."""
    rng = np.random.default_rng(5)
    lengths = np.concatenate([[t, 1], rng.integers(1, t + 1, size=n - 2)])
    x = rng.normal(size=(n, t, features))
    return np.concatenate([x, (np.arange(t) < lengths[:, None])[:, :, None]], axis=2), lengths


@pytest.mark.parametrize("bidirectional", [False, True])
@each_cell
def test_steps_that_an_example_does_not_have_make_no_difference(cell, bidirectional):
    """Each example of a batch gives what it gives alone and cut to its length, whatever stands behind its end."""
    layers = {"lower": CELLS[cell](units=3, output="every", bidirectional=bidirectional), "upper": CELLS[cell](units=4)}
    x, lengths = ragged(6, 5, 2)
    model = Sequential(layers=layers)
    model.build((5, 2), ragged=True)
    model.allocate(np, "float64")
    model.initialize(0)
    model.theta[...] = 0.6 * np.random.default_rng(3).normal(size=model.size)
    together, theta = model.forward(x, train=False).copy(), model.theta.copy()
    for row, length in enumerate(lengths):
        model.build((int(length), 2))
        model.allocate(np, "float64")
        model.theta[...] = theta
        np.testing.assert_allclose(
            model.forward(x[row : row + 1, :length, :2], train=False)[0], together[row], rtol=1e-12
        )


@pytest.mark.parametrize("truncate", [None, 5])
@pytest.mark.parametrize("bidirectional", [False, True])
@each_cell
def test_gradient_of_sequences_of_different_lengths(cell, bidirectional, truncate):
    keys = {"bidirectional": bidirectional, "truncate": truncate}
    layers = {"lower": CELLS[cell](units=3, output="every", **keys), "upper": CELLS[cell](units=4, **keys)}
    x, _ = ragged(6, 5, 2)
    model, loss = Sequential(layers={**layers, "output": Dense(units=3)}), SoftmaxNLL()
    loss.build(model.build((5, 2), ragged=True), 3)
    model.allocate(np, "float64")
    model.initialize(0)
    model.theta[...] = 0.6 * np.random.default_rng(3).normal(size=model.size)
    objective = Objective(model, loss)
    objective.set_batch(x, np.arange(6) % 3, 0)
    objective.value_and_grad()
    gradient = objective.grad.copy()
    expected = differences(objective.value, objective.theta)
    assert np.linalg.norm(gradient - expected) <= 1e-7 * np.linalg.norm(expected)


def test_sequences_of_different_lengths_want_a_recurrent_layer_first():
    model = Sequential(layers={"hidden": Dense(units=3), "memory": LSTM(units=3)})
    with pytest.raises(ConfigError, match="are read by recurrent layers, and this one is dense"):
        model.build((5, 2), ragged=True)


@pytest.mark.parametrize("moves", [4, 2])
@each_cell
def test_windows_that_carry_their_state_on_are_one_long_sequence(cell, moves):
    """Windows of four steps that move by all or by half of them: each begins where the one before was there."""
    whole = bound(CELLS[cell](units=3, output="every"), (12, 2))
    layer = bound(CELLS[cell](units=3, output="every", carry=moves), (4, 2))
    x = np.random.default_rng(1).normal(size=(5, 12, 2))
    expected = whole.forward(x, train=True).copy()
    layer.begin_to_carry(5, x, updates_per_epoch=10)
    for epoch in range(2):  # nothing is carried into an epoch
        for number, start in enumerate(range(0, 12 - 3, moves)):
            layer.begin_update(10 * epoch + number)
            found = layer.forward(x[:, start : start + 4], train=True)
            np.testing.assert_allclose(found, expected[:, start : start + 4], rtol=1e-10)
            # Being measured between two updates makes no difference, and begins with nothing.
            np.testing.assert_allclose(layer.forward(x[:, :4], train=False), expected[:, :4], rtol=1e-10)


IN_LOOPS = ("lstm", "gru")
UNITS = 40  # enough for loops, and no multiple of any panel's columns


def passed(layer: Any, x: np.ndarray, dy: np.ndarray, mask: np.ndarray | None = None) -> list[np.ndarray]:
    """Return what a layer makes of x and dy, and its gradients."""
    layer.step_mask = mask
    y = layer.forward(x, train=True).copy()
    return [y, layer.backward(dy).copy(), *(grad.copy() for grad in layer.grads.values())]


@pytest.mark.parametrize("is_masked", [False, True])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize(("output", "truncate"), [("last", None), ("every", None), ("every", 2), ("last", 3)])
@pytest.mark.parametrize("cell", IN_LOOPS)
def test_loops_do_what_the_array_code_does(cell, output, truncate, bidirectional, is_masked):
    pytest.importorskip("numba")
    keys = {"units": UNITS, "output": output, "truncate": truncate, "bidirectional": bidirectional}
    rng, n, t = np.random.default_rng(1), 13, 7
    x = rng.normal(size=(n, t, 5))
    dy = rng.normal(size=(n, *((t,) if output == "every" else ()), UNITS * (2 if bidirectional else 1)))
    mask = (np.arange(t) < rng.integers(1, t + 1, size=n)[:, None]).T[:, :, None] if is_masked else None
    found = []
    for dtype in ("float32", "float64"):
        layer = bound(CELLS[cell](**keys), (t, 5), dtype, scale=0.3)
        found.append(passed(layer, x.astype(dtype), dy.astype(dtype), None if mask is None else mask.astype(dtype)))
        assert layer.in_loops == (dtype == "float32")
    for loops, arrays in zip(*found, strict=True):
        np.testing.assert_allclose(loops, arrays, rtol=1e-4, atol=2e-5 * np.abs(arrays).max())


@pytest.mark.parametrize("cell", IN_LOOPS)
def test_loops_carry_states_on(cell):
    pytest.importorskip("numba")
    found = []
    for dtype in ("float32", "float64"):
        layer = bound(CELLS[cell](units=UNITS, output="every", carry=2), (4, 3), dtype, scale=0.3)
        x = np.random.default_rng(3).normal(size=(5, 8, 3)).astype(dtype)
        layer.begin_to_carry(5, x, updates_per_epoch=10)
        for number, start in enumerate((0, 2, 4)):
            layer.begin_update(number)
            y = layer.forward(x[:, start : start + 4], train=True)
        found.append(y.copy())
    np.testing.assert_allclose(found[0], found[1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("truncate", [None, 2])
@pytest.mark.parametrize("cell", IN_LOOPS)
def test_loops_have_the_same_bits_with_any_number_of_workers(cell, truncate):
    pytest.importorskip("numba")
    rng, found = np.random.default_rng(1), []
    x, dy = (rng.normal(size=(50, 5, k)).astype("float32") for k in (3, UNITS))
    for workers in (1, 3):
        layer = bound(CELLS[cell](units=UNITS, output="every", truncate=truncate), (5, 3), "float32")
        with threads.allowed(workers):
            found.append(passed(layer, x, dy))
    for one, several in zip(*found, strict=True):
        np.testing.assert_array_equal(several, one)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", IN_LOOPS)
def test_layer_in_loops_keeps_no_more_numbers_than_it_says(cell, bidirectional):
    pytest.importorskip("numba")
    layer = bound(CELLS[cell](units=UNITS, bidirectional=bidirectional), (5, 3), "float32")
    x = np.zeros((6, 5, 3), "float32")
    y = layer.forward(x, train=False)
    assert layer.scratch.nbytes == x.itemsize * layer.memory(6, train=False)
    layer.backward(y)
    assert layer.scratch.nbytes == x.itemsize * layer.memory(6, train=True)


@pytest.mark.parametrize(
    ("make", "dtype"),
    [
        (lambda: LSTM(units=UNITS), "float64"),
        (lambda: LSTM(units=31), "float32"),
        (lambda: LSTM(units=UNITS, peepholes=True), "float32"),
        (lambda: Recurrent(units=UNITS), "float32"),
    ],
)
def test_array_code_does_what_loops_are_not_made_for(make, dtype):
    layer = bound(make(), (5, 3), dtype)
    layer.forward(np.zeros((2, 5, 3), dtype), train=False)
    assert not layer.in_loops


def test_array_code_does_what_a_run_without_compiled_loops_asks_for():
    layer = bound(LSTM(units=UNITS), (5, 3), "float32")
    with jit.Compiled(wanted=False).in_use():
        layer.forward(np.zeros((2, 5, 3), "float32"), train=False)
    assert not layer.in_loops


def test_lstm_with_open_gates_adds_up():
    layer = bound(LSTM(units=2, output="every"), (6, 2))
    for value in layer.values.values():
        value[...] = 0.0
    layer.values["b"][:6] = 100.0  # i, f and o are 1
    layer.values["W"][:, 6:] = np.eye(2)
    x = np.random.default_rng(0).normal(size=(3, 6, 2))
    np.testing.assert_allclose(layer.forward(x, train=False), np.tanh(np.tanh(x).cumsum(axis=1)), rtol=1e-12)


def test_rectified_units_that_start_as_the_identity_add_up():
    layer = Recurrent(units=3, activation="relu", recurrent_init=Identity(), init=Identity())
    model = Sequential(layers={"a": layer})
    model.build((5, 3))
    model.allocate(np, "float64")
    model.initialize(0)
    x = np.random.default_rng(0).uniform(size=(2, 5, 3))
    np.testing.assert_allclose(model.forward(x, train=False), x.sum(axis=1), rtol=1e-12)


def test_each_gate_starts_orthogonal_and_the_forget_gate_open():
    model = Sequential(layers={"a": LSTM(units=5, peepholes=True, forget_bias=2.0)})
    model.build((4, 3))
    model.allocate(np, "float64")
    model.initialize(0)
    views = model.views(model.theta)
    for U in np.split(views["a.U"], 4, axis=1):
        np.testing.assert_allclose(U @ U.T, np.eye(5), atol=1e-12)
    assert views["a.b"].tolist() == [0.0] * 5 + [2.0] * 5 + [0.0] * 10
    assert not views["a.p"].any()
    limit = np.sqrt(6 / (3 + 5))
    assert 0.8 * limit < np.abs(views["a.W"]).max() <= limit


@pytest.mark.parametrize(
    ("layer", "in_shape", "said"),
    [
        (LSTM(units=3), (5,), "lstm reads sequences (steps × features), or images row by row, and its input is 5"),
        (GRU(units=3), (2, 5, 5), "its input is 2×5×5"),
        (Recurrent(units=3, truncate=6), (5, 2), "truncate: 6 is more than the 5 steps that there are"),
        (Recurrent(units=3, carry=6), (5, 2), "carry: 6 is more than the 5 steps that there are"),
        (Recurrent(units=3, carry=5, bidirectional=True), (5, 2), "carry: a bidirectional layer"),
    ],
)
def test_what_cannot_be_read_is_refused(layer, in_shape, said):
    with pytest.raises(ShapeError) as caught:
        layer.build(in_shape)
    assert said in str(caught.value)


@each_cell
def test_cost_is_that_of_all_steps(cell):
    layer = CELLS[cell](units=4, bidirectional=True)
    layer.build((6, 3))
    assert layer.multiply_adds == 2 * 6 * (3 + 4) * layer.gates * 4
