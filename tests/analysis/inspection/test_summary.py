"""The table of an experiment's parts."""

from mnistnn.analysis.inspection.summary import layer_rows, plan_lines
from mnistnn.config.load import load_experiment
from mnistnn.experiment.plan import Plan


def test_rows_hold_shapes_and_parameters(toy):
    rows = layer_rows(Plan(load_experiment(toy)))
    assert [(row.name, row.type, row.out_shape, row.parameters) for row in rows] == [
        ("hidden", "dense", (12,), 64 * 12 + 12),
        ("output", "dense", (4,), 12 * 4 + 4),
    ]


def test_lines_hold_totals_examples_and_cost(toy):
    lines = plan_lines(Plan(load_experiment(toy)))
    assert lines[4].split() == ["total", "832", "0.0", "MiB"]
    assert "examples: 300 train, 60 valid, 80 test" in lines
    assert any(line.startswith("per epoch: 10 updates of 32 examples") for line in lines)


def test_lines_say_how_training_images_are_distorted(toy):
    lines = plan_lines(Plan(load_experiment(toy, ["augment={shift_px: 1.5}"])))
    assert "augment, of training images only: shift up to 1.5 px" in lines
    assert not any(line.startswith("augment") for line in plan_lines(Plan(load_experiment(toy))))
