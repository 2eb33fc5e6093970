"""What the reader of a page has chosen to see, as its address says."""

from collections.abc import Sequence

from starlette.requests import Request

_SCALES = {"log": True, "linear": False}


def chosen_metric(request: Request, known: Sequence[str]) -> str | None:
    """Return the metric that was chosen; None if none was, or one that none of the runs has."""
    metric = request.query_params.get("metric")
    return metric if metric in known else None


def is_log(request: Request) -> bool | None:
    """Return whether curves are wanted on a logarithmic scale; None where the values decide."""
    return _SCALES.get(request.query_params.get("scale", ""))
