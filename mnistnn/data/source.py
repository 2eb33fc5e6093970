"""The source of the data, images, sequences or the rows of a table, behind one interface."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

from mnistnn.data.class_names import checked_names, names_or_numbers
from mnistnn.data.datasets import in_memory
from mnistnn.data.datasets.cache import is_stored, set_folder
from mnistnn.data.datasets.in_memory import SetInMemory
from mnistnn.data.datasets.info import DatasetInfo
from mnistnn.data.datasets.manifest import read_manifest
from mnistnn.data.sequences.contract import SequencesInfo, SequenceSource
from mnistnn.data.spec import Data
from mnistnn.data.splits import (
    Split,
    StoredSplit,
    count_classes,
    cut_split,
    describe,
    ensure_available,
    missing,
    open_split,
    read_split,
    split_examples,
    streamed_splits,
)
from mnistnn.data.table import Table
from mnistnn.errors import ConfigError, DataError, UsageError
from mnistnn.types import Array, Shape, SplitName


@dataclass(frozen=True, eq=False)
class Loaded:
    """One split as it was read, in new arrays on the device: x (n, ...) and targets (n, ...).

    lengths  how many steps each sequence has (n,), on the host; None where all have as many, or for images
    """

    x: Array
    targets: Array
    lengths: np.ndarray | None = None


class DataSource(ABC):
    """Sizes are known before any split is read.

    in_shape  of one example
    classes   how many the labels have; 0 where targets are numbers
    class_names  what each class is called
    examples  of each split, at most: a pair of labels keeps some of them only
    streamed  the splits that are read from the disk in chunks
    sequences what is known of the sequences, where examples are some
    called    what examples are: images, or what else, in the plural
    """

    in_shape: Shape
    classes: int
    class_names: list[str]
    examples: dict[SplitName, int]
    streamed: Collection[SplitName] = ()
    sequences: SequencesInfo | None = None
    called: ClassVar[str] = "images"
    _expected: Callable[[], dict[str, str] | None] | None = None

    def hold_to(self, digests: Callable[[], dict[str, str] | None]) -> None:
        """Read from now on only data of which the files have these digests, by name; `digests` is asked when data are
        first read, and may return None where nothing is known.
        """
        self._expected = digests

    def refuse_other_data(self) -> None:
        """Raise DataError if the files are not those that they are held to, or are not there."""
        if self._expected is None or (expected := self._expected()) is None:
            return
        found = self.digests()
        if found != expected:
            changed = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
            raise DataError(
                f"the data set is not the one that this run was trained on: {', '.join(changed)} differ"
                f"{'s'[: len(changed) == 1]} (environment.json has the SHA-256 of each file)"
            )
        self._expected = None

    @property
    @abstractmethod
    def image_shape(self) -> tuple[int, int]:
        """Height and width of the images. Raises UsageError where examples are none."""

    @property
    def has_images(self) -> bool:
        """Whether examples are images."""
        return self.called == "images"

    @property
    def is_ragged(self) -> bool:
        """Whether some sequences have fewer steps than others; a last feature then says which steps there are."""
        return self.sequences is not None and self.sequences.ragged

    @property
    def targets_at_every_step(self) -> bool:
        """Whether the steps of a sequence have targets of their own."""
        return self.sequences is not None and self.sequences.every_step

    @property
    def target_numbers(self) -> Shape | None:
        """The shape of an example's targets where these are numbers; None where they are classes."""
        info = self.sequences
        if info is None or info.numbers is None:
            return None
        return (info.steps, info.numbers) if info.every_step else (info.numbers,)

    def load(self, split: SplitName, xp: Any, dtype: str) -> Loaded:
        """Read one split, scaled, as arrays of xp. Raises DataError as `refuse_other_data`, and as what it is read
        from.
        """
        self.refuse_other_data()
        return self._load(split, xp, dtype)

    def open(self, split: SplitName) -> StoredSplit:
        """Return one split whose images stay on the disk. Raises as `load`, UsageError where examples are none."""
        self.refuse_other_data()
        return self._open(split)

    def images(self, split: SplitName) -> Split:
        """Read one split of images as they are in the data set. Raises as `load`, UsageError where there are none."""
        self.refuse_other_data()
        return self._images(split)

    @property
    def facts(self) -> dict[str, Any] | None:
        """What is to be known of the data where they are not there, for `info_of`."""
        return None

    @abstractmethod
    def _load(self, split: SplitName, xp: Any, dtype: str) -> Loaded: ...

    @abstractmethod
    def _open(self, split: SplitName) -> StoredSplit: ...

    @abstractmethod
    def _images(self, split: SplitName) -> Split: ...

    @abstractmethod
    def make_available(self, progress: bool) -> None:
        """Fetch what is not on this machine yet. Raises DataError or ConfigError."""

    @abstractmethod
    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of each file that is read; what is drawn has none."""


class ImageSource(DataSource):
    """Images of a data set. Raises ConfigError, with the key at fault, for what does not fit the set.

    info  of the set, where a run has kept it: what needs no images then works without them
    """

    def __init__(self, data: Data, info: DatasetInfo | None = None) -> None:
        self._data, self._info = data, info or describe(data.dataset)
        self.in_shape = self._info.image_shape
        self.classes = count_classes(data, self._info)
        self.class_names = data.class_names(names_or_numbers(self._info.class_names, self._info.classes))
        self.examples = {split: len(numbers) for split, numbers in split_examples(data, self._info).items()}
        self.streamed = streamed_splits(data, self._info)

    @property
    def image_shape(self) -> tuple[int, int]:
        height, width = self.in_shape
        return height, width

    @property
    def facts(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self._info).items() if value is not None}

    def _load(self, split: SplitName, xp: Any, dtype: str) -> Loaded:
        digits = self._images(split)
        x = xp.divide(xp.asarray(digits.images), self._data.scale, dtype=dtype)
        return Loaded(x, xp.asarray(digits.labels, dtype="int64"))

    def _open(self, split: SplitName) -> StoredSplit:
        return open_split(self._data, split)

    def _images(self, split: SplitName) -> Split:
        return read_split(self._data, split)

    def make_available(self, progress: bool) -> None:
        ensure_available(self._data.dataset, progress=progress)

    def digests(self) -> dict[str, str]:
        if not is_stored(self._data.dataset):
            raise missing(self._data.dataset)
        manifest = read_manifest(set_folder(self._data.dataset))
        return {file: stored.sha256 for file, stored in manifest.files.items()}


class ImagesInMemory(ImageSource):
    """Images that lie in memory. Raises as ImageSource."""

    def __init__(self, data: Data, held: SetInMemory) -> None:
        super().__init__(data, held.info)
        self._held, self.streamed = held, ()

    def _open(self, split: SplitName) -> StoredSplit:
        raise UsageError(f"{self._held.name} lies in memory, and is not read from the disk in chunks")

    def _images(self, split: SplitName) -> Split:
        return cut_split(self._data, split, self._held)

    def make_available(self, progress: bool) -> None:
        """Do nothing: it is here."""

    def digests(self) -> dict[str, str]:
        return dict(self._held.digests)


class Sequenced(DataSource):
    """Sequences, drawn or read from CSV files. Raises ConfigError, with the key at fault, for what does not fit."""

    called: ClassVar[str] = "sequences"

    def __init__(self, sequences: SequenceSource) -> None:
        self._source = sequences
        try:
            self.sequences = info = sequences.describe()
        except ConfigError as error:
            raise ConfigError(
                str(error), key=f"data.sequences.{error.key}" if error.key else "data.sequences"
            ) from error
        self.in_shape = (info.steps, info.features)
        self.classes, self.examples = info.classes or 0, dict(info.examples)
        self.class_names = names_or_numbers(info.class_names, self.classes)

    @property
    def image_shape(self) -> tuple[int, int]:
        raise UsageError("its model reads sequences, and no images")

    def _load(self, split: SplitName, xp: Any, dtype: str) -> Loaded:
        found = self._source.read(split)
        kind = "int64" if found.targets.dtype.kind == "i" else dtype
        return Loaded(xp.array(found.inputs, dtype=dtype), xp.asarray(found.targets, kind), found.lengths)

    def _open(self, split: SplitName) -> StoredSplit:
        raise UsageError("sequences are read into memory, and not from the disk in chunks")

    def _images(self, split: SplitName) -> Split:
        raise UsageError("the experiment is about sequences, and these are no images")

    def make_available(self, progress: bool) -> None:
        """Do nothing: sequences are drawn, or lie in a file of the user's."""

    def digests(self) -> dict[str, str]:
        return self._source.digests()


class Tabular(DataSource):
    """Rows of a CSV file. Raises ConfigError, with the key at fault, for what does not fit."""

    called: ClassVar[str] = "rows of a table"

    def __init__(self, table: Table) -> None:
        self._table = table
        try:
            rows = table.read()
        except ConfigError as error:
            raise ConfigError(str(error), key=f"data.table.{error.key}") from error
        self.in_shape = rows.inputs.shape[1:]
        self.class_names = list(rows.class_names or ())
        self.classes = len(self.class_names)
        self._numbers = None if rows.class_names else rows.targets.shape[1:]
        self.examples = {split: len(numbers) for split, numbers in rows.splits.items()}

    @property
    def image_shape(self) -> tuple[int, int]:
        raise UsageError("its model reads rows of a table, and no images")

    @property
    def target_numbers(self) -> Shape | None:
        return self._numbers

    def _load(self, split: SplitName, xp: Any, dtype: str) -> Loaded:
        rows = self._table.read()
        part = slice(rows.splits[split].start, rows.splits[split].stop)
        kind = "int64" if rows.class_names else dtype
        return Loaded(xp.array(rows.inputs[part], dtype=dtype), xp.array(rows.targets[part], dtype=kind))

    def _open(self, split: SplitName) -> StoredSplit:
        raise UsageError("the rows of a table are read into memory, and not from the disk in chunks")

    def _images(self, split: SplitName) -> Split:
        raise UsageError("the experiment is about a table, and its rows are no images")

    def make_available(self, progress: bool) -> None:
        """Do nothing: the file is the user's."""

    def digests(self) -> dict[str, str]:
        return self._table.digests()


def source_of(data: Data, info: DatasetInfo | None = None) -> DataSource:
    """Return the source that an experiment names, of which a run may have kept the `info`. Raises ConfigError, at the
    key at fault.
    """
    if data.sequences is not None:
        return Sequenced(data.sequences)
    if data.table is not None:
        return Tabular(data.table)
    held = in_memory.find(data.dataset)
    return ImageSource(data, info) if held is None else ImagesInMemory(data, held)


def info_of(facts: object) -> DatasetInfo | None:
    """Return what `DataSource.facts` said; None for nothing, or for what it would not say."""
    try:
        fields = dict(facts)  # type: ignore[call-overload] # what is no mapping raises
        height, width = fields.pop("image_shape")
        names = fields.pop("class_names", None)
        sizes = {name: int(value) for name, value in fields.items()}
        if names is not None and (not isinstance(names, list | tuple) or len(names) != sizes["classes"]):
            return None
        class_names = None if names is None else checked_names(names, "class_names")
        return DatasetInfo((int(height), int(width)), **sizes, class_names=class_names)
    except (TypeError, ValueError, KeyError, AttributeError, DataError):
        return None
