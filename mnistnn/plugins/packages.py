"""Components that installed packages bring: entry points of the group `mnistnn.components`.

    [project.entry-points."mnistnn.components"]
    maxout = "mnistnn_maxout.layers:Maxout"

An entry point is called like the type of the component. So which package has a type is known without importing it, and
it is imported only when an experiment names a type that mnistnn does not have.
"""

import os
import re
import site
import sysconfig
from collections.abc import Iterable
from dataclasses import fields
from importlib.metadata import EntryPoint, entry_points

from mnistnn.errors import ConfigError
from mnistnn.plugins.checks import ComponentError
from mnistnn.plugins.code import Declared
from mnistnn.plugins.decorators import check_keys, kind_of
from mnistnn.plugins.kinds import own_types
from mnistnn.plugins.names import TYPE

GROUP = "mnistnn.components"
_WORD = re.compile(r"[a-z][a-z0-9_]*")


def packaged_types() -> dict[str, str]:
    """Return the types that installed packages have and mnistnn has not, with the name of the package of each."""
    return {name: _package(point)[0] for name, point in _points().items()}


def types_named_in(texts: Iterable[str]) -> set[str]:
    """Return the types of installed packages that are words of one of these texts."""
    known = _points()
    return {word for text in texts for word in _WORD.findall(text) if word in known} if known else set()


def declared_by_packages(types: Iterable[str]) -> tuple[Declared, ...]:
    """Return what installed packages declare of these types, importing them; those that no package has are left out.

    Raises ConfigError, naming the package, if one cannot be imported, or its component cannot be one.
    """
    known = _points()
    found = []
    for name in sorted(types):
        if name in known:
            package, version = _package(known[name])
            cls = _load(name, known[name])
            found.append(declared_of(cls, package, version))
    return tuple(found)


def declared_of(cls: type, source: str, version: str | None = None) -> Declared:
    """Return what a component declares."""
    kind = kind_of(cls)
    assert kind is not None
    return Declared(kind, str(vars(cls)["type"]), [field.name for field in fields(cls)], source, version)


def packaged_class(declared: Declared) -> type | None:
    """Return the class of a component that an installed package brings; None if none does. Raises ConfigError."""
    point = _points().get(declared.type)
    if point is None or _package(point)[0] != declared.source:
        return None
    return _load(declared.type, point)


def _points() -> dict[str, EntryPoint]:
    """Return the entry points of types that mnistnn does not have, by name; of equal ones the first."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        if _is_installed(point) and TYPE.fullmatch(point.name) and point.name not in own_types():
            found.setdefault(point.name, point)
    return found


def _is_installed(point: EntryPoint) -> bool:
    """Tell whether a package lies where packages are installed. Python looks into the working folder, too, and a folder
    that came with a run must bring no code.
    """
    return point.dist is not None and os.path.realpath(str(point.dist.locate_file(""))) in _places()


def _places() -> set[str]:
    """Return the folders that packages are installed in, by pip for this environment or for this user."""
    paths = sysconfig.get_paths()
    found = [paths["purelib"], paths["platlib"], *site.getsitepackages(), site.getusersitepackages()]
    return {os.path.realpath(each) for each in found}


def _package(point: EntryPoint) -> tuple[str, str]:
    return ("unknown", "") if point.dist is None else (point.dist.name, point.dist.version)


def _load(name: str, point: EntryPoint) -> type:
    package, version = _package(point)
    place = f"package {package} {version}, entry point {name} = {point.value}"
    try:
        cls = point.load()
        if kind_of(cls) is None:
            raise ConfigError(f"{place}: is no component: a decorator of mnistnn.plugins makes one of a class")
        check_keys(cls)
    except ComponentError as error:
        raise ConfigError(f"{place}: {error.name}: {error}") from error
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(f"{place}: cannot be imported: {type(error).__name__}: {error}") from error
    if (said := cls.__dataclass_fields__["type"].default) != name:
        raise ConfigError(f"{place}: its type is {said}; an entry point is called like the type")
    component: type = cls
    return component
