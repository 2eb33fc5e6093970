"""The updates of all rules as kernels for a GPU: one launch each, where `update` needs two to fourteen.

Each says what its namesake in `fused.py` says, for one weight i, with the same operations in the same order. They take
theta, grad, the rule's state arrays in the order of its `slots`, and its scalars as an array on the device.
"""

from mnistnn.backend.cuda import Kernel

_SIGN = "((g > 0 ? Real(1) : Real(0)) - (g < 0 ? Real(1) : Real(0)))"


def _rule(name: str, state: list[str], scalars: list[str], body: str) -> Kernel:
    """Return the kernel of a rule; in its body `g` is the gradient, and each scalar goes by its name."""
    parameters = ["Real* theta", "const Real* grad", *(f"Real* {array}" for array in state), "const Real* numbers"]
    head = [*(f"Real {scalar} = numbers[{place}];" for place, scalar in enumerate(scalars)), "Real g = grad[i];"]
    lines = [line.strip() for line in body.strip().splitlines()]
    return Kernel(f"{name}_update", ", ".join(parameters), "\n".join([*head, *lines]))


sgd = _rule("sgd", [], ["eta"], "theta[i] -= g * eta;")

sign = _rule("sign", [], ["eta"], f"theta[i] -= {_SIGN} * eta;")

course_momentum = _rule(
    "course_momentum",
    ["m"],
    ["eta", "beta", "rest"],
    """
    theta[i] -= m[i] * eta;
    m[i] = m[i] * beta + g * rest;
    """,
)

momentum = _rule(
    "momentum",
    ["v"],
    ["eta", "mu"],
    """
    v[i] = v[i] * mu - g * eta;
    theta[i] += v[i];
    """,
)

nesterov = _rule(
    "nesterov",
    ["v"],
    ["eta", "mu", "reach"],
    """
    Real kept = v[i] * mu;
    v[i] = kept - g * eta;
    theta[i] = theta[i] - kept + v[i] * reach;
    """,
)

adaptive_rates = _rule(
    "adaptive_rates",
    ["rate", "last_sign"],
    ["eta", "increase", "decrease_less_1", "minimum", "maximum"],
    f"""
    Real r = rate[i], agreement = last_sign[i] * g;
    last_sign[i] = {_SIGN};
    theta[i] -= g * r * eta;
    r = r * (agreement < 0 ? decrease_less_1 + Real(1) : Real(1)) + (agreement > 0 ? increase : Real(0));
    r = r < minimum ? minimum : r;
    rate[i] = r > maximum ? maximum : r;
    """,
)

rprop = _rule(
    "rprop",
    ["size", "last_sign"],
    ["eta", "increase_less_1", "decrease_less_1", "minimum", "maximum"],
    f"""
    Real r = size[i], agreement = last_sign[i] * g;
    r = r * (agreement > 0 ? increase_less_1 + Real(1) : Real(1));
    r = r * (agreement < 0 ? decrease_less_1 + Real(1) : Real(1));
    r = r < minimum ? minimum : r;
    r = r > maximum ? maximum : r;
    Real direction = {_SIGN} * (agreement < 0 ? Real(0) : Real(1));
    size[i] = r;
    last_sign[i] = direction;
    theta[i] -= direction * r * eta;
    """,
)

course_rmsprop = _rule(
    "course_rmsprop",
    ["ms"],
    ["eta", "beta", "rest"],
    """
    theta[i] -= g / sqrt(ms[i]) * eta;
    ms[i] = ms[i] * beta + g * g * rest;
    """,
)

rmsprop = _rule(
    "rmsprop",
    ["ms"],
    ["eta", "beta", "rest", "epsilon"],
    """
    ms[i] = ms[i] * beta + g * g * rest;
    theta[i] -= g / (sqrt(ms[i]) + epsilon) * eta;
    """,
)

graves_rmsprop = _rule(
    "graves_rmsprop",
    ["mean_square", "mean", "v"],
    ["eta", "beta", "rest", "mu", "epsilon"],
    """
    mean_square[i] = mean_square[i] * beta + g * g * rest;
    mean[i] = mean[i] * beta + g * rest;
    Real variance = mean_square[i] - mean[i] * mean[i];
    variance = variance < 0 ? Real(0) : variance;
    v[i] = v[i] * mu - g / sqrt(variance + epsilon) * eta;
    theta[i] += v[i];
    """,
)

adagrad = _rule(
    "adagrad",
    ["sum_square"],
    ["eta", "epsilon"],
    """
    sum_square[i] += g * g;
    theta[i] -= g / (sqrt(sum_square[i]) + epsilon) * eta;
    """,
)

stochastic_diagonal = _rule(
    "stochastic_diagonal",
    ["curvature", "gathered"],
    ["eta", "mu"],
    """
    theta[i] -= g / (curvature[i] + mu) * eta;
    """,
)

adadelta = _rule(
    "adadelta",
    ["mean_square", "mean_square_step"],
    ["eta", "rho", "rest", "epsilon"],
    """
    mean_square[i] = mean_square[i] * rho + g * g * rest;
    Real step = g / sqrt(mean_square[i] + epsilon) * sqrt(mean_square_step[i] + epsilon);
    mean_square_step[i] = mean_square_step[i] * rho + step * step * rest;
    theta[i] -= step * eta;
    """,
)

adam = _rule(
    "adam",
    ["m", "v"],
    ["eta", "beta1", "rest1", "beta2", "rest2", "correction", "epsilon", "keep"],
    """
    v[i] = v[i] * beta2 + g * g * rest2;
    m[i] = m[i] * beta1 + g * rest1;
    theta[i] = theta[i] * keep - m[i] / (sqrt(v[i]) * correction + epsilon) * eta;
    """,
)
