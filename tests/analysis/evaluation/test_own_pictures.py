import json
from pathlib import Path

import numpy as np
import pytest

from mnistnn.analysis.evaluation.own_pictures import FailedPicture, PicturePrediction, predict
from mnistnn.analysis.evaluation.predictions import predictions_of
from mnistnn.data.spec import Data, Labels
from mnistnn.data.splits import read_split
from mnistnn.experiment.trained import load_trained

MNIST = """\
name: quick
data: {dataset: mnist, limits: {train: 30000}}
model:
  type: sequential
  layers:
    hidden: {type: dense, units: 100, activation: relu}
    output: {type: dense, units: 10, init: {type: zeros}}
loss: {type: softmax_nll}
batches: {size: 20, order: permute}
optimizer: {type: sgd, learning_rate: 0.1}
stopping: [{type: max_epochs, epochs: 2}]
"""


def test_pictures_as_they_are_get_the_predictions_of_the_split(toy, start):
    trained = load_trained(start(toy, "preprocess=[{type: standardize}]").run)
    images = read_split(trained.plan.experiment.data, "test").images
    for number, image in enumerate(images):
        np.save(f"{number}.npy", image)
    found = predict(trained, [Path(f"{number}.npy") for number in range(len(images))], as_is=True)
    expected = predictions_of(trained, "test")
    assert expected.probabilities is not None
    assert [
        int(each.classes[0][0]) for each in found if isinstance(each, PicturePrediction)
    ] == expected.predicted.tolist()
    for prediction, p in zip(found, expected.probabilities, strict=True):
        assert isinstance(prediction, PicturePrediction)
        assert [score for _, score in prediction.classes] == pytest.approx(sorted(p, reverse=True), rel=1e-4)


def test_run_is_not_changed_and_no_test_reading_counted(toy, start, everything_below):
    run = start(toy).run
    before = everything_below("run")
    np.save("a.npy", np.eye(30))
    assert isinstance(predict(load_trained(run), [Path("a.npy")])[0], PicturePrediction)
    assert everything_below("run") == before


def test_a_picture_that_cannot_be_read_does_not_keep_the_others_from_it(toy, start):
    np.save("a.npy", np.eye(30))
    np.save("blank.npy", np.ones((30, 30)))
    found = predict(load_trained(start(toy).run), [Path("gone.png"), Path("a.npy"), Path("blank.npy")])
    assert [type(each) for each in found] == [FailedPicture, PicturePrediction, FailedPicture]
    problems = [each.problem for each in found if isinstance(each, FailedPicture)]
    assert problems[0].startswith("gone.png: cannot be read")
    assert problems[1].startswith("blank.npy: no ink found")


def test_as_it_is_needs_the_size_of_the_set(toy, start):
    np.save("a.npy", np.eye(30))
    (found,) = predict(load_trained(start(toy).run), [Path("a.npy")], as_is=True)
    assert isinstance(found, FailedPicture)
    assert found.problem == "a.npy: is 30×30 pixels; as it is, the model takes 8×8"


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (None, ["zero", "one", "two", "three"]),
        (Labels(positive=[0]), ["not zero", "zero"]),
        (Labels(positive=[1, 3]), ["not one or three", "one or three"]),
        (Labels(pair=[3, 2]), ["three", "two"]),
    ],
)
def test_classes_are_called_what_they_are_made_of(labels, names):
    assert Data(labels=labels).class_names(["zero", "one", "two", "three"]) == names


@pytest.fixture(scope="module")
def drawn_digits():
    """Return the first 100 test digits, enlarged, half of them inverted, each somewhere on a larger picture."""
    image = pytest.importorskip("PIL.Image")
    digits = read_split(Data(), "test")

    def draw(number):
        rng = np.random.default_rng(number)
        side = 28 * int(rng.integers(3, 21 if number < 10 else 7))
        large = image.fromarray(digits.images[number]).resize((side, side), image.Resampling.BICUBIC)
        height, width = rng.integers(side, 2 * side, size=2)
        canvas = image.new("L", (int(width), int(height)))
        canvas.paste(large, (int(rng.integers(0, width - side + 1)), int(rng.integers(0, height - side + 1))))
        return canvas.point(lambda value: 255 - value) if number % 2 else canvas

    return [(draw(number), int(digits.labels[number])) for number in range(100)]


@pytest.mark.usefixtures("real_mnist")
def test_95_of_100_enlarged_inverted_shifted_digits_are_classified(tmp_path, start, drawn_digits):
    experiment = tmp_path / "quick.yaml"
    experiment.write_text(MNIST)
    trained = load_trained(start(experiment, path=tmp_path / "run").run)
    paths = [tmp_path / f"{number}.png" for number in range(100)]
    for path, (picture, _) in zip(paths, drawn_digits, strict=True):
        picture.save(path)
    found = predict(trained, paths)
    read = [int(each.classes[0][0]) if isinstance(each, PicturePrediction) else None for each in found]
    right = sum(answer == label for answer, (_, label) in zip(read, drawn_digits, strict=True))
    assert right >= 95, json.dumps(read)
    inverted = [each.fitting.dark for each in found if isinstance(each, PicturePrediction) and each.fitting is not None]
    assert inverted == [bool(number % 2) for number in range(100)]
