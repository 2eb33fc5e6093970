"""What works on a run of a classifier works on one of a model that was fitted, whichever it is."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mnistnn.analysis.evaluation.predictions import predictions_of
from mnistnn.backend.machine import usable_cores
from mnistnn.experiment.plan import Plan
from mnistnn.experiment.trained import load_trained
from mnistnn.run.checkpoint import newest_first, read
from mnistnn.run.directory import RunDirectory, all_runs
from mnistnn.run.metrics import read_rows
from mnistnn.run.record import read_record

SINGLE = {
    "pairs": "least_squares",
    "gaussians": "quadratic_discriminant",
    "neighbours": "knn",
    "machines": "svm",
    "stumps": "boosted_stumps",
}
"""Models that consist of no others, and their types."""
TYPES = {**SINGLE, "voters": "committee", "committee": "committee"}
KINDS = tuple(TYPES)
MEMBERS = {"voters": 3, "committee": 2}
ROUNDS = {"voters": 3, "committee": 2, "machines": 6, "stumps": 12}
"""Of those that have more than one."""
SIZES = {
    "pairs": 390,
    "gaussians": 16_644,
    "neighbours": 0,
    "machines": 6,
    "stumps": 144,
    "voters": 2_054,
    "committee": 1_664,
}
EXAMPLES = {"train": 300, "valid": 60, "test": 80}
HAS = {
    ("pairs", "filters"),
    ("gaussians", "filters"),
    ("neighbours", "neighbours"),
    ("machines", "support-vectors"),
    ("stumps", "stumps"),
}
"""What can be inspected of some only."""
each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(params=KINDS)
def run(request, fitted_run) -> RunDirectory:
    """A finished run of each kind, to be read or changed."""
    found: RunDirectory = fitted_run(request.param)
    return found


def succeeded(done) -> str:
    assert (done.code, done.err) == (0, ""), done.err
    return str(done.out)


# Training.


@each_kind
def test_dry_run_shows_rounds_and_runs_nothing(kind, voters, command):
    out = succeeded(command("train", voters.with_name(f"{kind}.yaml"), "--dry-run", "--run-dir", "run"))
    assert f"fitted, not trained by steps: {ROUNDS.get(kind, 1)} round(s), up to {usable_cores()} thread(s)" in out
    assert f"total{SIZES[kind]:,}" in "".join(out.split())
    assert ("member 1, toy: 832 parameters, per epoch: 10 updates of 32 examples" in out) == (kind in MEMBERS)
    assert out.endswith("dry run: nothing was run\n")
    assert not Path("run").exists()


@each_kind
def test_training_says_what_it_did_and_what_comes_next(kind, voters, command):
    done = command("train", voters.with_name(f"{kind}.yaml"), "--run-dir", "run")
    assert done.code == 0
    first, best, where, after = done.out.splitlines()
    assert first.startswith(f"{kind}: fitted: ")
    assert best.startswith("best epoch ")
    assert (where, after) == ("run: run", "next: mnistnn eval run")
    assert done.err.count("fitted: ") == (kind == "voters")  # of members


def test_rows_count_rounds(run):
    rows = [(row["epoch"], row["updates"], row["examples"]) for row in read_rows(run.metrics)]
    most = ROUNDS.get(read_record(run).name, 1)
    assert rows == [(n, n, 300 * n) for n in range(1, most + 1)]


def test_two_trainings_have_the_same_bits(run, voters, command, assert_same_result):
    name = read_record(run).name
    assert command("train", f"{name}.yaml", "--run-dir", "again", "-q").code == 0
    assert_same_result("again", run.path)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_kind
def test_training_error_is_measured_where_it_is_asked_for(kind, dtype, voters, command):
    path = voters.with_name(f"{kind}.yaml")
    assert (
        command("train", path, "evaluation.train_error=true", f"backend.dtype={dtype}", "--run-dir", "run", "-q").code
        == 0
    )
    last = read_rows(Path("run/metrics.jsonl"))[-1]
    found = json.loads(succeeded(command("eval", "run", "--split", "train", "--checkpoint", "last", "--json")))
    assert found["error"] == pytest.approx(last["train.error"])


@each_kind
def test_runs_without_validation_digits_keep_the_last_round(kind, voters, command):
    members = [f"model.members.{n}.overrides=[data.validation_examples=0, checkpoint.monitor=last]" for n in range(3)]
    overrides = ["data.validation_examples=0", "checkpoint.monitor=last", *members[: MEMBERS.get(kind, 0)]]
    assert command("train", voters.with_name(f"{kind}.yaml"), *overrides, "--run-dir", "run", "-q").code == 0
    rows = read_rows(Path("run/metrics.jsonl"))
    assert all(row.keys() == {"epoch", "updates", "examples"} for row in rows)
    assert json.loads(succeeded(command("eval", "run", "--json")))["epoch"] == len(rows)


def test_preprocessing_is_fitted_and_kept(pairs, command):
    whitened = "preprocess=[{type: whiten, dimensions: 20}]"
    assert command("train", pairs, whitened, "--run-dir", "run", "-q").code == 0
    assert load_trained(RunDirectory(Path("run"))).task.arrays()["W"].shape == (20, 6)
    assert command("verify", "run").code == 0


def test_inputs_that_are_not_finite_end_the_run_with_6(pairs, command, monkeypatch):
    read = Plan._read

    def with_nan(self):
        train, valid, on_disk = read(self)
        return replace(train, x=np.full_like(train.x, np.nan)), valid, on_disk

    monkeypatch.setattr(Plan, "_read", with_nan)
    done = command("train", pairs, "--run-dir", "run", "-q")
    assert (done.code, done.err) == (
        6,
        "error: least squares: the inputs are not all finite numbers, or too large to be squared\n",
    )
    assert read_record(RunDirectory(Path("run"))).status == "diverged"


@each_kind
def test_images_that_are_streamed_are_refused_by_its_name(kind, voters, command):
    overrides = [f"model.members.{n}.overrides=[data.stream_above_mb=0]" for n in range(MEMBERS.get(kind, 0))]
    path = voters.with_name(f"{kind}.yaml")
    done = command("train", path, "data.stream_above_mb=0", *overrides, "--run-dir", "run")
    assert done.code == 2
    why = f"a model of type {TYPES[kind]} is fitted to the whole split in memory, but that of toy"
    assert f"{path.name}:3:1: {why}" in done.err
    assert not Path("run").exists()


# Many runs.


def test_seeds_are_runs_one_after_the_other_and_at_a_time(voters, command):
    found = []
    for runs, workers in (("one", "1"), ("two", "2")):
        done = command(
            *("train", voters, "--seeds", "0..1", "--workers", workers, "--runs", runs, "backend.threads=1", "-q")
        )
        assert done.code == 0, done.err
        found.append({seed_of(run): newest_first(run.checkpoints)[0].read_bytes() for run in all_runs(Path(runs))})
    assert found[0] == found[1]
    assert sorted(found[0]) == [0, 1]


def seed_of(run: RunDirectory) -> int:
    (line,) = [line for line in run.config.read_text().splitlines() if line.startswith("seed: ")]
    return int(line.removeprefix("seed: "))


def test_sweep_tries_ridges_and_reads_the_test_split_of_the_chosen_one(pairs, command):
    done = command("sweep", "run", pairs, "model.ridge=0,0.1", "--study", "study", "-q")
    assert done.code == 0, done.err
    assert done.out.splitlines()[1].startswith("1      0.1 ")
    out = succeeded(command("sweep", "best", "study", "-q"))
    assert out.startswith("chosen by validation: point 1, model.ridge=0.1\n")
    assert "on 80 digits; read for this point alone" in out


def test_trial_of_a_committee_has_the_runs_of_its_members(committee, command):
    assert command("sweep", "run", committee, "model.combine=mean,vote", "--study", "study", "--prepare").code == 0
    first, _ = command("sweep", "emit", "study").out.splitlines()
    assert command(*first.split()[1:]).code == 0
    assert len([*Path("study").rglob("members/*/run.json")]) == 2


@each_kind
def test_reproduction_holds_the_error_to_its_band(kind, voters, command):
    folder = Path("experiments/group")
    folder.mkdir(parents=True)
    for name in ("toy", "pairs"):
        shutil.copy(voters.with_name(f"{name}.yaml"), folder)
    text = voters.with_name(f"{kind}.yaml").read_text()
    for band, code in (("[0.0, 0.9]", 0), ("[0.9, 1.0]", 9)):
        (folder / f"{kind}.yaml").write_text(f"{text}expect: {{test_error: {band}, source: chance}}\n")
        assert command("reproduce", folder / f"{kind}.yaml", "-q").code == code
        assert Path(f"experiments/results/{kind}.json").exists()


# Evaluations.


@pytest.mark.parametrize("split", EXAMPLES)
def test_every_split_is_measured(run, command, split):
    found = json.loads(succeeded(command("eval", "run", "--split", split, "--json")))
    assert (found["split"], found["examples"]) == (split, EXAMPLES[split])
    assert found["error"] == found["errors"] / EXAMPLES[split] < 0.5
    assert found["test_readings"] == (split == "test")
    shown = succeeded(command("eval", "run", "--split", split))
    assert f"error {100 * found['error']:.2f} %" in shown


def test_validation_is_measured_as_it_was_while_fitting(run, command):
    best = read_record(run).best
    assert best is not None
    found = json.loads(succeeded(command("eval", "run", "--split", "valid", "--json")))
    assert (found["error"], found["epoch"]) == (best["valid.error"], best["epoch"])
    assert found["loss"] == pytest.approx(best["valid.loss"], rel=1e-6)


@pytest.mark.parametrize(("band", "code"), [("[0.0, 0.9]", 0), ("[0.9, 1.0]", 9)])
@each_kind
def test_claim_is_held_against_the_run(kind, voters, command, band, code):
    path = voters.with_name(f"{kind}.yaml")
    assert command("train", path, f"expect.test_error={band}", "--run-dir", "run", "-q").code == 0
    assert command("eval", "run", "--expect").code == code


def test_options_of_other_kinds_are_refused_by_name(run, command):
    for option in (["--mc-samples", "3"], ["--ais"], ["--chains", "3"]):
        done = command("eval", "run", *option)
        assert (done.code, done.out) == (2, "")
        assert option[0] in done.err
    assert not any(run.evaluations.iterdir())


def test_each_round_can_be_asked(run, command):
    rows = read_rows(run.metrics)
    for path in newest_first(run.checkpoints):
        done = command("eval", "run", "--checkpoint", path, "--split", "valid", "--json")
        updates = int(path.stem[5:])
        if updates == 0:
            assert (done.code, done.err) == (4, f"error: {path}: nothing is fitted yet\n")
        else:
            assert json.loads(succeeded(done))["error"] == rows[updates - 1]["valid.error"]


def test_pictures_are_read(run, command):
    picture = np.full((50, 60), 255, np.uint8)
    picture[10:40, 20:30] = 0
    np.save("a.npy", picture)
    (image,) = json.loads(succeeded(command("predict", "run", "a.npy", "--json")))["images"]
    assert {each["class"] for each in image["classes"]} == {"0", "1", "2", "3"}
    has_probabilities = read_record(run).name in ("committee", "gaussians", "stumps")
    assert all(("probability" in each) == has_probabilities for each in image["classes"])
    shown = succeeded(command("predict", "run", "a.npy"))
    assert (", not probabilities\n" in shown) == (not has_probabilities)


def test_errors_and_confusion_are_inspected(run, command):
    out = succeeded(command("inspect", "errors", "run", "--split", "valid"))
    found = json.loads(succeeded(command("eval", "run", "--split", "valid", "--json")))
    assert f"{found['errors']} of 60 " in out
    assert "true\\pred" in succeeded(command("inspect", "confusion", "run", "--split", "valid"))


@pytest.mark.parametrize("what", ["filters", "activations", "dead-units", "neighbours", "support-vectors", "stumps"])
def test_parts_that_it_does_not_have_are_refused_by_name(run, command, what):
    name = read_record(run).name
    done = command("inspect", what, "run")
    if (name, what) in HAS:
        assert done.code == 0, done.err
    else:
        assert (done.code, done.out) == (2, "")
        assert f"its model, of type {TYPES[name]}, " in done.err


@pytest.mark.parametrize(("name", "kind"), TYPES.items())
def test_gradients_and_samples_are_refused_by_name(voters, fitted_run, command, name, kind):
    fitted_run(name)
    for arguments in (("inspect", "gradcheck", f"{name}.yaml"), ("sample", "run")):
        done = command(*arguments)
        assert (done.code, done.out) == (2, ""), done.err
        assert f"of type {kind}" in done.err


# Reading runs.


def test_run_is_shown_listed_and_told_of(run, command):
    record, rows = read_record(run), read_rows(run.metrics)
    assert succeeded(command("show", "run")).startswith("path         run\n")
    assert record.name in succeeded(command("ls", "--runs", "."))
    assert f"at the best epoch, {record.best_epoch}\n" in succeeded(command("tail", "run"))
    assert json.loads(succeeded(command("ls", "--runs", ".", "--json")))["runs"][0]["epochs"] == len(rows)


def test_runs_are_compared_with_trained_ones(run, start, command):
    start(Path("toy.yaml"), path="net")
    out = succeeded(command("compare", "run", "net"))
    assert "McNemar's test on the validation examples" in out
    assert f"{SIZES[read_record(run).name]:,}" in out
    assert json.loads(succeeded(command("compare", "run", "net", "--json")))["metric"] == "valid.error"


def test_page_and_metric_are_drawn(run, command):
    assert command("plot", "run", "--out", "curves.png").code == 0
    assert command("report", "run", "--out", "page.html").code == 0
    assert Path("curves.png").read_bytes().startswith(b"\x89PNG")
    assert read_record(run).name in Path("page.html").read_text()


DIFFERENT = {
    "pairs": ("model.ridge=0.1", "W"),
    "gaussians": ("model.ridge=0.1", "offset"),
    "neighbours": ("data.validation_examples=70", "references"),
    "machines": ("model.C=0.01", "coefficients"),
    "stumps": ("seed=3", "alpha"),
    "voters": ("seed=3", "members"),
    "committee": ("seed=3", "members"),
}
"""A change of each, and an array that is another one then."""


def test_run_differs_from_itself_in_nothing_and_from_another_in_its_arrays(run, command, start):
    assert "the same, bit for bit" in succeeded(command("diff", "run", "run"))
    name = read_record(run).name
    change, array = DIFFERENT[name]
    start(Path(f"{name}.yaml"), change, path="other")
    out = succeeded(command("diff", "run", "other"))
    assert "the same, bit for bit" not in out
    assert array in out


def test_files_of_a_run_are_identified(run, command):
    newest = newest_first(run.checkpoints)[0]
    (found,) = map(json.loads, succeeded(command("inspect", newest)).splitlines())
    assert found["kind"] == "checkpoint"
    assert found["about"]["epoch"] == read_rows(run.metrics)[-1]["epoch"]


# What goes on from runs.


def test_whole_run_is_verified(run, command):
    assert "problem" not in succeeded(command("verify", "run"))


def test_resume_of_a_finished_run_changes_no_result(run, command):
    def results() -> dict[Path, bytes]:
        kept = (".safetensors", ".jsonl", ".yaml")
        return {path: path.read_bytes() for path in run.path.rglob("*") if path.suffix in kept}

    before = results()
    assert command("resume", "run", "-q").code == 0
    assert results() == before
    assert command("verify", "run").code == 0


def test_refit_learns_from_all_digits(run, command):
    record = read_record(run)
    assert command("refit", "run", "-q").code == 0
    refit = next(each for each in all_runs(Path("runs")))
    assert read_record(refit).name == f"{record.name}-refit"
    rows = read_rows(refit.metrics)
    assert [row["examples"] for row in rows] == [360 * n for n in range(1, int(record.best_epoch or 0) + 1)]
    assert not any(key.startswith(("valid.", "member.")) for row in rows for key in row)
    out = succeeded(command("verify", refit.path))
    assert not [line for line in out.splitlines()[1:] if not line.startswith("ok ")]
    assert json.loads(succeeded(command("eval", refit.path, "--json")))["examples"] == 80


def test_refit_of_a_refit_is_refused(run, command):
    assert command("refit", "run", "-q").code == 0
    done = command("refit", "latest")
    assert (done.code, "without a validation split already" in done.err) == (2, True)


def test_predictions_of_a_checkpoint_are_those_of_its_arrays(run):
    """Loaded again, and from a folder of another name."""
    expected = predictions_of(load_trained(run), "valid").probabilities
    run.path.rename("moved")
    found = predictions_of(load_trained(RunDirectory(Path("moved"))), "valid").probabilities
    assert (expected is None) == (found is None)
    if expected is not None and found is not None:
        assert np.array_equal(found, expected)


def test_checkpoints_hold_the_arrays_once(run):
    tensors = read(newest_first(run.checkpoints)[0]).tensors
    _, array = DIFFERENT[read_record(run).name]
    assert array in tensors
    assert not {"theta", "best"} & tensors.keys()
