"""How fitted models are shown, which say more of themselves than their scores."""

import numpy as np

from mnistnn.analysis.inspection.answers.contract import Feeding, Numbers, Part, Picture
from mnistnn.analysis.inspection.answers.formulas import about, formulas_in, number
from mnistnn.analysis.inspection.answers.layers import on_host
from mnistnn.analysis.inspection.answers.models import ShownModel, pictured
from mnistnn.analysis.inspection.answers.sums import of_inputs, of_terms
from mnistnn.analysis.inspection.stumps import Stump, drawn, rounds_of
from mnistnn.analysis.inspection.support_vectors import strongest
from mnistnn.errors import UsageError
from mnistnn.types import Shape

_MOST_ROUNDS = 12  # of boosting that are shown, those that counted most
_SUPPORTS = 6  # support vectors of the closest pair
_DIRECTIONS = 8  # of a Gaussian, those in which its class varies most


class ShownWeights(ShownModel):
    """Any fitted model, such as one of the user's own, perhaps one that compares inputs with something."""

    def parts(self) -> list[Part]:
        try:
            weights = self.trained.task.weights()
        except UsageError:
            return super().parts()
        shape, names = self.x.shape[1:], self.trained.plan.class_names
        compared = []
        for name, each in weights.items():
            images = on_host(each.W.T).reshape(-1, *shape)
            caption = f"{each.parameter}: what the input is compared with, for each of the {name}"
            labels = each.units or (names if len(images) == len(names) else None)
            compared.append(Picture(each.parameter, images, labels=labels, caption=caption))
        return [self.input(), Part("compared", "weights", pictures=compared), self.scores()]


class ShownLinear(ShownModel):
    """The weights of each output, and the outputs: of classes, or of pairs of them."""

    def parts(self) -> list[Part]:
        model, names = self.trained.task.least_squares, self.trained.plan.class_names
        parameter, W, units = model.weights()
        images, labels = on_host(W.T).reshape(-1, *self.x.shape[1:]), units or names
        caption = f"{parameter}: what the input is compared with, for each of the outputs"
        compared = Part("compared", "weights", pictures=[Picture(parameter, images, labels=labels, caption=caption)])
        caption = "above 0 for the first class of a pair" if units else ""
        outputs = Picture("y", self._outputs(), labels=labels, caption=caption)
        doc = type(model).__doc__
        computed = Part("outputs", model.type, about(doc), formulas_in(doc), [outputs], has_units=True)
        return [self.input(), compared, computed, *([self.scores()] if units else [])]

    def _outputs(self) -> Numbers:
        model = self.trained.task.least_squares
        outputs: Numbers = (on_host(self.x[0]).reshape(-1) @ on_host(model.W) + on_host(model.b)).astype(self.x.dtype)
        return outputs

    def fed(self, name: str, place: tuple[int, ...], value: float) -> Feeding:
        model, (unit,) = self.trained.task.least_squares, place
        w, b = on_host(model.W[:, unit]), float(model.b[unit])
        x = on_host(self.x[0])
        return of_inputs(place, value, f"Σᵢ xᵢ W[i, {unit}] + b[{unit}]", x.reshape(-1), w, b, x.shape)


class ShownGaussians(ShownModel):
    """How far the input is from the mean of each class, in standard deviations, and how classes vary."""

    def parts(self) -> list[Part]:
        model, names = self.trained.task.quadratic_discriminant, self.trained.plan.class_names
        shape, scores = self.x.shape[1:], on_host(self.trained.task.scores(self.x)[0])
        squares, offsets = self._squares().sum(axis=1), on_host(model.offset).astype(np.float64)
        likeliest = int(scores.argmax())
        means = on_host(model.mean).reshape(-1, *shape)
        compared = Part(
            "means", model.type, "The means of the classes, which the input is compared with.",
            pictures=[pictured("μ", means, labels=names)],
        )  # fmt: skip
        rows = [
            [names[c], f"{number(float(squares[c]))}", number(float(offsets[c])), number(float(scores[c]))]
            for c in range(len(names))
        ]
        distances = Part(
            "distances", model.type,
            "How many standard deviations the input is from the mean of each class, all directions together.",
            ["d² = (x − μ)ᵀ Σ⁻¹ (x − μ)"],
            [Picture("d", np.sqrt(squares).astype(scores.dtype), signed=False, labels=names)],
            table=[["class", "d²", "log π − ½ log |Σ|", "score"], *rows],
        )  # fmt: skip
        directions, deviations = self._directions(likeliest)
        varies = Part(
            "directions", model.type,
            f"The directions in which {names[likeliest]}, the likeliest class, varies most: eigenvectors of Σ.",
            pictures=[Picture("U", directions.reshape(-1, *shape).astype(scores.dtype),
                              labels=[f"± {number(float(each))}" for each in deviations],
                              caption="with the standard deviation along each")],
        )  # fmt: skip
        return [self.input(), compared, distances, varies, self.scores(has_units=True)]

    def _squares(self) -> Numbers:
        """Return the square of the distance to the mean of each class along each of its directions (k, d)."""
        model = self.trained.task.quadratic_discriminant
        centred = on_host(self.x[0]).reshape(-1).astype(np.float64) - on_host(model.mean).astype(np.float64)
        squares: Numbers = np.einsum("kd,kde->ke", centred, on_host(model.W).astype(np.float64)) ** 2
        return squares

    def _directions(self, c: int) -> tuple[Numbers, Numbers]:
        """Return the directions (n, d) in which a class varies most, and its standard deviations along them.

        W = U S^−½, so the columns of W have lengths 1/√s.
        """
        W = on_host(self.trained.task.quadratic_discriminant.W[c]).astype(np.float64)
        lengths = np.sqrt((W * W).sum(axis=0))
        first = [int(i) for i in np.argsort(lengths, kind="stable")[:_DIRECTIONS] if lengths[i] > 0]
        return (W[:, first] / lengths[first]).T, 1.0 / lengths[first]

    def fed(self, name: str, place: tuple[int, ...], value: float) -> Feeding:
        model, (c,) = self.trained.task.quadratic_discriminant, place
        d = np.sqrt(self._squares()[c])
        names = [f"d[{j}]" for j in range(len(d))]
        return of_terms(
            place, value, "y = log π − ½ log |Σ| − ½ Σⱼ dⱼ², of the distances dⱼ along the class's directions",
            names, d, -0.5 * d, float(model.offset[c]), "log π − ½ log |Σ|",
        )  # fmt: skip


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
            [pictured("references", images, labels=of_class, caption="the nearest first")],
            table=[["", "class", "distance", "number in the training split"], *rows],
        )  # fmt: skip
        return [self.input(), nearest, self.scores(has_units=True)]

    def fed(self, name: str, place: tuple[int, ...], value: float) -> Feeding:
        model, (c,) = self.trained.task.nearest_neighbours, place
        places = [int(each) for each in model.neighbours_of(self.x).indices[0]]
        of_class = np.array([float(int(model.references[1][each]) == c) for each in places])
        shares = np.full(len(places), 1.0 / len(places))
        names = [f"neighbour {i + 1}" for i in range(len(places))]
        formula = "y = (votes + up to ½ for the nearest one) / neighbours; a neighbour of the class has x = 1"
        return of_terms(place, value, formula, names, of_class, shares, value - float(of_class @ shares), "ties")


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
            ["f(x) = Σ αₛ yₛ k(xₛ, x) + b"], [Picture("f", matrix, labels=names)], has_units=True,
            table=[["class", *names], ["pairs won", *map(str, wins)]],
        )  # fmt: skip
        supports = strongest(self.trained, (i, j), _SUPPORTS)
        pulling = Part(
            "support vectors", "svm",
            f"The closest decision was between {names[i]} and {names[j]}: f = {number(float(outputs[closest]))}. "
            "The training images with the largest coefficients on either side:", (),
            [pictured("vectors", np.stack([each.image for each in supports]).reshape(len(supports), *self.x.shape[1:]),
                     labels=[f"{number(each.coefficient)} for {names[i if each.coefficient > 0 else j]}"
                             for each in supports])],
        )  # fmt: skip
        return [self.input(), votes, pulling, self.scores()]

    def fed(self, name: str, place: tuple[int, ...], value: float) -> Feeding:
        """The machine of a pair in float64, by its support vectors; for (j, i) with the other sign."""
        model, (i, j) = self.trained.task.support_vector_machine, place
        pair = min(i, j), max(i, j)
        if pair not in model.pairs[: model.rounds_done]:
            raise UsageError(f"there is no machine of the classes number {i} and {j}")
        at, sign = model.pairs.index(pair), 1.0 if i < j else -1.0
        supports = model.supports(at)
        vectors = model.kernel.prepared(model.pictures(at).reshape(-1, model.n_in).astype(np.float64))
        x = model.kernel.prepared(on_host(self.x).reshape(1, -1).astype(np.float64))
        alike = np.empty((1, len(vectors)))
        model.kernel.gram(x, vectors, alike)
        names = [f"k(training image {int(example):,}, x)" for example in supports.sources[:, 0]]
        formula = f"f = Σ αₛ yₛ k(xₛ, x) + b over {len(names):,} support vectors; x below are k, w are α y"
        return of_terms(place, value, formula, names, alike[0], sign * supports.coefficients, sign * supports.bias)


class ShownStumps(ShownModel):
    """The rounds of boosting that counted most, and how they voted."""

    def parts(self) -> list[Part]:
        model, names = self.trained.task.boosted_stumps, self.trained.plan.class_names
        alphas = model.arrays()["alpha"]
        first = sorted(int(n) + 1 for n in np.argsort(-np.abs(alphas), kind="stable")[:_MOST_ROUNDS])
        shape, pixels = self.trained.plan.preprocessing.out_shape, on_host(self.x[0])
        pictures, rows = [], []
        for each in rounds_of(self.trained, first, _MOST_ROUNDS):
            phi = int(np.prod([_side(stump, pixels) for stump in each.stumps]))
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
        return [self.input(), stumps, self.scores(has_units=True)]

    def fed(self, name: str, place: tuple[int, ...], value: float) -> Feeding:
        """All rounds: φ of each, times how much it counts for the class."""
        model, pixels, (c,) = self.trained.task.boosted_stumps, on_host(self.x[0]), place
        every = rounds_of(self.trained, None, model.rounds_done)
        phi = np.array([float(np.prod([_side(stump, pixels) for stump in each.stumps])) for each in every])
        weights = np.array([each.alpha * float(each.votes[c]) for each in every])
        weights /= np.sqrt(sum(each.alpha**2 for each in every)) or 1.0
        names = [f"φ of round {each.number}" for each in every]
        formula = f"y = Σ α v φ / √Σα² over {len(every):,} rounds; x below are φ, w are α v / √Σα²"
        return of_terms(place, value, formula, names, phi, weights)


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
        return [self.input(), members, self.scores(has_units=True)]

    def fed(self, name: str, place: tuple[int, ...], value: float) -> Feeding:
        model, (c,) = self.trained.task.committee, place
        p = np.stack([on_host(member.probabilities(self.x)[0]) for member in model.joined]).astype(np.float64)
        names = [f"member {i + 1}" for i in range(len(p))]
        shares = np.full(len(p), 1.0 / len(p))
        if self.trained.task.has_probabilities:
            feeding = of_terms(place, value, f"p = Σ pₘ[{c}] / {len(p)}", names, p[:, c], shares)
            feeding.lines[1] = "p" + feeding.lines[1][1:]
            feeding.lines.append(f"y = log p = {number(value)}")
            return feeding
        votes = (p.argmax(axis=1) == c).astype(np.float64)
        formula = "y = (votes + up to ½ for the larger mean) / members; a member that votes for the class has x = 1"
        return of_terms(place, value, formula, names, votes, shares, value - float(votes @ shares), "ties")


def _side(stump: Stump, pixels: Numbers) -> int:
    """Return φ of a stump: 1 where its rectangles add up to more than the threshold, else −1."""
    total = sum(
        sign * float(pixels[top : top + h, left : left + w].sum()) for sign, top, left, h, w in stump.rectangles
    )
    return 1 if total > stump.threshold else -1


def _image(shape: Shape) -> tuple[int, int]:
    return shape[0], shape[1]
