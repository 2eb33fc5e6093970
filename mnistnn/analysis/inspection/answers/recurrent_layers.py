"""How recurrent layers are shown: step by step, with their gates."""

from abc import abstractmethod

import numpy as np

from mnistnn.analysis.inspection.answers.contract import Box, Feeding, Numbers, Picture
from mnistnn.analysis.inspection.answers.formulas import factor, largest_terms, number
from mnistnn.analysis.inspection.answers.layers import Back, Unchanging, on_host
from mnistnn.kernels import gru, lstm, recurrent
from mnistnn.layers.contract import BaseLayer
from mnistnn.types import Array


class ShownRecurrent(Unchanging):
    """Abstract: gates and states (t, units) of each direction, in the order in which it reads."""

    def __init__(self, layer: BaseLayer, x: Array, y: Array) -> None:
        super().__init__(layer, x, y)
        self.steps = [
            {name: on_host(array[:, 0]) for name, array in of_direction.items()}
            for of_direction in self.layer.step_by_step()
        ]

    def pictures(self) -> list[Picture]:
        found = super().pictures()
        for number_, of_direction in enumerate(self.steps):
            way = ", read from the end" if number_ else ""
            found += [
                Picture(name, steps, caption=f"{name} of each step (down) and unit (across){way}")
                for name, steps in of_direction.items()
            ]
        return found

    def backward(self, dy: Array) -> Back:
        return Back(self.layer.backward(dy))

    def field(self, box: Box) -> Box:
        """All steps that were read before it, and its own."""
        t, n_in = self.x.shape
        if len(box) == 1 or len(self.steps) > 1:
            return [(0, t), (0, n_in)]
        return [(0, box[0][1]), (0, n_in)]

    def feeding(self, place: tuple[int, ...]) -> Feeding:
        number_, unit = divmod(place[-1], self.layer.units)
        last = len(self.x) - 1
        own = place[0] if len(place) == 2 else (0 if number_ else last)  # the step of the input
        step = last - own if number_ else own  # counted as the direction reads
        direction, x = self.layer.directions[number_], self.x[own]
        before = {
            name: self.steps[number_][name][step - 1] if step else np.zeros(self.layer.units, self.x.dtype)
            for name in self.layer.states
        }
        columns = [k * self.layer.units + unit for k in range(self.layer.gates)]
        W, U, b = (on_host(direction[name])[..., columns].astype(np.float64) for name in ("W", "U", "b"))
        of_x, of_h = x.astype(np.float64) @ W, before["h"].astype(np.float64) @ U
        now = {name: float(steps[step][unit]) for name, steps in self.steps[number_].items()}
        lines = self.lines(
            unit, of_x, of_h, b, now, {name: float(state[unit]) for name, state in before.items()}, number_
        )
        shown = W[:, -1].astype(self.x.dtype)
        terms, others = largest_terms([f"x[{own}, {i}]" for i in range(len(x))], x, shown)
        gradient = on_host(direction.grads["W"])[:, columns[-1]] if self.has_gradient else None
        gate = "" if self.layer.gates == 1 else f"the weights are those of {self.layer.gate_names[-1]}"
        return Feeding(
            place, float(self.y[place]), lines, [(own, own + 1), (0, len(x))], x[None], shown[None], terms, others,
            None if gradient is None else gradient[None], note=gate,
        )  # fmt: skip

    @abstractmethod
    def lines(
        self, unit: int, of_x: Numbers, of_h: Numbers, b: Numbers, now: dict[str, float], before: dict[str, float],
        direction: int,
    ) -> list[str]:  # fmt: skip
        """Return the formula of a unit at a step with its numbers.

        of_x, of_h, b  (gates,) sums over inputs and over states before, and biases
        now, before    gates and states of the unit, at this step; states at the one before
        """


class ShownSimple(ShownRecurrent):
    """h = f(x W + h₋ U + b)."""

    kernels = (recurrent.recurrent, recurrent.recurrent_backward)

    def lines(
        self, unit: int, of_x: Numbers, of_h: Numbers, b: Numbers, now: dict[str, float], before: dict[str, float],
        direction: int,
    ) -> list[str]:  # fmt: skip
        z, h = float(of_x[0] + of_h[0] + b[0]), number(now["h"])
        return [
            f"z = Σ x W + Σ h₋ U + b = {_sum(of_x[0], of_h[0], b[0])} = {number(z)}",
            f"h = {self.layer.activation}({number(z)}) = {h}",
        ]


class ShownLSTM(ShownRecurrent):
    """Gates i, f, o, what may be written, g, and the cell c."""

    kernels = (lstm.lstm, lstm.lstm_backward)

    def lines(
        self, unit: int, of_x: Numbers, of_h: Numbers, b: Numbers, now: dict[str, float], before: dict[str, float],
        direction: int,
    ) -> list[str]:  # fmt: skip
        cell, i, f, o, g = now["c"], now["i"], now["f"], now["o"], now["g"]
        lines = []
        for k, name in enumerate(self.layer.gate_names):
            numbers, parts = [of_x[k], of_h[k], b[k]], "Σ x W + Σ h₋ U + b"
            if self.layer.peepholes and name != "g":
                p = float(on_host(self.layer.directions[direction]["p"])[k, unit])
                numbers.append(p * (cell if name == "o" else before["c"]))
                parts += " + p c" if name == "o" else " + p c₋"
            f_name = "tanh" if name == "g" else "σ"
            lines.append(f"{name} = {f_name}({parts}) = {f_name}({_sum(*numbers)}) = {number(now[name])}")
        return [
            *lines,
            f"c = f c₋ + i g = {factor(f)}·{factor(before['c'])} + {factor(i)}·{factor(g)} = {number(cell)}",
            f"h = o tanh(c) = {factor(o)}·tanh({number(cell)}) = {number(now['h'])}",
        ]


class ShownGRU(ShownRecurrent):
    """Gates r and u, and the new state g."""

    kernels = (gru.gru, gru.gru_backward)

    def lines(
        self, unit: int, of_x: Numbers, of_h: Numbers, b: Numbers, now: dict[str, float], before: dict[str, float],
        direction: int,
    ) -> list[str]:  # fmt: skip
        inside = float(on_host(self.layer.directions[direction]["c"])[unit])
        r, u, g, h, h_before = now["r"], now["u"], now["g"], now["h"], before["h"]
        gates = [
            f"{name} = σ(Σ x W + Σ h₋ U + b) = σ({_sum(of_x[k], of_h[k], b[k])}) = {number(now[name])}"
            for k, name in enumerate(("r", "u"))
        ]
        product = f"{factor(r)}·({_sum(of_h[2], inside)})"
        return [
            *gates,
            f"g = tanh(Σ x W + b + r (Σ h₋ U + c)) = tanh({_sum(of_x[2], b[2])} + {product}) = {number(g)}",
            f"h = (1 − u) g + u h₋ = {factor(1.0 - u)}·{factor(g)} + {factor(u)}·{factor(h_before)} = {number(h)}",
        ]


def _sum(*values: float) -> str:
    return " + ".join(factor(float(value)) for value in values)
