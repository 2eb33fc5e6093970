"""How a model is shown: any model, and networks, layer by layer."""

from collections.abc import Sequence

from mnistnn.analysis.inspection.answers.contract import Backward, Feeding, Numbers, Part, Picture
from mnistnn.analysis.inspection.answers.formulas import about, formulas_in
from mnistnn.analysis.inspection.answers.layers import on_host
from mnistnn.analysis.inspection.answers.network import NetworkPass
from mnistnn.backend.arrays import array_module
from mnistnn.errors import UsageError
from mnistnn.experiment.trained import Trained
from mnistnn.types import Array


class ShownModel:
    """A trained model and its answer to one input x (1, *in_shape). This one shows any classifier: its scores.

    trained.computing() is entered by who asks.
    """

    dreams = False

    def __init__(self, trained: Trained, x: Array) -> None:
        self.trained, self.x = trained, array_module(x).array(x)

    @property
    def model(self) -> object:
        return self.trained.task.experiment.model

    def parts(self) -> list[Part]:
        """Return what the model consists of, and what each part computed."""
        return [self.input(), self.scores()]

    def backward(self, target: int) -> Backward:
        """Return the backward pass for a target. Raises UsageError where there is none."""
        raise UsageError("a model that is fitted, and not trained by steps, has no gradient")

    def feeding(self, name: str, place: tuple[int, ...], target: int | None) -> Feeding:
        """Return what feeds a unit of a part, an element of its first picture. Raises UsageError for what is none."""
        parts = {part.name: part for part in self.parts() if part.has_units}
        if name not in parts:
            of_type = self.trained.task.experiment.model.type
            raise UsageError(
                f"there is no part {name!r} with units; there are {', '.join(parts)}"
                if parts
                else f"a model of type {of_type} has no layers with units"
            )
        y = parts[name].pictures[0].values
        if len(place) != y.ndim or not all(0 <= i < side for i, side in zip(place, y.shape, strict=True)):
            raise UsageError(f"{name} has no unit at {list(place)}: its output has the shape {list(y.shape)}")
        return self.fed(name, place, float(y[place]))

    def fed(self, name: str, place: tuple[int, ...], value: float) -> Feeding:
        """Return what feeds a unit that there is, which has this value. Models with parts that have units say so."""
        raise UsageError(f"nothing is known of what feeds {name}")

    def input(self) -> Part:
        """Return what the model is given."""
        x = on_host(self.x[0])
        return Part("input", "preprocessed", "What the model is given.", pictures=[pictured("x", x)])

    def scores(self, has_units: bool = False, also: Sequence[str] = ()) -> Part:
        """Return the model's own scores, with more formulas than its documentation begins with."""
        model, task = self.trained.task.experiment.model, self.trained.task
        names = self.trained.plan.class_names
        scores = on_host(task.scores(self.x)[0])
        unit = "logarithms of probabilities, but for a constant" if task.has_probabilities else task.unit
        doc = type(model).__doc__
        picture = Picture("scores", scores, labels=names, caption=unit)
        return Part("scores", model.type, about(doc), [*formulas_in(doc), *also], [picture], has_units)


class ShownNetwork(ShownModel):
    """Layer by layer."""

    def __init__(self, trained: Trained, x: Array) -> None:
        super().__init__(trained, x)
        self.passed = NetworkPass(trained.task.network, self.x)

    def parts(self) -> list[Part]:
        return [self.input(), *self.passed.parts()]

    def backward(self, target: int) -> Backward:
        return self.passed.backward(self.trained.task.loss, target)

    def feeding(self, name: str, place: tuple[int, ...], target: int | None) -> Feeding:
        if target is not None:
            self.backward(target)
        return self.passed.feeding(name, place)


def pictured(name: str, values: Numbers, labels: Sequence[str] | None = None, caption: str = "") -> Picture:
    """Return images as ink on paper, unless some numbers of theirs are below zero."""
    return Picture(name, values, bool((values < 0).any()), labels, caption)
