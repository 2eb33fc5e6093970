"""`mnistnn.sklearn.Classifier` among scikit-learn's own tools."""

import gc
import pickle
import re
import shutil
import signal
import threading
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator

import mnistnn
from mnistnn.data.datasets.examination import validation_share
from mnistnn.run.directory import RunDirectory
from mnistnn.run.provenance import read_environment
from mnistnn.sklearn import Classifier

EXPECTED_FAILURES = {"check_dtype_object": "floats from 0 to 1, which are taken for pixels that were divided by 255"}
SOFTMAX = {
    "name": "blobs",
    "preprocess": [{"type": "standardize", "epsilon": 1e-7}],
    "model": {"type": "sequential", "layers": {"output": {"type": "dense", "units": 10, "init": {"type": "zeros"}}}},
    "batches": {"size": 20},
    "optimizer": {"type": "sgd", "learning_rate": 1.0},
    "stopping": [{"type": "max_epochs", "epochs": 8}],
}


@pytest.fixture
def digits(toy) -> tuple[np.ndarray, np.ndarray]:
    """Images of the toy set as rows of pixels, and labels that are words."""
    found = mnistnn.data("toy", "train")
    return found.images.reshape(-1, 64), np.array(["nought", "one", "two", "three"])[found.labels]


def test_scikit_learn_finds_it_sound_but_for_what_is_stated(toy):
    results = check_estimator(
        Classifier(SOFTMAX, image_shape=(1, -1)), expected_failed_checks=EXPECTED_FAILURES, on_skip=None
    )
    failed = {each["check_name"] for each in results if each["status"] == "xfail"}
    assert failed == set(EXPECTED_FAILURES)


def test_what_is_stated_stands_in_the_docstring():
    assert Classifier.__doc__ is not None
    assert dict(re.findall(r"\| (check_\w+) \| (.*) \|", Classifier.__doc__)) == EXPECTED_FAILURES


def test_labels_of_any_type_are_learned_and_given_back(toy, digits):
    X, y = digits
    classifier = Classifier(toy).fit(X, y)
    assert classifier.classes_.tolist() == ["nought", "one", "three", "two"]
    assert classifier.n_features_in_ == 64
    assert classifier.score(X, y) == np.mean(classifier.predict(X) == y) > 0.7
    p = classifier.predict_proba(X)
    assert (p.shape, p.dtype.name) == ((300, 4), "float64")
    np.testing.assert_array_equal(classifier.classes_[p.argmax(axis=1)], classifier.predict(X))


def test_run_is_that_of_the_same_images_in_a_set(toy, digits):
    X, _ = digits
    labels = mnistnn.data("toy", "train").labels
    run = Classifier(toy, ("stopping.0.epochs=3",), seed=5, runs="all").fit(X, labels).run_
    assert run.path.parent == Path("all/toy").absolute()
    assert (run.seed, run.status, len(run.metrics["epoch"])) == (5, "finished", 3)
    assert run.config["data"]["validation_examples"] == validation_share(300) == 50
    assert set(read_environment(RunDirectory(run.path))["data"]) == {
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
    }


def test_pixels_of_any_type_are_the_same_pixels(toy, digits):
    X, y = digits
    expected = Classifier(toy, ("stopping.0.epochs=2",)).fit(X, y).predict_proba(X)
    for dtype in ("int64", "float64", "float32"):
        found = Classifier(toy, ("stopping.0.epochs=2",)).fit(X.astype(dtype), y).predict_proba(X.astype(dtype))
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("change", [lambda X: X / 255, lambda X: X + 0.5, lambda X: X - 200.0, lambda X: X * 2.0])
def test_other_pixels_are_refused_as_a_value_error_and_one_of_ours(toy, digits, change):
    X, y = digits
    for kind in (ValueError, mnistnn.UsageError):
        with pytest.raises(kind, match=r"X: .*expected"):
            Classifier(toy).fit(change(X), y)
    assert not list(Path().glob("runs/*"))


def test_floats_from_0_to_1_are_refused_with_the_way_to_make_pixels(toy, digits):
    X, y = digits
    with pytest.raises(ValueError, match=r"floats from 0 to 1; \(255 \* X\)\.round\(\)"):
        Classifier(toy).fit(X / 255, y)


def test_shape_of_images_is_a_square_or_is_said(toy, digits):
    X, y = digits
    with pytest.raises(ValueError, match=r"60 features are the pixels of no square; image_shape=\(height, width\)"):
        Classifier(toy).fit(X[:, :60], y)
    for given, expected in (((6, 10), (6, 10)), ((6, -1), (6, 10)), ((-1, 10), (6, 10)), ((1, -1), (1, 60))):
        run = Classifier(toy, ("stopping.0.epochs=1",), image_shape=given).fit(X[:, :60], y).run_
        assert read_environment(RunDirectory(run.path))["dataset"]["image_shape"] == list(expected)
    for given in ((7, 9), (7, -1), (-1, -1), (0, 60)):
        with pytest.raises(ValueError, match="60 features do not fit image_shape="):
            Classifier(toy, image_shape=given).fit(X[:, :60], y)


def test_one_class_and_too_many_are_refused(toy, digits):
    X, _ = digits
    with pytest.raises(ValueError, match=r"2 to 256 classes, got 1 class\(es\)"):
        Classifier(toy).fit(X, np.zeros(300))
    with pytest.raises(ValueError, match=r"2 to 256 classes, got 257 class\(es\)"):
        Classifier(toy).fit(np.repeat(X, 2, axis=0), np.arange(600) % 257)


def test_labels_in_order_leave_no_class_out_of_validation(toy, digits):
    X, y = digits
    order = np.argsort(y, kind="stable")
    run = Classifier(toy, runs="all").fit(X[order], y[order]).run_
    assert run.best["valid.error"] < 0.2


def test_network_gets_an_output_for_each_class(toy, digits):
    X, y = digits
    two = np.isin(y, ["one", "two"])
    classifier = Classifier(toy, ("stopping.0.epochs=2",)).fit(X[two], y[two])
    assert classifier.predict_proba(X[:3]).shape == (3, 2)
    assert classifier.run_.config["model"]["layers"]["output"]["units"] == 2


def test_loss_of_two_classes_keeps_its_single_output(toy, digits):
    X, y = digits
    two = np.isin(y, ["one", "two"])
    binary = ("loss={type: binary_nll}", "model.layers.output.units=1", "stopping.0.epochs=2")
    assert Classifier(toy, binary).fit(X[two], y[two]).predict_proba(X[:3]).shape == (3, 2)
    with pytest.raises(mnistnn.ConfigError, match="binary_nll needs two classes"):
        Classifier(toy, binary).fit(X, y)


def test_mistake_in_the_experiment_is_a_config_error(toy, digits):
    with pytest.raises(mnistnn.ConfigError, match="did you mean"):
        Classifier(toy, ("optimizer.lerning_rate=1",)).fit(*digits)


def test_scores_that_are_no_probabilities_are_refused_by_name(toy, digits):
    X, y = digits
    classifier = Classifier(toy, ("loss={type: squared_error}", "stopping.0.epochs=2")).fit(X, y)
    assert classifier.predict(X).shape == (300,)
    with pytest.raises(mnistnn.UsageError, match="gives no probabilities"):
        classifier.predict_proba(X)


@pytest.mark.parametrize("name", ["neighbours", "gaussians"])
def test_fitted_models_are_classifiers_too(committee, digits, name):
    X, y = digits
    assert Classifier(committee.with_name(f"{name}.yaml")).fit(X, y).score(X, y) > 0.7


def test_committee_whose_members_name_their_data_is_refused(committee, digits):
    with pytest.raises(mnistnn.ConfigError, match="a committee decides on the data that all its members know"):
        Classifier(committee).fit(*digits)


def test_layers_that_learn_before_learn_from_the_same_images(toy, digits):
    X, y = digits
    overrides = (
        "model.layers.hidden.activation=sigmoid",
        "pretrain=[{layer: hidden, loss: {type: contrastive_divergence}, optimizer: {type: sgd, learning_rate: 0.1}, "
        "stopping: [{type: max_epochs, epochs: 1}]}]",
        "stopping.0.epochs=2",
    )
    assert Classifier(toy, overrides).fit(X, y).predict(X).shape == (300,)


# Among scikit-learn's tools.


def test_it_is_cross_validated_in_a_pipeline(toy, digits):
    X, y = digits
    pipeline = make_pipeline(FunctionTransformer(lambda X: X[:, ::-1]), Classifier(toy))
    scores = cross_val_score(pipeline, X, y, cv=3)
    assert scores.shape == (3,)
    assert min(scores) > 0.6


def test_search_over_overrides_finds_the_better_rate(toy, digits):
    X, y = digits
    rates = [
        ("optimizer.learning_rate=1e-6", "stopping.0.epochs=2"),
        ("optimizer.learning_rate=0.2", "stopping.0.epochs=6"),
    ]
    search = GridSearchCV(Classifier(toy), {"overrides": rates}, cv=2).fit(X, y)
    assert search.best_params_ == {"overrides": rates[1]}
    assert search.predict(X).shape == (300,)


def test_clone_has_the_same_parameters_and_is_not_fitted(toy, digits):
    classifier = Classifier(toy, ("stopping.0.epochs=1",), seed=4).fit(*digits)
    copy = clone(classifier)
    assert copy.get_params() == classifier.get_params()
    assert not hasattr(copy, "run_")


def test_threads_fit_at_once_and_have_nothing_of_each_other(toy, digits):
    X, y = digits
    halves = [slice(0, 150), slice(150, 300)]
    expected = [Classifier(toy, ("stopping.0.epochs=3",)).fit(X[half], y[half]).predict_proba(X) for half in halves]
    found: dict[int, np.ndarray] = {}

    def fit(number: int) -> None:
        half = halves[number]
        found[number] = Classifier(toy, ("stopping.0.epochs=3",)).fit(X[half], y[half]).predict_proba(X)

    threads = [threading.Thread(target=fit, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(2):
        np.testing.assert_array_equal(found[number], expected[number])


def test_ctrl_c_is_no_fit_that_failed(toy, digits, stop_after):
    stop_after(9, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match="saved"):
        cross_val_score(Classifier(toy, runs="all"), *digits, cv=2)
    assert [run.status for run in mnistnn.runs("all")] == ["interrupted"]


# What is left behind.


def test_temporary_run_is_gone_with_its_estimator(toy, digits):
    classifier = Classifier(toy, ("stopping.0.epochs=1",)).fit(*digits)
    folder = classifier.run_.path
    assert folder.is_dir()
    del classifier
    gc.collect()
    assert not folder.exists()
    assert not Path("runs").exists()


def test_temporary_run_stays_while_it_is_used_itself(toy, digits):
    run = Classifier(toy, ("stopping.0.epochs=1",)).fit(*digits).run_
    gc.collect()
    assert run.config["name"] == "toy"


def test_fit_that_fails_leaves_nothing_behind(toy, digits, monkeypatch, tmp_path):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    with pytest.raises(mnistnn.DivergedError):
        Classifier(toy, ("optimizer.learning_rate=1e30", "loss={type: squared_error}")).fit(*digits)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_nothing_is_stored_in_the_cache(toy, digits, toy_cache):
    before = sorted(toy_cache.rglob("*"))
    Classifier(toy, ("stopping.0.epochs=1",)).fit(*digits)
    assert sorted(toy_cache.rglob("*")) == before


def test_pickle_holds_no_parameters_and_predicts_the_same(toy, digits):
    X, y = digits
    classifier = Classifier(toy, ("model.layers.hidden.units=400", "stopping.0.epochs=1"), runs="all").fit(X, y)
    expected = classifier.predict_proba(X)
    content = pickle.dumps(classifier)
    assert len(content) < 4000
    del classifier
    gc.collect()
    np.testing.assert_array_equal(pickle.loads(content).predict_proba(X), expected)


def test_model_of_neighbours_says_that_it_has_no_images_after_it_was_pickled(committee, digits):
    X, y = digits
    classifier = Classifier(committee.with_name("neighbours.yaml"), runs="all").fit(X, y)
    assert classifier.predict(X[:3]).shape == (3,)
    with pytest.raises(mnistnn.DataError, match="lay in the memory of the program that trained on it"):
        pickle.loads(pickle.dumps(classifier)).predict(X[:3])


def test_unpickled_estimator_says_that_its_run_is_gone(toy, digits):
    X, y = digits
    classifier = Classifier(toy, ("stopping.0.epochs=1",), runs="all").fit(X, y)
    content, path = pickle.dumps(classifier), classifier.run_.path
    shutil.rmtree(path)
    with pytest.raises(mnistnn.RunError, match=re.escape(str(path))):
        pickle.loads(content).predict(X)


def test_unpickled_estimator_says_that_its_run_was_altered(toy, digits):
    X, y = digits
    classifier = Classifier(toy, ("stopping.0.epochs=1",), runs="all").fit(X, y)
    other = Classifier(toy, ("stopping.0.epochs=1",), seed=1, runs="all").fit(X, y)
    content, path = pickle.dumps(classifier), classifier.run_.path
    shutil.rmtree(path)
    shutil.copytree(other.run_.path, path)
    with pytest.raises(mnistnn.RunError, match="its model is not the one that was fitted"):
        pickle.loads(content).predict(X)
