"""How a model is shown: any model, and those that are fitted and say more of themselves."""

from collections.abc import Sequence

import numpy as np

from mnistnn.analysis.inspection.answers.contract import Backward, Feeding, Numbers, Part, Picture
from mnistnn.analysis.inspection.answers.formulas import about, formulas_in, number
from mnistnn.analysis.inspection.answers.layers import on_host
from mnistnn.analysis.inspection.answers.network import NetworkPass
from mnistnn.analysis.inspection.stumps import Stump, drawn, rounds_of
from mnistnn.analysis.inspection.support_vectors import strongest
from mnistnn.backend.arrays import array_module
from mnistnn.backend.memory_order import as_rows
from mnistnn.errors import UsageError
from mnistnn.experiment.trained import Trained
from mnistnn.types import Array, Shape

_MOST_ROUNDS = 12  # of boosting that are shown, those that counted most
_SUPPORTS = 6  # support vectors of the closest pair


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
        return [self._input(), self._scores()]

    def backward(self, target: int) -> Backward:
        """Return the backward pass for a target. Raises UsageError where there is none."""
        raise UsageError("a model that is fitted, and not trained by steps, has no gradient")

    def feeding(self, name: str, place: tuple[int, ...], target: int | None) -> Feeding:
        """Return what feeds a unit. Raises UsageError where nothing is said of units."""
        raise UsageError(f"a model of type {self.trained.task.experiment.model.type} has no layers with units")

    def _input(self) -> Part:
        x = on_host(self.x[0])
        return Part("input", "preprocessed", "What the model is given.", pictures=[_pictured("x", x)])

    def _scores(self) -> Part:
        model, task = self.trained.task.experiment.model, self.trained.task
        names = self.trained.plan.class_names
        scores = on_host(task.scores(self.x)[0])
        unit = "logarithms of probabilities, but for a constant" if task.has_probabilities else task.unit
        doc = type(model).__doc__
        picture = Picture("scores", scores, labels=names, caption=unit)
        return Part("scores", model.type, about(doc), formulas_in(doc), [picture])


class ShownNetwork(ShownModel):
    """Layer by layer."""

    def __init__(self, trained: Trained, x: Array) -> None:
        super().__init__(trained, x)
        self.passed = NetworkPass(trained.task.network, self.x)

    def parts(self) -> list[Part]:
        return [self._input(), *self.passed.parts()]

    def backward(self, target: int) -> Backward:
        return self.passed.backward(self.trained.task.loss, target)

    def feeding(self, name: str, place: tuple[int, ...], target: int | None) -> Feeding:
        if target is not None:
            self.backward(target)
        return self.passed.feeding(name, place)


class ShownWeights(ShownModel):
    """A fitted model, perhaps one that compares inputs with something: weights, or the means of classes."""

    def parts(self) -> list[Part]:
        try:
            weights = self.trained.task.weights()
        except UsageError:
            return super().parts()
        shape, names = self.trained.plan.preprocessing.out_shape, self.trained.plan.class_names
        compared = []
        for name, each in weights.items():
            of_outputs = on_host(each.W.T)
            images = of_outputs.reshape(-1, *shape) if len(shape) == 2 else of_outputs
            caption = f"{each.parameter}: what the input is compared with, for each of the {name}"
            labels = each.units or (names if len(images) == len(names) else None)
            compared.append(Picture(each.parameter, images, labels=labels, caption=caption))
        return [self._input(), Part("compared", "weights", pictures=compared), self._scores()]


class ShownNeighbours(ShownModel):
    """The references that are nearest, and their votes."""

    def parts(self) -> list[Part]:
        task, names = self.trained.task, self.trained.plan.class_names
        model = task.nearest_neighbours
        found, (references, labels) = model.neighbours_of(self.x), model.references
        places = [int(place) for place in found.indices[0]]
        images = np.stack([on_host(references[place]) for place in places])
        of_class = [names[int(labels[place])] for place in places]
        distances = [number(float(each)) for each in found.distances[0]]
        rows = [[str(i + 1), of_class[i], distances[i], f"{places[i]:,}"] for i in range(len(places))]
        by = model.distance_of(int(found.stages[0])).type
        nearest = Part(
            "neighbours", by, f"The {len(places)} training images that are nearest, by the {by} distance.", (),
            [_pictured("references", images, labels=of_class, caption="the nearest first")],
            table=[["", "class", "distance", "number in the training split"], *rows],
        )  # fmt: skip
        return [self._input(), nearest, self._scores()]


class ShownMachines(ShownModel):
    """The machine of each pair of classes, and their votes."""

    def parts(self) -> list[Part]:
        model, names = self.trained.task.support_vector_machine, self.trained.plan.class_names
        outputs = on_host(model.outputs(self.x)[0])
        k, pairs = model.classes, model.pairs[: model.rounds_done]
        matrix, wins = np.zeros((k, k), outputs.dtype), [0] * k
        for (i, j), f in zip(pairs, outputs, strict=True):
            matrix[i, j], matrix[j, i] = f, -f
            wins[i if f > 0 else j] += 1
        closest = int(np.argmin(np.abs(outputs)))
        i, j = pairs[closest]
        votes = Part(
            "pairs", "svm", "f of each pair of classes: above 0 it votes for the row, below for the column.",
            ["f(x) = Σ αₛ yₛ k(xₛ, x) + b"], [Picture("f", matrix, labels=names)],
            table=[["class", *names], ["pairs won", *map(str, wins)]],
        )  # fmt: skip
        supports = strongest(self.trained, (i, j), _SUPPORTS)
        pulling = Part(
            "support vectors", "svm",
            f"The closest decision was between {names[i]} and {names[j]}: f = {number(float(outputs[closest]))}. "
            "The training images with the largest coefficients on either side:", (),
            [_pictured("vectors", np.stack([each.image for each in supports]).reshape(len(supports), *self.x.shape[1:]),
                     labels=[f"{number(each.coefficient)} for {names[i if each.coefficient > 0 else j]}"
                             for each in supports])],
        )  # fmt: skip
        return [self._input(), votes, pulling, self._scores()]


class ShownStumps(ShownModel):
    """The rounds of boosting that counted most, and how they voted."""

    def parts(self) -> list[Part]:
        model, names = self.trained.task.boosted_stumps, self.trained.plan.class_names
        alphas = model.arrays()["alpha"]
        first = sorted(int(n) + 1 for n in np.argsort(-np.abs(alphas), kind="stable")[:_MOST_ROUNDS])
        shape, pixels = self.trained.plan.preprocessing.out_shape, on_host(self.x[0])
        pictures, rows = [], []
        for each in rounds_of(self.trained, first, _MOST_ROUNDS):
            signs = [_side(stump, pixels) for stump in each.stumps]
            phi = int(np.prod(signs)) if signs else 1
            voted = [name for name, vote in zip(names, each.votes, strict=True) if vote * phi > 0]
            said = " and ".join(stump.said for stump in each.stumps) or "a constant"
            rows.append([str(each.number), number(each.alpha), said, f"{phi:+d}".replace("-", "−"), " ".join(voted)])
            if len(shape) == 2:
                pictures.append(sum((drawn(stump, _image(shape)) for stump in each.stumps), np.zeros(shape)))
        shown = [Picture("compared", np.stack(pictures), labels=[row[0] for row in rows])] if pictures else []
        stumps = Part(
            "stumps", "boosted_stumps",
            f"Of {model.rounds_done:,} rounds those with the largest α: what they add (blue) and take off (orange).",
            ["scores = Σ α v φ / √Σ α²"], shown,
            table=[["round", "α", "is asked", "φ", "votes for"], *rows],
        )  # fmt: skip
        return [self._input(), stumps, self._scores()]


class ShownCommittee(ShownModel):
    """The probabilities of each member, and its vote."""

    def parts(self) -> list[Part]:
        model, names = self.trained.task.committee, self.trained.plan.class_names
        scores = np.stack([on_host(member.probabilities(self.x)[0]) for member in model.joined])
        called = [plan.experiment.name for plan in self.trained.plan.members]
        labels = [f"{i + 1} {called[i]}" for i in range(len(scores))]
        votes = [names[int(each.argmax())] for each in scores]
        head = ["member", "votes for", *names]
        rows = [[labels[i], votes[i], *(f"{float(p):.3f}" for p in scores[i])] for i in range(len(scores))]
        members = Part(
            "members", "committee", f"What each of {len(scores)} members says, by class.", (),
            [Picture("p", scores, labels=labels)], table=[head, *rows],
        )  # fmt: skip
        return [self._input(), members, self._scores()]


class ShownReconstruction(ShownModel):
    """What a model of images keeps of one, and gives back: hidden units and a reconstruction."""

    def parts(self) -> list[Part]:
        task, shape = self.trained.task, self.trained.plan.preprocessing.out_shape
        seen, given_back = task.reconstructed(self.x)
        back = on_host(given_back[0])
        features = task.features()
        rows = on_host(as_rows(self.x if seen is None else seen)[0]).astype(np.float64)
        hidden = 1.0 / (1.0 + np.exp(-(rows @ features["W"] + features["b"])))
        x, doc = on_host(self.x[0]), type(self.model).__doc__
        parts = [self._input()]
        if seen is not None:
            parts.append(Part("seen", "corrupted", "What it is shown: some pixels are hidden, as in training.",
                              pictures=[_pictured("x̃", on_host(seen[0]).reshape(shape))]))  # fmt: skip
        filters = [Picture("W", _strongest_filters(features["W"], hidden, shape),
                           caption="the weights into the units that answer most, the strongest first")]  # fmt: skip
        parts += [
            Part("hidden", "binary", about(doc), formulas_in(doc),
                 [Picture("y", hidden.astype(x.dtype), signed=False, caption="σ(x W + b) of each unit"), *filters]),
            Part("visible", "given back", "What it gives back, and what that differs by.", (),
                 [Picture("reconstruction", back.reshape(shape), signed=False),
                  Picture("difference", back.reshape(shape) - x.reshape(shape))]),
        ]  # fmt: skip
        return parts

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
            parts = [self._input()]
        said = f"F(x) = {number(energy)}; a model of energies finds images with less of it more probable."
        return [*parts, Part("energy", model.type, said, formulas_in(type(model).__doc__))]


def _pictured(name: str, values: Numbers, labels: Sequence[str] | None = None, caption: str = "") -> Picture:
    """Return images as ink on paper, unless some numbers of theirs are below zero."""
    return Picture(name, values, bool((values < 0).any()), labels, caption)


def _strongest_filters(W: Numbers, hidden: Numbers, shape: Shape, count: int = 12) -> Numbers:
    strongest_first = np.argsort(-hidden, kind="stable")[:count]
    return W.T[strongest_first].reshape(-1, *shape).astype(np.float32)


def _side(stump: Stump, pixels: Numbers) -> int:
    """Return φ of a stump: 1 where its rectangles add up to more than the threshold, else −1."""
    total = sum(
        sign * float(pixels[top : top + h, left : left + w].sum()) for sign, top, left, h, w in stump.rectangles
    )
    return 1 if total > stump.threshold else -1


def _image(shape: Shape) -> tuple[int, int]:
    return shape[0], shape[1]
