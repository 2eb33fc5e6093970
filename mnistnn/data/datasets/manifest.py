"""The manifest of a stored set: what its files are, and which bytes they must have.

It lies beside the four IDX files. A set is described from it, so that sizes are known and an experiment can
be checked without opening the files themselves: the test files stay closed until a test split is read.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

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

    validation_examples  the last so many training examples, where a set brought validation images of its own
    """

    format: Literal[1]
    name: str
    image_shape: Annotated[list[_Count], Field(min_length=2, max_length=2)]
    classes: Annotated[int, Field(ge=1, le=256)]
    train_examples: _Count
    test_examples: _Count
    validation_examples: _Count | None = None
    files: dict[str, StoredFile]


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
