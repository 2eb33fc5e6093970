"""Files of code that an experiment was given: their text, which is read once, and what it declares.

A run keeps the text, and what was found in it: so a run from elsewhere can be read, compared and shown, and nothing of
its code is executed.
"""

import ast
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass as strict_dataclass

from mnistnn.errors import ConfigError, MnistnnError, RunError, UsageError
from mnistnn.plugins.names import KEY, TYPE, KindName
from mnistnn.storage.reading import TooLargeError, read_file
from mnistnn.storage.writing import is_text

MAX_BYTES = 1 << 20
"""No file of code may be larger than this."""

_MOST_COMPONENTS = 1000


@strict_dataclass(frozen=True, config=ConfigDict(extra="forbid", strict=True))
class Declared:
    """A component as its class declares it: its kind, its type, and the names of its keys in their order.

    source   the name of the file that it is in, or that of its package
    version  that of the package; None of a file
    """

    kind: KindName
    type: Annotated[str, Field(pattern=rf"^{TYPE.pattern}$")]
    keys: list[Annotated[str, Field(pattern=rf"^{KEY.pattern}$")]]
    source: Annotated[str, Field(max_length=255)]
    version: Annotated[str, Field(max_length=255)] | None = None

    def __hash__(self) -> int:
        return hash((self.kind, self.type, *self.keys, self.source, self.version))


_ALL_DECLARED = TypeAdapter(Annotated[list[Declared], Field(max_length=_MOST_COMPONENTS)])


@dataclass(frozen=True)
class CodeFile:
    """A file of code: its name, without folders, and its bytes as they were read."""

    name: str
    content: bytes = field(repr=False)

    @cached_property
    def sha256(self) -> str:
        """The digest of the content, in hex, by which it is trusted."""
        return hashlib.sha256(self.content).hexdigest()

    @property
    def lines(self) -> int:
        """How many lines there are to be read."""
        return len(self.content.splitlines())


@dataclass(frozen=True)
class Place:
    """Where files of code are kept: the run or the sweep that has them, and its folder for them."""

    owner: Path
    folder: Path


@dataclass(frozen=True)
class Plugins:
    """What an experiment was given beside its YAML: files of code, and components of installed packages.

    declared  what is known of the components in `files`, where they cannot be asked for it; and all of packages
    place     where the files are kept; None if they are the user's own
    """

    files: tuple[CodeFile, ...] = ()
    declared: tuple[Declared, ...] = ()
    place: Place | None = field(default=None, compare=False)

    @property
    def digests(self) -> dict[str, str]:
        """The SHA-256 of each file, by its name."""
        return {file.name: file.sha256 for file in self.files}

    @property
    def packaged(self) -> tuple[Declared, ...]:
        """The components that come from installed packages."""
        return tuple(each for each in self.declared if each.version is not None)

    def of_file(self, name: str) -> tuple[Declared, ...]:
        """Return what is known of the components in a file."""
        return tuple(each for each in self.declared if each.version is None and each.source == name)

    def with_packaged(self, packaged: Sequence[Declared]) -> "Plugins":
        """Return the same files with the components of other packages."""
        own = tuple(each for each in self.declared if each.version is None)
        return replace(self, declared=(*own, *packaged))


NO_PLUGINS = Plugins()


def read_code(path: Path) -> CodeFile:
    """Return a file of the user's. Raises ConfigError unless it is a text of Python that could be kept in a run."""

    def refused(path: Path, error: OSError) -> MnistnnError:
        match error:
            case FileNotFoundError():
                return ConfigError(f"{path}: no such file")
            case IsADirectoryError():
                return ConfigError(f"{path}: is a folder; --code takes a file of Python")
            case TooLargeError():
                return ConfigError(f"{path}: larger than the {MAX_BYTES >> 20} MiB that a file of code may have")
        return ConfigError(f"{path}: {error.strerror or error}")

    if not is_file_name(path.name) or not path.name.endswith(".py"):
        raise ConfigError(f"{path}: --code takes a file of Python, whose name ends with .py")
    file = CodeFile(path.name, read_file(path, MAX_BYTES, refused))
    _refuse_neighbours(file, path)
    return file


def is_file_name(name: str) -> bool:
    """Tell whether a name can be that of a file inside a run, and of nothing elsewhere."""
    return (
        0 < len(name) < 200
        and is_text(name)
        and name.isprintable()
        and not {"/", "\\", ":"} & {*name}
        and name[0] != "."
    )


def unlike_each_other(files: Sequence[CodeFile]) -> tuple[CodeFile, ...]:
    """Return files each once. Raises UsageError for two of one name that hold different code."""
    found: dict[str, CodeFile] = {}
    for file in files:
        if found.setdefault(file.name, file).content != file.content:
            raise UsageError(f"two files of different code are called {file.name}; a run keeps them by their names")
    return tuple(found.values())


def parse_declared(content: object, place: str) -> tuple[Declared, ...]:
    """Return what a run says that its components declare. Raises RunError, naming `place`."""
    try:
        return tuple(_ALL_DECLARED.validate_json(json.dumps(content)))
    except ValidationError as error:
        raise RunError(f"{place}: its list of components is none: {error.errors()[0]['msg']}") from error


def plain_declared(declared: Sequence[Declared]) -> list[dict[str, object]]:
    """Return plain data that `parse_declared` takes."""
    plain: list[dict[str, object]] = _ALL_DECLARED.dump_python(list(declared))
    return plain


def _refuse_neighbours(file: CodeFile, path: Path) -> None:
    """Raise ConfigError if the code imports a file beside it: that would not come along with a run."""
    for module, line in _imports(file):
        if (path.parent / f"{module}.py").is_file() or (path.parent / module / "__init__.py").is_file():
            raise ConfigError(
                f"{path}:{line}: imports {module}, which lies beside it and would not be kept in a run; a file of code "
                "stands alone, with what is installed"
            )


def _imports(file: CodeFile) -> Iterator[tuple[str, int]]:
    """Yield the first part of the name of each module that is imported, and the line."""
    try:
        tree = ast.parse(file.content)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return  # whoever compiles it says what is wrong
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.partition(".")[0], node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            yield node.module.partition(".")[0], node.lineno
