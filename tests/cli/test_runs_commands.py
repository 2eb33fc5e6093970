"""`mnistnn ls` and `mnistnn show`."""

import json
import re
from pathlib import Path

import pytest

from mnistnn.run import lock
from mnistnn.run.record import read_record

RUNS = Path("runs/toy")


@pytest.fixture
def runs(toy, start):
    """Four runs: finished, running (if its lock is held), torn; and an empty folder, which is none."""
    made = {name: start(toy, path=RUNS / name).run for name in ("finished", "running", "torn")}
    record = read_record(made["running"])
    record.status, record.exit_code, record.ended = "running", None, None
    record.write(made["running"])
    made["torn"].record.write_text('{"id": "torn')
    (RUNS / "empty").mkdir()
    return made


def test_listing_says_how_each_run_stands(runs, command):
    with lock.exclusive(runs["running"]):
        done = command("ls")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    headings = ["id", "name", "started", "status", "epochs", "best", "valid error", "changed"]
    assert re.split(r"  +", lines[0]) == headings
    found = [re.split(r"  +", line) for line in lines[1:]]
    assert [[each[0], each[1], each[3]] for each in found[:2]] == [
        ["finished", "toy", "finished"],
        ["running", "toy", "running"],
    ]
    assert found[2][:3] == ["torn", "toy", "unreadable"]
    assert "run.json" in found[2][-1]
    assert len(lines) == 4


def test_listing_of_finished_runs_leaves_out_all_others(runs, command):
    lines = command("ls", "--finished").out.splitlines()
    assert [line.split()[0] for line in lines] == ["id", "finished"]


def test_listing_has_test_errors_and_what_the_command_line_changed(toy, command):
    assert command("train", toy, "--run-dir", "runs/a", "optimizer.learning_rate=0.3", "--epochs", "1").code == 0
    assert command("eval", "runs/a").code == 0
    (listed,) = json.loads(command("ls", "--json").out)["runs"]
    assert listed["test_error"] == json.loads(command("eval", "runs/a", "--json").out)["error"]
    assert listed["overrides"] == ["optimizer.learning_rate=0.3", "stopping.max_epochs.epochs=1"]
    (_, line) = command("ls").out.splitlines()
    assert line.endswith("learning_rate=0.3 epochs=1")
    assert f"{100 * listed['test_error']:.2f}" in line


def test_dead_run_is_listed_as_resumable(runs, command):
    assert "dead (resumable)" in command("ls").out


def test_listing_as_json(runs, command):
    listed = json.loads(command("ls", "--json").out)
    assert listed["schema_version"] == 1
    assert [run["status"] for run in listed["runs"]] == ["finished", "dead (resumable)", "unreadable"]
    assert set(listed["runs"][0]) == {
        "id",
        "path",
        "name",
        "status",
        "started",
        "epochs",
        "best_epoch",
        "valid_error",
        "test_error",
        "overrides",
        "problem",
    }
    assert listed["runs"][0]["path"] == "runs/toy/finished"
    assert "run.json" in listed["runs"][2]["problem"]


def test_run_with_damaged_metrics_is_listed_as_unreadable_under_the_name_of_its_folder(runs, command):
    runs["finished"].metrics.write_text('{"epoch": 1}\nrubbish\n')
    listed = json.loads(command("ls", "--json").out)["runs"][0]
    assert (listed["status"], listed["name"], listed["epochs"], listed["started"]) == ("unreadable", "toy", None, None)
    assert "metrics.jsonl:2" in listed["problem"]


def test_listing_has_the_best_epoch(runs, command):
    listed, best = json.loads(command("ls", "--json").out)["runs"][0], read_record(runs["finished"]).best
    assert best is not None
    assert (listed["best_epoch"], listed["valid_error"]) == (best["epoch"], best["valid.error"])


def test_renamed_run_is_listed_under_the_name_by_which_it_can_be_found(runs, command):
    runs["finished"].path.rename(RUNS / "keep")
    assert json.loads(command("ls", "--json").out)["runs"][0]["id"] == "keep"


def test_listing_of_nothing_says_so(toy, command):
    assert (command("ls").out, command("ls").err) == ("", "no runs in runs\n")
    assert json.loads(command("ls", "--json").out) == {"schema_version": 1, "runs": []}


def test_listing_of_another_folder(runs, command):
    assert command("ls", "--runs", "elsewhere").err == "no runs in elsewhere\n"


def test_control_characters_in_a_run_do_not_reach_the_terminal(runs, command):
    runs["finished"].path.rename(RUNS / "a\x1b[31mb")
    assert "\x1b" not in command("ls").out
    assert "\x1b" not in command("show", "a").out


def test_show_prints_record_and_history(runs, command):
    done = command("show", "finished")
    assert done.code == 0
    assert "status       finished\n" in done.out
    assert "reason       max_epochs: 6 epochs are done\n" in done.out
    assert "checkpoints  step-0000000060.safetensors, step-0000000050.safetensors\n" in done.out
    assert "seed         0\ntest read    never\n" in done.out
    assert command("eval", "finished").code == 0
    assert "test read    once\n" in command("show", "finished").out
    assert json.loads(command("show", "finished", "--json").out)["test_readings"] == 1
    best = read_record(runs["finished"]).best_epoch
    rows = [line.split() for line in done.out.splitlines() if line[:9].strip().isdigit()]
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "5", "6"]
    assert [row[0] for row in rows if row[-1] == "best"] == [str(best)]


def test_show_of_a_run_whose_configuration_is_torn_leaves_its_seed_out(runs, command):
    (runs["finished"].path / "config.yaml").write_text("")
    done = command("show", "finished")
    assert (done.code, "seed" in done.out) == (0, False)


def test_show_of_a_long_history_keeps_the_last_rows_and_the_best(toy, start, command):
    best = start(toy, "optimizer.learning_rate=5.0", "stopping.max_epochs.epochs=40").best["epoch"]
    assert best <= 28, "the best epoch must be among those left out"
    out = command("show", "run").out
    assert "(27 earlier evaluations are in metrics.jsonl)" in out
    rows = [int(line.split()[0]) for line in out.splitlines() if line[:9].strip().isdigit()]
    assert rows == [best, *range(29, 41)]


def test_show_as_json_has_record_rows_and_evaluations(runs, command):
    command("eval", "finished", "--split", "valid")
    shown = json.loads(command("show", "finished", "--json").out)
    assert shown["schema_version"] == 1
    assert (shown["status"], shown["epochs"], len(shown["rows"])) == ("finished", 6, 6)
    assert [each["split"] for each in shown["evaluations"]] == ["valid"]


def test_show_lists_evaluations(runs, command):
    command("eval", "finished")
    assert "test error " in command("show", "finished").out.splitlines()[-1]


def test_show_passes_over_files_that_are_no_evaluations(runs, command):
    (runs["finished"].evaluations / "note.json").write_text('{"mine": 1}')
    assert command("show", "finished").code == 0


def test_show_of_a_dead_run_says_so(runs, command):
    assert "status       dead (resumable)\n" in command("show", "running").out


def test_show_of_a_run_that_was_never_evaluated(toy, command):
    command("train", toy, "--run-dir", "run", "--time-budget", "0", "-q")
    assert "no evaluations yet" in command("show", "run").out


def test_show_of_a_torn_record_is_refused(runs, command):
    done = command("show", "torn")
    assert done.code == 4
    assert "run.json: not readable as a run record" in done.err


def test_show_of_an_empty_folder_is_refused(runs, command):
    done = command("show", RUNS / "empty")
    assert (done.code, done.err) == (4, "error: runs/toy/empty is not a run directory: it has no run.json\n")


def test_show_of_an_unknown_run_is_refused(runs, command):
    assert command("show", "x" * 3000).code == 4


def test_test_error_of_a_model_that_was_trained_on_is_not_listed(toy, command):
    """What eval found belongs to an epoch that is not the best one any more."""
    assert command("train", toy, "--run-dir", "runs/a", "--epochs", "1").code == 0
    assert command("eval", "runs/a").code == 0
    assert command("resume", "runs/a", "--epochs", "5").code == 0
    (listed,) = json.loads(command("ls", "--json").out)["runs"]
    assert listed["best_epoch"] > 1
    assert listed["test_error"] is None
