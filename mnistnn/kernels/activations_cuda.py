"""The activations and their derivatives as kernels for a GPU: one launch each. The formulas are in `activations.py`.

Forward there are two of each: in place, and of a sum with a bias, as layers need it.
"""

from mnistnn.backend.cuda import Kernel

# y of z. Written so that what is not a number stays so.
_OF_Z = {
    "linear": "z",
    "sigmoid": "(tanh(z * Real(0.5)) + Real(1)) * Real(0.5)",
    "tanh": "tanh(z)",
    "relu": "z < Real(0) ? Real(0) : z",
    "scaled_tanh": "tanh(z * Real(2.0 / 3.0)) * Real(1.7159)",
    "leaky_relu": "z < z * Real(0.01) ? z * Real(0.01) : z",
    "softplus": "(z < Real(0) ? Real(0) : z) + log1p(exp(z < Real(0) ? z : -z))",
}


def _forward(name: str) -> Kernel:
    """Return a kernel that turns z into y, in `y`."""
    return Kernel(name, "Real* y", f"Real z = y[i];\ny[i] = {_OF_Z[name]};")


def _biased(name: str) -> Kernel:
    """Return a kernel that writes y of z + b; `inner` neighbours share one of the `units` biases. y may be z."""
    parameters = "const Real* of_z, const Real* b, Real* y, long long inner, long long units"
    body = f"Real z = of_z[i] + b[(Index)i / (Index)inner % (Index)units];\ny[i] = {_OF_Z[name]};"
    return Kernel(f"biased_{name}", parameters, body)


def _backward(name: str, derivative: str) -> Kernel:
    """Return a kernel that multiplies dy by the derivative, written in terms of y. It leaves y alone."""
    return Kernel(f"{name}_backward", "Real* dy, const Real* of_y", f"Real y = of_y[i];\ndy[i] *= {derivative};")


biased_linear = _biased("linear")

sigmoid = _forward("sigmoid")
biased_sigmoid = _biased("sigmoid")
sigmoid_backward = Kernel(
    "sigmoid_backward", "Real* dy, const Real* of_y", "Real y = of_y[i];\ndy[i] = dy[i] * y * (Real(1) - y);"
)

tanh = _forward("tanh")
biased_tanh = _biased("tanh")
tanh_backward = _backward("tanh", "(Real(1) - y * y)")

relu = _forward("relu")
biased_relu = _biased("relu")
relu_backward = _backward("relu", "(y > Real(0) ? Real(1) : Real(0))")

scaled_tanh = _forward("scaled_tanh")
biased_scaled_tanh = _biased("scaled_tanh")
scaled_tanh_backward = _backward("scaled_tanh", "(y * y * Real(-(2.0 / 3.0) / 1.7159) + Real(1.7159 * (2.0 / 3.0)))")

leaky_relu = _forward("leaky_relu")
biased_leaky_relu = _biased("leaky_relu")
leaky_relu_backward = _backward("leaky_relu", "((y > Real(0) ? Real(1) : Real(0)) * Real(1.0 - 0.01) + Real(0.01))")

softplus = _forward("softplus")
biased_softplus = _biased("softplus")
softplus_backward = _backward("softplus", "-expm1(-y)")
