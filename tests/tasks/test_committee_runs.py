"""Committees as runs: members are runs like any other, and a committee is what they are together."""

import json
import signal
from pathlib import Path

import numpy as np
import pytest

from mnistnn.analysis.evaluation.predictions import predictions_of
from mnistnn.experiment.members import member_run
from mnistnn.experiment.trained import load_trained
from mnistnn.models.fitted.committee import LEAST
from mnistnn.run.checkpoint import newest_first, read
from mnistnn.run.directory import RunDirectory
from mnistnn.run.metrics import read_rows
from mnistnn.run.record import read_record

HEAD = "name: own\ndata: {dataset: toy, validation_examples: 60}\nmodel:\n  type: committee\n  members:\n"
BELIEF = """\
name: belief
data: {dataset: toy, validation_examples: 60}
model:
  type: sequential
  layers:
    first: {type: dense, units: 6, activation: sigmoid}
    classes: {type: dense, units: 4}
pretrain:
  - layer: first
    batches: {size: 30}
    optimizer: {type: sgd, learning_rate: 0.1}
    stopping: [{type: max_epochs, epochs: 2}]
optimizer: {type: sgd, learning_rate: 0.1}
stopping: [{type: max_epochs, epochs: 1}]
"""


@pytest.fixture
def own(pairs):
    """Write a committee of these lines of members; return its path."""

    def write(*lines: str, tail: str = "") -> Path:
        Path("belief.yaml").write_text(BELIEF)
        Path("own.yaml").write_text(HEAD + "".join(f"    - {line}\n" for line in lines) + tail)
        return Path("own.yaml")

    return write


def run_of(path: str = "run") -> RunDirectory:
    return RunDirectory(Path(path))


def asked(run: RunDirectory, split: str = "valid") -> np.ndarray:
    """Return the probabilities, or scores, that a run's own model gives for a split (n, 4)."""
    trained = load_trained(run)
    with trained.computing():
        batches = [trained.task.loss.probabilities(trained.task.scores(x)) for x, _ in trained.batches(split)]  # type: ignore[arg-type]
    return np.concatenate(batches)


def labels_of(run: RunDirectory, split: str = "valid") -> np.ndarray:
    return predictions_of(load_trained(run), split).labels  # type: ignore[arg-type]


# What is measured.


def test_rows_have_the_error_of_the_mean_so_far_and_of_the_newest_member(fitted_run):
    run = fitted_run("committee")
    labels, ps = labels_of(run), [asked(member_run(run, number)) for number in range(2)]
    for done, row in enumerate(read_rows(run.metrics), start=1):
        mean = np.mean(ps[:done], axis=0)
        assert row["valid.error"] == (mean.argmax(axis=1) != labels).mean()
        assert row["member.error"] == (ps[done - 1].argmax(axis=1) != labels).mean()
        chosen = np.maximum(mean[np.arange(len(labels)), labels], LEAST)
        assert row["valid.loss"] == pytest.approx(-np.log(chosen).mean(), rel=1e-5)


def test_rows_have_the_error_of_the_vote_so_far(fitted_run):
    run = fitted_run("voters")
    labels, ps = labels_of(run), [asked(member_run(run, number)) for number in range(3)]
    for done, row in enumerate(read_rows(run.metrics), start=1):
        wrong = 0
        for n, label in enumerate(labels):
            votes = [sum(int(p[n].argmax() == k) for p in ps[:done]) for k in range(4)]
            means = [float(np.mean([p[n, k] for p in ps[:done]])) for k in range(4)]
            wrong += max(range(4), key=lambda k, votes=votes, means=means: (votes[k], means[k])) != label  # type: ignore[misc]
        assert row["valid.error"] == pytest.approx(wrong / len(labels))
        assert row["member.error"] == (ps[done - 1].argmax(axis=1) != labels).mean()


def test_error_of_a_member_is_that_of_its_best_epoch(fitted_run):
    run = fitted_run("voters")
    for number, row in enumerate(read_rows(run.metrics)):
        best = read_record(member_run(run, number)).best
        assert best is not None
        assert row["member.error"] == best["valid.error"]


def test_committee_ends_with_the_members_that_were_best_together(own, command):
    """A member that was hardly trained, after one that was: the committee of both is worse than the first."""
    path = own("experiment: toy.yaml", "{experiment: toy.yaml, overrides: [optimizer.learning_rate=1e-9]}")
    assert command("train", path, "--run-dir", "run", "-q").code == 0
    rows, record = read_rows(run_of().metrics), read_record(run_of())
    assert record.best_epoch == min(rows, key=lambda row: row["valid.error"])["epoch"]
    trained = load_trained(run_of())
    assert trained.task.arrays()["members"].shape == (record.best_epoch, 32)


# What members are.


@pytest.mark.parametrize("number", [0, 1])
def test_member_is_the_run_that_its_experiment_would_be_by_itself(fitted_run, command, number, assert_same_result):
    run = fitted_run("committee")
    overrides = [["stopping.max_epochs.epochs=2"], ["stopping.max_epochs.epochs=3", "optimizer.learning_rate=0.4"]]
    alone = ("train", "toy.yaml", *overrides[number], f"seed={number}", "--run-dir", "alone", "-q")
    assert command(*alone).code == 0
    found, expected = (
        read(newest_first(folder.checkpoints)[0]) for folder in (member_run(run, number), run_of("alone"))
    )
    assert found.tensors.keys() == expected.tensors.keys()
    assert all(np.array_equal(found.tensors[name], array) for name, array in expected.tensors.items())
    assert member_run(run, number).metrics.read_bytes() == Path("alone/metrics.jsonl").read_bytes()


def test_members_are_verified_shown_and_measured_like_any_run(fitted_run, command):
    run = fitted_run("voters")
    member = member_run(run, 1).path
    for arguments in (("verify", member), ("show", member), ("tail", member), ("eval", member, "--split", "valid")):
        assert command(*arguments).code == 0
    assert command("inspect", "filters", member, "--out", "filters.png").code == 0


def test_members_prepare_images_by_themselves(own, command):
    path = own(
        "{experiment: toy.yaml, overrides: ['preprocess=[{type: whiten, dimensions: 20}]']}",
        "{experiment: toy.yaml, overrides: ['preprocess=[{type: shrink, shape: 4}]']}",
        "{experiment: toy.yaml, overrides: ['augment={shift_px: 1}']}",
    )
    assert command("train", path, "--run-dir", "run", "-q").code == 0
    run = run_of()
    trained = load_trained(run, "last")
    scores = np.concatenate([trained.task.scores(x) for x, _ in trained.batches("test")])
    mean = np.mean([asked(member_run(run, number), "test") for number in range(3)], axis=0)
    np.testing.assert_allclose(np.exp(scores), mean, rtol=1e-5)
    done = command("verify", "run")
    assert done.code == 0
    assert "members/001/preprocess/0-whiten.safetensors" in done.out


def test_images_stay_as_they_are_when_members_prepare_them(own, command):
    path = own("{experiment: toy.yaml, overrides: ['preprocess=[{type: binarize}]', stopping.max_epochs.epochs=1]}")
    assert command("train", path, "--run-dir", "run", "-q").code == 0
    trained = load_trained(run_of())
    x = np.random.default_rng(0).uniform(0, 1, (5, 8, 8)).astype("float32")
    x.setflags(write=False)
    assert np.isfinite(trained.task.scores(x)).all()


def test_member_may_pretrain_and_its_phases_are_verified(own, command):
    assert command("train", own("experiment: belief.yaml"), "--run-dir", "run", "-q").code == 0
    done = command("verify", "run")
    assert done.code == 0
    assert "members/001/pretrain/1-first/run.json" in done.out


def test_two_classes_by_one_output(own, command):
    of_two = "'data.labels={pair: [1, 3]}', loss.type=binary_nll, model.layers.output.units=1"
    path = own(f"{{experiment: toy.yaml, overrides: [{of_two}]}}", f"{{experiment: toy.yaml, overrides: [{of_two}]}}")
    assert command("train", path, "data.labels={pair: [1, 3]}", "--run-dir", "run", "-q").code == 0
    found = json.loads(command("eval", "run", "--json").out)
    assert len(found["confusion"]) == 2
    assert found["error"] < 0.3


def test_files_of_members_are_kept_as_sources(fitted_run):
    run = fitted_run("voters")
    assert sorted(path.name for path in run.source.iterdir()) == ["0-voters.yaml", "1-toy.yaml", "2-pairs.yaml"]


def test_run_needs_no_file_of_its_members(fitted_run, command):
    run = fitted_run("voters")
    for name in ("toy", "pairs", "voters"):
        Path(f"{name}.yaml").unlink()
    assert command("eval", run.path).code == 0
    assert command("refit", run.path, "-q").code == 0


def test_refit_refits_the_members_that_were_best(own, command):
    path = own("experiment: toy.yaml", "{experiment: toy.yaml, overrides: [optimizer.learning_rate=1e-9]}")
    assert command("train", path, "--run-dir", "run", "-q").code == 0
    best, epochs = read_record(run_of()).best_epoch, read_record(member_run(run_of(), 0)).best_epoch
    assert best == 1
    assert command("refit", "run", "-q").code == 0
    refit = run_of("runs/latest")
    assert len(read_rows(refit.metrics)) == 1
    rows = read_rows(member_run(refit, 0).metrics)
    assert len(rows) == epochs
    assert rows[-1]["examples"] == 360 * len(rows)


# What goes wrong.


def test_member_that_diverges_ends_the_committee_by_its_name(own, command):
    path = own("experiment: toy.yaml", "{experiment: toy.yaml, overrides: [optimizer.learning_rate=1e30]}")
    done = command("train", path, "--run-dir", "run", "-q")
    assert done.code == 6
    assert done.err.startswith("error: member 2: the training loss is no longer a finite number")
    assert [read_record(run).status for run in (run_of(), member_run(run_of(), 1))] == ["diverged"] * 2
    assert command("verify", "run").code == 0
    assert command("resume", "run", "-q").code == 6
    assert json.loads(command("eval", "run", "--split", "valid", "--json").out)["epoch"] == 1


@pytest.mark.parametrize(
    ("line", "inside"), [("experiment: toy.yaml", "members/001"), ("experiment: belief.yaml", "members/001/1-first")]
)
def test_interrupted_member_tells_of_the_committee_as_the_run_to_go_on_with(own, command, stop_after, line, inside):
    stop_after(5, signal.SIGTERM)
    done = command("train", own(line), "--run-dir", "run", "-q")
    assert done.code == 143
    assert done.err == (f"interrupted in {inside}, epoch 1 after update 5; saved. Go on with: mnistnn resume run\n")
    assert command("resume", "run", "-q").code == 0
    assert command("verify", "run").code == 0
