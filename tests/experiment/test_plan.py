import numpy as np
import pytest

from mnistnn.backend.machine import usable_cores
from mnistnn.config.load import load_experiment
from mnistnn.data import source
from mnistnn.data.splits import read_split
from mnistnn.errors import ConfigError
from mnistnn.experiment.cost import flops_per_epoch, resident_bytes
from mnistnn.experiment.plan import Plan
from mnistnn.objectives.supervised import score
from mnistnn.training.loop import train


class NoJournal:
    """Keeps nothing."""

    def after_update(self, training):
        pass

    def after_evaluation(self, training):
        pass

    def after_epoch(self, training):
        pass


@pytest.fixture
def plan_of(toy):
    """Make a plan of the toy experiment with overrides: 300 + 60 + 80 images of 8×8, four classes."""
    return lambda *overrides: Plan(load_experiment(toy, overrides))


def test_plan_knows_the_sizes(plan_of):
    plan = plan_of()
    assert plan.examples == {"train": 300, "valid": 60, "test": 80}
    assert plan.train_examples == 300
    assert plan.parameters == 64 * 12 + 12 + 12 * 4 + 4


def test_plan_opens_no_file_of_digits(plan_of, monkeypatch):
    monkeypatch.setattr(source, "read_split", None)
    assert plan_of().train_examples == 300


def test_limits_count(plan_of):
    plan = plan_of("data.limits={train: 100, valid: 50, test: 20}")
    assert plan.examples == {"train": 100, "valid": 50, "test": 20}


@pytest.mark.parametrize(
    ("batches", "size", "updates"),
    [
        ("{size: 32}", 32, 10),
        ("{size: 32, drop_last: true}", 32, 9),
        ("{size: full}", 300, 1),
        ("{size: 1000}", 300, 1),
        ("{size: 1000, drop_last: true}", 300, 1),
    ],
)
def test_updates_per_epoch_follow_from_the_batches(plan_of, batches, size, updates):
    plan = plan_of(f"batches={batches}")
    assert (plan.pace.batch_size, plan.pace.updates_per_epoch) == (size, updates)


@pytest.mark.parametrize(
    ("stopping", "expected"),
    [
        ("[{type: max_epochs, epochs: 7}]", 7),
        ("[{type: max_epochs, epochs: 7}, {type: max_epochs, epochs: 3}]", 3),
        ("[{type: lisa_patience}]", None),
    ],
)
def test_max_epochs_is_the_lowest_cap(plan_of, stopping, expected):
    assert plan_of(f"stopping={stopping}").pace.max_epochs == expected


def test_threads_are_those_of_the_experiment_or_all_cores(plan_of):
    assert plan_of("backend.threads=3").threads == 3
    assert plan_of().threads == usable_cores()


def test_flops_are_six_per_multiplication_and_example(plan_of):
    assert flops_per_epoch(plan_of()) == 6 * (64 * 12 + 12 * 4) * 300


def test_float64_takes_twice_the_memory(plan_of):
    assert resident_bytes(plan_of("backend.dtype=float64")) == 2 * resident_bytes(plan_of())


@pytest.mark.parametrize(
    ("override", "key", "message"),
    [
        ("model.layers.output.units=5", "model.layers.output", "one output per class: 4, but this layer gives 5"),
        ("data.dataset=toys", "data.dataset", "did you mean 'toy'?"),
        ("data.validation_examples=0", "checkpoint.monitor", "valid.error needs validation examples"),
        ("data.validation_examples=360", "data.validation_examples", "leave nothing to train on"),
        ("data.limits.valid=61", "data.limits.valid", "the limit of 61 is more than the 60 examples"),
    ],
)
def test_parts_that_do_not_fit_are_refused_at_their_place(plan_of, override, key, message):
    with pytest.raises(ConfigError) as caught:
        plan_of(override)
    assert caught.value.key == key
    assert message in str(caught.value)


def test_mistake_found_by_the_plan_is_shown_at_its_line(toy):
    toy.write_text(toy.read_text().replace("units: 4", "units: 5"))
    with pytest.raises(ConfigError, match=r"toy\.yaml:7:5: .*one output per class"):
        Plan(load_experiment(toy))


LAYERS_THAT_DO_NOT_FIT = {
    "kernel 9×9 is larger than the image, 8×8": "a: {type: conv, maps: 2, kernel: 9}",
    "kernel 4×4 is larger than the image, 2×3×3": (
        "b: {type: conv, maps: 2, kernel: 3, pool: 2}\n    a: {type: conv, maps: 2, kernel: 4}"
    ),
    "pool 7×7 does not fit: the kernel makes 6×6 of 8×8": "a: {type: conv, maps: 2, kernel: 3, pool: 7}",
    "size 9×9 does not fit into 8×8": "a: {type: pool, size: 9}",
    "needs images, height×width or channels×height×width, and its input is 5: flat": (
        "b: {type: dense, units: 5}\n    a: {type: conv, maps: 2, kernel: 1}"
    ),
    "needs images, height×width or channels×height×width, and its input is 64: flat": (
        "b: {type: flatten}\n    a: {type: pool}"
    ),
    "needs images, height×width or channels×height×width, and its input is 2: flat": (
        "b: {type: conv, maps: 2, kernel: 3}\n    c: {type: pool, size: whole}\n    a: {type: pool}"
    ),
    "whole_maps needs images of several channels, and its input is 8×8": "a: {type: dropout, whole_maps: true}",
    "one output per class: 4, but this layer gives 2×6×6": "a: {type: conv, maps: 2, kernel: 3}",
}


@pytest.mark.parametrize(("message", "layers"), LAYERS_THAT_DO_NOT_FIT.items())
def test_layer_that_does_not_fit_the_images_is_shown_at_its_line(toy, message, layers):
    after = "" if "one output" in message else "\n    output: {type: dense, units: 4}"
    begin, end = toy.read_text().index("    hidden:"), toy.read_text().index("loss:")
    toy.write_text(f"{toy.read_text()[:begin]}    {layers}{after}\n{toy.read_text()[end:]}")
    line = next(n for n, text in enumerate(toy.read_text().splitlines(), 1) if text.startswith("    a:"))
    with pytest.raises(ConfigError) as caught:
        Plan(load_experiment(toy))
    assert f"toy.yaml:{line}:5: " in str(caught.value)
    assert message in str(caught.value)


def test_layer_for_images_is_refused_after_what_makes_them_flat(toy):
    toy.write_text(toy.read_text().replace("{type: dense, units: 12, activation: tanh}", "{type: pool}"))
    with pytest.raises(ConfigError, match=r"toy\.yaml:6:5: needs images.* its input is 9: flat"):
        Plan(load_experiment(toy, ["preprocess=[{type: whiten, dimensions: 9}]"]))


_SIDE, _PAD = "an integer in [1, 10000]", "an integer in [0, 10000]"
SIZES = {
    "kernel: [5]": f"expected {_SIDE} or a list of 2 of them, got a list of 1",
    "kernel: [5, 5, 5]": f"expected {_SIDE} or a list of 2 of them, got a list of 3",
    "kernel: 0": f"expected {_SIDE} or a list of 2 of them, got 0",
    "kernel: 5.5": f"expected {_SIDE} or a list of 2 of them, got 5.5",
    "kernel: [5, 0]": f"expected {_SIDE}, got 0",
    "kernel: 3, stride: 0": f"expected {_SIDE} or a list of 2 of them, got 0",
    "kernel: 3, padding: -1": f"expected {_PAD} or a list of 2 of them, got -1",
    "kernel: 3, pool: two": f"expected {_SIDE} or a list of 2 of them or null, got 'two'",
}


@pytest.mark.parametrize(("keys", "message"), SIZES.items())
def test_size_that_is_none_is_shown_at_its_place(toy, keys, message):
    line = toy.read_text().splitlines().index("    hidden: {type: dense, units: 12, activation: tanh}") + 1
    toy.write_text(toy.read_text().replace("dense, units: 12, activation: tanh", f"conv, maps: 2, {keys}"))
    with pytest.raises(ConfigError) as caught:
        load_experiment(toy)
    column = toy.read_text().splitlines()[line - 1].rindex(": " if "5, 0" not in keys else ", ") + 3
    assert f"toy.yaml:{line}:{column}: {message}" in str(caught.value)
    assert "1 error, nothing was run." in str(caught.value)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [255, 256])
def test_place_scales_the_pixels_once(plan_of, scale, dtype):
    plan = plan_of(f"data.scale={scale}", f"backend.dtype={dtype}")
    placed, raw = plan.place("valid"), read_split(plan.experiment.data, "valid")
    assert (placed.x.dtype, placed.labels.dtype) == (dtype, np.int64)
    assert np.array_equal(placed.x, (raw.images / np.float64(scale)).astype(dtype))
    assert np.array_equal(placed.labels, raw.labels)


def test_place_gives_arrays_that_cannot_be_written(plan_of):
    placed = plan_of().place("train")
    assert not placed.x.flags.writeable
    assert not placed.labels.flags.writeable


def test_training_never_reads_the_test_split(plan_of, monkeypatch):
    opened = []

    def watched(data, split):
        opened.append(split)
        return read_split(data, split)

    monkeypatch.setattr(source, "read_split", watched)
    train(plan_of().training(), NoJournal())
    assert sorted(opened) == ["train", "valid"]


def test_training_begins_at_the_initial_parameters(plan_of):
    training = plan_of().training()
    assert training.objective.theta.any()
    assert np.array_equal(training.best_values, training.objective.theta)
    assert not np.shares_memory(training.best_values, training.objective.theta)
    assert (training.progress.updates, training.history) == (0, [])


def test_training_twice_gives_the_same_bits(plan_of):
    ends = []
    for _ in range(2):
        training = plan_of().training()
        train(training, NoJournal())
        ends.append((training.history, training.objective.theta))
    assert ends[0][0] == ends[1][0]
    assert np.array_equal(ends[0][1], ends[1][1])


def test_other_seed_gives_other_weights_and_another_order(plan_of):
    first, other = (plan_of(f"seed={seed}").training() for seed in (0, 1))
    orders = [[labels.tolist() for _, labels in t.batches.of_epoch(1)] for t in (first, other)]
    assert not np.array_equal(first.objective.theta, other.objective.theta)
    assert orders[0] != orders[1]


def test_training_learns_the_toy_digits(plan_of):
    training = plan_of("stopping=[{type: max_epochs, epochs: 20}]").training()
    train(training, NoJournal())
    best = training.best
    assert best is not None
    assert best["valid.error"] < 0.25 < training.history[0]["valid.error"]


def test_float32_and_float64_take_the_same_course(plan_of):
    losses = []
    for dtype in ("float32", "float64"):
        training = plan_of(f"backend.dtype={dtype}").training()
        train(training, NoJournal())
        losses.append([row["train.loss"] for row in training.history])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-4)


@pytest.mark.parametrize("batch_size", [1, 7, 60, 1000])
def test_evaluation_measures_the_whole_validation_split(plan_of, batch_size):
    plan = plan_of(f"evaluation.batch_size={batch_size}")
    training, valid = plan.training(), plan.place("valid")
    metrics = training.evaluate(training)
    expected = score(plan.experiment.model, plan.experiment.loss, valid.x, valid.labels, 60)
    assert set(metrics) == {"valid.loss", "valid.error"}
    assert metrics["valid.error"] == expected.errors / 60
    assert metrics["valid.loss"] == pytest.approx(expected.loss / 60, rel=1e-6)


def test_training_error_is_measured_where_asked_for(plan_of):
    plan = plan_of("evaluation.train_error=true")
    training, data = plan.training(), plan.place("train")
    metrics = training.evaluate(training)
    expected = score(plan.experiment.model, plan.experiment.loss, data.x, data.labels, 300)
    assert metrics["train.error"] == expected.errors / 300


def test_only_active_penalties_reach_the_objective(plan_of):
    training = plan_of("penalties={l1: {strength: 0}, l2: {strength: 0.1}}").training()
    assert [type(penalty).__name__ for penalty in training.objective.penalties] == ["L2"]


def test_monitor_is_that_of_the_checkpoints(plan_of):
    assert plan_of("checkpoint.monitor=valid.loss").training().monitor == "valid.loss"


MOMENTUM = "{type: momentum, learning_rate: 0.1, momentum: 0.9}"


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ((), False),
        (("model.layers.hidden.units=5000", "stopping.max_epochs.epochs=500"), False),  # 345,004 of 0.2 ns 5,000 times
        (("model.layers.hidden.units=5000", "stopping.max_epochs.epochs=1000"), True),
        (("model.layers.hidden.units=500", "stopping.max_epochs.epochs=5000"), False),  # 5 µs of the loss, 50,000 times
        (("model.layers.hidden.units=500", "stopping.max_epochs.epochs=15000"), True),
        (("model.layers.hidden.units=500", "stopping.max_epochs.epochs=15000", "batches.size=300"), False),
        (("model.layers.hidden.units=5000", "stopping.max_epochs.epochs=500", f"optimizer={MOMENTUM}"), True),
        (("model.layers.hidden.units=5000", "stopping=[{type: lisa_patience}]"), True),
        (("model.layers.hidden.units=5000", "stopping=[{type: max_updates, updates: 5000}]"), False),
        (("model.layers.hidden.units=5000", "stopping=[{type: max_updates, updates: 10000}]"), True),
    ],
)
def test_loops_are_needed_by_runs_that_earn_the_start_of_numba(overrides, expected, plan_of, monkeypatch):
    monkeypatch.setattr("mnistnn.experiment.resources.usable_cores", lambda: 1)
    assert plan_of(*overrides).needs_loops == expected


@pytest.mark.parametrize(
    ("cores", "units", "epochs", "expected"),
    [(2, 5000, 500, True), (1, 5000, 500, False), (2, 5000, 50, False), (2, 50, 500, False)],
)
def test_products_that_are_handed_over_need_loops(plan_of, monkeypatch, cores, units, epochs, expected):
    monkeypatch.setattr("mnistnn.experiment.resources.usable_cores", lambda: cores)
    plan = plan_of(f"model.layers.hidden.units={units}", f"stopping.max_epochs.epochs={epochs}")
    assert plan.needs_loops == expected


@pytest.mark.parametrize(
    ("layer", "dtype", "expected"),
    [
        ("{type: lstm, units: 40}", "float32", True),
        ("{type: gru, units: 40}", "float32", True),
        ("{type: lstm, units: 31}", "float32", False),
        ("{type: lstm, units: 40}", "float64", False),
        ("{type: recurrent, units: 40}", "float32", False),
    ],
)
def test_loops_with_bits_of_their_own_are_taken_however_short_the_run(layer, dtype, expected, plan_of, monkeypatch):
    monkeypatch.setattr("mnistnn.experiment.resources.usable_cores", lambda: 1)
    short = "stopping=[{type: max_epochs, epochs: 1}]"
    plan = plan_of("preprocess=[]", short, f"backend.dtype={dtype}", f"model.layers.hidden={layer}")
    assert plan.needs_loops == plan.task.scores_need_loops == expected


def test_distortions_that_are_worth_a_loop_need_it(plan_of, monkeypatch):
    assert not plan_of("augment={shift_px: 1}").needs_loops
    monkeypatch.setattr("mnistnn.augment.augment._COMPILED_FROM_PIXELS", 300 * 64)
    assert plan_of("augment={shift_px: 1}").needs_loops
