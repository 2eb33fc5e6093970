"""States of exercises that belong to a test alone, and folders with answers."""

import io
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from mnistnn.course.beginning import begin
from mnistnn.course.exercise import exercise


@pytest.fixture(autouse=True)
def states_of_its_own(tmp_path, monkeypatch) -> Path:
    path: Path = tmp_path / "states" / "course.json"
    monkeypatch.setenv("MNISTNN_COURSE", str(path))
    return path


@pytest.fixture
def begun(tmp_path) -> Callable[[str], Path]:
    """Begin an exercise, and return its folder."""

    def make(name: str) -> Path:
        folder: Path = tmp_path / name
        begin(exercise(name), folder)
        return folder

    return make


@pytest.fixture
def solved(begun) -> Callable[[str], Path]:
    """Begin an exercise, and put its solution into the folder."""

    def make(name: str) -> Path:
        folder: Path = begun(name)
        for file, text in exercise(name).solution.items():
            (folder / file).write_text(text)
        return folder

    return make


@pytest.fixture
def in_this_process(tmp_path, monkeypatch) -> None:
    """Let the programs of answers run here. A process for each would take most of the time of these tests."""
    monkeypatch.setenv("MNISTNN_TRUST", str(tmp_path / "trusted.json"))
    monkeypatch.setattr(sys, "path", [*sys.path])

    def run(command, *, input, **others):  # noqa: A002 # as subprocess calls it
        monkeypatch.setattr(sys, "stdin", io.StringIO(input))
        import_module(command[-1]).main()
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr("mnistnn.course.student_program.subprocess.run", run)
