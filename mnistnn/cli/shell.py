"""The root of the command line: the table of commands, and the call that runs one.

A command's module is imported when the command is used, not before: the help listing comes from the table
alone. So `mnistnn --help` costs what click costs, whatever the commands themselves need.
"""

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

import click
from click.shell_completion import CompletionItem

from mnistnn.cli.citation import print_citation
from mnistnn.cli.command import CommonGroup
from mnistnn.cli.failures import report
from mnistnn.cli.terminal import colour, prepare_streams

PROGRAM = "mnistnn"
COMPLETION_VARIABLE = "_MNISTNN_COMPLETE"


@dataclass(frozen=True)
class LazyCommand:
    """A command that is imported on use."""

    target: str
    """`module:attribute` of the click command."""
    short_help: str
    """The first line of the command's own help; a test keeps the two equal."""

    def load(self) -> click.Command:
        """Import the command. An ImportError here is a bug, or an installation that lost files."""
        module, attribute = self.target.split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


COMMANDS: dict[str, dict[str, LazyCommand]] = {
    "Training": {
        "train": LazyCommand("mnistnn.cli.train:train", "Train the experiment of a YAML file."),
        "resume": LazyCommand("mnistnn.cli.train:resume", "Go on with a run where it stopped."),
        "refit": LazyCommand("mnistnn.cli.train:refit", "Train a finished run anew, on all training digits."),
        "committee": LazyCommand("mnistnn.cli.committee:committee", "Let finished runs decide together."),
        "sweep": LazyCommand("mnistnn.cli.sweep:sweep", "Try many values, choose by validation."),
        "reproduce": LazyCommand("mnistnn.cli.reproduce:reproduce", "Run experiments and hold them to their claims."),
    },
    "Results": {
        "eval": LazyCommand("mnistnn.cli.eval.command:evaluate", "Measure a run on one split of the data."),
        "predict": LazyCommand("mnistnn.cli.predict:predict", "Classify your own pictures."),
        "sample": LazyCommand("mnistnn.cli.sample:sample", "Draw samples or reconstructions of a model."),
        "ls": LazyCommand("mnistnn.cli.runs:ls", "List runs."),
        "rm": LazyCommand("mnistnn.cli.rm:rm", "Remove runs, with all that is in their directories."),
        "show": LazyCommand("mnistnn.cli.runs:show", "Show one run."),
        "tail": LazyCommand("mnistnn.cli.tail:tail", "Show how a run goes, and follow it."),
        "plot": LazyCommand("mnistnn.cli.plot:plot", "Draw learning curves for a paper."),
        "compare": LazyCommand("mnistnn.cli.compare:compare", "Compare experiments, and test the differences."),
        "report": LazyCommand("mnistnn.cli.report:report", "Put runs on one HTML page."),
        "serve": LazyCommand("mnistnn.cli.serve:serve", "Show runs, and what models compute, in a browser."),
        "export": LazyCommand("mnistnn.cli.export:export", "Hand a result to other tools."),
        "diff": LazyCommand("mnistnn.cli.diff:diff", "Show in what two runs differ."),
        "verify": LazyCommand("mnistnn.cli.verify:verify", "Check that runs are whole and unaltered."),
        "inspect": LazyCommand("mnistnn.cli.inspect.group:inspect", "Look inside files and models."),
    },
    "Preparing": {
        "data": LazyCommand("mnistnn.cli.data:data", "List, fetch, add, generate, verify, show and remove data sets."),
        "whiten": LazyCommand("mnistnn.cli.whiten:whiten", "Fit and save a whitening transform."),
        "config": LazyCommand("mnistnn.cli.config:config", "Check, show and explain experiment files."),
        "trust": LazyCommand("mnistnn.cli.trust:trust", "Trust the code of a run, or of a file, on this machine."),
        "examples": LazyCommand("mnistnn.cli.examples:examples", "List the experiments that come with mnistnn."),
    },
    "The course": {
        "course": LazyCommand("mnistnn.cli.course:course", "List the chapters of the course, and what is done."),
        "exercise": LazyCommand(
            "mnistnn.cli.exercise:exercise", "Begin an exercise of the course, or check an answer."
        ),
    },
    "This machine": {
        "bench": LazyCommand("mnistnn.cli.bench:bench", "Time training beside PyTorch, JAX and scikit-learn."),
        "doctor": LazyCommand("mnistnn.cli.doctor:doctor", "Check that mnistnn can work on this machine."),
        "completion": LazyCommand("mnistnn.cli.completion:completion", "Print a shell completion script."),
    },
}


class _RootGroup(CommonGroup):
    """The commands of the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for section in COMMANDS.values() for name in section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        for section in COMMANDS.values():
            if cmd_name in section:
                return section[cmd_name].load()
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        widest = max(map(len, self.list_commands(ctx)))
        for heading, section in COMMANDS.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(widest), line.short_help) for name, line in section.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [
            CompletionItem(name, help=line.short_help)
            for section in COMMANDS.values()
            for name, line in section.items()
            if name.startswith(incomplete)
        ]


_SIGNALS = [name for name in ("SIGHUP", "SIGUSR1", "SIGBREAK") if hasattr(signal, name)]  # beside those named below
_BY_SIGNAL = f"{', '.join(str(128 + getattr(signal, name)) for name in _SIGNALS)} by {', '.join(_SIGNALS)}"


@click.group(
    cls=_RootGroup,
    epilog=f"""\b
Exit codes:
  0 done              5 disk, memory or device     9 a check failed
  1 a bug in mnistnn  6 diverged                  75 out of time, resumable
  2 usage or config   7 the run is busy          130 interrupted (Ctrl-C)
  3 data              8 a sweep member failed    143 terminated
  4 run directory or checkpoint                  {_BY_SIGNAL}""",
)
@click.option(
    "--cite",
    is_flag=True,
    is_eager=True,  # so that --version, which it goes with, does not end everything first
    expose_value=False,
    callback=print_citation,
    help="With --version: print how to cite it, as BibTeX.",
)
def root() -> None:
    """Train, evaluate and inspect neural networks on MNIST-like images, one YAML file per experiment."""


def run(arguments: Sequence[str]) -> int:
    """Run one command line, report what goes wrong on stderr, and return the exit code. SystemExit passes."""
    prepare_streams()
    try:
        code = _invoke(list(arguments))
        if sys.stdout is not None:
            sys.stdout.flush()  # a full disk or a closed pipe must fail here, not while the interpreter exits
    except (Exception, KeyboardInterrupt) as error:
        return report(error, show_traceback="--traceback" in arguments)
    return code


def _invoke(arguments: list[str]) -> int:
    """Complete, when the user's shell asks for that, or run the command."""
    if instruction := os.environ.get(COMPLETION_VARIABLE):
        from click.shell_completion import shell_complete

        return shell_complete(root, {}, PROGRAM, COMPLETION_VARIABLE, instruction)
    try:
        with root.make_context(PROGRAM, arguments, color=colour()) as context:
            root.invoke(context)
    except click.exceptions.Exit as leave:
        return leave.exit_code
    return 0
