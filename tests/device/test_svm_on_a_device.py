"""Support vector machines with `--device cuda` on the stand-in: fitted on the host, asked on the device."""

from pathlib import Path

import numpy as np
import pytest

from mnistnn.experiment.trained import load_trained
from mnistnn.run.checkpoint import newest_first, read
from mnistnn.run.directory import RunDirectory
from mnistnn.run.metrics import read_rows
from tests.device.array import DeviceArray

KERNELS = ("{type: polynomial, degree: 5, scale: 0.5, unit_norm: true}", "{type: gaussian, gamma: 0.1}")


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_machines_are_fitted_on_the_host_and_asked_on_the_device(device, toy, start, kernel, dtype):
    path = toy.with_name("svm.yaml")
    path.write_text(
        "name: svm\ndata: {dataset: toy, validation_examples: 60}\n"
        f"model: {{type: svm, virtual_shifts_px: [1], kernel: {kernel}}}\n"
    )
    for name in ("cpu", "cuda"):
        start(path, f"backend={{device: {name}, dtype: {dtype}}}", path=name)
    found, expected = (read(newest_first(Path(name, "checkpoints"))[0]).tensors for name in ("cuda", "cpu"))
    assert {name: tensor.tobytes() for name, tensor in found.items()} == {
        name: tensor.tobytes() for name, tensor in expected.items()
    }
    rows, on_host = (read_rows(Path(name, "metrics.jsonl")) for name in ("cuda", "cpu"))
    assert [row["valid.error"] for row in rows] == [row["valid.error"] for row in on_host]
    assert [row["valid.loss"] for row in rows] == pytest.approx([row["valid.loss"] for row in on_host], rel=1e-5)


def test_scores_are_computed_where_the_images_are_and_nothing_is_sent_for_them(device, toy, start):
    path = toy.with_name("svm.yaml")
    path.write_text(
        f"name: svm\ndata: {{dataset: toy, validation_examples: 60}}\nmodel: {{type: svm, kernel: {KERNELS[0]}}}\n"
    )
    start(path, "backend.device=cuda")
    run = RunDirectory(Path("run"))
    trained, on_host = (load_trained(run, overrides=[f"backend.device={name}"]) for name in ("cuda", "cpu"))
    (x, _), *_ = trained.batches("valid")
    (x_on_host, _), *_ = on_host.batches("valid")
    before = device.uploads
    scores = trained.task.scores(x)
    assert device.uploads == before
    assert isinstance(scores, DeviceArray)
    np.testing.assert_allclose(scores.get(), on_host.task.scores(x_on_host), rtol=1e-5)
