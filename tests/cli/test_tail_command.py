"""`mnistnn tail`."""

import os
import re
import shutil

import pytest

from mnistnn.cli.history_table import fitting


@pytest.fixture
def terminal(monkeypatch):
    """Let stdout be a terminal of 100 columns and 40 lines, or of another size."""

    def arrange(columns=100, lines=40):
        monkeypatch.setattr("mnistnn.cli.tail._is_live", lambda: True)
        monkeypatch.setattr(shutil, "get_terminal_size", lambda: os.terminal_size((columns, lines)))

    arrange()
    return arrange


def screen_after(text):
    """Return the lines that a terminal shows in the end, and all states in between."""
    lines: list[str] = []
    states: list[list[str]] = []
    for piece in re.split(r"(\x1b\[\d+F\x1b\[J)", text):
        if found := re.fullmatch(r"\x1b\[(\d+)F\x1b\[J", piece):
            assert int(found[1]) == len(lines), "goes back to the line where the last frame began"
            lines = []
        else:
            assert "\x1b" not in piece
            lines = piece.splitlines()
            states.append(lines)
    return lines, states


def test_last_evaluations_and_a_curve_are_shown(toy, start, command):
    run = start(toy).run
    done = command("tail", "run", "--lines", "3")
    assert (done.code, done.err) == (0, "")
    head, table, curve = done.out.split("\n\n")
    assert head == "toy, run: finished\nmax_epochs: 6 epochs are done"
    assert table.splitlines()[0].split() == [
        "epoch",
        "updates",
        "train.loss",
        "valid.loss",
        "valid.error",
        "learning_rate",
        "theta.norm",
    ]
    assert [line.split()[0] for line in table.splitlines()[1:]] == ["4", "5", "6"]
    assert re.match(r"valid\.error in %   ● \d+\.\d\d at the best epoch, \d\n", curve)
    assert len(curve.splitlines()) == 11
    assert run.metrics.exists()


def test_curve_is_ascii_where_nothing_else_can_be_shown(toy, start, command, monkeypatch):
    start(toy)
    monkeypatch.setattr("mnistnn.cli.tail.can_show", lambda text: False)
    out = command("tail", "run").out
    assert out.isascii()
    assert "valid.error in %   o " in out


def test_other_metrics_can_be_drawn(toy, start, command):
    start(toy, "stopping.max_epochs.epochs=1")
    assert "\n\ntrain.loss   ● " in command("tail", "run", "--metric", "train.loss").out


def test_metric_that_the_run_does_not_have_gets_the_nearest_name(toy, start, command):
    start(toy, "stopping.max_epochs.epochs=1")
    for more in ([], ["-f"]):
        done = command("tail", "run", "--metric", "train.los", *more)
        assert done.code == 2
        assert "no run has the metric 'train.los', did you mean 'train.loss'?" in done.err


def test_run_without_an_evaluation_says_so(trainer, command):
    trainer.have(0)
    assert command("tail", "run").out == "toy, run: running, no evaluation yet\nends after epoch 6\n"


def test_dead_run_says_how_to_go_on(trainer, command):
    trainer.die()
    out = command("tail", "run").out
    assert out.startswith("toy, run: dead (resumable)\ngo on with: mnistnn resume run\n\n")


def test_followed_run_prints_each_row_once_where_there_is_no_terminal(trainer, meanwhile, command):
    def end():
        trainer.record("finished", "max_epochs: 6 epochs are done")
        trainer.die()

    meanwhile(lambda: trainer.have(2, torn=9), lambda: trainer.have(4), lambda: trainer.have(6), end)
    done = command("tail", "-f", "run", "--lines", "1")
    lines = done.out.splitlines()
    assert done.code == 0
    assert [line.split()[0] for line in lines] == ["epoch", "2", "3", "4", "5", "6"]
    assert done.err == "toy, run: finished\nmax_epochs: 6 epochs are done\n"


def test_row_is_marked_if_it_is_the_best_so_far(trainer, meanwhile, command):
    trainer.lines = [
        f'{{"epoch": {n}, "valid.error": {error}}}\n' for n, error in enumerate([0.4, 0.5, 0.3, 0.3], start=1)
    ]
    trainer.have(2)
    meanwhile(lambda: trainer.have(3), lambda: trainer.have(4), trainer.die)
    lines = command("tail", "-f", "run").out.splitlines()[1:]
    assert [line.endswith("  best") for line in lines] == [True, False, True, False]


def test_rows_after_a_resume_that_cut_the_file_back_are_printed_anew(trainer, meanwhile, command):
    meanwhile(lambda: trainer.have(4), lambda: trainer.have(1), lambda: trainer.have(3), trainer.die)
    done = command("tail", "--follow", "run", "-q")
    assert [line.split()[0] for line in done.out.splitlines()] == ["epoch", "1", "2", "3", "4", "2", "3"]
    assert done.err == "the run went back to epoch 1\n"


def test_run_that_begins_anew_is_followed_too(trainer, meanwhile, command):
    meanwhile(lambda: trainer.have(0), lambda: trainer.have(1), trainer.die)
    done = command("tail", "-f", "run", "-q")
    assert [line.split()[0] for line in done.out.splitlines()] == ["epoch", "1", "2", "1"]
    assert done.err == "the run went back to its beginning\n"


def test_terminal_is_drawn_anew_in_place(trainer, meanwhile, command, terminal):
    trainer.have(0)
    meanwhile(lambda: trainer.have(1), lambda: trainer.have(6), trainer.die)
    done = command("tail", "-f", "run")
    last, states = screen_after(done.out)
    assert [lines[0].partition(": ")[2].partition(" ago")[0] for lines in states] == [
        "running, no evaluation yet",
        "running, last evaluation 0 s",
        "running, last evaluation 0 s",
        "dead (resumable)",
    ]
    assert states[1][1] == "ends after epoch 6"
    assert [line.split()[0] for line in last[4:10]] == list("123456")
    assert len(last) == 22


@pytest.mark.parametrize(("columns", "lines"), [(200, 60), (80, 24), (60, 16), (40, 12), (20, 8), (10, 5)])
def test_frame_fits_the_terminal(trainer, meanwhile, command, terminal, columns, lines):
    terminal(columns, lines)
    trainer.have(6)
    meanwhile(trainer.die)
    shown, states = screen_after(command("tail", "-f", "run").out)
    assert len(states) == 2
    assert max(map(len, shown)) < columns
    assert len(shown) < lines or lines < 6
    assert any("valid.erro"[: columns - 1] in line for line in shown)


def test_columns_that_do_not_fit_are_left_out_but_not_the_figure():
    names = ["epoch", "updates", "train.loss", "valid.error"]
    assert fitting(names, 200, "valid.error") == names
    assert fitting(names, 39, "valid.error") == ["epoch", "updates", "valid.error"]
    assert fitting(names, 5, "valid.error") == ["valid.error"]
    assert fitting(names, 25, None) == ["epoch"]


def test_interrupt_ends_following_with_130(trainer, command, monkeypatch):
    def interrupt(seconds):
        raise KeyboardInterrupt

    monkeypatch.setattr("mnistnn.run.live.time.sleep", interrupt)
    done = command("tail", "-f", "run")
    assert (done.code, done.err) == (130, "interrupted\n")
    assert len(done.out.splitlines()) == 3


def test_control_characters_in_a_run_do_not_reach_the_terminal(trainer, command):
    record = trainer.run.record.read_text()
    trainer.lines[0] = trainer.lines[0].replace('"theta.norm"', '"\\u001b[31mnorm"')
    trainer.have(1)
    assert "\x1b" not in command("tail", "run").out
    assert "\x1b" not in command("show", "run").out
    assert trainer.run.record.read_text() == record


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["gone"], 4, "no run named 'gone'"),
        (["gone", "-f"], 4, "no run named 'gone'"),
        ([], 2, "missing argument 'RUN'"),
        (["run", "--lines", "0"], 2, "--lines"),
    ],
)
def test_what_cannot_be_shown_is_said(toy, command, arguments, code, message):
    done = command("tail", *arguments)
    assert (done.code, message in done.err) == (code, True)
