"""What people type who know other tools: each mistake is answered with what it is called here."""

from pathlib import Path

import pytest

IN_FILES = [  # what is replaced in the toy experiment, by what, and the hint
    ("learning_rate: 0.2", "lr: 0.2", "did you mean 'learning_rate'?"),
    ("learning_rate: 0.2", "learning_rate: 0.2, momentum: 0.9", "types momentum, "),
    ("learning_rate: 0.2", "learning_rate: 0.2, weight_decay: 1e-4", "penalties.l2.strength"),
    ("activation: tanh", "activation: softmax", "the loss softmax_nll applies the softmax itself"),
    ("activation: tanh", "activation: lrelu", "did you mean 'leaky_relu'?"),
    ("activation: tanh", "nonlinearity: tanh", "did you mean 'activation'?"),
    ("type: softmax_nll", "type: cross_entropy", "did you mean 'softmax_nll'?"),
    ("loss: {type: softmax_nll}", "loss: cross_entropy", "write {type: softmax_nll}"),
    ("type: softmax_nll", "type: mse", "did you mean 'mean_squared_error'?"),
    ("type: dense, units: 12", "type: conv, filters: 12", "did you mean 'maps'?"),
    ("type: dense, units: 12", "type: dense, neurons: 12", "did you mean 'units'?"),
    ("type: dense, units: 12, activation: tanh", "type: dropout, rate: 0.2", "keep is the share that stays"),
    ("type: dense, units: 12, activation: tanh", "type: maxpool2d", "did you mean 'pool'?"),
    ("type: dense, units: 12, activation: tanh", "type: fc, units: 12", "did you mean 'dense'?"),
    ("type: dense, units: 12, activation: tanh", "type: relu", "activation: relu belongs to the layer before"),
    ("batches: {size: 32, order: permute}", "batches: {size: 32, shuffle: true}", "order: permute mixes"),
    ("batches: {size: 32", "batches: {batch_size: 32", "did you mean 'size'?"),
    ("order: permute", "order: shuffle", "did you mean 'permute'?"),
    ("name: toy", "name: toy\nlr: 0.1", "did you mean 'optimizer.learning_rate'?"),
    ("name: toy", "name: toy\nbatch_size: 10", "did you mean 'batches.size'?"),
    ("name: toy", "name: toy\nepochs: 10", "it belongs to an item of stopping: {type: max_epochs, epochs: …}"),
    ("name: toy", "name: toy\ndevice: cuda", "did you mean 'backend.device'?"),
    ("name: toy", "name: toy\nbackend: {device: gpu}", "did you mean 'cuda'?"),
    ("name: toy", "name: toy\ndropout: 0.5", "a layer of type dropout does that"),
    ("name: toy", "name: toy\npatience: 5", "course_patience, lisa_patience"),
    ("type: max_epochs, epochs: 6", "type: early_stopping", "course_patience and lisa_patience end a run"),
    ("type: sequential", "type: mlp", "did you mean 'sequential'?"),
    ("name: toy", "name: toy\npreprocess: [{type: normalize}]", "did you mean 'standardize'?"),
]
ON_THE_COMMAND_LINE = [  # arguments of train, and the hint
    (["lr=0.1"], "did you mean 'optimizer.learning_rate'?"),
    (["epochs=3"], "did you mean 'stopping.max_epochs.epochs'?"),
    (["units=300"], "which one: model.layers.hidden.units, model.layers.output.units?"),
    (["activation=relu"], "did you mean 'model.layers.hidden.activation'?"),
    (["shuffle=true"], "batches.order: permute"),
    (["batch_size=10"], "did you mean 'batches.size'?"),
    (["optimizer.momentum=0.9"], "types momentum, "),
    (["optimizer=adam"], "write {type: adam}"),
    (["--lr", "0.1"], "there is no option '--lr', write optimizer.learning_rate=…"),
    (["--batch-size", "10"], "write batches.size=…"),
    (["--learning-rate=0.1"], "write optimizer.learning_rate=…"),
    (["--gpu"], "write --device cuda"),
    (["--max-epochs", "3"], "write --epochs …"),
    (["--device", "gpu"], "did you mean 'cuda'?"),
    (["--seeds", "5"], "write --seeds 0..4 for 5 seeds, --seeds 5..5 for that one"),
    (["--seeds", "1"], "'1' may mean a seed or a number of them: write --seeds 1..1 for that one"),
    (["--epoch", "3"], "did you mean '--epochs'?"),
]


@pytest.mark.parametrize(("before", "after", "hint"), IN_FILES, ids=[after for _, after, _ in IN_FILES])
def test_files_are_answered_with_what_it_is_called_here(toy, command, before, after, hint):
    text = toy.read_text()
    assert before in text
    toy.write_text(text.replace(before, after, 1))
    done = command("train", toy)
    assert done.code == 2
    assert hint in done.err
    assert not Path("runs").exists()


@pytest.mark.parametrize(("arguments", "hint"), ON_THE_COMMAND_LINE, ids=[" ".join(a) for a, _ in ON_THE_COMMAND_LINE])
def test_command_lines_are_answered_with_what_it_is_called_here(toy, command, arguments, hint):
    done = command("train", toy, *arguments)
    assert done.code == 2
    assert hint in done.err
    assert not Path("runs").exists()


def test_key_that_is_missing_because_it_has_another_name_is_one_mistake(toy, command):
    toy.write_text(toy.read_text().replace("learning_rate", "lr"))
    assert "1 error, nothing was run" in command("train", toy).err


@pytest.mark.parametrize("given", ["own.yaml", "own"])
def test_file_among_the_experiments_is_named(toy, command, given):
    Path("experiments").mkdir()
    toy.rename("experiments/own.yaml")
    done = command("train", given)
    assert done.code == 2
    assert "did you mean 'experiments/own.yaml'?" in done.err


@pytest.mark.parametrize(("split", "meant"), [("validation", "valid"), ("val", "valid"), ("training", "train")])
def test_split_of_another_name_is_named(toy, command, split, meant):
    done = command("eval", "latest", "--split", split)
    assert done.code == 2
    assert f"did you mean '{meant}'?" in done.err


def test_command_without_values_has_no_hint_at_them(toy, command):
    done = command("ls", "--lr", "0.1")
    assert done.code == 2
    assert "learning_rate" not in done.err
