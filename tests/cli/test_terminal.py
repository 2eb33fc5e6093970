"""What may reach a terminal."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mnistnn.cli.terminal import colour, prepare_streams, printable

ROOT = Path(__file__).parents[2]


def test_printable_leaves_readable_text_alone():
    text = "784 → 500: µ = 0.5 ± 0.1\n\té 数"
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\x1b[2J", r"\x1b[2J"),
        ("a\rb", r"a\rb"),
        ("\u202e", r"\u202e"),
        ("\udcff", r"\udcff"),
        ("\x00", r"\x00"),
    ],
)
def test_printable_escapes_what_is_not_shown(text, expected):
    assert printable(text) == expected


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [("NO_COLOR", "1", False), ("NO_COLOR", "", None), ("TERM", "dumb", False), ("TERM", "xterm", None)],
)
def test_colour_follows_the_environment(monkeypatch, variable, value, expected):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(variable, value)
    assert colour() is expected


def _stderr_on_a_terminal(environment):
    """Run a wrong command line with a pseudo-terminal as stderr; return what reached it."""
    reader, writer = os.openpty()
    try:
        command = [sys.executable, "-m", "mnistnn", "trian"]
        subprocess.run(command, cwd=ROOT, stderr=writer, env={**os.environ, "TERM": "xterm", **environment})
        return os.read(reader, 10_000)
    finally:
        os.close(reader)
        os.close(writer)


def test_errors_are_coloured_on_a_terminal():
    assert b"\x1b[" in _stderr_on_a_terminal({"NO_COLOR": ""})


def test_no_color_is_honoured_on_a_terminal():
    assert b"\x1b[" not in _stderr_on_a_terminal({"NO_COLOR": "1"})


def test_console_that_takes_text_stays_the_stream_that_it_is(monkeypatch):
    class Console(io.RawIOBase):  # of Windows, whose class is not that of files
        def writable(self):
            return True

        def isatty(self):
            return True

    stream = io.TextIOWrapper(io.BufferedWriter(Console()), encoding="utf-8")
    monkeypatch.setattr(sys, "stdout", stream)
    prepare_streams()
    assert sys.stdout is stream
