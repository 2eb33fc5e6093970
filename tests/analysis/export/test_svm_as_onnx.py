"""Support vector machines as ONNX, held to what mnistnn computes."""

from pathlib import Path

import pytest

KERNELS = (
    "{type: polynomial, degree: 5, scale: 0.5, unit_norm: true}",
    "{type: polynomial, degree: 2, offset: 0, scale: 0.1}",
    "{type: gaussian, gamma: 0.2}",
    "{type: gaussian, gamma: 2, unit_norm: true}",
)


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("keys", ["", "virtual_shifts_px: [1], "])
def test_onnx_has_the_scores_of_all_pairs(toy, start, exported, kernel, keys):
    pytest.importorskip("onnxruntime")
    path = toy.with_name("svm.yaml")
    path.write_text(
        f"name: svm\ndata: {{dataset: toy, validation_examples: 60}}\nmodel: {{type: svm, {keys}kernel: {kernel}}}\n"
    )
    start(path)
    for checkpoint in ("best", "last"):
        check = exported("onnx", out=Path("m.onnx"), checkpoint=checkpoint, force=True).check
        assert (check.examples, check.read_differently) == (60, 0)
        assert check.scores_difference <= 1e-5
