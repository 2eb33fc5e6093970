"""The server around the app: where it listens, how many it serves at once, and how it ends."""

import uvicorn
from starlette.types import ASGIApp

HOST = "127.0.0.1"
"""This machine alone: there is no way to listen elsewhere."""

MOST_AT_ONCE = 100
"""Connections that are served; others are told to come again."""


def server_of(app: ASGIApp, port: int = 0) -> uvicorn.Server:
    """Return a server of the app. It ends within a second or so, whatever streams are open.

    port  to listen on where `run` is given no sockets; 0 takes any
    """
    config = uvicorn.Config(
        app,
        host=HOST,
        port=port,
        log_level="critical",
        access_log=False,
        limit_concurrency=MOST_AT_ONCE,
        timeout_graceful_shutdown=1,
        server_header=False,
    )
    return uvicorn.Server(config)
