"""CSV: what was measured along training, a line for each evaluation, with the seconds spent training until then."""

import csv
import io
from collections import Counter

from mnistnn.analysis.comparison.curves import metrics_of
from mnistnn.analysis.comparison.run_groups import load_runs
from mnistnn.analysis.export.source import Product, Source
from mnistnn.errors import RunError
from mnistnn.run.metrics import COUNTERS


def as_csv(source: Source) -> Product:
    """Return one table of all runs: run, epoch, updates, examples, the metrics, seconds.

    What a run does not have is empty. Runs are told apart by their ids, those that share one by their paths. Raises
    RunError if any of the runs cannot be read.
    """
    views, unreadable = load_runs([str(each.run.path) for each in source.runs], source.runs[0].run.path.parent)
    if unreadable:
        raise RunError("; ".join(each.problem for each in unreadable))
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
