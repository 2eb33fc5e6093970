"""Mistakes planted in components that are right: each is seen by the claim that is about it."""

from pathlib import Path
from typing import Any

import pytest

from mnistnn.analysis.inspection.component import judge
from mnistnn.analysis.inspection.component.findings import Finding, findings
from mnistnn.analysis.inspection.component.subject import Subject, subjects_of
from mnistnn.layers.dense import Dense
from mnistnn.plugins.names import KindName
from mnistnn.plugins.skeleton import skeleton

# Name of the fault: what is replaced in the skeleton, the beginning of the claim, a part of what is measured.
Faults = dict[str, tuple[list[tuple[str, str]], str, str]]

W_WRITTEN, DX_WRITTEN = "matmul(self.x.T, dy, out=self.dW)", "matmul(dy, self.W.T, out=dx)"
MADE = "        return self.y\n"
LAYERS: Faults = {
    "shape": ([("return (self.units,), [", "return (self.units + 1,), [")], "It says which shape", "three examples"),
    "dW": (
        [(W_WRITTEN, W_WRITTEN + "\n        self.dW *= 1.5")],
        "The backward pass finds the derivative by parameter `W`",
        "error 2.0e-01",
    ),
    "db": (
        [("xp.sum(dy, axis=0", "xp.sum(dy[:1], axis=0")],
        "The backward pass finds the derivative by parameter `b`",
        "error ",
    ),
    "dx": (
        [(DX_WRITTEN, DX_WRITTEN + "\n        dx *= -1")],
        "The backward pass finds the derivative by the input",
        "error 1.0e+00",
    ),
    "adding": (
        [("xp.sum(dy, axis=0, out=self.db)", "self.db += dy.sum(axis=0)")],
        "The backward pass overwrites",
        "db is no number",
    ),
    "dx that nobody needs": ([("if not need_dx:", "if False:")], "Without need", "a derivative is returned"),
    "float64": ([(MADE, "        return self.y.astype('float64')\n")], "What is computed in float32", "y is float64"),
    "float64 inside": (
        [(MADE, "        self.note = self.y.astype('float64')\n" + MADE)],
        "What is computed in float32",
        "self.note is float64",
    ),
    "float32": ([(MADE, "        return self.y.astype('float32')\n")], "What is computed in float64", "y is float32"),
    "writing": (
        [("self.x, self.in_shape", "x *= 0.5\n        self.x, self.in_shape")],
        "It only reads",
        "it writes to its input",
    ),
    "one memory": (
        [("@layer", "SHARED = Scratch()\n\n\n@layer"), ("self.scratch = Scratch()", "self.scratch = SHARED")],
        "Two layers",
        "numbers lent",
    ),
    "a trace": (
        [("matmul(self.x, self.W, out=self.y)", "self.y *= 0\n        self.y += self.x @ self.W")],
        "A batch leaves no trace",
        "differ",
    ),
    "chance": (
        [(MADE, "        import numpy as np\n        self.y *= 1 + np.random.rand()\n" + MADE)],
        "The same update",
        "differ",
    ),
    "no chance": ([("    def build", "    is_random = True\n\n    def build")], "Another update", "0 of"),
    "a counter": (
        [(MADE, "        self.calls = getattr(self, 'calls', 0) + 1\n        self.y += self.calls\n" + MADE)],
        "In use it is the same",
        "differ",
    ),
    "memory of the batch": (
        [(MADE, "        return self.y.copy()\n")],
        "After the first steps it takes no memory that grows with the batch",
        "bytes for",
    ),
    "memory of the parameters": (
        [(W_WRITTEN, "self.dW[...] = self.x.T @ dy")],
        "After the first steps it takes no memory that grows with an example",
        "bytes for",
    ),
    "numbers kept": ([("n * (self.units + self.n_in)", "n * self.units")], "It keeps as many", "104 for a batch of 4"),
    "what no checkpoint has": (
        [
            (
                MADE,
                "        self.steps = getattr(self, 'steps', 0) + train\n        self.y *= 1 + 0.1 * self.steps\n"
                + MADE,
            )
        ],
        "Stopped after two updates",
        "differ",
    ),
    "an error": (
        [(MADE, "        raise RuntimeError('so it is')\n")],
        "It says which shape",
        "raises RuntimeError: so it is (mine.py:",
    ),
    "no derivative": (
        [("return as_examples(dx, self.in_shape)", "return None")],
        "The backward pass finds the derivative by the input",
        "returns no derivative",
    ),
}
STEP = "    def step(self, objective, progress):\n        "
UPDATE = "    def update("
OPTIMIZERS: Faults = {
    "up": ([("v -= step", "v += step")], "It goes down in a bowl", "loss"),
    "nothing moved": ([("theta += v", "theta = theta + v")], "Steps move theta", "0 of 10"),
    "too far": ([("v -= step", "v -= 1e300 * step")], "Each step leaves finite", "theta"),
    "no gradient": ([("theta += v", "theta += v * grad / abs(grad)")], "Where the gradient is zero", "theta"),
    "the loss after": (
        [(UPDATE, STEP + "super().step(objective, progress)\n        return objective.loss_and_grad()\n\n" + UPDATE)],
        "A step returns the loss",
        "0.2",
    ),
    "float64": (
        [(UPDATE, STEP + "return super().step(objective, progress).astype('float64')\n\n" + UPDATE)],
        "What is computed in float32",
        "the loss is float64",
    ),
    "other arrays": (
        [
            (
                UPDATE,
                "    def state(self):\n        return {name: array.copy() for name, array in self._state.items()}\n\n"
                + UPDATE,
            )
        ],
        "The arrays of its state",
        "v",
    ),
    "state that is not kept": (
        [
            ('= {"v": 0.0}', "= {}"),
            ("(v,), (step,)", "(step,)"),
            ("= state, work, scalars", "= work, scalars\n        v = vars(self).setdefault('velocity', 0 * theta)"),
        ],
        "Stopped after two updates",
        "differ",
    ),
    "one memory": (
        [
            ("@optimizer", "SHARED = {}\n\n\n@optimizer"),
            (
                UPDATE,
                "    def allocate(self, theta, grad):\n        super().allocate(theta, grad)\n"
                "        self._state['v'] = SHARED.setdefault(theta.size, self._state['v'])\n"
                "        self._blocks = self._cut(theta, grad)\n\n" + UPDATE,
            ),
        ],
        "Two optimizers",
        "differ",
    ),
    "memory": (
        [
            (
                UPDATE,
                STEP + "loss = objective.loss_and_grad()\n        objective.theta -= 0.1 * objective.grad\n"
                "        return loss\n\n" + UPDATE,
            )
        ],
        "After the first steps",
        "bytes for",
    ),
    "memory that is not said": (
        [(UPDATE, "    def bytes_kept(self, parameters, itemsize):\n        return 0\n\n" + UPDATE)],
        "It takes as much memory",
        "and it says 0",
    ),
    "metrics": (
        [(UPDATE, "    gives: ClassVar[tuple[str, ...]] = ('speed',)\n\n" + UPDATE)],
        "It gives the metrics",
        "rate",
    ),
}
LOSS_END = "        return losses, dz\n"
LOSSES: Faults = {
    "no outputs": (
        [
            (
                "    def losses_and_dz",
                "    def build(self, out_shape, classes):\n        raise ValueError('no')\n\n    def losses_and_dz",
            )
        ],
        "It takes the outputs",
        "raises ValueError: no",
    ),
    "dz": ([("dz *= 2 * self.factor / n", "dz *= self.factor / n")], "Its gradient is", "error 3.3e-01"),
    "a sum": ([("dz *= 2 * self.factor / n", "dz *= 2 * self.factor")], "It is a mean", "error 3.3e-01"),
    "score": (
        [
            (
                "    def probabilities",
                "    def score(self, z, labels):\n        found = super().score(z, labels)\n"
                "        return type(found)(found.loss / 2, found.errors, found.examples)\n\n    def probabilities",
            )
        ],
        "What is summed",
        "sum",
    ),
    "predictions": (
        [("    def probabilities", "    def predict(self, z):\n        return z\n\n    def probabilities")],
        "It predicts one class",
        "shape (20, 3)",
    ),
    "probabilities": ([("return p / p.sum(axis=1, keepdims=True)", "return p")], "Its probabilities", "sums off"),
    "float64": (
        [(LOSS_END, "        return losses.astype('float64'), dz\n")],
        "What is computed in float32",
        "the loss is float64",
    ),
    "writing": ([("xp, n = ", "z *= 1.5\n        xp, n = ")], "It only reads", "it writes"),
    "extremes": ([(LOSS_END, "        losses[...] = xp.exp(losses)\n" + LOSS_END)], "Of extreme scores", "loss inf"),
    "a trace": (
        [
            (
                "        targets[...] = 0\n",
                "        if not hasattr(self, 'seen'):\n            targets[...] = 0\n        self.seen = True\n",
            )
        ],
        "A batch leaves no trace",
        "differ",
    ),
    "memory": ([(LOSS_END, "        return losses, dz.copy()\n")], "After the first steps", "bytes for"),
    "curvature": (
        [("    # What an", "    is_convex = True\n    # What an")],
        "Its second derivative",
        "raises NotImplementedError",
    ),
}
TRANSFORMS: Faults = {
    "shape": (
        [
            (
                "    def fit",
                "    def build(self, in_shape):\n        super().build(in_shape)\n"
                "        self.out_shape = (3,)\n\n    def fit",
            )
        ],
        "It says which shape",
        "but 40 give",
    ),
    "writing": ([("self.mean =", "x -= 1\n        self.mean =")], "Fitting only reads", "it writes"),
    "float64": (
        [("        return x\n", "        return x.astype('float64')\n")],
        "What is computed in float32",
        "float64",
    ),
    "black images": (
        [
            (
                "        return x\n",
                "        return x / abs(x + self.factor * self.mean).max(axis=tuple(range(1, x.ndim)), "
                "keepdims=True)\n",
            )
        ],
        "It gives finite numbers",
        "numbers are not",
    ),
    "neighbours": (
        [("        return x\n", "        return x - x.mean(axis=0)\n")],
        "What it does to an image",
        "error",
    ),
    "learning where it is applied": (
        [("        x -=", "        self.mean = self.mean + x.mean(axis=0)\n        x -=")],
        "It learns from the training images alone",
        "differ",
    ),
    "chance": ([("dtype=np.float64)", "dtype=np.float64) + np.random.rand()")], "Fitted twice", "differ"),
    "what is not saved": (
        [
            ("        x -=", "        x += vars(self).get('shift', 0)\n        x -="),
            ("self.mean =", "self.shift = 1.0\n        self.mean ="),
        ],
        "Saved and restored",
        "differ",
    ),
    "float32 arrays": (
        [("mean(axis=0, dtype=np.float64)", "mean(axis=0).astype(np.float32)")],
        "Saved and restored",
        "mean of another type",
    ),
    "any arrays": (
        [("    def apply", "    def takes(self, shapes):\n        return True\n\n    def apply")],
        "What was fitted to images of another shape",
        "is taken",
    ),
}
BEST, END = "        best, waited = inf, 0\n", '        return f"'
POLICIES: Faults = {
    "a counter": (
        [(END, "        self.asked = getattr(self, 'asked', 0) + 1\n        waited += self.asked // 100\n" + END)],
        "Asked twice",
        "answers differ",
    ),
    "another run": (
        [(BEST, "        best, waited = getattr(self, 'best', inf), 0\n"), (END, "        self.best = best\n" + END)],
        "It remembers nothing",
        "answers differ",
    ),
    "writing": (
        [(BEST, BEST + "        for row in history:\n            row['epoch'] = 0\n")],
        "It only reads",
        "it writes",
    ),
    "an empty history": ([(BEST, BEST + "        history[-1]\n")], "An empty history", "raises IndexError"),
    "columns": ([('return ("valid.error",)', "return ()")], "It reads the columns", "not named: valid.error"),
    "keys that are not written": (
        [
            ("from math import inf", "from math import inf\n\nfrom pydantic import Field"),
            ("patience: Count = 5", "patience: Count = Field(default=5, exclude=True)"),
        ],
        "Written as YAML",
        "answers differ",
    ),
    "no number": (
        [('if row["valid.error"] < best:', 'if not row["valid.error"] >= best:')],
        "A loss or error that is no number",
        "ends never",
    ),
}
FITTED: Faults = {
    "rounds": ([("yield 1", "yield 2")], "Fitting it counts", "[2]"),
    "writing": ([("rows, of =", "x *= 0.5\n        rows, of =")], "Fitting only reads", "it writes"),
    "scores": ([(".sum(axis=1)\n", ".sum(axis=1)[:, None]\n")], "After each round", ""),
    "float64": (
        [("return 2 *", "return np.float64(2) * self.means.astype('float64').sum() * 0 + 2 *")],
        "After each round it has a finite score of each class, in float32",
        "float64",
    ),
    "nothing learned": (
        [("return 2 *", "return 0 * as_rows(x) @ self.means.T if self else 2 *")],
        "It learns",
        "66.7% errors",
    ),
    "neighbours": ([("return 2 *", "return x.mean() + 2 *")], "The scores of an example", "error"),
    "chance": (
        [("self.means /= 1", "self.means += np.random.rand()\n        self.means /= 1")],
        "Fitted twice",
        "differ",
    ),
    "what is not saved": (
        [
            ("return 2 *", "return vars(self).get('shift', 0) + 2 *"),
            ("        yield 1", "        self.shift = 1.0\n        yield 1"),
        ],
        "Saved and restored",
        "differ",
    ),
    "what is forgotten": (
        [("    def scores", "    def keep_rounds(self, rounds):\n        self._fitted = False\n\n    def scores")],
        "When later rounds",
        "arrays",
    ),
    "beginning anew": (
        [("        self._fitted = False\n", "        self._fitted = vars(self).get('_fitted', False)\n")],
        "Where it is allocated again",
        "1 rounds",
    ),
    "any arrays": (
        [("    def scores", "    def restore(self, arrays):\n        self._fitted = True\n\n    def scores")],
        "Arrays of another shape",
        "is taken",
    ),
    "a round lost": (
        [
            (
                "    def scores",
                "    def restore(self, arrays):\n        self.means[...] = arrays.get('means', 1.0)\n"
                "        self._fitted = bool(arrays)\n\n    def scores",
            ),
            ("self.means[each] =", "self.means[each] +="),
        ],
        "Stopped after any round",
        "after round 0",
    ),
}
KINDS: dict[KindName, Faults] = {
    "layer": LAYERS,
    "optimizer": OPTIMIZERS,
    "loss": LOSSES,
    "transform": TRANSFORMS,
    "policy": POLICIES,
    "fitted_model": FITTED,
}
CASES = [pytest.param(kind, fault, id=f"{kind}-{fault}") for kind, faults in KINDS.items() for fault in faults]
SETTINGS = {"keys that are not written": ["patience=2"]}


def subject_of(kind: KindName, edits: list[tuple[str, str]], folder: Path, *settings: str) -> Subject:
    """Return the skeleton of a kind with some text replaced."""
    text = skeleton(kind, "mine")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    path = folder / "mine.py"
    path.write_text(text, encoding="utf-8")
    (found,) = subjects_of(str(path), settings)
    return found


def found_of(subject: Any, beginning: str) -> list[Finding]:
    """Return what is found of the claims that begin so."""
    claims = [claim for claim in judge._claims(subject, None) if claim.sentence.startswith(beginning)]
    assert claims, f"no claim begins with {beginning!r}"
    return list(findings(claims))


@pytest.mark.parametrize(("kind", "fault"), CASES)
def test_fault_is_seen_by_its_claim(kind, fault, tmp_path):
    edits, beginning, measured = KINDS[kind][fault]
    failed = [
        finding
        for finding in found_of(subject_of(kind, edits, tmp_path, *SETTINGS.get(fault, [])), beginning)
        if finding.verdict == "FAILED"
    ]
    assert failed, f"{beginning} … holds"
    assert measured in failed[0].measured, failed[0]


@pytest.mark.parametrize("kind", KINDS)
def test_skeleton_without_a_fault_is_right(kind, tmp_path):
    found = list(judge.judge(subject_of(kind, [], tmp_path)))
    assert [finding for finding in found if finding.verdict == "FAILED"] == []
    assert len(found) > 7


@pytest.mark.parametrize("kind", KINDS)
def test_each_claim_has_a_fault_that_it_sees(kind, tmp_path):
    """But for those that ask whether something is offered, and for the other of two dtypes."""
    beginnings = tuple(beginning for _, beginning, _ in KINDS[kind].values())
    optional = ("Its tangents", "The gradients of single", "Its diagonal", "ONNX", "It can be part", "A run that no")
    missing = [
        claim.sentence
        for claim in judge._claims(subject_of(kind, [], tmp_path), None)
        if not claim.sentence.startswith((*beginnings, *optional)) and "float64" not in claim.sentence
    ]
    assert missing == []


@pytest.mark.parametrize(
    ("method", "beginning"),
    [
        ("jvp", "Its tangents"),
        ("backward_per_example", "The gradients of single"),
        ("backward_diagonal", "Its diagonal"),
    ],
)
def test_wrong_second_order_part_is_seen(method, beginning, monkeypatch):
    right = getattr(Dense, method)
    monkeypatch.setattr(Dense, method, lambda *args: 1.001 * right(*args))
    (subject,) = subjects_of("dense", ["units=3", "activation=tanh"])
    (finding,) = found_of(subject, beginning)
    assert (finding.verdict, finding.allowed) == ("FAILED", "1e-06")


def test_other_nodes_of_onnx_are_seen(monkeypatch):
    from mnistnn.analysis.export import onnx_layers

    pytest.importorskip("onnxruntime")
    monkeypatch.setitem(onnx_layers.ACTIVATIONS, "tanh", onnx_layers.ACTIVATIONS["sigmoid"])
    (subject,) = subjects_of("dense", ["units=3", "activation=tanh"])
    (finding,) = found_of(subject, "ONNX")
    assert finding.verdict == "FAILED"


def test_policy_that_never_ends_a_run_is_said_to_need_another(tmp_path):
    subject = subject_of("policy", [("if waited >= self.patience", "if waited < 0")], tmp_path)
    (finding,) = found_of(subject, "A run that no")
    assert (finding.verdict, "needs another policy" in finding.measured) == ("left out", True)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("dense", ["units=4", "activation=tanh", "max_norm=1"]),
        ("dropout", []),
        ("batch_norm", []),
        ("pool", []),
        ("adam", []),
        ("course_momentum", []),
        ("conjugate_gradient", []),
        ("l_bfgs", []),
        ("softmax_nll", []),
        ("binary_nll", []),
        ("squared_error", []),
        ("whiten", []),
        ("deskew", []),
        ("quadratic", []),
        ("lisa_patience", []),
        ("max_time", ["seconds=3"]),
        ("target", ["value=0.1"]),
        ("least_squares", ["targets=pairwise"]),
        ("svm", []),
    ],
)
def test_components_of_mnistnn_are_right(name, settings):
    (subject,) = subjects_of(name, settings)
    assert [finding for finding in judge.judge(subject) if finding.verdict == "FAILED"] == []
