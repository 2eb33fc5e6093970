"""The manifest of a stored set: what its files are, and which bytes they must have.

It lies beside the four IDX files. A set is described from it, so that sizes are known and an experiment can
be checked without opening the files themselves: the test files stay closed until a test split is read.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mnistnn.data.class_names import ClassName
from mnistnn.data.datasets.info import DatasetInfo
from mnistnn.data.formats.image_set import FILE_NAMES
from mnistnn.errors import DataError
from mnistnn.storage.reading import data_error, read_file

MANIFEST_NAME = "manifest.json"

_MAX_MANIFEST_BYTES = 1 << 16
_Count = Annotated[int, Field(ge=1)]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class StoredFile(_Record):
    """One IDX file: its size, its digest, and where its content came from."""

    size_bytes: _Count
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    origin: str


class Manifest(_Record):
    """A stored set.

    format               2 where classes have names, of which earlier versions knew nothing; else 1
    validation_examples  the last so many training examples, where a set brought validation images of its own
    class_names          what the classes are called, by label, if not by numbers
    """

    format: Literal[1, 2]
    name: str
    image_shape: Annotated[list[_Count], Field(min_length=2, max_length=2)]
    classes: Annotated[int, Field(ge=1, le=256)]
    train_examples: _Count
    test_examples: _Count
    validation_examples: _Count | None = None
    class_names: tuple[ClassName, ...] | None = None
    files: dict[str, StoredFile]

    @model_validator(mode="after")
    def _names_each_class(self) -> "Manifest":
        names = self.class_names
        if names is not None and (len(names) != self.classes or len(set(names)) != len(names)):
            raise ValueError(f"class_names: expected {self.classes}, each another, got {', '.join(names)}")
        return self

    @property
    def info(self) -> DatasetInfo:
        """What it says of the set, beside its files."""
        height, width = self.image_shape
        return DatasetInfo((height, width), self.classes, self.train_examples, self.test_examples, self.class_names)

    @property
    def digests(self) -> dict[str, str]:
        """The SHA-256 of each file."""
        return {name: file.sha256 for name, file in self.files.items()}


def manifest_of(
    name: str, info: DatasetInfo, files: dict[str, StoredFile], validation_examples: int | None = None
) -> Manifest:
    """Return the manifest of a set, in the earliest format that has a place for all that is known."""
    return Manifest(
        format=1 if info.class_names is None else 2,
        name=name,
        image_shape=list(info.image_shape),
        classes=info.classes,
        train_examples=info.train_examples,
        test_examples=info.test_examples,
        validation_examples=validation_examples,
        class_names=info.class_names,
        files=files,
    )


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of the set in `folder`; DataError if it is missing, malformed or of another set."""
    path = folder / MANIFEST_NAME
    remedy = f"replace the set with `mnistnn data fetch {folder.name} --force` or `mnistnn data add --force`"
    content = read_file(path, _MAX_MANIFEST_BYTES, data_error)
    try:
        manifest = parse_manifest(content, str(path))
    except DataError as error:
        raise DataError(f"{error}; {remedy}") from error
    if manifest.name != folder.name or set(manifest.files) != set(FILE_NAMES):
        raise DataError(f"{path}: does not describe the four files of {folder.name!r}; {remedy}")
    return manifest


def parse_manifest(text: bytes, place: str) -> Manifest:
    """Return the manifest in a text. Raises DataError, naming `place`."""
    try:
        return Manifest.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DataError(f"{place}: is not a valid manifest: {where}: {first['msg']}") from error
