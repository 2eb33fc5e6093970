"""One tiny instance of everything that an experiment can name around an objective: what moves, starts, ends and feeds
it; and what must hold for all of them.

A component without an instance here fails `test_every_component_has_a_case`.
"""

import tracemalloc
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, get_args

import numpy as np
import pytest

from mnistnn import optim, preprocess, stopping
from mnistnn.layers import initializers
from mnistnn.layers.dense import Dense
from mnistnn.layers.initializers import FanInOut
from mnistnn.losses.softmax_nll import SoftmaxNLL
from mnistnn.models.sequential import Sequential
from mnistnn.objectives.supervised import Objective
from mnistnn.optim import (
    adaptive,
    conjugate_gradient,
    hessian_free,
    lbfgs,
    levenberg_marquardt,
    line_search,
    momentum,
    rprop,
    schedules,
    sgd,
    stochastic_diagonal,
)
from mnistnn.optim.contract import Progress
from mnistnn.preprocess.binarize import Binarize
from mnistnn.preprocess.blur import Blur
from mnistnn.preprocess.contrast import ContrastNormalize
from mnistnn.preprocess.deskew import Deskew
from mnistnn.preprocess.features import Features
from mnistnn.preprocess.normalize_width import NormalizeWidth
from mnistnn.preprocess.pad import Pad
from mnistnn.preprocess.quadratic import Quadratic
from mnistnn.preprocess.scan import Scan
from mnistnn.preprocess.shrink import Shrink
from mnistnn.preprocess.standardize import Standardize
from mnistnn.preprocess.transpose import Transpose
from mnistnn.preprocess.whiten import Whiten
from mnistnn.stopping import course, limits, lisa

Cases = dict[str, Callable[[], Any]]

# Each case makes a fresh tiny instance.
OPTIMIZERS: Cases = {
    "sgd": lambda: sgd.SGD(learning_rate=0.2),
    "sgd-clipped": lambda: sgd.SGD(learning_rate=0.2, clip_norm=0.5),
    "sgd-scheduled": lambda: sgd.SGD(learning_rate=schedules.Exponential(start=0.3, factor=0.99)),
    "sign": lambda: sgd.Sign(learning_rate=0.02),
    "course_momentum": lambda: momentum.CourseMomentum(learning_rate=0.2),
    "momentum": lambda: momentum.Momentum(learning_rate=0.05),
    "momentum-scheduled": lambda: momentum.Momentum(learning_rate=0.05, momentum=schedules.Sutskever(limit=0.9)),
    "nesterov": lambda: momentum.Nesterov(learning_rate=0.05),
    "adaptive_rates": lambda: adaptive.AdaptiveRates(learning_rate=0.05),
    "rprop": lambda: rprop.RProp(learning_rate=0.02),
    "course_rmsprop": lambda: adaptive.CourseRMSProp(learning_rate=0.01),
    "rmsprop": lambda: adaptive.RMSProp(learning_rate=0.02),
    "graves_rmsprop": lambda: adaptive.GravesRMSProp(learning_rate=0.01),
    "adagrad": lambda: adaptive.AdaGrad(learning_rate=0.2),
    "adadelta": lambda: adaptive.AdaDelta(learning_rate=1.0, epsilon=1e-3),
    "adam": lambda: adaptive.Adam(learning_rate=0.05),
    "adamw": lambda: adaptive.AdamW(learning_rate=0.05),
    "stochastic_diagonal": lambda: stochastic_diagonal.StochasticDiagonal(learning_rate=0.05, examples=2),
}
# Those that move theta on a GPU by one kernel, so that a step can be recorded.
FUSED: Cases = {case: make for case, make in OPTIMIZERS.items() if make().fused_update is not None}
# Optimizers too, but such as evaluate the objective as often as they like.
METHODS: Cases = {
    "conjugate_gradient": conjugate_gradient.ConjugateGradient,
    "conjugate_gradient-fr": lambda: conjugate_gradient.ConjugateGradient(formula="fletcher_reeves"),
    "conjugate_gradient-hs": lambda: conjugate_gradient.ConjugateGradient(formula="hestenes_stiefel"),
    "l_bfgs": lambda: lbfgs.LBFGS(memory=3),
    "l_bfgs-backtracking": lambda: lbfgs.LBFGS(line_search=line_search.Backtracking()),
    "hessian_free": lambda: hessian_free.HessianFree(curvature_examples=3),
    "levenberg_marquardt": levenberg_marquardt.LevenbergMarquardt,
    "levenberg_marquardt-diagonal": lambda: levenberg_marquardt.LevenbergMarquardt(scaling="diagonal"),
}
SCHEDULES: Cases = {
    "step": lambda: schedules.Step(start=0.5, every_epochs=2.0),
    "exponential": lambda: schedules.Exponential(start=0.5, factor=0.9),
    "inverse_time": lambda: schedules.InverseTime(start=0.5, decay=0.5),
    "linear": lambda: schedules.Linear(start=0.5, end=0.1, epochs=5.0),
    "cosine": lambda: schedules.Cosine(start=0.5, end=0.1, epochs=5.0),
    "one_cycle": lambda: schedules.OneCycle(peak=0.5, epochs=5.0),
    "bold_driver": lambda: schedules.BoldDriver(start=0.5),
    "plateau": lambda: schedules.Plateau(start=0.5, patience=2),
    "sutskever": lambda: schedules.Sutskever(limit=0.9, period_updates=20),
}
INITIALIZERS: Cases = {
    "zeros": initializers.Zeros,
    "constant": lambda: initializers.Constant(value=0.5),
    "normal": lambda: initializers.Normal(std=0.5),
    "truncated_normal": lambda: initializers.TruncatedNormal(std=0.5),
    "uniform": lambda: initializers.Uniform(limit=0.5),
    "glorot": initializers.Glorot,
    "he": initializers.He,
    "orthogonal": initializers.Orthogonal,
    "identity": initializers.Identity,
}
POLICIES: Cases = {
    "max_epochs": lambda: limits.MaxEpochs(epochs=4),
    "max_updates": lambda: limits.MaxUpdates(updates=45),
    "max_time": lambda: limits.MaxTime(seconds=3.0),
    "max_passes": lambda: limits.MaxPasses(passes=7.0),
    "target": lambda: limits.Target(value=0.5),
    "converged": limits.Converged,
    "course_patience": lambda: course.CoursePatience(min_epochs=2, max_patience=2),
    "course_points": lambda: course.CoursePoints(examples=150),
    "lisa_patience": lambda: lisa.LisaPatience(updates=25),
    "significance_patience": lambda: lisa.SignificancePatience(updates=25),
}
TRANSFORMS: Cases = {
    "whiten-pca": lambda: Whiten(dimensions=4),
    "whiten-zca": lambda: Whiten(method="zca", epsilon=0.01),
    "standardize": Standardize,
    "contrast_normalize": ContrastNormalize,
    "binarize": Binarize,
    "deskew": Deskew,
    "features": lambda: Features(file="machine.safetensors"),
    "normalize_width": lambda: NormalizeWidth(width_px=2),
    "pad": lambda: Pad(shape=[4, 3]),
    "shrink": lambda: Shrink(shape=[1, 2]),
    "scan": lambda: Scan(permutation=3),
    "quadratic": Quadratic,
    "blur": lambda: Blur(sigma_px=0.7),
    "transpose": Transpose,
}
REGISTRIES: dict[str, tuple[list[Any], Cases]] = {
    "optimizer": ([optim.Optimizer], OPTIMIZERS | METHODS),
    "schedule": ([schedules.RateSchedule, schedules.MomentumSchedule], SCHEDULES),
    "initializer": ([initializers.Initializer], INITIALIZERS),
    "policy": ([stopping.Stopping], POLICIES),
    "transform": ([preprocess.Preprocess], TRANSFORMS),
}


def of(cases: Cases) -> Any:
    """Parametrize a test by the functions of a table."""
    return pytest.mark.parametrize("make", [pytest.param(make, id=name) for name, make in cases.items()])


@pytest.mark.parametrize("registry", REGISTRIES)
def test_every_component_has_a_case(registry):
    unions, cases = REGISTRIES[registry]
    tested = {type(make()) for make in cases.values()}
    missing = [kind.__name__ for union in unions for kind in get_args(get_args(union)[0]) if kind not in tested]
    assert not missing, f"add a tiny {registry} of {', '.join(missing)} to the tables in {__file__}"


def objective_of(dtype: str = "float64", xp: Any = np) -> Objective:
    rng, loss = np.random.default_rng(11), SoftmaxNLL()
    model = Sequential(layers={"hidden": Dense(units=5, activation="tanh"), "output": Dense(units=3)})
    loss.build(model.build((2, 3)), 3)
    model.allocate(xp, dtype)
    model.initialize(0)
    objective = Objective(model, loss)
    x, labels = rng.uniform(-1, 1, (4, 2, 3)).astype(dtype), rng.integers(3, size=4)
    objective.set_batch(xp.asarray(x), xp.asarray(labels), update=0)
    return objective


def allocated(make: Callable[[], Any], objective: Objective) -> Any:
    optimizer = make()
    optimizer.allocate(objective.theta, objective.grad)
    return optimizer


def at(updates: int) -> Progress:
    """Return a progress on one batch that stays."""
    return Progress(updates=updates, updates_per_objective=None)


@of(OPTIMIZERS | METHODS)
def test_optimizer_lowers_the_loss(make):
    objective = objective_of()
    optimizer = allocated(make, objective)
    losses = [float(optimizer.step(objective, at(i))) for i in range(100)]
    assert losses[-1] < 0.5 * losses[0]


@of(OPTIMIZERS | METHODS)
def test_optimizer_returns_the_loss_before_the_move(make):
    objective = objective_of()
    before = float(objective.loss_and_grad())
    assert float(allocated(make, objective).step(objective, at(0))) == before


@of(OPTIMIZERS | METHODS)
def test_optimizer_goes_on_alike_from_its_saved_state(make):
    """The copy has an objective of its own, so the gradient that it goes on with is in the state too."""
    whole, parted, copied = objective_of(), objective_of(), objective_of()
    one, before, after = allocated(make, whole), allocated(make, parted), allocated(make, copied)
    for i in range(6):
        one.step(whole, at(i))
        if i < 3:
            before.step(parted, at(i))
        else:
            after.step(copied, at(i))
        copied.theta[...] = parted.theta if i < 3 else copied.theta
        for name, array in after.state().items() if i < 3 else ():
            array[...] = before.state()[name]
    assert np.array_equal(whole.theta, copied.theta)


@of(OPTIMIZERS | METHODS)
def test_optimizer_gives_the_metrics_that_it_names(make):
    objective = objective_of()
    optimizer = allocated(make, objective)
    optimizer.step(objective, at(0))
    metrics = optimizer.metrics(Progress(examples_per_epoch=4))
    assert tuple(metrics) == optimizer.gives
    assert all(type(value) is float and np.isfinite(value) for value in metrics.values())
    assert type(optimizer.rate(at(1))) is float
    assert metrics.get("passes", 1.0) == objective.passed / 4 or "passes" not in metrics


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@of(METHODS)
def test_method_keeps_vectors_of_the_parameters_dtype_and_numbers_of_the_host(make, dtype):
    objective = objective_of(dtype)
    optimizer = allocated(make, objective)
    loss = optimizer.step(objective, at(0))
    vectors = dict(optimizer.state())
    assert vectors.pop("numbers").dtype == np.float64
    assert {array.dtype for array in (*vectors.values(), objective.theta, loss)} == {np.dtype(dtype)}
    assert all(array.shape[-1] == objective.theta.size for array in vectors.values())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@of(OPTIMIZERS)
def test_optimizer_keeps_flat_arrays_of_the_parameters_dtype(make, dtype):
    objective = objective_of(dtype)
    optimizer = allocated(make, objective)
    loss = optimizer.step(objective, Progress())
    assert all(array.shape == objective.theta.shape for array in optimizer.state().values())
    assert {array.dtype for array in (*optimizer.state().values(), objective.theta, loss)} == {np.dtype(dtype)}


@of(INITIALIZERS)
def test_initializer_draws_the_shape_asked_for_in_float64(make):
    drawn = make().draw(np.random.default_rng(0), (4, 3), FanInOut(4, 3, "tanh"))
    assert drawn.shape == (4, 3)
    assert drawn.dtype == np.float64
    assert np.isfinite(drawn).all()


@of(INITIALIZERS)
def test_initializer_can_draw_from_the_legacy_stream(make):
    drawn = [make().draw(np.random.RandomState(1), (4, 3), FanInOut(4, 3, "tanh")) for _ in range(2)]
    assert np.array_equal(*drawn)


def history_of(values: Sequence[float]) -> list[dict[str, float]]:
    """Return a history of evaluations, 10 updates and one epoch of 40 examples apart, with these validation errors."""
    rows, best = [], np.inf
    for epoch, value in enumerate(values, start=1):
        metrics = {"valid.error": value, "valid.loss": 2 * value, "train.loss": 3 * value}
        gained = 10 if value < best else 0
        best = value if value < best else best
        place = {"epoch": epoch, "updates": 10 * epoch, "examples": 40 * epoch}
        method = {"passes": 2.0 * epoch, "gradient.max": value, "learning_rate": 1.0 if gained else 0.0}
        rows.append({**place, **metrics, **method, "valid.gained": gained, "valid.lost": 0})
    return rows


@of(SCHEDULES)
def test_schedule_gives_plain_finite_numbers(make):
    schedule = make()
    for done in range(12):
        history = history_of([0.5] * done)
        value = schedule.at(Progress(epoch=done, updates=10 * done, batches_per_epoch=10, history=history))
        assert type(value) is float
        assert 0 <= value < 1


@of(SCHEDULES)
def test_schedule_is_a_function_of_progress_alone(make):
    history = history_of([0.5, 0.6, 0.4, 0.4, 0.4, 0.4])
    stages = [Progress(epoch=n, updates=10 * n, batches_per_epoch=10, history=history[:n]) for n in range(6)]
    followed = make()
    assert [followed.at(stage) for stage in stages] == [make().at(stage) for stage in stages]


def ends_at(policy: Any, values: Sequence[float]) -> int | None:
    """Return the evaluation at which a policy ends a run with these validation errors."""
    rows = history_of(values)
    for done in range(1, len(rows) + 1):
        deadline = policy.deadline(rows[:done])
        if policy.reason(rows[:done]) or (deadline and rows[done - 1]["updates"] >= deadline.updates):
            return done
    return None


@of(POLICIES)
def test_policy_ends_a_run_that_no_longer_improves(make):
    policy = make()
    assert policy.time_limit_s() or ends_at(policy, [0.9, *[0.5] * 30]) in range(2, 10)


@of(POLICIES)
def test_policy_is_a_function_of_the_history_alone(make):
    policy, used = make(), make()
    ends_at(used, [0.9, 0.8, 0.7, 0.7, 0.1])
    assert ends_at(used, [0.6] * 20) == ends_at(policy, [0.6] * 20)


@of(POLICIES)
def test_policy_never_takes_nan_for_an_improvement(make):
    assert ends_at(make(), [0.6, *[np.nan] * 19]) == ends_at(make(), [0.6] * 20)


def pictures(dtype: str = "float64") -> np.ndarray:
    return np.random.default_rng(3).uniform(size=(30, 2, 3)).astype(dtype)


def fitted(make: Callable[[], Any], dtype: str = "float64") -> Any:
    transform = make()
    transform.build((2, 3))
    fit(transform, pictures(dtype))
    return transform


def fit(transform: Any, x: Any) -> None:
    """Fit a transform to x, or give it what another program has learned of such inputs."""
    if not isinstance(transform, Features):
        transform.fit(x)
        return
    rng = np.random.default_rng(2)
    transform.restore({"W": rng.normal(size=(prod(transform.in_shape), 4)), "b": rng.normal(size=4)})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@of(TRANSFORMS)
def test_transform_keeps_the_dtype_and_gives_finite_numbers(make, dtype):
    applied = fitted(make, dtype).apply(pictures(dtype))
    assert applied.dtype == dtype
    assert np.isfinite(applied).all()


@of(TRANSFORMS)
def test_transform_says_the_shape_that_it_gives(make):
    transform = fitted(make)
    assert transform.out_shape == transform.apply(pictures()).shape[1:]


@of(TRANSFORMS)
def test_transform_does_the_same_from_its_saved_tensors(make):
    restored, original = make(), fitted(make)
    restored.build((2, 3))
    restored.restore(original.tensors())
    assert np.array_equal(restored.apply(pictures()), original.apply(pictures()))


@pytest.mark.gpu
@of(OPTIMIZERS | METHODS)
def test_optimizer_moves_on_a_gpu_as_on_the_host(make):
    cupy = pytest.importorskip("cupy")
    host, device = objective_of(), objective_of(xp=cupy)
    for objective in (host, device):
        optimizer = allocated(make, objective)
        for i in range(6):
            optimizer.step(objective, at(i))
    np.testing.assert_allclose(device.theta.get(), host.theta, rtol=1e-9, atol=1e-12)


@pytest.mark.gpu
@of(TRANSFORMS)
def test_transform_gives_on_a_gpu_what_it_gives_on_the_host(make):
    cupy = pytest.importorskip("cupy")
    x = np.random.default_rng(5).random((50, 2, 3))
    given = []
    for xp in (np, cupy):
        transform, images = make(), xp.asarray(x.copy())
        transform.build(x.shape[1:])
        fit(transform, images)
        given.append(transform.apply(images))
    np.testing.assert_allclose(given[1].get(), given[0], rtol=1e-9, atol=1e-12)


@of(OPTIMIZERS | METHODS)
def test_optimizer_takes_as_much_memory_as_it_says(make):
    """The matrix of Levenberg–Marquardt, which is made by its first step, is not counted here."""
    theta, optimizer = np.zeros(200_000, "float32"), make()
    said = optimizer.bytes_kept(theta.size, 4)
    if isinstance(optimizer, levenberg_marquardt.LevenbergMarquardt):
        said -= levenberg_marquardt.bytes_needed(theta.size, 4)
    grad = np.zeros_like(theta)
    tracemalloc.start()
    try:
        optimizer.allocate(theta, grad)
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert taken == pytest.approx(said, abs=100_000)
