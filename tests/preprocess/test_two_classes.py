"""Two-class labels from the YAML key to the evaluation."""

import numpy as np
import pytest

from mnistnn.analysis.evaluation.results import evaluate
from mnistnn.config.load import load_experiment
from mnistnn.data.splits import read_split
from mnistnn.errors import ConfigError
from mnistnn.experiment.plan import Plan

PAIR = "data.labels={pair: [3, 1]}"
ONE_OUTPUT = ("loss={type: binary_nll}", "model.layers.output.units=1")
TWO_OUTPUTS = ("model.layers.output.units=2",)


@pytest.mark.parametrize("outputs", [ONE_OUTPUT, TWO_OUTPUTS])
@pytest.mark.parametrize("labels", [PAIR, "data.labels={positive: [1, 2]}"])
def test_two_classes_are_trained_and_measured(toy, start, outputs, labels):
    run = start(toy, labels, *outputs).run
    found = evaluate(run, "test", "best", print)
    assert np.shape(found.confusion) == (2, 2)
    assert found.error < 0.4


def test_counts_are_upper_bounds_until_a_pair_is_read(toy):
    plan = Plan(load_experiment(toy, [PAIR, *TWO_OUTPUTS]))
    raw = read_split(Plan(load_experiment(toy)).experiment.data, "train").labels
    assert (plan.train_examples, plan.pace.updates_per_epoch, plan.pace.is_known) == (300, 10, False)
    training = plan.training()
    kept = int(np.isin(raw, [1, 3]).sum())
    assert (plan.train_examples, len(plan.experiment.batches.x), plan.pace.is_known) == (kept, kept, True)
    assert plan.pace.updates_per_epoch == training.progress.batches_per_epoch == -(-kept // 32)


@pytest.mark.parametrize(
    ("batches", "updates"), [("{size: 32, subset: 100}", 4), ("{size: 32, subset: 1000}", 10), ("{size: full}", 1)]
)
def test_updates_per_epoch_are_those_of_the_batches(toy, batches, updates):
    plan = Plan(load_experiment(toy, [f"batches={batches}"]))
    assert plan.pace.updates_per_epoch == updates
    assert plan.training().progress.batches_per_epoch == updates


def test_dry_run_says_that_a_pair_leaves_at_most_so_many(toy, command):
    out = command("train", toy, PAIR, *TWO_OUTPUTS, "--dry-run").out
    assert "examples: at most 300 train, 60 valid, 80 test" in out
    assert "per epoch: at most 10 updates" in out


@pytest.mark.parametrize(
    ("override", "key"),
    [("data.labels={pair: [0, 4]}", "data.labels.pair"), ("data.labels={positive: [9]}", "data.labels.positive")],
)
def test_label_out_of_range_is_refused_at_its_key(toy, override, key):
    with pytest.raises(ConfigError, match="toy has the labels 0 to 3, but not") as caught:
        Plan(load_experiment(toy, [override, *TWO_OUTPUTS]))
    assert caught.value.key == key


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ("{}", "takes one of positive"),
        ("{positive: [0], pair: [1, 2]}", "takes one of positive"),
        ("{pair: [1, 1]}", "each label once"),
    ],
)
def test_labels_that_say_too_little_or_too_much_are_refused_in_words(toy, command, labels, message):
    done = command("train", toy, f"data.labels={labels}", "--dry-run")
    assert (done.code, message in done.err) == (2, True)


def test_pair_that_no_training_example_has_is_refused_before_a_run_is_made(toy, command):
    labels = read_split(Plan(load_experiment(toy)).experiment.data, "train").labels
    others = [label for label in range(4) if label != labels[0]]
    done = command(
        "train", toy, f"data.labels={{pair: {others[:2]}}}", *TWO_OUTPUTS, "data.limits.train=1", "--run-dir", "r"
    )
    assert done.code == 2
    assert "none of the 1 examples of the train split has the label" in done.err
    assert not (toy.parent / "r").exists()
