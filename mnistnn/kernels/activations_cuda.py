"""The activations and their derivatives as kernels for a GPU: one launch each. The formulas are in `activations.py`."""

from mnistnn.cuda import Kernel


def _forward(name: str, body: str) -> Kernel:
    """Return a kernel that turns z into y, in `y`."""
    return Kernel(name, "Real* y", f"Real z = y[i];\n{body}")


def _backward(name: str, derivative: str) -> Kernel:
    """Return a kernel that multiplies dy by the derivative, written in terms of y. It leaves y alone."""
    return Kernel(f"{name}_backward", "Real* dy, const Real* of_y", f"Real y = of_y[i];\ndy[i] *= {derivative};")


sigmoid = _forward("sigmoid", "y[i] = (tanh(z * Real(0.5)) + Real(1)) * Real(0.5);")
sigmoid_backward = Kernel(
    "sigmoid_backward", "Real* dy, const Real* of_y", "Real y = of_y[i];\ndy[i] = dy[i] * y * (Real(1) - y);"
)

tanh = _forward("tanh", "y[i] = tanh(z);")
tanh_backward = _backward("tanh", "(Real(1) - y * y)")

# Written so that what is not a number stays so.
relu = _forward("relu", "y[i] = z < Real(0) ? Real(0) : z;")
relu_backward = _backward("relu", "(y > Real(0) ? Real(1) : Real(0))")

scaled_tanh = _forward("scaled_tanh", "y[i] = tanh(z * Real(2.0 / 3.0)) * Real(1.7159);")
scaled_tanh_backward = _backward("scaled_tanh", "(y * y * Real(-(2.0 / 3.0) / 1.7159) + Real(1.7159 * (2.0 / 3.0)))")

leaky_relu = _forward("leaky_relu", "y[i] = z < z * Real(0.01) ? z * Real(0.01) : z;")
leaky_relu_backward = _backward("leaky_relu", "((y > Real(0) ? Real(1) : Real(0)) * Real(1.0 - 0.01) + Real(0.01))")

softplus = _forward("softplus", "y[i] = (z < Real(0) ? Real(0) : z) + log1p(exp(z < Real(0) ? z : -z));")
softplus_backward = _backward("softplus", "-expm1(-y)")
