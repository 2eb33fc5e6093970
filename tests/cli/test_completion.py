"""`mnistnn completion`."""

import pytest

from mnistnn.cli import shell


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completion_script_says_how_to_install_it(capsys, name):
    assert shell.run(["completion", name]) == 0
    script = capsys.readouterr().out
    assert shell.COMPLETION_VARIABLE in script
    assert script.splitlines()[-1].startswith(f"# To install: mnistnn completion {name} >")


def test_completion_takes_the_shell_from_the_environment(monkeypatch, capsys):
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert shell.run(["completion"]) == 0
    assert "function _mnistnn_completion" in capsys.readouterr().out


def test_completion_of_an_unknown_shell_is_a_usage_error(monkeypatch, capsys):
    monkeypatch.setenv("SHELL", "/bin/ksh")
    assert shell.run(["completion"]) == 2
    assert "bash, zsh, fish" in capsys.readouterr().err
