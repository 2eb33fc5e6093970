"""How exceptions become messages and exit codes."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from mnistnn import errors
from mnistnn.cli import shell
from mnistnn.cli.command import MnistnnCommand

ROOT = Path(__file__).parents[2]


@pytest.fixture
def fail(monkeypatch, capsys):
    """Run a command that raises `error`; return its exit code and stderr. Nothing may reach stdout."""

    class Line:
        short_help = "Fail."

        def __init__(self, error):
            self.error = error

        def load(self):
            @click.command(cls=MnistnnCommand)
            def command():
                raise self.error

            return command

    def run(error, *options):
        monkeypatch.setattr(shell, "COMMANDS", {"Test": {"fail": Line(error)}})
        code = shell.run(["fail", *options])
        captured = capsys.readouterr()
        assert captured.out == ""
        return code, captured.err

    return run


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("x"), 2),
        (errors.ConfigError("x"), 2),
        (errors.DataError("x"), 3),
        (errors.RunError("x"), 4),
        (errors.ResourceError("x"), 5),
        (errors.DivergedError("x"), 6),
        (errors.BusyError("x"), 7),
        (errors.CheckFailedError("x"), 9),
    ],
)
def test_expected_failure_ends_with_its_code_and_text(fail, error, code):
    assert fail(error) == (code, "error: x\n")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.TimeBudgetError("saved"), 75),
        (errors.InterruptedRunError("saved", 2), 130),
        (errors.InterruptedRunError("saved", 15), 143),
    ],
)
def test_requested_stop_is_not_called_an_error(fail, error, code):
    assert fail(error) == (code, "saved\n")


def test_rendered_messages_keep_their_lines_and_prefix(fail):
    text = "error: a.yaml:3:1: first\n   3 | b: c\nerror: second\n2 errors, nothing was run."
    assert fail(errors.ConfigError(text)) == (2, f"{text}\n")


def test_interrupt_ends_with_130(fail):
    assert fail(KeyboardInterrupt()) == (130, "interrupted\n")


def test_exhausted_memory_ends_with_5(fail):
    code, err = fail(MemoryError("Unable to allocate 7 GiB"))
    assert (code, err) == (5, "error: out of memory: Unable to allocate 7 GiB\n")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.EIO])
def test_refusal_of_the_machine_ends_with_5_and_names_the_file(fail, number):
    code, err = fail(OSError(number, os.strerror(number), "runs/a.json"))
    assert code == 5
    assert err.startswith("error: runs/a.json: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("error", [ValueError("shapes differ\nsecond line"), FileNotFoundError(2, "gone"), EOFError()])
def test_anything_else_is_called_a_bug_without_a_traceback(fail, error):
    code, err = fail(error)
    assert code == 1
    assert err.startswith(f"error: this is a bug in mnistnn: {type(error).__name__}")
    assert "--traceback" in err
    assert "Traceback" not in err
    assert len(err.splitlines()) == 2


@pytest.mark.parametrize("error", [ValueError("why"), errors.DataError("why"), KeyboardInterrupt("why")])
def test_traceback_option_shows_the_traceback_before_the_message(fail, error):
    _, err = fail(error, "--traceback")
    assert err.startswith("Traceback (most recent call last):")
    assert "raise self.error" in err


def test_traceback_option_is_obeyed_by_a_line_that_cannot_be_parsed(fail):
    code, err = fail(ValueError(), "--traceback", "--wrong")
    assert code == 2
    assert "Traceback" in err


@pytest.mark.parametrize("options", [[], ["--traceback"]])
def test_control_characters_never_reach_the_terminal(fail, options):
    _, err = fail(errors.DataError("a\x1b]0;title\x07b\r\u202ec\x9b"), *options)
    assert "a\\x1b]0;title\\x07b\\r\\u202ec\\x9b" in err


def _mnistnn(stdout):
    command = [sys.executable, "-m", "mnistnn", "--help"]
    return subprocess.run(command, cwd=ROOT, stdout=stdout, stderr=subprocess.PIPE, text=True)


def test_closed_pipe_ends_quietly():
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = _mnistnn(stdout=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_full_disk_under_stdout_ends_with_5():
    with Path("/dev/full").open("w") as full:
        done = _mnistnn(stdout=full)
    assert done.returncode == 5
    assert done.stderr == "error: No space left on device\n"


LONG = "x" * 100_000


@pytest.mark.parametrize(
    "arguments",
    [
        ("train", "toy.yaml", LONG),
        ("train", "toy.yaml", f"{LONG}=1"),
        ("train", "toy.yaml", f"optimizer.learning_rate={LONG}"),
        ("train", "toy.yaml", f"optimizer.type={LONG}"),
        ("train", "toy.yaml", "name=" + "x " * 50_000),
        ("train", "toy.yaml", f"--{LONG}"),
        ("train", "toy.yaml", "--seed", LONG),
        ("train", "toy.yaml", "--time-budget", LONG),
        ("train", "toy.yaml", "--run-dir", LONG),
        ("train", LONG),
        ("config", "check", LONG),
        ("show", LONG),
        ("report", LONG),
        ("sweep", "resume", LONG),
        (LONG,),
    ],
    ids=lambda arguments: " ".join(arguments)[:40],
)
def test_what_is_very_long_is_refused_and_not_echoed_whole(toy, command, arguments):
    done = command(*arguments)
    assert done.code in (2, 4, 5), done.err[:300]
    assert 10 < len(done.err) < 5000
    assert "bug" not in done.err


def test_path_that_is_long_but_possible_is_shown_whole(fail):
    path = "/".join(["folder" * 8] * 18)
    assert path in fail(errors.RunError(f"{path}: altered"))[1]
