"""Softmax regression on points in a plane, with NumPy alone."""

import numpy as np

CLASSES = 4


def points(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return n points (n, 2) around four centres, and their labels (n,)."""
    labels = rng.integers(CLASSES, size=n)
    centres = np.array([[0.0, 2.0], [2.0, 0.0], [0.0, -2.0], [-2.0, 0.0]])
    return centres[labels] + rng.normal(0.0, 0.6, size=(n, 2)), labels


def probabilities(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return y_hat (n, classes), whose rows sum to 1."""
    z = x @ W + b
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def predict(x: np.ndarray, W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return for each point the number of its most probable class."""
    y_hat = probabilities(x, W, b)
    return np.argmax(y_hat, axis=1)


def error(labels: np.ndarray, predicted: np.ndarray) -> float:
    """Return the fraction of points whose label was not predicted."""
    return float(np.mean(labels != predicted))


def main() -> None:
    """Train for 200 steps, and print loss and error."""
    x, labels = points(300, np.random.default_rng(0))
    W, b = np.zeros((2, CLASSES)), np.zeros(CLASSES)
    for step in range(201):
        y_hat = probabilities(x, W, b)
        if step % 50 == 0:
            loss = -np.mean(np.log(y_hat[np.arange(len(x)), labels]))
            print(f"step {step}: loss {loss:.3f}, error {error(labels, predict(x, W, b)):.3f}")
        dz = (y_hat - np.eye(CLASSES)[labels]) / len(x)
        W -= 0.5 * x.T @ dz
        b -= 0.5 * dz.sum(axis=0)


if __name__ == "__main__":
    main()
