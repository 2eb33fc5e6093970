"""The collection: a folder of experiment files, whose sub-folders are its groups.

It knows which of them make a claim. Two more groups are no folders: `quick`, which the collection lists in quick.txt,
and everything. Files in base/ are there to be extended and make no claims.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from mnistnn.config.load import LoadedExperiment, load_experiment
from mnistnn.errors import ConfigError, UsageError, did_you_mean
from mnistnn.experiment.plan import Plan
from mnistnn.tasks.claims import claims_of

QUICK = "quick"
BASES = "base"
_RESULTS = "results"


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


def select(folder: Path, names: Sequence[str], everything: bool = False) -> list[Member]:
    """Return the experiments that are named, by file or by group, each once and in order; `quick` if none is.

    Raises UsageError for a name that is neither, or a file that claims nothing, and ConfigError, with the mistakes of
    all files, if any cannot be trained. In a group, files without a claim are left out.
    """
    if not folder.is_dir():
        raise UsageError(
            f"there is no folder {folder} here: the experiments to reproduce are in the project's own folder"
        )
    named = [""] if everything else names or [QUICK]
    chosen = {member.file: (member, by_name) for name in named for member, by_name in _named(folder, name)}
    members: list[Member] = []
    mistakes: list[str] = []
    for member, by_name in chosen.values():
        try:
            loaded = member.load()
            Plan(loaded)
        except ConfigError as error:
            mistakes.append(str(error))
            continue
        if claims_of(loaded.experiment.expect):
            members.append(member)
        elif by_name:
            raise UsageError(f"{member.folder / member.file} claims nothing that could be reproduced (key expect)")
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return members


def _named(folder: Path, name: str) -> Iterator[tuple[Member, bool]]:
    """Yield the members that a name stands for, and whether it names each of them in particular."""
    if name == QUICK:
        for entry in _quick(folder):
            for member, _ in _named(folder, entry):
                yield member, False
    elif name in ("", *_groups(folder)):
        for path in sorted((folder / name).glob("*.yaml") if name else folder.rglob("*.yaml")):
            member = Member(folder, path.relative_to(folder).as_posix())
            if member.group not in (BASES, _RESULTS):
                yield member, False
    else:
        yield Member(folder, _file(folder, name)), True


def _quick(folder: Path) -> list[str]:
    """Return what quick.txt lists: a group or a file of the collection per line, with comments."""
    try:
        lines = (folder / f"{QUICK}.txt").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{folder / f'{QUICK}.txt'}: not readable as the list of quick experiments ({error})"
        ) from error
    entries = [line.partition("#")[0].strip() for line in lines]
    groups = _groups(folder)
    return [entry if entry in groups else str(folder / entry) for entry in entries if entry]


def _groups(folder: Path) -> list[str]:
    found = {path.parent.relative_to(folder).as_posix() for path in folder.rglob("*.yaml")}
    return sorted(found - {".", BASES, _RESULTS})


def _file(folder: Path, name: str) -> str:
    """Return the place in the collection of a file that was named. Raises UsageError if it has none."""
    path = Path(name)
    if not path.is_file():
        groups = [QUICK, *_groups(folder)]
        hint = did_you_mean(name, groups, before="; ")
        raise UsageError(f"'{name}' is neither a file nor a group of experiments ({', '.join(groups)}){hint}")
    try:
        return path.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError as error:
        raise UsageError(
            f"{path} is not in {folder}, whose experiments have records (train and eval take any)"
        ) from error
