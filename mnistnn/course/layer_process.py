"""The process that tries a student's layer: both passes of it, and the check of its gradient."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from mnistnn.analysis.inspection.component.judge import judge
from mnistnn.analysis.inspection.component.subject import Subject, subjects_of
from mnistnn.course.values_in_json import encode
from mnistnn.errors import MnistnnError
from mnistnn.plugins.errors_of_code import said_of

_SHAPE = (3,)


def main() -> None:
    """Do what stdin says: {"file": …, "result": …, "claim": …}."""
    request = json.load(sys.stdin)
    path = Path(request["file"])
    try:
        done = _tried(path, request["claim"])
    except MnistnnError as error:
        done = {"problem": str(error)}
    except Exception as error:
        done = {"problem": said_of(error) or f"{path.name}: {type(error).__name__}: {error}"}
    Path(request["result"]).write_text(json.dumps(done), encoding="utf-8")


def _tried(path: Path, claim: str) -> dict[str, Any]:
    """Return inputs z and dy, what the layer's passes make of them, and what is found of the claim."""
    layers = [subject for subject in subjects_of(str(path), ()) if subject.kind == "layer"]
    if len(layers) != 1:
        return {"problem": f"{path.name} must have one layer; it has {len(layers)}."}
    z = np.array([[-2.0, -0.5, 0.0], [0.3, 1.0, 2.5]])
    dy = np.array([[1.0, -2.0, 0.5], [3.0, 1.5, -1.0]])
    passed = _passes(layers[0], z, dy)
    finding = next(each for each in judge(layers[0], _SHAPE) if each.sentence == claim)
    return passed | {"verdict": finding.verdict, "measured": finding.measured}


def _passes(subject: Subject, z: np.ndarray, dy: np.ndarray) -> dict[str, Any]:
    layer = subject.make()
    layer.build(_SHAPE)
    y = layer.forward(z.copy(), train=True).copy()
    dz = layer.backward(dy.copy())  # it may overwrite what it is given
    return {"z": encode(z), "dy": encode(dy), "y": encode(y), "dz": encode(dz)}


if __name__ == "__main__":
    main()
