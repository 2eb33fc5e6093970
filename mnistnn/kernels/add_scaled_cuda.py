"""y += a x as a kernel for a GPU, see `add_scaled.py`."""

from mnistnn.backend.cuda import Kernel

add_scaled = Kernel("add_scaled", "Real* y, const Real* x, Real a", "y[i] += x[i] * a;")
