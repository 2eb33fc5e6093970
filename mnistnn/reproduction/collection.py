"""The collection: a folder of experiment files, whose sub-folders are its groups.

It knows which of them make a claim. Two more groups are no folders: `quick`, which the collection lists in quick.txt,
and everything. A group that is a history (`systems.py`) stands for the experiments of its systems. Files in base/ are
there to be extended and make no claims.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from mnistnn.errors import ConfigError, UsageError, did_you_mean
from mnistnn.experiment.plan import Plan
from mnistnn.reproduction.member import Member
from mnistnn.reproduction.systems import System, has_history, systems_of
from mnistnn.tasks.claims import claims_of

QUICK = "quick"
BASES = "base"
_RESULTS = "results"


def select(folder: Path, names: Sequence[str], everything: bool = False, short: bool = False) -> list[Member]:
    """Return the experiments that are named, by file or by group, each once and in order; `quick` if none is.

    short  take the short forms of a history's systems

    Raises UsageError for a name that is neither, or a file that claims nothing, and ConfigError, with the mistakes of
    all files, if any cannot be trained. In a group, files are left out that claim nothing or say why they are not run.
    """
    _refuse_missing(folder)
    named = [""] if everything else names or [QUICK]
    if short and not all(has_history(folder, name) for name in named):
        histories = ", ".join(name for name in groups_of(folder) if has_history(folder, name))
        raise UsageError(f"--quick takes the short forms of a history's systems: {histories or 'there is none here'}")
    chosen = {member.file: (member, by_name) for name in named for member, by_name in _named(folder, name, short)}
    members: list[Member] = []
    mistakes: list[str] = []
    for member, by_name in chosen.values():
        try:
            loaded = member.load()
            Plan(loaded)
        except ConfigError as error:
            mistakes.append(str(error))
            continue
        expect = loaded.experiment.expect
        if claims_of(expect) and (by_name or not expect.not_run):
            members.append(member)
        elif by_name:
            raise UsageError(f"{member.folder / member.file} claims nothing that could be reproduced (key expect)")
    if mistakes:
        raise ConfigError("\n".join(mistakes))
    return members


def all_members(folder: Path) -> list[Member]:
    """Return every experiment of the collection, whether it claims anything or not, but for bases."""
    return [member for member, _ in _named(folder, "", False)]


def histories_of(folder: Path, names: Sequence[str] | None = None) -> list[System]:
    """Return the systems of the histories among some groups; without names, of all of them."""
    groups = groups_of(folder) if names is None else names
    return [system for name in groups if has_history(folder, name) for system in systems_of(folder, name)]


def _refuse_missing(folder: Path) -> None:
    if not folder.is_dir():
        raise UsageError(
            f"there is no folder {folder} here: the experiments to reproduce are in the project's own folder"
        )


def _named(folder: Path, name: str, short: bool) -> Iterator[tuple[Member, bool]]:
    """Yield the members that a name stands for, and whether it names each of them in particular."""
    if name == QUICK:
        for entry in _quick(folder):
            for member, _ in _named(folder, entry, False):
                yield member, False
    elif name and has_history(folder, name):
        for system in systems_of(folder, name):
            yield (system.short if short else system.experiment), True
    elif name in ("", *groups_of(folder)):
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
    groups = groups_of(folder)
    return [entry if entry in groups else str(folder / entry) for entry in entries if entry]


def groups_of(folder: Path) -> list[str]:
    """Return the names of the groups that are folders, in order."""
    found = {path.parent.relative_to(folder).as_posix() for path in folder.rglob("*.yaml")}
    return sorted(found - {".", BASES, _RESULTS})


def _file(folder: Path, name: str) -> str:
    """Return the place in the collection of a file that was named. Raises UsageError if it has none."""
    path = Path(name)
    if not path.is_file():
        groups = [QUICK, *groups_of(folder)]
        hint = did_you_mean(name, groups, before="; ")
        raise UsageError(f"'{name}' is neither a file nor a group of experiments ({', '.join(groups)}){hint}")
    try:
        return path.resolve().relative_to(folder.resolve()).as_posix()
    except ValueError as error:
        raise UsageError(
            f"{path} is not in {folder}, whose experiments have records (train and eval take any)"
        ) from error
