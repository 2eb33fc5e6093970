"""How models of images are shown: what they keep of one, and what they give back."""

import numpy as np

from mnistnn.analysis.inspection.answers.contract import Backward, Feeding, Numbers, Part, Picture
from mnistnn.analysis.inspection.answers.formulas import about, formulas_in, number
from mnistnn.analysis.inspection.answers.layers import on_host
from mnistnn.analysis.inspection.answers.models import ShownModel, pictured
from mnistnn.analysis.inspection.answers.sums import of_inputs
from mnistnn.backend.memory_order import as_rows
from mnistnn.errors import UsageError
from mnistnn.types import Shape


class ShownReconstruction(ShownModel):
    """What a model of images keeps of one, and gives back: hidden units and a reconstruction."""

    def parts(self) -> list[Part]:
        task, shape = self.trained.task, self.trained.plan.preprocessing.out_shape
        seen, given_back = task.reconstructed(self.x)
        back, hidden, W = on_host(given_back[0]), self._hidden(), task.features()["W"]
        x, doc = on_host(self.x[0]), type(self.model).__doc__
        parts = [self.input()]
        if seen is not None:
            parts.append(Part("seen", "corrupted", "What it is shown: some pixels are hidden, as in training.",
                              pictures=[pictured("x̃", on_host(seen[0]).reshape(shape))]))  # fmt: skip
        filters = [Picture("W", _strongest_filters(W, hidden, shape),
                           caption="the weights into the units that answer most, the strongest first")]  # fmt: skip
        parts += [
            Part("hidden", "binary", about(doc), formulas_in(doc),
                 [Picture("y", hidden.astype(x.dtype), signed=False, caption="σ(x W + b) of each unit"), *filters],
                 has_units=True),
            Part("visible", "given back", "What it gives back, and what that differs by.", (),
                 [Picture("reconstruction", back.reshape(shape), signed=False),
                  Picture("difference", back.reshape(shape) - x.reshape(shape))], has_units=True),
        ]  # fmt: skip
        return parts

    def _seen(self) -> Numbers:
        """Return what the hidden units are given (n_in,), in float64."""
        seen, _ = self.trained.task.reconstructed(self.x)
        rows: Numbers = on_host(as_rows(self.x if seen is None else seen)[0]).astype(np.float64)
        return rows

    def _hidden(self) -> Numbers:
        features = self.trained.task.features()
        return _sigmoid(self._seen() @ features["W"] + features["b"])

    def fed(self, name: str, place: tuple[int, ...], value: float) -> Feeding:
        task, shape, dtype = self.trained.task, self.trained.plan.preprocessing.out_shape, self.x.dtype
        if name == "hidden":
            (unit,), features = place, task.features()
            W, b = features["W"][:, unit].astype(dtype), float(features["b"][unit])
            x, formula = self._seen().astype(dtype), f"Σᵢ xᵢ W[i, {unit}] + b[{unit}]"
            return of_inputs(place, value, formula, x, W, b, shape, "σ")
        pixel, decoder = int(np.ravel_multi_index(place, shape)), task.decoder()
        W, b = decoder["W"][:, pixel].astype(dtype), float(decoder["b"][pixel])
        hidden = self._hidden().astype(dtype)
        f = "" if task.unsupervised.is_gaussian else "σ"
        return of_inputs(place, value, f"Σⱼ hⱼ W'[j, {pixel}] + b[{pixel}]", hidden, W, b, hidden.shape, f, "h")

    def backward(self, target: int) -> Backward:
        raise UsageError("this model learns from images alone: no class is the right one")


class ShownEnergy(ShownReconstruction):
    """A model of energies, whose chains can dream on from the image."""

    dreams = True

    def parts(self) -> list[Part]:
        model = self.trained.task.energy_model
        energy = float(model.free_energy(self.x)[0])
        try:
            parts = super().parts()
        except UsageError:  # a Boltzmann machine has no features to reconstruct from
            parts = [self.input(), self._pixels()]
        said = f"F(x) = {number(energy)}; a model of energies finds images with less of it more probable."
        return [*parts, Part("energy", model.type, said, formulas_in(type(model).__doc__))]

    def _pixels(self) -> Part:
        odds = on_host(self.trained.task.energy_model.log_odds(self.x)[0])
        p = Picture("p", _sigmoid(odds).reshape(self.x.shape[1:]), signed=False, caption="P(xᵢ = 1 | the other pixels)")
        formula = "P(xᵢ = 1 | the others) = σ(bᵢ + Σⱼ wᵢⱼ xⱼ + what hidden units add)"
        said = "How probable ink is at each pixel, by all others."
        return Part("pixels", "binary", said, [formula], [p], has_units=True)

    def fed(self, name: str, place: tuple[int, ...], value: float) -> Feeding:
        if name != "pixels":
            return super().fed(name, place, value)
        model, shape = self.trained.task.energy_model, self.x.shape[1:]
        pixel, x = int(np.ravel_multi_index(place, shape)), on_host(self.x[0]).reshape(-1)
        w = on_host(self.trained.task.weights()["visible"].W[:, pixel])
        # Bias, and what hidden units add, are the rest of the odds, which sum over the states of these.
        rest = float(model.log_odds(self.x)[0, pixel]) - float(x.astype(np.float64) @ w.astype(np.float64))
        formula = f"b[{pixel}] + Σⱼ w[{pixel}, j] xⱼ + what hidden units add"
        return of_inputs(place, value, formula, x, w, rest, shape, "σ")


def _strongest_filters(W: Numbers, hidden: Numbers, shape: Shape, count: int = 12) -> Numbers:
    strongest_first = np.argsort(-hidden, kind="stable")[:count]
    return W.T[strongest_first].reshape(-1, *shape).astype(np.float32)


def _sigmoid(z: Numbers) -> Numbers:
    y: Numbers = 1.0 / (1.0 + np.exp(-z))
    return y
