"""The pages about runs: shells without anything in them, and the parts that they ask for with their token."""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.templating import Jinja2Templates

from mnistnn.analysis.comparison.curves import metrics_of
from mnistnn.analysis.comparison.run_groups import grouped
from mnistnn.analysis.report.page import charts_of
from mnistnn.analysis.report.results import run_row
from mnistnn.errors import MnistnnError
from mnistnn.experiment import members
from mnistnn.run.directory import RunDirectory, as_argument
from mnistnn.run.view import RunView
from mnistnn.storage.inside import folder_in
from mnistnn.web.brief import brief_of
from mnistnn.web.choices import chosen_metric, is_log
from mnistnn.web.listing import Listing
from mnistnn.web.parts import part

_MOST_ROWS = 1000  # of a table of values


def _shell(name: str) -> Callable[[Request], Any]:
    async def page(request: Request) -> Response:
        templates: Jinja2Templates = request.app.state.templates
        return templates.TemplateResponse(request, name, {})

    return page


async def runs(request: Request) -> Response:
    """The table of all runs."""

    def look(listing: Listing) -> dict[str, Any]:
        sweeps = [as_argument(folder) for folder in listing.sweeps()]
        return {"rows": list(listing.briefs().values()), "folder": listing.folder, "sweeps": sweeps}

    return await part(request, "part_runs.html", look)


async def run(request: Request) -> Response:
    """One run: how it stands, its curves and their values."""
    run_id = request.path_params["id"]
    return await part(request, "part_run.html", lambda listing: _about(request, run_id, listing.find(run_id)))


async def latest(request: Request) -> Response:
    """The run that began last."""

    def look(listing: Listing) -> dict[str, Any]:
        run_id = next(iter(listing.briefs()), None)
        if run_id is None:
            return {"folder": listing.folder}
        return _about(request, run_id, listing.find(run_id))

    return await part(request, "part_latest.html", look)


routes = [
    Route("/", _shell("runs.html")),
    Route("/run/{id}", _shell("run.html")),
    Route("/latest", _shell("run.html")),
    Route("/compare", _shell("compare.html")),
    Route("/api/runs", runs),
    Route("/api/run/{id}/view", run),
    Route("/api/latest", latest),
]
"""They ask `app.state.listing`, and are drawn by `app.state.templates`."""


def _about(request: Request, run_id: str, view: RunView) -> dict[str, Any]:
    """Return all about a run, as far as it can be read."""
    about: dict[str, Any] = {"row": brief_of(run_id, view), "facts": None, "charts": [], "parts": [], "problem": None}
    if view.problem is not None:
        return about
    try:
        groups, facts, config = grouped([view]), run_row(view), view.config
    except MnistnnError as error:
        return about | {"problem": str(error)}
    known = metrics_of([view])
    columns = list(dict.fromkeys(name for row in view.rows for name in row))
    shown = view.rows[-_MOST_ROWS:]
    return about | {
        "facts": facts,
        "unit": "epoch" if "optimizer" in config else "round",
        "lacks_rows": not view.rows and view.record.best_epoch is not None,
        "charts": charts_of(groups, "epochs", [0], chosen_metric(request, known), is_log(request)),
        "metric": request.query_params.get("metric", ""),
        "metrics": known,
        "scale": request.query_params.get("scale", ""),
        "columns": columns,
        "values": [[f"{row[name]:.6g}" if name in row else "" for name in columns] for row in shown],
        "left_out": len(view.rows) - len(shown),
        "parts": [brief_of("", inside) for inside in _runs_inside(view)],
    }


def _runs_inside(view: RunView) -> list[RunView]:
    """Return the runs of layers that learned before, and of members."""
    try:
        folder = folder_in(view.run.path, members.FOLDER)
        return [*view.phases, *(RunView(RunDirectory(path.parent)) for path in sorted(folder.glob("*/run.json")))]
    except MnistnnError:  # a folder that leads elsewhere
        return []
