"""Exercises whose check trains experiments, or reads runs, on a few thousand real digits."""

import os
import shutil
from pathlib import Path

import pytest

from mnistnn.analysis.evaluation.test_access_log import log_test_access
from mnistnn.config.load import load_experiment
from mnistnn.course.beginning import begin
from mnistnn.course.checks import why_not_8_percent
from mnistnn.course.exercise import exercise
from mnistnn.course.judging import findings_of, is_solved
from mnistnn.experiment.plan import Plan
from mnistnn.experiment.trained import load_trained
from mnistnn.run.directory import RunDirectory, all_runs
from mnistnn.runner import session

pytestmark = pytest.mark.usefixtures("real_mnist")


@pytest.fixture(autouse=True)
def without_waiting_for_the_disk(monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


def said(name: str, folder: Path) -> str:
    """Return what the check finds wrong; empty if it finds nothing."""
    found = findings_of(exercise(name), folder)
    assert is_solved(found) == all(finding.holds for finding in found)
    return "\n".join(finding.said for finding in found if not finding.holds)


def changed(folder: Path, old: str, new: str, file: str = "experiment.yaml") -> Path:
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    return folder


def train(folder: Path, file: str, *overrides: str) -> RunDirectory:
    plan = Plan(load_experiment(folder / file, overrides))
    runs = folder / "runs"
    path = runs / plan.experiment.name / f"seed{plan.experiment.seed}-{len(all_runs(runs))}"
    return session.start(plan, path, runs, session.Verbosity(shown=False)).run


# break-symmetry

ZEROS = "activation: tanh, init: {type: zeros}"


@pytest.mark.parametrize("init", ["glorot", "orthogonal"])
def test_random_weights_break_the_symmetry(begun, init):
    folder = changed(begun("break-symmetry"), ZEROS, f"activation: tanh, init: {{type: {init}}}")
    assert said("break-symmetry", folder) == ""


def test_random_weights_of_the_output_break_it_too(begun):
    folder = changed(begun("break-symmetry"), "units: 10, init: {type: zeros}", "units: 10, init: {type: glorot}")
    assert said("break-symmetry", folder) == ""


def test_start_of_break_symmetry_is_no_answer(begun):
    assert "One key is to be changed, and 0 were" in said("break-symmetry", begun("break-symmetry"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("learning_rate: 0.3", "learning_rate: 3.0", "All weights are still 0."),
        (ZEROS, "activation: tanh, init: {type: constant, value: 0.1}", "They have learned, but all the same."),
        (ZEROS, "activation: sigmoid, init: {type: zeros}", "They have learned, but all the same."),
        (ZEROS, "activation: tanh, init: {type: normal, std: 100}", "Are the weights too large?"),
        (ZEROS, "activation: relu, init: {type: he}", "One key is to be changed, and 2 were"),
        ("train: 2000", "train: 1000", "data.limits.train was changed"),
    ],
)
def test_what_does_not_break_the_symmetry_is_refused(begun, old, new, words):
    assert words in said("break-symmetry", changed(begun("break-symmetry"), old, new))


# error-within-budget


@pytest.mark.parametrize("optimizer", ["type: sgd, learning_rate: 0.3", "type: adam, learning_rate: 0.01"])
def test_good_rate_is_within_the_budget(begun, optimizer):
    folder = changed(begun("error-within-budget"), "type: sgd, learning_rate: 0.01", optimizer)
    assert said("error-within-budget", folder) == ""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name: error", "name: error", "Nothing was changed yet"),
        ("learning_rate: 0.01", "learning_rate: 0.03", "longer steps would get further"),
        ("learning_rate: 0.01", "learning_rate: 8.0", "steps are too long"),
        ("epochs: 3", "epochs: 30", "stopping.epochs was changed"),
        ("units: 20", "units: 200", "model.layers.hidden.units was changed"),
        ("size: 50", "size: 5", "batches.size was changed"),
    ],
)
def test_what_is_not_within_the_budget_is_refused(begun, old, new, words):
    assert words in said("error-within-budget", changed(begun("error-within-budget"), old, new))


# why-not-8-percent


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("name: why", "name: why", "No key of experiment.yaml was changed"),
        ("size: full", "size: 100", "batches.size was changed. It is not the same method any more"),
        ("type: sgd", "type: adam", "optimizer was changed. It is not the same method"),
        ("train: 10000", "train: 50000", "data.limits.train was changed. It has other data"),
        ("epochs: 100}\nev", "epochs: 2000}\nev", "More than 400 steps"),
        (
            "0.5}\nstopping:\n  - {type: max_epochs, epochs: 100",
            "1.0}\nstopping:\n  - {type: max_epochs, epochs: 200",
            "2 keys",
        ),
        ("train_error: true", "train_error: false", "It does not change how far training gets"),
    ],
)
def test_change_that_is_no_answer_is_refused_before_it_is_trained(begun, monkeypatch, old, new, words):
    monkeypatch.setattr(why_not_8_percent, "trial", None)
    assert words in said("why-not-8-percent", changed(begun("why-not-8-percent"), old, new))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("learning_rate: 0.5", "learning_rate: 1.0", ""),
        ("epochs: 100}\nev", "epochs: 200}\nev", ""),
        ("learning_rate: 0.5", "learning_rate: 2.0", "the loss jumps"),
        ("learning_rate: 0.5", "learning_rate: 0.1", "it must grow"),
    ],
)
def test_single_change_is_trained(begun, old, new, words):
    folder = changed(begun("why-not-8-percent"), old, new)
    (folder / "answers.yaml").write_text("reason: too-few-steps\n")
    found = said("why-not-8-percent", folder)
    assert (words in found) if words else found == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("local-optimum", "convex"),
        ("weak-model", "the same model"),
        ("overfitting", "far below that on others"),
        ("other", "expected one of too-few-steps"),
    ],
)
def test_wrong_reason_is_refused(solved, reason, words):
    folder = solved("why-not-8-percent")
    (folder / "answers.yaml").write_text(f"reason: {reason}\n")
    assert words in said("why-not-8-percent", folder)


# read-the-test-once


@pytest.fixture(scope="module")
def candidates(tmp_path_factory, real_mnist) -> Path:
    """The folder of the exercise with a run of each candidate, which nobody may change."""
    folder: Path = tmp_path_factory.mktemp("course") / "read-the-test-once"
    begin(exercise("read-the-test-once"), folder)
    for letter in "abc":
        train(folder, f"{letter}.yaml")
    return folder


@pytest.fixture
def candidate_folder(candidates, tmp_path) -> Path:
    folder: Path = tmp_path / "answer"
    shutil.copytree(candidates, folder, symlinks=True)
    (folder / "answers.yaml").write_text("chosen: c\n")
    return folder


def read_test(folder: Path, *letters: str) -> None:
    for letter in letters:
        (run,) = (run for run in all_runs(folder / "runs") if run.path.parent.name == f"once-{letter}")
        log_test_access(run, load_trained(run))


def test_choice_by_validation_and_one_reading_are_right(candidate_folder):
    read_test(candidate_folder, "c")
    assert said("read-the-test-once", candidate_folder) == ""


@pytest.mark.parametrize(
    ("read", "answer", "words"),
    [
        ("", "chosen: c", "never read for c"),
        ("abc", "chosen: c", "read for a and b too"),
        ("cc", "chosen: c", "read 2 times for c"),
        ("b", "chosen: b", "another candidate has a lower validation error than b"),
        ("c", "chosen: d", "expected one of a, b, c"),
        ("c", "chosen:", "not answered yet"),
    ],
)
def test_other_readings_and_choices_are_refused(candidate_folder, read, answer, words):
    (candidate_folder / "answers.yaml").write_text(answer)
    read_test(candidate_folder, *read)
    assert words in said("read-the-test-once", candidate_folder)


def test_candidates_must_be_trained_as_they_are(begun):
    folder = begun("read-the-test-once")
    assert "a.yaml has no finished run" in said("read-the-test-once", folder)
    train(folder, "a.yaml", "optimizer.learning_rate=0.2", "stopping.max_epochs.epochs=1")
    assert "No run of a.yaml is of the experiment as it was given" in said("read-the-test-once", folder)


# is-it-real


@pytest.fixture(scope="module")
def seeds(tmp_path_factory, real_mnist) -> Path:
    """The folder of the exercise with all six runs, which nobody may change."""
    folder: Path = tmp_path_factory.mktemp("course") / "is-it-real"
    begin(exercise("is-it-real"), folder)
    for file in ("a.yaml", "b.yaml"):
        for seed in range(3):
            train(folder, file, f"seed={seed}")
    return folder


def test_solution_of_is_it_real_is_right(seeds):
    (seeds / "answers.yaml").write_text(exercise("is-it-real").solution["answers.yaml"])
    assert said("is-it-real", seeds) == ""


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("p: 0.01\nreal: no\nseeds: 6", "p: 0.01 is less than this test can give for three seeds"),
        ("p: 0.97\nreal: no\nseeds: 6", "p: 0.97 is not what `mnistnn compare` gives"),
        ("p: 25\nreal: no\nseeds: 6", "is no probability"),
        ("p: 0.25\nreal: yes\nseeds: 6", "real: compare p with 0.05"),
        ("p: 0.25\nreal: no\nseeds: 5", "seeds: with 5, p is 0.0625 at least"),
        ("p: 0.25\nreal: no\nseeds: 10", "fewer than 10 are enough"),
    ],
)
def test_wrong_answer_about_the_difference_is_refused(seeds, answer, words):
    (seeds / "answers.yaml").write_text(answer)
    assert words in said("is-it-real", seeds)


def test_seed_that_is_missing_is_named(begun):
    folder = begun("is-it-real")
    train(folder, "a.yaml", "seed=0")
    assert "a.yaml was not trained with the seed 1" in said("is-it-real", folder)
