"""The models that the page asks: one for each run and checkpoint, loaded once, and asked by one at a time."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mnistnn.analysis.evaluation.own_pictures import FittedPicture, fitted
from mnistnn.analysis.evaluation.predictions import images_at
from mnistnn.data.pictures.read import Picture
from mnistnn.data.splits import Split
from mnistnn.errors import RunError, UsageError
from mnistnn.experiment.trained import Trained, load_trained
from mnistnn.run.checkpoint import best_path, updates_of
from mnistnn.run.directory import RunDirectory
from mnistnn.run.view import RunView
from mnistnn.types import SplitName

SIDE_PX = 140
"""Height and width of a drawing as it is sent, half of the sheet's: five times those of an image of MNIST. With 280,
the server computes twice as long, most of it to find the ink."""

_MOST_MODELS = 6  # in memory at once
_SPLITS: tuple[SplitName, ...] = ("train", "valid")  # the test split is sealed, also here
# A run in training keeps its cores; no result depends on how many threads there are.
_OVERRIDES = ("backend.threads=1",)


class Listing(Protocol):
    """Finds the runs that the page lists."""

    def find(self, run_id: str, /) -> RunView:
        """Return a run by its id. Raises LookupError."""
        ...


@dataclass(eq=False)
class Asked:
    """A loaded model, which one request at a time may ask: layers lend their buffers until the next call.

    stamp   what the checkpoints were like when it was loaded
    latest  the last drawing, and the image that it became: of one drawing much is asked, such as what feeds a unit
    """

    trained: Trained
    run: RunDirectory
    stamp: tuple[object, ...]
    lock: threading.Lock = field(default_factory=threading.Lock)
    splits: dict[SplitName, Split] = field(default_factory=dict)
    latest: tuple[bytes, "Shown"] | None = None

    def split(self, name: str) -> Split:
        """Return a split with its images and labels. Raises UsageError for the test split, which is sealed, and for one
        without examples or images.
        """
        if name not in _SPLITS:
            raise UsageError(f"digits are taken from {' and '.join(_SPLITS)}: the test split is sealed; got {name!r}")
        at: SplitName = "train" if name == "train" else "valid"
        if at not in self.splits:
            if not self.trained.plan.examples[at]:
                raise UsageError(f"the run was trained without {at} examples")
            self.splits[at] = self.trained.plan.source.images(at)
        return self.splits[at]


@dataclass(frozen=True, eq=False)
class Shown:
    """An image that a model is asked about: of a drawing, or of the data set.

    image    (h, w), uint8, as the model's data set has them
    drawing  the drawing, and how it became the image; None for a digit of the data set
    label    the class of a digit of the data set; place, its number in its split
    """

    image: NDArray[np.uint8]
    drawing: FittedPicture | None = None
    label: int | None = None
    place: int | None = None


class Asking:
    """Loads models as they are asked for, and keeps the latest few."""

    def __init__(self, listing: Listing) -> None:
        self._listing, self._lock = listing, threading.Lock()
        self._models: OrderedDict[tuple[str, str], Asked] = OrderedDict()

    def checkpoints(self, run_id: str) -> list[str]:
        """Return the names of a run's kept checkpoints, the first one first. Raises LookupError."""
        return [path.name for path in reversed(RunView(self._listing.find(run_id).run).checkpoints)]

    @contextmanager
    def asked(self, run_id: str, checkpoint: str = "best") -> Iterator[Asked]:
        """Lend a run's model with the parameters of a checkpoint: best, last, or the name of a file that it keeps.

        Raises LookupError for a run that is not listed, RunError for a checkpoint that there is not, LackingCodeError
        for code that is not trusted here, which is then not executed.
        """
        model = self._loaded(run_id, checkpoint)
        with model.lock:
            yield model

    def _loaded(self, run_id: str, checkpoint: str) -> Asked:
        key = run_id, checkpoint
        with self._lock:
            model = self._models.get(key)
            # Of what is loaded only the checkpoints are looked at, and of no other run anything.
            if model and model.run.path.exists() and model.stamp == _stamp(RunView(model.run), checkpoint):
                self._models.move_to_end(key)
                return model
            view = RunView(self._listing.find(run_id).run)  # as it stands now
            kept, stamp = view.checkpoints, _stamp(view, checkpoint)
            which = checkpoint
            if checkpoint not in ("best", "last"):
                path = next((path for path in kept if path.name == checkpoint), None)
                if path is None:
                    raise RunError(f"{view.run.path}: there is no checkpoint {checkpoint!r}, or it is gone by now")
                which = str(path)
            # Loading is rare and takes memory: one at a time.
            model = Asked(load_trained(view.run, which, _OVERRIDES), view.run, stamp)
            self._models[key] = model
            self._models.move_to_end(key)
            while len(self._models) > _MOST_MODELS:
                self._models.popitem(last=False)
            return model


def shown_drawing(asked: Asked, grey: bytes) -> Shown:
    """Return a drawing of SIDE_PX² bytes, 0 for paper and 255 for ink, as the model is given it: by the steps that
    `mnistnn predict` takes with the same picture in a file, dark on white. Raises UsageError, DataError.
    """
    if len(grey) != SIDE_PX**2:
        raise UsageError(f"a drawing has {SIDE_PX}×{SIDE_PX} bytes, {SIDE_PX**2:,} in all; got {len(grey):,}")
    if asked.latest is not None and asked.latest[0] == grey:
        return asked.latest[1]
    ink = np.frombuffer(grey, np.uint8).reshape(SIDE_PX, SIDE_PX)
    brightness = (255 - ink).astype(np.float32) / 255  # as a file is read
    picture = Picture(brightness.astype(np.float64), (SIDE_PX, SIDE_PX))
    drawing = fitted(asked.trained, Path("the drawing"), picture)
    shown = Shown(drawing.image, drawing)
    asked.latest = grey, shown
    return shown


def shown_digit(asked: Asked, split: str, place: int) -> Shown:
    """Return an image of the training or validation split by its number. Raises UsageError."""
    labels = asked.split(split).labels
    if not 0 <= place < len(labels):
        raise UsageError(f"the {split} split has the digits 0 to {len(labels) - 1:,}, but not {place:,}")
    (image,) = images_at(asked.trained, "train" if split == "train" else "valid", np.array([place]))
    return Shown(image, None, int(labels[place]), place)


def place_of(asked: Asked, split: str, label: int, nth: int) -> int:
    """Return the number of the nth image of a class, counted from 0 and around. Raises UsageError if there is none."""
    (places,) = np.nonzero(asked.split(split).labels == label)
    if not len(places):
        raise UsageError(f"the {split} split has no image of class number {label}")
    return int(places[nth % len(places)])


def _stamp(view: RunView, checkpoint: str) -> tuple[object, ...]:
    """Return what changes when other parameters are meant by the name of a checkpoint."""
    found: list[object] = []
    newest = view.checkpoints[:1] if checkpoint in ("best", "last") else []
    for path in [*newest, *([best_path(view.run.checkpoints)] if checkpoint == "best" else [])]:
        try:
            state = path.stat()
        except OSError:
            continue
        found += [path.name, state.st_ino, state.st_mtime_ns]
    return tuple(found)


def updates(checkpoint: str) -> int | None:
    """Return after how many updates a checkpoint was taken, by the name of its file; None for best and last."""
    return None if checkpoint in ("best", "last") else updates_of(Path(checkpoint))
