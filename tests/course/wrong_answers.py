"""Plausible wrong answers to the exercises that need no training: what is changed in the solution, and what is said."""

from typing import NamedTuple


class Wrong(NamedTuple):
    """`old` in the `file` of the solution becomes `new`; the check says `said`."""

    file: str
    old: str
    new: str
    said: str


WRONG = {
    "derive-dz": [
        Wrong("layer.py", "S * (A - self.y**2 / A)", "1 - (self.y / A) ** 2", "both constants are missing"),
        Wrong("layer.py", "S * (A - self.y**2 / A)", "A - self.y**2 / A", "inner function, 2/3 z, is missing"),
        Wrong("layer.py", "S * (A - self.y**2 / A)", "S * (1 - (self.y / A) ** 2)", "factor in front of tanh"),
        Wrong("layer.py", "dy *= S * (A - self.y**2 / A)", "dy = S * (A - self.y**2 / A)", "multiplies it by dy"),
        Wrong("layer.py", "S * (A - self.y**2 / A)", "1 - self.y**2", "right for y = tanh(z) only"),
        Wrong("layer.py", "self.y *= A", "pass", "forward no longer computes"),
        Wrong("layer.py", "return dy", "return None", "it must return dz"),
        Wrong(
            "layer.py",
            "dy *= S * (A - self.y**2 / A)",
            "dy += S * (A - self.y**2 / A)",
            "at z = 1 and dy = 1.5 it returns 2.2554, and differences give 1.1331",
        ),
    ],
    "derive-dw": [
        Wrong("derivatives.py", "(W + W.T) @ x", "2 * W @ x", "right for a symmetric W only"),
        Wrong("derivatives.py", "(W + W.T) @ x", "W @ x", "x stands twice"),
        Wrong("derivatives.py", "(W + W.T) @ x", "(W + W) @ x", "right for a symmetric W only"),
        Wrong(
            "derivatives.py", "np.outer(x, x)", "x * x", "returns an array of shape (4,); expected an array of shape"
        ),
        Wrong("derivatives.py", "np.outer(x, x)", "2 * np.outer(x, x)", "each element of W stands once"),
        Wrong("derivatives.py", "np.outer(x, x)", "np.outer(W @ x, x)", "y is linear in W"),
    ],
    "argmax-axis": [
        Wrong("softmax.py", "np.argmax(y_hat, axis=1)", "np.argmax(y_hat, axis=0)", "one for each class"),
        Wrong(
            "softmax.py", "axis=1)\n\n\ndef error", "axis=1, keepdims=True)\n\n\ndef error", "makes 5 × 5 comparisons"
        ),
        Wrong(
            "softmax.py", "np.argmax(y_hat, axis=1)", "np.max(y_hat, axis=1)", "probabilities, not numbers of classes"
        ),
        Wrong(
            "softmax.py",
            "np.argmax(y_hat, axis=1)",
            "np.argmin(y_hat, axis=1)",
            "look at which place of each row is taken",
        ),
        Wrong("softmax.py", "labels != predicted", "labels == predicted", "error no longer gives 0.4"),
    ],
    "sum-for-mean": [
        Wrong("gradient.py", "    dz /= len(x)\n", "", "dW is no mean over the examples. It is still the sum"),
        Wrong("gradient.py", "np.mean(log_y", "np.sum(log_y", "loss is no mean over the examples. It is still the sum"),
        Wrong("gradient.py", "dz /= len(x)", "dz /= dz.size", "number of examples and of classes"),
        Wrong("gradient.py", "dz /= len(x)", "dz /= dz.shape[1]", "number of classes: a mean"),
        Wrong(
            "gradient.py",
            "labels] -= 1\n    dz /= len(x)",
            "labels] -= len(x)\n    dz /= len(x)",
            "is every term of it divided?",
        ),
        Wrong("gradient.py", "dz.sum(axis=0)\n", "dz.mean(axis=0)\n", "examples twice"),
    ],
    "bias-length": [
        Wrong("net.py", '"b_xh": np.zeros(n_hidden)', '"b_xh": np.zeros(n_in)', "number of inputs"),
        Wrong("net.py", '"b_xh": np.zeros(n_hidden)', '"b_xh": np.zeros(1)', "One number for the whole layer"),
        Wrong("net.py", '"b_xh": np.zeros(n_hidden)', '"b_xh": np.zeros(20)', "right for one net only"),
        Wrong("net.py", '"b_xh": np.zeros(n_hidden)', '"b_xh": np.zeros((1, n_hidden))', "A bias has one axis"),
        Wrong("net.py", "size=(n_in, n_hidden)", "size=(n_in, n_classes)", "W_xh has shape (7, 3)"),
    ],
    "highest-rate": [
        Wrong("answers.yaml", "highest: 0.25", "highest: 4", "limit of the flattest direction"),
        Wrong("answers.yaml", "highest: 0.25", "highest: 0.125", "steepest direction is at 0 after one step"),
        Wrong("answers.yaml", "highest: 0.25", "highest: 0.3", "too high"),
        Wrong("answers.yaml", "highest: 0.25", "highest: a quarter", "expected a number"),
        Wrong("answers.yaml", "best: 0.235294", "best: 0.125", "and the flattest one is slow"),
        Wrong("answers.yaml", "best: 0.235294", "best: 0.245", "here the steepest direction is slow"),
        Wrong("answers.yaml", "best: 0.235294", "best: 0.25", "does not converge at all"),
        Wrong("answers.yaml", "best: 0.235294", "bset: 0.2", "did you mean 'best'?"),
    ],
    "last-epoch": [
        Wrong("answers.yaml", "stops_after: 6", "stops_after: 5", "min_epochs is reached here"),
        Wrong("answers.yaml", "stops_after: 6", "stops_after: 12", "used up before the table ends"),
        Wrong("answers.yaml", "stops_after: 6", "stops_after: 8", "Write beside each epoch"),
        Wrong("answers.yaml", "returned: 3", "returned: 6", "parameters of the last epoch"),
        Wrong("answers.yaml", "returned: 3", "returned: 5", "Its error equals that of an earlier epoch"),
        Wrong("answers.yaml", "returned: 3", "returned: 9", "after the end of the run"),
        Wrong("answers.yaml", "stops_after: 6", "stops_after: six", "expected a whole number"),
    ],
    "last-update": [
        Wrong("answers.yaml", "4999", "5000", "iterations count from 0"),
        Wrong("answers.yaml", "4999", "2001", "it is not 2000 any more"),
        Wrong("answers.yaml", "4999", "4500", "may end inside of an epoch"),
        Wrong("answers.yaml", "4999", "8999", "only below 0.995 times"),
        Wrong("answers.yaml", "4999", "7999", "also if that was no good improvement itself"),
    ],
    "step-before-smoothing": [
        Wrong("momentum.py", "mu * v + (1 - mu) * g", "mu * v + g", "factor 1 − μ before g is missing"),
        Wrong("momentum.py", "mu * v + (1 - mu) * g", "(1 - mu) * v + mu * g", "have changed places"),
        Wrong("momentum.py", "theta - rate * v", "theta - rate * g", "there is no momentum"),
        Wrong("momentum.py", "theta - rate * v", "theta + rate * v", "sign is wrong"),
        Wrong("momentum.py", "return theta, v", "return theta", "expected 2 values"),
    ],
    "whiten-by-training": [
        Wrong("whitening.py", "= fit(train)", "= fit(np.concatenate([train, valid, test]))", "that leaks"),
        Wrong(
            "whitening.py",
            "apply(valid, mean, matrix)",
            "apply(valid, *fit(valid))",
            "valid: Mean and matrix were fitted",
        ),
        Wrong("whitening.py", "apply(test, mean,", "apply(test, test.mean(axis=0),", "the mean is that of this split"),
        Wrong("whitening.py", "apply(test, mean, matrix)", "test", "test: It is not transformed at all"),
    ],
    "dropout-at-test": [
        Wrong("dropout.py", "h @ (keep * W) + b", "h @ ((1 - keep) * W) + b", "probability that a unit is dropped"),
        Wrong("dropout.py", "h @ (keep * W) + b", "h @ W + b", "All units count in full"),
        Wrong("dropout.py", "h @ (keep * W) + b", "h @ (W / keep) + b", "divided where it must be multiplied"),
        Wrong("dropout.py", "h @ (keep * W) + b", "keep * (h @ W + b)", "The bias is scaled too"),
        Wrong("dropout.py", "< keep", "< keep / 2", "train_scores was changed"),
    ],
}
