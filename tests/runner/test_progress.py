"""What is shown while training: plain lines, bars on a terminal, and the log in any case."""

import re
import sys
from types import ModuleType

import pytest

from mnistnn.config.load import load_experiment
from mnistnn.experiment.plan import Plan
from mnistnn.runner.progress import ProgressDisplay, epoch_line, short_epoch_line, standing


@pytest.fixture
def training(toy):
    """A training with two evaluations, the first one better."""
    t = Plan(load_experiment(toy)).training()
    for epoch, error in ((1, 0.25), (2, 0.5)):
        t.history.append(
            {"epoch": epoch, "updates": 10 * epoch, "train.loss": 1.5, "valid.loss": 1.25, "valid.error": error}
        )
        t.progress.epoch, t.progress.updates, t.progress.examples = epoch, 10 * epoch, 300 * epoch
    return t


@pytest.fixture
def logged():
    return []


def test_epoch_line_holds_metrics_speed_and_the_best(training):
    assert epoch_line(training, examples=300, seconds=0.5) == (
        "epoch    2  train.loss 1.5000  valid.loss 1.2500  valid.error 50.00 %  600 examples/s  best 25.00 % in epoch 1"
    )


def test_epoch_line_of_an_evaluation_inside_an_epoch_has_a_fraction(training):
    training.history[-1] = {**training.history[-1], "epoch": 1 + 1 / 3}
    assert epoch_line(training, 300, 0.5).startswith("epoch 1.33333  train.loss")


def test_epoch_line_of_the_best_epoch_says_so(training):
    del training.history[1:]
    assert epoch_line(training, 300, 0.5).endswith("  best")


def test_epoch_line_has_no_speed_when_no_time_passed(training):
    assert "examples/s" not in epoch_line(training, 300, 0.0)


def test_standing_names_the_update_that_will_end_the_run(toy):
    toy.write_text(toy.read_text() + "  - {type: lisa_patience, updates: 100}\n")
    assert standing(Plan(load_experiment(toy)).training()) == "stops at update 101 unless it improves"


def test_standing_does_not_hope_where_nothing_moves_the_end(toy):
    toy.write_text(toy.read_text() + "  - {type: max_updates, updates: 100}\n")
    assert standing(Plan(load_experiment(toy)).training()) == "stops at update 100"


def test_lines_go_to_stderr_and_to_the_log(training, logged, capsys):
    display = ProgressDisplay(logged.append, shown=True, bars=False)
    display.start(training, 10, 6)
    display.after_update(training)
    display.after_evaluation(training, 300, 0.5)
    display.message("finished")
    display.close()
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == logged
    assert [line.split()[0] for line in logged] == ["epoch", "finished"]


def test_quiet_display_keeps_the_log_only(training, logged, capsys):
    display = ProgressDisplay(logged.append, shown=False, bars=True)
    display.start(training, 10, 6)
    display.after_update(training)
    display.after_evaluation(training, 300, 0.5)
    display.close()
    assert capsys.readouterr() == ("", "")
    assert len(logged) == 1


def test_bars_stand_below_the_lines_on_a_terminal(training, logged, capsys):
    display = ProgressDisplay(logged.append, shown=True, bars=True)
    display.start(training, 10, 6)
    for _ in range(3):
        display.after_update(training)
    display.after_evaluation(training, 300, 0.5)
    display.close()
    display.close()
    err = capsys.readouterr().err
    assert re.search(r"epochs .*best 25\.00 % in epoch 1", err)
    assert re.search(r"epoch 3.*examples/s", err)
    assert err.count("epoch    2  train 1.5000  valid 1.2500  error 50.00 %  best 25.00 % in epoch 1") == 1
    assert "train.loss" in logged[0]


def test_lines_above_the_bars_of_a_notebook_are_whole(training, logged, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    display = ProgressDisplay(logged.append, shown=True, bars=True)
    display.after_evaluation(training, 300, 0.5)
    display.close()
    assert capsys.readouterr().err.splitlines() == logged
    assert len(logged[0]) > 80


def test_line_is_cut_to_the_terminal(training):
    whole = short_epoch_line(training, 200)
    assert short_epoch_line(training, 30) == whole[:29] + "…"


def test_bars_do_not_take_an_evaluation_inside_an_epoch_for_its_end(training, logged, capsys):
    training.progress.batch = 7
    display = ProgressDisplay(logged.append, shown=True, bars=True)
    display.start(training, 10, 6)
    display.after_evaluation(training, 300, 0.5)
    display.close()
    err = capsys.readouterr().err
    assert "3/6" not in err
    assert "epoch 4" not in err


def test_bars_of_a_resumed_run_start_where_it_stands(training, logged, capsys):
    training.progress.batch = 7
    display = ProgressDisplay(logged.append, shown=True, bars=True)
    display.start(training, 10, 6)
    display.close()
    err = capsys.readouterr().err
    assert "7/10" in err
    assert "2/6" in err


def test_control_characters_do_not_reach_the_terminal(logged, capsys):
    ProgressDisplay(logged.append, shown=True, bars=False).message("run a\x1b[31mb")
    assert capsys.readouterr().err == "run a\\x1b[31mb\n"


def test_long_update_gets_a_bar_that_says_how_far_it_is(training, logged, capsys, monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr("mnistnn.runner.progress.time.monotonic", lambda: float(next(clock)))
    display = ProgressDisplay(logged.append, shown=True, bars=True)
    display.start(training, 10, 6)
    display.inside_update("conjugate gradient", 3, 250)
    assert "conjugate gradient:   1%|" in capsys.readouterr().err
    display.inside_update("line search", 1, 20)
    err = capsys.readouterr().err
    assert "line search:   5%|" in err
    assert "1/20" in err
    display.after_update(training)
    assert display._inside is None
    display.inside_update("conjugate gradient", 4, 250)
    display.close()
    display.inside_update("conjugate gradient", 5, 250)
    assert logged == []


def test_short_update_and_a_display_without_bars_show_nothing_inside(training, logged, capsys, monkeypatch):
    monkeypatch.setattr("mnistnn.runner.progress.time.monotonic", lambda: 0.0)
    for bars in (False, True):
        display = ProgressDisplay(logged.append, shown=True, bars=bars)
        display.start(training, 10, 6)
        capsys.readouterr()
        display.inside_update("conjugate gradient", 3, 250)
        assert capsys.readouterr().err == ""
        display.close()


def test_line_of_a_method_says_how_many_passes_it_has_made(training):
    training.history[-1]["passes"] = 7.25
    assert "  valid.error 50.00 %  passes 7.25  600 examples/s" in epoch_line(training, 300, 0.5)


def test_runs_tell_their_display_what_long_updates_do(toy, start, monkeypatch):
    heard = []
    monkeypatch.setattr(ProgressDisplay, "inside_update", lambda self, *told: heard.append(told))
    start(toy, "optimizer={type: hessian_free}", "stopping.max_epochs.epochs=1", "loss={type: squared_error}")
    start(toy, "optimizer={type: levenberg_marquardt}", "stopping.max_epochs.epochs=1", path="other")
    assert {what for what, _, _ in heard} >= {"conjugate gradient", "Gauss-Newton matrix, examples", "damping"}
    assert all(0 <= done <= most for _, done, most in heard)
