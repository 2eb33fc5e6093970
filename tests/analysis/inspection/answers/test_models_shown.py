"""What is shown of each kind of model, held to the model's own arrays and to what other readers find."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mnistnn.analysis.evaluation.predictions import class_scores_of, images_at
from mnistnn.analysis.inspection.answers.answer import answer_to, dreams_from, feeding_of
from mnistnn.errors import UsageError
from mnistnn.experiment.trained import load_trained
from mnistnn.run.directory import RunDirectory
from tests.tasks.test_autoencoder_runs import EXPERIMENT as AUTOENCODER
from tests.tasks.test_energy_runs import EXPERIMENT as MACHINE

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
