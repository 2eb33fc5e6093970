"""Evaluation against a recount that shares no code with it."""

from math import prod

import numpy as np
import pytest
from scipy.special import log_softmax

from mnistnn.analysis.evaluation.results import evaluate, stored_evaluations
from mnistnn.data.splits import read_split
from mnistnn.errors import RunError
from mnistnn.experiment.trained import load_trained
from mnistnn.run.checkpoint import newest_first, read, read_newest


def heard(*texts):
    raise AssertionError(texts)


def recount(run, split, tensor):
    """Return loss and predictions of a run's model, in float64, from the checkpoint's own description of theta."""
    saved = read_newest(run.checkpoints)[1]
    theta, at, arrays = saved.tensors[tensor].astype(np.float64), 0, {}
    for name, shape in saved.state.layout:
        arrays[name] = theta[at : at + prod(shape)].reshape(shape)
        at += prod(shape)
    digits = read_split(load_trained(run).plan.experiment.data, split)
    x = digits.images.reshape(len(digits.images), -1) / 255
    hidden = np.tanh(x @ arrays["hidden.W"] + arrays["hidden.b"])
    log_p = log_softmax(hidden @ arrays["output.W"] + arrays["output.b"], axis=1)
    return -log_p[np.arange(len(x)), digits.labels].mean(), log_p.argmax(axis=1), digits.labels


@pytest.mark.parametrize("split", ["train", "valid", "test"])
@pytest.mark.parametrize(("which", "tensor"), [("best", "best"), ("last", "theta")])
def test_metrics_agree_with_a_recount(toy, start, split, which, tensor):
    # Batches of 7 leave a ragged one; a high rate makes the best epoch another than the last.
    run = start(toy, "evaluation.batch_size=7", "optimizer.learning_rate=5.0", "stopping.max_epochs.epochs=9").run
    found = evaluate(run, split, which, heard)
    loss, predicted, labels = recount(run, split, tensor)
    assert found.examples == len(labels)
    assert found.errors == int((predicted != labels).sum())
    assert found.error == found.errors / found.examples
    assert found.loss == pytest.approx(loss, rel=1e-5)
    for i in range(4):
        assert found.confusion[i] == [int(((labels == i) & (predicted == j)).sum()) for j in range(4)]
        assert found.error_per_class[i] == pytest.approx((predicted[labels == i] != i).mean())
    assert found.error_interval_95[0] <= found.error <= found.error_interval_95[1]


def test_most_confused_pairs_come_first(toy, start):
    found = evaluate(start(toy).run, "test", "best", heard)
    counts = [pair["count"] for pair in found.most_confused]
    off_diagonal = [found.confusion[i][j] for i in range(4) for j in range(4) if i != j and found.confusion[i][j]]
    assert counts == sorted(off_diagonal, reverse=True)[:5]


def test_error_of_the_best_epoch_is_that_of_the_history(toy, start):
    outcome = start(toy)
    found = evaluate(outcome.run, "valid", "best", heard)
    assert (found.error, found.epoch) == (outcome.best["valid.error"], outcome.best["epoch"])
    assert found.loss == pytest.approx(outcome.best["valid.loss"], rel=1e-12)


def test_class_without_examples_has_no_error(toy, start):
    found = evaluate(start(toy, "data.limits.test=1").run, "test", "best", heard)
    assert sorted(error is None for error in found.error_per_class) == [False, True, True, True]


def test_results_are_kept_in_the_run_as_they_were_returned(toy, start):
    run = start(toy).run
    results = [evaluate(run, "valid", "best", heard), evaluate(run, "valid", "last", heard)]
    assert sorted(path.name for path in run.evaluations.iterdir()) == [
        "valid-best.json",
        "valid-step-0000000060.json",
    ]
    assert [each.confusion for each in stored_evaluations(run)] == [each.confusion for each in results]


def test_files_that_are_no_evaluations_are_left_out(toy, start):
    run = start(toy).run
    evaluate(run, "valid", "best", heard)
    for name, text in (("a.json", "{"), ("b.json", '{"split": "test"}'), ("c.json", "[]"), ("d.txt", "note")):
        (run.evaluations / name).write_text(text)
    assert len(stored_evaluations(run)) == 1


def test_damaged_newest_checkpoint_is_passed_over_and_said(toy, start):
    run = start(toy).run
    newest, older = newest_first(run.checkpoints)
    newest.write_bytes(b"torn")
    said: list[str] = []
    found = evaluate(run, "valid", "last", said.append)
    assert found.checkpoint_file == older.name
    assert len(said) == 1
    assert said[0].startswith(f"warning: passed over {newest}: not a whole mnistnn checkpoint")


def test_checkpoint_named_by_its_path_must_verify_itself(toy, start):
    run = start(toy).run
    newest = newest_first(run.checkpoints)[0]
    newest.write_bytes(newest.read_bytes()[:-1])
    with pytest.raises(RunError, match="not a whole mnistnn checkpoint"):
        evaluate(run, "valid", str(newest), heard)


def test_checkpoint_of_another_model_of_equal_size_is_refused(toy, start):
    run = start(toy).run
    layers = "model.layers={hidden: null, output: null, a: {type: dense, units: 12}, b: {type: dense, units: 4}}"
    other = newest_first(start(toy, layers, path="other").run.checkpoints)[0]
    assert read(other).tensors["theta"].size == 832
    with pytest.raises(RunError, match="its parameters are not those of this run's model"):
        load_trained(run, str(other))
