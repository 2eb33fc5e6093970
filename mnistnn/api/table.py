"""How a run is shown in a shell and in a notebook."""

from html import escape

from mnistnn.config.messages import safe
from mnistnn.errors import MnistnnError
from mnistnn.run.metrics import COUNTERS, said_of_best
from mnistnn.run.view import RunView
from mnistnn.types import shown


def in_a_line(view: RunView) -> str:
    """Return a run as a line of text."""
    if view.problem is not None:
        return safe(f"<Run {view.run.path.name}: {view.standing}: {view.problem}>")
    record, best = view.record, view.best
    parts = [view.status, *filter(None, [record.reason]), *([said_of_best(best, record.monitor)] if best else [])]
    return safe(f"<Run {record.name} {record.id}: {', '.join(parts)}>")


def as_html(view: RunView) -> str:
    """Return a run as a table of HTML, in which all that its files say is escaped."""
    rows = "".join(f"<tr><th>{escape(key)}</th><td>{escape(text)}</td></tr>" for key, text in _cells(view))
    return f"<table>{rows}</table>"


def _cells(view: RunView) -> list[tuple[str, str]]:
    if view.problem is not None:
        return [("path", str(view.run.path)), ("status", view.standing), ("problem", view.problem)]
    record, best = view.record, view.best or {}
    cells = [("name", record.name), ("id", record.id), ("status", view.status), ("reason", record.reason or "")]
    if best:
        cells.append(("best epoch", f"{best['epoch']:.6g}"))
        cells += [(name, shown(name, value)) for name, value in best.items() if name not in COUNTERS]
    return [*cells, ("seconds", f"{record.seconds:.1f}"), ("parameters", _parameters(view))]


def _parameters(view: RunView) -> str:
    """Say how many parameters the model has, if that can be found out here."""
    from mnistnn.analysis.comparison.compare import parameters_of

    try:
        count = parameters_of(view)
    except MnistnnError:
        count = None
    return "" if count is None else f"{count:,}"
