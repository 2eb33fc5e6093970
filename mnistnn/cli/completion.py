"""`mnistnn completion`: the script that teaches a shell to complete mnistnn's commands and options."""

import os
from pathlib import PurePath

import click

from mnistnn.cli.command import MnistnnCommand

_INSTALL = {
    "bash": "mnistnn completion bash > ~/.local/share/bash-completion/completions/mnistnn",
    "zsh": "mnistnn completion zsh > ~/.zfunc/_mnistnn  (with fpath+=~/.zfunc before compinit in ~/.zshrc)",
    "fish": "mnistnn completion fish > ~/.config/fish/completions/mnistnn.fish",
}


@click.command(
    cls=MnistnnCommand,
    epilog="\b\nTo install, run once and open a new shell:\n" + "\n".join(f"  {line}" for line in _INSTALL.values()),
)
@click.argument("shell", type=click.Choice(list(_INSTALL)), required=False)
def completion(shell: str | None) -> None:
    """Print a shell completion script.

    Without SHELL, the one named by the environment variable SHELL is meant.
    """
    from click.shell_completion import get_completion_class

    from mnistnn.cli.shell import COMPLETION_VARIABLE, PROGRAM, root

    name = shell or PurePath(os.environ.get("SHELL", "")).name
    if name not in _INSTALL:
        raise click.UsageError(f"which shell? one of {', '.join(_INSTALL)}", click.get_current_context())
    complete = get_completion_class(name)
    if complete is None:
        raise AssertionError(f"click does not know the shell {name}")
    click.echo(complete(root, {}, PROGRAM, COMPLETION_VARIABLE).source())
    # After the script, because zsh wants its own first line to come first.
    click.echo(f"# To install: {_INSTALL[name]}")
