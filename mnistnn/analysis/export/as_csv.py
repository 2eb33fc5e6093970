"""CSV: what was measured along training, a line for each evaluation, with the seconds spent training until then."""

import csv
import io
from collections import Counter

from mnistnn.analysis.comparison.curves import metrics_of
from mnistnn.analysis.comparison.run_groups import load_runs
from mnistnn.analysis.export.source import Product, Source
from mnistnn.errors import RunError
from mnistnn.run.directory import RunDirectory
from mnistnn.run.metrics import COUNTERS


def _has_anything(run: RunDirectory) -> bool:
    """Tell whether something was measured in a run, or tried to be written."""
    return run.metrics.exists() and run.metrics.stat().st_size > 0


def as_csv(source: Source) -> Product:
    """Return one table of all runs: run, epoch, updates, examples, the metrics, seconds.

    What a run does not have is empty. Runs are told apart by their ids, those that share one by their paths. A run
    without an evaluation is left out with a warning. Raises RunError if any of the runs cannot be read, or none has an
    evaluation.
    """
    views, unreadable = load_runs([str(each.run.path) for each in source.runs], source.runs[0].run.path.parent)
    blank = {str(each.run.path) for each in source.runs if not _has_anything(each.run)}
    if damaged := [each.problem for each in unreadable if each.reference not in blank]:
        raise RunError("; ".join(damaged))
    for lacking in unreadable:
        source.warn(f"warning: left out: {lacking.problem}")
    bearers = Counter(each.record.id for each in views)
    columns = ["run", *COUNTERS, *metrics_of(views), "seconds"]
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, columns, lineterminator="\n")
    table.writeheader()
    for each in views:
        name = each.record.id if bearers[each.record.id] == 1 else str(each.run.path)
        for number, row in enumerate(each.rows):
            seconds = "" if each.seconds is None else f"{each.seconds[number]:.6g}"
            table.writerow({"run": name, **row, "seconds": seconds})
    return Product(text.getvalue().encode("utf-8", errors="surrogateescape"))
