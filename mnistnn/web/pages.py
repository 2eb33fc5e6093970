"""The pages about runs: shells without anything in them, and the parts that they ask for with their token."""

from collections.abc import Callable
from typing import Any

import anyio.to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from mnistnn.analysis.comparison.config_differences import differing_keys, value_text
from mnistnn.analysis.comparison.run_groups import grouped
from mnistnn.analysis.report.page import GREY, charts_of, colours_of
from mnistnn.analysis.report.results import experiment_row, run_row
from mnistnn.errors import MnistnnError
from mnistnn.run.view import RunView
from mnistnn.web.brief import brief_of
from mnistnn.web.listing import Listing

_MOST_COMPARED = 50
_MOST_ROWS = 1000  # of a table of values


def _shell(name: str) -> Callable[[Request], Any]:
    async def page(request: Request) -> Response:
        templates: Jinja2Templates = request.app.state.templates
        return templates.TemplateResponse(request, name, {})

    return page


async def runs(request: Request) -> Response:
    """The table of all runs."""

    def look(listing: Listing) -> dict[str, Any]:
        return {"rows": list(listing.briefs().values())}

    return await _part(request, "part_runs.html", look)


async def run(request: Request) -> Response:
    """One run: how it stands, its curves and their values."""
    run_id = request.path_params["id"]
    return await _part(request, "part_run.html", lambda listing: _about(run_id, listing.find(run_id)))


async def latest(request: Request) -> Response:
    """The run that began last."""

    def look(listing: Listing) -> dict[str, Any]:
        run_id = next(iter(listing.briefs()), None)
        if run_id is None:
            raise LookupError
        return _about(run_id, listing.find(run_id))

    return await _part(request, "part_run.html", look)


async def compare(request: Request) -> Response:
    """Several runs: their results, their curves in one chart, and in what their experiments differ."""
    wanted = list(dict.fromkeys(each for each in request.query_params.get("runs", "").split(",") if each))

    def look(listing: Listing) -> dict[str, Any]:
        if not 1 <= len(wanted) <= _MOST_COMPARED:
            raise HTTPException(400, f"runs: 1 to {_MOST_COMPARED} ids, with commas between")
        views, problems = [], []
        for view in listing.find_all(wanted):
            try:
                _ = view.rows, view.config
            except MnistnnError as error:
                problems.append(str(error))
            else:
                if view.rows:
                    views.append(view)
                else:
                    problems.append(f"{view.run.path.name}: has no evaluation yet")
        groups = grouped(views)
        colours = colours_of(groups)
        configs = [group.runs[0].config for group in groups]
        return {
            "rows": [experiment_row(group, colour, []) for group, colour in zip(groups, colours, strict=True)],
            "charts": charts_of(groups, "epochs", colours) if groups else [],
            "differing": [(key, [*map(value_text, values)]) for key, values in differing_keys(configs)],
            "labels": [group.label for group in groups],
            "problems": problems,
        }

    return await _part(request, "part_compare.html", look)


routes = [
    Route("/", _shell("runs.html")),
    Route("/run/{id}", _shell("run.html")),
    Route("/latest", _shell("run.html")),
    Route("/compare", _shell("compare.html")),
    Route("/api/runs", runs),
    Route("/api/run/{id}/view", run),
    Route("/api/latest", latest),
    Route("/api/compare", compare),
]
"""They ask `app.state.listing`, and are drawn by `app.state.templates`."""


async def _part(request: Request, template: str, look: Callable[[Listing], dict[str, Any]]) -> Response:
    listing: Listing = request.app.state.listing
    templates: Jinja2Templates = request.app.state.templates
    try:
        found = await anyio.to_thread.run_sync(look, listing)
    except LookupError as error:
        raise HTTPException(404, "there is no such run here") from error
    return templates.TemplateResponse(request, template, {"grey": GREY, **found})


def _about(run_id: str, view: RunView) -> dict[str, Any]:
    found = {
        "row": brief_of(run_id, view),
        "charts": [],
        "columns": [],
        "values": [],
        "left_out": 0,
        "facts": {"reason": ""},
    }
    if view.problem is not None:
        return found
    groups = grouped([view])
    columns = list(dict.fromkeys(name for row in view.rows for name in row))
    shown = view.rows[-_MOST_ROWS:]
    return found | {
        "charts": charts_of(groups, "epochs", [0]),
        "columns": columns,
        "values": [[f"{row[name]:.6g}" if name in row else "" for name in columns] for row in shown],
        "left_out": len(view.rows) - len(shown),
        "facts": run_row(view),
    }
