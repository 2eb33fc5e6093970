"""The event file, read by TensorBoard's own reader."""

import json
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from mnistnn.experiment.trained import load_trained
from mnistnn.run.directory import RunDirectory

event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
tensor_util = pytest.importorskip("tensorboard.util.tensor_util")
pytest.importorskip("PIL")


def events(folder):
    found = event_accumulator.EventAccumulator(
        str(folder), size_guidance={"scalars": 0, "images": 0, "histograms": 0, "tensors": 0}
    )
    found.Reload()
    return found


@pytest.fixture
def read(toy, start, exported):
    start(toy)
    return events(exported("tensorboard").path.parent)


def test_table_has_the_rows_of_the_metrics(read):
    rows = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    assert len(rows) == 6
    for figure in rows[0].keys() - {"updates", "examples"}:
        found = read.Scalars(figure.replace(".", "/"))
        assert [each.step for each in found] == [row["updates"] for row in rows]
        np.testing.assert_allclose([each.value for each in found], [row[figure] for row in rows], rtol=1e-6)


def test_times_are_those_of_training(read):
    started = datetime.fromisoformat(json.loads(Path("run/run.json").read_text())["started"]).timestamp()
    took = [json.loads(line)["seconds"] for line in Path("run/timing.jsonl").read_text().splitlines()]
    found = [each.wall_time for each in read.Scalars("train/loss")]
    np.testing.assert_allclose(found, started + np.cumsum(took), rtol=0, atol=1e-5)


def test_histograms_count_all_weights(read):
    model = load_trained(RunDirectory(Path("run"))).plan.task.flat
    W = model.views(model.values)["hidden.W"].astype(np.float64)
    (event,) = read.Histograms("parameters/hidden/W")
    histogram = event.histogram_value
    assert (histogram.num, sum(histogram.bucket)) == (64 * 12, 64 * 12)
    assert (histogram.min, histogram.max) == (W.min(), W.max())
    assert histogram.sum_squares == pytest.approx((W**2).sum())
    best = json.loads(Path("run/run.json").read_text())["best"]
    assert event.step == best["updates"]


def test_filters_are_a_picture(read):
    (event,) = read.Images("filters/hidden/W")
    assert event.encoded_image_string.startswith(b"\x89PNG")
    assert event.width == 12 * (8 * 4 + 2) + 2


def test_configuration_is_a_text_that_is_shown_as_it_is(read):
    (event,) = read.Tensors("config/text_summary")
    (text,) = tensor_util.make_ndarray(event.tensor_proto)
    lines = text.decode().splitlines()
    assert "    seed: 0" in lines
    assert all(line.startswith("    ") for line in lines)


def test_model_without_pictures_has_none(toy, start, exported):
    start(toy, "preprocess=[{type: quadratic}]", "stopping.max_epochs.epochs=1")
    assert events(exported("tensorboard").path.parent).Tags()["images"] == []


def test_file_does_not_name_this_machine(toy, start, exported):
    start(toy, "stopping.max_epochs.epochs=1")
    first, second = exported("tensorboard"), exported("tensorboard", out=Path("again"))
    assert first.sha256 == second.sha256
    assert first.path.name == second.path.name
    assert first.path.name.endswith(".mnistnn")
