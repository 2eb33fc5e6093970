"""Whitening of three splits of a data set."""

import numpy as np


def fit(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean (inputs,) and the matrix (inputs, inputs) that whiten x (n, inputs)."""
    mean = x.mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov(x - mean, rowvar=False, bias=True))
    return mean, vectors / np.sqrt(values)


def apply(x: np.ndarray, mean: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Return x (n, inputs), transformed."""
    return (x - mean) @ matrix


def prepare(train: np.ndarray, valid: np.ndarray, test: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the three splits, whitened."""
    return apply(train, *fit(train)), apply(valid, *fit(valid)), apply(test, *fit(test))
