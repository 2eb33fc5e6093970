"""The check of a release: what it refuses, and what it keeps from the commands that it runs."""

import os
import runpy
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CHECK = runpy.run_path(str(ROOT / ".ci" / "release_check.py"))
NotHeldError = CHECK["NotHeldError"]


@pytest.fixture
def sdist(tmp_path):
    """An archive with a package, and tests beside it."""
    root = tmp_path / "mnistnn-1.0"
    for name in ("mnistnn/__init__.py", "tests/kernels/test_a.py", "pyproject.toml"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    with tarfile.open(tmp_path / "mnistnn-1.0.tar.gz", "w:gz") as archive:
        archive.add(root, root.name)
    return tmp_path / "mnistnn-1.0.tar.gz"


def test_step_returns_what_was_printed_and_says_its_name_and_seconds(tmp_path, capsys):
    code = "import os; print(os.getcwd(), os.environ['GIVEN'])"
    said = CHECK["step"]("a step", [sys.executable, "-S", "-c", code], tmp_path, {"GIVEN": "too"})
    assert said == f"{tmp_path} too\n"
    assert capsys.readouterr().out.startswith("a step  ")


def test_step_that_fails_prints_its_last_words(tmp_path, capsys):
    with pytest.raises(NotHeldError, match="a step: exit code 3"):
        CHECK["step"]("a step", [sys.executable, "-S", "-c", "print('no luck'); raise SystemExit(3)"], tmp_path)
    assert capsys.readouterr().out == "no luck\n"


def test_steps_are_not_led_to_the_checkout(tmp_path, monkeypatch):
    for name in CHECK["MISLEADING"]:
        monkeypatch.setenv(name, str(ROOT))
    variables = CHECK["clean"](os.environ, {})
    assert not {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"} & set(variables)
    assert variables["PATH"] == os.environ["PATH"]


def test_large_wheel_is_refused(tmp_path):
    wheel = tmp_path / "large.whl"
    wheel.write_bytes(bytes(2_000_000))
    assert CHECK["size"](wheel) == 2_000_000
    wheel.write_bytes(bytes(2_000_001))
    with pytest.raises(NotHeldError, match="2000001 bytes, and 2000000 are allowed"):
        CHECK["size"](wheel)


def test_tests_are_unpacked_without_the_package(sdist, tmp_path):
    CHECK["unpack"](sdist, ("tests", "pyproject.toml"), tmp_path / "tested")
    files = {path.relative_to(tmp_path / "tested").as_posix() for path in (tmp_path / "tested").rglob("*.*")}
    assert files == {"tests/kernels/test_a.py", "pyproject.toml"}


def test_sdist_without_tests_is_refused(sdist, tmp_path):
    with pytest.raises(NotHeldError, match="the sdist has no experiments"):
        CHECK["unpack"](sdist, ("tests", "experiments"), tmp_path / "tested")


def test_command_of_another_version_is_refused(tmp_path):
    other = tmp_path / "mnistnn"
    other.write_text(f"#!{sys.executable} -S\nprint('mnistnn 0.0.1')\n")
    other.chmod(0o755)
    with pytest.raises(NotHeldError, match=r"says 'mnistnn 0\.0\.1', and the checkout is"):
        CHECK["use"]("other", other, tmp_path)


def test_failure_is_the_exit_code_and_the_last_line(monkeypatch, capsys):
    def fail(folder):
        raise NotHeldError("a step: exit code 3")

    monkeypatch.setitem(CHECK["main"].__globals__, "check", fail)
    assert CHECK["main"]() == 1
    assert capsys.readouterr().out == "failed: a step: exit code 3\n"


@pytest.mark.parametrize("path", [*CHECK["TESTS"], *CHECK["LEFT_OUT"]])
def test_tests_that_are_chosen_exist(path):
    assert (ROOT / path).exists()
