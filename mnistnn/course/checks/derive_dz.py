"""The exercise derive-dz: the backward pass of a layer, judged by finite differences."""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mnistnn.course.finding import Finding, WrongAnswerError, judged
from mnistnn.course.student_program import LIMIT_S, as_array, close, kind_of_mistake, run_apart
from mnistnn.course.values_in_json import decode

_A, _S = 1.7159, 2 / 3
_CLAIM = "The backward pass finds the derivative by the input"


def check(folder: Path) -> Iterator[Finding]:
    """Ask for the layer's passes, and for what `mnistnn inspect component` says of its gradient."""
    path = folder / "layer.py"
    with tempfile.TemporaryDirectory(prefix="mnistnn-exercise-") as own:
        result = Path(own) / "result.json"
        request = json.dumps({"file": str(path.resolve()), "result": str(result), "claim": _CLAIM})
        run_apart("mnistnn.course.layer_process", request, path, LIMIT_S, Path(own))
        done = json.loads(result.read_text(encoding="utf-8"))
    if done.get("problem") is not None:
        raise WrongAnswerError(done["problem"])
    z, dy, y, dz = (decode(done[name]) for name in ("z", "dy", "y", "dz"))
    if not close(y, _A * np.tanh(_S * z)):
        raise WrongAnswerError("forward no longer computes 1.7159 tanh(2/3 z): put it back as it was.")
    yield Finding(True, "forward computes 1.7159 tanh(2/3 z).")
    if dz is None:
        raise WrongAnswerError("backward returns None: it must return dz.")
    as_array(dz, z.shape, "backward returns")
    yield judged(
        done["verdict"] == "ok",
        f"backward agrees with finite differences ({done['measured']}).",
        f"backward does not agree with finite differences: {_worst(z, dy, dz)} {_mistake(z, dy, dz)}",
    )


def _worst(z: np.ndarray, dy: np.ndarray, dz: np.ndarray) -> str:
    """Say where dz is furthest from what finite differences of the formula give."""
    h = 1e-5
    expected = dy * _A * (np.tanh(_S * (z + h)) - np.tanh(_S * (z - h))) / (2 * h)
    at = np.unravel_index(np.abs(dz - expected).argmax(), z.shape)
    return f"at z = {z[at]:g} and dy = {dy[at]:g} it returns {dz[at]:.4f}, and differences give {expected[at]:.4f}."


def _mistake(z: np.ndarray, dy: np.ndarray, dz: np.ndarray) -> str:
    """Say which kind of mistake was made, if it is a usual one."""
    t = np.tanh(_S * z)
    right = _A * _S * (1 - t**2)
    mistakes = [
        (dy, "It returns dy: the derivative of the activation is missing."),
        (right, "It returns dy/dz alone: the chain rule multiplies it by dy."),
        (dy * _A * (1 - t**2), "The derivative of the inner function, 2/3 z, is missing."),
        (dy * _S * (1 - t**2), "The factor in front of tanh is missing."),
        (dy * (1 - t**2), "This is the derivative of tanh alone: both constants are missing."),
        (dy * (1 - (_A * t) ** 2), "1 − y² is right for y = tanh(z) only; here y is no tanh any more."),
        (dy * _A * _S * (1 - (_A * t) ** 2), "In 1 − y², y must be the tanh; the layer's y is 1.7159 times that."),
        (dy * _A * _S * (1 - np.tanh(z) ** 2), "The tanh in the derivative must be taken where forward takes it."),
        (-dy * right, "The sign is wrong."),
        (dy / right, "It divides by dy/dz: the chain rule multiplies."),
    ]
    return kind_of_mistake(dz, mistakes, "Derive the formula again, step by step.")
