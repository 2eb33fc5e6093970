"""Loss and gradient of softmax regression."""

import numpy as np


def loss_and_grad(
    x: np.ndarray, labels: np.ndarray, W: np.ndarray, b: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the loss, dW (inputs, classes) and db (classes,) for x (n, inputs) and labels (n,)."""
    z = x @ W + b
    z -= z.max(axis=1, keepdims=True)
    log_y = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    loss = -np.sum(log_y[np.arange(len(x)), labels])
    dz = np.exp(log_y)
    dz[np.arange(len(x)), labels] -= 1
    return float(loss), x.T @ dz, dz.sum(axis=0)


def main() -> None:
    """Train at one rate on more and more examples."""
    rng = np.random.default_rng(0)
    for n in (50, 500, 5000):
        labels = rng.integers(3, size=n)
        x = np.eye(3)[labels] + rng.normal(0.0, 0.7, size=(n, 3))
        W, b = np.zeros((3, 3)), np.zeros(3)
        for _ in range(50):
            _, dW, db = loss_and_grad(x, labels, W, b)
            W -= 0.05 * dW
            b -= 0.05 * db
        print(f"{n} examples: loss {loss_and_grad(x, labels, W, b)[0]:.3f}")


if __name__ == "__main__":
    main()
