"""A net with one hidden layer of tanh units."""

import numpy as np


def parameters(n_in: int, n_hidden: int, n_classes: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return the parameters of the two layers."""
    return {
        "W_xh": rng.normal(0.0, 0.01, size=(n_in, n_hidden)),
        "b_xh": np.zeros(n_classes),
        "W_hy": np.zeros((n_hidden, n_classes)),
        "b_hy": np.zeros(n_classes),
    }


def forward(x: np.ndarray, p: dict[str, np.ndarray]) -> np.ndarray:
    """Return the outputs z (n, classes) for x (n, inputs)."""
    h = np.tanh(x @ p["W_xh"] + p["b_xh"])
    return h @ p["W_hy"] + p["b_hy"]


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    print(forward(rng.normal(size=(5, 784)), parameters(784, 20, 10, rng)).shape)
