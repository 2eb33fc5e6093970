"""What is shown of each kind of model, held to the model's own arrays and to what other readers find."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistnn.analysis.evaluation.predictions import class_scores_of, images_at
from mnistnn.analysis.inspection.answers.answer import answer_to, dreams_from, feeding_of
from mnistnn.errors import UsageError
from mnistnn.experiment.trained import load_trained
from mnistnn.models import AnyFittedModel, AnyModel
from mnistnn.models.autoencoder import Autoencoder
from mnistnn.models.boltzmann import Boltzmann
from mnistnn.models.fitted.boosting.boosted_stumps import BoostedStumps
from mnistnn.models.fitted.committee import Committee
from mnistnn.models.fitted.least_squares import LeastSquares
from mnistnn.models.fitted.neighbours.nearest_neighbours import NearestNeighbours
from mnistnn.models.fitted.quadratic_discriminant import QuadraticDiscriminant
from mnistnn.models.fitted.support_vectors.svm import SVM
from mnistnn.models.rbm import RBM
from mnistnn.models.sequential import Sequential
from mnistnn.run.directory import RunDirectory
from tests.tasks.test_autoencoder_runs import EXPERIMENT as AUTOENCODER
from tests.tasks.test_energy_runs import EXPERIMENT as MACHINE
from tests.test_registry import members

FITTED = ["pairs", "committee", "voters", "gaussians", "neighbours", "machines", "stumps"]


def image_of(trained, place=3):
    return images_at(trained, "valid", np.array([place]))[0]


def asked(trained, image, target=None) -> Any:
    """Return an answer, of which tests know what it has."""
    return answer_to(trained, image, target)


def part_of(answer, name):
    (part,) = (part for part in answer.parts if part.name == name)
    return part


@pytest.fixture
def unsupervised(toy, start):
    def trained(text, *overrides):
        Path("images.yaml").write_text(text)
        start(Path("images.yaml"), *overrides)
        return load_trained(RunDirectory(Path("run")))

    return trained


def test_network_answers_with_the_scores_of_a_prediction_and_every_layer(toy, start):
    start(toy, "stopping.max_epochs.epochs=2")
    trained = load_trained(RunDirectory(Path("run")))
    image = image_of(trained)
    answer = asked(trained, image, target=1)
    np.testing.assert_array_equal(answer.scores.values, class_scores_of(trained, image[None])[0])
    assert [part.name for part in answer.parts] == ["input", "hidden", "output"]
    assert [part.name for part in answer.backward.parts] == ["output", "hidden"]
    p = np.array(answer.scores.values)
    assert answer.backward.loss == pytest.approx(-np.log(p[1]), rel=1e-5)
    np.testing.assert_allclose(answer.backward.parts[0].arrays["dy"], p - np.eye(4)[1], atol=1e-6)
    feeding: Any = feeding_of(trained, image, "hidden", [2], target=1)
    np.testing.assert_array_equal(feeding.gradient.reshape(-1), answer.backward.parts[1].arrays["dW"][:, 2])


def test_question_leaves_the_next_answer_as_it_was(toy, start):
    start(toy, "stopping.max_epochs.epochs=1")
    trained = load_trained(RunDirectory(Path("run")))
    image = image_of(trained)
    before = asked(trained, image).scores.values
    asked(trained, image, target=2)
    feeding_of(trained, image, "output", [1], target=0)
    assert asked(trained, image).scores.values == before


@pytest.mark.parametrize("name", FITTED)
def test_fitted_model_answers_with_the_scores_of_a_prediction(fitted_run, name):
    trained = load_trained(fitted_run(name))
    image = image_of(trained)
    answer = asked(trained, image, target=0)
    np.testing.assert_array_equal(answer.scores.values, class_scores_of(trained, image[None])[0])
    assert answer.backward is None
    assert "no gradient" in answer.no_backward
    assert len(answer.parts) > 2  # the input, what is its own, and its scores


def test_neighbours_are_the_training_images_that_are_nearest(fitted_run):
    trained = load_trained(fitted_run("neighbours"))
    image = images_at(trained, "train", np.array([17]))[0]
    part = part_of(asked(trained, image), "neighbours")
    assert part.table[1][2:] == ["0", "17"]  # it is its own nearest one
    np.testing.assert_allclose(part.pictures[0].values[0], image / 255.0, atol=1e-6)


def test_machines_show_a_vote_for_each_pair_of_classes(fitted_run):
    trained = load_trained(fitted_run("machines"))
    answer = asked(trained, image_of(trained))
    part = part_of(answer, "pairs")
    f = part.pictures[0].values
    np.testing.assert_array_equal(f, -f.T)
    won = [int(each) for each in part.table[1][1:]]
    assert won == [int((f[i] > 0).sum()) for i in range(4)]
    assert answer.scores.predicted == int(np.argmax(won))


def test_stumps_that_are_shown_vote_as_their_model_does(fitted_run):
    trained = load_trained(fitted_run("stumps"), "last")
    image = image_of(trained)
    answer = asked(trained, image)
    rows = part_of(answer, "stumps").table[1:]
    assert len(rows) == 12  # all rounds of the model, so their votes add up to its scores
    alphas = trained.task.boosted_stumps.arrays()["alpha"]
    sums = np.zeros(4)
    for number, _, _, _, voted in rows:
        vote = np.array([1.0 if name in voted.split() else -1.0 for name in answer.scores.names])
        sums += alphas[int(number) - 1] * vote
    scores = part_of(answer, "scores").pictures[0].values
    np.testing.assert_allclose(sums / np.sqrt((alphas**2).sum()), scores, rtol=1e-5, atol=1e-6)


def test_committee_shows_what_each_member_says(fitted_run):
    trained = load_trained(fitted_run("committee"))
    answer = asked(trained, image_of(trained))
    p = part_of(answer, "members").pictures[0].values
    np.testing.assert_allclose(p.mean(axis=0), answer.scores.values, rtol=1e-4)


def test_linear_model_shows_its_weights_as_images(fitted_run):
    trained = load_trained(fitted_run("pairs"))
    (picture,) = part_of(asked(trained, image_of(trained)), "compared").pictures
    assert picture.values.shape == (6, 8, 8)
    assert picture.labels == ["0/1", "0/2", "0/3", "1/2", "1/3", "2/3"]


def test_gaussians_show_distances_in_deviations_of_each_class(fitted_run):
    trained = load_trained(fitted_run("gaussians"))
    answer = asked(trained, image_of(trained))
    x, labels = trained.first("train", 300)
    rows, asked_x = np.asarray(x, np.float64).reshape(len(x), -1), part_of(answer, "input").pictures[0].values
    for c, found in enumerate(part_of(answer, "distances").pictures[0].values):
        of_class = rows[labels == c]
        covariance = np.cov(of_class.T, bias=True) + 0.01 * np.eye(rows.shape[1])
        off = asked_x.reshape(-1) - of_class.mean(axis=0)
        assert found == pytest.approx(np.sqrt(off @ np.linalg.solve(covariance, off)), rel=1e-3)
    predicted = answer.scores.predicted
    U = part_of(answer, "directions").pictures[0].values.reshape(8, -1)
    np.testing.assert_allclose(U @ U.T, np.eye(8), atol=1e-3)
    variances = np.linalg.eigvalsh(np.cov(rows[labels == predicted].T, bias=True) + 0.01 * np.eye(rows.shape[1]))
    said = [float(text.split()[1]) for text in part_of(answer, "directions").pictures[0].labels]
    np.testing.assert_allclose(said, np.sqrt(variances[::-1][:8]), rtol=5e-3)


def test_autoencoder_shows_what_it_gives_back(unsupervised):
    trained = unsupervised(AUTOENCODER)
    answer = asked(trained, image_of(trained), target=1)
    assert answer.scores is None
    assert "images alone" in answer.no_backward
    hidden = part_of(answer, "hidden").pictures[0].values
    back = part_of(answer, "visible").pictures[0].values
    model = trained.task.unsupervised
    a = hidden @ np.asarray(model.W_back) + np.asarray(model.b_v)
    np.testing.assert_allclose(back.reshape(-1), 1 / (1 + np.exp(-a)), rtol=1e-4)


def test_chains_dream_on_from_the_image_and_the_same_for_the_same_seed(unsupervised):
    trained = unsupervised(MACHINE)
    image = image_of(trained)
    answer = asked(trained, image)
    assert answer.dreams
    frames, again, others = (list(dreams_from(trained, image, (1, 3, 9), seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(frames, again)
    assert np.shape(frames) == (3, 1, 8, 8)
    assert not np.array_equal(frames, others)


def test_boltzmann_machine_without_features_has_an_energy(unsupervised):
    trained = unsupervised(MACHINE, "model={type: boltzmann}", "preprocess=[{type: shrink, shape: 4}]")
    answer = asked(trained, image_of(trained))
    x = np.asarray(trained.first("valid", 4)[0][3:4])
    energy = float(trained.task.energy_model.free_energy(x)[0])
    said = part_of(answer, "energy").about
    assert float(said.split("F(x) = ")[1].split(";")[0].replace("−", "-")) == pytest.approx(energy, rel=1e-3)


@pytest.mark.parametrize(
    ("layer", "place", "said"),
    [
        ("hiden", [0], "there is no layer 'hiden'; there are hidden, output"),
        ("hidden", [12], r"hidden has no unit at \[12\]: its output has the shape \[12\]"),
        ("hidden", [0, 0], "no unit at"),
    ],
)
def test_unit_that_there_is_not_is_refused(toy, start, layer, place, said):
    start(toy, "stopping.max_epochs.epochs=1")
    trained = load_trained(RunDirectory(Path("run")))
    with pytest.raises(UsageError, match=said):
        feeding_of(trained, image_of(trained), layer, place)


def test_class_that_there_is_not_is_refused(toy, start):
    start(toy, "stopping.max_epochs.epochs=1")
    trained = load_trained(RunDirectory(Path("run")))
    with pytest.raises(UsageError, match="no class number 4; there are 0 to 3"):
        asked(trained, image_of(trained), target=4)


# Of each kind of model that an experiment can name: what is trained, and the parts of its own that have pictures.
SHOWN_OF: dict[type, tuple[str, list[str]]] = {
    Sequential: ("network", ["hidden", "output"]),
    RBM: ("machine", ["hidden", "visible"]),
    Boltzmann: ("boltzmann", ["pixels"]),
    Autoencoder: ("autoencoder", ["hidden", "visible"]),
    LeastSquares: ("pairs", ["outputs", "compared"]),
    QuadraticDiscriminant: ("gaussians", ["scores", "means", "distances", "directions"]),
    NearestNeighbours: ("neighbours", ["scores", "neighbours"]),
    SVM: ("machines", ["pairs", "support vectors"]),
    BoostedStumps: ("stumps", ["scores", "stumps"]),
    Committee: ("committee", ["scores", "members"]),
}


@pytest.fixture
def of_kind(fitted_run, unsupervised, toy, start):
    def trained(kind):
        name, _ = SHOWN_OF[kind]
        if name in FITTED:
            return load_trained(fitted_run(name))
        if name == "network":
            start(toy, "stopping.max_epochs.epochs=1")
            return load_trained(RunDirectory(Path("run")))
        small = ["model={type: boltzmann, hidden: 2}", "preprocess=[{type: shrink, shape: 4}]"]
        return unsupervised(AUTOENCODER if name == "autoencoder" else MACHINE, *(small if name == "boltzmann" else []))

    return trained


each_kind = pytest.mark.parametrize("kind", SHOWN_OF, ids=lambda kind: kind.__name__)


def test_every_kind_of_model_has_a_case_here():
    missing = [kind.__name__ for kind in (*members(AnyModel), *members(AnyFittedModel)) if kind not in SHOWN_OF]
    assert not missing, f"add what is shown of {', '.join(missing)} to SHOWN_OF in {__file__}"


@each_kind
def test_every_kind_of_model_has_pictures_of_its_own(of_kind, kind):
    answer = asked(trained := of_kind(kind), image_of(trained))
    for name in SHOWN_OF[kind][1]:
        pictures = part_of(answer, name).pictures
        assert pictures
        assert all(np.isfinite(picture.values).all() and picture.values.any() for picture in pictures)


@each_kind
def test_every_kind_of_model_says_what_feeds_its_units(of_kind, kind):
    trained = of_kind(kind)
    image = image_of(trained)
    with_units = [part for part in asked(trained, image).parts if part.has_units]
    assert with_units
    for part in with_units:
        y = part.pictures[0].values
        for place in [*np.ndindex(*y.shape)][1 :: max(1, y.size // 5)]:
            if part.name == "pairs" and place[0] == place[1]:
                continue  # no machine of a class against itself
            feeding: Any = feeding_of(trained, image, part.name, place)
            assert feeding.value == y[place]
            said = float(feeding.lines[-1].split("= ")[-1].replace("−", "-"))
            assert said == pytest.approx(y[place], rel=2e-3, abs=2e-4), feeding.lines
            total = sum(term.product for term in feeding.terms) + feeding.others[1]
            assert total == pytest.approx(float((feeding.inputs * feeding.weights).sum()), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("kind", [RBM, Autoencoder], ids=lambda kind: kind.__name__)
def test_hidden_unit_is_fed_by_its_filter(of_kind, kind):
    trained = of_kind(kind)
    image = image_of(trained)
    feeding: Any = feeding_of(trained, image, "hidden", [3])
    model = trained.task.unsupervised
    np.testing.assert_allclose(feeding.weights.reshape(-1), np.asarray(model.W)[:, 3])
    z = float((feeding.inputs * feeding.weights).sum()) + float(model.b_h[3])
    assert feeding.value == pytest.approx(1 / (1 + np.exp(-z)), rel=1e-4)


def test_probability_of_a_pixel_is_that_of_all_states_of_a_boltzmann_machine(of_kind):
    trained = of_kind(Boltzmann)
    answer = asked(trained, image_of(trained))
    x = part_of(answer, "input").pictures[0].values.reshape(-1).astype(np.float64)
    W, b = (np.asarray(each, np.float64) for each in trained.task.energy_model.connections())
    found = part_of(answer, "pixels").pictures[0].values.reshape(-1)
    for pixel in (0, 5, 9):
        weight = [0.0, 0.0]
        for value in (0, 1):
            for hidden in np.ndindex(2, 2):
                units = np.concatenate([x, hidden])
                units[pixel] = value
                weight[value] += np.exp(b @ units + 0.5 * units @ W @ units)
        assert found[pixel] == pytest.approx(weight[1] / sum(weight), rel=1e-3)


@pytest.mark.parametrize(
    ("layer", "place", "said"),
    [("hiden", [0], "there is no part 'hiden' with units; there are scores"), ("scores", [4], "scores has no unit at")],
)
def test_unit_that_a_fitted_model_has_not_is_refused(fitted_run, layer, place, said):
    trained = load_trained(fitted_run("stumps"))
    with pytest.raises(UsageError, match=said):
        feeding_of(trained, image_of(trained), layer, place)
