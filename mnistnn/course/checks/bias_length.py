"""The exercise bias-length: a bias of the hidden layer with as many elements as there are classes."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mnistnn.course.finding import Finding, WrongAnswerError, judged
from mnistnn.course.student_program import ask
from mnistnn.course.values_in_json import Random

_IN, _HIDDEN, _CLASSES = 7, 5, 3


def check(folder: Path) -> Iterator[Finding]:
    """Ask for the parameters of a small net, and for its outputs."""
    path = folder / "net.py"
    (done,) = ask(path, [("parameters", (_IN, _HIDDEN, _CLASSES, Random(0)))])
    found = done.value
    names = ("W_xh", "b_xh", "W_hy", "b_hy")
    if not isinstance(found, dict) or set(found) != set(names):
        raise WrongAnswerError(f"parameters must return a dict with {', '.join(names)}.")
    expected = {
        "W_xh": (_IN, _HIDDEN),
        "W_hy": (_HIDDEN, _CLASSES),
        "b_hy": (_CLASSES,),
        "b_xh": (_HIDDEN,),
    }
    of = f"for {_IN} inputs, {_HIDDEN} hidden units and {_CLASSES} classes"
    for name, shape in expected.items():
        is_right = np.shape(found[name]) == shape
        said = _of_bias(np.shape(found[name])) if name == "b_xh" else "It was right: put it back."
        yield judged(
            is_right, f"{name} has shape {shape} {of}.", f"{name} has shape {np.shape(found[name])} {of}. {said}"
        )
        if not is_right:
            return
    x = np.random.default_rng(1).normal(size=(4, _IN))
    p = {name: np.full(shape, 0.1) for name, shape in expected.items()}
    (outputs,) = ask(path, [("forward", (x, p))])
    z = np.tanh(x @ p["W_xh"] + p["b_xh"]) @ p["W_hy"] + p["b_hy"]
    yield judged(
        bool(np.allclose(outputs.array(z.shape), z)), "forward is as it was.", "forward was changed: put it back."
    )


def _of_bias(shape: tuple[int, ...]) -> str:
    said = {
        (_CLASSES,): "That is the number of classes. It works only where there are as many hidden units.",
        (_IN,): "That is the number of inputs. A bias is added behind the weights, not in front of them.",
        (): "One number for the whole layer: its units could not learn different biases.",
        (1,): "One number for the whole layer: its units could not learn different biases.",
        (_HIDDEN + _CLASSES,): "Each layer has a bias of its own: that of the other one does not belong here.",
        (20,): "A number that is written in the program is right for one net only.",
    }
    if len(shape) == 2 and _HIDDEN in shape:
        return "A bias has one axis: one number for each unit."
    return said.get(shape, "To how many numbers is it added?")
