"""The code that a run keeps: source/code/, with digests, and what it declares, in environment.json.

A sweep keeps it likewise. Nothing is executed here; whoever loads the configuration of the run does that, if the code
is trusted.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from mnistnn.errors import RunError
from mnistnn.plugins.code import (
    MAX_BYTES,
    NO_PLUGINS,
    CodeFile,
    Declared,
    Place,
    Plugins,
    is_file_name,
    parse_declared,
)
from mnistnn.run.directory import RunDirectory
from mnistnn.run.provenance import read_environment
from mnistnn.storage.forcing import sync_folder
from mnistnn.storage.inside import file_in
from mnistnn.storage.reading import read_own_file
from mnistnn.storage.writing import resource_error, write_atomically

_COMPONENTS = "components"


def keep_code(folder: Path, plugins: Plugins) -> None:
    """Write files of code into a folder, which is made for them; there is none where there is no code."""
    if not plugins.files:
        return
    try:
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)
    except OSError as error:
        raise resource_error(folder, error) from error
    for file in plugins.files:
        write_atomically(file_in(folder, file.name), file.content)


def kept_plugins(run: RunDirectory) -> Plugins:
    """Return the code that a run keeps, as it was when the run began. Raises RunError for a file that was altered."""
    if not run.code.is_dir():
        return NO_PLUGINS
    environment = read_environment(run)
    prefix = f"{run.code.name}/"
    recorded = environment.get("source")
    sources = recorded if isinstance(recorded, dict) else {}
    digests = {name.removeprefix(prefix): sources[name] for name in sources if name.startswith(prefix)}
    files = read_kept_code(run.code, digests, "environment.json")
    declared = parse_declared(environment.get(_COMPONENTS, []), str(run.environment))
    of_files = tuple(each for each in declared if each.version is None)
    return Plugins(files, of_files, Place(run.path, run.code))


def kept_packages(run: RunDirectory) -> tuple[Declared, ...]:
    """Return the components of packages that a run says it was trained with; none if it cannot be read."""
    with suppress(RunError):
        declared = parse_declared(read_environment(run).get(_COMPONENTS, []), str(run.environment))
        return tuple(each for each in declared if each.version is not None)
    return ()


def other_packages(run: RunDirectory, declared: Iterable[Declared]) -> list[str]:
    """Say which packages whose components a run has are of another version than when it began."""
    now = {each.source: each.version for each in declared if each.version is not None}
    then = {each.source: each.version for each in kept_packages(run)} if now else {}
    return [f"{name}: {then[name]} then, {now[name]} now" for name in now if then.get(name, now[name]) != now[name]]


def read_kept_code(folder: Path, digests: Mapping[str, str], recorded_in: str) -> tuple[CodeFile, ...]:
    """Return files of code by the names and the SHA-256 that were recorded. Raises RunError for one that is missing, or
    is not as it was.
    """
    files = []
    for name, digest in digests.items():
        if not is_file_name(name):
            raise RunError(f"{folder}: {name[:80]!r} cannot be the name of a file of code")
        path = file_in(folder, name)
        file = CodeFile(name, read_own_file(path, MAX_BYTES))
        if file.sha256 != digest:
            raise RunError(f"{path}: altered: its SHA-256 is not the one in {recorded_in}")
        files.append(file)
    return tuple(files)
