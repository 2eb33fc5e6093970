"""What can be a member of a committee, and what is refused at its line before anything is read or written."""

from pathlib import Path

import pytest

from mnistnn.config.load import load_experiment
from mnistnn.errors import ConfigError
from mnistnn.experiment.members import member_run, members_of
from mnistnn.experiment.plan import Plan
from mnistnn.run.directory import RunDirectory

HEAD = "name: one\ndata: {dataset: toy, validation_examples: 60}\nmodel:\n  type: committee\n  members:\n"
RBM = """\
name: machine
data: {dataset: toy, validation_examples: 60}
model: {type: rbm, hidden: 5}
loss: {type: contrastive_divergence}
optimizer: {type: sgd, learning_rate: 0.1}
stopping: [{type: max_epochs, epochs: 1}]
checkpoint: {monitor: last}
"""
AUTOENCODER = RBM.replace("rbm", "autoencoder").replace("contrastive_divergence", "reconstruction")
SUMS = """\
name: sums
data: {sequences: {type: adding, steps: 4, train: 20, valid: 10, test: 10}}
model: {type: sequential, layers: {r: {type: recurrent, units: 3}, o: {type: dense, units: 1}}}
loss: {type: mean_squared_error}
optimizer: {type: sgd, learning_rate: 0.1}
stopping: [{type: max_epochs, epochs: 1}]
checkpoint: {monitor: valid.loss}
"""


@pytest.fixture
def refused(pairs, command):
    """Train a committee of these lines of members, and return what was said; nothing may be there afterwards."""

    def train(*lines: str, tail: str = "") -> str:
        for name, text in (("machine.yaml", RBM), ("code.yaml", AUTOENCODER), ("sums.yaml", SUMS)):
            Path(name).write_text(text)
        Path("one.yaml").write_text(HEAD + "".join(f"    - {line}\n" for line in lines) + tail)
        done = command("train", "one.yaml", "--run-dir", "run", "-q")
        assert (done.code, done.out) == (2, ""), done.err
        assert not Path("run").exists()
        assert command("config", "check", "one.yaml").err == done.err
        return str(done.err)

    return train


TOY = "{experiment: toy.yaml}"


@pytest.mark.parametrize(
    ("override", "what"),
    [
        ("data.dataset=mnist", "data.dataset 'mnist' where the committee has 'toy'"),
        ("data.validation_examples=50", "data.validation_examples 50 where the committee has 60"),
        ("data.scale=256", "data.scale 256 where the committee has 255"),
        ("data.limits.train=100", "data.limits {'train': 100, 'valid': None, 'test': None} where the committee has"),
        ("data.labels={pair: [0, 1]}", "data.labels {"),
    ],
)
def test_member_on_other_data_is_refused_at_its_line(refused, override, what):
    message = refused(TOY, f"{{experiment: toy.yaml, overrides: ['{override}']}}")
    assert message.startswith("error: one.yaml:7:7: a committee decides on the data that all its members know, and")
    assert f"member 2 has {what}" in message
    assert message.endswith("1 error, nothing was run.\n")


@pytest.mark.parametrize(
    ("file", "what"),
    [("machine.yaml", "its model is of type rbm"), ("code.yaml", "its model is of type autoencoder")],
)
def test_member_that_is_no_classifier_is_refused_at_its_line(refused, file, what):
    assert f"error: one.yaml:7:7: member 2 is no classifier of images: {what}\n" in refused(TOY, f"experiment: {file}")


def test_member_that_predicts_numbers_is_refused_for_its_data(refused):
    assert "member 2 has data." in refused(TOY, "experiment: sums.yaml")


def test_committee_on_sequences_is_refused(pairs, command):
    Path("sums.yaml").write_text(SUMS)
    text = HEAD.replace("{dataset: toy, validation_examples: 60}", SUMS.splitlines()[1].removeprefix("data: "))
    Path("one.yaml").write_text(f"{text}    - experiment: sums.yaml\ncheckpoint: {{monitor: valid.loss}}\n")
    done = command("train", "one.yaml", "--run-dir", "run", "-q")
    assert done.code == 2
    assert "error: one.yaml:3:1: a model of type committee classifies images, and these are sequences\n" in done.err
    assert not Path("run").exists()


@pytest.mark.parametrize(
    "line", ["{experiment: pairs.yaml}", "{experiment: toy.yaml, overrides: [loss.type=squared_error]}"]
)
def test_mean_of_what_has_no_probabilities_is_refused_at_its_line(refused, line):
    message = refused(TOY, line)
    assert (
        "error: one.yaml:7:7: member 2 gives no probabilities, whose mean could be taken: its loss is squared_error"
        in (message)
    )
    assert "(combine: vote asks for its class only)" in message


def test_member_whose_parts_do_not_fit_is_refused_at_its_line(refused):
    message = refused(TOY, "{experiment: toy.yaml, overrides: [model.layers.output.units=3]}")
    assert message.startswith(
        "error: one.yaml:7:7: member 2: model.layers.output: softmax_nll needs one output per class: 4, but this"
    )


@pytest.mark.parametrize(
    ("tail", "what"),
    [
        ("preprocess: [{type: standardize}]\n", "members prepare images by themselves; this belongs into their files"),
        (
            "augment: {shift_px: 1}\n",
            "a model of type committee is fitted, and not trained by steps: it has no augment",
        ),
        ("stopping: [{type: max_epochs, epochs: 1}]\n", "a model of type committee ends with its last round"),
    ],
)
def test_key_that_belongs_to_members_is_refused_at_its_line(refused, tail, what):
    assert f"error: one.yaml:7:1: {what}" in refused(TOY, tail=tail)


# What members are.


def test_members_are_on_the_backend_of_the_committee(committee):
    whole = load_experiment(committee, ["backend={dtype: float64, threads: 2}"])
    assert [member.experiment.backend.dtype for member in members_of(whole)] == ["float64"] * 2
    assert [plan.threads for plan in Plan(whole).members] == [2, 2]


def test_model_without_members_has_none(pairs):
    assert members_of(load_experiment(pairs)) == []


def test_runs_of_members_lie_in_order_of_their_names():
    runs = [str(member_run(RunDirectory(Path("run")), number).path) for number in (0, 9, 998)]
    assert runs == ["run/members/001", "run/members/010", "run/members/999"]


def test_mistake_found_later_is_shown_at_the_member(committee):
    (_, second) = members_of(load_experiment(committee))
    error = second.error("too large", "optimizer")
    assert isinstance(error, ConfigError)
    assert f"error: {committee}:7:7: member 2: optimizer: too large\n" in str(error)


def test_parameters_of_a_committee_are_those_of_its_members(voters):
    plan = Plan(load_experiment(voters))
    assert [member.parameters for member in plan.members] == [832, 832, 390]
    assert plan.parameters == 2 * 832 + 390
