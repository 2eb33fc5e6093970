"""The app: its routes, its files, and who may ask it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import jinja2
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates
from starlette.types import ASGIApp

from mnistnn.backend import threads
from mnistnn.web import comparing, model_routes, pages, stream
from mnistnn.web.asking import Asking
from mnistnn.web.guard import Guard
from mnistnn.web.listing import Listing


def create_app(listing: Listing, token: str, code: str | None = None) -> ASGIApp:
    """Return the app that shows these runs to whoever has the token, or is the first to have the code."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        # To bring BLAS to one thread takes a third of an answer's time: done once, and those of answers are nested.
        with threads.allowed(1):
            yield
        app.state.stream.close()

    static = StaticFiles(directory=Path(str(resources.files("mnistnn.web").joinpath("static"))))
    shared = [Route(f"/static/{name}", _file_of_the_report(name)) for name in ("report.css", "report.js")]
    app = Starlette(
        routes=[
            *pages.routes,
            *comparing.routes,
            *model_routes.routes,
            *stream.routes,
            *shared,
            Mount("/static", static),
        ],
        lifespan=lifespan,
    )
    app.state.listing, app.state.asking, app.state.stream = listing, Asking(listing), stream.Stream(listing)
    app.state.tests = comparing.Tests()
    app.state.templates = Jinja2Templates(env=_environment())
    return Guard(app, token, code)


def _file_of_the_report(name: str) -> Callable[[Request], Awaitable[Response]]:
    """Return what answers with a file that the report has inside of it: charts look and move alike in both."""
    path = str(resources.files("mnistnn.analysis.report").joinpath(name))

    async def answer(_: Request) -> Response:
        return FileResponse(path)

    return answer


def _environment() -> jinja2.Environment:
    """Return what draws pages: templates of this package, and the report's drawing of charts."""
    packages = [jinja2.PackageLoader("mnistnn.web"), jinja2.PackageLoader("mnistnn.analysis", "report")]
    return jinja2.Environment(
        loader=jinja2.ChoiceLoader(packages),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_encodable,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _encodable(value: Any) -> Any:
    """Return a text or path without halves of characters, as names of files may have them; other values as they are."""
    if isinstance(value, Path):
        value = str(value)
    if not isinstance(value, str) or value.isascii():
        return value
    return type(value)(value.encode("utf-8", "backslashreplace").decode())
