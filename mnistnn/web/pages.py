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
from mnistnn.run.view import RunView
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
        return {"rows": [_row(run_id, view) for run_id, view in listing.views().items()]}

    return await part(request, "part_runs.html", look)


async def run(request: Request) -> Response:
    """One run: how it stands, its curves and their values."""
    run_id = request.path_params["id"]
    return await part(request, "part_run.html", lambda listing: _about(request, run_id, listing.find(run_id)))


async def latest(request: Request) -> Response:
    """The run that began last."""

    def look(listing: Listing) -> dict[str, Any]:
        run_id = next(iter(listing.ids()), None)
        if run_id is None:
            raise LookupError
        return _about(request, run_id, listing.find(run_id))

    return await part(request, "part_run.html", look)


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


def _row(run_id: str, view: RunView) -> dict[str, Any]:
    """Return what the table says of a run, whether its files can be read or not."""
    row: dict[str, Any] = {"id": run_id, "path": view.run.path.name, "standing": view.standing, "problem": view.problem}
    if view.problem is None:
        row |= {"name": view.record.name, "started": view.record.started[:16].replace("T", " "), "epochs": view.epochs}
        row["best"] = _best(view)
    return row


def _best(view: RunView) -> str:
    if view.best is None or view.record.monitor not in view.best:
        return ""
    value, metric = view.best[view.record.monitor], view.record.monitor
    return f"{metric} {100 * value:.2f} %" if metric.endswith("error") else f"{metric} {value:.4g}"


def _about(request: Request, run_id: str, view: RunView) -> dict[str, Any]:
    found = {
        "row": _row(run_id, view),
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
        "charts": charts_of(groups, "epochs", [0], chosen_metric(request, metrics_of([view])), is_log(request)),
        "metric": request.query_params.get("metric", ""),
        "metrics": metrics_of([view]),
        "scale": request.query_params.get("scale", ""),
        "columns": columns,
        "values": [[f"{row[name]:.6g}" if name in row else "" for name in columns] for row in shown],
        "left_out": len(view.rows) - len(shown),
        "facts": run_row(view),
    }
