"""TensorBoard: one event file with metrics, weights, the first layer's filters, and the configuration.

Steps are updates. TensorBoard groups metrics by what stands before a slash, so train.loss is called train/loss. The
file is named by the run, so that a second export is the same file again; the usual writers would name it by this
machine and the hour. So the messages and the records of tensorboardX are used, and its writer of summaries is not.
TensorBoard itself, 27 MB, is needed to look at the file only.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mnistnn.analysis.comparison.curves import metrics_of
from mnistnn.analysis.comparison.run_groups import read_history
from mnistnn.analysis.export.source import Model, Product, Source, as_text, read_model
from mnistnn.analysis.inspection.filters import filters_of, sheet
from mnistnn.analysis.plots.contact_sheet import encode_png
from mnistnn.config.dump import resolved_yaml
from mnistnn.errors import UsageError
from mnistnn.run.view import RunView

FIRST, LAST = "events.out.tfevents.", ".mnistnn"
"""How the name of the file begins, by which TensorBoard knows it, and ends, by which we do."""

_BINS = 30


def as_tensorboard(source: Source) -> Product:
    """Return the event file. Metrics are of the whole training, weights those of the checkpoint."""
    from tensorboardX.proto.event_pb2 import Event

    model = read_model(source)
    view = read_history(model.view)
    started = datetime.fromisoformat(view.record.started).timestamp()
    messages = [Event(wall_time=started, file_version="brain.Event:2")]
    for wall_time, step, values in [*_figures(view, started), _of_model(model, started)]:
        event = Event(wall_time=wall_time, step=step)
        for value in values:
            event.summary.value.append(value)
        messages.append(event)
    return Product(_records(message.SerializeToString() for message in messages), name=f"{FIRST}{started:.0f}{LAST}")


def _records(contents: Iterable[bytes]) -> bytes:
    """Return a file of records. The writer of records knows paths only."""
    from tensorboardX import RecordWriter

    with TemporaryDirectory() as folder:
        path = Path(folder, "records")
        writer = RecordWriter(str(path))
        for content in contents:
            writer.write(content)
        writer.close()
        return path.read_bytes()


def _figures(view: RunView, started: float) -> Iterator[tuple[float, int, list[Any]]]:
    """Yield wall time, step and metrics of each evaluation; the time is that of the start where none was kept."""
    from tensorboardX.proto.summary_pb2 import Summary

    names = ["epoch", *metrics_of([view])]
    seconds = view.seconds or [0.0] * len(view.rows)
    for row, second in zip(view.rows, seconds, strict=True):
        values = [Summary.Value(tag=n.replace(".", "/"), simple_value=row[n]) for n in names if n in row]
        yield started + second, int(row["updates"]), values


def _of_model(model: Model, started: float) -> tuple[float, int, list[Any]]:
    """Return wall time, step and what there is to see of the model, at the evaluation that it was saved by."""
    view = model.view
    at = next((n for n, row in enumerate(view.rows) if row["epoch"] >= model.trained.epoch), -1)
    seconds = view.seconds or [0.0] * len(view.rows)
    about = "\n".join(f"{key}: {value}" for key, value in as_text(model.about()).items())
    config = resolved_yaml(view.config)
    values = [
        *(_histogram(f"parameters/{name.replace('.', '/')}", array) for name, array in model.arrays.items()),
        *_filters(model),
        _text("config", config),
        _text("about", about),
    ]
    return started + seconds[at], int(view.rows[at]["updates"]), values


def _histogram(tag: str, array: NDArray[np.floating]) -> Any:
    """Return how often numbers of an array lie in each of some equal intervals."""
    from tensorboardX.proto.summary_pb2 import HistogramProto, Summary

    numbers = array.astype(np.float64).reshape(-1)
    counts, edges = np.histogram(numbers, _BINS)
    histogram = HistogramProto(
        min=numbers.min(),
        max=numbers.max(),
        num=len(numbers),
        sum=numbers.sum(),
        sum_squares=(numbers**2).sum(),
        bucket_limit=edges[1:].tolist(),
        bucket=counts.tolist(),
    )
    return Summary.Value(tag=tag, histo=histogram)


def _filters(model: Model) -> list[Any]:
    """Return a picture of the weights into the first layer, if they can be drawn."""
    from tensorboardX.proto.summary_pb2 import Summary

    try:
        found = filters_of(model.trained)
    except UsageError:
        return []
    image = sheet(found.pictures)
    grey = Summary.Image(height=len(image), width=len(image[0]), colorspace=1, encoded_image_string=encode_png(image))
    return [Summary.Value(tag=f"filters/{found.parameter.replace('.', '/')}", image=grey)]


def _text(tag: str, text: str) -> Any:
    """Return a text that TensorBoard shows as it is: it takes texts for Markdown, and indented lines for code."""
    from tensorboardX.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboardX.proto.tensor_pb2 import TensorProto
    from tensorboardX.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboardX.proto.types_pb2 import DT_STRING

    indented = "\n".join(f"    {line}" for line in text.splitlines())
    tensor = TensorProto(
        dtype=DT_STRING,
        string_val=[indented.encode("utf-8", errors="backslashreplace")],
        tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)]),
    )
    plugin = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
    return Summary.Value(tag=f"{tag}/text_summary", metadata=plugin, tensor=tensor)
