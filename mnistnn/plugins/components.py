"""The components that an experiment may have beside those of mnistnn: classes of trusted code and of installed
packages, and stand-ins for the others.
"""

import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mnistnn.errors import ConfigError
from mnistnn.plugins.code import CodeFile, Declared, Place, Plugins
from mnistnn.plugins.decorators import kind_of
from mnistnn.plugins.execution import classes_of, line_of
from mnistnn.plugins.kinds import KINDS
from mnistnn.plugins.names import KindName
from mnistnn.plugins.packages import declared_of, packaged_class
from mnistnn.plugins.stand_ins import stand_in


@dataclass(frozen=True)
class Components:
    """Classes by their kind, and what is declared of each.

    There are stand-ins for what is in files that are not trusted, and in packages that are absent, each a name and a
    version.
    """

    classes: dict[KindName, list[type]]
    declared: tuple[Declared, ...] = ()
    untrusted: tuple[CodeFile, ...] = ()
    absent: tuple[tuple[str, str | None], ...] = ()

    def lacking(self, place: Place | None) -> tuple[str, ...]:
        """Say what is needed to have the components themselves, where there are stand-ins.

        place  where the files are kept
        """
        return (
            *(_said_of_file(file, place) for file in self.untrusted),
            *(f"needs the package {name} {version}, which is not installed here" for name, version in self.absent),
        )


NO_COMPONENTS = Components({})


def components_of(plugins: Plugins, trusted: frozenset[str]) -> Components:
    """Return the components of plugins, where code of these digests is trusted, and no other is executed.

    Raises ConfigError for code that cannot be loaded, and for two components of one type, naming both places.
    """
    found = [*_of_files(plugins, trusted), *_of_packages(plugins)]
    places: dict[tuple[KindName, str], str] = {}
    classes: dict[KindName, list[type]] = {}
    for declared, cls in found:
        _refuse_taken(declared, _place_of(declared, cls), places)
        classes.setdefault(declared.kind, []).append(cls)
    return Components(
        classes,
        tuple(declared for declared, _ in found),
        tuple(file for file in plugins.files if file.sha256 not in trusted),
        tuple(dict.fromkeys((each.source, each.version) for each, cls in found if _is_of_absent(each, cls))),
    )


def _of_files(plugins: Plugins, trusted: frozenset[str]) -> Iterator[tuple[Declared, type]]:
    for file in plugins.files:
        if file.sha256 in trusted:
            for cls in classes_of(file):
                yield declared_of(cls, file.name), cls
        else:
            for declared in plugins.of_file(file.name):
                yield declared, stand_in(declared)


def _of_packages(plugins: Plugins) -> Iterator[tuple[Declared, type]]:
    for declared in plugins.packaged:
        cls = packaged_class(declared)
        yield declared, stand_in(declared) if cls is None else cls


def _refuse_taken(declared: Declared, place: str, places: dict[tuple[KindName, str], str]) -> None:
    """Raise ConfigError if there is a component of this kind and type already; note the place of this one."""
    kind = KINDS[declared.kind]
    key = (declared.kind, declared.type)
    own = kind.types.get(declared.type)
    there = places.get(key) or (None if own is None else f"{own.__module__} of mnistnn")
    if there is not None:
        raise ConfigError(f"{place} and {there} both have {kind.words} of type '{declared.type}': rename one of them")
    places[key] = place


def _place_of(declared: Declared, cls: type) -> str:
    if declared.version is not None:
        return f"package {declared.source}"
    line = line_of(cls)
    return declared.source if line is None else f"{declared.source}:{line}"


def _said_of_file(file: CodeFile, place: Place | None) -> str:
    path, target = (Path(file.name), file.name) if place is None else (place.folder / file.name, str(place.owner))
    return (
        f"needs {file.name} (sha256 {file.sha256[:16]}…), which is not trusted on this machine: read {path}, then "
        f"`mnistnn trust {shlex.quote(target)}`"
    )


def _is_of_absent(declared: Declared, cls: type) -> bool:
    return declared.version is not None and kind_of(cls) is None
