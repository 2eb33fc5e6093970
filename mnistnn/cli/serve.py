"""`mnistnn serve`."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mnistnn.cli.command import MnistnnCommand, settings
from mnistnn.cli.options import RUNS
from mnistnn.cli.terminal import printable

if TYPE_CHECKING:
    import socket

_TOKEN_BYTES = 32


@click.command(cls=MnistnnCommand)
@click.argument("references", nargs=-1, metavar="[RUN]...")
@RUNS
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="Listen on this port; 0 takes a free one.",
)
@click.option("--no-open", is_flag=True, help="Do not open the page in a browser.")
def serve(references: tuple[str, ...], runs: Path, port: int, no_open: bool) -> None:
    """Show runs, and what models compute, in a browser.

    The page lists the runs, draws their curves while they are trained, compares them, and answers digits that you draw,
    layer by layer. RUN is a path, the start of a run's id, the name of an experiment, which means its newest run, or
    'latest'; without any, all runs are listed. Nothing is changed by it, and only this machine can ask it: the address
    that is printed has a secret in it. Ctrl-C ends it.
    """
    from mnistnn.extras import require

    for module in ("starlette", "uvicorn", "jinja2"):
        require(module, "the page")
    from mnistnn.cli.found import found_run
    from mnistnn.sweep.processes import give_way
    from mnistnn.web.app import create_app
    from mnistnn.web.listing import Listing
    from mnistnn.web.serving import HOST, server_of

    listing = Listing(runs, [found_run(each, runs) for each in references])
    token, code = (secrets.token_urlsafe(_TOKEN_BYTES) for _ in range(2))
    listener = _listener(port)
    page = f"http://{HOST}:{listener.getsockname()[1]}/"
    if not settings().quiet:
        click.echo(f"the page is open to this machine until Ctrl-C ends it:\n{printable(page)}#token={token}")
    # Whoever else uses this machine can read how the browser was started.
    if not no_open and click.launch(f"{page}#code={code}") != 0 and not settings().quiet:
        click.echo("no browser could be started: open this address in one", err=True)
    give_way()
    server_of(create_app(listing, token, None if no_open else code)).run(sockets=[listener])


def _listener(port: int) -> socket.socket:
    """Return a socket that listens to this machine alone. Raises UsageError for a port that is taken."""
    import socket

    from mnistnn.errors import UsageError
    from mnistnn.web.serving import HOST

    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()  # so that a browser which is faster than the server waits for it
    except OSError as error:
        listener.close()
        raise UsageError(f"--port: {port} cannot be listened on ({error.strerror}); 0 takes a free one") from error
    return listener
