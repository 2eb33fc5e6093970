"""Run neural-network experiments on MNIST-like data, with hand-written kernels on NumPy or CuPy."""

__version__ = "0.1.0"
