"""`mnistnn.Run` beside what commands print of the same run."""

import csv
import json
import os
import pickle
import threading
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

import mnistnn
from mnistnn.analysis.evaluation.predictions import predictions_of
from mnistnn.analysis.plots.contact_sheet import encode_png
from mnistnn.experiment.trained import load_trained
from mnistnn.run.directory import RunDirectory
from mnistnn.run.record import read_record
from mnistnn.runner.session import Verbosity
from tests.tasks.test_autoencoder_runs import EXPERIMENT as AUTOENCODER
from tests.tasks.test_energy_runs import EXPERIMENT as MACHINE
from tests.tasks.test_sequence_runs import LABELS, NUMBERS


def test_what_is_said_of_a_run_is_what_show_prints(run, command):
    shown = json.loads(command("show", "run", "--json").out)
    for key in ("id", "name", "status", "reason", "seconds", "best"):
        assert getattr(run, key) == shown[key], key
    assert [path.name for path in run.checkpoints] == shown["checkpoints"]
    assert all(path.is_file() for path in run.checkpoints)
    assert run.seed == 0


def test_metrics_are_those_that_export_writes(run, command):
    assert command("export", "run", "--to", "csv", "--out", "metrics.csv").code == 0
    rows = list(csv.DictReader(Path("metrics.csv").read_text().splitlines()))
    assert list(run.metrics) == [name for name in rows[0] if name != "run"]
    for name, column in run.metrics.items():
        assert (column.dtype, column.shape) == (np.float64, (6,))
        np.testing.assert_allclose(column, [float(row[name]) for row in rows], rtol=1e-5 if name == "seconds" else 0)


def test_cell_that_a_row_lacks_is_nan(run):
    path = run.path / "metrics.jsonl"
    lines = path.read_text().splitlines()
    row = json.loads(lines[2])
    del row["valid.error"]
    path.write_text("\n".join([*lines[:2], json.dumps(row), *lines[3:]]) + "\n")
    assert np.flatnonzero(np.isnan(run.metrics["valid.error"])).tolist() == [2]


def test_configuration_is_the_resolved_one_and_a_copy(run, command):
    assert run.config["batches"]["size"] == 32
    run.config["batches"]["size"] = 1
    assert run.config["batches"]["size"] == 32
    assert run.config["evaluation"]["batch_size"] > 0


def test_parameters_are_those_that_export_writes_and_read_only_copies(run, command):
    assert command("export", "run", "--to", "npz", "--out", "model.npz").code == 0
    with np.load("model.npz") as exported:
        assert set(run.parameters) == set(exported.files) - {"mnistnn"}
        for name, array in run.parameters.items():
            np.testing.assert_array_equal(array, exported[name])
    with pytest.raises(ValueError, match="read-only"):
        run.parameters["hidden.W"][0, 0] = 1.0


@pytest.mark.parametrize("checkpoint", ["best", "last"])
@pytest.mark.parametrize("overrides", [[], ["preprocess=[{type: whiten, dimensions: 9}]"]])
def test_predictions_are_those_of_the_split(toy, checkpoint, overrides):
    trained = mnistnn.train(toy, "evaluation.batch_size=25", *overrides, quiet=True)
    run = mnistnn.load(trained.path, checkpoint=checkpoint)
    images = mnistnn.data("toy", "valid").images
    expected = predictions_of(load_trained(RunDirectory(run.path), checkpoint), "valid")
    np.testing.assert_array_equal(run.predict(images), expected.predicted)
    assert expected.probabilities is not None
    np.testing.assert_allclose(run.predict_proba(images), expected.probabilities, atol=1e-6)
    np.testing.assert_array_equal(run.predict(images.reshape(60, 64)), expected.predicted)
    assert (run.predict(images).dtype.name, run.predict_proba(images).dtype.name) == ("int64", "float64")
    assert run.predict(images).shape == (60,)


def test_probabilities_are_those_that_predict_prints(run, command):
    image = mnistnn.data("toy", "valid").images[7]
    Path("picture.png").write_bytes(encode_png(image))
    printed = json.loads(command("predict", "run", "picture.png", "--as-is", "--json").out)["images"][0]
    (probabilities,) = run.predict_proba(image[None])
    assert {each["class"]: each["probability"] for each in printed["classes"]} == dict(
        zip(run.class_names, probabilities.tolist(), strict=True)
    )


def test_outputs_of_layers_follow_from_the_parameters(run):
    images = mnistnn.data("toy", "valid").images
    W = run.parameters
    hidden = np.tanh(images.reshape(60, 64) / 255 @ W["hidden.W"] + W["hidden.b"])
    outputs = run.layers(images)
    assert list(outputs) == ["hidden", "output"]
    np.testing.assert_allclose(outputs["hidden"], hidden, atol=1e-5)
    np.testing.assert_allclose(outputs["output"], hidden @ W["output.W"] + W["output.b"], atol=1e-5)
    np.testing.assert_array_equal(run.scores(images), outputs["output"])
    outputs["hidden"][...] = 0.0  # a copy: the model is as it was
    np.testing.assert_allclose(run.layers(images)["hidden"], hidden, atol=1e-5)


def test_outputs_of_a_convolution_are_maps(toy):
    conv = "conv: {type: conv, maps: 5, kernel: 3}"
    run = mnistnn.train(
        toy,
        f"model.layers={{hidden: null, output: null, {conv}, last: {{type: dense, units: 4}}}}",
        epochs=1,
        quiet=True,
    )
    y = run.layers(mnistnn.data("toy", "valid").images)["conv"]
    assert (y.shape[:2], y.ndim, y.flags.c_contiguous) == ((60, 5), 4, True)


def test_no_images_have_answers_of_the_right_shape(run):
    none = np.zeros((0, 8, 8), np.uint8)
    assert (run.predict(none).shape, run.predict_proba(none).shape) == ((0,), (0, 4))
    assert {name: y.shape for name, y in run.layers(none).items()} == {"hidden": (0, 12), "output": (0, 4)}


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (np.zeros((3, 8, 8)) + 0.5, "got float64 of shape (3, 8, 8); (255 * images).round().astype(numpy.uint8) makes"),
        (np.zeros((3, 8, 8), int), "got int64 of shape (3, 8, 8); images.astype(numpy.uint8) makes"),
        (np.zeros((3, 8, 8), int) - 1, "got int64 of shape (3, 8, 8)"),
        (np.zeros((8, 8), np.uint8), "got uint8 of shape (8, 8); images[None] makes"),
        (np.zeros((3, 65), np.uint8), "got uint8 of shape (3, 65)"),
        (np.zeros((3, 8, 8), bool), "got bool"),
        ("picture.png", "got <U11 of shape ()"),
        (None, "got object of shape ()"),
    ],
)
def test_other_images_are_refused_with_what_is_expected(run, images, said):
    for ask in (run.predict, run.predict_proba, run.scores, run.layers):
        with pytest.raises(mnistnn.UsageError) as caught:
            ask(images)
        assert "images: expected uint8, from 0 for the background to 255, of shape (n, 8, 8) or (n, 64)" in str(
            caught.value
        )
        assert said in str(caught.value)


@pytest.mark.parametrize("checkpoint", ["best", "last"])
def test_evaluation_is_what_eval_prints(run, command, checkpoint):
    result = run.evaluate("valid", checkpoint)
    printed = json.loads(command("eval", "run", "--split", "valid", "--checkpoint", checkpoint, "--json").out)
    assert json.loads(json.dumps(asdict(result))) == printed


def test_evaluation_is_of_the_checkpoint_that_the_run_was_loaded_with(run):
    file = mnistnn.load("run", checkpoint=run.checkpoints[-1])
    assert file.evaluate().checkpoint == run.checkpoints[-1].name
    assert run.evaluate().checkpoint == "best"


def test_readings_of_the_test_split_are_counted(run, command):
    assert run.evaluate("test").test_readings == 1
    assert json.loads(command("eval", "run", "--json").out)["test_readings"] == 2
    assert run.evaluate("valid").test_readings == 2


def test_options_of_eval_are_taken_and_others_refused(toy):
    run = mnistnn.train(
        toy, "model.layers.dropped={type: dropout, keep: 0.5, after: hidden}", epochs=1, run_dir="run", quiet=True
    )
    assert run.evaluate("valid", mc_samples=3).mc_samples == 3
    assert run.evaluate("valid", mc_samples=3, mc_mean="geometric").mc_mean == "geometric"
    with pytest.raises(mnistnn.UsageError, match="arithmetic or geometric, got harmonic"):
        run.evaluate("valid", mc_samples=3, mc_mean="harmonic")
    with pytest.raises(mnistnn.UsageError, match="--chains: for energy-based models"):
        run.evaluate("valid", chains=3)
    with pytest.raises(mnistnn.UsageError, match="no option 'samples'; did you mean 'mc_samples'"):
        run.evaluate("valid", samples=3)
    with pytest.raises(mnistnn.UsageError, match="split: expected train, valid or test, got 'tset'"):
        run.evaluate("tset")


def test_methods_that_do_not_fit_a_fitted_model_are_refused_by_name(fitted_run):
    images = mnistnn.data("toy", "valid").images
    fitted_run("pairs")
    run = mnistnn.Run("run")
    assert (run.predict(images) == mnistnn.data("toy", "valid").labels).mean() == 1 - run.evaluate().error
    with pytest.raises(
        mnistnn.UsageError, match="pairs: its model, of type least_squares, gives no probabilities, but"
    ):
        run.predict_proba(images)
    with pytest.raises(mnistnn.UsageError, match="pairs: its model, of type least_squares, has no layers"):
        run.layers(images)
    assert run.scores(images).shape[0] == 60


def test_model_of_neighbours_predicts_and_has_no_parameters(fitted_run):
    fitted_run("neighbours")
    run, valid = mnistnn.Run("run"), mnistnn.data("toy", "valid")
    assert (run.predict(valid.images) != valid.labels).mean() == pytest.approx(run.evaluate().error)
    with pytest.raises(mnistnn.UsageError, match="consists of the training examples"):
        _ = run.parameters


@pytest.mark.parametrize(
    ("text", "name", "kind"), [(MACHINE, "machine", "rbm"), (AUTOENCODER, "gives-back", "autoencoder")]
)
def test_methods_that_do_not_fit_a_model_of_images_alone_are_refused_by_name(toy, text, name, kind):
    Path("other.yaml").write_text(text)
    run = mnistnn.train("other.yaml", epochs=1, quiet=True)
    images = mnistnn.data("toy", "valid").images
    for ask, lacks in (
        (run.predict, "classifies nothing"),
        (run.predict_proba, "classifies nothing"),
        (run.scores, "classifies nothing"),
        (run.layers, "has no layers"),
    ):
        with pytest.raises(mnistnn.UsageError, match=f"{name}: its model, of type {kind}, {lacks}"):
            ask(images)
    assert run.evaluate().examples == 60
    assert any(name.endswith("W") for name in run.parameters)


@pytest.mark.parametrize("text", [NUMBERS, LABELS])
def test_methods_about_images_are_refused_where_the_model_reads_sequences(toy, text):
    Path("other.yaml").write_text(text)
    run = mnistnn.train("other.yaml", epochs=1, quiet=True)
    for ask in (run.predict, run.scores, run.layers):
        with pytest.raises(mnistnn.UsageError, match="its model reads sequences, and no images"):
            ask(np.zeros((2, 8, 8), np.uint8))
    assert run.evaluate("valid").loss == pytest.approx(run.best["valid.loss"], rel=1e-4)


def test_committee_predicts(fitted_run):
    fitted_run("committee")
    run, valid = mnistnn.Run("run"), mnistnn.data("toy", "valid")
    assert (run.predict(valid.images) != valid.labels).mean() == run.evaluate().error


# Finding runs.


def test_runs_are_those_that_ls_lists(toy, command):
    for seed in (1, 0):
        mnistnn.train(toy, seed=seed, epochs=1, quiet=True)
    listed = json.loads(command("ls", "--json").out)["runs"]
    assert [(run.id, run.name, run.status) for run in mnistnn.runs()] == [
        (each["id"], each["name"], each["status"]) for each in listed
    ]
    assert mnistnn.runs("nowhere") == []


def test_run_is_found_by_path_id_name_and_latest(toy):
    run = mnistnn.train(toy, epochs=1, quiet=True)
    for reference in (run.path, str(run.path), run.id, run.id[:-2], "toy", "latest"):
        assert mnistnn.load(reference).path == run.path
    with pytest.raises(mnistnn.RunError, match=r"no run named 'tyo': .*did you mean 'toy'"):
        mnistnn.load("tyo")


def test_run_stays_itself_where_the_program_goes_elsewhere(run, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    os.chdir(tmp_path / "elsewhere")
    assert run.status == "finished"
    assert run.predict(mnistnn.data("toy", "valid").images).shape == (60,)


def test_pickled_run_is_the_same_run(run):
    images = mnistnn.data("toy", "valid").images
    before = run.predict(images)
    copy = pickle.loads(pickle.dumps(run))
    assert (copy.path, copy.digest) == (run.path, run.digest)
    np.testing.assert_array_equal(copy.predict(images), before)


def test_state_is_that_of_now_while_another_process_trains(trainer):
    run = mnistnn.Run("run")
    assert (run.status, run.reason, len(run.metrics["epoch"])) == ("running", None, 2)
    trainer.have(rows=4)
    assert len(run.metrics["epoch"]) == 4
    assert "running" in repr(run)


def test_asking_a_run_holds_no_lock(run, command):
    _ = run.parameters, run.predict(mnistnn.data("toy", "valid").images)
    assert command("resume", "run", "--epochs", 7).code == 0


def test_checkpoint_that_is_passed_over_is_warned_of(toy):
    run = mnistnn.train(toy, "checkpoint.keep_last=2", run_dir="run", quiet=True)
    newest = run.checkpoints[0]
    newest.write_bytes(newest.read_bytes()[:-1])
    with pytest.warns(UserWarning, match=f"passed over .*{newest.name}"):
        _ = run.parameters


# Threads.


def test_threads_may_ask_one_run_at_once(run):
    images = mnistnn.data("toy", "train").images
    expected = run.predict_proba(images), run.layers(images)["hidden"]
    wrong: list[int] = []

    def ask(number: int) -> None:
        part = slice(number, number + 40)
        for _ in range(15):
            same = np.allclose(run.predict_proba(images[part]), expected[0][part], atol=1e-6)
            same = same and np.allclose(run.layers(images[part])["hidden"], expected[1][part], atol=1e-6)
            if not same:
                wrong.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_threads_may_train_at_once(toy, assert_same_result):
    for seed in (0, 1):
        mnistnn.train(toy, seed=seed, epochs=2, run_dir=f"reference-{seed}", quiet=True)

    def train(seed: int) -> None:
        mnistnn.train(toy, seed=seed, epochs=2, run_dir=f"run-{seed}", quiet=True)

    threads = [threading.Thread(target=train, args=(seed,)) for seed in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in (0, 1):
        assert_same_result(f"run-{seed}", f"reference-{seed}")


# How a run is shown.


def test_run_is_shown_with_what_train_prints(run, command):
    shown = repr(run)
    assert shown.startswith(f"<Run toy {run.id}: finished, max_epochs: 6 epochs are done, best epoch ")
    assert f"valid.error {100 * run.best['valid.error']:.2f} %" in shown


def test_table_of_a_notebook_has_the_metrics_of_the_best_epoch(run):
    html = run._repr_html_()
    assert f"<tr><th>best epoch</th><td>{run.best['epoch']:g}</td></tr>" in html
    assert f"<tr><th>valid.error</th><td>{100 * run.best['valid.error']:.2f} %</td></tr>" in html
    assert "<tr><th>parameters</th><td>832</td></tr>" in html


def test_table_of_a_notebook_escapes_what_files_say(run):
    record = read_record(RunDirectory(run.path))
    record.reason = "<script>alert(1)</script>&"
    record.write(RunDirectory(run.path))
    html = run._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;" in html


def test_run_that_cannot_be_read_is_shown_with_the_reason(run):
    (run.path / "run.json").write_text("{<b>\x1b")
    assert run.status == "unreadable"
    assert "unreadable: " in repr(run)
    assert "\x1b" not in repr(run)
    assert "<b>" not in run._repr_html_()
    with pytest.raises(mnistnn.RunError):
        _ = run.reason


def test_bars_are_those_of_a_notebook_where_one_runs(monkeypatch):
    import sys
    from types import ModuleType

    from mnistnn.runner import bars
    from mnistnn.runner.session import usual_verbosity

    assert usual_verbosity(quiet=False) == Verbosity(shown=True, bars=False)
    assert bars.bar_type().__module__ == "tqdm.std"
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    assert usual_verbosity(quiet=False) == Verbosity(shown=True, bars=True)
    assert bars.bar_type().__module__ == "tqdm.asyncio"  # what tqdm.auto takes without ipywidgets
