"""The root of the command line: its table, its suggestions, and the options that work everywhere."""

from dataclasses import dataclass
from importlib.util import find_spec

import click
import pytest

from mnistnn import __version__
from mnistnn.cli import shell
from mnistnn.cli.command import MnistnnCommand, MnistnnGroup, settings

TABLE = {name: line for section in shell.COMMANDS.values() for name, line in section.items()}


@dataclass
class Ready:
    """A line of the table whose command is there already."""

    command: click.Command
    short_help: str = "For this test."

    def load(self):
        return self.command


@click.command(cls=MnistnnCommand)
@click.option("--epochs", type=int)
def probe(epochs):
    """Print the settings."""
    click.echo(f"quiet={settings().quiet} verbose={settings().verbose} epochs={epochs}")


@click.group(cls=MnistnnGroup)
def nest():
    """Hold verbs."""


@nest.command()
def second():
    """Print the settings too."""
    click.echo(f"quiet={settings().quiet} verbose={settings().verbose}")


@nest.command()
def first():
    """Do nothing."""


@pytest.fixture
def call(monkeypatch, capsys):
    """Run a command line over the commands of this file; return its exit code, stdout and stderr."""
    monkeypatch.setattr(shell, "COMMANDS", {"Test": {"probe": Ready(probe), "nest": Ready(nest)}})

    def run(*arguments):
        code = shell.run(arguments)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def test_help_lists_every_command_under_its_heading(capsys):
    assert shell.run(["--help"]) == 0
    listing = capsys.readouterr().out
    for heading, section in shell.COMMANDS.items():
        block = listing.partition(f"{heading}:\n")[2].partition("\n\n")[0]
        assert [line.split()[0] for line in block.splitlines()] == list(section)


def test_help_names_the_exit_codes(capsys):
    shell.run(["--help"])
    assert "75 out of time" in capsys.readouterr().out


@pytest.mark.parametrize("name", TABLE)
def test_short_help_equals_the_commands_own(name):
    line = TABLE[name]
    module = line.target.partition(":")[0]
    if find_spec(module) is None:
        pytest.skip(f"{module} is not written yet")
    assert line.load().get_short_help_str(limit=1000) == line.short_help


@pytest.mark.parametrize("name", TABLE)
def test_every_command_takes_the_options_that_work_everywhere(name):
    module = TABLE[name].target.partition(":")[0]
    if find_spec(module) is None:
        pytest.skip(f"{module} is not written yet")
    command = TABLE[name].load()
    commands = [command, *command.commands.values()] if isinstance(command, click.Group) else [command]
    for each in commands:
        options = [opt for param in each.get_params(click.Context(each)) for opt in param.opts]
        assert {"-q", "-v", "--traceback", "--version", "-h", "--help"} <= set(options)
        assert len(options) == len(set(options)), f"{each.name} declares an option that exists everywhere"


def test_group_lists_its_verbs_in_order_of_declaration(call):
    _, listing, _ = call("nest", "-h")
    assert listing.index("second") < listing.index("first")


def test_misspelt_command_is_answered_with_the_nearest(call):
    code, out, err = call("porbe")
    assert (code, out) == (2, "")
    assert err == "error: mnistnn has no command 'porbe', did you mean 'probe'?\ntry 'mnistnn --help'\n"


def test_misspelt_verb_of_a_group_is_answered_with_the_nearest(call):
    code, _, err = call("nest", "secnod")
    assert code == 2
    assert err.startswith("error: mnistnn nest has no command 'secnod', did you mean 'second'?")


def test_unknown_command_is_answered_with_all_there_are(call):
    assert "there are probe, nest" in call("zzz")[2]


def test_misspelt_option_is_answered_with_the_nearest(call):
    code, _, err = call("probe", "--epoch", "3")
    assert code == 2
    assert err == "error: there is no option '--epoch', did you mean '--epochs'?\ntry 'mnistnn probe --help'\n"


def test_wrong_value_is_a_usage_error(call):
    code, _, err = call("probe", "--epochs", "many")
    assert code == 2
    assert err.startswith("error: invalid value for '--epochs': 'many' is not a valid integer\n")


def test_no_command_shows_the_help_as_a_usage_error(call):
    code, out, err = call()
    assert (code, out) == (2, "")
    assert err.startswith("Usage: mnistnn")


@pytest.mark.parametrize(
    ("arguments", "quiet", "verbose"),
    [
        (["probe"], False, False),
        (["-q", "probe"], True, False),
        (["probe", "-q"], True, False),
        (["--verbose", "nest", "second"], False, True),
        (["nest", "-v", "second"], False, True),
        (["nest", "second", "--quiet"], True, False),
        (["-q", "probe", "-v"], False, True),
        (["probe", "-v", "-q"], True, False),
    ],
)
def test_quiet_and_verbose_work_before_and_after_the_verb(call, arguments, quiet, verbose):
    _, out, _ = call(*arguments)
    assert f"quiet={quiet} verbose={verbose}" in out


@pytest.mark.parametrize("verbs", [[], ["probe"], ["nest"], ["nest", "second"]])
def test_version_works_everywhere(call, verbs):
    assert call(*verbs, "--version") == (0, f"mnistnn {__version__}\n", "")


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("verbs", [[], ["probe"], ["nest"], ["nest", "second"]])
def test_help_works_everywhere(call, verbs, option):
    code, out, err = call(*verbs, option)
    assert (code, err) == (0, "")
    assert out.startswith(" ".join(["Usage: mnistnn", *verbs]))
    assert "Everywhere:" in out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("mnistnn ev", ["eval"]),
        ("mnistnn completion ", ["bash", "zsh", "fish"]),
        ("mnistnn inspect ", ["file", "summary", ""]),
        ("mnistnn inspect summ", ["summary", "summ"]),
        ("mnistnn inspect x.yaml ", [""]),
        ("mnistnn --ver", ["--version"]),
    ],
)
def test_completion_knows_commands_and_options(monkeypatch, capsysbinary, words, expected):
    monkeypatch.setenv(shell.COMPLETION_VARIABLE, "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    assert shell.run([]) == 0
    offered = [line.split(",")[1] for line in capsysbinary.readouterr().out.decode().splitlines()]
    assert set(expected) <= set(offered)
