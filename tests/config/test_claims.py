"""What an experiment claims (`expect`) is kept where it is about that experiment, and nowhere else."""

from pathlib import Path

import pytest

from mnistnn.config.load import load_experiment, load_resolved

BASE = """\
name: base
model: {type: sequential, layers: {output: {type: dense, units: 10}}}
loss: {type: softmax_nll}
optimizer: {type: sgd, learning_rate: 0.1}
batches: {size: 100}
stopping: [{type: max_epochs, epochs: 2}]
expect: {test_error: [0.07, 0.08], source: "a book"}
"""
CLAIMED, NOTHING = ([0.07, 0.08], None, "a book"), (None, None, "")


@pytest.fixture
def claims(tmp_path, monkeypatch):
    """Return what is claimed of the test error and the validation error, and its source, under overrides."""
    monkeypatch.chdir(tmp_path)
    Path("base.yaml").write_text(BASE)

    def read(text: str, *overrides: str):
        Path("own.yaml").write_text(text)
        expect = load_experiment(Path("own.yaml"), overrides).experiment.expect
        return expect.test_error, expect.valid_error, expect.source

    return read


def test_claim_of_the_file_itself_is_kept(claims):
    assert claims(BASE) == CLAIMED


@pytest.mark.parametrize(
    "override",
    [
        "seed=3",
        "name=other",
        "backend.threads=1",
        "backend={threads: 1}",
        "evaluation.train_error=true",
        "checkpoint.every_epochs=2",
    ],
)
def test_claim_is_kept_where_the_experiment_stays_the_same(claims, override):
    assert claims(BASE, override) == CLAIMED


@pytest.mark.parametrize(
    "override",
    [
        "optimizer.learning_rate=0.2",
        "data.dataset=fashion-mnist",
        "checkpoint.monitor=valid.loss",
        "checkpoint={monitor: valid.loss}",
        "evaluation.every_updates=7",
        "loss.label_smoothing=0.1",
    ],
)
def test_claim_is_about_no_other_experiment(claims, override):
    assert claims(BASE, override) == NOTHING


def test_claim_is_not_inherited(claims):
    assert claims("extends: base.yaml\nname: own\n") == NOTHING


def test_own_claim_is_kept_and_the_inherited_one_is_not(claims):
    own = "extends: base.yaml\nname: own\nexpect: {valid_error: [0.0, 0.1]}\n"
    assert claims(own) == (None, [0.0, 0.1], "")


def test_own_claim_may_take_the_place_of_the_inherited_one(claims):
    own = 'extends: base.yaml\nname: own\nexpect: {test_error: [0.0, 0.1], source: "mine"}\n'
    assert claims(own) == ([0.0, 0.1], None, "mine")


def test_claim_of_the_command_line_is_about_what_is_run(claims):
    assert claims(BASE, "optimizer.learning_rate=0.2", "expect.valid_error=[0.1, 0.2]") == (None, [0.1, 0.2], "")


def test_configuration_of_a_run_keeps_its_claims(claims):
    claims(BASE)
    assert load_resolved(Path("own.yaml")).experiment.expect.test_error == [0.07, 0.08]
