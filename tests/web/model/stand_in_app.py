"""The least app in which the page of a model works: its routes, files and what they need of the frame."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.responses import FileResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

import mnistnn.web
from mnistnn.run.directory import RunDirectory
from mnistnn.run.view import RunView
from mnistnn.web.asking import Asking
from mnistnn.web.model_routes import routes

WEB = Path(mnistnn.web.__file__).parent
HERE = Path(__file__).parent / "stand_in"
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class FewRuns:
    """Runs by ids that were given to them."""

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self.paths = paths

    def find(self, run_id: str, /) -> RunView:
        return RunView(RunDirectory(self.paths[run_id]))


def with_policy(app: Any) -> Any:
    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        async def add(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", CSP.encode())]
            await send(message)

        await app(scope, receive, add)

    return wrapped


def stand_in_app(paths: Mapping[str, Path]) -> Any:
    """Return an app that serves runs by their ids."""

    def file(name: str) -> Any:
        async def serve(request: Any) -> FileResponse:
            return FileResponse(HERE / name)

        return serve

    app = Starlette(
        routes=[
            *routes,
            Route("/static/api.js", file("api.js")),
            Route("/static/base.css", file("base.css")),
            Mount("/static", StaticFiles(directory=WEB / "static")),
        ]
    )
    app.state.asking = Asking(FewRuns(paths))
    app.state.templates = Jinja2Templates(directory=[WEB / "templates", HERE])
    app.add_middleware(with_policy)
    return app
