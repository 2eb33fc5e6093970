"""`mnistnn sweep`."""

import json
import re
import sys
from pathlib import Path

import pytest

from mnistnn.storage.sealed_json import seal_json


@pytest.fixture
def sweep(toy, command):
    """Run a sweep of two points, in this process's folder."""

    def run(*arguments):
        return command("sweep", "run", toy, "stopping.max_epochs.epochs=1", "--study", "study", *arguments)

    return run


def test_sweep_is_done_chosen_and_read_once(sweep, command):
    done = sweep("optimizer.learning_rate=0.001,0.2")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].split() == ["point", "optimizer.learning_rate", "valid.error", "trials"]
    assert lines[1].split()[:2] == ["1", "0.2"]
    assert lines[-1] == "next: mnistnn sweep best study"
    assert "trial 2 of 2  0001-seed0  optimizer.learning_rate=0.2  valid.error " in done.err
    done = command("sweep", "best", "study")
    assert done.code == 0
    assert done.out.startswith("chosen by validation: point 1, optimizer.learning_rate=0.2\nvalid.error ")
    assert "on 80 digits; read for this point alone" in done.out
    assert json.loads(command("sweep", "best", "study", "--json").out)["point"] == 1


def test_status_of_a_prepared_sweep_is_waiting(sweep, command):
    done = sweep("optimizer.learning_rate=0.001,0.2", "--seeds", "0..1", "--prepare")
    assert (done.code, done.out) == (0, "study\n")
    status = json.loads(command("sweep", "status", "study", "--json").out)
    assert [[each["state"] for each in point["trials"]] for point in status["points"]] == [["waiting"] * 2] * 2
    assert "2 waiting" in command("sweep", "status", "study").out


def test_emitted_lines_do_the_trials_one_by_one(sweep, command):
    sweep("optimizer.learning_rate=0.001,0.2", "--prepare")
    lines = command("sweep", "emit", "study").out.splitlines()
    assert lines == ["mnistnn sweep trial study 0000-seed0", "mnistnn sweep trial study 0001-seed0"]
    done = command(*lines[0].split()[1:])
    assert (done.code, done.out) == (0, "0000-seed0: finished\n")
    assert command("sweep", "emit", "study").out.splitlines() == lines[1:]


@pytest.mark.parametrize("name", ["x; touch executed #", "0000-seed0\nevil", "../../evil"])
def test_trial_of_another_name_is_refused_before_a_shell_sees_it(sweep, command, name):
    sweep("optimizer.learning_rate=0.001,0.2", "--prepare")
    path = Path("study/study.json")
    content = json.loads(path.read_text())
    del content["sha256"]
    content["trials"][0]["id"] = name
    path.write_bytes(seal_json(content))
    done = command("sweep", "emit", "study")
    assert (done.code, done.out) == (4, "")


def test_failed_member_gives_the_code_of_its_own(sweep, command):
    assert sweep("optimizer.learning_rate=0.1,0.2", "--prepare").code == 0
    config = Path("study/configs/0000-seed0.yaml")
    config.write_text(config.read_text().replace("units: 12", "units: 13"))
    done = command("sweep", "resume", "study")
    assert done.code == 8
    assert "0000-seed0  optimizer.learning_rate=0.1  failed: " in done.err
    assert "error: 1 of 2 trials failed; try them again with: mnistnn sweep resume study --retry-failed" in done.err
    assert command("sweep", "resume", "study").code == 8  # what failed is not done
    assert command("sweep", "resume", "study", "--retry-failed").code == 8


def test_sweep_of_which_nothing_can_be_chosen_is_no_success(sweep, command):
    done = sweep("optimizer.learning_rate=1e30,1e31")
    assert done.code == 8
    assert "no point can be chosen: of each a trial diverged or was pruned" in done.err


def test_points_chosen_by_tpe_are_done_and_shown(sweep, command):
    pytest.importorskip("optuna")
    values = ("optimizer.learning_rate=0.1..0.5", "--trials", "2", "--sampler", "tpe")
    dry = sweep(*values, "--dry-run")
    assert dry.code == 0
    assert dry.out.endswith("dry run: checked the ends of 2 points that tpe would choose, nothing was run\n")
    assert not Path("study").exists()
    assert sweep(*values, "--prepare").out == "study\n"
    refused = command("sweep", "emit", "study")
    assert refused.code == 2
    assert "its trials are not known beforehand, since tpe chooses each by those before" in refused.err
    done = command("sweep", "resume", "study")
    assert done.code == 0, done.err
    assert "trial 2 of 2  0001-seed0  optimizer.learning_rate=0." in done.err
    status = command("sweep", "status", "study")
    assert status.out.splitlines()[-1] == "sampler tpe, 2 of 2 points so far"
    shown = json.loads(command("sweep", "status", "study", "--json").out)
    assert (shown["sampler"], shown["expected_trials"], len(shown["points"])) == ("tpe", 2, 2)
    assert command("sweep", "best", "study").code == 0


def test_pruned_trials_are_shown_with_the_reason(toy, command):
    pytest.importorskip("optuna")
    rates = "0.2,0.21,0.22,0.23,0.24,0.0001"
    done = command("sweep", "run", toy, f"optimizer.learning_rate={rates}", "--prune", "--study", "study")
    assert done.code == 0, done.err
    assert "trial 6 of 6  0005-seed0  optimizer.learning_rate=0.0001  pruned: after epoch 3 valid.error" in done.err
    lines = command("sweep", "status", "study").out.splitlines()
    assert lines[6].split() == ["5", "0.0001", "1", "pruned"]
    assert lines[7].startswith("0005-seed0: after epoch 3 valid.error")
    assert lines[-1] == "sampler grid, unpromising trials are pruned"
    assert command("sweep", "best", "study").code == 0


@pytest.mark.parametrize("option", [("--prune",), ("--sampler", "tpe", "--trials", "2")])
def test_missing_library_is_said_before_anything_is_made(sweep, monkeypatch, option):
    monkeypatch.setitem(sys.modules, "optuna", None)
    done = sweep("optimizer.learning_rate=0.1..0.5" if "tpe" in option else "batches.size=8,16", *option)
    assert (done.code, "pip install 'mnistnn[sweep]'" in done.err) == (5, True)
    assert not Path("study").exists()


def test_dry_run_shows_the_trials_and_makes_nothing(sweep):
    done = sweep("optimizer.learning_rate=0.1..0.5", "--trials", "3", "--dry-run")
    assert done.code == 0
    assert len(done.out.splitlines()) == 4
    assert done.out.endswith("dry run: 3 trials, nothing was run\n")
    assert not Path("study").exists()


def test_sweep_gets_a_folder_among_the_runs(toy, command):
    done = command("sweep", "run", toy, "batches.size=16,32", "--epochs", "1", "--prepare")
    (study,) = Path("runs/toy").iterdir()
    assert done.out == f"{study}\n"
    assert study.name.endswith("-sweep")


def test_report_of_a_sweep_shows_its_trials(sweep, command):
    pytest.importorskip("jinja2")
    pytest.importorskip("PIL")
    sweep("optimizer.learning_rate=0.001,0.2")
    assert command("sweep", "report", "study", "--out", "r.html").code == 0
    page = Path("r.html").read_text()
    assert "<title>toy, sweep study</title>" in page
    assert '<th>rank</th><th title="optimizer.learning_rate">learning_rate</th>' in page
    rows = re.findall(r'<tr><th scope="row">.*?</th><td data-heading="learning_rate"><bdi>(.*?)</bdi>', page)
    assert rows == ["0.2", "0.001"]  # the best one first


def test_report_of_a_large_sweep_has_colours_for_the_best_and_grey_for_others(sweep, command):
    pytest.importorskip("jinja2")
    pytest.importorskip("PIL")
    rates = [f"{0.02 * n:.2f}" for n in range(1, 10)]
    sweep(f"optimizer.learning_rate={','.join(rates)}", "-q")
    assert command("sweep", "report", "study", "--out", "r.html").code == 0
    page = Path("r.html").read_text()
    swatches = re.findall(r'<tr><th scope="row"><svg class="swatch".*?fill(\d)"', page)
    assert swatches[:9] == ["0", "1", "2", "3", "4", "5", "6", "7", "7"]
    legend = re.search(r'<ul class="legend">(.*?)</ul>', page, re.DOTALL)
    assert legend is not None
    assert legend[1].count('data-curve="others') == 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["run", "toy.yaml", "optimizer.learning_rate=0.1,-1"], 2, "member 1 (optimizer.learning_rate=-1)"),
        (["run", "toy.yaml", "seed=1,2"], 2, "--seeds"),
        (["run", "toy.yaml", "batches.size=1..9"], 2, "--trials 20"),
        (["run", "toy.yaml", "batches.size=1..9", "--sampler", "tpe"], 2, "--sampler tpe needs the number of points"),
        (["run", "toy.yaml", "batches.size=1..9", "--sampler", "random"], 2, "--trials 20"),
        (["run", "toy.yaml", "batches.size=1,9", "--trials", "2", "--sampler", "grid"], 2, "goes without --trials"),
        (["run", "toy.yaml", "--workers", "0"], 2, "--workers"),
        (["run", "gone.yaml"], 2, "gone.yaml"),
        (["status", "gone"], 4, "gone: not a sweep: it has no study.json"),
        (["best", "gone"], 4, "not a sweep"),
        (["trial", "gone", "0000-seed0"], 4, "not a sweep"),
    ],
)
def test_what_cannot_be_done_is_said(toy, command, arguments, code, message):
    done = command("sweep", *arguments)
    assert (done.code, message in done.err) == (code, True), done.err
    assert not Path("runs").exists()


def test_unknown_trial_is_refused(sweep, command):
    sweep("batches.size=16,32", "--prepare")
    done = command("sweep", "trial", "study", "0009-seed0")
    assert (done.code, done.err) == (4, "error: study: has no trial '0009-seed0'\n")
