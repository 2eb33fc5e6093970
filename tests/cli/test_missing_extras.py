"""Packages of an extra that are not installed: one exit code, said before any work, and nothing is written."""

import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest

from mnistnn.extras import _EXTRAS

# What is missing, the command that needs it, and what it says.
NEEDS = [
    ("matplotlib", "plot run --out out.svg", "drawing needs matplotlib"),
    ("matplotlib", "inspect confusion run --split test --out out.svg", "drawing needs matplotlib"),
    ("PIL", "inspect errors run --split test --out out.png", "writing PNG files needs Pillow"),
    ("PIL", "inspect filters run --out out.png", "writing PNG files needs Pillow"),
    ("matplotlib", "inspect neighbours run --out out.svg", "drawing needs matplotlib"),
    ("matplotlib", "inspect forecast run --out out.svg", "drawing needs matplotlib"),
    ("PIL", "inspect members run --out out.png", "writing PNG files needs Pillow"),
    ("PIL", "inspect stumps run --out out.png", "writing PNG files needs Pillow"),
    ("PIL", "inspect support-vectors run --pair 0,1 --out out.png", "writing PNG files needs Pillow"),
    ("PIL", "data show toy --out out.png", "writing PNG files needs Pillow"),
    ("PIL", "predict run picture.png", "reading pictures needs Pillow"),
    ("PIL", "predict run picture.png --out out.png", "writing PNG files needs Pillow"),
    ("PIL", "sample run --out out.png", "writing PNG files needs Pillow"),
    ("PIL", "report run --out out.html", "writing PNG files needs Pillow"),
    ("jinja2", "report run --out out.html", "a report needs Jinja"),
    ("onnx", "export run --to onnx --out out.onnx", "export --to onnx needs onnx"),
    ("onnxruntime", "export run --to onnx --out out.onnx", "export --to onnx needs onnxruntime"),
    ("tensorboardX", "export run --to tensorboard --out out", "export --to tensorboard needs tensorboardX"),
    ("optuna", "sweep run toy.yaml optimizer.learning_rate=0.1..1 --trials 2 --sampler tpe", "--sampler tpe needs"),
    ("optuna", "sweep run toy.yaml optimizer.learning_rate=0.1,1 --prune", "--prune needs Optuna"),
    ("distributed", "sweep run toy.yaml batches.size=16,32 --engine dask --address tcp://h:1", "needs distributed"),
    ("distributed", "train toy.yaml --engine dask --address tcp://h:1", "--engine dask needs distributed"),
    ("distributed", "resume run --engine dask --address tcp://h:1", "--engine dask needs distributed"),
    ("starlette", "serve --no-open", "the page needs Starlette"),
    ("uvicorn", "serve --no-open", "the page needs uvicorn"),
    ("cupy", "train toy.yaml --device cuda", "device cuda needs CuPy"),
    ("cupy", "resume run --device cuda", "device cuda needs CuPy"),
]


@pytest.fixture
def written(everything_below):
    """Return what is there, but the files that locks are on."""

    def look():
        return {path: content for path, content in everything_below(".").items() if path.name != ".mnistnn-lock"}

    return look


@pytest.mark.parametrize(("module", "words", "said"), NEEDS, ids=lambda value: value[:40])
def test_what_is_missing_is_said_before_any_work(toy, start, command, monkeypatch, written, module, words, said):
    start(toy)
    Path("picture.png").write_bytes(b"is not looked at")
    before = written()
    for other in _EXTRAS:
        if find_spec(other) is None:  # where mnistnn was installed without extras
            monkeypatch.setitem(sys.modules, other, ModuleType(other))
    monkeypatch.setitem(sys.modules, module, None)
    done = command(*words.split())
    assert done.code == 5, done
    assert done.out == ""
    assert said in done.err
    assert "pip install 'mnistnn[" in done.err
    assert written() == before
