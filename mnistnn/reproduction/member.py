"""An experiment file of a collection."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mnistnn.config.load import LoadedExperiment, load_experiment


@dataclass(frozen=True)
class Member:
    """An experiment file of the collection. `file` is its path below the collection's folder, with slashes."""

    folder: Path
    file: str

    @property
    def group(self) -> str:
        """The sub-folder it lies in; empty for the collection's own folder."""
        return group_of(self.file)

    def load(self, *overrides: str) -> LoadedExperiment:
        """Read the file anew, as training needs it: what was trained once still holds its data."""
        return load_experiment(self.folder / self.file, overrides)


def group_of(file: str) -> str:
    """Return the group of a file of the collection."""
    parent = PurePosixPath(file).parent.as_posix()
    return "" if parent == "." else parent
