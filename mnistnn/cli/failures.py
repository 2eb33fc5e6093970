"""The one place where an exception becomes a message on stderr and an exit code.

Expected failures say what happened in words made for the user. Anything else is a bug in mnistnn and says
so, in one line. A traceback appears only when `--traceback` asks for it.
"""

import errno
import os
import re
import signal
import sys
from contextlib import suppress

import click

from mnistnn.cli.terminal import colour, printable, shortened
from mnistnn.errors import InterruptedRunError, MnistnnError, ResourceError, TimeBudgetError, did_you_mean

# What the machine refuses, as opposed to what a program did wrong.
_RESOURCE_ERRNOS = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EMFILE,
        errno.ENFILE,
        errno.EIO,
        errno.ENOMEM,
        errno.ENAMETOOLONG,
    }
)
_BUG = 1
_USAGE = 2
_BROKEN_PIPE = 128 + int(getattr(signal, "SIGPIPE", 13))
_INTERRUPTED = 128 + signal.SIGINT
_LONGEST_REASON = 300


def report(error: BaseException, show_traceback: bool) -> int:
    """Say on stderr what went wrong and return the exit code of the process."""
    if isinstance(error, BrokenPipeError):
        _silence_stdout()
        return _BROKEN_PIPE
    message, code = _describe(error)
    with suppress(OSError):  # a closed or full stderr: the exit code still tells
        if show_traceback:
            from traceback import format_exception

            click.echo(printable("".join(format_exception(error))), nl=False, err=True)
        click.echo(_coloured(printable(message)), err=True, color=colour())
    _flush_or_silence()
    return code


def _describe(error: BaseException) -> tuple[str, int]:
    """Return what to say and the exit code."""
    match error:
        case TimeBudgetError() | InterruptedRunError():  # asked for, and saved: not an error
            return str(error), error.exit_code
        case MnistnnError():
            return _prefixed(shortened(str(error))), error.exit_code
        case click.exceptions.NoArgsIsHelpError():
            return error.format_message(), _USAGE
        case click.ClickException():
            return _usage_message(error), _USAGE
        case KeyboardInterrupt() | click.Abort():
            return "interrupted", _INTERRUPTED
        case MemoryError():
            detail = f": {error}" if str(error) else ""
            return f"error: out of memory{detail}", ResourceError.exit_code
        case OSError() if error.errno in _RESOURCE_ERRNOS:
            return _prefixed(shortened(_machine_refusal(error))), ResourceError.exit_code
        case _:
            return _bug_message(error), _BUG


def _prefixed(message: str) -> str:
    return message if message.startswith("error: ") else f"error: {message}"


def _machine_refusal(error: OSError) -> str:
    if isinstance(error.filename, str | os.PathLike):
        from pathlib import Path

        from mnistnn.storage.writing import resource_error

        return str(resource_error(Path(error.filename), error))
    return error.strerror or str(error)


def _usage_message(error: click.ClickException) -> str:
    """Return click's message in the form of all others, then where to read on."""
    if isinstance(error, click.NoSuchOption):
        message = f"there is no option '{error.option_name}'"
        message += _meant_option(error)
    else:
        message = error.format_message().rstrip(".")
        message = message[:1].lower() + message[1:]
        message += _meant_choice(error)
    context = error.ctx if isinstance(error, click.UsageError) else None
    hint = f"\ntry '{context.command_path} --help'" if context else ""
    return _prefixed(shortened(message)) + hint


_OPTIONS = {  # of other tools: what they are here
    "--lr --learning-rate --learning_rate": "optimizer.learning_rate=…",
    "--momentum": "optimizer.momentum=…",
    "--batch-size --batch_size --batch -b": "batches.size=…",
    "--optimizer --optim": "optimizer.type=…",
    "--loss": "loss.type=…",
    "--units --hidden": "model.layers.NAME.units=…",
    "--threads --num-threads --jobs -j": "backend.threads=…",
    "--dataset --data": "data.dataset=…",
    "--weight-decay": "penalties.l2.strength=…",
    "--dtype": "backend.dtype=…",
    "--gpu --cuda": "--device cuda",
    "--cpu": "--device cpu",
    "--num-epochs --n-epochs --max-epochs -e": "--epochs …",
    "--output --output-dir --out-dir --save-dir --save -o": "--run-dir …",
}
_OPTION_OF = {other: here for others, here in _OPTIONS.items() for other in others.split()}


def _meant_option(error: click.NoSuchOption) -> str:
    """Return what may have been meant by an option that there is not, if the command has that."""
    context, given = error.ctx, error.option_name
    here = _OPTION_OF.get(given, "")
    if context is not None and here:
        options = {name for each in context.command.params for name in each.opts}
        takes_values = any(each.metavar and "KEY=" in each.metavar for each in context.command.params)
        if here.split()[0] in options or ("=" in here and takes_values):
            return f", write {here}"
    return did_you_mean(given, error.possibilities or [], before=", ")


def _meant_choice(error: click.ClickException) -> str:
    """Return which of an option's words may have been meant by another one."""
    param = error.param if isinstance(error, click.BadParameter) else None
    given = re.match("'(.*)' is not one of", error.message)
    if param is None or not isinstance(param.type, click.Choice) or given is None:
        return ""
    from mnistnn.config.other_names import meant_word

    hint = meant_word(given[1], [str(choice) for choice in param.type.choices])
    return f"; {hint}" if hint else ""


def _bug_message(error: BaseException) -> str:
    reason = (str(error).strip().splitlines() or [""])[0][:_LONGEST_REASON]
    name = type(error).__name__
    from mnistnn.plugins.errors_of_code import place_in_code

    if (place := place_in_code(error)) is not None:
        return f"error: {place}: {name}{': ' if reason else ''}{reason}\n--traceback shows how it came to that"
    return (
        f"error: this is a bug in mnistnn: {name}{': ' if reason else ''}{reason}\n"
        "repeat the command with --traceback to see where, and report it with that output"
    )


def _coloured(message: str) -> str:
    return re.sub("^error:", click.style("error:", fg="red", bold=True), message, flags=re.MULTILINE)


def _flush_or_silence() -> None:
    """Write out what stdout still holds, so that the interpreter cannot fail on it while it shuts down."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        _silence_stdout()


def _silence_stdout() -> None:
    """Send what is still buffered for stdout to nowhere."""
    with suppress(OSError, ValueError):  # stdout without a descriptor, as in tests, needs nothing
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
