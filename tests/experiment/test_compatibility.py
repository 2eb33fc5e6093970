"""Optimizers that do not go with the rest of an experiment are refused at the place that stands in the way, unread."""

import pytest

from mnistnn.config.load import load_experiment
from mnistnn.data import source
from mnistnn.errors import ConfigError
from mnistnn.experiment.compatibility import updates_per_objective
from mnistnn.experiment.plan import Plan
from mnistnn.tasks.stepped import SteppedTask

FULL = "batches={size: full}"
L_BFGS, CG = "optimizer={type: l_bfgs}", "optimizer={type: conjugate_gradient}"
HESSIAN_FREE, LM = "optimizer={type: hessian_free}", "optimizer={type: levenberg_marquardt}"
DIAGONAL = "optimizer={type: stochastic_diagonal, learning_rate: 0.1}"
DROPOUT = "model.layers.output={type: dropout}", "model.layers.last={type: dense, units: 4}"
NORMAL = "model.layers.output={type: batch_norm}", "model.layers.last={type: dense, units: 4}"
PER_UNIT = "model.layers.hidden={type: dropconnect, units: 5}"
CONV = "model.layers.hidden={type: conv, maps: 2, kernel: 3}"

# Overrides of the toy experiment, the key at fault, and what is said.
REFUSED = {
    "l_bfgs, mini-batches": ([L_BFGS], "batches.size", "each batch is other examples; size: full takes all of them"),
    "conjugate_gradient, mini-batches": ([CG], "batches.size", "conjugate_gradient compares each step with the last"),
    "l_bfgs, a subset": ([L_BFGS, "batches={size: full, subset: 50}"], "batches.subset", "draws another subset"),
    "l_bfgs, dropout": ([L_BFGS, FULL, *DROPOUT], "model.layers.output", "dropout draws new masks for each batch"),
    "l_bfgs, dropped weights": ([L_BFGS, FULL, PER_UNIT], "model.layers.hidden", "dropconnect draws new masks"),
    "l_bfgs, distortions": ([L_BFGS, FULL, "augment={shift_px: 1}"], "augment", "images are distorted anew"),
    "l_bfgs, a proximal penalty": (
        [L_BFGS, FULL, "penalties.l1={strength: 0.1, proximal: true}"],
        "penalties.l1",
        "a proximal penalty moves it after each step",
    ),
    "hessian_free, max_norm": (
        [HESSIAN_FREE, "model.layers.hidden.max_norm=1.0"],
        "model.layers.hidden",
        "a limit on its norm moves it after each step",
    ),
    "l_bfgs, batch_norm": ([L_BFGS, FULL, *NORMAL], "model.layers.output", "at points that are given up"),
    "hessian_free, batch_norm": ([HESSIAN_FREE, *NORMAL], "model.layers.output", "at points that are given up"),
    "stochastic_diagonal, batch_norm": (
        [DIAGONAL, *NORMAL],
        "model.layers.output",
        "stochastic_diagonal needs a backward pass for the Gauss–Newton diagonal, which batch_norm does not have",
    ),
    "stochastic_diagonal, dropconnect": ([DIAGONAL, PER_UNIT], "model.layers.hidden", "which dropconnect does not"),
    "levenberg_marquardt, conv": (
        [LM, CONV],
        "model.layers.hidden",
        "levenberg_marquardt needs per-example gradients, which conv does not have",
    ),
    "hessian_free, a loss that is not convex": (
        [HESSIAN_FREE, "loss={type: sigmoid_normalized_nll}"],
        "loss",
        "which sigmoid_normalized_nll does not give; softmax_nll, binary_nll and squared_error do",
    ),
    "levenberg_marquardt, a large model": (
        [LM, "model.layers.hidden.units=300"],
        "optimizer",
        "the Gauss–Newton matrix of 20,704 × 20,704 numbers, and solving its equations, needs 12,002 MB, and memory_mb",
    ),
    "pieces, batch_norm": (["batches={size: 32, chunk: 8}", *NORMAL], "batches.chunk", "output is about a batch as a"),
    "max_passes, sgd": (
        ["stopping=[{type: max_passes, passes: 3}]"],
        "stopping.0",
        "max_passes reads passes, which sgd does not give",
    ),
    "converged, sgd": (
        ["stopping=[{type: max_epochs, epochs: 3}, {type: converged}]"],
        "stopping.1",
        "converged reads gradient.max, which sgd does not give",
    ),
}
ACCEPTED = {
    "l_bfgs on all": [L_BFGS, FULL],
    "conjugate_gradient on all": [CG, FULL],
    "l_bfgs, a size of all": [L_BFGS, "batches={size: 300}"],
    "l_bfgs, several updates of a batch": [
        L_BFGS,
        "batches={size: 100, updates: 5}",
        "augment={shift_px: 1}",
        *DROPOUT,
    ],
    "hessian_free on mini-batches with dropout": [HESSIAN_FREE, "batches={size: 100}", *DROPOUT],
    "hessian_free with images": [HESSIAN_FREE, CONV],
    "levenberg_marquardt": [LM, "loss={type: squared_error}"],
    "stochastic_diagonal": [DIAGONAL, CONV],
    "a first layer that learns nothing": [LM, "model.layers.hidden={type: pool}"],
    "converged": [L_BFGS, FULL, "stopping=[{type: converged}, {type: max_passes, passes: 30}]"],
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_go_together_is_refused_before_data_is_read(toy, monkeypatch, case):
    overrides, key, said = REFUSED[case]
    monkeypatch.setattr(source, "read_split", None)
    with pytest.raises(ConfigError) as refused:
        Plan(load_experiment(toy, overrides))
    assert refused.value.key == key
    assert said in str(refused.value)


@pytest.mark.parametrize("case", ACCEPTED)
def test_what_goes_together_is_planned(toy, case):
    Plan(load_experiment(toy, ACCEPTED[case]))


def test_refusal_is_shown_at_its_line_and_nothing_is_run(toy, command):
    toy.write_text(toy.read_text().replace("{type: sgd, learning_rate: 0.2}", "{type: l_bfgs}"))
    done = command("train", toy, "--run-dir", "run")
    assert done.code == 2
    assert done.err.startswith(f"error: {toy}:10:")
    assert "batches.updates: 10 makes ten updates of each batch" in done.err
    assert done.err.endswith("1 error, nothing was run.\n")
    assert not toy.with_name("run").exists()


def test_a_model_whose_size_fitting_decides_is_refused_when_it_is_known(toy):
    """PCA may drop most of the 64 dimensions; only then can the matrix be too large."""
    small, large = ("preprocess=[{type: whiten, dimensions: 4}]", "preprocess=[{type: whiten}]")
    units = "model.layers.hidden.units=100"
    assert Plan(load_experiment(toy, [LM, small, units])).training() is not None
    with pytest.raises(ConfigError, match="numbers, and solving its equations, needs"):
        Plan(load_experiment(toy, [LM, large, units])).training()


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], 1),
        ([FULL], None),
        (["batches={size: full, updates: 4}"], None),
        (["batches={size: 32, updates: 4}"], 4),
        ([FULL, *DROPOUT], 1),
        (["batches={size: full, updates: 4}", *DROPOUT], 4),
        (["batches={size: full, updates: 4}", "augment={shift_px: 1}"], 4),
        (["batches={size: full, subset: 50, updates: 4}"], 4),
    ],
)
def test_the_objective_changes_with_its_batch_and_its_masks(toy, overrides, expected):
    plan = Plan(load_experiment(toy, overrides))
    assert isinstance(plan.task, SteppedTask)
    assert updates_per_objective(plan.task, plan.train_examples) == expected
    assert plan.training().progress.updates_per_objective == expected
