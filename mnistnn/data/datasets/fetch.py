"""Bring a known set into the cache: fetched, or made, as its entry in the catalogue says."""

from mnistnn.data.datasets import cache
from mnistnn.data.datasets.catalogue import KNOWN_SETS
from mnistnn.data.datasets.known_set import Fetching
from mnistnn.data.datasets.stored_set import read_stored
from mnistnn.data.formats.image_set import ImageSet
from mnistnn.errors import UsageError, did_you_mean


def fetch(name: str, *, force: bool = False, progress: bool = True) -> bool:
    """Have the known set in the cache, intact; return whether it had to be fetched or made.

    A set that is there is checked, and fetched or made again if it was altered, or if `force`. Of several processes
    that fetch at once, one does and the others find it there. `progress` allows messages and bars on stderr.
    Raises UsageError for a set that mnistnn cannot get by itself, DataError when every source fails.
    """
    known = KNOWN_SETS.get(name)
    if known is None or not known.can_be_fetched:
        names = [one for one, each in KNOWN_SETS.items() if each.can_be_fetched]
        if known is not None:
            raise UsageError(f"{name} cannot be fetched; {known.way(name)}")
        hint = did_you_mean(name, names, before="; ")
        raise UsageError(f"{name[:80]!r} cannot be fetched{hint}; known: {', '.join(names)}")
    fetching = fetching_of(progress=progress)
    with cache.locked(name):
        if cache.known_here(name) is None and not force:
            folder = cache.set_folder(name)
            raise UsageError(f"{folder}: is a set of your own, by a name that mnistnn knows now; --force replaces it")
        if cache.is_stored(name) and not force:
            problems = [check for check in cache.verify(name) if check.problem is not None]
            if not problems:
                return False
            fetching.say(f"{problems[0].path}: {problems[0].problem}; {known.doing} {name} again")
        images, origins = known.obtain(name, fetching)
        cache.install(name, known.completed(name, images, name), origins)
    return True


def fetching_of(*, progress: bool) -> Fetching:
    """Return what entries of the catalogue need of whoever fetches them."""

    def other(name: str) -> ImageSet:
        fetch(name, progress=progress)
        return read_stored(name)

    return Fetching(cache.datasets_folder(), progress, other)
