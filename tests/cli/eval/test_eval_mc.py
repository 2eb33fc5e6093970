"""`mnistnn eval --mc-samples`: predictions averaged over sampled masks."""

import itertools
import json

import numpy as np
import pytest
from scipy.special import softmax

from mnistnn.analysis.evaluation.results import stored_evaluations
from mnistnn.data.splits import read_split
from mnistnn.experiment.trained import load_trained
from mnistnn.storage.sealed_json import seal_json
from mnistnn.tasks import mc_dropout
from mnistnn.tasks.mc_dropout import mean_probabilities

DROPOUT = (
    "model.layers={hidden: null, output: null, h: {type: dense, units: 3, activation: tanh}, "
    "drop: {type: dropout, keep: 0.6}, y: {type: dense, units: 4}}"
)
DROPCONNECT = "model.layers={hidden: null, output: {type: dropconnect, units: 4, keep: 0.75}}"


def evaluated(command, *arguments):
    done = command("eval", "run", "--json", *arguments)
    assert (done.code, done.err) == (0, "")
    return json.loads(done.out)


def test_samples_are_recorded(toy, start, command):
    run = start(toy, DROPOUT).run
    found = evaluated(command, "--mc-samples", 7)
    assert (found["mc_samples"], found["examples"]) == (7, 80)
    assert found["errors"] == 80 - int(np.trace(found["confusion"]))
    stored = json.loads((run.evaluations / "test-best-mc7.json").read_text())
    assert stored.pop("sha256")
    assert stored == found


def test_scaled_weights_stay_the_default(toy, start, command):
    run = start(toy, DROPOUT).run
    assert evaluated(command)["mc_samples"] is None
    assert (run.evaluations / "test-best.json").exists()


def test_text_says_how_many_masks_were_sampled(toy, start, command):
    start(toy, DROPOUT)
    assert (
        "(epoch 6), arithmetic mean of 5 sampled masks"
        in command("eval", "run", "--checkpoint", "last", "--mc-samples", 5).out
    )


@pytest.mark.parametrize("layers", [DROPOUT, DROPCONNECT])
def test_repeated_evaluation_gives_the_same_metrics(toy, start, command, layers):
    start(toy, layers)
    first, second = (evaluated(command, "--split", "valid", "--mc-samples", 3) for _ in range(2))
    assert first == second


def test_one_mask_for_all_is_the_same_network_in_every_batch(toy, start, command):
    start(toy, DROPCONNECT, "evaluation.batch_size=7", path="run")
    start(toy, DROPCONNECT, "evaluation.batch_size=1000", path="other")
    small = evaluated(command, "--mc-samples", 3)
    whole = json.loads(command("eval", "other", "--json", "--mc-samples", 3).out)
    assert small["loss"] == pytest.approx(whole["loss"], rel=1e-5)


@pytest.mark.parametrize("mean", ["arithmetic", "geometric"])
def test_average_approaches_the_mean_over_all_masks(toy, start, mean):
    trained = load_trained(start(toy, DROPOUT, "stopping.max_epochs.epochs=2").run)
    experiment = trained.plan.experiment
    model = trained.plan.task.network
    x = trained.plan.place("test").x
    arrays = {name: array.astype(float) for name, array in model.views(model.theta).items()}
    pixels = read_split(experiment.data, "test").images.reshape(80, -1) / 255
    hidden = np.tanh(pixels @ arrays["h.W"] + arrays["h.b"])
    expected = {"arithmetic": np.zeros((80, 4)), "geometric": np.ones((80, 4))}
    for mask in itertools.product([0, 1], repeat=3):
        chance = np.prod([0.6 if kept else 0.4 for kept in mask])
        p = softmax(hidden * mask / 0.6 @ arrays["y.W"] + arrays["y.b"], axis=1)
        expected["arithmetic"] += chance * p
        expected["geometric"] *= p**chance
    expected["geometric"] /= expected["geometric"].sum(axis=1, keepdims=True)
    assert np.abs(expected["geometric"] - expected["arithmetic"]).max() > 0.005
    found = mean_probabilities(model, trained.plan.task.loss, x, 2000, mean)
    other = expected["geometric" if mean == "arithmetic" else "arithmetic"]
    assert np.abs(found - expected[mean]).max() < 5 * 0.5 / np.sqrt(2000)  # five standard errors of the widest variable
    assert np.abs(found - expected[mean]).mean() < np.abs(found - other).mean()


def test_geometric_mean_is_the_root_of_the_product(toy, start):
    trained = load_trained(start(toy, DROPCONNECT).run)
    model, loss, x = trained.plan.task.network, trained.plan.task.loss, trained.plan.place("test").x
    each = [mean_probabilities(model, loss, x, 1)]
    first_two = mean_probabilities(model, loss, x, 2)
    each.append(2 * first_two - each[0])
    product = np.sqrt(each[0] * each[1])
    expected = product / product.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(mean_probabilities(model, loss, x, 2, "geometric"), expected, rtol=1e-10)


def test_geometric_mean_over_masks_of_the_last_layer_approaches_the_scaled_weights(toy, start):
    trained = load_trained(start(toy, DROPCONNECT).run)
    model, loss, x = trained.plan.task.network, trained.plan.task.loss, trained.plan.place("test").x
    model.theta *= 10  # so that the masks say different things
    scaled = loss.probabilities(model.scores(x))
    geometric, arithmetic = (mean_probabilities(model, loss, x, 1000, mean) for mean in ("geometric", "arithmetic"))
    assert np.abs(geometric - scaled).mean() < 0.3 * np.abs(arithmetic - scaled).mean()


def test_two_means_are_recorded_and_kept_beside_each_other(toy, start, command):
    run = start(toy, DROPOUT).run
    found = {
        mean: evaluated(command, "--mc-samples", 7, *([] if mean is None else ["--mc-mean", mean]))
        for mean in (None, "arithmetic", "geometric")
    }
    assert {mean: each["mc_mean"] for mean, each in found.items()} == {
        None: "arithmetic",
        "arithmetic": "arithmetic",
        "geometric": "geometric",
    }
    assert found[None]["loss"] == found["arithmetic"]["loss"] != found["geometric"]["loss"]
    assert {path.name for path in run.evaluations.glob("*.json")} == {
        "test-best-mc7.json",
        "test-best-mc7-geometric.json",
    }
    assert command("verify", "run").code == 0
    assert (
        ", geometric mean of 7 sampled masks" in command("eval", "run", "--mc-samples", 7, "--mc-mean", "geometric").out
    )


def test_evaluation_that_names_no_mean_is_of_an_earlier_version_and_read(toy, start, command):
    run = start(toy, DROPOUT).run
    evaluated(command, "--mc-samples", 7)
    path = run.evaluations / "test-best-mc7.json"
    old = json.loads(path.read_text())
    del old["mc_mean"], old["sha256"]
    path.write_bytes(seal_json(old))
    (found,) = stored_evaluations(run)
    assert (found.mc_samples, found.mc_mean) == (7, None)
    assert ", arithmetic mean of 7 sampled masks" in load_trained(run).task.lines(found, None)[0]
    assert command("verify", "run").code == 0


def test_mean_of_no_samples_is_refused(toy, start, command):
    start(toy, DROPOUT)
    done = command("eval", "run", "--mc-mean", "geometric")
    assert (done.code, "give both" in done.err) == (2, True)


def test_loss_is_that_of_the_averaged_probabilities(toy, start, command):
    run = start(toy, DROPOUT).run
    trained = load_trained(run)
    examples = trained.plan.place("valid")
    p = mean_probabilities(trained.plan.task.network, trained.plan.task.loss, examples.x, 4)
    expected = -np.log(p[np.arange(60), examples.labels]).mean()
    assert evaluated(command, "--split", "valid", "--mc-samples", 4)["loss"] == pytest.approx(expected, rel=1e-6)


def test_masks_are_never_those_of_training(toy, start, monkeypatch):
    trained = load_trained(start(toy, DROPOUT).run)
    model, updates = trained.plan.task.network, []
    real = model.begin_update

    def begin_update(update):
        updates.append(update)
        real(update)

    monkeypatch.setattr(model, "begin_update", begin_update)
    mean_probabilities(model, trained.plan.task.loss, trained.plan.place("valid").x, 3)
    assert updates == [2**62, 2**62 + 1, 2**62 + 2]


def test_two_classes_from_one_output_can_be_averaged(toy, start, command):
    start(
        toy,
        "data.labels={positive: [1]}",
        "loss={type: binary_nll}",
        "model.layers={hidden: null, output: {type: dropconnect, units: 1, init: {type: zeros}}}",
    )
    assert len(evaluated(command, "--mc-samples", 3)["confusion"]) == 2


def test_probability_of_zero_does_not_cost_infinitely_much():
    assert np.isfinite(mc_dropout.summed_nll(np.array([[0.0, 1.0]]), np.array([0])))


def test_model_without_masks_is_refused_and_reads_nothing(toy, start, command):
    run = start(toy).run
    done = command("eval", "run", "--mc-samples", 5)
    assert done.code == 2
    assert "this model has no dropout or dropconnect layer" in done.err
    assert not list(run.evaluations.iterdir())


def test_loss_without_probabilities_is_refused(toy, start, command):
    start(toy, DROPOUT, "loss={type: squared_error}", "optimizer.learning_rate=0.01")
    done = command("eval", "run", "--mc-samples", 5)
    assert (done.code, "squared_error gives scores" in done.err) == (2, True)


@pytest.mark.parametrize("samples", ["0", "-1", "many"])
def test_count_of_samples_must_be_positive(toy, start, command, samples):
    start(toy, DROPOUT)
    assert command("eval", "run", "--mc-samples", samples).code == 2
